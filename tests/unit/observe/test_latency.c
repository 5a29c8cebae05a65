#include "base/clock.h"
#include "base/random.h"
#include "observe/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_samples_merge_within_a_second(void **state) {
    struct latency_monitor m = {0};
    (void)state;
    latency_add(&m, "command", 100, 5);
    latency_add(&m, "command", 100, 9);
    latency_add(&m, "command", 100, 7);
    latency_add(&m, "command", 101, 3);
    const struct latency_event *e = latency_find(&m, SLICE("command"));
    assert_int_equal(latency_samples(e), 2);
    assert_int_equal(latency_sample_at(e, 0)->ms, 9);
    assert_int_equal(latency_sample_at(e, 0)->time_s, 100);
    assert_int_equal(latency_sample_at(e, 1)->ms, 3);
    assert_int_equal(e->max_ms, 9);
    latency_clear(&m);
    assert_int_equal(m.count, 0);
}

static void test_nothing_is_no_spike(void **state) {
    struct latency_monitor m = {0};
    (void)state;
    latency_add(&m, "command", 100, 0);
    assert_null(latency_find(&m, SLICE("command")));
}

static void test_forgetting_one_event_keeps_the_others(void **state) {
    struct latency_monitor m = {0};
    (void)state;
    latency_add(&m, "a", 1, 1);
    latency_add(&m, "b", 1, 2);
    latency_add(&m, "c", 1, 3);
    assert_true(latency_forget(&m, SLICE("b")));
    assert_false(latency_forget(&m, SLICE("b")));
    assert_int_equal(m.count, 2);
    assert_int_equal(latency_find(&m, SLICE("a"))->max_ms, 1);
    assert_int_equal(latency_find(&m, SLICE("c"))->max_ms, 3);
    latency_clear(&m);
}

static void test_kinds_are_bounded(void **state) {
    static char names[LATENCY_EVENTS_MAX + 5][16];
    struct latency_monitor m = {0};
    (void)state;
    for (int i = 0; i < LATENCY_EVENTS_MAX + 5; i++) {
        snprintf(names[i], sizeof names[i], "e%d", i);
        latency_add(&m, names[i], 1, 1);
    }
    assert_int_equal(m.count, LATENCY_EVENTS_MAX);
    latency_clear(&m);
}

/* The ring against a plain array of everything that was added. */
static void test_ring_against_model(void **state) {
    enum { STEPS = 3000 };
    const char *text = getenv("TARN_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_mono_ns();
    struct latency_sample model[STEPS];
    struct latency_monitor m = {0};
    struct random random;
    unsigned count = 0;
    int64_t now = 1000;
    (void)state;
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&random, seed);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t ms = 1 + (uint32_t)random_below(&random, 50);
        now += (int64_t)random_below(&random, 3);
        latency_add(&m, "command", now, ms);
        if (count && model[count - 1].time_s == now) {
            if (ms > model[count - 1].ms) model[count - 1].ms = ms;
        } else {
            model[count++] = (struct latency_sample){now, ms};
        }
        const struct latency_event *e = latency_find(&m, SLICE("command"));
        unsigned kept = count < LATENCY_SAMPLES ? count : LATENCY_SAMPLES;
        assert_int_equal(latency_samples(e), kept);
        for (unsigned i = 0; i < kept; i += step % 7 + 1) {
            assert_int_equal(latency_sample_at(e, i)->time_s, model[count - kept + i].time_s);
            assert_int_equal(latency_sample_at(e, i)->ms, model[count - kept + i].ms);
        }
    }
    latency_clear(&m);
}

static const char *graph_of(const struct latency_monitor *m, int64_t now_s, struct buf *out) {
    buf_init(out, MEM_OBSERVE);
    latency_graph(m->events[0], now_s, out);
    buf_append(out, "", 1);
    return out->ptr;
}

static void test_graph(void **state) {
    struct latency_monitor m = {0};
    struct buf out;
    (void)state;
    latency_add(&m, "command", 1000, 2);
    latency_add(&m, "command", 4000, 3);
    latency_add(&m, "command", 4590, 6);
    latency_add(&m, "command", 4600, 4);
    assert_string_equal(graph_of(&m, 4603, &out),
                        "command - high 6 ms, low 2 ms (all time high 6 ms)\n"
                        "--------------------------------------------------------------------------------\n"
                        "  # \n"
                        "  | \n"
                        "  |#\n"
                        "_#||\n"
                        "\n"
                        "1113\n"
                        "h03s\n"
                        " ms \n");
    buf_release(&out);
    latency_clear(&m);
}

/* All equal, the clock set back, and more samples than columns. */
static void test_graph_at_its_limits(void **state) {
    struct latency_monitor m = {0};
    struct buf out;
    (void)state;
    for (int i = 0; i < 200; i++) latency_add(&m, "command", 1000 + i, UINT32_MAX);
    const char *text = graph_of(&m, 0, &out);
    const char *chart = strstr(text, "____");
    assert_non_null(chart);
    assert_int_equal(strspn(chart, "_"), 80);
    assert_non_null(strstr(text, "0000"));
    buf_release(&out);
    latency_clear(&m);
}

static const char *doctor_of(const struct latency_monitor *m, bool enabled, int64_t threshold_ms, int64_t slow_log_us,
                             struct buf *out) {
    buf_init(out, MEM_OBSERVE);
    latency_doctor(m, enabled, threshold_ms, slow_log_us, out);
    buf_append(out, "", 1);
    return out->ptr;
}

static void test_doctor(void **state) {
    struct latency_monitor m = {0};
    struct buf out;
    (void)state;
    assert_non_null(strstr(doctor_of(&m, false, 0, 10000, &out), "latency monitoring is off"));
    buf_release(&out);
    assert_non_null(strstr(doctor_of(&m, true, 10, 10000, &out), "no latency spike"));
    buf_release(&out);
    latency_add(&m, "command", 1000, 10);
    latency_add(&m, "command", 1010, 20);
    latency_add(&m, "command", 1020, 60);
    latency_add(&m, "eventloop", 1020, 60);
    const char *text = doctor_of(&m, true, 5, 10000, &out);
    assert_non_null(strstr(text, "1. command: 3 latency spikes (average 30ms, mean deviation 20ms, period 10.00 sec). "
                                 "Worst all time event 60ms.\n"));
    assert_non_null(strstr(text, "2. eventloop: 1 latency spikes (average 60ms"));
    assert_non_null(strstr(text, "'CONFIG SET slowlog-log-slower-than 5000'"));
    buf_release(&out);
    assert_null(strstr(doctor_of(&m, true, 10, 1000, &out), "slowlog-log-slower-than")); /* reaches down already */
    buf_release(&out);
    latency_clear(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_merge_within_a_second),
        cmocka_unit_test(test_nothing_is_no_spike),
        cmocka_unit_test(test_forgetting_one_event_keeps_the_others),
        cmocka_unit_test(test_kinds_are_bounded),
        cmocka_unit_test(test_ring_against_model),
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_graph_at_its_limits),
        cmocka_unit_test(test_doctor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
