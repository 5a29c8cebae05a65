/* What the sweeps over damaged files share: a small append-only file of all types with the digest after each of its groups, its rewriting,
 * and what loading or salvaging the folder gives. */
#ifndef TARN_TESTS_PERSIST_DAMAGE_H
#define TARN_TESTS_PERSIST_DAMAGE_H

#include "unit/persist/aof_outcome.h"
#include "unit/persist/aof_world.h"

#include "base/log.h"
#include "persist/aof_group_int.h"
#include "wire/resp_parse.h"

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

static UNUSED void digest_of(struct executor *x, char *dst) {
    struct peer asker;
    peer_open(&asker, x);
    snprintf(dst, DIGEST_MAX, "%s", ask(&asker, "DEBUG DIGEST"));
    assert_int_equal(dst[0], '+');
    peer_close(&asker);
}

static UNUSED void digest_loaded(struct dataset *ds, char *dst) {
    static struct executor x;
    executor_init(&x, world_lists, countof(world_lists), ds);
    digest_of(&x, dst);
    executor_release(&x);
}

static UNUSED void run(const char *lines) {
    char line[256];
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, lines);
        if (!world_send(&world, line)) fail_msg("%s: refused", line);
        lines += n + (lines[n] == '\n');
    }
}

static UNUSED void note_group(void) {
    after[groups].end = (size_t)persist_state.aof.file.size;
    digest_of(&world.executor, after[groups].digest);
    groups++;
}

static UNUSED void read_bytes(const char *path, struct bytes *b) {
    ssize_t n = file_read_whole(path, b->at, sizeof b->at);
    if (n <= 0) fail_msg("%s cannot be read", path);
    b->len = (size_t)n;
}

static UNUSED void write_file(const char *path, const char *at, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (n) assert_int_equal(fwrite(at, 1, n, f), n);
    fclose(f);
}

/* One group a command. */
static UNUSED void write_data(bool keep) {
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

static UNUSED int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-damage-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return getcwd(home, sizeof home) && mkdtemp(folder) ? chdir(folder) : -1;
}

static UNUSED int tear_down(void **state) {
    (void)state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    mem_fail_after(0, 0);
    world_clear();
    if (chdir(home) != 0) return -1;
    rmdir(folder);
    return 0;
}

/* ---- loading ---- */
static UNUSED void load_with(struct outcome *o, bool salvage) {
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

static UNUSED void load_folder(struct outcome *o) { load_with(o, false); }
static UNUSED void salvage_folder(struct outcome *o) { load_with(o, true); }

/* What was loaded is what had been written up to some group, and no less than `least` of them. */
static UNUSED void assert_is_prefix(struct dataset *ds, unsigned least, size_t place) {
    char digest[DIGEST_MAX];
    digest_loaded(ds, digest);
    for (unsigned i = least; i < groups; i++)
        if (strcmp(after[i].digest, digest) == 0) return;
    fail_msg("byte %zu: what was loaded was never there", place);
}

static UNUSED unsigned groups_before(size_t n) {
    unsigned i = 0;
    while (i + 1 < groups && after[i + 1].end <= n) i++;
    return i;
}

static UNUSED void assert_holds(struct outcome *o, const char *expected, const char *how, size_t place) {
    char digest[DIGEST_MAX];
    if (!o->ds) fail_msg("%s at %zu: %s", how, place, o->why);
    digest_loaded(o->ds, digest);
    if (strcmp(digest, expected) != 0) fail_msg("%s at %zu: other data than what is whole", how, place);
}

static UNUSED void rewrite_as_commands(void) {
    write_data(true);
    persist_state.settings.aof.use_rdb = false;
    aof_rewrite_ask();
    world_turn(&world);
    world_wait_rewritten(&world, 10000);
    world_stop(&world, true);
    struct stat st;
    assert_int_equal(stat("d/a.2.base.aof", &st), 0);
}

/* ---- groups ---- */
/* Where the first line and each group end, as their own lines say. */
struct layout {
    size_t ends[GROUPS_MAX];
    unsigned count;
};

static UNUSED void lay_out(const struct bytes *f, struct layout *l) {
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
static UNUSED unsigned group_of(const struct layout *l, size_t place) {
    unsigned i = 0;
    while (i < l->count && l->ends[i] <= place) i++;
    return i;
}

/* Runs the commands of these bytes, and nothing else of what they hold. */
static UNUSED void run_plain(struct peer *p, const char *at, const char *end) {
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
static UNUSED void digest_without(const struct bytes *file, const struct layout *l, unsigned before, unsigned lost,
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

#endif
