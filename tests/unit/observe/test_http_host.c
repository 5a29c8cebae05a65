/* Which names a browser may have asked by. */
#include "base/check.h"
#include "observe/http_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const char *host, const char *names, bool ours) {
    if (http_host_is_ours(slice_of_cstr(host), names) != ours) fail_msg("'%s' with names '%s'", host, names);
}

static void test_addresses_and_localhost(void **state) {
    static const char *const ours[] = {"127.0.0.1",   "127.0.0.1:8379", "10.1.2.3:80", "[::1]",           "[::1]:8379",
                                       "[fe80::1]:1", "localhost",      "LocalHost:1", "255.255.255.255:"};
    static const char *const others[] = {"",
                                         ":80",
                                         "example.com",
                                         "example.com:8379",
                                         "127.0.0.1.example.com",
                                         "1.2.3",
                                         "1.2.3.4.5",
                                         "localhost.evil",
                                         "xlocalhost",
                                         "[::1",
                                         "[::1]x",
                                         "::1",
                                         "[example.com]",
                                         "[]",
                                         "[]:1",
                                         "0x7f000001",
                                         "2130706433",
                                         "127.0.0.1:80:80",
                                         "127.0.0.1:x",
                                         "localhost:123456",
                                         "[",
                                         "127.0.0.1 ",
                                         "user@127.0.0.1",
                                         "256.1.1.1"};
    (void)state;
    for (size_t i = 0; i < countof(ours); i++) expect(ours[i], "", true);
    for (size_t i = 0; i < countof(others); i++) expect(others[i], "", false);
    assert_false(http_host_is_ours(slice_of("127.0.0.1\0", 10), ""));
}

static void test_configured_names(void **state) {
    (void)state;
    expect("tarn.example", "tarn.example", true);
    expect("TARN.example:8379", "a, tarn.example,b", true);
    expect("b", "a, tarn.example,b", true);
    expect("tarn.example", "a b tarn.example", true);
    expect("tarn.exampl", "tarn.example", false);
    expect("tarn.example.evil", "tarn.example", false);
    expect("a", " , ", false);
    expect("anything", "*", true);
    expect("", "*", false);
    expect("127.0.0.1", "tarn.example", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_and_localhost),
        cmocka_unit_test(test_configured_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
