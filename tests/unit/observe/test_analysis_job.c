/* A walk as a job: what takes its time is left to the reaper, also when the walk was stopped; nothing is left behind. */
#include "observe/analysis_job.h"

#include "base/check.h"
#include "io/loop.h"
#include "io/thread.h"
#include "keyspace/db.h"
#include "mem/buf.h"
#include "mem/mem.h"
#include "observe/prefixes.h"
#include "wire/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS 2000
/* A sketch of the prefixes: its places alone. */
#define SKETCH_BYTES (INT64_C(10000) * 64)

/* A reaper that waits to be told. */
struct ground {
    struct loop *loop;
    struct dataset *ds;
    struct keyspace_hooks hooks;
    void (*deferred)(void *arg);
    void *deferred_arg;
    int64_t before;
    unsigned done;
    bool had_result;
    struct prefix_report *report;
};

static struct ground ground;

static void defer(void *arg, void (*job)(void *), void *job_arg) {
    struct ground *g = arg;
    assert_null(g->deferred);
    g->deferred = job;
    g->deferred_arg = job_arg;
}

static void done(struct analysis_job *job) {
    struct buf out;
    struct reply r = {.out = &out, .resp = 2};
    buf_init(&out, MEM_CLIENT);
    ground.done++;
    ground.had_result = analysis_job_reply(job, &r);
    assert_int_equal(ground.had_result, out.len > 0);
    buf_release(&out);
    ground.report = analysis_job_take_prefixes(job);
}

static int setup(void **state) {
    struct siphash_seed seed = {1, 2};
    struct ground *g = &ground;
    *g = (struct ground){.loop = loop_new(), .ds = dataset_new(1, &seed), .hooks = {.defer = defer, .arg = g}};
    for (unsigned i = 0; i < KEYS; i++) {
        char name[32];
        struct slice text = slice_of(name, (size_t)snprintf(name, sizeof name, "group%u:key", i));
        db_put_string(dataset_db(g->ds, 0), (struct key){text, dataset_hash(g->ds, text)}, SLICE("value"), NO_EXPIRE,
                      PUT_PLAIN);
    }
    g->before = mem_owner_bytes(MEM_OBSERVE);
    *state = g;
    return 0;
}

static int teardown(void **state) {
    struct ground *g = *state;
    assert_int_equal(mem_owner_bytes(MEM_OBSERVE), g->before);
    dataset_free(g->ds);
    loop_free(g->loop);
    return 0;
}

static struct analysis_job *start(struct ground *g, bool prefixes, int64_t delay_us) {
    struct analysis_wish wish = {.prefixes = prefixes, .depth = 1, .delimiter = ":"};
    struct analysis_job *job = analysis_job_start(g->loop, &g->hooks, g->ds, &wish, delay_us, done);
    assert_non_null(job);
    assert_true(dataset_is_frozen(g->ds));
    return job;
}

/* Turns of the loop until something is left to the reaper, or the job is done. */
static void run_loop(struct ground *g) {
    for (unsigned i = 0; i < 100000 && !g->deferred && !g->done; i++) loop_turn(g->loop, 1000);
}

static void run_deferred(struct ground *g) {
    void (*job)(void *) = g->deferred;
    g->deferred = NULL;
    job(g->deferred_arg);
}

static void test_prefixes_are_summed_up_by_the_reaper(void **state) {
    struct ground *g = *state;
    start(g, true, 0);
    run_loop(g);
    assert_non_null(g->deferred);
    assert_false(dataset_is_frozen(g->ds));
    assert_int_equal(g->done, 0);
    run_deferred(g);
    run_loop(g);
    assert_true(g->done == 1 && g->had_result);
    assert_int_equal(g->report->count, KEYS);
    prefix_report_drop(g->report);
}

/* The sketch is there until the reaper has been at it. */
static void test_who_stops_it_frees_nothing(void **state) {
    struct ground *g = *state;
    struct analysis_job *job = start(g, true, 1000);
    while (analysis_job_progress(job) == 0) loop_turn(g->loop, 1000);
    assert_true(analysis_job_stop(job));
    assert_false(dataset_is_frozen(g->ds));
    assert_false(g->deferred != NULL);
    assert_true(mem_owner_bytes(MEM_OBSERVE) - g->before > SKETCH_BYTES);
    run_loop(g);
    assert_int_equal(g->done, 0);
    assert_true(mem_owner_bytes(MEM_OBSERVE) - g->before > SKETCH_BYTES);
    run_deferred(g);
    assert_true(mem_owner_bytes(MEM_OBSERVE) - g->before < SKETCH_BYTES);
    run_loop(g);
    assert_true(g->done == 1 && !g->had_result && !g->report);
}

static void test_a_survey_needs_no_reaper(void **state) {
    struct ground *g = *state;
    start(g, false, 0);
    run_loop(g);
    assert_true(g->done == 1 && g->had_result && !g->deferred);
}

/* The loop does not run after it. */
static void test_the_end_during_a_walk(void **state) {
    struct ground *g = *state;
    analysis_job_end(start(g, true, 1000));
    assert_false(dataset_is_frozen(g->ds));
    assert_int_equal(g->done, 0);
}

static void test_the_end_after_it(void **state) {
    struct ground *g = *state;
    struct analysis_job *job = start(g, true, 0);
    run_loop(g);
    run_deferred(g);
    analysis_job_end(job);
    assert_int_equal(g->done, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_prefixes_are_summed_up_by_the_reaper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_stops_it_frees_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_survey_needs_no_reaper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_during_a_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_after_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
