/* What the files of io/ keep between calls, in one place. Private to the room. */
#ifndef TARN_IO_INT_H
#define TARN_IO_INT_H

#include "io/file_watch.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>

#define IO_OS_TEXT_MAX 256

struct io_state {
    /* The armed file fault (file.c): kind is FILE_FAULT_NONE nearly always, so a call costs one relaxed load. */
    atomic_uint fault_kind;
    atomic_uint fault_countdown;
    atomic_int fault_error;
    atomic_size_t fault_short_count;
    atomic_int_fast64_t sync_delay_us;
    _Atomic(file_witness *) witness;
    /* Texts made once, by the first caller (process.c); executor thread only. */
    char os[IO_OS_TEXT_MAX];
    char executable[PATH_MAX];
};

extern struct io_state io_state;

#endif
