#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/digest.h"

static void check(struct slice text, const char *expected) {
    char digest[DIGEST_TEXT_SIZE];
    digest_format(digest, digest_of(text));
    assert_memory_equal(digest, expected, DIGEST_TEXT_SIZE);
}

/* Of XXH3's own description (the empty text), and as Redis and Dragonfly answer. */
static void published_values(void **state) {
    (void)state;
    check(SLICE(""), "2d06800538d394c2");
    check((struct slice){NULL, 0}, "2d06800538d394c2");
    check(SLICE("test"), "9ec9f7918d7dfc40");
    check(SLICE("hello"), "9555e8555c62dcfd");
    check(SLICE("Hello world"), "b6acb9d84a38ff74");
    check(SLICE("Hello, Dragonfly!"), "063b4909128e92b7");
    check(SLICE("v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd"),
          "00006c38adf31777");
}

static void digits(void **state) {
    (void)state;
    static const char *const refused[] = {"",
                                          "0",
                                          "6c38adf31777",
                                          "00006c38adf3177",
                                          "00006c38adf317777",
                                          "00006c38adf3177g",
                                          " 0006c38adf31777",
                                          "0x006c38adf31777",
                                          "-0006c38adf31777"};
    uint64_t digest = 5;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(digest_parse(slice_of_cstr(refused[i]), &digest));
    assert_int_equal(digest, 5);
    assert_true(digest_parse(SLICE("00006c38adf31777"), &digest) && digest == UINT64_C(0x6c38adf31777));
    assert_true(digest_parse(SLICE("FEDCBA9876543210"), &digest) && digest == UINT64_C(0xfedcba9876543210));
    assert_true(digest_parse(SLICE("FeDcBa9876543210"), &digest) && digest == UINT64_C(0xfedcba9876543210));
    assert_false(digest_parse((struct slice){"00006c38adf31777", 15}, &digest));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_values), cmocka_unit_test(digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
