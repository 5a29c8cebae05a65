/* RDB files made by hand, record by record, and what the tests ask of a dataset. */
#ifndef TARN_TESTS_RDB_FILE_H
#define TARN_TESTS_RDB_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/num.h"
#include "keyspace/db.h"
#include "persist/load.h"
#include "values/kind.h"
#include "wire/crc64.h"
#include "wire/rdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void file_start(struct buf *f, const char *magic) {
    buf_init(f, MEM_SERVER);
    buf_append(f, magic, strlen(magic));
}

static inline void file_key(struct buf *f, struct slice key, struct slice value) {
    rdb_write_u8(f, RDB_TYPE_STRING);
    rdb_write_string(f, key, true);
    rdb_write_string(f, value, true);
}

static inline void file_expire(struct buf *f, int64_t at_ms) {
    rdb_write_u8(f, RDB_EXPIRE_MS);
    rdb_write_u64_le(f, (uint64_t)at_ms);
}

static inline void file_select(struct buf *f, uint64_t db) {
    rdb_write_u8(f, RDB_SELECT);
    rdb_write_length(f, db);
}

/* checksum false: the 0 that says there is none. */
static inline void file_end(struct buf *f, bool checksum) {
    rdb_write_u8(f, RDB_EOF);
    rdb_write_u64_le(f, checksum ? crc64_table(0, f->ptr, f->len) : 0);
}

static inline struct load_options load_defaults(void) {
    return (struct load_options){.path = "memory",
                                 .databases = 16,
                                 .seed = {1, 2},
                                 .lfu_log_factor = 10,
                                 .lfu_decay_minutes = 1,
                                 .checksum = true,
                                 .version_strict = true};
}

static inline struct key key_of(struct dataset *ds, struct slice text) {
    return (struct key){text, dataset_hash(ds, text)};
}

static inline const struct entry *entry_of(struct dataset *ds, unsigned db, const char *key) {
    return db_view(dataset_db(ds, db), key_of(ds, slice_of_cstr(key)), VIEW_NO_TOUCH | VIEW_NO_STATS);
}

static inline bool holds(struct dataset *ds, unsigned db, const char *key, struct slice value) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e = entry_of(ds, db, key);
    return e && slice_equal(entry_string(e, scratch), value);
}

struct comparison {
    struct dataset *other;
    unsigned db;
    bool equal;
};

/* Whatever the order in which a table holds them. */
static inline void add_element(void *arg, const struct value_element *e) {
    uint64_t *sum = arg;
    *sum +=
        value_hash(e->text) + 3 * value_hash(e->second) + (uint64_t)(e->score * 8) * 7 + (uint64_t)e->expire_at * 11;
}

static inline uint64_t element_sum(struct value v) {
    uint64_t sum = 0;
    value_kind(v.type)->each(v, INT64_MIN, add_element, &sum);
    return sum;
}

static inline bool same_value(const struct entry *a, const struct entry *b) {
    char s[NUM_TEXT_MAX], t[NUM_TEXT_MAX];
    if (entry_type(a) != entry_type(b) || entry_encoding(a) != entry_encoding(b)) return false;
    if (entry_type(a) == TYPE_STRING) return slice_equal(entry_string(a, s), entry_string(b, t));
    struct value v = entry_object(a), w = entry_object(b);
    return value_kind(v.type)->count(v) == value_kind(w.type)->count(w) && element_sum(v) == element_sum(w);
}

static inline void compare_entry(void *arg, const struct entry *e) {
    struct comparison *c = arg;
    const struct entry *o = db_view(dataset_db(c->other, c->db), key_of(c->other, entry_key(e)), VIEW_NO_TOUCH);
    c->equal = c->equal && o && entry_expire_at(o) == entry_expire_at(e) && same_value(o, e);
}

static inline bool same_content(struct dataset *a, struct dataset *b) {
    struct comparison c = {.other = b, .equal = dataset_databases(a) == dataset_databases(b)};
    for (c.db = 0; c.equal && c.db < dataset_databases(a); c.db++) {
        c.equal = db_keys(dataset_db(a, c.db)) == db_keys(dataset_db(b, c.db));
        db_each(dataset_db(a, c.db), compare_entry, &c);
    }
    return c.equal;
}

/* A fresh folder under $TMPDIR or /tmp; path_in gives a path inside it. */
static inline void make_folder(char folder[64]) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, 64, "%.40s/tarn-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
}

static inline const char *path_in(const char *folder, const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline void write_bytes(const char *path, struct slice bytes) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (bytes.len) assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

#endif
