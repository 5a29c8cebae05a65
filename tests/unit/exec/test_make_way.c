/* Who reads the frozen dataset and can do without makes way: for a save, and where memory runs out. */
#include "exec/limit.h"
#include "fixture.h"
#include "keyspace/eviction.h"

static const struct command_row no_rows[] = {{0}};
static const struct command_list no_lists[] = {{no_rows}};

struct reader {
    struct executor executor;
    struct dataset_frozen *frozen;
    int asked;
};

static void give_way(void *arg) {
    struct reader *r = arg;
    r->asked++;
    dataset_thaw(r->executor.dataset, r->frozen);
    r->executor.hooks.give_way = NULL;
}

static int setup(void **state) {
    struct reader *r = calloc(1, sizeof *r);
    struct siphash_seed seed = {1, 2};
    executor_init(&r->executor, no_lists, countof(no_lists), dataset_new(2, &seed));
    r->executor.hooks.arg = r;
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct reader *r = *state;
    dataset_free(r->executor.dataset);
    executor_release(&r->executor);
    free(r);
    return 0;
}

static void test_for_a_save(void **state) {
    struct reader *r = *state;
    struct executor *x = &r->executor;
    assert_true(executor_may_freeze(x));
    executor_make_way(x);
    r->frozen = dataset_freeze(x->dataset);
    assert_false(executor_may_freeze(x)); /* by somebody who stays */
    x->hooks.give_way = give_way;
    assert_true(executor_may_freeze(x));
    executor_make_way(x);
    assert_int_equal(r->asked, 1);
    assert_true(executor_may_freeze(x) && !dataset_is_frozen(x->dataset));
}

static void test_where_memory_runs_out(void **state) {
    struct reader *r = *state;
    struct executor *x = &r->executor;
    const struct eviction_rule rule = {0};
    limit_set(x, &rule, 10, 1); /* any use is beyond the ceiling */
    r->frozen = dataset_freeze(x->dataset);
    x->hooks.give_way = give_way;
    limit_step(x);
    assert_int_equal(r->asked, 1);
    assert_int_equal(x->pause, PAUSE_NONE);
    r->frozen = dataset_freeze(x->dataset); /* a save */
    limit_step(x);
    assert_int_equal(x->pause, PAUSE_WRITE);
    dataset_thaw(x->dataset, r->frozen);
    limit_step(x);
    assert_int_equal(x->pause, PAUSE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_for_a_save, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_memory_runs_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
