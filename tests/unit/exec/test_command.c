/* The index and what follows from a row. */
#include "exec/command.h"

#include "base/random.h"
#include "base/text.h"
#include "fixture.h"

static void nothing(struct context *c) { (void)c; }

static int find_odd(const struct slice *argv, int argc, int *positions, int max) {
    int n = 0;
    (void)argv;
    for (int i = 1; i < argc; i += 2, n++) {
        if (n < max) positions[n] = i;
    }
    return n;
}

static unsigned flags_by_count(const struct slice *argv, int argc) {
    (void)argv;
    return argc > 3 ? KEY_RW | KEY_ACCESS : KEY_OW;
}

static const struct command_row subs[] = {
    {.name = "get", .run = nothing, .arity = -3, .flags = CMD_ADMIN | CMD_LOADING},
    {.name = "a-subcommand-with-a-long-name", .run = nothing, .arity = 2},
    {0},
};

static const struct command_row rows[] = {
    {.name = "get",
     .run = nothing,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_STRING,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}},
    {.name = "mset", .run = nothing, .arity = -3, .flags = CMD_WRITE, .keys = {KEYS_FROM(1, 2, KEY_OW)}},
    {.name = "copy", .run = nothing, .arity = -3, .flags = CMD_WRITE, .keys = {KEY_AT(1, KEY_RO), KEY_AT(2, KEY_OW)}},
    {.name = "blpop",
     .run = nothing,
     .arity = -3,
     .flags = CMD_WRITE | CMD_BLOCKING,
     .keys =
         {{.begin = KEY_BEGIN_INDEX, .position = 1, .find = KEY_FIND_RANGE, .last = -2, .step = 1, .flags = KEY_RW}}},
    {.name = "counted",
     .run = nothing,
     .arity = -4,
     .keys =
         {KEY_AT(1, KEY_OW),
          {.begin = KEY_BEGIN_INDEX, .position = 2, .find = KEY_FIND_KEYNUM, .step = 1, .limit = 1, .flags = KEY_RO}}},
    {.name = "eval",
     .run = nothing,
     .arity = -3,
     .flags = CMD_NO_MANDATORY_KEYS,
     .acl = ACL_SCRIPTING,
     .keys =
         {{.begin = KEY_BEGIN_INDEX, .position = 2, .find = KEY_FIND_KEYNUM, .step = 1, .limit = 1, .flags = KEY_RW}}},
    {.name = "xread",
     .run = nothing,
     .arity = -4,
     .flags = CMD_READONLY,
     .keys = {{.begin = KEY_BEGIN_KEYWORD,
               .position = 1,
               .keyword = "STREAMS",
               .find = KEY_FIND_RANGE,
               .last = -1,
               .step = 1,
               .limit = 2,
               .flags = KEY_RO}}},
    {.name = "migrate",
     .run = nothing,
     .arity = -6,
     .flags = CMD_WRITE,
     .keys = {KEY_AT(3, KEY_RW),
              {.begin = KEY_BEGIN_KEYWORD,
               .position = -2,
               .keyword = "KEYS",
               .find = KEY_FIND_RANGE,
               .last = -1,
               .step = 1,
               .flags = KEY_RW | KEY_INCOMPLETE}}},
    {.name = "sort",
     .run = nothing,
     .arity = -2,
     .keys = {KEY_AT(1, KEY_RO), {.begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, .flags = KEY_OW}}},
    {.name = "odd", .run = nothing, .arity = -1, .find_keys = find_odd, .keys = {KEY_AT(1, KEY_RO), KEY_AT(3, KEY_OW)}},
    {.name = "varied",
     .run = nothing,
     .arity = -1,
     .key_flags = flags_by_count,
     .keys = {KEY_AT(1, KEY_RW | KEY_VARIABLE_FLAGS)}},
    {.name = "spublish", .run = nothing, .arity = 3, .flags = CMD_PUBSUB, .keys = {KEY_AT(1, KEY_NOT_KEY)}},
    {.name = "config", .arity = -2, .subcommands = subs},
    {.name = "a_rather_long.command-name", .run = nothing, .arity = 1},
    {.name = "q", .run = nothing, .arity = 1},
    {0},
};
static const struct command_list lists[] = {{rows}};

static struct command_index *make(void) { return command_index_new(lists, 1); }

/* ---- names ---- */
static void test_finds_names_in_any_case(void **state) {
    (void)state;
    struct command_index *x = make();
    assert_int_equal(command_count(x), countof(rows) - 1);
    for (unsigned i = 0; i < command_count(x); i++) {
        char upper[64];
        size_t n = strlen(rows[i].name);
        for (size_t k = 0; k <= n; k++) {
            char ch = rows[i].name[k];
            upper[k] = (char)(ch >= 'a' && ch <= 'z' ? ch - 32 : ch);
        }
        assert_ptr_equal(command_find(x, slice_of(upper, n)), command_at(x, i));
        assert_ptr_equal(command_find(x, slice_of(rows[i].name, n)), command_at(x, i));
        assert_null(command_find(x, slice_of(rows[i].name, n - 1)));
    }
    assert_null(command_find(x, slice_of(NULL, 0)));
    assert_null(command_find(x, SLICE("a_rather_long.xommand-name"))); /* differs in the middle only */
    assert_null(command_find(x, SLICE("\x07\x05\x14")));               /* GET but for the bit that folds case */
    assert_null(command_find(x, SLICE("config|get")));
    command_index_free(x);
}

/* Random bytes against the plain way of finding. */
static void test_agrees_with_a_linear_search(void **state) {
    (void)state;
    const char *seed_text = getenv("TARN_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 20261122;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random;
    random_init(&random, seed);
    struct command_index *x = make();
    for (int round = 0; round < 200000; round++) {
        char name[40];
        const char *from = rows[random_below(&random, countof(rows) - 1)].name;
        size_t n = strlen(from);
        memcpy(name, from, n);
        if (random_below(&random, 2)) name[random_below(&random, n)] = (char)random_below(&random, 256);
        if (random_below(&random, 4) == 0) name[random_below(&random, n)] ^= 0x20;
        struct slice s = slice_of(name, n);
        const struct command *expected = NULL;
        for (unsigned i = 0; i < command_count(x) && !expected; i++) {
            if (slice_equal_nocase(s, slice_of_cstr(rows[i].name))) expected = command_at(x, i);
        }
        assert_ptr_equal(command_find(x, s), expected);
    }
    command_index_free(x);
}

static void test_resolves_subcommands(void **state) {
    (void)state;
    struct command_index *x = make();
    struct command *config = command_find(x, SLICE("CONFIG"));
    struct slice known[] = {SLICE("config"), SLICE("GET"), SLICE("x")}, unknown[] = {SLICE("config"), SLICE("got")};
    struct command *get = command_resolve(x, known, 3);
    assert_string_equal(get->full_name, "config|get");
    assert_ptr_equal(get->parent, config);
    assert_ptr_equal(command_resolve(x, known, 1), config);
    assert_ptr_equal(command_resolve(x, unknown, 2), config);
    assert_ptr_equal(command_find_full(x, SLICE("Config|Get")), get);
    assert_ptr_equal(command_find_full(x, SLICE("config")), config);
    assert_null(command_find_full(x, SLICE("config|")));
    assert_null(command_find_full(x, SLICE("get|get")));
    assert_null(command_find_full(x, SLICE("|")));
    command_index_free(x);
}

static void test_renames(void **state) {
    (void)state;
    struct command_index *x = make();
    struct command *get = command_find(x, SLICE("get"));
    assert_false(command_rename(x, SLICE("nosuch"), SLICE("new")));
    assert_false(command_rename(x, SLICE("get"), SLICE("MSET")));
    assert_true(command_rename(x, SLICE("GET"), SLICE("fetch")));
    assert_null(command_find(x, SLICE("get")));
    assert_ptr_equal(command_find(x, SLICE("FETCH")), get);
    assert_string_equal(get->full_name, "get");
    assert_true(command_rename(x, SLICE("fetch"), SLICE("")));
    assert_null(command_find(x, SLICE("fetch")));
    assert_null(command_find(x, SLICE("")));
    assert_true(command_rename(x, SLICE("mset"), SLICE("get"))); /* the name is free now */
    assert_string_equal(command_find(x, SLICE("get"))->row->name, "mset");
    command_index_free(x);
}

/* ---- what follows from a row ---- */
static void test_derives_positions(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int first, last, step;
        bool movable;
    } expected[] = {
        {"get", 1, 1, 1, false},    {"mset", 1, -1, 2, false},    {"copy", 1, 2, 1, false},
        {"blpop", 1, -2, 1, false}, {"counted", 1, 1, 1, true},   {"eval", 0, 0, 0, true},
        {"xread", 0, 0, 0, true},   {"migrate", 3, 3, 1, true},   {"sort", 1, 1, 1, true},
        {"config", 0, 0, 0, false}, {"spublish", 1, 1, 1, false},
    };
    struct command_index *x = make();
    for (size_t i = 0; i < countof(expected); i++) {
        const struct command *c = command_find(x, slice_of_cstr(expected[i].name));
        assert_int_equal(c->first_key, expected[i].first);
        assert_int_equal(c->last_key, expected[i].last);
        assert_int_equal(c->key_step, expected[i].step);
        assert_int_equal((c->flags & CMD_MOVABLE_KEYS) != 0, expected[i].movable);
    }
    command_index_free(x);
}

static void test_derives_categories(void **state) {
    (void)state;
    struct command_index *x = make();
    assert_int_equal(command_find(x, SLICE("get"))->acl, ACL_STRING | ACL_READ | ACL_FAST);
    assert_int_equal(command_find(x, SLICE("blpop"))->acl, ACL_WRITE | ACL_BLOCKING | ACL_SLOW);
    assert_int_equal(command_find(x, SLICE("config"))->acl, ACL_SLOW);
    assert_int_equal(command_find_full(x, SLICE("config|get"))->acl, ACL_ADMIN | ACL_DANGEROUS | ACL_SLOW);
    assert_int_equal(command_find(x, SLICE("spublish"))->acl, ACL_PUBSUB | ACL_SLOW);
    for (unsigned bit = ACL_KEYSPACE; bit <= ACL_SCRIPTING; bit <<= 1) {
        assert_int_equal(command_acl_find(slice_of_cstr(command_acl_name(bit))), bit);
    }
    assert_int_equal(command_acl_find(SLICE("nosuch")), 0);
    command_index_free(x);
}

/* ---- keys ---- */
/* "1 2" for keys at these positions, with their flags after a slash when asked; "-1" for misfits. */
static const char *keys_of(struct command_index *x, const char *line, bool with_flags) {
    static char text[512];
    char scratch[1024];
    struct slice words[64];
    struct key_position keys[64];
    int argc = text_split_words(slice_of_cstr(line), scratch, words, 64), used = 0;
    int n = command_keys(command_resolve(x, words, argc), words, argc, keys, 64);
    text[0] = '\0';
    if (n < 0) return "-1";
    for (int i = 0; i < n; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%d", i ? " " : "", keys[i].index);
        if (with_flags) used += snprintf(text + used, sizeof text - (size_t)used, "/%u", keys[i].flags);
    }
    return text;
}

static void test_finds_keys_by_every_kind_of_spec(void **state) {
    (void)state;
    static const char *const expected[][2] = {
        {"get a", "1"},
        {"mset a 1 b 2", "1 3"},
        {"mset a 1 b", "1 3"},
        {"copy a b", "1 2"},
        {"copy a b replace", "1 2"},
        {"blpop a b 0", "1 2"},
        {"blpop a", "-1"},
        {"counted d 2 a b", "1 3 4"},
        {"counted d 2 a b more", "1 3 4"},
        {"counted d 0 a b", "1"},
        {"counted d 3 a b", "-1"},
        {"counted d -1 a b", "-1"},
        {"counted d 99999999999 a b", "-1"},
        {"counted d 4294967297 a b", "-1"},
        {"counted d x a b", "-1"},
        {"counted d", "-1"},
        {"eval s 0", ""},
        {"eval s 2 a b c", "3 4"},
        {"xread count 1 streams a b 0 0", "4 5"},
        {"xread STREAMS a 0", "2"},
        {"xread streams", "-1"},
        {"xread count 1 a b", ""},
        {"migrate h 1 k 0 1", "3"},
        {"migrate h 1 '' 0 1 keys a b", "3 7 8"},
        {"migrate h 1 '' 0 1 keys", "3"}, /* the search starts at the last word but one */
        {"sort a by b store c", "1"},
        {"odd a b c d", "1 3"},
        {"odd", ""},
        {"spublish a b", ""},
        {"config get x", ""},
    };
    struct command_index *x = make();
    for (size_t i = 0; i < countof(expected); i++)
        assert_string_equal(keys_of(x, expected[i][0], false), expected[i][1]);
    command_index_free(x);
}

static void test_tells_how_keys_are_used(void **state) {
    (void)state;
    char expected[64];
    struct command_index *x = make();
    snprintf(expected, sizeof expected, "1/%d 3/%d", KEY_RO, KEY_OW);
    assert_string_equal(keys_of(x, "odd a b c d", true), expected);
    snprintf(expected, sizeof expected, "1/%d", KEY_OW);
    assert_string_equal(keys_of(x, "varied a b", true), expected);
    snprintf(expected, sizeof expected, "1/%d", KEY_RW | KEY_ACCESS);
    assert_string_equal(keys_of(x, "varied a b c", true), expected);
    assert_true(command_has_keys(command_find(x, SLICE("odd"))));
    assert_false(command_has_keys(command_find(x, SLICE("spublish"))));
    assert_false(command_has_keys(command_find(x, SLICE("q"))));
    command_index_free(x);
}

static void test_counts_beyond_the_room(void **state) {
    (void)state;
    enum { ARGC = 100000 };
    struct slice *argv = calloc(ARGC, sizeof *argv);
    struct key_position keys[3] = {{0, 0}, {0, 0}, {-7, 7}};
    struct command_index *x = make();
    assert_non_null(argv);
    for (int i = 0; i < ARGC; i++) argv[i] = SLICE("k");
    assert_int_equal(command_keys(command_find(x, SLICE("mset")), argv, ARGC, keys, 2), ARGC / 2);
    assert_int_equal(keys[1].index, 3);
    assert_int_equal(keys[2].index, -7);
    assert_int_equal(command_keys(command_find(x, SLICE("odd")), argv, ARGC, keys, 2), ARGC / 2);
    assert_int_equal(keys[2].index, -7);
    assert_int_equal(command_keys(command_find(x, SLICE("odd")), argv, ARGC, NULL, 0), ARGC / 2);
    argv[2] = SLICE("99997");
    assert_int_equal(command_keys(command_find(x, SLICE("counted")), argv, ARGC, keys, 2), 99998);
    argv[2] = SLICE("99998");
    assert_int_equal(command_keys(command_find(x, SLICE("counted")), argv, ARGC, keys, 2), -1);
    command_index_free(x);
    free(argv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_names_in_any_case),
        cmocka_unit_test(test_agrees_with_a_linear_search),
        cmocka_unit_test(test_resolves_subcommands),
        cmocka_unit_test(test_renames),
        cmocka_unit_test(test_derives_positions),
        cmocka_unit_test(test_derives_categories),
        cmocka_unit_test(test_finds_keys_by_every_kind_of_spec),
        cmocka_unit_test(test_tells_how_keys_are_used),
        cmocka_unit_test(test_counts_beyond_the_room),
    };
    return cmocka_run_group_tests_name("exec/command", tests, NULL, NULL);
}
