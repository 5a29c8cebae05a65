/* A small RDB file with a record of every form, and of everything that stands between records. */
#ifndef TARN_TESTS_ALL_TYPES_H
#define TARN_TESTS_ALL_TYPES_H

#include "unit/persist/rdb_file.h"
#include "unit/values/records.h"

static inline void all_types_record(struct buf *f, struct slice key, struct slice bytes) {
    rdb_write_u8(f, (uint8_t)bytes.ptr[0]);
    rdb_write_string(f, key, false);
    buf_append(f, bytes.ptr + 1, bytes.len - 1);
}

static inline void all_types_keys(struct buf *f, bool valkey) {
    for (size_t i = 0; i < countof(records); i++) {
        bool numbered = (unsigned char)records[i].bytes.ptr[0] >= RDB_TYPE_HASH_2;
        if (i == countof(records) / 2) file_select(f, 5);
        if (numbered && records[i].valkey != valkey) continue;
        if (i % 3 == 0) file_expire(f, INT64_C(4102444800000) + (int64_t)i);
        all_types_record(f, slice_of_cstr(records[i].name), records[i].bytes);
    }
}

/* The caller releases f. sum: with a checksum. */
static inline void all_types_file(struct buf *f, bool valkey, bool sum) {
    char text[200];
    memset(text, 'z', sizeof(text));
    file_start(f, valkey ? "VALKEY080" : "REDIS0015");
    rdb_write_aux(f, "redis-ver", "8.10.0");
    if (!valkey)
        buf_append_slice(f, SLICE("\xf2\x05\x02\x01"
                                  "f\x01n"));
    file_select(f, 0);
    rdb_write_u8(f, RDB_RESIZEDB);
    rdb_write_length(f, 20);
    rdb_write_length(f, 9);
    file_key(f, SLICE("plain"), SLICE("some text"));
    file_key(f, SLICE("packed"), slice_of(text, sizeof(text)));
    rdb_write_u8(f, RDB_FREQ);
    rdb_write_u8(f, 200);
    file_key(f, SLICE("with-freq"), SLICE("300"));
    all_types_keys(f, valkey);
    rdb_write_u8(f, RDB_FUNCTION_2);
    rdb_write_string(f, SLICE("#!lua name=lib\nreturn 1"), false);
    rdb_write_u8(f, RDB_IDLE);
    rdb_write_length(f, 1000);
    file_key(f, SLICE("last"), SLICE("-70000"));
    file_end(f, sum);
}

#endif
