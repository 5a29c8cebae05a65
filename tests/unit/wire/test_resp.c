#include "base/check.h"
#include "base/random.h"
#include "mem/buf.h"
#include "wire/reply.h"
#include "wire/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

/* Parses the request whole, and again arriving byte by byte in a buffer that moves; both must say the same. */
static enum resp_status parse(struct resp_parser *p, struct slice in) {
    struct resp_parser slow = {.max_bulk = p->max_bulk, .unauthenticated = p->unauthenticated};
    enum resp_status whole = resp_parse(p, in.ptr, in.len), status = RESP_MORE;
    for (size_t n = 0; n <= in.len && status == RESP_MORE; n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, in.ptr, n);
        status = resp_parse(&slow, copy, n);
        if (status == RESP_READY) assert_int_equal(slow.consumed, n);
        if (status == RESP_MORE) assert_true(slow.wanted > 0);
        free(copy);
    }
    assert_int_equal(status, whole);
    if (whole == RESP_INVALID) assert_string_equal(slow.error, p->error);
    if (whole == RESP_READY) assert_int_equal(slow.argc, p->argc);
    resp_parser_release(&slow);
    return whole;
}

static void invalid_with(struct slice in, bool unauthenticated, const char *error) {
    struct resp_parser p = {.unauthenticated = unauthenticated};
    struct slice argv[16];
    int argc;
    assert_int_equal(resp_parse_fast(in.ptr, in.len, argv, 16, &argc), 0);
    assert_int_equal(parse(&p, in), RESP_INVALID);
    assert_string_equal(p.error, error);
    resp_parser_release(&p);
}

/* Asked of redis-server 7.0.15 over a raw socket. */
static void test_protocol_errors(void **state) {
    (void)state;
    static const struct {
        struct slice in;
        const char *error;
    } cases[] = {
        {SLICE("*abc\r\n"), "invalid multibulk length"},
        {SLICE("*\r\n"), "invalid multibulk length"},
        {SLICE("*2147483648\r\n"), "invalid multibulk length"},
        {SLICE("*99999999999999999999\r\n"), "invalid multibulk length"},
        {SLICE("*01\r\n"), "invalid multibulk length"},
        {SLICE("*+1\r\n"), "invalid multibulk length"},
        {SLICE("*-0\r\n"), "invalid multibulk length"},
        {SLICE("*1\n$4\r\nPING\r\n"), "invalid multibulk length"},
        {SLICE("*1\r\nPING\r\n"), "expected '$', got 'P'"},
        {SLICE("*1\r\n\r\n\r\n"), "expected '$', got '\r'"},
        {SLICE("*1\r\n$-1\r\n"), "invalid bulk length"},
        {SLICE("*1\r\n$abc\r\n"), "invalid bulk length"},
        {SLICE("*1\r\n$04\r\nPING\r\n"), "invalid bulk length"},
        {SLICE("*1\r\n$536870913\r\n"), "invalid bulk length"},
        {SLICE("*1\r\n$9223372036854775807\r\n"), "invalid bulk length"},
        {SLICE("\"PING\r\n"), "unbalanced quotes in request"},
        {SLICE("PING \"a\"b\r\n"), "unbalanced quotes in request"},
    };
    for (size_t i = 0; i < countof(cases); i++) invalid_with(cases[i].in, false, cases[i].error);
}

static void test_unauthenticated(void **state) {
    (void)state;
    invalid_with(SLICE("*11\r\n"), true, "unauthenticated multibulk length");
    invalid_with(SLICE("*2147483648\r\n"), true, "invalid multibulk length");
    invalid_with(SLICE("*1\r\n$16385\r\n"), true, "unauthenticated bulk length");
    invalid_with(SLICE("*1\r\n$536870913\r\n"), true, "invalid bulk length");
    struct resp_parser p = {.unauthenticated = true};
    assert_int_equal(parse(&p, SLICE("*10\r\n$16384\r\n")), RESP_MORE);
    resp_parser_release(&p);
    assert_true(p.unauthenticated);
}

static void test_too_long_lines(void **state) {
    (void)state;
    static const struct {
        const char *prefix, *error;
        char fill;
    } cases[] = {
        {"", "too big inline request", 'x'},
        {"*", "too big mbulk count string", '1'},
        {"*1\r\n$", "too big bulk count string", '1'},
        {"*1\r\n", "too big bulk count string", 'x'},
    };
    static char line[RESP_INLINE_MAX + 64];
    for (size_t i = 0; i < countof(cases); i++) {
        struct resp_parser p = {0};
        memset(line, cases[i].fill, sizeof(line));
        memcpy(line, cases[i].prefix, strlen(cases[i].prefix));
        size_t start = i < 2 ? 0 : 4;
        assert_int_equal(resp_parse(&p, line, start + RESP_INLINE_MAX), RESP_MORE);
        assert_int_equal(resp_parse(&p, line, start + RESP_INLINE_MAX + 1), RESP_INVALID);
        assert_string_equal(p.error, cases[i].error);
        resp_parser_release(&p);
    }
}

static void test_nothing_to_run(void **state) {
    (void)state;
    const char *cases[] = {"*0\r\n", "*-1\r\n", "*-5\r\n", "\r\n", "\n", "   \r\n"};
    for (size_t i = 0; i < countof(cases); i++) {
        struct resp_parser p = {0};
        assert_int_equal(parse(&p, slice_of_cstr(cases[i])), RESP_READY);
        assert_int_equal(p.argc, 0);
        assert_int_equal(p.consumed, strlen(cases[i]));
        resp_parser_release(&p);
    }
}

static void test_inline(void **state) {
    (void)state;
    struct resp_parser p = {0};
    assert_int_equal(parse(&p, SLICE("SET 'a\\'b' \"\\x41\\n\"\r\n")), RESP_READY);
    assert_int_equal(p.argc, 3);
    assert_true(slice_equal(p.argv[0], SLICE("SET")));
    assert_true(slice_equal(p.argv[1], SLICE("a'b")));
    assert_true(slice_equal(p.argv[2], SLICE("A\n")));
    assert_int_equal(parse(&p, SLICE("ECHO a\rb\n")), RESP_READY);
    assert_int_equal(p.argc, 3);
    assert_int_equal(parse(&p, SLICE("*1\r\n$4\r\nPING\r\n")), RESP_READY);
    assert_true(slice_equal(p.argv[0], SLICE("PING")));
    resp_parser_release(&p);
}

/* What stands behind a number's CR, and behind a bulk, is not looked at: as in Redis. */
static void test_careless_line_ends(void **state) {
    (void)state;
    struct slice in = SLICE("*1\rX$4\rXPINGxx"), argv[4];
    struct resp_parser p = {0};
    int argc;
    assert_int_equal(parse(&p, in), RESP_READY);
    assert_true(slice_equal(p.argv[0], SLICE("PING")));
    assert_int_equal(resp_parse_fast(in.ptr, in.len, argv, 4, &argc), in.len);
    assert_true(slice_equal(argv[0], SLICE("PING")));
    resp_parser_release(&p);
}

static void test_wanted_bytes(void **state) {
    (void)state;
    struct resp_parser p = {.max_bulk = INT64_C(2) << 30};
    struct slice in = SLICE("*2\r\n$1073741824\r\nabc");
    assert_int_equal(resp_parse(&p, in.ptr, in.len), RESP_MORE);
    assert_int_equal(p.wanted, 1073741824 + 2 - 3);
    resp_parser_release(&p);
    assert_int_equal(p.max_bulk, INT64_C(2) << 30);
}

/* A declared count costs nothing until arguments come. */
static void test_declared_count_is_not_believed(void **state) {
    (void)state;
    struct resp_parser p = {0};
    struct slice in = SLICE("*2147483647\r\n$1\r\na\r\n");
    int64_t before = mem_owner_bytes(MEM_CLIENT_IN);
    assert_int_equal(resp_parse(&p, in.ptr, in.len), RESP_MORE);
    assert_in_range(mem_owner_bytes(MEM_CLIENT_IN) - before, 1, 1024);
    resp_parser_release(&p);
    assert_int_equal(mem_owner_bytes(MEM_CLIENT_IN), before);
}

static void test_many_arguments(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    struct buf in;
    buf_init(&in, MEM_SERVER);
    buf_printf(&in, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++) buf_printf(&in, "$5\r\n%05d\r\n", i);
    struct resp_parser p = {0};
    for (size_t n = 0; n < in.len; n += 4096) assert_int_equal(resp_parse(&p, in.ptr, n), RESP_MORE);
    assert_int_equal(resp_parse(&p, in.ptr, in.len), RESP_READY);
    assert_int_equal(p.argc, COUNT);
    assert_true(slice_equal(p.argv[COUNT - 1], SLICE("99999")));
    resp_parser_release(&p);
    buf_release(&in);
}

static void random_request(struct random *r, struct buf *in) {
    int count = (int)random_below(r, 12);
    buf_printf(in, "*%d\r\n", count);
    for (int i = 0; i < count; i++) {
        size_t n = random_below(r, random_below(r, 50) ? 20 : 70000);
        buf_printf(in, "$%zu\r\n", n);
        for (size_t k = 0; k < n; k++) *buf_reserve(in, 1) = (char)random_next(r), buf_advance(in, 1);
        buf_append(in, "\r\n", 2);
    }
}

/* Random pipelines, now and then with a damaged byte, cut at random: where the fast parser takes a command, the slow one
 * takes the same; where it does not, it looked at whole commands of more than it takes, or at none. */
static void test_fast_agrees_with_slow(void **state) {
    (void)state;
    const char *seed = getenv("TARN_SEED");
    struct random r;
    random_init(&r, seed ? strtoull(seed, NULL, 10) : 1);
    struct buf in;
    buf_init(&in, MEM_SERVER);
    int fast_taken = 0;
    for (int round = 0; round < 3000; round++) {
        buf_clear(&in);
        for (int i = (int)random_below(&r, 4); i >= 0; i--) random_request(&r, &in);
        if (random_below(&r, 2)) in.ptr[random_below(&r, in.len)] = (char)random_next(&r);
        size_t len = random_below(&r, in.len + 1), at = 0;
        struct resp_parser p = {0};
        for (enum resp_status status = RESP_READY; status == RESP_READY && at < len; at += p.consumed) {
            struct slice argv[8];
            int argc = -1;
            size_t used = resp_parse_fast(in.ptr + at, len - at, argv, 8, &argc);
            status = resp_parse(&p, in.ptr + at, len - at);
            if (status != RESP_READY) assert_int_equal(used, 0);
            if (!used) continue;
            fast_taken++;
            assert_int_equal(used, p.consumed);
            assert_int_equal(argc, p.argc);
            for (int i = 0; i < argc; i++) assert_true(argv[i].ptr == p.argv[i].ptr && argv[i].len == p.argv[i].len);
        }
        resp_parser_release(&p);
    }
    assert_true(fast_taken > 1000);
    buf_release(&in);
}

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
        cmocka_unit_test(test_protocol_errors), cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_too_long_lines),  cmocka_unit_test(test_nothing_to_run),
        cmocka_unit_test(test_inline),          cmocka_unit_test(test_careless_line_ends),
        cmocka_unit_test(test_wanted_bytes),    cmocka_unit_test(test_declared_count_is_not_believed),
        cmocka_unit_test(test_many_arguments),  cmocka_unit_test(test_fast_agrees_with_slow),
        cmocka_unit_test(test_reply_items),     cmocka_unit_test(test_reply_items_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
