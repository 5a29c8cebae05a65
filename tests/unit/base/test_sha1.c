#include "base/sha1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *data, size_t n, const char *hex) {
    unsigned char digest[SHA1_SIZE];
    char text[SHA1_HEX_SIZE + 1] = {0};
    sha1(data, n, digest);
    sha1_hex(digest, text);
    assert_string_equal(text, hex);
}

/* FIPS 180-2 appendix A, and the empty message. */
static void test_published_vectors(void **state) {
    (void)state;
    expect("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void test_million(void **state) {
    (void)state;
    struct sha1 s;
    unsigned char digest[SHA1_SIZE];
    char text[SHA1_HEX_SIZE + 1] = {0}, piece[1000];
    memset(piece, 'a', sizeof piece);
    sha1_init(&s);
    for (int i = 0; i < 1000; i++) sha1_add(&s, piece, sizeof piece);
    sha1_finish(&s, digest);
    sha1_hex(digest, text);
    assert_string_equal(text, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

/* However a message is cut, at every length around the block size. */
static void test_pieces(void **state) {
    (void)state;
    char data[200];
    unsigned char whole[SHA1_SIZE], pieces[SHA1_SIZE];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof data; n++) {
        sha1(data, n, whole);
        for (size_t cut = 0; cut <= n; cut += 13) {
            struct sha1 s;
            sha1_init(&s);
            sha1_add(&s, data, cut);
            sha1_add(&s, data + cut, n - cut);
            sha1_finish(&s, pieces);
            assert_memory_equal(whole, pieces, SHA1_SIZE);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_million),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
