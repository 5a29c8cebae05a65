#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"

static char scratch[256];
static struct slice words[8];

static int split(struct slice line) { return text_split_words(line, scratch, words, (int)countof(words)); }

static void words_split_at_white_space(void **state) {
    (void)state;
    assert_int_equal(split(SLICE("  set \t key  value\r\n")), 3);
    assert_true(slice_equal(words[0], SLICE("set")));
    assert_true(slice_equal(words[1], SLICE("key")));
    assert_true(slice_equal(words[2], SLICE("value")));
    assert_int_equal(split(SLICE("")), 0);
    assert_int_equal(split(SLICE(" \t ")), 0);
    assert_int_equal(split(slice_of(NULL, 0)), 0);
}

static void quotes_hold_words_together(void **state) {
    (void)state;
    assert_int_equal(split(SLICE("\"a b\" 'c d' \"\" '' x\"y z\"")), 5);
    assert_true(slice_equal(words[0], SLICE("a b")));
    assert_true(slice_equal(words[1], SLICE("c d")));
    assert_int_equal(words[2].len, 0);
    assert_int_equal(words[3].len, 0);
    assert_true(slice_equal(words[4], SLICE("xy z")));
}

static void escapes_stand_for_bytes(void **state) {
    (void)state;
    assert_int_equal(split(SLICE("\"\\n\\r\\t\\b\\a\\\\\\\"\\x41\\x00\\xfF\\q\"")), 1);
    assert_true(slice_equal(words[0], SLICE("\n\r\t\b\a\\\"A\0\xffq")));
    assert_int_equal(split(SLICE("\"\\x4g\" \"\\x4\"")), 2);
    assert_true(slice_equal(words[0], SLICE("x4g")));
    assert_true(slice_equal(words[1], SLICE("x4")));
    assert_int_equal(split(SLICE("'\\n\\'' a\\n")), 2);
    assert_true(slice_equal(words[0], SLICE("\\n'")));
    assert_true(slice_equal(words[1], SLICE("a\\n")));
}

static void bad_quotes_are_refused(void **state) {
    (void)state;
    assert_int_equal(split(SLICE("\"abc")), -1);
    assert_int_equal(split(SLICE("'abc")), -1);
    assert_int_equal(split(SLICE("\"abc\"d")), -1);
    assert_int_equal(split(SLICE("'abc'd")), -1);
    assert_int_equal(split(SLICE("\"abc\\\"")), -1);
    assert_int_equal(split(SLICE("\"abc\\")), -1);
    assert_int_equal(split(SLICE("a\0\"")), 1); /* a NUL ends the line */
    assert_int_equal(split(SLICE("\"a\0\"")), -1);
}

static void too_many_words_are_refused(void **state) {
    (void)state;
    assert_int_equal(split(SLICE("1 2 3 4 5 6 7 8 ")), 8);
    assert_int_equal(split(SLICE("1 2 3 4 5 6 7 8 9")), -2);
}

static void quoting_is_printable(void **state) {
    (void)state;
    char dst[64];
    size_t n = text_quote(dst, SLICE("a\"\\\n\r\t\a\b\x01\xff"));
    assert_true(slice_equal(slice_of(dst, n), SLICE("\"a\\\"\\\\\\n\\r\\t\\a\\b\\x01\\xff\"")));
    assert_true(text_needs_quotes(SLICE("")));
    assert_true(text_needs_quotes(SLICE("a b")));
    assert_true(text_needs_quotes(SLICE("a'b")));
    assert_true(text_needs_quotes(SLICE("\x7f")));
    assert_false(text_needs_quotes(SLICE("plain.text-1")));
}

static void what_is_shown_has_a_bound(void **state) {
    char shown[TEXT_SHOWN_ROOM], text[TEXT_SHOWN_MAX + 1];
    (void)state;
    memset(text, 0, sizeof text);
    assert_string_equal(text_show(shown, SLICE("a\"b")), "\"a\\\"b\"");
    assert_string_equal(text_show(shown, SLICE("")), "\"\"");
    assert_int_equal(strlen(text_show(shown, slice_of(text, TEXT_SHOWN_MAX))), 4 * TEXT_SHOWN_MAX + 2);
    assert_int_equal(strlen(text_show(shown, slice_of(text, TEXT_SHOWN_MAX + 1))), TEXT_SHOWN_ROOM - 1);
    assert_string_equal(shown + TEXT_SHOWN_ROOM - 5, "\"...");
}

static void what_is_quoted_splits_back(void **state) {
    (void)state;
    struct random r;
    random_init(&r, 7);
    for (int round = 0; round < 20000; round++) {
        char bytes[40], line[4 * sizeof bytes + 2];
        size_t n = random_below(&r, sizeof bytes + 1);
        for (size_t i = 0; i < n; i++) bytes[i] = (char)random_next(&r);
        struct slice original = slice_of(bytes, n);
        struct slice quoted = slice_of(line, text_quote(line, original));
        assert_int_equal(split(quoted), 1);
        assert_true(slice_equal(words[0], original));
        if (text_needs_quotes(original)) continue;
        assert_int_equal(split(original), 1);
        assert_true(slice_equal(words[0], original));
    }
}

/* Any bytes at all: no read past the line, no write past scratch (the sanitizers watch). */
static void any_line_is_safe(void **state) {
    (void)state;
    struct random r;
    random_init(&r, 8);
    for (int round = 0; round < 50000; round++) {
        char line[24];
        size_t n = random_below(&r, sizeof line + 1);
        for (size_t i = 0; i < n; i++) line[i] = "\"'\\x4 an\t"[random_below(&r, 9)];
        int count = split(slice_of(line, n));
        assert_in_range(count + 2, 0, countof(words) + 2);
    }
}

static void distances_are_levenshteins(void **state) {
    (void)state;
    assert_int_equal(text_distance(SLICE("kitten"), SLICE("sitting"), 9), 3);
    assert_int_equal(text_distance(SLICE("same"), SLICE("same"), 2), 0);
    assert_int_equal(text_distance(SLICE(""), SLICE("abc"), 5), 3);
    assert_int_equal(text_distance(SLICE("abc"), SLICE(""), 5), 3);
    assert_int_equal(text_distance(SLICE("abcdef"), SLICE("uvwxyz"), 2), 3);
    assert_int_equal(text_distance(SLICE("maxmemroy"), SLICE("maxmemory"), 3), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_split_at_white_space), cmocka_unit_test(quotes_hold_words_together),
        cmocka_unit_test(escapes_stand_for_bytes),    cmocka_unit_test(bad_quotes_are_refused),
        cmocka_unit_test(too_many_words_are_refused), cmocka_unit_test(quoting_is_printable),
        cmocka_unit_test(what_is_quoted_splits_back), cmocka_unit_test(what_is_shown_has_a_bound),
        cmocka_unit_test(any_line_is_safe),           cmocka_unit_test(distances_are_levenshteins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
