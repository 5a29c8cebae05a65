/* Private to persist/: the bytes of a file as the parser wants them: a window into memory, the checksum taken as they are
 * used, long runs read straight to where they belong.
 *
 *   block: | seam: SOURCE_SEAM bytes | SOURCE_BLOCK bytes |        the file is read in blocks; what the parser has not used
 *                 ^ window.at              window.end ^           of one is moved in front of the next, nothing else is copied
 *
 * While more than the seam is unused, a record is long: then the next block has room for the rest and half as much again, up to
 * rest_max, a 32nd of the file, but from SOURCE_SEAM to SOURCE_REST.
 *
 * What has been read leaves the page cache, in steps of 16 MiB and at the end: the memory is wanted for what is made of it. Not before
 * the scout has seen it, too. One thread. */
#ifndef TARN_PERSIST_SOURCE_INT_H
#define TARN_PERSIST_SOURCE_INT_H

#include "base/check.h"
#include "persist/load.h"
#include "wire/rdb.h"

#include <stdatomic.h>

#define SOURCE_BLOCK ((size_t)1 << 20)
#define SOURCE_SEAM  ((size_t)128 << 10)
#define SOURCE_REST  ((size_t)8 << 20)

struct source_block {
    size_t size; /* of bytes: SOURCE_SEAM + SOURCE_BLOCK, or more for a long record */
    unsigned char bytes[];
};

struct source {
    struct rdb_reader window;    /* the parser moves .at */
    int fd;                      /* -1: all of it lies in memory */
    int64_t size;                /* of the whole when it was opened */
    int64_t taken;               /* bytes of it before window.end */
    const unsigned char *summed; /* the checksum covers everything before */
    uint64_t crc;
    bool checksum;
    size_t rest_max;            /* the longest unused rest that a further block may follow */
    struct source_block *block; /* what the next bytes are read to; the window may lie in an earlier one */
    int error;                  /* errno of a read that failed, ECANCELED after a cancel */
    const struct scout *scout;  /* looks at the file too, further on; NULL: nobody does */
    int64_t dropped;            /* bytes of it whose pages have left the page cache */
    struct load_progress *progress;
    const _Atomic bool *cancelled;
};

struct scout;
/* 0 or errno. progress and cancelled must be set; scout may be. */
int source_open(struct source *s, const char *path);
void source_from_memory(struct source *s, const void *data, size_t n);
void source_close(struct source *s);

static inline size_t source_lies(const struct source *s) {
    debug_proven(s->window.at <= s->window.end);
    return (size_t)(s->window.end - s->window.at);
}
/* Place of the next unused byte. */
static inline int64_t source_offset(const struct source *s) {
    debug_proven(s->taken >= (int64_t)source_lies(s));
    return s->taken - (int64_t)source_lies(s);
}
static inline uint64_t source_left(const struct source *s) {
    proven(source_offset(s) <= s->size);
    return (uint64_t)(s->size - source_offset(s));
}

static inline void source_publish(const struct source *s) {
    atomic_store_explicit(&s->progress->loaded_bytes, source_offset(s), memory_order_relaxed);
}

/* Whether source_more could bring more. */
static inline bool source_has_more(const struct source *s) {
    debug_proven(s->taken <= s->size);
    return s->fd >= 0 && !s->error && s->taken < s->size && source_lies(s) <= s->rest_max;
}
/* The next bytes go to *spare (NULL: a new one), so that those of the window so far stay where they lie, in what is *spare from
 * now on. */
void source_exchange_block(struct source *s, struct source_block **spare);
void source_block_free(struct source_block *block); /* may be NULL */
static inline bool source_block_is_long(const struct source_block *block) {
    debug_proven(block->size >= SOURCE_SEAM + SOURCE_BLOCK);
    return block->size > SOURCE_SEAM + SOURCE_BLOCK;
}

/* Adds a block behind the window. False at the end, on an error, or when more than rest_max is unused. Where source_has_more
 * said no, nothing has moved; else pointers into the window are invalid afterwards. */
bool source_more(struct source *s);
/* n bytes to dst (NULL: nowhere) as they come; false when the file ends first, on error or cancel. */
bool source_read(struct source *s, void *dst, uint64_t n);
/* Checksum of all that has been used. */
uint64_t source_crc(struct source *s);

#endif
