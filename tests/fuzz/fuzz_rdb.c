/* libFuzzer: a file's bytes through the loader. The first byte chooses the options; the rest is the file. Whatever loads must be
 * loaded again from what the writer makes of it, with equal content. */
#include "../unit/values/record_check.h"
#include "base/num.h"
#include "keyspace/db.h"
#include "persist/load.h"
#include "values/kind.h"
#include "wire/crc64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct copy {
    struct buf out;
    struct dataset *other;
    unsigned db;
};

static void write_entry(void *arg, const struct entry *e) {
    struct copy *c = arg;
    char scratch[NUM_TEXT_MAX];
    if (entry_expire_at(e) != NO_EXPIRE) {
        rdb_write_u8(&c->out, RDB_EXPIRE_MS);
        rdb_write_u64_le(&c->out, (uint64_t)entry_expire_at(e));
    }
    if (entry_type(e) == TYPE_STRING) {
        rdb_write_u8(&c->out, RDB_TYPE_STRING);
        rdb_write_string(&c->out, entry_key(e), true);
        rdb_write_string(&c->out, entry_string(e, scratch), true);
    } else {
        struct rdb_sink sink = {.out = &c->out, .compress = true, .version = RDB_VERSION_VALKEY};
        struct value v = entry_object(e);
        rdb_write_u8(&c->out, value_kind(v.type)->rdb_type(v, sink.version));
        rdb_write_string(&c->out, entry_key(e), true);
        proven(value_kind(v.type)->rdb_write(v, &sink));
    }
}

static void check_entry(void *arg, const struct entry *e) {
    struct copy *c = arg;
    char a[NUM_TEXT_MAX], b[NUM_TEXT_MAX];
    struct key key = {entry_key(e), dataset_hash(c->other, entry_key(e))};
    const struct entry *o = db_view(dataset_db(c->other, c->db), key, VIEW_NO_TOUCH);
    proven(o && entry_type(o) == entry_type(e) && entry_expire_at(o) == entry_expire_at(e));
    if (entry_type(e) == TYPE_STRING)
        proven(slice_equal(entry_string(o, a), entry_string(e, b)));
    else
        proven(record_equal(entry_object(o), entry_object(e)));
}

static void round_trip(struct dataset *ds, const struct load_options *options) {
    struct copy c = {0};
    char why[LOAD_ERROR_MAX];
    buf_init(&c.out, MEM_PERSIST);
    buf_append(&c.out, "VALKEY080", 9);
    for (c.db = 0; c.db < dataset_databases(ds); c.db++) {
        rdb_write_u8(&c.out, RDB_SELECT);
        rdb_write_length(&c.out, c.db);
        db_each(dataset_db(ds, c.db), write_entry, &c);
    }
    rdb_write_u8(&c.out, RDB_EOF);
    rdb_write_u64_le(&c.out, crc64(0, c.out.ptr, c.out.len));
    c.other = load_bytes(options, c.out.ptr, c.out.len, why);
    proven(c.other != NULL);
    for (c.db = 0; c.db < dataset_databases(ds); c.db++) {
        proven(db_keys(dataset_db(ds, c.db)) == db_keys(dataset_db(c.other, c.db)));
        db_each(dataset_db(ds, c.db), check_entry, &c);
    }
    dataset_free(c.other);
    buf_release(&c.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    char why[LOAD_ERROR_MAX] = "";
    struct load_options options = {
        .path = "memory",
        .databases = 4,
        .seed = {3, 4},
        .access = data[0] & 1 ? ACCESS_LFU : ACCESS_LRU,
        .lfu_log_factor = 10,
        .lfu_decay_minutes = 1,
        .checksum = data[0] & 2,
        .version_strict = data[0] & 4,
        .keep_expired = data[0] & 8,
    };
    struct dataset *ds = load_bytes(&options, data + 1, size - 1, why);
    proven((ds == NULL) == (why[0] != '\0'));
    if (ds && !options.keep_expired) round_trip(ds, &options);
    dataset_free(ds);
    return 0;
}
