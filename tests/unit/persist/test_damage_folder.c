/* An append-only folder of all types with one damaged file: the base in either form with an increment behind it, the first of two
 * increments, the manifest; cut at every byte, and with a flipped bit in every byte. Refused, or with load-salvage the values that
 * were there, and the rest is told as lost. Every THIN-th place in a build with sanitizers; TARN_LONG takes all of them. */
#include "unit/persist/damage.h"

#include "persist/aof_manifest_int.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define THIN 4
#else
#define THIN 1
#endif
#define NONE "+0000000000000000000000000000000000000000"

/* What changes behind the base: keys as a whole, so that what is right of them does not depend on what is left of the base. */
static const char *const tail[] = {
    "SET text other-words",
    "DEL scores",
    "RPUSH fresh 1 2 3",
    "MULTI\nSET number 1\nSELECT 1\nSET elsewhere 2\nSELECT 0\nEXEC",
};

/* Every key there ever was. whole: the commands behind the base make all of it, or remove it. */
static struct {
    const char *name;
    int db;
    bool whole;
    char digest[DIGEST_MAX];
} keys[] = {
    {.name = "text", .whole = true},
    {.name = "scores", .whole = true},
    {.name = "fresh", .whole = true},
    {.name = "number", .whole = true},
    {.name = "list"},
    {.name = "numbers"},
    {.name = "hash"},
    {.name = "stream"},
    {.name = "elsewhere", .db = 1, .whole = true},
};

static char everything[DIGEST_MAX];
static struct bytes before; /* the increment that the base has replaced */
static unsigned phase;      /* which of the places are looked at, when not all are */

static void digest_key(struct executor *x, size_t i, char *dst) {
    struct peer p;
    char line[64];
    peer_open(&p, x);
    snprintf(line, sizeof line, "SELECT %d", keys[i].db);
    assert_string_equal(ask(&p, line), "+OK\r\n");
    snprintf(line, sizeof line, "DEBUG DIGEST-VALUE %s", keys[i].name);
    const char *reply = ask(&p, line); /* an array of one */
    snprintf(dst, DIGEST_MAX, "%s", strchr(reply, '+'));
    peer_close(&p);
}

static void write_folder(bool rdb) {
    write_data(true);
    read_bytes("d/a.1.incr.aof", &before);
    persist_state.settings.aof.use_rdb = rdb;
    aof_rewrite_ask();
    world_turn(&world);
    world_wait_rewritten(&world, 10000);
    groups = 0;
    note_group();
    for (size_t i = 0; i < countof(tail); i++) {
        run(tail[i]);
        assert_true(world_wait_safe(&world, 10000));
        note_group();
    }
    for (size_t i = 0; i < countof(keys); i++) digest_key(&world.executor, i, keys[i].digest);
    digest_of(&world.executor, everything);
    world_stop(&world, true);
}

/* ---- what came of it ---- */
static bool is_everything(struct dataset *ds) {
    char digest[DIGEST_MAX];
    digest_loaded(ds, digest);
    return strcmp(digest, everything) == 0;
}

/* Values that were there, or none; and what is not there is told. */
static void assert_right(struct outcome *o, const char *how, size_t place) {
    static struct executor x;
    unsigned found = 0, lost = 0;
    if (is_everything(o->ds)) return;
    executor_init(&x, world_lists, countof(world_lists), o->ds);
    for (size_t i = 0; i < countof(keys); i++) {
        char digest[DIGEST_MAX];
        digest_key(&x, i, digest);
        bool is = strncmp(digest, NONE, sizeof NONE - 1) != 0, same = strcmp(digest, keys[i].digest) == 0;
        if (!same && (is || keys[i].whole)) fail_msg("%s at %zu: %s is not what it was", how, place, keys[i].name);
        found += is;
        lost += !same;
    }
    executor_release(&x);
    if (found != dataset_keys(o->ds)) fail_msg("%s at %zu: keys that never were", how, place);
    bool told = o->progress.salvaged && o->progress.lost_records >= 1;
    if (!told || !lost)
        fail_msg("%s at %zu: %u keys lost, %d records told", how, place, lost, (int)o->progress.lost_records);
}

/* One that holds nothing any more has no bytes to be lost. */
static void judge_salvaged(const char *path, const char *how, size_t place, unsigned *salvaged) {
    struct outcome o;
    salvage_folder(&o);
    if (o.ds) assert_right(&o, how, place);
    *salvaged += o.ds != NULL;
    outcome_release(&o);
    assert_int_equal(access(path, F_OK), 0); /* nothing is removed by loading */
}

typedef void judge_fn(const char *path, const char *how, size_t place, unsigned *salvaged);

/* Every place is cut at and flipped in turn; the file is as it was afterwards. The number of those that were salvaged. */
static unsigned sweep(const char *path, judge_fn *judge) {
    static struct bytes file;
    const char *all = getenv("TARN_LONG");
    unsigned salvaged = 0, thin = all ? 1 : THIN;
    read_bytes(path, &file);
    for (size_t i = phase % thin; i < file.len; i += thin) {
        char was = file.at[i];
        write_file(path, file.at, i);
        judge(path, "cut", i, &salvaged);
        file.at[i] = (char)(was ^ (1 << i % 8));
        write_file(path, file.at, file.len);
        file.at[i] = was;
        judge(path, "a flipped bit", i, &salvaged);
    }
    write_file(path, file.at, file.len);
    return salvaged;
}

static void judge_refused(const char *path, const char *how, size_t place, unsigned *salvaged) {
    struct outcome o;
    load_folder(&o);
    if (o.ds) fail_msg("%s: %s at %zu, and not refused", path, how, place);
    outcome_release(&o);
    judge_salvaged(path, how, place, salvaged);
}

static void assert_whole(void) {
    struct outcome o;
    load_folder(&o);
    if (!o.ds) fail_msg("%s", o.why);
    assert_true(is_everything(o.ds));
    outcome_release(&o);
}

/* ---- the sweeps ---- */
static void an_rdb_base_is_whole_or_refused(void **state) {
    (void)state;
    write_folder(true);
    assert_whole();
    assert_true(sweep("d/a.2.base.rdb", judge_refused) > 0);
    assert_whole();
}

static void judge_commands(const char *path, const char *how, size_t place, unsigned *salvaged) {
    if (place > 0 || how[0] == 'a')
        judge_refused(path, how, place, salvaged); /* of no bytes: no data, says redis-server */
}

static void a_base_of_commands_is_whole_or_refused(void **state) {
    (void)state;
    write_folder(false);
    assert_whole();
    assert_true(sweep("d/a.2.base.aof", judge_commands) > 0);
    assert_whole();
}

static void judge_manifest(const char *path, const char *how, size_t place, unsigned *salvaged) {
    struct outcome o;
    load_folder(&o);
    if (o.ds && !is_everything(o.ds)) fail_msg("%s: %s at %zu, and other data", path, how, place);
    outcome_release(&o);
    judge_salvaged(path, how, place, salvaged);
}

static void a_manifest_says_the_same_or_is_refused(void **state) {
    (void)state;
    write_folder(true);
    sweep("d/a.manifest", judge_manifest);
    assert_whole();
}

/* ---- the first of two increments, as it is while a base is made ---- */
static struct layout layout;

static bool is_between_groups(size_t place) {
    bool found = place == 0;
    for (unsigned i = 0; i < layout.count; i++) found |= layout.ends[i] == place;
    return found;
}

/* What a lost group has made of a key is not there for those behind it, so the values may be others; but they are told. */
static void judge_first(const char *path, const char *how, size_t place, unsigned *salvaged) {
    struct outcome o;
    if (how[0] == 'c' && is_between_groups(place)) return; /* nothing shows that there was more */
    load_folder(&o);
    if (o.ds) fail_msg("%s: %s at %zu, and not refused", path, how, place);
    outcome_release(&o);
    salvage_folder(&o);
    if (!o.ds) fail_msg("%s: %s at %zu: not salvaged: %s", path, how, place, o.why);
    bool told =
        o.progress.salvaged && o.progress.lost_records >= 1; /* with a damaged first line nothing else is lost */
    if (!told && !is_everything(o.ds)) fail_msg("%s: %s at %zu: not told", path, how, place);
    (*salvaged)++;
    outcome_release(&o);
}

static void only_the_last_increment_may_be_torn(void **state) {
    static const char manifest[] = "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n";
    (void)state;
    write_folder(true);
    write_file("d/a.1.incr.aof", before.at, before.len);
    write_file("d/a.manifest", manifest, sizeof manifest - 1);
    lay_out(&before, &layout);
    assert_whole();
    assert_true(sweep("d/a.1.incr.aof", judge_first) > 0);
    assert_whole();
}

static int set_up_phase(void **state) {
    const char *seed = getenv("TARN_SEED");
    phase = seed ? (unsigned)strtoul(seed, NULL, 0) : 0;
    return set_up(state);
}

int main(void) {
    log_set_level(LOG_NOTHING);
    clock_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_rdb_base_is_whole_or_refused, set_up_phase, tear_down),
        cmocka_unit_test_setup_teardown(a_base_of_commands_is_whole_or_refused, set_up_phase, tear_down),
        cmocka_unit_test_setup_teardown(only_the_last_increment_may_be_torn, set_up_phase, tear_down),
        cmocka_unit_test_setup_teardown(a_manifest_says_the_same_or_is_refused, set_up_phase, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
