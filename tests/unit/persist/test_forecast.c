/* The look-ahead of a load finds every record where the loader finds it, and what is foretold from it is true of loads whose
 * costs are made up here. */
#include "persist/forecast_int.h"
#include "rdb_file.h"

#include "io/file.h"
#include "io/thread.h"
#include "wire/rdb_io.h"

#include <glob.h>

static void wait_for_end(const struct scout *s, const char *path, int64_t size) {
    for (int ms = 0; ms < 10000 && scout_reach(s) < size; ms++) thread_sleep_us(1000);
    if (scout_reach(s) != size) fail_msg("%s: the scout ends at %lld", path, (long long)scout_reach(s));
}

static double keys_of(const struct work *w) { return w->of[WORK_STRINGS] + w->of[WORK_RECORDS]; }

/* As many keys as the loader finds, in a file that it loads. */
static unsigned compare_file(const char *path, const char *name) {
    char why[LOAD_ERROR_MAX] = "";
    struct load_options options = load_defaults();
    struct load_progress progress = {0};
    struct work all;
    options.path = path;
    options.checksum = false;
    options.keep_expired = true;
    options.scout = scout_new();
    struct dataset *ds = load_file(&options, &progress, why);
    if (ds) {
        assert_true(scout_is_known(options.scout) && scout_start(options.scout));
        wait_for_end(options.scout, name, progress.total_bytes);
        scout_before(options.scout, progress.total_bytes, &all);
        assert_true(keys_of(&all) >= (double)progress.loaded_keys);
        assert_true(keys_of(&all) <= (double)progress.loaded_keys + 10); /* those without elements are left out */
        dataset_free(ds);
    }
    scout_free(options.scout);
    return ds != NULL;
}

/* Inputs of the fuzzer have a byte of options before the file. */
static unsigned compare_files(const char *pattern, size_t before) {
    glob_t found;
    char folder[64], *bytes = malloc(8 << 20);
    unsigned compared = 0;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    make_folder(folder);
    const char *path = path_in(folder, "one.rdb");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        ssize_t n = file_read_whole(found.gl_pathv[i], bytes, 8 << 20);
        assert_true(n > (ssize_t)before);
        write_bytes(path, slice_of(bytes + before, (size_t)n - before));
        compared += compare_file(path, found.gl_pathv[i]);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    globfree(&found);
    free(bytes);
    return compared;
}

static void test_scout_finds_what_the_loader_finds(void **state) {
    (void)state;
    assert_true(compare_files("tests/corpus/*.rdb", 0) >= 1);
    assert_true(compare_files("tests/corpus/legacy/*.rdb", 0) >= 6);
    assert_true(compare_files("tests/fuzz/corpus/rdb/*", 1) >= 20);
}

/* Long strings first, then small keys: nine tenths of the bytes are a small part of the work. */
static int64_t write_heavy_end(const char *path) {
    static char text[200000];
    struct buf f;
    char key[32];
    memset(text, 'x', sizeof text);
    file_start(&f, "REDIS0010");
    for (int i = 0; i < 45; i++) {
        text[0] = (char)('a' + i % 26);
        rdb_write_u8(&f, RDB_TYPE_STRING);
        rdb_write_string(&f, slice_of(key, (size_t)snprintf(key, sizeof key, "long:%d", i)), false);
        rdb_write_string(&f, slice_of(text, sizeof text), false);
    }
    for (int i = 0; i < 50000; i++)
        file_key(&f, slice_of(key, (size_t)snprintf(key, sizeof key, "k:%06d", i)), SLICE("0123456"));
    file_end(&f, false);
    int64_t size = (int64_t)f.len;
    write_bytes(path, buf_slice(&f));
    buf_release(&f);
    return size;
}

/* A machine on which a byte costs 1 ns and a key 2 us, which is nine times as much beside a byte as usual: seconds of the work
 * before a place, 0.009 + 0.1 in all. */
static double made_up_seconds(const struct scout *s, int64_t place) {
    struct work w;
    scout_before(s, place, &w);
    return w.of[WORK_BYTES] * 1e-9 + w.of[WORK_STRINGS] * 2e-6;
}

#define SLOWER 100 /* times as slow as that: a load of 11 s */

static void test_forecast_of_a_heavy_end(void **state) {
    (void)state;
    char folder[64];
    make_folder(folder);
    const char *path = path_in(folder, "heavy.rdb");
    int64_t size = write_heavy_end(path);
    struct scout *s = scout_new();
    scout_add(s, path, size);
    scout_known(s);
    struct load_progress p = {.total_bytes = size, .start_us = 1000000};
    struct forecast f;
    forecast_init(&f, s, p.start_us);
    assert_true(scout_start(s));
    wait_for_end(s, path, size);
    double total = SLOWER * made_up_seconds(s, size), last = 0;
    unsigned good = 0, count = 0;
    int64_t now_us = p.start_us;
    for (int64_t place = 0; place <= size; place += size / 2000) {
        double at = SLOWER * made_up_seconds(s, place);
        p.loaded_bytes = place;
        now_us = p.start_us + (int64_t)(at * 1e6);
        forecast_tick(&f, &p, now_us);
        struct load_forecast told = forecast_now(&f, &p, now_us);
        assert_true(told.percent >= last && told.percent < 100);
        last = told.percent;
        if (at < total / 10) continue;
        count++;
        double error = told.seconds_left - (total - at);
        if (error < 0) error = -error;
        if (error <= 0.2 * (total - at) || error <= 0.2) good++;
    }
    assert_true(count > 100);
    assert_true(good >= count * 90 / 100);
    scout_free(s);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Salvaging reads the files a second time, from the beginning; the percentage does not fall. */
static void test_forecast_of_a_second_reading(void **state) {
    (void)state;
    char folder[64];
    make_folder(folder);
    const char *path = path_in(folder, "twice.rdb");
    int64_t size = write_heavy_end(path);
    for (int scouted = 0; scouted < 2; scouted++) {
        struct scout *s = scout_new();
        scout_add(s, path, size);
        scout_known(s);
        struct load_progress p = {.total_bytes = size, .start_us = 1000000};
        struct forecast f;
        double last = 0;
        int64_t now_us = p.start_us;
        forecast_init(&f, s, now_us);
        if (scouted) assert_true(scout_start(s));
        if (scouted) wait_for_end(s, path, size);
        for (int step = 0; step < 180; step++) {
            p.loaded_bytes = size / 100 * (step < 90 ? step : step - 90);
            forecast_tick(&f, &p, now_us += 10000);
            struct load_forecast told = forecast_now(&f, &p, now_us);
            assert_true(told.percent >= last && told.percent < 100 && told.seconds_left >= 0);
            last = told.percent;
        }
        scout_free(s);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Of commands only parts are looked at; what is not there ends the scout, and only that. */
static void test_scout_of_commands(void **state) {
    (void)state;
    char folder[64];
    struct work w;
    struct buf f;
    make_folder(folder);
    const char *path = path_in(folder, "commands.aof");
    buf_init(&f, MEM_SERVER);
    for (int i = 0; i < 100000; i++) buf_printf(&f, "*3\r\n$3\r\nSET\r\n$6\r\n%06d\r\n$1\r\nv\r\n", i);
    write_bytes(path, buf_slice(&f));
    struct scout *s = scout_new();
    scout_add(s, path, (int64_t)f.len);
    scout_add(s, "/nowhere/at/all", 1000000);
    scout_known(s);
    assert_true(scout_start(s));
    int64_t reached = (int64_t)f.len * 99 / 100;
    for (int ms = 0; ms < 10000 && scout_reach(s) < reached; ms++) thread_sleep_us(1000);
    assert_in_range(scout_reach(s), reached, f.len);
    scout_before(s, reached, &w);
    assert_in_range((uint64_t)w.of[WORK_COMMANDS], 98500, 99500);
    assert_in_range((uint64_t)w.of[WORK_COMMAND_BYTES], f.len * 98 / 100, f.len);
    /* 100000 keys in 256 segments are 390 for each: 255 were split on the way, and most of these have. */
    assert_in_range((uint64_t)w.of[WORK_SPLITS], 390, 460);
    scout_behind(s, (int64_t)f.len / 2, &w);
    assert_in_range((uint64_t)w.of[WORK_COMMANDS], 49000, 51000 + (uint64_t)1000000 * 100000 / f.len);
    buf_release(&f);
    scout_free(s);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Behind a base there are commands, which are told of before the base has been looked at; and the waiting of the loader is no
 * cost of its work: the load lasts longer all the same. */
static void test_forecast_of_a_tail(void **state) {
    (void)state;
    char folder[64];
    struct work rest;
    struct buf f;
    make_folder(folder);
    char base[256], tail[256];
    snprintf(base, sizeof base, "%s", path_in(folder, "base.rdb"));
    snprintf(tail, sizeof tail, "%s", path_in(folder, "tail.aof"));
    int64_t base_size = write_heavy_end(base);
    buf_init(&f, MEM_SERVER);
    for (int i = 0; i < 400000; i++) buf_printf(&f, "*3\r\n$3\r\nSET\r\n$8\r\nk:%06d\r\n$1\r\nv\r\n", i);
    write_bytes(tail, buf_slice(&f));
    int64_t size = base_size + (int64_t)f.len;
    struct scout *s = scout_new();
    scout_add(s, base, base_size);
    scout_add(s, tail, (int64_t)f.len);
    scout_known(s);
    assert_true(scout_start(s));
    wait_for_end(s, tail, size);
    scout_behind(s, 0, &rest);
    assert_in_range((uint64_t)rest.of[WORK_COMMANDS], 398000, 402000);
    assert_in_range((uint64_t)rest.of[WORK_STRINGS], 50045, 50045);
    /* 50000 of the keys are in the base and have made 128 segments split, and 91 of the next; with all there are 1750. */
    assert_in_range((uint64_t)rest.of[WORK_SPLITS], 1400, 1650);
    assert_in_range((uint64_t)rest.of[WORK_MADE], 340000, 363000);
    /* As the glance has it: no key is named twice, and half of them are taken to be in the base. */
    assert_int_equal(scout_commands(s, &rest), base_size);
    assert_in_range((uint64_t)rest.of[WORK_COMMANDS], 398000, 402000);
    assert_in_range((uint64_t)rest.of[WORK_MADE], 198000, 202000);
    assert_in_range((uint64_t)rest.of[WORK_SPLITS], 600, 800);
    struct load_progress p = {.total_bytes = size, .start_us = 1000000};
    struct forecast t;
    forecast_init(&t, s, p.start_us);
    int64_t now_us = p.start_us;
    for (int step = 1; step <= 100; step++) { /* 100 ms for 400 KB, half of which is waiting */
        p.loaded_bytes = base_size + (int64_t)f.len * step / 200;
        p.waited_us = 50000 * step;
        forecast_tick(&t, &p, now_us += 100000);
    }
    double left = forecast_now(&t, &p, now_us).seconds_left;
    if (left < 8 || left > 12) fail_msg("%.1f s are said to be left", left);
    buf_release(&f);
    scout_free(s);
    assert_int_equal(unlink(base), 0);
    assert_int_equal(unlink(tail), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scout_finds_what_the_loader_finds),
        cmocka_unit_test(test_forecast_of_a_heavy_end),
        cmocka_unit_test(test_forecast_of_a_second_reading),
        cmocka_unit_test(test_scout_of_commands),
        cmocka_unit_test(test_forecast_of_a_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
