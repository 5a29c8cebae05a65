#include "persist/salvage_steps_int.h"

#include "base/check.h"
#include "base/log.h"
#include "keyspace/db.h"
#include "persist/aof_load_int.h"
#include "persist/aof_walk.h"
#include "persist/rdb_walk.h"
#include "persist/record_int.h"
#include "persist/room_int.h"
#include "wire/rdb.h"

#include <stdio.h>

#define LOSSES_LOGGED 100
#define END_MARK      0xff
#define END_BYTES     9 /* the end mark and the checksum */

static void count(_Atomic int64_t *counter, int64_t n) {
    debug_proven(n >= 0);
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static void refuse(struct salvage *s, const char *what) {
    if (!s->refused) snprintf(s->why, LOAD_ERROR_MAX, "%.200s: %.300s", s->name, what);
    s->refused = true;
    proven(s->why[0]);
}

void salvage_lost(void *arg, const struct loss *l) {
    struct salvage *s = arg;
    char text[LOSS_TEXT_MAX];
    proven(l->why != NULL);
    if (strncmp(l->why, "no memory", 9) == 0 || strncmp(l->why, "an RDB version", 14) == 0) {
        refuse(s, l->why);
        return;
    }
    atomic_store_explicit(&s->progress->salvaged, 1, memory_order_relaxed);
    if (!l->kept) {
        count(&s->progress->lost_records, 1);
        count(&s->progress->lost_bytes, l->to - l->from);
        count(&s->progress->lost_keys, l->key.ptr != NULL);
    }
    loss_text(text, l);
    if (s->told++ < LOSSES_LOGGED) log_warning("%.200s: %s: %s", s->name, l->kept ? "repaired" : "lost", text);
    if (s->told == LOSSES_LOGGED + 1) log_warning("%.200s: and more, which tarn-check --salvage lists", s->name);
}

bool salvage_going(void *arg, int64_t offset) {
    struct salvage *s = arg;
    proven(offset >= 0);
    atomic_store_explicit(&s->progress->loaded_bytes, s->before + offset, memory_order_relaxed);
    return !s->refused && !atomic_load_explicit(s->cancelled, memory_order_relaxed);
}

/* ---- RDB ---- */
static struct entry *make_entry(struct rdb_record *r) {
    if (r->type == RDB_TYPE_STRING) return entry_new_string(r->key, r->text, r->expire_at);
    proven(r->value.ptr != NULL);
    struct entry *e = entry_new_object(r->key, r->value, r->expire_at);
    r->value.ptr = NULL; /* the entry's now */
    return e;
}

static enum rdb_verdict adopt(struct salvage *s, struct rdb_record *r, const char **why) {
    enum value_type type = r->type == RDB_TYPE_STRING ? TYPE_STRING : r->value.type;
    struct entry *e = make_entry(r);
    int64_t access = s->options->access == ACCESS_LFU ? r->frequency : r->idle;
    proven(r->db < dataset_databases(s->ds));
    *why = "no memory for the value";
    if (!e) return RDB_LOST;
    if (db_adopt(dataset_db(s->ds, (unsigned)r->db), dataset_hash(s->ds, entry_key(e)), e, access)) {
        room_watch(s->options->room, s->ds);
        count(&s->progress->loaded_keys, 1);
        if (type != TYPE_STRING) count(&s->progress->typed_keys[type], 1);
        return RDB_TAKEN;
    }
    entry_free(e);
    *why = "this key stands in the file a second time";
    return RDB_LOST;
}

static enum rdb_verdict on_record(void *arg, struct rdb_record *r, const char **why) {
    struct salvage *s = arg;
    proven(r->key.ptr || r->key.len == 0);
    if (r->db >= dataset_databases(s->ds)) {
        refuse(s, "it has more databases than the directive databases allows");
        return RDB_STOP;
    }
    if (r->type != RDB_TYPE_STRING && !r->value.ptr)
        record_drop_hollow(s->rules, r->type, r->key, r->at);
    else if (record_expired(s->rules, r->expire_at))
        record_drop_expired(s->rules);
    else
        return adopt(s, r, why);
    return RDB_TAKEN;
}

struct same_code {
    struct slice code;
    bool found;
};

static void compare_code(void *arg, struct slice code) {
    struct same_code *c = arg;
    c->found |= slice_equal(code, c->code);
    debug_proven(code.ptr || code.len == 0);
}

static enum rdb_verdict on_other(void *arg, const struct rdb_other *o, const char **why) {
    struct salvage *s = arg;
    struct same_code same = {.code = o->value};
    proven(o->end > o->from);
    if (o->opcode != RDB_FUNCTION_2) return RDB_TAKEN;
    dataset_each_library(s->ds, compare_code, &same); /* the load that failed has kept it already */
    *why = "no memory for a function library";
    return same.found || dataset_keep_library(s->ds, o->value) ? RDB_TAKEN : RDB_LOST;
}

/* The file is an RDB file to its end, or commands follow. */
static bool more_follows(const struct whole *file) {
    proven(file->bytes != NULL);
    return file->size < END_BYTES || file->bytes[file->size - END_BYTES] != END_MARK;
}

static bool salvage_rdb(struct salvage *s, int64_t *end) {
    struct record_rules rules = {.name = s->name,
                                 .limits = dataset_limits(s->ds),
                                 .now_ms = dataset_now(s->ds),
                                 .keep_expired = s->replay != NULL,
                                 .progress = s->progress};
    s->rules = &rules;
    struct rdb_walk w = {.file = &s->file,
                         .salvage = true,
                         .more_follows = s->replay && more_follows(&s->file),
                         .any_version = !s->options->version_strict,
                         .checksum = s->options->checksum,
                         .limits = rules.limits,
                         .now_ms = s->replay ? 0 : dataset_now(s->ds),
                         .arg = s,
                         .record = on_record,
                         .other = on_other,
                         .lost = salvage_lost,
                         .progress = salvage_going};
    rdb_walk_run(&w);
    *end = w.end;
    rules.passed_over = (int64_t)w.passed_over;
    record_tell(&rules);
    if (w.unlocated)
        refuse(s, "the checksum does not fit, and nothing in the file is damaged by itself: which value is wrong "
                  "cannot be told");
    proven(!s->refused || s->why[0]);
    return !s->refused && !w.stopped;
}

/* ---- one file ---- */
/* While a file is read through before the walk, which counts its bytes. */
static bool is_wanted(void *arg, int64_t done) {
    const struct salvage *s = arg;
    debug_proven(done > 0);
    (void)done;
    return !atomic_load_explicit(s->cancelled, memory_order_relaxed);
}

bool salvage_file(struct salvage *s, const char *path) {
    char why[WHOLE_WHY];
    int64_t end = 0;
    proven(path && !s->refused);
    s->name = path;
    s->told = 0;
    if (!whole_open(&s->file, path, is_wanted, s, why)) {
        if (why[0]) refuse(s, why);
        return false;
    }
    bool rdb = !s->replay || (s->base && aof_is_rdb_name(path)) ||
               (rdb_magic(s->file.bytes, (size_t)s->file.size) && dataset_keys(s->ds) == 0);
    bool read = !rdb || salvage_rdb(s, &end);
    if (read && s->replay && end < s->file.size) read = salvage_commands(s, end);
    s->before += s->file.size;
    whole_close(&s->file);
    return read;
}

bool salvage_load(const struct load_options *options, struct load_progress *progress, const _Atomic bool *cancelled,
                  struct dataset *ds, char *why) {
    struct salvage s = {.options = options, .progress = progress, .cancelled = cancelled, .ds = ds, .why = why};
    struct aof_load *aof = options->body ? options->body_arg : NULL;
    proven(why[0] && options->salvage);
    if (aof && aof->manifest.count == 0 && aof->found == AOF_FOLDER)
        return false; /* which files there are is not known */
    log_warning("%s. load-salvage is on: what is undamaged is loaded", why);
    why[0] = '\0';
    dataset_flush(ds, -1, false);
    atomic_store_explicit(&progress->loaded_keys, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->expired_keys, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->evicted_keys, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->evicted_bytes, 0, memory_order_relaxed);
    dataset_stats(ds)->evicted_keys = 0;
    for (int type = 0; type < TYPE_COUNT; type++)
        atomic_store_explicit(&progress->typed_keys[type], 0, memory_order_relaxed);
    atomic_store_explicit(&progress->phase, LOAD_BASE, memory_order_relaxed);
    bool read = aof ? salvage_aof(&s, aof) : salvage_file(&s, options->path);
    proven(read || s.refused || atomic_load(cancelled));
    if (!read) return false;
    atomic_store_explicit(&progress->loaded_keys, (int64_t)dataset_keys(ds), memory_order_relaxed);
    atomic_store_explicit(&progress->loaded_bytes, atomic_load_explicit(&progress->total_bytes, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&progress->phase, LOAD_FINISHING, memory_order_relaxed);
    log_warning("Loaded %lld keys; lost: %lld records, %lld of them with a known key, %lld bytes",
                (long long)progress->loaded_keys, (long long)progress->lost_records, (long long)progress->lost_keys,
                (long long)progress->lost_bytes);
    return true;
}
