/* The room's face: commands, settings, figures, save points, results. */
#include "unit/persist/rdb_file.h"

#include "unit/exec/fixture.h"

#include "io/file.h"
#include "io/loop.h"
#include "persist/persist_int.h"

#include <errno.h>
#include <limits.h>

static struct executor executor;
static struct loop *loop;
static struct peer peer, other;
static char folder[64], home[1024];

/* ---- settings ---- */
static const struct directive *directive(const char *name) {
    for (size_t i = 0; i < persist_directives.count; i++)
        if (strcmp(persist_directives.rows[i].name, name) == 0) return &persist_directives.rows[i];
    fail_msg("no directive %s", name);
    return NULL;
}

static const char *set_words(const char *name, const char *line) {
    char scratch[256];
    struct slice words[16];
    int n = text_split_words(slice_of_cstr(line), scratch, words, 16);
    return directive(name)->set(words, n, true);
}

static const char *get_words(const char *name) {
    static char text[1024];
    text[directive(name)->get(text, sizeof(text) - 1)] = '\0';
    return text;
}

static void default_settings(void) {
    persist_state.settings = (struct persist_settings){
        .compress = true, .checksum = true, .incremental_sync = true, .stop_writes = true, .file_name = "dump.rdb"};
    assert_null(set_words("save", "3600 1 300 100 60 10000"));
}

/* ---- figures ---- */
static const char *field(const char *name) {
    static struct metric_value value;
    static char text[64];
    struct metric_scope scope = {&executor, executor.dataset};
    for (unsigned i = 0; i < persist_metric_count; i++) {
        if (strcmp(persist_metrics[i].name, name) != 0) continue;
        memset(&value, 0, sizeof(value));
        persist_metrics[i].read(&scope, &value);
        if (value.kind == METRIC_TEXT) return value.text;
        if (value.kind == METRIC_NONE) return "";
        if (value.kind == METRIC_INT) snprintf(text, sizeof(text), "%lld", (long long)value.integer);
        if (value.kind == METRIC_RATIO) snprintf(text, sizeof(text), "%.2f", value.real);
        return text;
    }
    fail_msg("no field %s", name);
    return NULL;
}

#define assert_field(name, expected) assert_string_equal(field(name), (expected))

/* ---- helpers ---- */
static void run_until(bool (*stop)(void)) {
    int64_t give_up = clock_mono_us() + 20 * 1000000;
    while (!stop() && clock_mono_us() < give_up) loop_turn(loop, 5000);
    assert_true(stop());
}

static bool idle(void) { return !persist_saving() && !persist_loading(); }

static bool answered(void) { return !(peer.session.flags & SESSION_BLOCKED); }

static void put_keys(int n) {
    char key[16];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        struct slice text = slice_of_cstr(key);
        struct key k = {text, dataset_hash(executor.dataset, text)};
        assert_true(db_put_string(dataset_db(executor.dataset, 0), k, SLICE("v"), NO_EXPIRE, PUT_PLAIN));
        dataset_stats(executor.dataset)->changes++;
    }
}

static bool loaded_flag;
static char loaded_error[LOAD_ERROR_MAX];

static void on_loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    assert_ptr_equal(arg, &loaded_flag);
    if (dataset) assert_true(!error && !cancelled && executor.dataset == dataset && !executor.loading);
    loaded_flag = true;
    snprintf(loaded_error, sizeof(loaded_error), "%s", error ? error : "");
}

/* ---- tests ---- */
static void test_save_setting(void **state) {
    (void)state;
    assert_string_equal(get_words("save"), "3600 1 300 100 60 10000");
    assert_null(set_words("save", "10 0"));
    assert_string_equal(get_words("save"), "10 0");
    struct slice more[] = {SLICE("20"), SLICE("5")}, nothing = SLICE("");
    assert_null(directive("save")->set(more, 2, false));
    assert_string_equal(get_words("save"), "10 0 20 5");
    const char *bad[] = {"100", "100 x", "0 1", "10 -1", "1 2 3"};
    for (size_t i = 0; i < countof(bad); i++) assert_string_equal(set_words("save", bad[i]), "Invalid save parameters");
    assert_string_equal(get_words("save"), "10 0 20 5");
    assert_true(persist_has_save_points());
    assert_null(directive("save")->set(&nothing, 1, true));
    assert_string_equal(get_words("save"), "");
    assert_false(persist_has_save_points());
}

static void test_file_settings(void **state) {
    (void)state;
    char real[PATH_MAX];
    assert_null(directive("dbfilename")->check(SLICE("x.rdb")));
    assert_null(directive("dbfilename")->check(SLICE("")));
    assert_string_equal(directive("dbfilename")->check(SLICE("a/b")), "dbfilename can't be a path, just a filename");
    assert_string_equal(set_words("dir", "/no/such/folder"), "No such file or directory");
    assert_string_equal(set_words("dir", "/etc/passwd"), "Not a directory");
    assert_null(set_words("dir", folder));
    assert_string_equal(get_words("dir"), realpath(folder, real));
}

static void test_save_blocks_only_the_asker(void **state) {
    (void)state;
    put_keys(100);
    persist_state.settings.save_delay_us = 2000;
    assert_int_equal(peer_send(&peer, "SAVE"), RUN_DONE);
    assert_true(peer.session.flags & SESSION_BLOCKED);
    assert_string_equal(peer_read(&peer), "");
    assert_string_equal(ask(&other, "SAVE"), "-ERR Background save already in progress\r\n");
    assert_string_equal(ask(&other, "BGSAVE"), "-ERR Background save already in progress\r\n");
    assert_string_equal(ask(&other, "BGSAVE schedule"), "-ERR Background save already in progress\r\n");
    assert_field("rdb_bgsave_in_progress", "1");
    assert_field("current_save_keys_total", "100");
    put_keys(10);
    atomic_store(&persist_state.save_delay_us, 0);
    run_until(answered);
    assert_string_equal(peer_read(&peer), "+OK\r\n");
    assert_field("rdb_bgsave_in_progress", "0");
    assert_field("rdb_changes_since_last_save", "10");
    assert_field("rdb_saves", "1");
    assert_field("rdb_last_bgsave_time_sec", "-1");
    assert_true(file_exists("dump.rdb"));
}

static void test_asker_that_leaves(void **state) {
    (void)state;
    struct peer gone;
    peer_open(&gone, &executor);
    put_keys(10);
    assert_int_equal(peer_send(&gone, "SAVE"), RUN_DONE);
    peer_close(&gone);
    run_until(idle);
    assert_true(file_exists("dump.rdb"));
}

static void test_bgsave(void **state) {
    (void)state;
    char now[32];
    put_keys(10);
    clock_wall_set_for_test(FIXTURE_TIME_MS + 100000);
    assert_string_equal(ask(&peer, "BGSAVE"), "+Background saving started\r\n");
    assert_string_equal(ask(&peer, "bgsave nonsense"), "-ERR syntax error\r\n");
    run_until(idle);
    snprintf(now, sizeof(now), ":%lld\r\n", (long long)FIXTURE_TIME_MS / 1000 + 100);
    assert_string_equal(ask(&peer, "LASTSAVE"), now);
    assert_field("rdb_last_bgsave_status", "ok");
    assert_field("rdb_last_bgsave_time_sec", "0");
    assert_field("rdb_changes_since_last_save", "0");
}

static void test_cancel(void **state) {
    (void)state;
    put_keys(10);
    persist_state.settings.save_delay_us = 60 * 1000000;
    assert_string_equal(ask(&peer, "BGSAVE CANCEL"),
                        "-ERR Background saving is currently not in progress or scheduled\r\n");
    ask(&peer, "BGSAVE");
    assert_string_equal(ask(&peer, "BGSAVE CANCEL"), "+Background saving cancelled\r\n");
    run_until(idle);
    assert_field("rdb_last_bgsave_status", "ok");
    assert_field("rdb_changes_since_last_save", "10");
    assert_false(file_exists("dump.rdb"));
}

static void test_scheduled(void **state) {
    (void)state;
    put_keys(10);
    struct dataset_frozen *reader = dataset_freeze(executor.dataset);
    assert_string_equal(ask(&peer, "BGSAVE"), "-ERR Another snapshot is being read: can't save right now\r\n");
    assert_string_equal(ask(&peer, "BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    assert_string_equal(ask(&peer, "BGSAVE CANCEL"), "+Scheduled background saving cancelled\r\n");
    assert_string_equal(ask(&peer, "BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    persist_cron();
    assert_false(persist_saving());
    dataset_thaw(executor.dataset, reader);
    persist_cron();
    assert_true(persist_saving());
    run_until(idle);
    persist_cron();
    assert_false(persist_saving());
    assert_true(file_exists("dump.rdb"));
}

static void test_failed_save_stops_writes(void **state) {
    (void)state;
    put_keys(10);
    file_fail_after(FILE_FAULT_WRITE, 1, ENOSPC, 3);
    ask(&peer, "BGSAVE");
    run_until(idle);
    assert_field("rdb_last_bgsave_status", "err");
    assert_field("rdb_changes_since_last_save", "10");
    assert_string_equal(persist_refuse_write(), "MISCONF Redis is configured to save RDB snapshots, but it's currently "
                                                "unable to persist to disk. Commands that "
                                                "may modify the data set are disabled, because this instance is "
                                                "configured to report errors during writes if RDB "
                                                "snapshotting fails (stop-writes-on-bgsave-error option). Please check "
                                                "the Redis logs for details about the RDB "
                                                "error.");
    persist_state.settings.stop_writes = false;
    assert_null(persist_refuse_write());
    persist_state.settings.stop_writes = true;
    assert_null(set_words("save", ""));
    assert_null(persist_refuse_write());
    assert_null(set_words("save", "60 1"));
    assert_non_null(persist_refuse_write());
    file_fail_after(FILE_FAULT_SYNC, 1, EIO, 0);
    peer_send(&peer, "SAVE");
    run_until(answered);
    assert_non_null(strstr(peer_read(&peer), "-ERR cannot sync temp-"));
    peer_send(&peer, "SAVE");
    run_until(answered);
    assert_string_equal(peer_read(&peer), "+OK\r\n");
    assert_null(persist_refuse_write());
    assert_field("rdb_last_bgsave_status", "ok");
}

static void test_save_points(void **state) {
    (void)state;
    assert_null(set_words("save", "100 10"));
    put_keys(9);
    clock_wall_set_for_test(FIXTURE_TIME_MS + 200000);
    persist_cron();
    assert_false(persist_saving());
    put_keys(1);
    clock_wall_set_for_test(FIXTURE_TIME_MS + 100000);
    persist_cron();
    assert_false(persist_saving());
    clock_wall_set_for_test(FIXTURE_TIME_MS + 101000);
    file_fail_after(FILE_FAULT_OPEN, 1, EACCES, 0);
    persist_cron();
    assert_true(persist_saving());
    run_until(idle);
    assert_field("rdb_last_bgsave_status", "err");
    clock_wall_set_for_test(FIXTURE_TIME_MS + 106000); /* not again within 5 seconds */
    persist_cron();
    assert_false(persist_saving());
    clock_wall_set_for_test(FIXTURE_TIME_MS + 107000);
    persist_cron();
    assert_true(persist_saving());
    run_until(idle);
    assert_field("rdb_last_bgsave_status", "ok");
    persist_cron();
    assert_false(persist_saving());
}

static void test_no_file_name(void **state) {
    (void)state;
    persist_state.settings.file_name = "";
    assert_string_equal(ask(&peer, "SAVE"), "-ERR No file to save to: dbfilename is empty\r\n");
    assert_false(persist_load_start(on_loaded, NULL));
    put_keys(10);
    assert_null(set_words("save", "1 1"));
    clock_wall_set_for_test(FIXTURE_TIME_MS + 100000);
    persist_cron();
    assert_false(persist_saving());
}

static void save_and_forget(int keys) {
    put_keys(keys);
    peer_send(&peer, "SAVE");
    run_until(answered);
    assert_string_equal(peer_read(&peer), "+OK\r\n");
    dataset_flush(executor.dataset, -1, false);
}

static void test_load(void **state) {
    (void)state;
    assert_false(persist_load_start(on_loaded, &loaded_flag));
    save_and_forget(50);
    write_bytes("temp-1-2.rdb", SLICE("x"));
    write_bytes("temp-1.rdb", SLICE("x"));
    write_bytes("temp-backup.rdb", SLICE("x"));
    persist_state.settings.load_delay_us = 2000;
    loaded_flag = false;
    assert_field("loading_total_bytes", "");
    assert_true(persist_load_start(on_loaded, &loaded_flag));
    assert_true(executor.loading && persist_loading());
    assert_field("loading", "1");
    assert_string_equal(ask(&peer, "SAVE"), "-LOADING Tarn is loading the dataset in memory\r\n");
    assert_int_equal(dataset_keys(executor.dataset), 0);
    assert_true(strcmp(field("loading_total_bytes"), "") != 0);
    assert_true(strcmp(field("loading_eta_seconds"), "") != 0);
    assert_true(strcmp(field("loading_loaded_perc"), "") != 0);
    persist_state.settings.load_delay_us = 0;
    assert_null(directive("key-load-delay")->apply());
    run_until(idle);
    assert_true(loaded_flag);
    assert_int_equal(dataset_keys(executor.dataset), 50);
    assert_field("rdb_last_load_keys_loaded", "50");
    assert_field("rdb_last_load_keys_expired", "0");
    assert_field("rdb_changes_since_last_save", "0");
    assert_field("loading_total_bytes", "");
    assert_false(file_exists("temp-1-2.rdb"));
    assert_true(file_exists("temp-1.rdb") && file_exists("temp-backup.rdb")); /* another program's, a user's */
    put_keys(3);
    assert_field("rdb_changes_since_last_save", "3");
}

static void test_load_that_fails(void **state) {
    (void)state;
    write_bytes("dump.rdb", SLICE("REDIS0010"));
    write_bytes("temp-1-2.rdb", SLICE("x"));
    loaded_flag = false;
    assert_true(persist_load_start(on_loaded, &loaded_flag));
    run_until(idle);
    assert_true(loaded_flag && executor.loading);
    assert_non_null(strstr(loaded_error, "dump.rdb: offset 9: the file ends in the middle"));
    assert_true(file_exists("temp-1-2.rdb"));
    executor.loading = false;
}

static void test_release_while_saving(void **state) {
    (void)state;
    put_keys(10);
    persist_state.settings.save_delay_us = 60 * 1000000;
    ask(&peer, "BGSAVE");
    persist_release();
    assert_false(dataset_is_frozen(executor.dataset));
    loop_free(loop); /* it must not run any more */
    loop = loop_new();
    persist_init(&executor, loop);
}

static void test_release_while_loading(void **state) {
    (void)state;
    save_and_forget(100);
    persist_state.settings.load_delay_us = 60 * 1000000;
    assert_true(persist_load_start(on_loaded, &loaded_flag));
    loaded_flag = false;
    persist_load_cancel();
    persist_release();
    assert_false(loaded_flag);
    executor.loading = false;
    loop_free(loop);
    loop = loop_new();
    persist_init(&executor, loop);
}

/* DEBUG RELOAD NOSAVE may come at any time. */
static void test_no_load_while_saving(void **state) {
    (void)state;
    save_and_forget(10);
    put_keys(10);
    persist_state.settings.save_delay_us = 60 * 1000000;
    ask(&peer, "BGSAVE");
    assert_false(persist_load_start(on_loaded, NULL));
    persist_save_cancel();
    run_until(idle);
}

static int open_all(void **state) {
    static const struct command_list list = {persist_commands};
    (void)state;
    executor_open(&executor, &list, 1);
    loop = loop_new();
    peer_open(&peer, &executor);
    peer_open(&other, &executor);
    persist_init(&executor, loop);
    default_settings();
    return chdir(folder);
}

static bool is_rdb(const char *name) { return strstr(name, ".rdb") != NULL; }

static int close_all(void **state) {
    (void)state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    persist_release();
    peer_close(&peer);
    peer_close(&other);
    executor_shut(&executor);
    loop_free(loop);
    file_remove_abandoned(".", is_rdb);
    return 0;
}

static int start(void **state) {
    (void)state;
    make_folder(folder);
    return getcwd(home, sizeof(home)) ? 0 : 1;
}

static int finish(void **state) {
    (void)state;
    return chdir(home) || rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_save_setting),
        TEST(test_file_settings),
        TEST(test_save_blocks_only_the_asker),
        TEST(test_asker_that_leaves),
        TEST(test_bgsave),
        TEST(test_cancel),
        TEST(test_scheduled),
        TEST(test_failed_save_stops_writes),
        TEST(test_save_points),
        TEST(test_no_file_name),
        TEST(test_load),
        TEST(test_load_that_fails),
        TEST(test_release_while_saving),
        TEST(test_release_while_loading),
        TEST(test_no_load_while_saving),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
