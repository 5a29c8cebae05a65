/* What must be true of any record, whatever its bytes are: it is refused and leaves nothing, or it gives a sound value. For the
 * unit tests and the fuzzer. Faults stop the program. */
#ifndef TARN_TESTS_RECORD_CHECK_H
#define TARN_TESTS_RECORD_CHECK_H

#include "base/check.h"
#include "values/kind.h"
#include "values/value.h"
#include "wire/rdb_io.h"
#include "wire/rdb_template.h"

#include <stdlib.h>

#define RECORD_NOW_MS INT64_C(1700000000000)

/* Template 5: the fields f and n. */
static inline void record_templates(struct rdb_templates *t) {
    struct rdb_reader window = {(const unsigned char *)"\x05\x02\x01"
                                                       "f\x01n",
                                NULL};
    struct rdb_input in;
    window.end = window.at + 6;
    rdb_templates_init(t);
    rdb_input_init(&in, &window);
    proven(rdb_templates_read(t, &in));
    rdb_input_release(&in);
}

/* A value read from bytes that lie in a block of just their size, so that a step outside is seen. */
static inline bool record_read(struct slice bytes, bool valkey, struct value *out) {
    bool right = false;
    *out = (struct value){0};
    if (bytes.len == 0) return false;
    unsigned char *copy = malloc(bytes.len);
    memcpy(copy, bytes.ptr, bytes.len);
    struct rdb_reader window = {copy, copy + bytes.len};
    struct rdb_input in;
    struct rdb_templates templates;
    record_templates(&templates);
    rdb_input_init(&in, &window);
    in.templates = &templates;
    uint8_t type;
    proven(rdb_input_u8(&in, &type));
    const struct value_kind *kind =
        rdb_type_name(type, valkey) && rdb_type_released(type, valkey) ? value_kind_of_rdb(type) : NULL;
    if (kind) {
        right = kind->rdb_read(type, &in, &value_limits_default, RECORD_NOW_MS, out);
        proven(right ? !in.why : in.why && in.why[0] && !out->ptr);
        if (out->ptr) proven(out->type == kind->type);
    }
    rdb_input_release(&in);
    rdb_templates_release(&templates);
    free(copy);
    return right;
}

struct record_sum {
    uint64_t hash, elements;
};

static inline void record_add_text(uint64_t *sum, struct slice text) {
    for (size_t i = 0; i < text.len; i++) *sum = (*sum ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    *sum = (*sum ^ text.len) * UINT64_C(0x100000001b3);
}

static inline void record_add(void *arg, const struct value_element *element) {
    struct record_sum *sum = arg;
    uint64_t one = UINT64_C(0xcbf29ce484222325);
    record_add_text(&one, element->text);
    record_add_text(&one, element->second);
    record_add_text(&one, slice_of((const char *)&element->score, sizeof element->score));
    record_add_text(&one, slice_of((const char *)&element->expire_at, sizeof element->expire_at));
    for (size_t i = 0; i < element->field_count; i++) record_add_text(&one, element->fields[i]);
    sum->hash += one;
    sum->elements++;
}

/* What it holds, whatever its form and order. */
static inline struct record_sum record_sum(struct value v) {
    struct record_sum sum = {0};
    value_kind(v.type)->each(v, RECORD_NOW_MS, record_add, &sum);
    return sum;
}

static inline bool record_equal(struct value a, struct value b) {
    struct record_sum x = record_sum(a), y = record_sum(b);
    return x.hash == y.hash && x.elements == y.elements && value_kind(a.type)->count(a) == value_kind(b.type)->count(b);
}

/* Written for a file of this version, and read again. */
static inline void record_round_trip(struct value v, int version) {
    const struct value_kind *kind = value_kind(v.type);
    struct buf out;
    buf_init(&out, MEM_PERSIST);
    struct rdb_sink sink = {.out = &out, .compress = version % 2, .version = version};
    uint8_t type = kind->rdb_type(v, version);
    if (rdb_type_version(type) <= version) {
        struct value again;
        rdb_write_u8(&out, type);
        proven(kind->rdb_write(v, &sink));
        proven(record_read(buf_slice(&out), version == RDB_VERSION_VALKEY, &again));
        proven(again.ptr != NULL);
        proven(record_equal(v, again));
        /* A hash that had fields with times keeps its table; the members of a set's pack, written one by one, may make
         * sorted integers or a table. */
        proven(v.type == TYPE_HASH || v.type == TYPE_SET || strcmp(kind->encoding(v), kind->encoding(again)) == 0);
        value_free(again);
    } else {
        proven(version < RDB_VERSION_VALKEY);
    }
    buf_release(&out);
}

/* All that is asked of every value. */
static inline void record_check_value(struct value v) {
    static const int versions[] = {10, 11, RDB_VERSION_VALKEY};
    const struct value_kind *kind = value_kind(v.type);
    struct value copy;
    struct record_sum sum = record_sum(v);
    proven(kind->encoding(v)[0] != '\0' && value_memory(v) > 0 && value_blocks(v) > 0);
    proven(sum.elements == kind->count(v) || (v.type == TYPE_HASH && sum.elements < kind->count(v)));
    proven(sum.elements > 0 || v.type == TYPE_STREAM || v.type == TYPE_HASH);
    int64_t before = mem_owner_bytes(kind->owner);
    proven(value_copy(v, &copy));
    proven(mem_owner_bytes(kind->owner) - before == (int64_t)value_memory(copy));
    proven(record_equal(v, copy));
    value_free(copy);
    for (size_t i = 0; i < countof(versions); i++) record_round_trip(v, versions[i]);
}

/* True when it was a value. */
static inline bool record_check(struct slice bytes, bool valkey) {
    struct value v;
    int64_t before = mem_used();
    bool right = record_read(bytes, valkey, &v);
    if (v.ptr) {
        proven(right);
        proven(mem_used() - before == (int64_t)value_memory(v));
        record_check_value(v);
        value_free(v);
    }
    proven(mem_used() == before);
    return right;
}

#endif
