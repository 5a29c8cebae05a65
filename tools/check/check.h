/* tarn-check: what its files share. One thread; the process ends after one file or folder. */
#ifndef TARN_TOOLS_CHECK_H
#define TARN_TOOLS_CHECK_H

#include "mem/buf.h"
#include "persist/loss.h"
#include "persist/rdb_walk.h"

#include <limits.h>

enum verdict { CHECK_SOUND = 0, CHECK_DAMAGED = 1, CHECK_UNKNOWN = 2 /* usage, or cannot be read or written */ };

struct options {
    const char *path;
    const char *salvage; /* NULL: none */
    bool fix, yes, json;
    int64_t truncate_to; /* seconds; -1: not asked for */
};

/* ---- output.c ---- */
void progress_begin(const char *what, int64_t total);
bool progress_tell(void *arg, int64_t done); /* a bar on a terminal, else nothing; always true */
void progress_end(void);

/* A file that is written aside, and takes its name when all of it is on disk. Any error is kept and told by output_end. */
struct output {
    char path[PATH_MAX], aside[PATH_MAX];
    int fd;
    int error; /* errno */
    int64_t size;
    uint64_t crc; /* of what was written */
    struct buf pending;
};
bool output_begin(struct output *o, const char *path); /* false: told */
void output_put(struct output *o, const void *bytes, size_t n);
bool output_end(struct output *o, bool keep); /* false: told; keep false: nothing stays */
/* The losses as text, one a line; to standard error as well when there are few. NULL path: only there. */
struct losses {
    struct buf text;
    int64_t count;
    const char *file;
};
void losses_init(struct losses *l, const char *file);
void losses_add(struct losses *l, const struct loss *loss);
void losses_release(struct losses *l);
/* path + ".lost". */
bool losses_write(const struct losses *l, const char *path);
bool confirmed(const struct options *o, const char *question);
void json_text(const char *name, struct slice text);

/* ---- rdb.c ---- */
enum verdict check_rdb(const struct options *o);
/* The RDB part of an open file, to out (may be NULL). *end: where it ends. */
enum verdict check_rdb_part(const char *name, struct whole *file, bool more_follows, struct losses *losses,
                            struct output *out, bool json, int64_t *end);

/* ---- aof.c ---- */
enum verdict check_aof(const struct options *o);

#endif
