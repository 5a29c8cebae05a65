#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/num.h"
#include "keyspace/entry.h"

static const char *encoding_of(struct slice value) {
    struct entry *e = entry_new_string(SLICE("k"), value, NO_EXPIRE);
    const char *name = entry_encoding_name(e);
    entry_free(e);
    return name;
}

static void test_encodings(void **state) {
    (void)state;
    char bytes[300];
    memset(bytes, 'x', sizeof bytes);
    assert_string_equal(encoding_of(SLICE("")), "embstr");
    assert_string_equal(encoding_of(SLICE("0")), "int");
    assert_string_equal(encoding_of(SLICE("-9223372036854775808")), "int");
    assert_string_equal(encoding_of(SLICE("9223372036854775807")), "int");
    assert_string_equal(encoding_of(SLICE("9223372036854775808")), "embstr");
    assert_string_equal(encoding_of(SLICE("01")), "embstr");
    assert_string_equal(encoding_of(slice_of(bytes, 44)), "embstr");
    assert_string_equal(encoding_of(slice_of(bytes, 45)), "raw");
    assert_string_equal(encoding_of(slice_of(bytes, 255)), "raw");
    assert_string_equal(encoding_of(slice_of(bytes, 256)), "raw");
}

/* Every combination of key width, time and value length holds what was put in. */
static void test_round_trip(void **state) {
    (void)state;
    static const size_t key_lens[] = {0, 1, 7, 8, 255, 256, 70000}, value_lens[] = {0, 1, 44, 45, 255, 256, 70000};
    static const int64_t times[] = {NO_EXPIRE, 0, 1700000000000, INT64_MAX};
    char *bytes = malloc(70000), scratch[NUM_TEXT_MAX];
    for (size_t i = 0; i < 70000; i++) bytes[i] = (char)(i * 31 + 'a');
    int64_t before = mem_owner_bytes(MEM_STRINGS);
    for (size_t k = 0; k < countof(key_lens); k++)
        for (size_t v = 0; v < countof(value_lens); v++)
            for (size_t t = 0; t < countof(times); t++) {
                struct slice key = slice_of(bytes, key_lens[k]), value = slice_of(bytes, value_lens[v]);
                struct entry *e = entry_new_string(key, value, times[t]);
                assert_true(slice_equal(entry_key(e), key));
                assert_true(slice_equal(entry_string(e, scratch), value));
                assert_int_equal(entry_expire_at(e), times[t]);
                assert_int_equal(entry_has_expire(e), times[t] != NO_EXPIRE);
                assert_int_equal(entry_type(e), TYPE_STRING);
                assert_true(((uintptr_t)e & 15) == 0);
                assert_int_equal(mem_owner_bytes(MEM_STRINGS) - before, entry_memory(e));
                size_t head = 4 + (key.len > 255 ? 4u : 0) + (times[t] != NO_EXPIRE ? 8u : 0);
                size_t want = head + key.len + (value.len > ENTRY_INLINE_MAX ? 8 : value.len);
                assert_int_equal(entry_size(e), want < 16 ? 16 : want);
                entry_free(e);
            }
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), before);
    free(bytes);
}

static void test_integer(void **state) {
    (void)state;
    char scratch[NUM_TEXT_MAX];
    int64_t integer;
    struct entry *e = entry_new_string(SLICE("key"), SLICE("-12345"), NO_EXPIRE);
    assert_true(entry_string_integer(e, &integer));
    assert_int_equal(integer, -12345);
    assert_true(slice_equal(entry_string(e, scratch), SLICE("-12345")));
    assert_int_equal(entry_string_len(e), 6);
    entry_free(e);
    e = entry_new_string(SLICE("key"), SLICE("text"), NO_EXPIRE);
    assert_false(entry_string_integer(e, &integer));
    entry_free(e);
}

static void test_no_memory(void **state) {
    (void)state;
    char bytes[1000] = {0};
    mem_fail_after(1, 256);
    assert_null(entry_new_string(SLICE("key"), slice_of(bytes, sizeof bytes), NO_EXPIRE));
    mem_fail_after(0, 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const types[] = {"string", "list", "set", "zset", "hash", "stream"};
    static const char *const owners[] = {"strings", "lists", "sets", "zsets", "hashes", "streams"};
    for (int type = 0; type < TYPE_COUNT; type++) {
        assert_string_equal(entry_type_name((enum value_type)type), types[type]);
        assert_string_equal(mem_owner_name(entry_owner((enum value_type)type)), owners[type]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_integer),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
