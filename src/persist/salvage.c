#include "persist/salvage_int.h"

#include "base/check.h"
#include "base/log.h"
#include "io/file.h"
#include "keyspace/db.h"
#include "persist/aof_load_int.h"
#include "persist/aof_replay_int.h"
#include "persist/aof_walk.h"
#include "persist/rdb_walk.h"
#include "wire/rdb.h"

#include <errno.h>
#include <stdio.h>

#define LOSSES_LOGGED 100
#define NAMES_TRIED   1000
#define END_MARK      0xff
#define END_BYTES     9 /* the end mark and the checksum */

struct salvage {
    const struct load_options *options;
    struct load_progress *progress;
    const _Atomic bool *cancelled;
    struct dataset *ds;
    char *why;
    const char *name; /* of the file */
    int64_t before;   /* bytes of the files before it */
    bool of_aof;      /* its keys do not end by themselves */
    bool refused;     /* why says why */
    int64_t told;
    struct whole file;
    struct replay *replay; /* of an append-only file */
    struct aof_walk walk;
    char reason[LOAD_ERROR_MAX]; /* the replayer's */
};

static void count(_Atomic int64_t *counter, int64_t n) {
    debug_proven(n >= 0);
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static void refuse(struct salvage *s, const char *what) {
    if (!s->refused) snprintf(s->why, LOAD_ERROR_MAX, "%.200s: %.300s", s->name, what);
    s->refused = true;
    proven(s->why[0]);
}

static void on_lost(void *arg, const struct loss *l) {
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

static bool going(void *arg, int64_t offset) {
    struct salvage *s = arg;
    proven(offset >= 0);
    atomic_store_explicit(&s->progress->loaded_bytes, s->before + offset, memory_order_relaxed);
    return !s->refused && !atomic_load_explicit(s->cancelled, memory_order_relaxed);
}

/* ---- RDB ---- */
static struct entry *make_entry(struct rdb_record *r) {
    if (r->type == 0) return entry_new_string(r->key, r->text, r->expire_at);
    proven(r->value.ptr != NULL);
    struct entry *e = entry_new_object(r->key, r->value, r->expire_at);
    r->value.ptr = NULL; /* the entry's now */
    return e;
}

static enum rdb_verdict adopt(struct salvage *s, struct rdb_record *r, const char **why) {
    struct entry *e = make_entry(r);
    int64_t access = s->options->access == ACCESS_LFU ? r->frequency : r->idle;
    proven(r->db < dataset_databases(s->ds));
    *why = "no memory for the value";
    if (!e) return RDB_LOST;
    if (db_adopt(dataset_db(s->ds, (unsigned)r->db), dataset_hash(s->ds, entry_key(e)), e, access)) {
        count(&s->progress->loaded_keys, 1);
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
    bool empty = r->type != 0 && !r->value.ptr;
    bool ended = r->expire_at >= 0 && r->expire_at < dataset_now(s->ds) && !s->of_aof;
    if (!empty && !ended) return adopt(s, r, why);
    if (ended) count(&s->progress->expired_keys, 1);
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
    struct rdb_walk w = {.file = &s->file,
                         .salvage = true,
                         .more_follows = s->of_aof && more_follows(&s->file),
                         .any_version = !s->options->version_strict,
                         .checksum = s->options->checksum,
                         .limits = dataset_limits(s->ds),
                         .now_ms = s->of_aof ? 0 : dataset_now(s->ds),
                         .arg = s,
                         .record = on_record,
                         .other = on_other,
                         .lost = on_lost,
                         .progress = going};
    rdb_walk_run(&w);
    *end = w.end;
    if (w.unlocated)
        refuse(s, "the checksum does not fit, and nothing in the file is damaged by itself: which value is wrong "
                  "cannot be told");
    proven(!s->refused || s->why[0]);
    return !s->refused && !w.stopped;
}

/* ---- commands ---- */
static void lose_command(struct salvage *s, int64_t from, int64_t to) {
    struct loss l = {.from = from, .to = to, .db = -1, .why = s->reason[0] ? s->reason : "a command that does not end"};
    proven(from < to);
    on_lost(s, &l);
    s->reason[0] = '\0';
    replay_forget(s->replay);
}

/* One that is refused now that others before it are lost is lost itself; those behind it are not. */
static bool on_piece(void *arg, const struct aof_piece *p) {
    struct salvage *s = arg;
    const char *bytes = (const char *)s->file.bytes;
    int64_t at = p->body;
    if (p->kind == AOF_PIECE_HEAD) return true;
    s->replay->whole = true; /* MULTI with its EXEC */
    while (at < p->end) {
        size_t used;
        enum replay_result result = replay_feed(s->replay, bytes + at, (size_t)(p->end - at), &used);
        at += (int64_t)used;
        proven(at <= p->end);
        if (result == REPLAY_CANCELLED) return false;
        if (at == p->end) break;
        int64_t next = aof_walk_next(bytes, at, p->end);
        if (result != REPLAY_MARK) lose_command(s, at, next);
        at = next;
    }
    s->replay->whole = false;
    return going(s, at);
}

static bool salvage_commands(struct salvage *s, int64_t from) {
    s->walk = (struct aof_walk){.file = &s->file,
                                .from = from,
                                .salvage = true,
                                .arg = s,
                                .piece = on_piece,
                                .lost = on_lost,
                                .progress = going};
    s->replay->session.db = 0;
    replay_forget(s->replay);
    aof_walk_run(&s->walk);
    proven(!s->refused || s->why[0]);
    return !s->refused && !s->walk.stopped;
}

/* ---- one file ---- */
static bool salvage_file(struct salvage *s, const char *path) {
    char why[WHOLE_WHY];
    int64_t end = 0;
    proven(path && !s->refused);
    s->name = path;
    s->told = 0;
    if (!whole_open(&s->file, path, NULL, NULL, why)) {
        refuse(s, why);
        return false;
    }
    bool rdb = !s->of_aof || (aof_is_rdb(&s->file) && dataset_keys(s->ds) == 0);
    bool read = !rdb || salvage_rdb(s, &end);
    if (read && s->of_aof && end < s->file.size) read = salvage_commands(s, end);
    s->before += s->file.size;
    whole_close(&s->file);
    return read;
}

/* The base first, whatever the order of the lines. */
static bool salvage_folder(struct salvage *s, const struct aof_load *l) {
    char path[PATH_MAX];
    static const enum aof_kind order[] = {AOF_BASE, AOF_INCR};
    proven(l->manifest.count > 0);
    for (size_t k = 0; k < countof(order); k++)
        for (unsigned i = 0; i < l->manifest.count; i++)
            if (l->manifest.files[i].kind == order[k] &&
                !(aof_path(path, l->folder, l->manifest.files[i].name) && salvage_file(s, path)))
                return false;
    return true;
}

static bool salvage_aof(struct salvage *s, struct aof_load *l) {
    struct replay *r = mem_alloc(MEM_PERSIST, sizeof *r);
    proven(l->found != AOF_NOTHING);
    replay_init(r, s->ds, l->lists, l->list_count, l->string_max);
    r->progress = s->progress;
    r->cancelled = s->cancelled;
    r->why = s->reason;
    s->replay = r;
    s->of_aof = true;
    bool read = l->found == AOF_FOLDER ? salvage_folder(s, l) : salvage_file(s, l->old_path);
    replay_discard(r);
    replay_forget(r);
    replay_release(r);
    mem_free(MEM_PERSIST, r, sizeof *r);
    l->last_size = l->last_kept = 0; /* nothing is cut, and nothing is written behind it */
    l->last_annotated = false;
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
    bool read = aof ? salvage_aof(&s, aof) : salvage_file(&s, options->path);
    proven(read || s.refused || atomic_load(cancelled));
    if (!read) return false;
    atomic_store_explicit(&progress->loaded_keys, (int64_t)dataset_keys(ds), memory_order_relaxed);
    atomic_store_explicit(&progress->loaded_bytes, atomic_load_explicit(&progress->total_bytes, memory_order_relaxed),
                          memory_order_relaxed);
    log_warning("Loaded %lld keys; lost: %lld records, %lld of them with a known key, %lld bytes",
                (long long)progress->loaded_keys, (long long)progress->lost_records, (long long)progress->lost_keys,
                (long long)progress->lost_bytes);
    return true;
}

/* ---- the damaged file stays ---- */
static bool keep(const char *path, char *why) {
    char name[PATH_MAX];
    int error = EEXIST;
    for (int i = 1; i < NAMES_TRIED && error == EEXIST; i++) {
        int n = i == 1 ? snprintf(name, sizeof name, "%s.damaged", path)
                       : snprintf(name, sizeof name, "%s.damaged-%d", path, i);
        proven(n > 0);
        error = n < PATH_MAX ? -file_link(path, name) : ENAMETOOLONG;
    }
    if (!error) error = -file_sync_dir(name);
    if (!error) log_warning("The damaged file is kept as %s", name);
    if (error)
        snprintf(why, LOAD_ERROR_MAX, "%.200s: damaged, and it cannot be kept beside what is saved next: %s", path,
                 strerror(error));
    return !error;
}

bool salvage_keep(const char *path, const struct aof_load *aof, char *why) {
    char name[PATH_MAX];
    proven(path && why);
    if (!aof) return keep(path, why);
    if (aof->found == AOF_OLD_FILE) return keep(aof->old_path, why);
    for (unsigned i = 0; i < aof->manifest.count; i++) {
        if (aof->manifest.files[i].kind == AOF_HISTORY) continue;
        if (!aof_path(name, aof->folder, aof->manifest.files[i].name) || !keep(name, why)) return false;
    }
    int n = snprintf(name, sizeof name, "%s/%s.manifest", aof->folder, aof->file_name);
    return n < PATH_MAX && keep(name, why);
}
