#include "unit/persist/rdb_file.h"

#include "base/clock.h"
#include "base/random.h"
#include "io/file.h"
#include "io/loop.h"
#include "persist/snapshot.h"

#include <dirent.h>
#include <errno.h>

static char folder[64];
static struct loop *loop;
static const struct siphash_seed seed = {5, 6};

struct outcome {
    bool done, cancelled;
    char error[256];
    int64_t limbo_bytes;
    const struct snapshot_progress *progress;
};

static void on_done(void *arg, const char *error, bool cancelled) {
    struct outcome *o = arg;
    o->done = true;
    o->cancelled = cancelled;
    o->limbo_bytes = o->progress ? o->progress->limbo_bytes : 0;
    if (error) snprintf(o->error, sizeof(o->error), "%s", error);
}

static struct snapshot_options defaults(void) {
    return (struct snapshot_options){.path = path_in(folder, "d.rdb"), .compress = true, .checksum = true};
}

static struct snapshot_job *begin(struct dataset *ds, const struct snapshot_options *options, struct outcome *o) {
    const char *why = NULL;
    *o = (struct outcome){0};
    struct snapshot_job *job = snapshot_start(loop, ds, options, on_done, o, &why);
    assert_non_null(job);
    o->progress = snapshot_progress(job);
    return job;
}

static void wait_for(struct outcome *o) {
    int64_t give_up = clock_mono_us() + 30 * 1000000;
    while (!o->done && clock_mono_us() < give_up) loop_turn(loop, 10000);
    assert_true(o->done);
}

static void save(struct dataset *ds, const struct snapshot_options *options, struct outcome *o) {
    begin(ds, options, o);
    wait_for(o);
    assert_false(dataset_is_frozen(ds));
}

static struct dataset *load_back(const struct load_options *options) {
    char why[LOAD_ERROR_MAX] = "";
    struct load_options from = *options;
    from.path = path_in(folder, "d.rdb");
    struct dataset *ds = load_file(&from, NULL, why);
    if (!ds) print_message("%s\n", why);
    assert_non_null(ds);
    return ds;
}

static int files_in_folder(void) {
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* ---- datasets ---- */
static void put(struct dataset *ds, unsigned db, const char *key, struct slice value, int64_t expire_at) {
    assert_true(db_put_string(dataset_db(ds, db), key_of(ds, slice_of_cstr(key)), value, expire_at, PUT_PLAIN));
}

static void put_random(struct dataset *ds, struct random *r, char *space) {
    char key[32];
    snprintf(key, sizeof(key), random_below(r, 2) ? "%d" : "key:%d", (int)random_below(r, 3000));
    size_t n = random_below(r, random_below(r, 100) ? 80 : 100000);
    uint64_t kind = random_below(r, 3);
    for (size_t i = 0; i < n; i++) space[i] = (char)(kind == 0 ? random_next(r) : kind == 1 ? 'a' + i / 30 % 3 : '1');
    if (kind == 2 && n > 18) n = random_below(r, 18);
    int64_t at = random_below(r, 3) ? NO_EXPIRE : INT64_C(4000000000000) + (int64_t)random_below(r, 1000);
    put(ds, (unsigned)random_below(r, 3) * 7, key, slice_of(space, n), at);
}

static struct dataset *random_dataset(struct random *r, int keys) {
    struct dataset *ds = dataset_new(16, &seed);
    char *space = malloc(100000);
    dataset_set_now(ds, clock_wall_ms());
    for (int i = 0; i < keys; i++) put_random(ds, r, space);
    free(space);
    return ds;
}

struct copying {
    struct dataset *to;
    unsigned db;
};

static void copy_entry(void *arg, const struct entry *e) {
    struct copying *c = arg;
    char scratch[NUM_TEXT_MAX];
    assert_true(db_put_string(dataset_db(c->to, c->db), key_of(c->to, entry_key(e)), entry_string(e, scratch),
                              entry_expire_at(e), PUT_PLAIN));
}

static struct dataset *copy_of(struct dataset *ds) {
    struct copying c = {.to = dataset_new(dataset_databases(ds), &seed)};
    dataset_set_now(c.to, dataset_now(ds));
    for (; c.db < dataset_databases(ds); c.db++) db_each(dataset_db(ds, c.db), copy_entry, &c);
    return c.to;
}

static uint64_t test_seed(void) {
    const char *text = getenv("TARN_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

/* ---- tests ---- */
static void test_round_trips(void **state) {
    (void)state;
    struct random r;
    struct outcome o;
    random_init(&r, test_seed());
    for (int round = 0; round < 8; round++) {
        struct snapshot_options options = defaults();
        struct load_options back = load_defaults();
        options.compress = round & 1;
        options.checksum = round & 2;
        options.incremental_sync = round & 4;
        struct dataset *ds = random_dataset(&r, round * 1500);
        save(ds, &options, &o);
        assert_false(o.cancelled);
        assert_string_equal(o.error, "");
        struct dataset *loaded = load_back(&back);
        assert_true(same_content(ds, loaded));
        dataset_free(loaded);
        dataset_free(ds);
    }
    assert_int_equal(files_in_folder(), 1);
}

/* The bytes themselves, against a file made by hand. */
static void test_bytes(void **state) {
    (void)state;
    struct outcome o;
    struct snapshot_options options = defaults();
    struct dataset *ds = dataset_new(16, &seed);
    char bytes[512], used[32];
    put(ds, 5, "k", SLICE("300"), 1234567890123);
    options.version = 11;
    save(ds, &options, &o);
    ssize_t n = file_read_whole(path_in(folder, "d.rdb"), bytes, sizeof(bytes));
    assert_true(n > 0);
    struct buf tail;
    file_start(&tail, "");
    file_select(&tail, 5);
    rdb_write_u8(&tail, RDB_RESIZEDB);
    rdb_write_length(&tail, 1);
    rdb_write_length(&tail, 1);
    file_expire(&tail, 1234567890123);
    file_key(&tail, SLICE("k"), SLICE("300"));
    rdb_write_u8(&tail, RDB_EOF);
    assert_memory_equal(bytes,
                        "REDIS0011\xfa\x09redis-ver\x05"
                        "7.2.4\xfa\x0aredis-bits\xc0\x40\xfa\x05"
                        "ctime\xc2",
                        46);
    assert_memory_equal(bytes + (size_t)n - 8 - tail.len, tail.ptr, tail.len);
    uint64_t crc = crc64_table(0, bytes, (size_t)n - 8);
    assert_memory_equal(bytes + n - 8, &crc, 8);
    snprintf(used, sizeof(used), "used-mem");
    assert_non_null(memmem(bytes, (size_t)n, used, strlen(used)));
    assert_non_null(memmem(bytes, (size_t)n, "aof-base\xc0\0", 10));
    buf_release(&tail);
    dataset_free(ds);
}

static void test_access_opcodes(void **state) {
    (void)state;
    struct outcome o;
    for (int lfu = 0; lfu < 2; lfu++) {
        struct snapshot_options options = defaults();
        struct load_options back = load_defaults();
        options.access = lfu ? SNAPSHOT_ACCESS_FREQUENCY : SNAPSHOT_ACCESS_IDLE;
        back.access = lfu ? ACCESS_LFU : ACCESS_LRU;
        struct dataset *ds = dataset_new(16, &seed);
        dataset_set_access(ds, back.access, 10, 1);
        dataset_set_now(ds, clock_wall_ms());
        struct key key = key_of(ds, SLICE("k"));
        put(ds, 0, "k", SLICE("v"), NO_EXPIRE);
        if (lfu)
            db_set_frequency(dataset_db(ds, 0), key, 99);
        else
            db_set_idle_seconds(dataset_db(ds, 0), key, 5000);
        save(ds, &options, &o);
        struct dataset *loaded = load_back(&back);
        key = key_of(loaded, SLICE("k"));
        if (lfu) assert_int_equal(db_frequency(dataset_db(loaded, 0), key), 99);
        if (!lfu) assert_in_range(db_idle_seconds(dataset_db(loaded, 0), key), 4999, 5005);
        dataset_free(loaded);
        dataset_free(ds);
    }
}

/* What is written while the save runs is not in the file: put, overwritten, deleted, flushed, swapped. */
static void test_picture_under_writes(void **state) {
    (void)state;
    struct random r;
    struct outcome o;
    char *space = malloc(100000);
    random_init(&r, test_seed() + 1);
    for (int round = 0; round < 6; round++) {
        _Atomic int64_t delay = 1000; /* so slow that the save cannot end before the writes have begun */
        struct snapshot_options options = defaults();
        struct load_options back = load_defaults();
        options.key_delay_us = &delay;
        struct dataset *ds = random_dataset(&r, 4000), *at_start = copy_of(ds);
        begin(ds, &options, &o);
        for (int i = 0; i < 20000 && !o.done; i++) {
            put_random(ds, &r, space);
            snprintf(space, 100, "key:%d", (int)random_below(&r, 3000));
            db_delete(dataset_db(ds, (unsigned)random_below(&r, 3) * 7), key_of(ds, slice_of_cstr(space)));
            if (i == 6000) delay = 0;
            if (i == 5000 && round == 4) dataset_flush(ds, -1, true);
            if (i == 5000 && round == 5) dataset_swap(ds, 0, 7);
            if (i % 100 == 0) loop_turn(loop, 0);
        }
        wait_for(&o);
        assert_true(o.limbo_bytes > 0);
        struct dataset *loaded = load_back(&back);
        assert_true(same_content(at_start, loaded));
        dataset_free(loaded);
        dataset_free(at_start);
        dataset_free(ds);
    }
    free(space);
}

static void test_progress_and_cancel(void **state) {
    (void)state;
    struct random r;
    struct outcome o;
    _Atomic int64_t delay = 0;
    struct snapshot_options options = defaults();
    random_init(&r, 3);
    struct dataset *ds = random_dataset(&r, 2000);
    save(ds, &options, &o);
    struct dataset *before = copy_of(ds);
    dataset_flush(ds, 0, false);
    delay = 2000;
    options.key_delay_us = &delay;
    struct snapshot_job *job = begin(ds, &options, &o);
    assert_int_equal(snapshot_progress(job)->total_keys, dataset_keys(ds));
    while (snapshot_progress(job)->saved_keys < 5) loop_turn(loop, 1000);
    assert_int_equal(files_in_folder(), 2);
    delay = 60 * 1000000;
    int64_t cancelled_us = clock_mono_us();
    snapshot_cancel(job);
    wait_for(&o);
    assert_true(o.cancelled && !o.error[0]);
    assert_true(clock_mono_us() - cancelled_us < 200000);
    assert_int_equal(files_in_folder(), 1);
    struct load_options back = load_defaults();
    struct dataset *loaded = load_back(&back);
    assert_true(same_content(before, loaded));
    dataset_free(loaded);
    dataset_free(before);
    dataset_free(ds);
}

static void test_end_of_the_process(void **state) {
    (void)state;
    struct random r;
    struct outcome o;
    _Atomic int64_t delay = 2000;
    struct snapshot_options options = defaults();
    struct loop *kept = loop;
    random_init(&r, 3);
    options.key_delay_us = &delay;
    struct dataset *ds = random_dataset(&r, 2000);
    loop = loop_new(); /* one that does not run afterwards */
    int files = files_in_folder();
    snapshot_end(begin(ds, &options, &o));
    loop_free(loop);
    loop = kept;
    assert_false(o.done || dataset_is_frozen(ds));
    assert_int_equal(files_in_folder(), files);
    dataset_free(ds);
}

/* Whatever fails: the old file stays, nothing is left beside it, the reason is told. */
static void test_failures(void **state) {
    (void)state;
    static const struct {
        enum file_fault fault;
        unsigned nth;
        int error;
        const char *text;
    } cases[] = {
        {FILE_FAULT_OPEN, 1, EACCES, "cannot create "},
        {FILE_FAULT_WRITE, 1, ENOSPC, "cannot write "},
        {FILE_FAULT_WRITE, 3, EIO, "cannot write "},
        {FILE_FAULT_SYNC, 1, EIO, "cannot sync "},
        {FILE_FAULT_RENAME, 1, EXDEV, "cannot rename the new file to "},
    };
    struct random r;
    struct outcome o;
    struct snapshot_options options = defaults();
    struct load_options back = load_defaults();
    random_init(&r, 4);
    struct dataset *ds = random_dataset(&r, 10000), *before = copy_of(ds);
    save(ds, &options, &o);
    dataset_flush(ds, 7, false);
    for (size_t i = 0; i < countof(cases); i++) {
        file_fail_after(cases[i].fault, cases[i].nth, cases[i].error, 10);
        save(ds, &options, &o);
        file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
        assert_false(o.cancelled);
        assert_non_null(strstr(o.error, cases[i].text));
        assert_non_null(strstr(o.error, strerror(cases[i].error)));
        assert_int_equal(files_in_folder(), 1);
        struct dataset *loaded = load_back(&back);
        assert_true(same_content(before, loaded));
        dataset_free(loaded);
    }
    options.path = path_in(folder, "no/such/folder/d.rdb");
    save(ds, &options, &o);
    assert_non_null(strstr(o.error, "No such file or directory"));
    dataset_free(before);
    dataset_free(ds);
}

static int start(void **state) {
    (void)state;
    make_folder(folder);
    loop = loop_new();
    return 0;
}

static int finish(void **state) {
    (void)state;
    loop_free(loop);
    file_remove(path_in(folder, "d.rdb"));
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_access_opcodes),
        cmocka_unit_test(test_picture_under_writes),
        cmocka_unit_test(test_progress_and_cancel),
        cmocka_unit_test(test_end_of_the_process),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
