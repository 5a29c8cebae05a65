/* Writing the append-only file while the disk fails: what was said to be safe is there afterwards, whatever call failed. */
#include "unit/exec/fixture.h"

#include "unit/persist/rdb_file.h"

#include "base/log.h"
#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/thread.h"
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static const struct command_list lists[] = {
    {connection_commands}, {string_commands}, {generic_commands}, {transaction_commands}, {aof_commands}};

static struct executor executor;
static struct loop *loop;
static struct peer peer;
static char home[1024], folder[64];
static bool loaded, load_failed;

/* ---- a server without sockets ---- */
static const char *refuse_write(void *arg) {
    (void)arg;
    return persist_refuse_write();
}

static void on_loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    (void)arg, (void)dataset;
    loaded = true;
    load_failed = error || cancelled;
}

static void turn(void) {
    executor_begin_batch(&executor);
    aof_turn();
    aof_cron();
    loop_turn(loop, 1000);
}

/* False: it could not start. */
static bool start(enum aof_fsync fsync) {
    const char *error;
    struct siphash_seed seed = {1, 2};
    loop = loop_new();
    executor_init(&executor, lists, countof(lists), dataset_new(4, &seed));
    executor.hooks.refuse_write = refuse_write;
    executor_listen(&executor);
    persist_state.settings = (struct persist_settings){
        .checksum = true,
        .file_name = "dump.rdb",
        .aof = {.on = true, .load_truncated = true, .fsync = (int)fsync, .file_name = "a", .folder_name = "d"}};
    persist_init(&executor, loop);
    persist_set_commands(lists, countof(lists));
    loaded = load_failed = false;
    if (persist_load_first(on_loaded, NULL, &error)) {
        while (!loaded) loop_turn(loop, 1000);
    } else {
        load_failed = error != NULL;
    }
    executor.loading = false;
    peer_open(&peer, &executor);
    return !load_failed;
}

/* finish: as a shutdown does; else as after a kill. */
static void stop(bool finish) {
    if (finish && aof_is_on()) aof_finish();
    peer_close(&peer);
    persist_release();
    dataset_free(executor.dataset);
    executor_release(&executor);
    loop_free(loop);
}

static void remove_folder(void) {
    DIR *d = opendir("d");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300];
        snprintf(path, sizeof path, "d/%s", e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    if (d) closedir(d);
    rmdir("d");
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tarn-aofw-XXXXXX");
    return getcwd(home, sizeof home) && mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state) {
    (void)state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    remove_folder();
    if (chdir(home) != 0) return -1;
    rmdir(folder);
    return 0;
}

/* Sends and says whether it was accepted; the reply may still have to wait. */
static bool send(const char *line) {
    peer_send(&peer, line);
    return strncmp(peer_read(&peer), "-", 1) != 0;
}

static bool wait_safe(int64_t ms) {
    int64_t end = clock_mono_us() + ms * 1000;
    while (!aof_may_reply(&peer.session) && clock_mono_us() < end) turn();
    return aof_may_reply(&peer.session);
}

static void wait_accepting(void) {
    int64_t end = clock_mono_us() + 10 * 1000000;
    while (persist_refuse_write() && clock_mono_us() < end) turn();
    assert_null(persist_refuse_write());
}

static bool has(const char *name, const char *value) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e =
        db_view(dataset_db(executor.dataset, 0), key_of(executor.dataset, slice_of_cstr(name)), VIEW_NO_TOUCH);
    return e && slice_equal(entry_string(e, scratch), slice_of_cstr(value));
}

/* ---- tests ---- */
static void a_write_without_room_waits_and_goes_on(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(send("SET a 1") && aof_may_reply(&peer.session));
    int64_t size = persist_state.aof.file.size;
    file_fail_after(FILE_FAULT_WRITE, 1, ENOSPC, 7);
    assert_true(send("SET b 2"));
    assert_false(aof_may_reply(&peer.session));
    assert_int_equal(size, file_size(persist_state.aof.file.fd)); /* the part is taken back */
    assert_non_null(strstr(persist_refuse_write(), "MISCONF Errors writing to the AOF file: No space left on device"));
    assert_false(send("SET c 3"));
    assert_true(wait_safe(5000));
    wait_accepting();
    assert_true(send("SET c 4") && aof_may_reply(&peer.session));
    stop(false);
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(has("a", "1") && has("b", "2") && has("c", "4"));
    stop(true);
}

static void a_failed_sync_is_final_until_a_new_base(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(send("SET a 1") && aof_may_reply(&peer.session));
    int64_t seq = persist_state.aof.file.seq;
    file_fail_after(FILE_FAULT_SYNC, 1, EIO, 0);
    assert_true(send("SET b 2"));
    assert_false(aof_may_reply(&peer.session));
    assert_true(persist_state.aof.lost);
    assert_false(send("SET c 3"));
    assert_true(wait_safe(10000));
    assert_true(persist_state.aof.file.seq > seq); /* nothing more goes into the old one */
    wait_accepting();
    assert_true(send("SET c 4") && aof_may_reply(&peer.session));
    stop(false);
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(has("a", "1") && has("b", "2") && has("c", "4"));
    stop(true);
}

/* A number of writes, each of which is noted when its reply may leave, with a rewrite in between. */
struct story {
    int sent, safe;
};

static void write_some(struct story *s, int n) {
    char line[64];
    for (int i = 0; i < n; i++) {
        snprintf(line, sizeof line, "SET k%d v%d", s->sent + 1, s->sent + 1);
        if (!send(line)) break;
        s->sent++;
        if (aof_may_reply(&peer.session)) s->safe = s->sent;
        turn();
    }
}

static void tell_story(struct story *s) {
    write_some(s, 4);
    aof_rewrite_ask();
    int64_t end = clock_mono_us() + 60000;
    while ((persist_state.aof.rewrite.scheduled || aof_rewriting()) && clock_mono_us() < end) turn();
    write_some(s, 4);
}

static void assert_kept(const struct story *s) {
    char name[32], value[32];
    size_t n = dataset_keys(executor.dataset);
    assert_true(n >= (size_t)s->safe);
    for (size_t i = 1; i <= n; i++) {
        snprintf(name, sizeof name, "k%zu", i);
        snprintf(value, sizeof value, "v%zu", i);
        if (!has(name, value))
            fail_msg("%s is not there, %d of %d were safe, %zu are there", name, s->safe, s->sent, n);
    }
}

/* The nth call of every kind fails, for each n until none is left to fail. What was safe is there after a kill, and it starts. */
static void whatever_call_fails_nothing_safe_is_lost(void **state) {
    (void)state;
    static const enum file_fault kinds[] = {FILE_FAULT_WRITE, FILE_FAULT_SYNC, FILE_FAULT_OPEN, FILE_FAULT_RENAME};
    static const enum aof_fsync policies[] = {AOF_FSYNC_ALWAYS, AOF_FSYNC_EVERYSEC};
    for (size_t k = 0; k < countof(kinds) * countof(policies); k++) {
        for (unsigned nth = 1; nth < 30; nth++) {
            struct story s = {0, 0};
            enum aof_fsync fsync = policies[k % countof(policies)];
            file_fail_after(kinds[k / countof(policies)], nth, nth % 2 ? ENOSPC : EIO, nth * 5 % 60);
            bool started = start(fsync);
            if (started) tell_story(&s);
            file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
            stop(false);
            if (!start(fsync)) fail_msg("fault %zu, call %u: it does not start again", k, nth);
            assert_kept(&s);
            stop(true);
            remove_folder();
        }
    }
}

int main(void) {
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_without_room_waits_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_final_until_a_new_base, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_call_fails_nothing_safe_is_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
