#include "world.h"

#include "store/pack.h"
#include "store/pack_legacy.h"

#define OWNER MEM_LISTS

/* Fewer steps where each costs ten times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS(n) ((n) / 10)
#else
#define STEPS(n) (n)
#endif

/* ---- vectors, written by hand from the specification; what Redis 7.0 DUMPs for a list of these is the same ---- */
struct vector {
    const char *text;
    size_t len;
    const char *bytes;
    size_t n;
};
#define VECTOR(text, bytes) \
    { text, sizeof(text) - 1, bytes, sizeof(bytes) - 1 }

static const struct vector vectors[] = {
    VECTOR("0", "\x00\x01"),
    VECTOR("127", "\x7f\x01"),
    VECTOR("128", "\xc0\x80\x02"),
    VECTOR("-1", "\xdf\xff\x02"),
    VECTOR("4095", "\xcf\xff\x02"),
    VECTOR("-4096", "\xd0\x00\x02"),
    VECTOR("4096", "\xf1\x00\x10\x03"),
    VECTOR("-4097", "\xf1\xff\xef\x03"),
    VECTOR("32767", "\xf1\xff\x7f\x03"),
    VECTOR("32768", "\xf2\x00\x80\x00\x04"),
    VECTOR("-8388608", "\xf2\x00\x00\x80\x04"),
    VECTOR("8388608", "\xf3\x00\x00\x80\x00\x05"),
    VECTOR("-2147483648", "\xf3\x00\x00\x00\x80\x05"),
    VECTOR("2147483648", "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09"),
    VECTOR("-9223372036854775808", "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09"),
    VECTOR("9223372036854775807", "\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09"),
    VECTOR("9223372036854775808", "\x93"
                                  "9223372036854775808\x14"),
    VECTOR("", "\x80\x01"),
    VECTOR("hello", "\x85hello\x06"),
    VECTOR("01", "\x82"
                 "01\x03"),
    VECTOR("-0", "\x82-0\x03"),
    VECTOR("+1", "\x82+1\x03"),
    VECTOR(" 1", "\x82 1\x03"),
};

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < countof(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct pack *p = pack_append(OWNER, pack_new(OWNER), slice_of(v->text, v->len));
        assert_int_equal(pack_bytes(p), 7 + v->n);
        assert_memory_equal(p->body, v->bytes, v->n);
        assert_true(p->body[v->n] == 0xFF && pack_count(p) == 1 && pack_verify(p, pack_bytes(p), true));
        char scratch[NUM_TEXT_MAX];
        assert_true(slice_equal(pack_text(p, pack_first(p), scratch), slice_of(v->text, v->len)));
        pack_free(OWNER, p);
    }
    assert_int_equal(mem_owner_bytes(OWNER), 0);
}

/* Lengths around every border of encoding and back length. The borders of the latter were seen in DUMPs of Redis 7.0.15. */
static void test_string_borders(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const char *head, *back;
        size_t head_len, back_len;
    } cases[] = {
        {63, "\xbf", "\x40", 1, 1},
        {64, "\xe0\x40", "\x42", 2, 1},
        {125, "\xe0\x7d", "\x7f", 2, 1},
        {126, "\xe0\x7e", "\x01\x80", 2, 2},
        {4095, "\xef\xff", "\x20\x81", 2, 2},
        {4096, "\xf0\x00\x10\x00\x00", "\x20\x85", 5, 2},
        {16377, "\xf0\xf9\x3f\x00\x00", "\x7f\xfe", 5, 2},
        {16378, "\xf0\xfa\x3f\x00\x00", "\x00\xff\xff", 5, 3},
        {16379, "\xf0\xfb\x3f\x00\x00", "\x01\x80\x80", 5, 3},
        {2097145, "\xf0\xf9\xff\x1f\x00", "\x7f\xff\xfe", 5, 3},
        {2097146, "\xf0\xfa\xff\x1f\x00", "\x00\xff\xff\xff", 5, 4},
        {268435450, "\xf0\xfa\xff\xff\x0f", "\x00\xff\xff\xff\xff", 5, 5},
    };
    char *text = malloc(268435450);
    memset(text, 'x', 268435450);
    for (size_t i = 0; i < countof(cases); i++) {
        struct pack *p = pack_append(OWNER, pack_new(OWNER), slice_of(text, cases[i].len));
        size_t head = cases[i].head_len, back = cases[i].back_len;
        assert_int_equal(pack_bytes(p), 7 + head + cases[i].len + back);
        assert_memory_equal(p->body, cases[i].head, head);
        assert_memory_equal(p->body + head + cases[i].len, cases[i].back, back);
        p = pack_append(OWNER, p, SLICE("7"));
        assert_true(pack_prev(p, pack_last(p)) == pack_first(p) && pack_verify(p, pack_bytes(p), true));
        pack_free(OWNER, p);
    }
    free(text);
}

/* ---- a plain vector of strings beside packs ---- */
#define TEXT_MAX 300
struct word {
    size_t len;
    char bytes[TEXT_MAX];
};

struct bag {
    struct pack *pack;
    struct word *words;
    size_t count, capacity;
    struct random random;
};

static struct slice word_slice(const struct word *w) { return slice_of(w->bytes, w->len); }

static void word_random(struct random *r, struct word *w) {
    switch (random_below(r, 8)) {
    case 0:
        w->len = num_format_i64(w->bytes, (int64_t)random_below(r, 300) - 100);
        break;
    case 1:
        w->len = num_format_i64(w->bytes, (int64_t)(random_next(r) >> random_below(r, 64)));
        break;
    case 2:
        w->len = num_format_i64(w->bytes, -(int64_t)(random_next(r) >> (1 + random_below(r, 62))));
        break;
    case 3:
        w->len = (size_t)snprintf(w->bytes, TEXT_MAX, "0%u", (unsigned)random_below(r, 100));
        break;
    default:
        w->len = random_below(r, random_below(r, 10) ? 12 : TEXT_MAX);
        for (size_t i = 0; i < w->len; i++) w->bytes[i] = (char)random_below(r, random_below(r, 4) ? 3 : 256);
    }
}

static void bag_check(const struct bag *b) {
    const struct pack *p = b->pack;
    char scratch[NUM_TEXT_MAX];
    assert_true(pack_verify(p, pack_bytes(p), true) && pack_count(p) == b->count && pack_empty(p) == (b->count == 0));
    pack_pos at = pack_first(p);
    for (size_t i = 0; i < b->count; i++, at = pack_next(p, at)) {
        struct slice have = pack_text(p, at, scratch);
        assert_true(at && slice_equal(have, word_slice(&b->words[i])));
        int64_t integer;
        struct pack_item item = pack_get(p, at);
        assert_true(item.is_integer == num_parse_i64(have, &integer) && (!item.is_integer || item.integer == integer));
    }
    assert_int_equal(at, 0);
    at = pack_last(p);
    for (size_t i = b->count; i-- > 0; at = pack_prev(p, at))
        assert_true(at && pack_equal(p, at, word_slice(&b->words[i])));
    assert_int_equal(at, 0);
    assert_true((int64_t)mem_good_size(pack_bytes(p)) <= mem_owner_bytes(OWNER));
}

static void bag_insert(struct bag *b, size_t i) {
    struct word w;
    word_random(&b->random, &w);
    if (b->count == b->capacity) return;
    struct slice text = word_slice(&w);
    int64_t integer;
    pack_pos at = pack_at(b->pack, (int64_t)i);
    if (i == 0 && random_below(&b->random, 2))
        b->pack = pack_prepend(OWNER, b->pack, text);
    else if (i > 0 && random_below(&b->random, 2))
        b->pack = pack_insert_after(OWNER, b->pack, pack_at(b->pack, (int64_t)i - 1), text);
    else if (num_parse_i64(text, &integer) && random_below(&b->random, 2))
        b->pack = pack_insert_integer(OWNER, b->pack, at, integer);
    else
        b->pack = pack_insert(OWNER, b->pack, at, text);
    memmove(&b->words[i + 1], &b->words[i], (b->count - i) * sizeof w);
    b->words[i] = w;
    b->count++;
}

static void bag_replace(struct bag *b, size_t i) {
    int64_t integer;
    word_random(&b->random, &b->words[i]);
    pack_pos at = pack_at(b->pack, (int64_t)i - (random_below(&b->random, 2) ? (int64_t)b->count : 0));
    struct slice text = word_slice(&b->words[i]);
    if (num_parse_i64(text, &integer) && random_below(&b->random, 2))
        b->pack = pack_replace_integer(OWNER, b->pack, at, integer);
    else
        b->pack = pack_replace(OWNER, b->pack, at, text);
    assert_true(pack_equal(b->pack, at, text));
}

static void bag_delete(struct bag *b, size_t i) {
    size_t n = random_below(&b->random, random_below(&b->random, 4) ? 3 : b->count + 2);
    pack_pos at = pack_at(b->pack, (int64_t)i);
    b->pack = pack_delete(OWNER, b->pack, at, n);
    if (n > b->count - i) n = b->count - i;
    memmove(&b->words[i], &b->words[i + n], (b->count - i - n) * sizeof *b->words);
    b->count -= n;
    at = pack_standing(b->pack, at);
    assert_true((at != 0) == (i < b->count) && at == pack_at(b->pack, (int64_t)i));
}

static void bag_find(struct bag *b, size_t i) {
    unsigned skip = (unsigned)random_below(&b->random, 3);
    size_t from = random_below(&b->random, b->count), at = from;
    while (at < b->count && !slice_equal(word_slice(&b->words[at]), word_slice(&b->words[i]))) at += skip + 1;
    pack_pos found = pack_find(b->pack, pack_at(b->pack, (int64_t)from), word_slice(&b->words[i]), skip);
    assert_int_equal(found, at < b->count ? pack_at(b->pack, (int64_t)at) : 0);
}

static void bag_split_and_merge(struct bag *b, size_t i) {
    struct pack *tail;
    b->pack = pack_split(OWNER, b->pack, pack_at(b->pack, (int64_t)i), &tail);
    assert_true(pack_count(b->pack) == i && pack_count(tail) == b->count - i);
    assert_true(pack_verify(b->pack, pack_bytes(b->pack), true) && pack_verify(tail, pack_bytes(tail), true));
    b->pack = pack_merge(OWNER, b->pack, tail);
}

static void bag_step(struct bag *b, unsigned lean) {
    if (b->count == 0 || random_below(&b->random, 256) < lean) {
        bag_insert(b, random_below(&b->random, b->count + 1));
        return;
    }
    size_t i = random_below(&b->random, b->count);
    switch (random_below(&b->random, 5)) {
    case 0:
        bag_replace(b, i);
        break;
    case 1:
        bag_find(b, i);
        break;
    case 2:
        bag_split_and_merge(b, i);
        break;
    default:
        bag_delete(b, i);
    }
}

static void bag_init(struct bag *b, size_t capacity, uint64_t seed) {
    *b = (struct bag){.pack = pack_new(OWNER), .words = calloc(capacity, sizeof *b->words), .capacity = capacity};
    random_init(&b->random, seed);
}

static void bag_release(struct bag *b) {
    pack_free(OWNER, b->pack);
    free(b->words);
    assert_true(mem_owner_bytes(OWNER) == 0 && mem_owner_blocks(OWNER) == 0);
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {2, 10, 60, 300};
    for (size_t i = 0; i < countof(sizes); i++) {
        struct bag b;
        bag_init(&b, sizes[i], seed + i);
        for (size_t n = 0; n < STEPS(600000); n++) {
            bag_step(&b, n / 1000 % 2 ? 60 : 190);
            if (n % 64 == 0) bag_check(&b);
        }
        bag_release(&b);
    }
}

static void test_indexes(void **state) {
    (void)state;
    struct pack *p = pack_new(OWNER);
    assert_true(!pack_at(p, 0) && !pack_at(p, -1) && !pack_first(p) && !pack_last(p) &&
                !pack_find(p, 0, SLICE("a"), 0));
    for (int64_t i = 0; i < 100; i++) p = pack_append_integer(OWNER, p, i * 1000);
    for (int64_t i = -101; i <= 101; i++) {
        pack_pos at = pack_at(p, i);
        assert_true((at != 0) == (i >= -100 && i < 100));
        if (at) assert_int_equal(pack_get(p, at).integer, (i < 0 ? i + 100 : i) * 1000);
    }
    assert_true(!pack_at(p, INT64_MIN) && !pack_at(p, INT64_MAX));
    assert_true(pack_fits(p, 100) && !pack_fits(p, PACK_BYTES_MAX) && !pack_fits(p, SIZE_MAX));
    pack_free(OWNER, p);
}

/* Beyond what the head can count, and back. */
static void test_count_unknown(void **state) {
    (void)state;
    struct pack *p = pack_new(OWNER);
    for (size_t i = 0; i < 70000; i++) {
        p = pack_append_integer(OWNER, p, (int64_t)(i % 100));
        if (i % 1000 == 0 || (i > 65530 && i < 65540)) assert_int_equal(pack_count(p), i + 1);
    }
    assert_true(p->head[4] == 0xFF && p->head[5] == 0xFF && pack_verify(p, pack_bytes(p), true));
    assert_int_equal(pack_get(p, pack_at(p, 69999)).integer, 99);
    assert_int_equal(pack_get(p, pack_at(p, -70000)).integer, 0);
    assert_true(!pack_at(p, 70000) && !pack_at(p, -70001));
    p = pack_delete(OWNER, p, pack_first(p), 10000);
    assert_true(pack_count(p) == 60000 && p->head[5] != 0xFF);
    pack_free(OWNER, p);
    assert_int_equal(mem_owner_bytes(OWNER), 0);
}

/* ---- bytes from outside ---- */
/* Walks all that the verifier let pass: in blocks of exactly their size, so that ASan sees a step outside. */
static void walk_if_verified(const void *bytes, size_t n) {
    void *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, bytes, n);
    if (pack_verify(copy, n, true)) {
        const struct pack *p = copy;
        char scratch[NUM_TEXT_MAX];
        size_t count = 0, sum = 0;
        for (pack_pos at = pack_first(p); at; at = pack_next(p, at), count++) {
            struct slice s = pack_text(p, at, scratch);
            for (size_t i = 0; i < s.len; i++) sum += (unsigned char)s.ptr[i];
        }
        assert_int_equal(count, pack_count(p));
        for (pack_pos at = pack_last(p); at; at = pack_prev(p, at)) count--;
        assert_true(count == 0 && sum < SIZE_MAX);
    } else {
        (void)pack_verify(copy, n, false);
    }
    free(copy);
}

static void test_hostile_bytes(void **state) {
    (void)state;
    struct bag b;
    bag_init(&b, 40, test_seed());
    size_t passed = 0;
    for (int round = 0; round < STEPS(60); round++) {
        for (int n = 0; n < 30; n++) bag_step(&b, 170);
        size_t n = pack_bytes(b.pack);
        uint8_t *bytes = malloc(n);
        memcpy(bytes, b.pack, n);
        for (size_t cut = 0; cut < n; cut++) {
            assert_false(pack_verify(bytes, cut, true));
            walk_if_verified(bytes, cut);
            if (cut < PACK_BYTES_EMPTY) continue;
            uint32_t total = (uint32_t)cut; /* as if it were meant so */
            uint8_t *shorter = malloc(cut);
            memcpy(shorter, bytes, cut);
            memcpy(shorter, &total, sizeof total);
            shorter[4] = shorter[5] = shorter[cut - 1] = 0xFF;
            walk_if_verified(shorter, cut);
            free(shorter);
        }
        for (size_t bit = 0; bit < n * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            passed += pack_verify(bytes, n, true);
            walk_if_verified(bytes, n);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_memory_equal(bytes, b.pack, n);
        free(bytes);
    }
    print_message("%zu bit flips gave another pack\n", passed);
    bag_release(&b);
}

static void test_copy_may_fail(void **state) {
    (void)state;
    struct pack *p = pack_append(OWNER, pack_new(OWNER), SLICE("hello"));
    mem_fail_after(1, 0);
    assert_null(pack_try_copy(OWNER, p, pack_bytes(p)));
    struct pack *copy = pack_try_copy(OWNER, p, pack_bytes(p));
    assert_memory_equal(copy, p, pack_bytes(p));
    pack_free(OWNER, copy);
    pack_free(OWNER, p);
    pack_free(OWNER, NULL);
}

/* ---- older forms ---- */
struct listing {
    char text[400];
    size_t stop_after;
};

static bool listing_add(void *arg, const struct pack_item *item) {
    struct listing *l = arg;
    size_t at = strlen(l->text);
    if (item->is_integer)
        snprintf(l->text + at, sizeof l->text - at, "%lld ", (long long)item->integer);
    else
        snprintf(l->text + at, sizeof l->text - at, "'%.*s' ", (int)item->text.len, item->text.ptr);
    return l->stop_after == 0 || --l->stop_after > 0;
}

typedef bool each_fn(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg);

/* The whole gives the listing; no truncation is accepted, and no bit flip leads outside. */
static void legacy_case(each_fn *each, const char *bytes, size_t n, const char *expected) {
    struct listing l = {.text = ""};
    uint8_t *copy = malloc(n);
    memcpy(copy, bytes, n);
    assert_true(each(copy, n, listing_add, &l) && each(copy, n, NULL, NULL));
    assert_string_equal(l.text, expected);
    if (*expected) {
        struct listing first = {.text = "", .stop_after = 1};
        assert_false(each(copy, n, listing_add, &first));
    }
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *shorter = malloc(cut ? cut : 1);
        memcpy(shorter, bytes, cut);
        struct listing none = {.text = ""};
        assert_false(each(shorter, cut, listing_add, &none));
        assert_string_equal(none.text, ""); /* nothing of what is corrupt is shown */
        free(shorter);
    }
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct listing any = {.text = ""};
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!each(copy, n, listing_add, &any)) assert_string_equal(any.text, "");
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(copy);
}
#define LEGACY(each, bytes, expected) legacy_case(each, bytes, sizeof(bytes) - 1, expected)

/* By lines: bytes, offset of the last entry, number of entries, entries, end. */
static void test_ziplist(void **state) {
    (void)state;
    LEGACY(ziplist_each, "\013\000\000\000\012\000\000\000\000\000\377", "");
    LEGACY(ziplist_each,
           "\024\000\000\000"
           "\021\000\000\000"
           "\002\000"
           "\000\005\150\145\154\154\157\007\375"
           "\377",
           "'hello' 12 ");
    LEGACY(ziplist_each,
           "\063\000\000\000"
           "\053\000\000\000"
           "\007\000"
           "\000\376\373\003\300\030\374\004\360\377\377\177\005\320\000\000\000\200\006\340\377\377\377\377\377\377"
           "\377\177\012\100\002\172\172\005\200\000\000\000\001\171"
           "\377",
           "-5 -1000 8388607 -2147483648 9223372036854775807 'zz' 'y' ");
}

static void test_zipmap(void **state) {
    (void)state;
    LEGACY(zipmap_each, "\0\xff", "");
    LEGACY(zipmap_each, "\2\3foo\3\0bar\5hello\5\2world..\xff", "'foo' 'bar' 'hello' 'world' ");
    LEGACY(zipmap_each, "\xfe\xfe\3\0\0\0foo\xfe\1\0\0\0\0x\xff", "'foo' 'x' ");
}

static void test_intset(void **state) {
    (void)state;
    LEGACY(intset_each, "\2\0\0\0\0\0\0\0", "");
    LEGACY(intset_each, "\2\0\0\0\3\0\0\0\xff\xff\1\0\0\1", "-1 1 256 ");
    LEGACY(intset_each, "\4\0\0\0\2\0\0\0\0\0\0\x80\xff\xff\xff\x7f", "-2147483648 2147483647 ");
    LEGACY(intset_each, "\x8\0\0\0\1\0\0\0\0\0\0\0\0\0\0\x80", "-9223372036854775808 ");
    assert_false(intset_each("\2\0\0\0\2\0\0\0\1\0\1\0", 12, NULL, NULL));
    assert_false(intset_each("\2\0\0\0\2\0\0\0\2\0\1\0", 12, NULL, NULL));
    assert_false(intset_each("\3\0\0\0\0\0\0\0", 8, NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_string_borders),
        cmocka_unit_test(test_indexes),       cmocka_unit_test(test_count_unknown),
        cmocka_unit_test(test_against_model), cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_copy_may_fail), cmocka_unit_test(test_ziplist),
        cmocka_unit_test(test_zipmap),        cmocka_unit_test(test_intset),
    };
    return cmocka_run_group_tests_name("store/pack", tests, NULL, NULL);
}
