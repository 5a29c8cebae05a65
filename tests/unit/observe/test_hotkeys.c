/* Hot keys from traffic made up for them: recall, rates, windows. */
#include "base/check.h"
#include "exec/context.h"
#include "observe/hotkeys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/values/seed.h"

#define SECOND_US INT64_C(1000000)
#define NAMES     100000
#define ACCESSES  200000
#define TOP_MAX   1000

static void run_nothing(struct context *c) { (void)c; }

static const struct command_row rows[] = {
    {.name = "use", .run = run_nothing, .arity = -2, .flags = CMD_READONLY, .keys = {KEY_AT(1, KEY_RO)}},
    {0},
};
static const struct command_list lists[] = {{rows}};

struct bench {
    struct executor executor;
    struct session session;
    struct random random;
    struct hotkeys *hotkeys;
    int64_t now_us;
};

static int setup(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    struct siphash_seed seed = {1, 2};
    executor_init(&b->executor, lists, countof(lists), dataset_new(4, &seed));
    b->random = random_of_test();
    b->now_us = 50 * SECOND_US;
    *state = b;
    return 0;
}

static int teardown(void **state) {
    struct bench *b = *state;
    hotkeys_free(b->hotkeys);
    dataset_free(b->executor.dataset);
    executor_release(&b->executor);
    free(b);
    return 0;
}

static void begin(struct bench *b, int64_t top, int64_t percent) {
    const struct hotkeys_settings settings = {.top = top, .percent = percent, .window_s = 1};
    hotkeys_free(b->hotkeys);
    b->hotkeys = hotkeys_new(&settings, b->now_us);
}

static void use(struct bench *b, unsigned name) {
    char text[32];
    struct slice argv[2] = {SLICE("use"), slice_of(text, (size_t)snprintf(text, sizeof text, "%u", name))};
    struct context c = {.executor = &b->executor,
                        .session = &b->session,
                        .command = command_find(b->executor.commands, SLICE("use")),
                        .argv = argv,
                        .argc = 2};
    hotkeys_ran(b->hotkeys, &c);
}

static void end_window(struct bench *b, int64_t after_us) {
    b->now_us += after_us;
    hotkeys_cron(b->hotkeys, b->now_us);
}

/* The place of the name in the list, or -1; its rate in *rate. */
static int place_of(const struct bench *b, unsigned name, int64_t *rate) {
    const struct sketch_entry *keys[TOP_MAX];
    unsigned count = hotkeys_last(b->hotkeys, keys);
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        memcpy(text, keys[i]->text, keys[i]->len);
        text[keys[i]->len] = '\0';
        *rate = hotkeys_rate(b->hotkeys, keys[i]);
        if (strtoul(text, NULL, 10) == name) return (int)i;
    }
    return -1;
}

/* Ten names with a twentieth each, the rest spread over many: ten of ten, by all accesses and by a tenth of them. */
static void test_ten_of_ten(void **state) {
    struct bench *b = *state;
    for (int64_t percent = 100; percent >= 10; percent -= 90) {
        begin(b, 10, percent);
        for (int i = 0; i < ACCESSES; i++) {
            unsigned hot = (unsigned)random_below(&b->random, 20);
            use(b, hot < 10 ? hot : 10 + (unsigned)random_below(&b->random, NAMES));
        }
        end_window(b, SECOND_US);
        for (unsigned hot = 0; hot < 10; hot++) {
            int64_t rate = 0;
            assert_true(place_of(b, hot, &rate) >= 0);
            assert_true(rate > ACCESSES / 20 * 8 / 10 && rate < ACCESSES / 20 * 12 / 10);
        }
    }
}

/* Zipf's law: every name with a hundredth of the accesses or more is there, and the order is that of the law where names are
 * well apart. */
static void test_zipf(void **state) {
    struct bench *b = *state;
    double *sum = malloc(NAMES * sizeof *sum), all = 0;
    for (unsigned i = 0; i < NAMES; i++) sum[i] = all += 1 / (double)(i + 1);
    begin(b, 20, 100);
    for (int i = 0; i < ACCESSES; i++) {
        double at = random_unit(&b->random) * all;
        unsigned low = 0, high = NAMES - 1;
        while (low < high) {
            unsigned middle = (low + high) / 2;
            if (sum[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        use(b, low);
    }
    end_window(b, SECOND_US);
    int64_t rate;
    for (unsigned i = 0; i < 3; i++) assert_int_equal(place_of(b, i, &rate), i);
    for (unsigned i = 0; 1 / (double)(i + 1) > 0.01 * all; i++) assert_true(place_of(b, i, &rate) >= 0);
    free(sum);
}

static void test_windows(void **state) {
    struct bench *b = *state;
    int64_t rate = 0;
    begin(b, 5, 100);
    for (int i = 0; i < 100; i++) use(b, 7);
    end_window(b, SECOND_US / 2); /* not over */
    assert_int_equal(hotkeys_duration_ms(b->hotkeys), 0);
    end_window(b, SECOND_US * 3 / 4);
    assert_int_equal(hotkeys_duration_ms(b->hotkeys), 1250);
    assert_int_equal(hotkeys_samples(b->hotkeys), 100);
    assert_int_equal(place_of(b, 7, &rate), 0);
    assert_int_equal(rate, 80);
    /* Other settings end the window that runs; the last one stays, at its own rate. */
    use(b, 8);
    hotkeys_configure(b->hotkeys, &(struct hotkeys_settings){.top = 50, .percent = 1, .window_s = 2}, b->now_us);
    assert_int_equal(place_of(b, 7, &rate), 0);
    assert_int_equal(rate, 80);
    end_window(b, 2 * SECOND_US);
    assert_int_equal(hotkeys_samples(b->hotkeys), 0);
    /* Nobody closed it in time. */
    hotkeys_configure(b->hotkeys, &(struct hotkeys_settings){.top = 50, .percent = 100, .window_s = 2}, b->now_us);
    use(b, 9);
    end_window(b, 5 * SECOND_US);
    assert_int_equal(hotkeys_duration_ms(b->hotkeys), 0);
    assert_int_equal(place_of(b, 9, &rate), -1);
    use(b, 9);
    end_window(b, 2 * SECOND_US);
    assert_int_equal(place_of(b, 9, &rate), 0);
    hotkeys_clear(b->hotkeys, b->now_us);
    assert_int_equal(place_of(b, 9, &rate), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ten_of_ten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zipf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
