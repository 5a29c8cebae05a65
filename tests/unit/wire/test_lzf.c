#include "wire/lzf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_round_trip(void **state) {
    (void)state;
    char text[1000], packed[1000], back[1001];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = "abcabcabd"[i % 9];
    size_t n = lzf_pack(text, sizeof(text), packed, sizeof(packed));
    assert_in_range(n, 1, 200);
    assert_true(lzf_unpack(packed, n, back, sizeof(text)));
    assert_memory_equal(text, back, sizeof(text));
    assert_false(lzf_unpack(packed, n, back, sizeof(text) + 1));
    assert_false(lzf_unpack(packed, n, back, sizeof(text) - 1));
    assert_false(lzf_unpack(packed, n - 1, back, sizeof(text)));
}

static void test_refuses(void **state) {
    (void)state;
    char out[64];
    assert_int_equal(lzf_pack("", 0, out, sizeof(out)), 0);
    assert_int_equal(lzf_pack("abcdefgh", 8, out, 0), 0);
    assert_int_equal(lzf_pack("abcdefghijklmnopqrstuvwxyz", 26, out, 22), 0); /* nothing repeats */
    assert_false(lzf_unpack("", 0, out, 5));
    assert_false(lzf_unpack("\0a", 2, out, 0));
    assert_false(lzf_unpack("\x20\x10", 2, out, 5));          /* a reference to before the start */
    assert_false(lzf_unpack("abc", 3, out, (size_t)1 << 40)); /* beyond what the library counts */
}

/* The densest input: long references only. */
static void test_expansion_bound(void **state) {
    (void)state;
    static char zeros[1 << 20], packed[1 << 16];
    size_t n = lzf_pack(zeros, sizeof(zeros), packed, sizeof(packed));
    assert_true(n > 0);
    assert_true(sizeof(zeros) / n < LZF_EXPANSION_MAX);
}

static void test_length_without_unpacking(void **state) {
    (void)state;
    static char text[300000], packed[300000];
    size_t len;
    for (size_t n = 1; n < sizeof(text); n = n * 3 + 1) {
        for (size_t i = 0; i < n; i++) text[i] = (char)(i % 7 * (i / 1000));
        size_t stored = lzf_pack(text, n, packed, sizeof(packed));
        if (stored == 0) continue;
        assert_true(lzf_length(packed, stored, &len));
        assert_int_equal(len, n);
        assert_true(!lzf_length(packed, stored - 1, &len) || len < n);
    }
    assert_false(lzf_length("\xe0", 1, &len));
    assert_false(lzf_length("\x05"
                            "abc",
                            4, &len));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_expansion_bound),
        cmocka_unit_test(test_length_without_unpacking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
