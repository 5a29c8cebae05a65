/* Loading: a job on a thread of its own that makes a dataset out of a file. Nothing waits for it: the executor keeps its
 * (empty) dataset and answers what is allowed, and takes the finished one by pointer. Nothing here writes to a data file. */
#ifndef TARN_PERSIST_LOAD_H
#define TARN_PERSIST_LOAD_H

#include "base/siphash.h"
#include "keyspace/dataset.h"
#include "persist/done.h"

#include <stdatomic.h>
#include <stdint.h>

#define LOAD_TOP_INTERVAL_US 100000

struct loop;
struct top_board;

enum load_phase {
    LOAD_BASE,       /* an RDB file is read: the only one, or an append-only file's base */
    LOAD_INCREMENTS, /* commands are replayed */
    LOAD_FINISHING, /* all has been read; the last keys go to their places, and files are made ready to be written on */
};
const char *load_phase_name(enum load_phase phase); /* "base", "increments", "finishing" */

/* Published while the loader runs; relaxed atomics, any thread may read. */
struct load_progress {
    _Atomic int64_t total_bytes, loaded_bytes;                              /* of all files */
    _Atomic int64_t loaded_keys, expired_keys, evicted_keys, evicted_bytes; /* evicted: for want of room */
    _Atomic int64_t typed_keys[TYPE_COUNT]; /* of RDB files, by enum value_type; strings are those that are no others */
    _Atomic int64_t file_used_memory;       /* the file's used-mem aux field, 0 when absent */
    _Atomic int64_t start_ms;               /* wall */
    _Atomic int64_t start_us;               /* monotonic */
    _Atomic int64_t end_ms;                 /* wall; 0 while running */
    /* For key-load-delay, how much of that it was to be, and (set by load_tick) for a processor that others had. */
    _Atomic int64_t slept_us, asked_us, waited_us;
    _Atomic int phase;                   /* enum load_phase */
    const _Atomic int64_t *key_delay_us; /* load_options.key_delay_us; set once */
    /* 1: the file was damaged, and the undamaged part is what was loaded; of the rest, keys: records whose key could be read */
    _Atomic int64_t salvaged, lost_records, lost_bytes, lost_keys;
};

/* See persist/forecast_int.h. */
struct load_forecast {
    double seconds_left;
    double percent; /* of the time; never less than it said before, and 100 only at the end */
};

struct load_options;
/* Another way to fill ds, which is empty, than from the one RDB file of path: false with the reason in why (LOAD_ERROR_MAX),
 * empty when cancelled. Sets loaded_bytes, total_bytes and loaded_keys of progress. On the loader's thread. */
typedef bool load_from(void *arg, const struct load_options *options, struct load_progress *progress,
                       const _Atomic bool *cancelled, struct dataset *ds, char *why);

struct load_options {
    const char *path;
    unsigned databases;
    struct siphash_seed seed;
    enum access_policy access;
    int lfu_log_factor, lfu_decay_minutes;
    const struct value_limits *limits; /* copied at the start; NULL: value_limits_default */
    /* rdbchecksum; rdb-version-check strict; a replica's file, or an append-only file's base; behind the data other bytes may stand,
     * which are not looked at; load-salvage: of a damaged file what is undamaged */
    bool checksum, version_strict, keep_expired, more_follows, salvage;
    /* key-load-delay, read again for every key: us per key, negative: 1 us per that many keys. May be changed meanwhile. */
    const _Atomic int64_t *key_delay_us;
    struct scout *scout;    /* is told the files; NULL: nobody wants to know */
    struct load_room *room; /* what the dataset is kept within; NULL: it may take what it takes */
    struct top_board *top;  /* where the biggest keys so far are shown, ten times a second; NULL: nowhere */
    load_from *body;        /* NULL: reads the RDB file of path */
    void *body_arg;
};

struct load_job;

struct load_job *load_start(struct loop *loop, const struct load_options *options, load_done *done, void *arg);
const struct load_progress *load_progress(const struct load_job *job);
/* On the loop's thread, every 100 ms or so: what the forecast learns from. */
void load_tick(struct load_job *job);
struct load_forecast load_forecast(struct load_job *job);
/* Ends the load, which fails for this reason. */
void load_refuse(struct load_job *job, const char *why);
/* The loader notices within 10 ms, or one read of 1 MiB, or one compressed string; done is still called. */
void load_cancel(struct load_job *job);
/* Because the process is about to end: as load_cancel, but done is not promised, and the half-made dataset, whose freeing could
 * take seconds, stays where it is, and so does the job: keep the pointer. */
void load_abandon(struct load_job *job);
/* After load_abandon: until the thread touches nothing any more, at most 0.2 s; then it may run on until the process ends, and
 * touches only what is its own. The loop may go. */
void load_wait(struct load_job *job);

/* The same on the calling thread, for tools, tests and fuzzers: error text into why (LOAD_ERROR_MAX) and NULL on failure. */
struct dataset *load_file(const struct load_options *options, struct load_progress *progress, char *why);
/* From memory, for the fuzzer. */
struct dataset *load_bytes(const struct load_options *options, const void *data, size_t n, char *why);

#endif
