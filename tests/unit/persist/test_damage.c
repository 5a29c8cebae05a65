/* Small files of all types, an append-only file, a base as commands, an RDB file: cut at every byte, with a flipped bit in every byte,
 * and read while the disk or the memory fails. Never other values than those that were written, never a crash; a refusal says why. */
#include "unit/persist/aof_outcome.h"
#include "unit/persist/aof_world.h"

#include "base/log.h"
#include "persist/aof_group_int.h"
#include "wire/resp.h"

#define FILE_MAX   8192
#define GROUPS_MAX 64
#define DIGEST_MAX 48

static struct world world;
static char home[1024], folder[64];

/* What was there after each group: the size of the increment, and the digest. */
static struct {
    size_t end;
    char digest[DIGEST_MAX];
} after[GROUPS_MAX];
static unsigned groups;

struct bytes {
    char at[FILE_MAX];
    size_t len;
};

/* ---- the data ---- */
static const char *const data[] = {
    "SET text some-words",
    "SET number 12345 PXAT 4102444800000",
    "RPUSH list a b c 4 -70000",
    "SADD numbers 1 2 300 70000",
    "SADD words x y z",
    "ZADD scores 1.5 one -inf low 7 seven",
    "HSET hash f1 v1 f2 2",
    "HPEXPIREAT hash 4102444800000 FIELDS 1 f2",
    "XADD stream 1-1 a 1 b 2",
    "XADD stream 1-2 a 3 b 4",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group me COUNT 1 STREAMS stream >",
    "MULTI\nINCR number\nLPOP list\nSELECT 1\nSET elsewhere 1\nSELECT 0\nEXEC",
    "DEL words",
};

static void digest_of(struct executor *x, char *dst) {
    struct peer asker;
    peer_open(&asker, x);
    snprintf(dst, DIGEST_MAX, "%s", ask(&asker, "DEBUG DIGEST"));
    assert_int_equal(dst[0], '+');
    peer_close(&asker);
}

static void digest_loaded(struct dataset *ds, char *dst) {
    static struct executor x;
    executor_init(&x, world_lists, countof(world_lists), ds);
    digest_of(&x, dst);
    executor_release(&x);
}

static void run(const char *lines) {
    char line[256];
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, lines);
        if (!world_send(&world, line)) fail_msg("%s: refused", line);
        lines += n + (lines[n] == '\n');
    }
}

static void note_group(void) {
    after[groups].end = (size_t)persist_state.aof.file.size;
    digest_of(&world.executor, after[groups].digest);
    groups++;
}

static void read_bytes(const char *path, struct bytes *b) {
    ssize_t n = file_read_whole(path, b->at, sizeof b->at);
    if (n <= 0) fail_msg("%s cannot be read", path);
    b->len = (size_t)n;
}

static void write_file(const char *path, const char *at, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (n) assert_int_equal(fwrite(at, 1, n, f), n);
    fclose(f);
}

/* One group a command. */
static void write_data(bool keep) {
    world.aof = true;
    world.fsync = AOF_FSYNC_ALWAYS;
    assert_true(world_start(&world));
    groups = 0;
    note_group();
    for (size_t i = 0; i < countof(data); i++) {
        run(data[i]);
        assert_true(world_wait_safe(&world, 10000));
        note_group();
    }
    if (!keep) world_stop(&world, true);
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-damage-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return getcwd(home, sizeof home) && mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state) {
    (void)state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    mem_fail_after(0, 0);
    world_clear();
    if (chdir(home) != 0) return -1;
    rmdir(folder);
    return 0;
}

/* ---- loading ---- */
static void load_with(struct outcome *o, bool salvage) {
    char d[80], a[80];
    snprintf(d, sizeof d, "%s/d", folder);
    snprintf(a, sizeof a, "%s/a", folder);
    outcome_load(o, &(struct outcome_options){.folder = d,
                                              .old_path = a,
                                              .lists = world_lists,
                                              .list_count = countof(world_lists),
                                              .truncated_ok = !salvage,
                                              .salvage = salvage});
}

static void load_folder(struct outcome *o) { load_with(o, false); }
static void salvage_folder(struct outcome *o) { load_with(o, true); }

/* What was loaded is what had been written up to some group, and no less than `least` of them. */
static void assert_is_prefix(struct dataset *ds, unsigned least, size_t place) {
    char digest[DIGEST_MAX];
    digest_loaded(ds, digest);
    for (unsigned i = least; i < groups; i++)
        if (strcmp(after[i].digest, digest) == 0) return;
    fail_msg("byte %zu: what was loaded was never there", place);
}

static unsigned groups_before(size_t n) {
    unsigned i = 0;
    while (i + 1 < groups && after[i + 1].end <= n) i++;
    return i;
}

static void assert_holds(struct outcome *o, const char *expected, const char *how, size_t place) {
    char digest[DIGEST_MAX];
    if (!o->ds) fail_msg("%s at %zu: %s", how, place, o->why);
    digest_loaded(o->ds, digest);
    if (strcmp(digest, expected) != 0) fail_msg("%s at %zu: other data than what is whole", how, place);
}

static void a_cut_increment_is_a_prefix(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t n = after[0].end; n < file.len; n++) {
        struct outcome o;
        write_file("d/a.1.incr.aof", file.at, n);
        load_folder(&o);
        assert_holds(&o, after[groups_before(n)].digest, "cut", n);
        outcome_release(&o);
    }
}

static void a_flipped_bit_in_an_increment_is_noticed(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t i = 0; i < file.len; i++) {
        struct outcome o;
        char was = file.at[i];
        file.at[i] = (char)(was ^ (1 << i % 8));
        write_file("d/a.1.incr.aof", file.at, file.len);
        file.at[i] = was;
        load_folder(&o);
        if (o.ds && i < after[groups - 2].end)
            fail_msg("a flipped bit in byte %zu of %zu was not refused", i, file.len);
        if (o.ds) assert_is_prefix(o.ds, groups - 2, i);
        outcome_release(&o);
    }
}

static void rewrite_as_commands(void) {
    write_data(true);
    persist_state.settings.aof.use_rdb = false;
    aof_rewrite_ask();
    world_turn(&world);
    world_wait_rewritten(&world, 10000);
    world_stop(&world, true);
    struct stat st;
    assert_int_equal(stat("d/a.2.base.aof", &st), 0);
}

/* A base is whole, or nothing; but one of no bytes is how redis-server writes an empty one. */
static void a_base_of_commands_is_whole_or_refused(void **state) {
    static struct bytes file;
    struct outcome o;
    (void)state;
    rewrite_as_commands();
    read_bytes("d/a.2.base.aof", &file);
    load_folder(&o);
    assert_non_null(o.ds);
    assert_is_prefix(o.ds, groups - 1, 0);
    outcome_release(&o);
    for (size_t i = 1; i < 2 * file.len; i++) {
        char was = file.at[i / 2];
        if (i % 2) file.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.2.base.aof", file.at, i % 2 ? file.len : i / 2);
        file.at[i / 2] = was;
        load_folder(&o);
        if (o.ds) fail_msg("byte %zu of %zu: %s and not refused", i / 2, file.len, i % 2 ? "a flipped bit" : "cut");
        outcome_release(&o);
    }
}

/* ---- salvaging ---- */
/* Where the first line and each group end, as their own lines say. */
struct layout {
    size_t ends[GROUPS_MAX];
    unsigned count;
};

static void lay_out(const struct bytes *f, struct layout *l) {
    size_t at = 0;
    *l = (struct layout){.count = 0};
    while (at < f->len) {
        struct aof_group g = {0};
        const char *p = f->at + at, *end = (const char *)memchr(p, '\n', f->len - at);
        if (at > 0 && !aof_group_parse(slice_of(p, (size_t)(end - p) - 1), &g)) return; /* the last line of a base */
        at += (size_t)(end - p) + 1 + g.len;
        l->ends[l->count++] = at;
    }
}

/* The group that the byte belongs to; 0: the first line; count: behind all of them. */
static unsigned group_of(const struct layout *l, size_t place) {
    unsigned i = 0;
    while (i < l->count && l->ends[i] <= place) i++;
    return i;
}

/* Runs the commands of these bytes, and nothing else of what they hold. */
static void run_plain(struct peer *p, const char *at, const char *end) {
    struct slice argv[32];
    while (at < end) {
        struct request q = {.argv = argv};
        size_t n = resp_parse_fast(at, (size_t)(end - at), argv, countof(argv), &q.argc);
        if (n == 0) { /* a line of ours */
            at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
            continue;
        }
        peer_run(p, q.argv, q.argc);
        peer_read(p);
        at += n;
    }
}

/* What is there of the groups before `before`, without one; their commands are parsed and run here, past the walk and the replayer. */
static void digest_without(const struct bytes *file, const struct layout *l, unsigned before, unsigned lost,
                           char *digest) {
    static struct executor x;
    struct siphash_seed seed = {1, 2};
    struct peer p;
    struct dataset *ds = dataset_new(2, &seed);
    executor_init(&x, world_lists, countof(world_lists), ds);
    peer_open(&p, &x);
    for (unsigned g = 1; g < before; g++)
        if (g != lost) run_plain(&p, file->at + l->ends[g - 1], file->at + l->ends[g]);
    peer_close(&p);
    digest_of(&x, digest);
    executor_release(&x);
    dataset_free(ds);
}

static void what_is_whole_of_a_cut_increment_is_salvaged(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t n = 0; n < file.len; n++) {
        struct outcome o;
        write_file("d/a.1.incr.aof", file.at, n);
        salvage_folder(&o);
        assert_holds(&o, after[groups_before(n)].digest, "cut", n);
        outcome_release(&o);
    }
}

/* All groups but the one with the flipped bit; with the first line damaged nothing can be verified, and the commands are still there. */
static void what_is_whole_beside_a_flipped_bit_is_salvaged(void **state) {
    static struct bytes file;
    static char without[GROUPS_MAX][DIGEST_MAX];
    struct layout l;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    lay_out(&file, &l);
    assert_int_equal(l.count, groups);
    /* Behind a transaction in another database each group says its own. */
    assert_non_null(memmem(file.at + l.ends[groups - 2], l.ends[groups - 1] - l.ends[groups - 2], "SELECT", 6));
    for (unsigned g = 0; g < groups; g++) digest_without(&file, &l, groups, g, without[g]);
    assert_string_equal(without[0], after[groups - 1].digest);
    for (size_t i = 0; i < file.len; i++) {
        struct outcome o;
        char was = file.at[i];
        file.at[i] = (char)(was ^ (1 << i % 8));
        write_file("d/a.1.incr.aof", file.at, file.len);
        file.at[i] = was;
        salvage_folder(&o);
        unsigned g = group_of(&l, i);
        assert_holds(&o, without[g], "a flipped bit", i);
        if (g) assert_true(o.progress.salvaged && o.progress.lost_records >= 1 && o.progress.lost_bytes > 0);
        outcome_release(&o);
    }
}

/* The lines of others have no sums: a letter that is another letter cannot be noticed. But a cut is exact, and nothing aborts. */
static void a_damaged_file_of_others_is_salvaged_or_refused(void **state) {
    static struct bytes file, plain;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    plain.len = 0;
    for (const char *at = file.at, *end = file.at + file.len; at < end;) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        if (*at != '#') {
            memcpy(plain.at + plain.len, at, (size_t)(next - at));
            plain.len += (size_t)(next - at);
        }
        at = next;
    }
    for (size_t i = 0; i < 2 * plain.len; i++) {
        struct outcome o;
        char was = plain.at[i / 2];
        if (i % 2) plain.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.1.incr.aof", plain.at, i % 2 ? plain.len : i / 2);
        plain.at[i / 2] = was;
        salvage_folder(&o);
        if (!(i % 2) && !o.ds) fail_msg("cut at %zu: %s", i / 2, o.why);
        if (!(i % 2)) assert_is_prefix(o.ds, 0, i / 2);
        outcome_release(&o);
    }
}

static void a_damaged_base_of_commands_is_salvaged(void **state) {
    static struct bytes file;
    struct layout l;
    (void)state;
    rewrite_as_commands();
    read_bytes("d/a.2.base.aof", &file);
    lay_out(&file, &l);
    assert_int_equal(l.count, 3); /* a group for each of two databases */
    for (size_t i = 0; i < 2 * file.len; i++) {
        struct outcome o;
        char expected[DIGEST_MAX], was = file.at[i / 2];
        unsigned g = group_of(&l, i / 2);
        digest_without(&file, &l, i % 2 ? l.count : g, i % 2 ? g : 0, expected);
        if (i % 2) file.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.2.base.aof", file.at, i % 2 ? file.len : i / 2);
        file.at[i / 2] = was;
        salvage_folder(&o);
        assert_holds(&o, expected, i % 2 ? "a flipped bit" : "cut", i / 2);
        outcome_release(&o);
    }
}

/* ---- RDB ---- */
static void on_saved(void *arg, const char *error, bool cancelled) {
    assert_true(!error && !cancelled);
    *(bool *)arg = true;
}

static void save_data(struct bytes *file) {
    bool saved = false;
    const char *why;
    write_data(true);
    assert_true(persist_save_start(on_saved, &saved, &why));
    while (!saved) world_turn(&world);
    world_stop(&world, true);
    read_bytes("dump.rdb", file);
}

static void an_rdb_file_is_whole_or_refused(void **state) {
    static struct bytes file;
    (void)state;
    save_data(&file);
    struct load_options checked = load_defaults(), unchecked = load_defaults();
    unchecked.checksum = false;
    for (size_t i = 0; i < 2 * file.len; i++) {
        char why[LOAD_ERROR_MAX] = "";
        size_t n = i % 2 ? file.len : i / 2;
        char *copy = malloc(n ? n : 1); /* exact, so that a read past it is seen */
        assert_non_null(copy);
        memcpy(copy, file.at, n);
        if (i % 2) copy[i / 2] = (char)(copy[i / 2] ^ (1 << i / 2 % 8));
        struct dataset *ds = load_bytes(&checked, copy, n, why);
        if (ds) assert_is_prefix(ds, groups - 1, i / 2); /* an aux field is not data; the sum of zeros means none */
        if (ds) dataset_free(ds);
        if (!ds) assert_true(strlen(why) > 10);
        ds = load_bytes(&unchecked, copy, n, why);
        if (ds) dataset_free(ds);
        free(copy);
    }
}

/* ---- the disk and the memory fail while a file is read ---- */
static void every_failing_read_is_told(void **state) {
    static const enum file_fault kinds[] = {FILE_FAULT_READ, FILE_FAULT_OPEN};
    (void)state;
    rewrite_as_commands();
    for (size_t k = 0; k < countof(kinds); k++) {
        bool loaded = false;
        for (unsigned nth = 1; !loaded; nth++) {
            struct outcome o;
            assert_true(nth < 100);
            file_fail_after(kinds[k], nth, EIO, 0);
            load_folder(&o);
            file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
            loaded = o.ds != NULL;
            if (!loaded) assert_non_null(strstr(o.why, "Input/output error"));
            if (loaded) assert_true(nth > 3); /* else nothing was made to fail */
            if (loaded) assert_is_prefix(o.ds, groups - 1, nth);
            outcome_release(&o);
        }
    }
}

static void every_failing_allocation_of_an_rdb_load_is_told(void **state) {
    static struct bytes file;
    struct load_options options = load_defaults();
    unsigned refused = 0;
    (void)state;
    save_data(&file);
    int64_t before = mem_used();
    for (unsigned nth = 1, whole = 0; whole < 20; nth++) {
        char why[LOAD_ERROR_MAX] = "";
        mem_fail_after(nth, 1);
        struct dataset *ds = load_bytes(&options, file.at, file.len, why);
        mem_fail_after(0, 0);
        whole = ds ? whole + 1 : 0; /* some are for what can be done without */
        refused += !ds;
        if (!ds) assert_non_null(strstr(why, "memory"));
        if (ds) assert_is_prefix(ds, groups - 1, nth);
        if (ds) dataset_free(ds);
        assert_true(mem_used() <= before + 4096);
    }
    assert_true(refused > 0);
}

static void every_failing_allocation_of_an_aof_load_is_told(void **state) {
    unsigned refused = 0;
    (void)state;
    write_data(false);
    for (unsigned nth = 1, whole = 0; whole < 20; nth++) {
        struct outcome o;
        mem_fail_after(nth, 1);
        load_folder(&o);
        mem_fail_after(0, 0);
        whole = o.ds ? whole + 1 : 0;
        refused += !o.ds;
        if (o.ds) assert_is_prefix(o.ds, groups - 1, nth);
        outcome_release(&o);
    }
    assert_true(refused > 0);
}

int main(void) {
    log_set_level(LOG_NOTHING);
    clock_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_increment_is_a_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_in_an_increment_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_of_commands_is_whole_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_whole_of_a_cut_increment_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_whole_beside_a_flipped_bit_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_of_others_is_salvaged_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_base_of_commands_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_rdb_file_is_whole_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_read_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_allocation_of_an_rdb_load_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_allocation_of_an_aof_load_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
