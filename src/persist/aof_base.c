#include "persist/aof_base_int.h"

#include "base/check.h"
#include "base/num.h"
#include "base/random.h"
#include "io/file.h"
#include "keyspace/entry.h"
#include "persist/aof_group_int.h"
#include "persist/aof_steps_int.h"
#include "persist/pace_int.h"
#include "values/kind.h"
#include "wire/resp.h"

#include <errno.h>
#include <stdio.h>

#define GROUP_BYTES  ((size_t)64 << 10)
#define DIRECT_BYTES ((size_t)64 << 10) /* a string this long goes to the file from where it lies */
#define ELEMENTS_MAX 64                 /* of one command */
#define SYNC_BYTES   ((int64_t)4 << 20)
#define BUFFER_KEEP  ((size_t)1 << 20)

/* ---- the file ---- */
static void put_bytes(struct base_writer *x, const void *bytes, size_t n) {
    proven(x->synced <= x->written);
    if (x->error || n == 0) return;
    if (atomic_load_explicit(x->w->cancelled, memory_order_relaxed)) {
        x->error = ECANCELED;
        return;
    }
    x->error = -file_write(x->w->fd, bytes, n);
    if (x->error) return;
    x->written += (int64_t)n;
    atomic_store_explicit(&x->w->progress->saved_bytes, x->written, memory_order_relaxed);
    if (!x->w->options->incremental_sync || x->written - x->synced < SYNC_BYTES) return;
    file_sync_range(x->w->fd, x->synced, x->written - x->synced);
    x->synced = x->written;
}

/* Of the three parts a group is made of. The base is synced before anything names it, so nothing in it can be a torn tail. */
static void put_group(struct base_writer *x, struct slice a, struct slice b, struct slice c) {
    char line[AOF_LINE_MAX];
    struct slice select = slice_of_cstr(x->select);
    size_t len = select.len + a.len + b.len + c.len;
    proven(len > select.len && select.len > 0);
    uint64_t crc = aof_group_add(aof_group_sum(x->id, x->written, len, 0), select);
    crc = aof_group_add(aof_group_add(aof_group_add(crc, a), b), c);
    put_bytes(x, line, aof_group_line(line, len, 0, crc));
    put_bytes(x, select.ptr, select.len);
    put_bytes(x, a.ptr, a.len);
    put_bytes(x, b.ptr, b.len);
    put_bytes(x, c.ptr, c.len);
}

static void flush(struct base_writer *x) {
    if (x->out.len == 0) return;
    put_group(x, buf_slice(&x->out), slice_of("", 0), slice_of("", 0));
    buf_clear(&x->out);
    if (x->out.cap > BUFFER_KEEP) buf_release(&x->out);
    proven(x->out.len == 0);
}

/* ---- commands ---- */
static void end_command(struct base_writer *x) {
    proven(x->out.len > 0);
    if (x->out.len >= GROUP_BYTES) flush(x);
}

void base_put(struct base_writer *x, const struct slice *argv, int argc) {
    proven(argc > 0);
    if (x->error) return;
    resp_put_head(&x->out, '*', (uint64_t)argc);
    for (int i = 0; i < argc; i++) resp_put_bulk(&x->out, argv[i]);
    end_command(x);
}

void base_put_whole(struct base_writer *x) {
    proven(x->elements == 0);
    if (!x->error) {
        buf_append_slice(&x->out, buf_slice(&x->body));
        end_command(x);
    }
    buf_clear(&x->body);
    if (x->body.cap > BUFFER_KEEP) buf_release(&x->body);
}

static void begin_elements(struct base_writer *x, struct slice name, struct slice key) {
    proven(x->elements == 0 && x->body.len == 0);
    x->name = name;
    x->key = key;
}

/* per: arguments an element has. */
static void end_elements(struct base_writer *x, unsigned per) {
    proven(per == 1 || per == 2);
    if (x->elements == 0) return;
    resp_put_head(&x->out, '*', 2 + (uint64_t)x->elements * per);
    resp_put_bulk(&x->out, x->name);
    resp_put_bulk(&x->out, x->key);
    buf_append_slice(&x->out, buf_slice(&x->body));
    buf_clear(&x->body);
    if (x->body.cap > BUFFER_KEEP) buf_release(&x->body);
    x->elements = 0;
    end_command(x);
}

static void end_element(struct base_writer *x, unsigned per) {
    proven(x->elements < ELEMENTS_MAX);
    if (++x->elements == ELEMENTS_MAX || x->body.len >= GROUP_BYTES) end_elements(x, per);
}

/* ---- values ---- */
static void put_text(struct base_writer *x, struct slice key, struct slice value) {
    struct buf head;
    proven(x->elements == 0);
    if (value.len < DIRECT_BYTES) {
        base_command(x, SLICE("SET"), key, value);
        return;
    }
    flush(x);
    buf_init(&head, MEM_PERSIST);
    resp_put_head(&head, '*', 3);
    resp_put_bulk(&head, SLICE("SET"));
    resp_put_bulk(&head, key);
    resp_put_head(&head, '$', value.len);
    put_group(x, buf_slice(&head), value, SLICE("\r\n"));
    buf_release(&head);
}

static void add_one(void *arg, const struct value_element *e) {
    struct base_writer *x = arg;
    if (x->error) return;
    resp_put_bulk(&x->body, e->text);
    end_element(x, 1);
    debug_proven(x->elements < ELEMENTS_MAX);
}

static void add_scored(void *arg, const struct value_element *e) {
    struct base_writer *x = arg;
    char score[NUM_DOUBLE_TEXT_MAX];
    if (x->error) return;
    resp_put_bulk(&x->body, slice_of(score, num_format_double(score, e->score)));
    resp_put_bulk(&x->body, e->text);
    end_element(x, 2);
    debug_proven(x->elements < ELEMENTS_MAX);
}

static void add_field(void *arg, const struct value_element *e) {
    struct base_writer *x = arg;
    if (x->error) return;
    resp_put_bulk(&x->body, e->text);
    resp_put_bulk(&x->body, e->second);
    end_element(x, 2);
    debug_proven(x->elements < ELEMENTS_MAX);
}

static void time_field(void *arg, const struct value_element *e) {
    struct base_writer *x = arg;
    char at[NUM_TEXT_MAX];
    proven(e->expire_at >= -1);
    if (e->expire_at == -1) return;
    struct slice time = slice_of(at, num_format_i64(at, e->expire_at));
    base_command(x, SLICE("HPEXPIREAT"), x->key, time, SLICE("FIELDS"), SLICE("1"), e->text);
}

/* now_ms 0: also what has ended, until the increments say so. */
#define NOTHING_ENDS 0

static void put_elements(struct base_writer *x, struct slice key, struct value v) {
    static const struct {
        struct slice name;
        unsigned per;
        void (*add)(void *arg, const struct value_element *e);
    } rows[TYPE_COUNT] = {[TYPE_LIST] = {{"RPUSH", sizeof("RPUSH") - 1}, 1, add_one},
                          [TYPE_SET] = {{"SADD", sizeof("SADD") - 1}, 1, add_one},
                          [TYPE_ZSET] = {{"ZADD", sizeof("ZADD") - 1}, 2, add_scored},
                          [TYPE_HASH] = {{"HSET", sizeof("HSET") - 1}, 2, add_field}};
    proven(rows[v.type].add);
    const struct value_kind *kind = value_kind(v.type);
    begin_elements(x, rows[v.type].name, key);
    kind->each(v, NOTHING_ENDS, rows[v.type].add, x);
    end_elements(x, rows[v.type].per);
    if (value_elements_due(v) != INT64_MAX) kind->each(v, NOTHING_ENDS, time_field, x);
    buf_clear(&x->body); /* after an error */
    x->elements = 0;
}

static void put_value(struct base_writer *x, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    proven(entry_key(e).ptr || entry_key(e).len == 0);
    if (entry_type(e) == TYPE_STRING)
        put_text(x, entry_key(e), entry_string(e, scratch));
    else if (entry_type(e) == TYPE_STREAM)
        base_stream(x, entry_key(e), entry_object(e).ptr);
    else
        put_elements(x, entry_key(e), entry_object(e));
}

/* ---- the dataset ---- */
struct walk {
    struct base_writer *x;
    struct pace pace;
};

static bool put_entry(void *arg, const struct entry *e, uint32_t access) {
    struct walk *walk = arg;
    struct base_writer *x = walk->x;
    char text[NUM_TEXT_MAX];
    (void)access;
    proven(entry_expire_at(e) >= NO_EXPIRE);
    put_value(x, e);
    if (entry_expire_at(e) != NO_EXPIRE)
        base_command(x, SLICE("PEXPIREAT"), entry_key(e), slice_of(text, num_format_i64(text, entry_expire_at(e))));
    atomic_store_explicit(&x->w->progress->saved_keys, ++x->keys, memory_order_relaxed);
    if (unlikely(pace_on(&walk->pace))) pace_key(&walk->pace);
    if (!x->error && atomic_load_explicit(x->w->cancelled, memory_order_relaxed)) x->error = ECANCELED;
    return x->error == 0;
}

static void put_database(struct walk *walk, struct dataset_frozen *frozen, unsigned index) {
    struct base_writer *x = walk->x;
    char text[NUM_TEXT_MAX + 1];
    proven(index < dataset_frozen_databases(frozen));
    if (x->error || dataset_frozen_keys(frozen, index) == 0) return;
    size_t n = num_format_u64(text, index);
    text[n] = '\0';
    snprintf(x->select, sizeof x->select, "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%s\r\n", n, text);
    (void)dataset_frozen_each(frozen, index, put_entry, walk);
    flush(x);
}

static void note_library(void *arg, struct slice code) {
    bool *any = arg;
    (void)code;
    *any = true;
}

bool aof_base_can_hold(const struct dataset *ds) {
    bool any = false;
    dataset_each_library(ds, note_library, &any);
    proven(ds != NULL);
    return !any;
}

int aof_base_write(const struct rdb_write *w, struct dataset_frozen *frozen) {
    char line[AOF_LINE_MAX];
    struct base_writer x = {.w = w};
    struct walk walk = {.x = &x, .pace = {.delay_us = w->options->key_delay_us, .cancelled = w->cancelled}};
    proven(w->fd >= 0 && w->progress && w->cancelled && w->why[0] == '\0');
    random_system_bytes(&x.id, sizeof x.id);
    buf_init(&x.out, MEM_PERSIST);
    buf_init(&x.body, MEM_PERSIST);
    put_bytes(&x, line, aof_head_format(line, x.id));
    for (unsigned i = 0; i < dataset_frozen_databases(frozen); i++) put_database(&walk, frozen, i);
    put_bytes(&x, line, aof_end_format(line, x.id, x.written));
    buf_release(&x.out);
    buf_release(&x.body);
    proven(x.error || x.keys == w->progress->total_keys);
    return x.error;
}
