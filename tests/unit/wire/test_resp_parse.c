#include "base/check.h"
#include "base/random.h"
#include "mem/buf.h"
#include "unit/wire/carrier.h"

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

/* ---- long bulks in blocks of their own ---- */
#define FRONT 16

static struct carrier carrier_with(size_t block_min) {
    struct carrier c = {.parser = {.block_min = block_min, .blocks = {.front = FRONT, .owner = MEM_PERSIST}}};
    return c;
}

static void put_bulk(struct buf *in, size_t n, unsigned salt) {
    buf_printf(in, "$%zu\r\n", n);
    for (size_t k = 0; k < n; k++) *buf_reserve(in, 1) = (char)(k * 7 + salt), buf_advance(in, 1);
    buf_append(in, "\r\n", 2);
}

/* Where the argument lies does not matter to who reads it, and what is in a block is so as one expects. */
static void check_request(const struct resp_parser *p, const struct resp_parser *whole) {
    assert_int_equal(p->argc, whole->argc);
    for (int i = 0; i < p->argc; i++) {
        const struct resp_block *block = resp_block_find(&p->blocks, i);
        assert_true(slice_equal(p->argv[i], whole->argv[i]));
        if (!block) continue;
        assert_true(block->size >= p->block_min && block->size == p->argv[i].len);
        assert_ptr_equal(block->ptr + FRONT, p->argv[i].ptr);
    }
}

/* The stream comes in pieces of `step` bytes (0: random); all requests of it are as they are when it lies there whole. Returns how many
 * arguments came in blocks. */
static unsigned play(struct slice stream, size_t block_min, size_t step, struct random *r) {
    struct resp_parser whole = {0};
    struct carrier c = carrier_with(block_min);
    size_t given = 0, at = 0;
    unsigned blocks = 0;
    while (given < stream.len) {
        size_t n = step ? step : 1 + random_below(r, 1 + random_below(r, 2 * stream.len));
        given += carrier_give(&c, stream.ptr + given, n < stream.len - given ? n : stream.len - given);
        while (carrier_parse(&c) == RESP_READY) {
            assert_int_equal(resp_parse(&whole, stream.ptr + at, stream.len - at), RESP_READY);
            check_request(&c.parser, &whole);
            assert_int_equal(c.parser.consumed + c.parser.apart, whole.consumed);
            blocks += c.parser.blocks.count;
            at += whole.consumed;
            carrier_done(&c);
        }
    }
    assert_int_equal(at, stream.len);
    resp_parser_release(&whole);
    carrier_release(&c);
    return blocks;
}

static int64_t owned(void) { return mem_owner_bytes(MEM_PERSIST) + mem_owner_bytes(MEM_CLIENT_IN); }

static void a_bulk_cut_anywhere_is_the_same(void **state) {
    (void)state;
    struct buf in;
    buf_init(&in, MEM_SERVER);
    buf_printf(&in, "*4\r\n$3\r\nSET\r\n");
    for (unsigned i = 0; i < 3; i++) put_bulk(&in, 40 + i, i);
    buf_printf(&in, "*1\r\n$4\r\nPING\r\nPING\r\n*2\r\n");
    put_bulk(&in, 1, 1);
    put_bulk(&in, 64, 2);
    int64_t before = owned();
    struct random r;
    random_init(&r, 1);
    unsigned blocks = 0;
    for (size_t step = 1; step <= in.len; step++) blocks += play(buf_slice(&in), 8, step, &r);
    assert_true(blocks > in.len); /* from steps of one byte on to all at once */
    assert_int_equal(play(buf_slice(&in), 8, 1, &r), 4);
    assert_int_equal(play(buf_slice(&in), 8, in.len, &r), 0);
    assert_int_equal(play(buf_slice(&in), 0, 1, &r), 0);
    assert_int_equal(play(buf_slice(&in), 65, 1, &r), 0);
    assert_int_equal(owned(), before);
    buf_release(&in);
}

static void random_streams_are_the_same(void **state) {
    (void)state;
    const char *seed = getenv("TARN_SEED");
    struct random r;
    random_init(&r, seed ? strtoull(seed, NULL, 10) : 1);
    struct buf in;
    buf_init(&in, MEM_SERVER);
    unsigned blocks = 0;
    int64_t before = owned();
    for (int round = 0; round < 300; round++) {
        buf_clear(&in);
        for (int i = (int)random_below(&r, 5); i >= 0; i--) random_request(&r, &in);
        blocks += play(buf_slice(&in), 1 + random_below(&r, random_below(&r, 2) ? 30 : 70000), 0, &r);
    }
    assert_true(blocks > 100);
    assert_int_equal(owned(), before);
    buf_release(&in);
}

/* Announced, not there: the block is a small part of what was announced, and all of it once a 64th has come. */
static void a_size_is_not_believed_at_once(void **state) {
    (void)state;
    enum { MIB = 1 << 20 };
    static const struct {
        size_t size, first;
    } cases[] = {{MIB, MIB}, {MIB + 1, 16384}, {64 * MIB, MIB}, {100 * MIB, 25600}, {512 * MIB, MIB / 8}};
    for (size_t i = 0; i < countof(cases); i++) {
        char head[64];
        struct carrier c = carrier_with(RESP_BLOCK_MIN);
        size_t n = (size_t)snprintf(head, sizeof head, "*1\r\n$%zu\r\n.", cases[i].size);
        assert_int_equal(carrier_give(&c, head, n), n);
        assert_int_equal(carrier_parse(&c), RESP_MORE);
        size_t had = 0;
        for (size_t size = cases[i].first; size <= cases[i].size; size = c.parser.blocks.list[0].size) {
            size_t room;
            assert_true(size > had && size <= (had ? 64 * had + 64 : MIB));
            assert_int_equal(c.parser.blocks.list[0].size, size);
            assert_int_equal(resp_parser_bytes(&c.parser), FRONT + size + 4 * sizeof(struct resp_block));
            had = size;
            if (size == cases[i].size || size > 4 * MIB) break;
            memset(resp_bulk_space(&c.parser, &room), '.', size - c.parser.filled);
            resp_bulk_filled(&c.parser, room);
            assert_int_equal(carrier_parse(&c), RESP_MORE);
        }
        carrier_release(&c); /* in the middle */
    }
    assert_int_equal(mem_owner_bytes(MEM_PERSIST), 0);
}

static void begin(struct carrier *c, const char *text, enum resp_status expected) {
    assert_int_equal(carrier_give(c, text, strlen(text)), strlen(text));
    assert_int_equal(carrier_parse(c), expected);
}

static void limits_hold_before_a_block_is_made(void **state) {
    (void)state;
    int64_t before = owned();
    struct carrier c = carrier_with(100);
    c.parser.max_bulk = 1000;
    begin(&c, "*1\r\n$1001\r\n..", RESP_INVALID);
    carrier_release(&c);
    c = carrier_with(100);
    c.parser.unauthenticated = true;
    begin(&c, "*1\r\n$16385\r\n..", RESP_INVALID);
    carrier_release(&c);
    c = carrier_with(100);
    begin(&c, "*2\r\n$200\r\n..", RESP_MORE);
    assert_int_equal(resp_bulk_missing(&c.parser), 198);
    for (size_t k = 0; k < 198; k += carrier_give(&c, "................", k + 16 > 198 ? 198 - k : 16)) {
    }
    begin(&c, "\r\n$x\r\n", RESP_INVALID);
    carrier_release(&c);
    assert_int_equal(owned(), before);
}

static void without_memory_it_says_so(void **state) {
    (void)state;
    int64_t before = owned();
    struct carrier c = carrier_with(100);
    mem_fail_after(1, 1000);
    begin(&c, "*1\r\n$2000\r\n..", RESP_NO_MEMORY);
    assert_string_equal(c.parser.error, "no memory for an argument of 2000 bytes");
    carrier_release(&c);
    c = carrier_with(100);
    begin(&c, "*1\r\n$2000000\r\n..", RESP_MORE); /* and when it grows */
    size_t room;
    memset(resp_bulk_space(&c.parser, &room), '.', 31248);
    resp_bulk_filled(&c.parser, room);
    mem_fail_after(1, 1000);
    assert_int_equal(carrier_parse(&c), RESP_NO_MEMORY);
    carrier_release(&c);
    assert_int_equal(owned(), before);
}

/* One that was READY and has not run is READY again, with its blocks, wherever the input lies by now. */
static void what_has_not_run_comes_again(void **state) {
    (void)state;
    struct carrier c = carrier_with(4);
    begin(&c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nv", RESP_MORE);
    assert_int_equal(carrier_give(&c, "alue5!", 6), 5);
    begin(&c, "\r\n*1\r\n$4\r\nPI", RESP_READY);
    for (int i = 0; i < 3; i++) {
        resp_parser_rewind(&c.parser);
        assert_false(resp_parser_fresh(&c.parser));
        begin(&c, "", RESP_READY);
        assert_int_equal(c.parser.argc, 3);
        assert_true(slice_equal(c.parser.argv[1], SLICE("k")));
        assert_true(slice_equal(c.parser.argv[2], SLICE("value5")));
    }
    carrier_done(&c);
    assert_true(resp_parser_fresh(&c.parser) && c.parser.blocks.bytes == 0);
    begin(&c, "NG\r\n", RESP_READY);
    resp_parser_rewind(&c.parser); /* nothing in blocks: it is parsed again */
    assert_true(resp_parser_fresh(&c.parser));
    begin(&c, "", RESP_READY);
    assert_true(slice_equal(c.parser.argv[0], SLICE("PING")));
    carrier_release(&c);
}

static void blocks_are_taken_and_moved(void **state) {
    (void)state;
    int64_t before = owned();
    struct resp_blocks b = {.front = FRONT, .owner = MEM_PERSIST}, other = {0};
    assert_null(resp_block_take(NULL, 1));
    for (int arg = 0; arg < 40; arg += 3) assert_true(resp_block_try_add(&b, arg, 100 + (size_t)arg));
    size_t all = b.bytes;
    for (int arg = 0; arg < 45; arg++) assert_int_equal(resp_block_find(&b, arg) != NULL, arg % 3 == 0 && arg < 40);
    void *taken = resp_block_take(&b, 6);
    assert_non_null(taken);
    assert_null(resp_block_take(&b, 6));
    assert_int_equal(all - b.bytes, FRONT + 106);
    resp_blocks_move(&other, &b);
    assert_true(b.bytes == 0 && b.front == FRONT && !resp_block_find(&b, 3) && resp_block_find(&other, 3));
    resp_blocks_clear(&other);
    mem_free(MEM_PERSIST, taken, FRONT + 106); /* the taker's, who knows how long it is */
    assert_int_equal(owned(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_errors),
        cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_too_long_lines),
        cmocka_unit_test(test_nothing_to_run),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_careless_line_ends),
        cmocka_unit_test(test_wanted_bytes),
        cmocka_unit_test(test_declared_count_is_not_believed),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_fast_agrees_with_slow),
        cmocka_unit_test(a_bulk_cut_anywhere_is_the_same),
        cmocka_unit_test(random_streams_are_the_same),
        cmocka_unit_test(a_size_is_not_believed_at_once),
        cmocka_unit_test(limits_hold_before_a_block_is_made),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(what_has_not_run_comes_again),
        cmocka_unit_test(blocks_are_taken_and_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
