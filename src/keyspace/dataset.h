/* A dataset: the databases with their expiry calendars and counters. A value: loading makes one, a snapshot freezes one,
 * FLUSHALL empties one. One thread owns it at a time. It has no clock of its own: its owner sets now_ms before a batch of
 * work, and everything in that batch sees one time. */
#ifndef TARN_KEYSPACE_DATASET_H
#define TARN_KEYSPACE_DATASET_H

#include "base/siphash.h"
#include "base/slice.h"

#include "values/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct dataset;
struct entry;

/* Upward talk. Any may be NULL. Called on the owner's thread, after the change; the key slice is valid for the call. They
 * must not change the dataset. */
struct keyspace_hooks {
    void *arg;
    void (*changed)(void *arg, struct db *db, struct slice key); /* value or existence of the key changed */
    void (*expired)(void *arg, struct db *db,
                    struct slice key); /* removed because its time had come (then no `changed`) */
    /* Elements of the value (fields of a hash) that were removed because their time had come: each by itself, while the value is
     * being changed, and then once for all of them (after `changed`); emptied: the last one has taken the key along. */
    void (*element_expired)(void *arg, struct db *db, struct slice key, struct slice element);
    void (*elements_expired)(void *arg, struct db *db, struct slice key, bool emptied);
    void (*evicted)(void *arg, struct db *db, struct slice key);
    void (*added)(void *arg, struct db *db, struct slice key);  /* a key that was not there; before `changed` */
    void (*missed)(void *arg, struct db *db, struct slice key); /* a view that counts found nothing */
    void (*flushed)(void *arg, int db_index);                   /* -1: all */
    /* Run job(job_arg) somewhere else (the reaper): frees of big values, tables and limbo. NULL: at once, here. */
    void (*defer)(void *arg, void (*job)(void *), void *job_arg);
};

enum access_policy { ACCESS_LRU, ACCESS_LFU, ACCESS_LRM };

struct dataset_stats {
    uint64_t expired_keys;     /* by the calendar and on access */
    uint64_t expired_elements; /* fields of hashes */
    uint64_t evicted_keys;
    uint64_t keyspace_hits, keyspace_misses;
    uint64_t changes;   /* what DEBUG calls dirty: bumped by the caller that knows what counts (exec) */
    uint64_t lazyfreed; /* deferred frees, and those still waiting */
    uint64_t expire_cycle_us;
};

struct dataset *dataset_new(unsigned databases, const struct siphash_seed *seed);
void dataset_free(struct dataset *ds); /* any thread; O(keys) */
/* Frees old, whose place ds has taken, by ds's hooks.defer; until then its bytes are awaited. */
void dataset_retire(struct dataset *ds, struct dataset *old);
void dataset_set_hooks(struct dataset *ds, const struct keyspace_hooks *hooks);
void dataset_set_access(struct dataset *ds, enum access_policy policy, int lfu_log_factor, int lfu_decay_minutes);

/* Where values change their form; a new dataset has value_limits_default. */
void dataset_set_limits(struct dataset *ds, const struct value_limits *limits);
const struct value_limits *dataset_limits(const struct dataset *ds);

void dataset_set_now(struct dataset *ds, int64_t now_ms);
int64_t dataset_now(const struct dataset *ds);
/* What elements with times are held against: now, or INT64_MIN while expired keys are kept, elements too. */
int64_t dataset_horizon(const struct dataset *ds);
unsigned dataset_databases(const struct dataset *ds);
struct db *dataset_db(struct dataset *ds, unsigned index);
const struct db *dataset_db_const(const struct dataset *ds, unsigned index);
uint64_t dataset_hash(const struct dataset *ds, struct slice key);
struct dataset_stats *dataset_stats(struct dataset *ds);
const struct dataset_stats *dataset_stats_const(const struct dataset *ds);
size_t dataset_keys(const struct dataset *ds);

/* FLUSHDB/FLUSHALL: O(1) here, the old content goes to hooks.defer (or, with defer false, is freed before return). Allowed
 * while a snapshot is live: what it still needs is kept until it ends. Returns the number of keys removed. */
size_t dataset_flush(struct dataset *ds, int db_index /* -1: all */, bool defer);
/* SWAPDB: clients see the other content at once; changed hooks are not called (watchers are told by exec). */
void dataset_swap(struct dataset *ds, unsigned a, unsigned b);

/* Removes keys whose time has come, calling hooks.expired for each, for at most budget_us. Returns true when due keys are
 * left. enabled=false (DEBUG SET-ACTIVE-EXPIRE 0) makes it do nothing. */
bool dataset_expire_due(struct dataset *ds, int64_t budget_us);
void dataset_set_active_expire(struct dataset *ds, bool enabled);
/* While set, expired keys and elements are neither removed nor hidden (a loader, a debug RELOAD of a replica). */
void dataset_set_keep_expired(struct dataset *ds, bool keep);
int64_t dataset_next_expiry_ms(const struct dataset *ds); /* lower bound; INT64_MAX when none */

/* Frees a value that no key holds (may be empty), and what an edit that stood alone (value_edit_alone) has dropped: at once
 * when that is little, elsewhere (hooks.defer) when it is much. */
void dataset_discard(struct dataset *ds, struct value v);
void dataset_settle(struct dataset *ds, struct value_edit *e);

/* Bytes still counted as values' that the reaper has yet to free, or that a live snapshot may read until its end. */
size_t dataset_awaited_bytes(const struct dataset *ds);
/* What they would be if none had ever been freed: by its growth the owner tells what it has let go, whatever the reaper does. */
int64_t dataset_handed_bytes(const struct dataset *ds);
/* Code of function libraries, which nothing runs yet: kept as it came from a file, so that the next file has it too. Only while
 * the dataset is being loaded: afterwards any thread may read. False: no memory. */
bool dataset_keep_library(struct dataset *ds, struct slice code);
void dataset_each_library(const struct dataset *ds, void (*visit)(void *arg, struct slice code), void *arg);

/* ---- snapshots ---- */
/* The picture another thread may walk: all databases as they were at the freeze. One at a time per dataset. */
struct dataset_frozen;
struct dataset_frozen *dataset_freeze(struct dataset *ds); /* O(directories): ~10 us per million keys */
/* After the reader has stopped. What only the snapshot needed goes to hooks.defer. */
void dataset_thaw(struct dataset *ds, struct dataset_frozen *frozen);
bool dataset_is_frozen(const struct dataset *ds);
size_t dataset_limbo_bytes(const struct dataset *ds);
size_t dataset_limbo_peak_bytes(const struct dataset *ds);
/* Reader side, any thread. */
const struct dataset *dataset_of_frozen(
    const struct dataset_frozen *frozen); /* for what does not change while it serves */
unsigned dataset_frozen_databases(const struct dataset_frozen *frozen);
size_t dataset_frozen_keys(const struct dataset_frozen *frozen, unsigned db_index);
size_t dataset_frozen_timed(const struct dataset_frozen *frozen); /* hashes with fields that have times of their own */
size_t dataset_frozen_expires(const struct dataset_frozen *frozen, unsigned db_index);
bool dataset_frozen_each(struct dataset_frozen *frozen, unsigned db_index,
                         bool (*visit)(void *arg, const struct entry *e, uint32_t access), void *arg);
/* The 24-bit access word of a visit as RDB's idle and freq opcodes want it. */
int64_t dataset_frozen_idle_seconds(const struct dataset_frozen *frozen, uint32_t access);
uint8_t dataset_frozen_frequency(const struct dataset_frozen *frozen, uint32_t access);
enum access_policy dataset_access(const struct dataset *ds);

#endif
