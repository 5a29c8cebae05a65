#include "base/num.h"
#include "base/random.h"
#include "wire/rdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static struct buf out, scratch;

static struct rdb_reader reader(void) {
    return (struct rdb_reader){(const unsigned char *)out.ptr, (const unsigned char *)out.ptr + out.len};
}

static void test_lengths(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        size_t bytes;
    } cases[] = {{0, 1},          {63, 1},         {64, 2},         {16383, 2},     {16384, 5},
                 {UINT32_MAX, 5}, {1ULL << 32, 9}, {1ULL << 62, 9}, {UINT64_MAX, 9}};
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t back = 1;
        buf_clear(&out);
        rdb_write_length(&out, cases[i].value);
        assert_int_equal(out.len, cases[i].bytes);
        struct rdb_reader r = reader();
        for (const unsigned char *end = r.end; r.end-- > r.at;) {
            const unsigned char *at = r.at;
            assert_int_equal(rdb_read_length(&r, &back), RDB_SHORT);
            assert_ptr_equal(r.at, at);
            if (r.end == at) {
                r.end = end;
                break;
            }
        }
        assert_int_equal(rdb_read_length(&r, &back), RDB_OK);
        assert_true(back == cases[i].value && r.at == r.end);
    }
}

static void test_numbers(void **state) {
    (void)state;
    uint8_t a;
    uint32_t b;
    uint64_t c;
    buf_clear(&out);
    rdb_write_u8(&out, 200);
    rdb_write_u32_le(&out, 0x01020304);
    rdb_write_u64_le(&out, UINT64_C(0x0102030405060708));
    assert_memory_equal(out.ptr, "\xc8\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01", 13);
    struct rdb_reader r = reader();
    assert_int_equal(rdb_read_u8(&r, &a), RDB_OK);
    assert_int_equal(rdb_read_u32_le(&r, &b), RDB_OK);
    assert_int_equal(rdb_read_u64_le(&r, &c), RDB_OK);
    assert_true(a == 200 && b == 0x01020304 && c == UINT64_C(0x0102030405060708));
    assert_int_equal(rdb_read_u8(&r, &a), RDB_SHORT);
    assert_int_equal(rdb_read_u32_le(&r, &b), RDB_SHORT);
    assert_int_equal(rdb_read_u64_le(&r, &c), RDB_SHORT);
}

static void writes(struct slice in, bool compress, struct slice expected) {
    struct slice back;
    buf_clear(&out);
    rdb_write_string(&out, in, compress);
    assert_true(slice_equal(buf_slice(&out), expected));
    struct rdb_reader r = reader();
    assert_int_equal(rdb_read_string(&r, &scratch, &back), RDB_OK);
    assert_true(slice_equal(back, in) && r.at == r.end);
}

/* The bytes that redis-server 7.0.15 writes for the same strings. */
static void test_string_encodings(void **state) {
    (void)state;
    writes(SLICE(""), true, SLICE("\x00"));
    writes(SLICE("abc"), true,
           SLICE("\x03"
                 "abc"));
    writes(SLICE("0"), true, SLICE("\xc0\x00"));
    writes(SLICE("-1"), true, SLICE("\xc0\xff"));
    writes(SLICE("127"), true, SLICE("\xc0\x7f"));
    writes(SLICE("128"), true, SLICE("\xc1\x80\x00"));
    writes(SLICE("-32768"), true, SLICE("\xc1\x00\x80"));
    writes(SLICE("2147483647"), true, SLICE("\xc2\xff\xff\xff\x7f"));
    writes(SLICE("-2147483648"), true, SLICE("\xc2\x00\x00\x00\x80"));
    writes(SLICE("2147483648"), true,
           SLICE("\x0a"
                 "2147483648"));
    writes(SLICE("01"), true,
           SLICE("\x02"
                 "01"));
    writes(SLICE("-0"), true,
           SLICE("\x02"
                 "-0"));
    writes(SLICE("aaaaaaaaaaaaaaaaaaaa"), true,
           SLICE("\x14"
                 "aaaaaaaaaaaaaaaaaaaa"));
    writes(SLICE("aaaaaaaaaaaaaaaaaaaaa"), true, SLICE("\xc3\x06\x15\x01\x61\x61\xe0\x0a\x00"));
    writes(SLICE("aaaaaaaaaaaaaaaaaaaaa"), false,
           SLICE("\x15"
                 "aaaaaaaaaaaaaaaaaaaaa"));
}

static void test_integer_values(void **state) {
    (void)state;
    const int64_t values[] = {0, -1, 128, 65536, INT32_MIN, INT64_C(1) << 31, INT64_MIN, INT64_MAX};
    char text[NUM_TEXT_MAX];
    for (size_t i = 0; i < countof(values); i++) {
        struct slice back;
        buf_clear(&out);
        rdb_write_integer(&out, values[i]);
        struct rdb_reader r = reader();
        assert_int_equal(rdb_read_string(&r, &scratch, &back), RDB_OK);
        assert_true(slice_equal(back, slice_of(text, num_format_i64(text, values[i]))));
    }
}

static void test_aux(void **state) {
    (void)state;
    buf_clear(&out);
    rdb_write_aux(&out, "redis-bits", "64");
    assert_true(slice_equal(buf_slice(&out), SLICE("\xfa\x0a"
                                                   "redis-bits\xc0\x40")));
}

static void corrupt(struct slice in) {
    struct rdb_reader r = {(const unsigned char *)in.ptr, (const unsigned char *)in.ptr + in.len};
    struct rdb_string_head head;
    struct slice text;
    assert_int_equal(rdb_read_string(&r, &scratch, &text), RDB_CORRUPT);
    assert_ptr_equal(r.at, in.ptr);
    (void)rdb_read_string_head(&r, &head);
}

static void test_hostile(void **state) {
    (void)state;
    uint64_t n;
    const unsigned char integer[] = {0xc0, 1};
    struct rdb_reader special = {integer, integer + sizeof(integer)};
    assert_int_equal(rdb_read_length(&special, &n), RDB_CORRUPT);
    corrupt(SLICE("\xc4"
                  "abcd")); /* an encoding that is not */
    corrupt(SLICE("\xff"
                  "abcd"));
    corrupt(SLICE("\x82"
                  "abcdefghijk"));  /* a width that is not */
    corrupt(SLICE("\xc3\x00\x05")); /* out of nothing */
    corrupt(SLICE("\xc3\x02\x00"
                  "ab")); /* nothing out of something */
    corrupt(SLICE("\xc3\x01\x41\x09"
                  "a")); /* 265 out of 1 */
    corrupt(SLICE("\xc3\x02\x05"
                  "ab")); /* does not unpack */
    corrupt(SLICE("\xc3\xc0\x01\x05"
                  "ab")); /* a number where a length belongs */
    corrupt(SLICE("\xc3\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff"
                  "abcde"));
}

/* Every proper prefix is short, never corrupt, and the reader stays where it was. */
static void test_prefixes_are_short(void **state) {
    (void)state;
    const char *texts[] = {"12", "1234", "123456789", "hello",
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < countof(texts); i++) {
        buf_clear(&out);
        rdb_write_string(&out, slice_of_cstr(texts[i]), true);
        for (size_t n = 0; n < out.len; n++) {
            struct slice text;
            struct rdb_reader r = {(const unsigned char *)out.ptr, (const unsigned char *)out.ptr + n};
            assert_int_equal(rdb_read_string(&r, &scratch, &text), RDB_SHORT);
            assert_int_equal(rdb_skip_string(&r), RDB_SHORT);
            assert_ptr_equal(r.at, out.ptr);
        }
        struct rdb_reader r = reader();
        assert_int_equal(rdb_skip_string(&r), RDB_OK);
        assert_ptr_equal(r.at, r.end);
    }
}

/* The quick way for short strings says what the slow one says, or nothing; far enough from the end of the slice it knows
 * those two forms always. */
static void check_short(struct slice whole) {
    char padded[4000], room[RDB_SHORT_MAX];
    struct slice text;
    memcpy(padded, out.ptr, out.len);
    memset(padded + out.len, 0xc3, sizeof padded - out.len);
    const unsigned char *at = (const unsigned char *)padded, *end = at + out.len;
    bool plain = at[0] <= RDB_SHORT_MAX,
         packed = at[0] == RDB_SHORT_LZF && at[1] <= RDB_SHORT_MAX && at[2] <= RDB_SHORT_MAX;
    assert_ptr_equal(rdb_skip_short(at, at + sizeof padded), plain || packed ? end : NULL);
    const unsigned char *behind = rdb_skip_short(at, end);
    assert_true(!behind || behind == end);
    assert_int_equal(rdb_read_short(at, end, room, &text), plain || packed);
    if (plain || packed) assert_true(slice_equal(text, whole));
    if (out.len > 1) assert_false(rdb_read_short(at, end - 1, room, &text));
    assert_false(rdb_read_short(at, end + 1, room, &text));
}

static void test_random_round_trips(void **state) {
    (void)state;
    const char *seed = getenv("TARN_SEED");
    struct random r;
    random_init(&r, seed ? strtoull(seed, NULL, 10) : 1);
    char text[3000];
    for (int i = 0; i < 20000; i++) {
        size_t n = random_below(&r, random_below(&r, 4) ? 30 : sizeof(text));
        uint64_t alphabet = random_below(&r, 4) ? 10 : 256;
        for (size_t k = 0; k < n; k++) text[k] = (char)(alphabet == 10 ? '0' + random_below(&r, 10) : random_next(&r));
        struct slice in = slice_of(text, n), back;
        buf_clear(&out);
        rdb_write_string(&out, in, random_below(&r, 2));
        assert_true(out.len <= n + 9);
        struct rdb_reader rd = reader();
        assert_int_equal(rdb_read_string(&rd, &scratch, &back), RDB_OK);
        assert_true(slice_equal(in, back) && rd.at == rd.end);
        check_short(in);
    }
}

static void test_type_names(void **state) {
    (void)state;
    for (int valkey = 0; valkey <= 1; valkey++) {
        assert_string_equal(rdb_type_name(RDB_TYPE_STRING, valkey), "string");
        assert_string_equal(rdb_type_name(RDB_TYPE_STREAM_LISTPACKS_3, valkey), "stream (version 3)");
        assert_null(rdb_type_name(8, valkey));
        assert_null(rdb_type_name(RDB_TYPE_END, valkey));
        assert_null(rdb_type_name(255, valkey));
    }
    assert_string_equal(rdb_type_name(RDB_TYPE_HASH_2, true), "hash (with field expiry)");
    assert_non_null(strstr(rdb_type_name(RDB_TYPE_HASH_PREVIEW, false), "preview"));
    assert_string_equal(rdb_type_name(RDB_TYPE_HASH_METADATA, false), "hash (with field expiry)");
    assert_null(rdb_type_name(RDB_TYPE_HASH_METADATA, true));
    for (unsigned type = RDB_TYPE_HASH_METADATA; type < RDB_TYPE_END; type++)
        assert_non_null(rdb_type_name(type, false));
}

static int start(void **state) {
    (void)state;
    buf_init(&out, MEM_PERSIST);
    buf_init(&scratch, MEM_PERSIST);
    return 0;
}

static int finish(void **state) {
    (void)state;
    buf_release(&out);
    buf_release(&scratch);
    return 0;
}

static void test_magic(void **state) {
    (void)state;
    assert_int_equal(rdb_magic("REDIS0011", 9), RDB_MAGIC_REDIS);
    assert_int_equal(rdb_magic("VALKEY080", 9), RDB_MAGIC_VALKEY);
    assert_int_equal(rdb_magic("REDIS", 5), RDB_MAGIC_REDIS);
    assert_int_equal(rdb_magic("VALKE", 5), RDB_MAGIC_NONE);
    assert_int_equal(rdb_magic("REDI", 4), RDB_MAGIC_NONE);
    assert_int_equal(rdb_magic("*2\r\n$6", 6), RDB_MAGIC_NONE);
    assert_int_equal(rdb_magic(NULL, 0), RDB_MAGIC_NONE);
}

static void test_stream_forms(void **state) {
    (void)state;
    unsigned forms = 0;
    for (unsigned type = 0; type < RDB_TYPE_END; type++) {
        unsigned form = rdb_stream_form((uint8_t)type);
        const char *name = rdb_type_name(type, false);
        assert_int_equal(form > 0, name && strncmp(name, "stream", 6) == 0);
        if (form > 0) assert_int_equal(form, ++forms); /* in the order of their numbers */
    }
    assert_int_equal(forms, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_string_encodings),
        cmocka_unit_test(test_integer_values),
        cmocka_unit_test(test_aux),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_prefixes_are_short),
        cmocka_unit_test(test_random_round_trips),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_magic),
        cmocka_unit_test(test_stream_forms),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
