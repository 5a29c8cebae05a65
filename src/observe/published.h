/* What the executor publishes for the observer thread. Neither ever waits for the other: the figures of the moment are single
 * counters (relaxed atomics, written every 100 ms), and the full set of figures goes through three buffers: the executor fills
 * one, the observer reads another, and the third is exchanged between them. What is published carries its time, so that a
 * reader can say how old it is.
 *
 *      executor:  fill [back] --exchange--> [middle] <--exchange--  read [front]  :observer
 *
 * Memory is not published: its counters may be read by every thread (mem/mem.h). */
#ifndef TARN_OBSERVE_PUBLISHED_H
#define TARN_OBSERVE_PUBLISHED_H

#include "base/metric.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct executor;

/* The figures of the moment. */
enum published_moment {
    MOMENT_BEAT_US, /* clock_mono_us when they were written */
    MOMENT_KEYS,
    MOMENT_EXPIRES, /* keys with a time to live */
    MOMENT_STRINGS, /* keys, by type, in the order of enum value_type */
    MOMENT_LISTS,
    MOMENT_SETS,
    MOMENT_ZSETS,
    MOMENT_HASHES,
    MOMENT_STREAMS,
    MOMENT_TOPICS,  /* channels and patterns with subscribers */
    MOMENT_TRACKED, /* keys cached by clients */
    MOMENT_CLIENTS,
    MOMENT_COMMANDS,   /* run since the start, or CONFIG RESETSTAT */
    MOMENT_COMMAND_US, /* spent in them */
    MOMENT_SLOWEST_US, /* of one of them, since the observer took it; at least 1 if there was one */
    MOMENT_OPS,        /* per second */
    MOMENT_LIMIT,      /* maxmemory */
    MOMENT_LOADING,    /* 1 while a load runs; the rest says of what, 0 otherwise */
    MOMENT_LOAD_START_S,
    MOMENT_LOAD_TOTAL,
    MOMENT_LOAD_BYTES,
    MOMENT_LOAD_KEYS,
    MOMENT_LOAD_EXPIRED,
    MOMENT_LOAD_RATE,
    MOMENT_LOAD_ETA_S,
    MOMENT_LOAD_LEFT_MS,
    MOMENT_LOAD_PERCENT, /* in thousandths of one */
    MOMENT_LOAD_STRINGS, /* as above */
    MOMENT_LOAD_LISTS,
    MOMENT_LOAD_SETS,
    MOMENT_LOAD_ZSETS,
    MOMENT_LOAD_HASHES,
    MOMENT_LOAD_STREAMS,
    MOMENT_COUNT
};

struct published_figures; /* observe/figures.h */
struct published;

/* visit_rows: calls visit for each metric row of the server, in their order. */
struct published *published_new(void (*visit_rows)(void *arg, void (*visit)(void *arg, const struct metric *row),
                                                   void *to),
                                void *arg);
void published_free(struct published *p);

/* ---- executor ---- */
/* A static text: the phase; ready: data commands are served. */
void published_enter(struct published *p, const char *phase, bool ready);
/* ~2 us. slowest_ns: the longest command since the last beat; 0: none ran. */
void published_beat(struct published *p, const struct executor *x, uint64_t slowest_ns);
/* All figures. Does not grow with clients or keys; with 60 commands in use some 60 us (it measures itself: duration_ns). The
 * buffers (400 KB) are made by the first call. */
void published_fill(struct published *p, const struct executor *x);

/* ---- any thread ---- */
int64_t published_moment(const struct published *p, enum published_moment which);
const char *published_phase(const struct published *p);
const char *published_load_phase(const struct published *p); /* "" while nothing is loaded */
bool published_ready(const struct published *p);
/* How long ago the figures of the moment were written. */
int64_t published_age_ms(const struct published *p);
const struct metric *published_row(const struct published *p, unsigned i);

/* ---- observer: the one thread that reads ---- */
/* MOMENT_SLOWEST_US, which then begins anew. */
int64_t published_take_slowest(struct published *p);
/* The newest full set; stays as it is until the next call. NULL before the first. */
const struct published_figures *published_take(struct published *p);

#endif
