/* Records of every type and age: what they hold, and what becomes of them when any byte is wrong or missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/values/record_check.h"
#include "unit/values/records.h"
#include "values/kind.h"

/* Of a record of a hundred bytes, whatever it claims. */
#define PEAK_MAX ((int64_t)1 << 20)

static void test_records_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < countof(records); i++) {
        if (!record_check(records[i].bytes, records[i].valkey)) fail_msg("%s", records[i].name);
    }
}

static void test_every_kind_of_record_is_here(void **state) {
    (void)state;
    for (unsigned type = 0; type < RDB_SLOT_IMPORT; type++) {
        const struct value_kind *kind = value_kind_of_rdb((uint8_t)type);
        bool found = false;
        for (size_t i = 0; i < countof(records); i++) found |= (unsigned char)records[i].bytes.ptr[0] == type;
        if (found != (kind != NULL)) fail_msg("type %u", type);
    }
}

/* The forms of one type that hold the same. */
static void test_old_and_new_forms_agree(void **state) {
    (void)state;
    static const char *const same[][2] = {
        {"stream, version 1, with a group", "stream, version 2, with a group"},
        {"stream, version 3, with a group", "stream, version 2, with a group"},
        {"hash, Redis 7.4, times", "hash, Valkey 9, times"},
        {"hash, Redis 7.4, listpack with times", "hash, Valkey 9, times"},
        {"stream, version 4, with producers", "stream, version 2, with a group"},
        {"stream, version 5, with an entry given back", "stream, version 2, with a group"},
        {"hash, template and listpack", "hash, listpack"},
        {"hash, listpack of a template", "hash, listpack"},
        {"hash, with its template", "hash, listpack"},
        {"hash, of a template", "hash, listpack"},
        {"hash, ziplist", "hash, listpack"},
        {"hash", "hash, listpack"},
        {"sorted set", "sorted set, ziplist"},
        {"sorted set, text scores", "sorted set, listpack"},
    };
    for (size_t i = 0; i < countof(same); i++) {
        struct value v[2] = {{0}};
        for (size_t side = 0; side < 2; side++)
            for (size_t k = 0; k < countof(records); k++)
                if (strcmp(records[k].name, same[i][side]) == 0)
                    assert_true(record_read(records[k].bytes, records[k].valkey, &v[side]));
        assert_non_null(v[0].ptr);
        assert_non_null(v[1].ptr);
        if (!record_equal(v[0], v[1])) fail_msg("%s", same[i][0]);
        value_free(v[0]);
        value_free(v[1]);
    }
}

static void check_frugal(struct slice bytes, bool valkey) {
    struct value v;
    mem_note_peak();
    mem_reset_peak();
    int64_t before = mem_used();
    if (record_read(bytes, valkey, &v) && v.ptr) value_free(v);
    mem_note_peak();
    assert_true(mem_peak() - before < PEAK_MAX);
}

static void test_every_truncation(void **state) {
    (void)state;
    for (size_t i = 0; i < countof(records); i++)
        for (size_t n = 0; n < records[i].bytes.len; n++)
            record_check(slice_of(records[i].bytes.ptr, n), records[i].valkey);
}

static void test_every_mutation(void **state) {
    (void)state;
    for (size_t i = 0; i < countof(records); i++) {
        char bytes[256];
        size_t n = records[i].bytes.len, right = 0;
        assert_true(n <= sizeof bytes);
        memcpy(bytes, records[i].bytes.ptr, n);
        for (size_t at = 0; at < n; at++)
            for (int flip = 1; flip < 256; flip++) {
                bytes[at] = (char)(records[i].bytes.ptr[at] ^ flip);
                right += record_check(slice_of(bytes, n), records[i].valkey);
                check_frugal(slice_of(bytes, n), records[i].valkey);
                bytes[at] = records[i].bytes.ptr[at];
            }
        if (right == 0 || right == n * 255) fail_msg("%s: %zu of %zu accepted", records[i].name, right, n * 255);
    }
}

/* Lengths and counts far beyond what follows. */
static void test_claims_cost_nothing(void **state) {
    (void)state;
    for (unsigned type = 0; type < RDB_TYPE_HASH_LISTPACK_EXPIRE + 1; type++)
        for (int valkey = 0; valkey < 2; valkey++) {
            static const char *const claims[] = {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff", "\x80\x7f\xff\xff\xff",
                                                 "\x7f\xff", "\xc3\x06\x80\x7f\xff\xff\xff"};
            static const size_t sizes[] = {9, 5, 2, 7};
            for (size_t i = 0; i < countof(claims); i++) {
                char bytes[64] = {(char)type};
                memcpy(bytes + 1, claims[i], sizes[i]);
                record_check(slice_of(bytes, 1 + sizes[i]), valkey);
                check_frugal(slice_of(bytes, 1 + sizes[i]), valkey);
                check_frugal(slice_of(bytes, sizeof bytes), valkey);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_read),        cmocka_unit_test(test_every_kind_of_record_is_here),
        cmocka_unit_test(test_old_and_new_forms_agree), cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_mutation),          cmocka_unit_test(test_claims_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
