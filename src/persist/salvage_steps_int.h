/* Private to persist/: what the two halves of salvaging share, RDB files (salvage.c) and append-only files (salvage_aof.c). */
#ifndef TARN_PERSIST_SALVAGE_STEPS_INT_H
#define TARN_PERSIST_SALVAGE_STEPS_INT_H

#include "persist/loss.h"
#include "persist/salvage_int.h"
#include "persist/whole.h"

struct record_rules;
struct replay;

struct salvage {
    const struct load_options *options;
    struct load_progress *progress;
    const _Atomic bool *cancelled;
    struct dataset *ds;
    char *why;
    const char *name; /* of the file */
    bool base;        /* it is a manifest's base */
    int64_t before;   /* bytes of the files before it */
    bool refused;     /* why says why */
    int64_t told;
    struct record_rules *rules; /* of the RDB file, or part, that is walked */
    struct whole file;
    struct replay *replay;       /* of an append-only file: its keys do not end by themselves. Else NULL */
    char reason[LOAD_ERROR_MAX]; /* the replayer's */
};

/* The callbacks of both walks; arg: struct salvage. */
void salvage_lost(void *arg, const struct loss *l);
bool salvage_going(void *arg, int64_t offset);
/* False: refused, or cancelled. */
bool salvage_file(struct salvage *s, const char *path);
bool salvage_commands(struct salvage *s, int64_t from);
bool salvage_aof(struct salvage *s, struct aof_load *l);

#endif
