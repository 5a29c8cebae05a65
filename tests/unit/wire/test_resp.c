#include "base/check.h"
#include "wire/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static ssize_t item_of(const char *text, struct resp_item *item) { return resp_read_item(text, strlen(text), item); }

static void test_reply_items(void **state) {
    (void)state;
    struct resp_item item;
    assert_int_equal(item_of("+OK\r\nrest", &item), 5);
    assert_true(item.kind == RESP_SIMPLE && slice_equal(item.text, SLICE("OK")));
    assert_int_equal(item_of(":-12\r\n", &item), 6);
    assert_true(slice_equal(item.text, SLICE("-12")));
    assert_int_equal(item_of("$3\r\na\r\n\r\n", &item), 9);
    assert_true(slice_equal(item.text, SLICE("a\r\n")));
    assert_int_equal(item_of("$-1\r\n", &item), 5);
    assert_true(item.null);
    assert_int_equal(item_of("*3\r\n", &item), 4);
    assert_true(item.kind == RESP_ARRAY && item.count == 3 && !item.null);
    assert_int_equal(item_of("*-1\r\n", &item), 5);
    assert_true(item.null);
    assert_int_equal(item_of("%2\r\n", &item), 4);
    assert_true(item.kind == RESP_MAP && item.count == 2);
    assert_int_equal(item_of("_\r\n", &item), 3);
    assert_true(item.null);
    assert_int_equal(item_of("#t\r\n", &item), 4);
    assert_int_equal(item_of("=6\r\ntxt:hi\r\n", &item), 12);
    assert_true(slice_equal(item.text, SLICE("txt:hi")));
    assert_int_equal(item_of(",1.5\r\n", &item), 6);
    assert_int_equal(item_of("(123\r\n", &item), 6);
}

static void test_reply_items_refused(void **state) {
    (void)state;
    const char *incomplete[] = {"", "+OK", "+OK\r", "$3\r\nab", "$3\r\nabc\r", "*3"};
    const char *malformed[] = {"x\r\n",   ":a\r\n", "$-2\r\n", "$3\r\nabcde", "*-2\r\n",
                               "%-1\r\n", "#x\r\n", "+OK\n\n", "=-1\r\n",     "$9223372036854775807\r\n"};
    struct resp_item item;
    for (size_t i = 0; i < countof(incomplete); i++) assert_int_equal(item_of(incomplete[i], &item), 0);
    for (size_t i = 0; i < countof(malformed); i++) assert_int_equal(item_of(malformed[i], &item), -1);
    assert_int_equal(resp_read_item("\0", 1, &item), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_items),
        cmocka_unit_test(test_reply_items_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
