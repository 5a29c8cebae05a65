#include "wire/reply.h"
#include "wire/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static struct buf out;
static struct reply two = {.out = &out, .resp = 2}, three = {.out = &out, .resp = 3};

static void written(const char *expected) {
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.ptr, expected, out.len);
    buf_clear(&out);
}

static void test_plain(void **state) {
    (void)state;
    reply_ok(&two);
    reply_simple(&two, "QUEUED");
    written("+OK\r\n+QUEUED\r\n");
    reply_bulk(&two, SLICE("abc"));
    reply_bulk(&two, SLICE(""));
    reply_bulk_cstr(&two, "0123456789ab");
    written("$3\r\nabc\r\n$0\r\n\r\n$12\r\n0123456789ab\r\n");
    reply_bulk_integer(&two, -12);
    written("$3\r\n-12\r\n");
    memcpy(reply_bulk_space(&two, 5), "hello", 5);
    reply_ok(&two);
    written("$5\r\nhello\r\n+OK\r\n");
}

static void test_integers(void **state) {
    (void)state;
    const int64_t values[] = {0, 9, 10, 99, 100, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < countof(values); i++) reply_integer(&two, values[i]);
    written(":0\r\n:9\r\n:10\r\n:99\r\n:100\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n");
}

static void test_errors(void **state) {
    (void)state;
    two.errors = 0;
    reply_ok(&two);
    reply_error(&two, "ERR a\r\nb\nc");
    assert_int_equal(two.errors, 1);
    assert_int_equal(two.last_error, 5);
    reply_error_format(&two, "ERR unknown command '%s'", "x");
    assert_int_equal(two.errors, 2);
    assert_int_equal(two.last_error, 18);
    written("+OK\r\n-ERR a  b c\r\n-ERR unknown command 'x'\r\n");
}

static void test_both_protocols(void **state) {
    (void)state;
    reply_null(&two), reply_null_array(&two), reply_map(&two, 2), reply_set(&two, 3), reply_push(&two, 1);
    written("$-1\r\n*-1\r\n*4\r\n*3\r\n*1\r\n");
    reply_null(&three), reply_null_array(&three), reply_map(&three, 2), reply_set(&three, 3), reply_push(&three, 1);
    written("_\r\n_\r\n%2\r\n~3\r\n>1\r\n");
    reply_array(&two, 0), reply_bool(&two, true), reply_bool(&two, false), reply_bignum(&two, "123");
    written("*0\r\n:1\r\n:0\r\n$3\r\n123\r\n");
    reply_array(&three, 12), reply_bool(&three, true), reply_bool(&three, false), reply_bignum(&three, "123");
    written("*12\r\n#t\r\n#f\r\n(123\r\n");
    reply_attribute(&three, 1);
    written("|1\r\n");
    reply_verbatim(&two, "txt", SLICE("hi"));
    reply_verbatim(&three, "txt", SLICE("hi"));
    written("$2\r\nhi\r\n=6\r\ntxt:hi\r\n");
    reply_double(&two, 1.5), reply_double(&three, 1.5), reply_double(&three, INFINITY), reply_double(&two, -3);
    written("$3\r\n1.5\r\n,1.5\r\n,inf\r\n$2\r\n-3\r\n");
}

static void test_deferred(void **state) {
    (void)state;
    two.errors = three.errors = 0;
    reply_ok(&two);
    size_t place = reply_deferred(&two);
    reply_integer(&two, 1);
    reply_error(&two, "ERR x");
    reply_deferred_set(&two, place, RESP_MAP, 1);
    assert_int_equal(two.last_error, 5 + 4 + 4);
    written("+OK\r\n*2\r\n:1\r\n-ERR x\r\n");
    size_t outer = reply_deferred(&three), inner = reply_deferred(&three);
    for (int i = 0; i < 1000; i++) reply_bulk(&three, SLICE("x"));
    reply_deferred_set(&three, inner, RESP_SET, 1000);
    reply_deferred_set(&three, outer, RESP_ARRAY, 1);
    assert_memory_equal(out.ptr, "*1\r\n~1000\r\n$1\r\nx\r\n", 18);
    assert_int_equal(out.len, 4 + 7 + 7000);
    buf_clear(&out);
}

static int start(void **state) {
    (void)state;
    buf_init(&out, MEM_CLIENT_OUT);
    return 0;
}

static int finish(void **state) {
    (void)state;
    buf_release(&out);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),          cmocka_unit_test(test_integers), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_both_protocols), cmocka_unit_test(test_deferred),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
