#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/glob.h"
#include "base/random.h"

/* What KEYS of redis-server 7.0.15 answered. */
static const struct {
    const char *pattern, *text;
    bool match;
} cases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"a*", "a", true},
    {"*a", "ba", true},
    {"*a", "ab", false},
    {"a*b*c", "a1b2b3c", true},
    {"?", "", false},
    {"?", "a", true},
    {"?*", "a", true},
    {"***?", "ab", true},
    {"[ab", "a", true},
    {"[a", "a", true},
    {"[a", "b", false},
    {"[^", "a", true},
    {"[^]", "a", true},
    {"[]", "a", false},
    {"[]", "]", false},
    {"[", "a", false},
    {"[", "[", false},
    {"\\", "\\", true},
    {"a\\", "a", false},
    {"a\\", "a\\", true},
    {"[a-]", "]", true},
    {"[a-]", "a", true},
    {"[a-]", "-", false},
    {"[a-", "-", true},
    {"[b-a]", "a", true},
    {"[b-a]", "c", false},
    {"[\\]]", "]", true},
    {"[\\", "\\", true},
    {"a[", "a", false},
    {"[a-]]", "]", true},
    {"[^b]", "b", false},
    {"[^b]", "a", true},
    {"[]a]", "a", false},
    {"a**[", "a", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?x", "?x", true},
    {"[a-c]x", "bx", true},
    {"h[^e]llo", "hello", false},
    {"[\\a-c]", "b", false},
};

static void cases_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        bool match = glob_match(slice_of_cstr(cases[i].pattern), slice_of_cstr(cases[i].text), false);
        if (match != cases[i].match) fail_msg("pattern %s text %s", cases[i].pattern, cases[i].text);
    }
}

static void nocase_folds_text_and_pattern(void **state) {
    (void)state;
    assert_true(glob_match(SLICE("H[A-F]llO*"), SLICE("heLLoX"), true));
    assert_true(glob_match(SLICE("[a-f]"), SLICE("E"), true));
    assert_false(glob_match(SLICE("[a-f]"), SLICE("E"), false));
    assert_true(glob_match(SLICE("\\A"), SLICE("a"), true));
}

static void zero_bytes_are_bytes(void **state) {
    (void)state;
    assert_true(glob_match(SLICE("a\0*"), SLICE("a\0b"), false));
    assert_false(glob_match(SLICE("a\0b"), SLICE("a\0c"), false));
    assert_true(glob_match(SLICE("?"), SLICE("\0"), false));
    assert_true(glob_match(SLICE("[\xf0-\xff]"), SLICE("\xf5"), false));
}

static void literals_are_known(void **state) {
    (void)state;
    assert_true(glob_is_literal(SLICE("plain-key:1]")));
    assert_true(glob_is_literal(SLICE("")));
    assert_true(glob_is_literal(SLICE("\0")));
    assert_false(glob_is_literal(SLICE("a*")));
    assert_false(glob_is_literal(SLICE("a?")));
    assert_false(glob_is_literal(SLICE("[a")));
    assert_false(glob_is_literal(SLICE("\\a")));
}

/* Fifty stars over ten thousand bytes: at most pattern * text steps, well below a second even under a sanitizer. */
static void hostile_patterns_stay_cheap(void **state) {
    (void)state;
    char pattern[101], text[10000];
    for (size_t i = 0; i < 100; i += 2) memcpy(pattern + i, "*a", 2);
    pattern[100] = 'b';
    memset(text, 'a', sizeof text);
    int64_t start_us = clock_mono_us();
    assert_false(glob_match(slice_of(pattern, sizeof pattern), slice_of(text, sizeof text), false));
    assert_true(clock_mono_us() - start_us < 5000000);
}

/* The plain model: tries every length for every star. Patterns of stars, question marks and letters only. */
static bool model_match(struct slice p, struct slice t) {
    if (p.len == 0) return t.len == 0;
    struct slice rest = slice_of(p.ptr + 1, p.len - 1);
    if (p.ptr[0] == '*') {
        for (size_t i = 0; i <= t.len; i++)
            if (model_match(rest, slice_of(t.ptr + i, t.len - i))) return true;
        return false;
    }
    return t.len > 0 && (p.ptr[0] == '?' || p.ptr[0] == t.ptr[0]) && model_match(rest, slice_of(t.ptr + 1, t.len - 1));
}

static void random_patterns_agree_with_model(void **state) {
    (void)state;
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    struct random r;
    unsigned matched = 0;
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&r, seed);
    for (int round = 0; round < 200000; round++) {
        char pattern[8], text[10];
        size_t pattern_len = random_below(&r, sizeof pattern + 1), text_len = random_below(&r, sizeof text + 1);
        for (size_t i = 0; i < pattern_len; i++) pattern[i] = "**?aab"[random_below(&r, 6)];
        for (size_t i = 0; i < text_len; i++) text[i] = "ab"[random_below(&r, 2)];
        struct slice p = slice_of(pattern, pattern_len), t = slice_of(text, text_len);
        bool match = glob_match(p, t, false);
        matched += match;
        if (match != model_match(p, t)) fail_msg("%.*s on %.*s", (int)p.len, p.ptr, (int)t.len, t.ptr);
    }
    assert_true(matched > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(nocase_folds_text_and_pattern),
        cmocka_unit_test(zero_bytes_are_bytes),
        cmocka_unit_test(literals_are_known),
        cmocka_unit_test(hostile_patterns_stay_cheap),
        cmocka_unit_test(random_patterns_agree_with_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
