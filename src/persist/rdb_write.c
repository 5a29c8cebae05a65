#include "persist/rdb_write_int.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "io/file.h"
#include "keyspace/entry.h"
#include "mem/buf.h"
#include "persist/pace_int.h"
#include "wire/crc64.h"
#include "wire/rdb.h"

#include <errno.h>
#include <stdio.h>

#define FLUSH_BYTES ((size_t)256 << 10)
/* A plain string this long goes to the file from where it lies. */
#define DIRECT_BYTES ((size_t)64 << 10)
#define PIECE_BYTES  ((size_t)4 << 20) /* of a direct write, between two looks at the cancel flag */
#define BUFFER_KEEP  ((size_t)2 << 20) /* a larger buffer, needed for one long string, is given back */
#define SYNC_BYTES   ((int64_t)4 << 20)

struct writer {
    const struct rdb_write *w;
    struct dataset_frozen *frozen;
    struct buf out;
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
    rdb_write_string(&x->out, s, compress);
    debug_proven(x->out.len > 0);
    return x->out.len < FLUSH_BYTES || flush(x);
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

static bool write_value(struct writer *x, const struct entry *e) {
    debug_proven(entry_type(e) == TYPE_STRING);
    char scratch[NUM_TEXT_MAX];
    int64_t integer;
    if (entry_string_integer(e, &integer)) {
        rdb_write_integer(&x->out, integer);
        return x->out.len < FLUSH_BYTES || flush(x);
    }
    return write_string(x, entry_string(e, scratch));
}

static bool write_entry(void *arg, const struct entry *e, uint32_t access) {
    struct writer *x = arg;
    proven(entry_type(e) == TYPE_STRING);
    int64_t at = entry_expire_at(e);
    proven(at >= NO_EXPIRE);
    if (at != NO_EXPIRE) {
        rdb_write_u8(&x->out, RDB_EXPIRE_MS);
        rdb_write_u64_le(&x->out, (uint64_t)at);
    }
    write_access(x, access);
    rdb_write_u8(&x->out, RDB_TYPE_STRING);
    if (!write_string(x, entry_key(e)) || !write_value(x, e)) return false;
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
    int version = x->w->options->version ? x->w->options->version : RDB_VERSION_DEFAULT;
    proven(version >= 1 && version <= 9999);
    buf_printf(&x->out, "REDIS%04d", version);
    rdb_write_aux(&x->out, "redis-ver", "7.2.4");
    write_number_aux(x, "redis-bits", 64);
    write_number_aux(x, "ctime", clock_wall_ms() / 1000);
    write_number_aux(x, "used-mem", mem_used());
    write_number_aux(x, "aof-base", 0);
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

int rdb_write_frozen(const struct rdb_write *w, struct dataset_frozen *frozen) {
    struct writer x = {
        .w = w,
        .frozen = frozen,
        .pace = {.delay_us = w->options->key_delay_us, .cancelled = w->cancelled},
    };
    proven(w->fd >= 0 && w->progress && w->cancelled);
    buf_init(&x.out, MEM_PERSIST);
    write_head(&x);
    bool done = true;
    for (unsigned i = 0; done && i < dataset_frozen_databases(frozen); i++) done = write_database(&x, i);
    done = done && write_end(&x);
    buf_release(&x.out);
    proven(done == (x.error == 0));
    return x.error;
}
