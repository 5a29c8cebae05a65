/* Values' records through one face: the same bytes give the same, whole or in pieces of any size; what is wrong is said once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/num.h"
#include "base/random.h"
#include "wire/rdb_io.h"

#include <math.h>
#include <stdlib.h>

/* Bytes that come in pieces: each piece, with the unused rest before it, lies in a block of its own, and the one before is gone. */
struct pieces {
    struct slice all;
    size_t given, piece;
    unsigned char *block;
    struct rdb_reader window;
    struct rdb_input in;
};

static bool bring_more(struct rdb_input *in) {
    struct pieces *p = in->source;
    size_t rest = (size_t)(p->window.end - p->window.at), more = p->all.len - p->given;
    if (more > p->piece) more = p->piece;
    if (more == 0) return false;
    unsigned char *block = malloc(rest + more);
    if (rest) memcpy(block, p->window.at, rest);
    memcpy(block + rest, p->all.ptr + p->given, more);
    free(p->block);
    p->block = block;
    p->window = (struct rdb_reader){block, block + rest + more};
    p->given += more;
    return true;
}

static bool read_past(struct rdb_input *in, void *dst, uint64_t n) {
    struct pieces *p = in->source;
    size_t lies = (size_t)(p->window.end - p->window.at);
    assert_true(n > lies && n - lies <= p->all.len - p->given);
    if (dst && lies) memcpy(dst, p->window.at, lies);
    if (dst) memcpy((char *)dst + lies, p->all.ptr + p->given, (size_t)n - lies);
    p->given += (size_t)n - lies;
    p->window.at = p->window.end;
    return true;
}

static uint64_t bytes_left(const struct rdb_input *in) {
    const struct pieces *p = in->source;
    return p->all.len - p->given + (size_t)(p->window.end - p->window.at);
}

/* piece 0: all at once, without functions. */
static void start(struct pieces *p, struct slice all, size_t piece) {
    *p = (struct pieces){.all = all, .piece = piece};
    p->block = malloc(all.len + 1);
    p->window = (struct rdb_reader){p->block, p->block};
    if (piece == 0) {
        if (all.len) memcpy(p->block, all.ptr, all.len);
        p->window.end += all.len;
    }
    rdb_input_init(&p->in, &p->window);
    if (piece == 0) return;
    p->in.more = bring_more;
    p->in.read = read_past;
    p->in.left = bytes_left;
    p->in.source = p;
}

static void end(struct pieces *p) {
    rdb_input_release(&p->in);
    free(p->block);
}

/* ---- random records ---- */
enum kind { U8, U32, U64, LENGTH, COUNT, BYTES, DOUBLE, STRING, PAIR, SHORT, HEAD_TO, HEAD_OF, HEAD_SKIP, KINDS };
struct item {
    enum kind kind;
    uint64_t number;
    char *text[2];
    size_t len[2];
};
#define ITEMS 40

static char *make_text(struct random *r, size_t *len) {
    static const size_t most[] = {3, 30, 300, 70000, 200000};
    *len = random_below(r, most[random_below(r, random_below(r, 8) ? 3 : 5)]);
    char *text = malloc(*len + NUM_TEXT_MAX);
    int flavour = (int)random_below(r, 3);
    if (flavour == 0)
        *len = num_format_i64(text, (int64_t)random_next(r) >> random_below(r, 64));
    else
        for (size_t i = 0; i < *len; i++) text[i] = (char)(flavour == 1 ? 'a' + i / 50 % 3 : random_below(r, 256));
    return text;
}

static struct slice text_of(const struct item *item, int which) {
    return slice_of(item->text[which], item->len[which]);
}

static unsigned texts_of(enum kind kind) { return kind == PAIR ? 2 : kind >= STRING ? 1 : 0; }

static void write_item(struct rdb_sink *sink, const struct item *item) {
    double d;
    switch (item->kind) {
    case U8:
        rdb_write_u8(sink->out, (uint8_t)item->number);
        break;
    case U32:
        rdb_write_u32_le(sink->out, (uint32_t)item->number);
        break;
    case U64:
    case BYTES:
        rdb_write_u64_le(sink->out, item->number);
        break;
    case DOUBLE:
        memcpy(&d, &item->number, 8);
        assert_true(rdb_sink_double(sink, d));
        break;
    case LENGTH:
        assert_true(rdb_sink_length(sink, item->number));
        break;
    case COUNT:
        assert_true(rdb_sink_length(sink, 0));
        break;
    default:
        for (int i = 0; i < (int)texts_of(item->kind); i++) assert_true(rdb_sink_string(sink, text_of(item, i)));
    }
}

static bool read_number(struct rdb_input *in, const struct item *item) {
    uint64_t v = 0;
    uint32_t v32;
    uint8_t v8;
    double d;
    switch (item->kind) {
    case U8:
        if (!rdb_input_u8(in, &v8)) return false;
        assert_int_equal(v8, (uint8_t)item->number);
        return true;
    case U32:
        if (!rdb_input_u32(in, &v32)) return false;
        assert_int_equal(v32, (uint32_t)item->number);
        return true;
    case DOUBLE:
        if (!rdb_input_double(in, &d)) return false;
        memcpy(&v, &d, 8);
        break;
    case COUNT:
        if (!rdb_input_count(in, 100, &v)) return false;
        assert_int_equal(v, 0);
        return true;
    default:
        if (!(item->kind == LENGTH ? rdb_input_length(in, &v)
              : item->kind == U64  ? rdb_input_u64(in, &v)
                                   : rdb_input_bytes(in, &v, 8)))
            return false;
    }
    assert_true(v == item->number);
    return true;
}

static bool read_in_steps(struct rdb_input *in, const struct item *item) {
    struct rdb_string_head head;
    struct slice text;
    if (!rdb_input_string_head(in, &head)) return false;
    assert_int_equal(head.len, item->len[0]);
    if (item->kind == HEAD_OF || head.kind == RDB_STRING_INT) {
        if (!rdb_input_string_of(in, &head, &text)) return false;
        assert_true(slice_equal(text, text_of(item, 0)));
        return true;
    }
    char *dst = item->kind == HEAD_TO ? malloc(head.len + 1) : NULL;
    bool read = rdb_input_string_to(in, &head, dst);
    if (read && dst) assert_true(slice_equal(slice_of(dst, (size_t)head.len), text_of(item, 0)));
    free(dst);
    return read;
}

static bool read_item(struct rdb_input *in, const struct item *item) {
    struct slice first, second;
    if (texts_of(item->kind) == 0) return read_number(in, item);
    if (item->kind >= HEAD_TO) return read_in_steps(in, item);
    if (item->kind != PAIR) {
        bool is_short = item->kind == SHORT && rdb_input_short(in, &first);
        assert_null(in->why);
        if (!is_short && !rdb_input_string(in, &first)) return false;
        assert_true(slice_equal(first, text_of(item, 0)));
        return true;
    }
    if (!rdb_input_pair(in, &first, &second)) return false;
    assert_true(slice_equal(first, text_of(item, 0)) && slice_equal(second, text_of(item, 1)));
    return true;
}

static size_t read_all(struct slice bytes, size_t piece, const struct item items[ITEMS], bool *ended) {
    struct pieces p;
    size_t n = 0;
    start(&p, bytes, piece);
    while (n < ITEMS && read_item(&p.in, &items[n])) n++;
    *ended = p.in.ended;
    assert_true((n == ITEMS) == (p.in.why == NULL));
    assert_true(n < ITEMS || p.window.at == p.window.end);
    end(&p);
    return n;
}

static void test_pieces_of_any_size(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 100, 4096, 65536, 1 << 20};
    const char *seed = getenv("TARN_SEED");
    struct random r;
    random_init(&r, seed ? strtoull(seed, NULL, 10) : 1);
    for (int round = 0; round < 20; round++) {
        struct item items[ITEMS];
        struct buf out;
        buf_init(&out, MEM_PERSIST);
        struct rdb_sink sink = {.out = &out, .compress = round % 2, .version = RDB_VERSION_DEFAULT};
        for (int i = 0; i < ITEMS; i++) {
            items[i] = (struct item){.kind = (enum kind)random_below(&r, KINDS)};
            items[i].number = random_next(&r) >> random_below(&r, 64);
            for (unsigned t = 0; t < texts_of(items[i].kind); t++) items[i].text[t] = make_text(&r, &items[i].len[t]);
            write_item(&sink, &items[i]);
        }
        bool ended;
        for (size_t s = 0; s < countof(sizes); s++)
            assert_int_equal(read_all(buf_slice(&out), sizes[s], items, &ended), ITEMS);
        for (int cut = 0; cut < 30; cut++) {
            struct slice some = slice_of(out.ptr, random_below(&r, out.len));
            size_t n = read_all(some, 0, items, &ended);
            assert_true(n < ITEMS);
            assert_int_equal(read_all(some, 1 + random_below(&r, 5000), items, &ended), n);
        }
        for (int i = 0; i < ITEMS; i++) free(items[i].text[0]), free(items[i].text[1]);
        buf_release(&out);
    }
}

/* ---- what is wrong ---- */
static void refused_string(struct slice bytes, bool ended) {
    for (size_t piece = 0; piece < 4; piece++) {
        struct pieces p;
        struct slice text;
        uint8_t after;
        start(&p, bytes, piece);
        assert_false(rdb_input_string(&p.in, &text));
        assert_non_null(p.in.why);
        assert_int_equal(p.in.ended, ended);
        const char *why = p.in.why;
        assert_false(rdb_input_fail(&p.in, "another reason"));
        assert_false(rdb_input_u8(&p.in, &after) || rdb_input_string(&p.in, &text));
        assert_ptr_equal(p.in.why, why);
        end(&p);
    }
}

static void test_bad_strings(void **state) {
    (void)state;
    refused_string(SLICE(""), true);
    refused_string(SLICE("\x40"), true);
    refused_string(SLICE("\x05"
                         "abcd"),
                   false);
    refused_string(SLICE("\x80\xff\xff\xff\xff"), false);
    refused_string(SLICE("\x81\x7f\xff\xff\xff\xff\xff\xff\xff"), false);
    refused_string(SLICE("\xc4"), false);
    refused_string(SLICE("\xc1\x01"), true);
    refused_string(SLICE("\xc3\x04\x0a"
                         "abc"),
                   false);
    refused_string(SLICE("\xc3\x04\x0a\x20\x20\x20\x20"), false);
    refused_string(SLICE("\xc3\x05\x80\x7f\xff\xff\xff\xe0\xff\xff\xff\xff"), false);
}

static void test_counts_are_held_against_the_rest(void **state) {
    (void)state;
    static const struct {
        struct slice bytes;
        unsigned each;
        bool fits;
    } cases[] = {{SLICE("\x02xxxx"), 2, true},
                 {SLICE("\x02xxx"), 2, false},
                 {SLICE("\x00"), 9, true},
                 {SLICE("\x81\xff\xff\xff\xff\xff\xff\xff\xffx"), 1, false}};
    for (size_t i = 0; i < countof(cases); i++)
        for (size_t piece = 0; piece < 3; piece++) {
            struct pieces p;
            uint64_t n;
            start(&p, cases[i].bytes, piece);
            assert_int_equal(rdb_input_count(&p.in, cases[i].each, &n), cases[i].fits);
            end(&p);
        }
}

static double text_double(struct slice bytes, bool *right) {
    struct pieces p;
    double v = 0;
    start(&p, bytes, 1);
    *right = rdb_input_double_text(&p.in, &v);
    end(&p);
    return v;
}

static void test_scores_as_text(void **state) {
    (void)state;
    bool right;
    assert_true(text_double(SLICE("\x03"
                                  "2.5"),
                            &right) == 2.5 &&
                right);
    assert_true(text_double(SLICE("\x05-1e10"), &right) == -1e10 && right);
    assert_true(isnan(text_double(SLICE("\xfd"), &right)) && right);
    assert_true(text_double(SLICE("\xfe"), &right) == INFINITY && right);
    assert_true(text_double(SLICE("\xff"), &right) == -INFINITY && right);
    text_double(SLICE("\x03"
                      "abc"),
                &right);
    assert_false(right);
    text_double(SLICE("\x00"), &right);
    assert_false(right);
    text_double(SLICE("\x03"
                      "1"),
                &right);
    assert_false(right);
}

/* A claim costs nothing before its bytes have been looked at. */
static void test_claims_cost_nothing(void **state) {
    (void)state;
    struct pieces p;
    struct slice text;
    char bytes[1000] = "\xc3\x43\xdc\x80\x00\x01\x38\x80"; /* 988 bytes compressed, 80,000 claimed */
    mem_note_peak();
    mem_reset_peak();
    int64_t before = mem_used();
    start(&p, slice_of(bytes, sizeof bytes), 0);
    assert_false(rdb_input_string(&p.in, &text));
    mem_note_peak();
    assert_true(mem_peak() - before < 16 << 10);
    end(&p);
    assert_int_equal(mem_used(), before);
}

/* ---- the sink ---- */
struct taken {
    struct buf all;
    int flushes, allowed;
};

static bool take(struct rdb_sink *sink) {
    struct taken *t = sink->target;
    if (t->flushes++ == t->allowed) return false;
    buf_append_slice(&t->all, buf_slice(sink->out));
    buf_clear(sink->out);
    return true;
}

static void test_sink_flushes(void **state) {
    (void)state;
    struct taken t = {.allowed = 3};
    struct buf out;
    char text[1000];
    int written = 0;
    memset(text, 'x', sizeof text);
    buf_init(&t.all, MEM_PERSIST);
    buf_init(&out, MEM_PERSIST);
    struct rdb_sink sink = {.out = &out, .flush = take, .target = &t, .version = RDB_VERSION_DEFAULT};
    while (rdb_sink_string(&sink, slice_of(text, sizeof text)) && rdb_sink_length(&sink, 5) &&
           rdb_sink_double(&sink, 1.5))
        written++;
    assert_int_equal(t.flushes, 4);
    assert_true(written > 700 && t.all.len > 3 * RDB_SINK_BYTES && t.all.len < 4 * RDB_SINK_BYTES);
    sink.flush = NULL;
    assert_true(rdb_sink_string(&sink, slice_of(text, sizeof text)));
    assert_true(out.len > RDB_SINK_BYTES);
    buf_release(&out);
    buf_release(&t.all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces_of_any_size),
                                       cmocka_unit_test(test_bad_strings),
                                       cmocka_unit_test(test_counts_are_held_against_the_rest),
                                       cmocka_unit_test(test_scores_as_text),
                                       cmocka_unit_test(test_claims_cost_nothing),
                                       cmocka_unit_test(test_sink_flushes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
