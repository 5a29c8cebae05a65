#include "persist/rdb_write_int.h"
#include "values/kind.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "io/file.h"
#include "keyspace/entry.h"
#include "mem/buf.h"
#include "persist/pace_int.h"
#include "wire/crc64.h"
#include "wire/rdb_io.h"

#include <errno.h>
#include <stdio.h>

/* A plain string this long goes to the file from where it lies. */
#define DIRECT_BYTES ((size_t)64 << 10)
#define PIECE_BYTES  ((size_t)4 << 20) /* of a direct write, between two looks at the cancel flag */
#define BUFFER_KEEP  ((size_t)2 << 20) /* a larger buffer, needed for one long string, is given back */
#define SYNC_BYTES   ((int64_t)4 << 20)

struct writer {
    const struct rdb_write *w;
    struct dataset_frozen *frozen;
    struct buf out;
    struct rdb_sink sink; /* out, for values */
    uint64_t crc;
    int64_t written, synced;
    struct pace pace;
    int64_t keys;
    int error;
};

/* ---- bytes ---- */
static bool put(struct writer *x, const char *bytes, size_t n) {
    proven(!x->error);
    if (n == 0) return true;
    if (x->w->options->checksum) x->crc = crc64(x->crc, bytes, n);
    int result = file_write(x->w->fd, bytes, n);
    if (result < 0) {
        x->error = -result;
        return false;
    }
    x->written += (int64_t)n;
    proven(x->written >= x->synced);
    atomic_store_explicit(&x->w->progress->saved_bytes, x->written, memory_order_relaxed);
    if (x->w->options->incremental_sync && x->written - x->synced >= SYNC_BYTES) {
        file_sync_range(x->w->fd, x->synced, x->written - x->synced);
        x->synced = x->written;
    }
    return true;
}

static bool flush(struct writer *x) {
    proven(!x->error);
    if (atomic_load_explicit(x->w->cancelled, memory_order_relaxed)) {
        x->error = ECANCELED;
        return false;
    }
    bool done = put(x, x->out.ptr, x->out.len);
    buf_clear(&x->out);
    if (x->out.cap > BUFFER_KEEP) buf_release(&x->out);
    proven(done == (x->error == 0) && x->out.len == 0);
    return done;
}

static bool flush_sink(struct rdb_sink *sink) { return flush(sink->target); }

static bool put_directly(struct writer *x, struct slice s) {
    proven(s.len >= DIRECT_BYTES);
    rdb_write_length(&x->out, s.len);
    while (s.len > 0) {
        size_t n = s.len < PIECE_BYTES ? s.len : PIECE_BYTES;
        if (!flush(x) || !put(x, s.ptr, n)) return false;
        s = slice_of(s.ptr + n, s.len - n);
    }
    return true;
}

static bool write_string(struct writer *x, struct slice s) {
    bool compress = x->w->options->compress;
    if (!compress && s.len >= DIRECT_BYTES) return put_directly(x, s);
    return rdb_sink_string(&x->sink, s);
}

/* ---- keys ---- */
static void write_access(struct writer *x, uint32_t access) {
    if (x->w->options->access == SNAPSHOT_ACCESS_IDLE) {
        int64_t idle = dataset_frozen_idle_seconds(x->frozen, access);
        proven(idle >= 0);
        rdb_write_u8(&x->out, RDB_IDLE);
        rdb_write_length(&x->out, (uint64_t)idle);
    } else if (x->w->options->access == SNAPSHOT_ACCESS_FREQUENCY) {
        rdb_write_u8(&x->out, RDB_FREQ);
        rdb_write_u8(&x->out, dataset_frozen_frequency(x->frozen, access));
    }
}

static bool write_text(struct writer *x, const struct entry *e) {
    debug_proven(entry_type(e) == TYPE_STRING);
    char scratch[NUM_TEXT_MAX];
    int64_t integer;
    if (!entry_string_integer(e, &integer)) return write_string(x, entry_string(e, scratch));
    rdb_write_integer(&x->out, integer);
    return rdb_sink_ready(&x->sink);
}

/* The older file that was asked for has no place for the value. */
static bool refuse(struct writer *x, struct slice key, uint8_t type) {
    char shown[TEXT_SHOWN_ROOM];
    const char *name = rdb_type_name(type, x->sink.version == RDB_VERSION_VALKEY || type == RDB_TYPE_HASH_2);
    proven(!x->error && name);
    snprintf(x->w->why, RDB_WRITE_WHY, "a file of version %d cannot hold the value of key %s, a %s (see rdb-version)",
             x->sink.version, text_show(shown, key), name);
    x->error = EINVAL;
    return false;
}

static bool write_object(struct writer *x, const struct entry *e) {
    struct value v = entry_object(e);
    const struct value_kind *kind = value_kind(v.type);
    uint8_t type = kind->rdb_type(v, x->sink.version);
    if (rdb_type_version(type) > x->sink.version) return refuse(x, entry_key(e), type);
    rdb_write_u8(&x->out, type);
    bool done = write_string(x, entry_key(e)) && kind->rdb_write(v, &x->sink);
    proven(!x->error || !done);
    return done;
}

static bool write_record(struct writer *x, const struct entry *e) {
    if (entry_type(e) != TYPE_STRING) return write_object(x, e);
    rdb_write_u8(&x->out, RDB_TYPE_STRING);
    return write_string(x, entry_key(e)) && write_text(x, e);
}

static bool write_entry(void *arg, const struct entry *e, uint32_t access) {
    struct writer *x = arg;
    int64_t at = entry_expire_at(e);
    proven(at >= NO_EXPIRE);
    if (at != NO_EXPIRE) {
        rdb_write_u8(&x->out, RDB_EXPIRE_MS);
        rdb_write_u64_le(&x->out, (uint64_t)at);
    }
    write_access(x, access);
    if (!write_record(x, e)) return false;
    atomic_store_explicit(&x->w->progress->saved_keys, ++x->keys, memory_order_relaxed);
    if (unlikely(pace_on(&x->pace))) pace_key(&x->pace);
    return !atomic_load_explicit(x->w->cancelled, memory_order_relaxed) || flush(x);
}

/* ---- the file ---- */
static void write_number_aux(struct writer *x, const char *key, int64_t v) {
    char text[NUM_TEXT_MAX];
    proven(v >= 0);
    text[num_format_i64(text, v)] = '\0';
    rdb_write_aux(&x->out, key, text);
}

static void write_head(struct writer *x) {
    bool valkey = x->sink.version == RDB_VERSION_VALKEY;
    proven(x->sink.version >= 1 && x->sink.version <= RDB_VERSION_VALKEY);
    buf_printf(&x->out, valkey ? "VALKEY%03d" : "REDIS%04d", x->sink.version);
    rdb_write_aux(&x->out, valkey ? "valkey-ver" : "redis-ver", valkey ? "9.0.0" : "7.2.4");
    write_number_aux(x, "redis-bits", 64);
    write_number_aux(x, "ctime", clock_wall_ms() / 1000);
    write_number_aux(x, "used-mem", mem_used());
    write_number_aux(x, "aof-base", 0);
}

static void write_library(void *arg, struct slice code) {
    struct writer *x = arg;
    if (x->error) return;
    rdb_write_u8(&x->out, RDB_FUNCTION_2);
    (void)write_string(x, code);
}

/* Files of before version 10 have no place for them. */
static bool write_libraries(struct writer *x) {
    const struct dataset *ds = dataset_of_frozen(x->frozen);
    if (x->sink.version >= RDB_VERSION_DEFAULT) dataset_each_library(ds, write_library, x);
    proven(x->sink.version >= 1);
    return x->error == 0;
}

static bool write_database(struct writer *x, unsigned index) {
    size_t keys = dataset_frozen_keys(x->frozen, index);
    if (keys == 0) return true;
    rdb_write_u8(&x->out, RDB_SELECT);
    rdb_write_length(&x->out, index);
    rdb_write_u8(&x->out, RDB_RESIZEDB);
    rdb_write_length(&x->out, keys);
    rdb_write_length(&x->out, dataset_frozen_expires(x->frozen, index));
    int64_t before = x->keys;
    bool done = dataset_frozen_each(x->frozen, index, write_entry, x);
    proven(!done || (size_t)(x->keys - before) == keys);
    return done;
}

static bool write_end(struct writer *x) {
    proven(x->keys == x->w->progress->total_keys);
    rdb_write_u8(&x->out, RDB_EOF);
    if (!flush(x)) return false;
    proven(x->out.len == 0); /* the sum covers all that came before */
    rdb_write_u64_le(&x->out, x->w->options->checksum ? x->crc : 0);
    return flush(x);
}

/* The lowest that can hold the data, or the one that was asked for; 0 when that one cannot. */
static int choose_version(const struct rdb_write *w, const struct dataset_frozen *frozen) {
    size_t timed = dataset_frozen_timed(frozen);
    int wanted = w->options->version;
    proven(wanted >= 0 && wanted <= RDB_VERSION_VALKEY);
    if (wanted == 0) return timed ? RDB_VERSION_VALKEY : RDB_VERSION_DEFAULT;
    if (!timed || wanted == RDB_VERSION_VALKEY) return wanted;
    snprintf(w->why, RDB_WRITE_WHY,
             "a file of version %d cannot hold the fields with expiry of %zu hashes: set rdb-version to auto or %d",
             wanted, timed, RDB_VERSION_VALKEY);
    return 0;
}

int rdb_write_frozen(const struct rdb_write *w, struct dataset_frozen *frozen) {
    struct writer x = {
        .w = w,
        .frozen = frozen,
        .pace = {.delay_us = w->options->key_delay_us, .cancelled = w->cancelled},
    };
    proven(w->fd >= 0 && w->progress && w->cancelled && w->why[0] == '\0');
    x.sink = (struct rdb_sink){.out = &x.out,
                               .flush = flush_sink,
                               .target = &x,
                               .compress = w->options->compress,
                               .version = choose_version(w, frozen)};
    if (x.sink.version == 0) return EINVAL;
    buf_init(&x.out, MEM_PERSIST);
    write_head(&x);
    bool done = write_libraries(&x);
    for (unsigned i = 0; done && i < dataset_frozen_databases(frozen); i++) done = write_database(&x, i);
    done = done && write_end(&x);
    buf_release(&x.out);
    proven(done == (x.error == 0));
    return x.error;
}
