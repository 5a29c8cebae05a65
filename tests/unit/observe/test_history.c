/* The history's rings against plain counting, and JSON of any bytes. */
#include "observe/history.h"
#include "observe/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(struct history *h, int64_t time_s, float used) {
    struct history_sample s = {.time_s = time_s};
    s.values[HISTORY_USED] = used;
    history_add(h, &s);
}

static void test_rings(void **state) {
    struct history *h = history_new();
    (void)state;
    assert_int_equal(history_count(h, HISTORY_SECONDS), 0);
    for (int i = 0; i < 100000; i++) add(h, 6000 + i, (float)(i % 60 == 17 ? 500 : i % 7));
    assert_int_equal(history_count(h, HISTORY_SECONDS), 3600);
    assert_int_equal(history_count(h, HISTORY_MINUTES), 1440);
    assert_int_equal(history_at(h, HISTORY_SECONDS, 3599)->time_s, 105999);
    assert_int_equal(history_at(h, HISTORY_SECONDS, 0)->time_s, 105999 - 3599);
    for (unsigned i = 0; i < 1440; i++) { /* each minute is shown by its fullest second */
        assert_int_equal(history_at(h, HISTORY_MINUTES, i)->time_s % 60, 17);
        assert_true(history_at(h, HISTORY_MINUTES, i)->values[HISTORY_USED] == 500);
    }
    assert_int_equal(history_after(h, HISTORY_SECONDS, 0), 0);
    assert_int_equal(history_after(h, HISTORY_SECONDS, 105997), 3598);
    assert_int_equal(history_after(h, HISTORY_SECONDS, 105999), 3600);
    history_free(h);
    assert_int_equal(mem_owner_bytes(MEM_OBSERVE), 0);
}

static void test_clock_set_back(void **state) {
    struct history *h = history_new();
    (void)state;
    add(h, 1000, 1);
    add(h, 500, 2);
    assert_int_equal(history_at(h, HISTORY_SECONDS, 1)->time_s, 1001);
    history_free(h);
}

static void check_text(const char *bytes, size_t n, const char *expected) {
    struct buf out;
    buf_init(&out, MEM_OBSERVE);
    struct json j = {.out = &out};
    json_text(&j, NULL, slice_of(bytes, n));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.ptr, expected, out.len);
    buf_release(&out);
}

static void test_json_text(void **state) {
    (void)state;
    check_text("plain", 5, "\"plain\"");
    check_text("a\"b\\c\n\0<&", 9, "\"a\\u0022b\\u005cc\\u000a\\u0000\\u003c\\u0026\"");
    check_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    check_text("\xff\xc3", 2, "\"\\u00ff\\u00c3\"");                                  /* cut short */
    check_text("\xc0\xaf\xed\xa0\x80", 5, "\"\\u00c0\\u00af\\u00ed\\u00a0\\u0080\""); /* overlong, surrogate */
    check_text("\x7f", 1, "\"\\u007f\"");
}

/* Whatever the bytes, no control character, quote or byte outside UTF-8 is left. */
static void test_json_every_byte(void **state) {
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char bytes[2] = {(char)a, (char)b};
            struct buf out;
            buf_init(&out, MEM_OBSERVE);
            struct json j = {.out = &out};
            json_text(&j, NULL, slice_of(bytes, 2));
            bool pair = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            for (size_t i = 1; i + 1 < out.len && !pair; i++) {
                unsigned char c = (unsigned char)out.ptr[i];
                assert_true(c >= 0x20 && c < 0x7f && c != '"');
            }
            buf_release(&out);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_json_text),
        cmocka_unit_test(test_json_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
