#include "base/random.h"
#include "wire/crc64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void test_published_check_value(void **state) {
    (void)state;
    assert_true(crc64_table(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    assert_true(crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    assert_true(crc64(0, "", 0) == 0);
    assert_true(crc64(17, "", 0) == 17);
}

/* Every length and alignment that a vectorised version may treat apart, and any way of cutting the input. */
static void test_agrees_with_the_table(void **state) {
    (void)state;
    unsigned char data[4096];
    const char *seed = getenv("TARN_SEED");
    struct random r;
    random_init(&r, seed ? strtoull(seed, NULL, 10) : 1);
    for (size_t i = 0; i < sizeof(data); i++) data[i] = (unsigned char)random_next(&r);
    for (size_t n = 0; n < 700; n++)
        for (size_t at = 0; at < 17; at++) assert_true(crc64(n, data + at, n) == crc64_table(n, data + at, n));
    for (int i = 0; i < 1000; i++) {
        size_t n = random_below(&r, sizeof(data) + 1), cut = random_below(&r, n + 1);
        assert_true(crc64(crc64(0, data, cut), data + cut, n - cut) == crc64_table(0, data, n));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_check_value),
        cmocka_unit_test(test_agrees_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
