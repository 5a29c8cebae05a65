#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/random.h"
#include "keyspace/calendar.h"
#include "mem/mem.h"

#define REFS 20000

/* The model: when each reference is wanted; -1: dead. */
struct model {
    int64_t wanted[REFS];
    uint64_t asked;
};

static void model_wanted(void *arg, const uint64_t *refs, int64_t *at_ms, size_t n) {
    struct model *m = arg;
    assert_in_range(n, 1, CALENDAR_BATCH);
    m->asked += n;
    for (size_t i = 0; i < n; i++) at_ms[i] = m->wanted[refs[i]];
}

static uint64_t test_seed(void) {
    const char *text = getenv("TARN_SEED");
    uint64_t seed = (uint64_t)(text ? strtoll(text, NULL, 10) : time(NULL));
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static int64_t any_time(struct random *r, int64_t now) {
    static const int bits[] = {1, 4, 8, 9, 16, 17, 24, 33, 45, 62};
    int64_t span = INT64_C(1) << bits[random_below(r, countof(bits))];
    int64_t at = now + (int64_t)random_below(r, (uint64_t)span);
    return random_below(r, 20) == 0 ? now - 5 : at;
}

/* All that is due at now comes, each once, none before its time; dead ones may come (they lie on level 0 already). */
static void take_all(struct calendar *c, struct model *m, int64_t now, size_t max, size_t work) {
    uint64_t refs[64];
    bool more = true;
    while (more) {
        assert_true(max <= 64);
        size_t n = calendar_take_due(c, now, refs, max, work, &more);
        assert_true(n <= max);
        for (size_t i = 0; i < n; i++) {
            if (m->wanted[refs[i]] < 0) continue;
            assert_true(m->wanted[refs[i]] <= now);
            m->wanted[refs[i]] = -2; /* done */
        }
    }
    for (size_t i = 0; i < REFS; i++) assert_true(m->wanted[i] < 0 || m->wanted[i] > now);
    assert_true(calendar_next_ms(c) > now);
}

static void test_against_model(void **state) {
    (void)state;
    static struct model m;
    struct random r;
    random_init(&r, test_seed());
    for (int round = 0; round < 5; round++) {
        int64_t now = round == 0 ? 0 : 1700000000000 + (int64_t)random_below(&r, 1u << 30);
        struct calendar *c = calendar_new(model_wanted, &m, now);
        for (size_t i = 0; i < REFS; i++) m.wanted[i] = -1;
        assert_int_equal(calendar_next_ms(c), INT64_MAX);
        for (int step = 0; step < 120; step++) {
            for (size_t i = 0; i < 500; i++) {
                uint64_t ref = random_below(&r, REFS);
                if (m.wanted[ref] >= 0) { /* dies, its reference stays */
                    m.wanted[ref] = -3;
                } else if (m.wanted[ref] == -1 || m.wanted[ref] == -2) { /* -3 may have a reference still */
                    m.wanted[ref] = any_time(&r, now);
                    calendar_file(c, m.wanted[ref], ref);
                }
            }
            int64_t least = INT64_MAX;
            for (size_t i = 0; i < REFS; i++)
                if (m.wanted[i] >= 0 && m.wanted[i] < least) least = m.wanted[i];
            assert_true(calendar_next_ms(c) <= (least > now ? least : now));
            now += (int64_t)random_below(&r, UINT64_C(1) << random_below(&r, 34));
            take_all(c, &m, now, 1 + random_below(&r, 64), 1 + random_below(&r, 300));
        }
        assert_true(m.asked > 0);
        calendar_free(c);
        assert_int_equal(mem_owner_bytes(MEM_EXPIRY), 0);
    }
}

static void test_on_the_millisecond(void **state) {
    (void)state;
    static struct model m;
    int64_t now = 1700000000000;
    struct calendar *c = calendar_new(model_wanted, &m, now);
    for (size_t i = 0; i < 3000; i++) {
        m.wanted[i] = now + (int64_t)i * 97;
        calendar_file(c, m.wanted[i], i);
    }
    assert_int_equal(calendar_count(c), 3000);
    for (uint64_t expected = 0; expected < 3000; expected++) {
        uint64_t refs[8];
        bool more;
        int64_t at = now + (int64_t)expected * 97;
        if (expected > 0) assert_int_equal(calendar_take_due(c, at - 1, refs, 8, 100000, &more), 0);
        assert_int_equal(calendar_take_due(c, at, refs, 8, 100000, &more), 1);
        assert_int_equal(refs[0], expected);
        assert_false(more);
    }
    assert_int_equal(calendar_count(c), 0);
    calendar_free(c);
}

/* A reference is asked for its time at most once a level, whatever its distance. */
static void test_moves_are_few(void **state) {
    (void)state;
    static struct model m;
    int64_t now = 1700000000000;
    struct calendar *c = calendar_new(model_wanted, &m, now);
    m.asked = 0;
    for (size_t i = 0; i < REFS; i++) {
        m.wanted[i] = now + 365 * INT64_C(86400000) + (int64_t)i;
        calendar_file(c, m.wanted[i], i);
    }
    for (int hour = 0; hour < 365 * 24; hour++) {
        uint64_t refs[1];
        bool more = true;
        while (more) assert_int_equal(calendar_take_due(c, now += 3600000, refs, 1, 1000000, &more), 0);
        if (now + 3600000 >= m.wanted[0]) break;
    }
    take_all(c, &m, m.wanted[REFS - 1], 64, 256);
    assert_true(m.asked <= REFS * 5);
    calendar_free(c);
}

static void test_bytes_are_counted(void **state) {
    (void)state;
    static struct model m;
    int64_t before = mem_owner_bytes(MEM_EXPIRY);
    struct calendar *c = calendar_new(model_wanted, &m, 1700000000000);
    for (uint64_t i = 0; i < 1000000; i++) calendar_file(c, 1700000000000 + (int64_t)(i % 1000) * 3600, 7);
    assert_int_equal(mem_owner_bytes(MEM_EXPIRY) - before, calendar_bytes(c));
    assert_int_equal(calendar_count(c), 1000000);
    assert_true(calendar_bytes(c) < 10000000); /* 8 bytes a reference, and a chunk half empty for each slot */
    calendar_free(c);
    assert_int_equal(mem_owner_bytes(MEM_EXPIRY), before);
}

static void test_borders(void **state) {
    (void)state;
    static struct model m;
    struct calendar *c = calendar_new(model_wanted, &m, -5);
    uint64_t refs[4];
    bool more;
    m.wanted[1] = INT64_MAX;
    m.wanted[2] = 255;
    m.wanted[3] = 256;
    for (uint64_t i = 1; i < 4; i++) calendar_file(c, m.wanted[i], i);
    assert_int_equal(calendar_take_due(c, 255, refs, 4, 100, &more), 1);
    assert_int_equal(refs[0], 2);
    assert_int_equal(calendar_take_due(c, 100, refs, 4, 100, &more), 0); /* the clock is set back: nothing is lost */
    assert_int_equal(calendar_hand_ms(c), 255);
    assert_int_equal(calendar_take_due(c, INT64_MAX, refs, 4, 100, &more), 2);
    assert_int_equal(refs[0], 3);
    assert_int_equal(refs[1], 1);
    calendar_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_the_millisecond), cmocka_unit_test(test_borders),
        cmocka_unit_test(test_moves_are_few),      cmocka_unit_test(test_bytes_are_counted),
        cmocka_unit_test(test_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
