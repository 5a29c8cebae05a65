/* Writing the append-only file while the disk fails: what was said to be safe is there afterwards, whatever call failed. */
#include "unit/persist/aof_world.h"

#include "base/log.h"

static struct world world;
static char home[1024], folder[64];

static bool start(enum aof_fsync fsync) {
    world.aof = true;
    world.fsync = fsync;
    return world_start(&world);
}

static void stop(bool finish) { world_stop(&world, finish); }

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tarn-aofw-XXXXXX");
    return getcwd(home, sizeof home) && mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state) {
    (void)state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    file_slow_sync(0);
    world_clear();
    if (chdir(home) != 0) return -1;
    rmdir(folder);
    return 0;
}

static bool send(const char *line) { return world_send(&world, line); }
static bool may_reply(void) { return world_may_reply(&world); }
static void turn(void) { world_turn(&world); }
static bool has(const char *name, const char *value) { return world_has(&world, name, value); }

/* ---- tests ---- */
static void a_write_without_room_waits_and_goes_on(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(send("SET a 1") && world_wait_safe(&world, 10000));
    int64_t size = persist_state.aof.file.size;
    file_fail_after(FILE_FAULT_WRITE, 1, ENOSPC, 7);
    assert_true(send("SET b 2"));
    assert_false(may_reply());
    assert_int_equal(size, file_size(persist_state.aof.file.fd)); /* the part is taken back */
    assert_non_null(strstr(persist_refuse_write(), "MISCONF Errors writing to the AOF file: No space left on device"));
    assert_false(send("SET c 3"));
    assert_true(world_wait_safe(&world, 5000));
    assert_true(world_wait_accepting(&world, 10000));
    assert_true(send("SET c 4") && world_wait_safe(&world, 10000));
    stop(false);
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(has("a", "1") && has("b", "2") && has("c", "4"));
    stop(true);
}

static void a_failed_sync_is_final_until_a_new_base(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(send("SET a 1") && world_wait_safe(&world, 10000));
    int64_t seq = persist_state.aof.file.seq;
    file_fail_after(FILE_FAULT_SYNC, 1, EIO, 0);
    assert_true(send("SET b 2"));
    assert_false(may_reply());
    while (!persist_state.aof.lost) turn();
    assert_false(may_reply());
    assert_false(send("SET c 3"));
    assert_true(world_wait_safe(&world, 10000));
    assert_true(persist_state.aof.file.seq > seq); /* nothing more goes into the old one */
    assert_true(world_wait_accepting(&world, 10000));
    assert_true(send("SET c 4") && world_wait_safe(&world, 10000));
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
        if (world_wait_safe(&world, 20)) s->safe = s->sent;
        turn();
    }
}

static void tell_story(struct story *s) {
    write_some(s, 4);
    aof_rewrite_ask();
    world_wait_rewritten(&world, 60);
    write_some(s, 4);
}

static void assert_kept(const struct story *s) {
    char name[32], value[32];
    size_t n = dataset_keys(world.executor.dataset);
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
            world_clear();
        }
    }
}

/* ---- a slow disk ---- */
static int64_t oldest_unsynced_ms(void) {
    const struct aof *a = &persist_state.aof;
    return a->sync.busy && a->sync.oldest_ms ? a->sync.oldest_ms : a->unsynced_ms;
}

/* With syncs that take longer than a second, writes wait before two seconds of them are not on disk; reads do not. */
static void everysec_loses_two_seconds_at_most(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_EVERYSEC));
    file_slow_sync(1500 * 1000);
    bool waited = false, went_on = false;
    int64_t delayed = persist_state.aof.delayed_syncs, end_ms = clock_mono_us() / 1000 + 30000;
    while (!went_on && clock_mono_us() / 1000 < end_ms) {
        int64_t oldest_ms = oldest_unsynced_ms(), now_ms = clock_mono_us() / 1000;
        turn();
        bool paused = world.executor.pause != PAUSE_NONE;
        if (paused) {
            assert_true(send("GET a"));
            waited = true;
        } else {
            if (oldest_ms && oldest_ms == oldest_unsynced_ms() && now_ms - oldest_ms >= 1900)
                fail_msg("writes go on %lld ms after what is not on disk", (long long)(now_ms - oldest_ms));
            assert_true(send("INCR a") && may_reply());
            went_on = waited;
        }
    }
    assert_true(waited && went_on);
    assert_int_equal(persist_state.aof.delayed_syncs, delayed); /* those are the ones above two seconds */
    file_slow_sync(0);
    stop(true);
}

static unsigned fsyncs_heard, writes_heard;
static void hear(const char *event, uint64_t duration_ns) {
    assert_true(duration_ns < UINT64_MAX / 2);
    fsyncs_heard += strcmp(event, "aof-fsync-always") == 0 && duration_ns >= 100000000;
    writes_heard += strcmp(event, "aof-write") == 0;
}

/* Who writes waits for the disk; who reads does not, and one sync is for all that was written while the one before ran. */
static void always_holds_up_only_who_writes(void **state) {
    (void)state;
    struct peer reader;
    assert_true(start(AOF_FSYNC_ALWAYS));
    persist_on_latency(hear);
    peer_open(&reader, &world.executor);
    file_slow_sync(100 * 1000);
    assert_true(send("SET a 1"));
    for (int i = 0; i < 20; i++) {
        assert_false(may_reply());
        peer_send(&reader, "GET a");
        assert_true(aof_may_reply(&reader.session));
        assert_true(send("INCR n"));
    }
    assert_true(world_wait_safe(&world, 60000));
    assert_true(persist_state.aof.durable >= world.peer.session.journal_end);
    assert_int_equal(fsyncs_heard, 2);
    assert_true(writes_heard > 2);
    file_slow_sync(0);
    peer_close(&reader);
    persist_state.on_latency = NULL;
    stop(true);
}

/* What is written while a sync is under way, just before a rewrite switches files, is synced by the switch alone. */
static void a_switch_lets_go_the_replies_that_it_has_synced(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    assert_true(send("SET a 1") && world_wait_safe(&world, 10000));
    file_slow_sync(50000);
    aof_rewrite_ask();
    while (persist_state.aof.rewrite.phase == REWRITE_NONE) turn();
    while (persist_state.aof.rewrite.phase == REWRITE_PREPARES) {
        assert_true(send("SET b 1"));
        may_reply();
        turn();
    }
    assert_int_equal(persist_state.aof.rewrite.phase, REWRITE_SWITCHES);
    assert_true(persist_state.aof.sync.busy && persist_state.aof.file.synced < persist_state.aof.file.size);
    file_slow_sync(0);
    assert_true(world_wait_safe(&world, 10000));
    world_wait_rewritten(&world, 10000);
    stop(true);
}

static void no_appendfsync_on_rewrite_is_for_everysec_only(void **state) {
    (void)state;
    assert_true(start(AOF_FSYNC_ALWAYS));
    persist_state.settings.aof.no_sync_on_rewrite = true;
    for (int i = 0; i < 50; i++) assert_true(send("INCR n"));
    assert_true(send("SET a 1") && send("SET b 1") && world_wait_safe(&world, 10000));
    persist_state.settings.save_delay_us = 200000;
    aof_rewrite_ask();
    while (persist_state.aof.rewrite.phase != REWRITE_WRITES) turn();
    assert_true(send("SET c 1") && world_wait_safe(&world, 10000));
    assert_true(aof_rewriting());
    assert_true(persist_state.aof.durable >= world.peer.session.journal_end);
    persist_state.settings.save_delay_us = 0;
    persist_share_delays();
    stop(true);
}

/* ---- saves ---- */
struct save_end {
    bool ended, failed;
};

static void on_saved(void *arg, const char *error, bool cancelled) {
    struct save_end *end = arg;
    end->ended = true;
    end->failed = error || cancelled;
}

static bool save(void) {
    struct save_end end = {false, false};
    const char *why;
    if (!persist_save_start(on_saved, &end, &why)) return false;
    while (!end.ended) turn();
    return !end.failed;
}

static unsigned files_here(void) {
    unsigned n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Whatever fails, the file is the old or the new one, whole, and nothing is left beside it. */
static void whatever_call_of_a_save_fails_a_file_is_whole(void **state) {
    (void)state;
    static const enum file_fault kinds[] = {FILE_FAULT_WRITE, FILE_FAULT_SYNC, FILE_FAULT_OPEN, FILE_FAULT_RENAME};
    world.aof = false;
    assert_true(world_start(&world));
    assert_true(send("SET k 0") && save());
    int good = 0, wanted = 0;
    for (size_t k = 0; k < countof(kinds); k++) {
        bool saved = false;
        for (unsigned nth = 1; !saved; nth++) {
            char line[64], value[32];
            assert_true(nth < 20);
            snprintf(line, sizeof line, "SET k %d", ++wanted);
            assert_true(send(line));
            file_fail_after(kinds[k], nth, nth % 2 ? ENOSPC : EIO, nth * 7);
            saved = save();
            file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
            assert_true(saved ? nth > 1 : nth < 20);
            assert_int_equal(files_here(), 1);
            char why[LOAD_ERROR_MAX] = "";
            struct load_options options = load_defaults();
            options.path = "dump.rdb";
            struct dataset *ds = load_file(&options, NULL, why);
            assert_string_equal(why, "");
            snprintf(value, sizeof value, "%d", wanted);
            if (holds(ds, 0, "k", slice_of_cstr(value))) good = wanted;
            snprintf(value, sizeof value, "%d", good);
            assert_true(holds(ds, 0, "k", slice_of_cstr(value)));
            assert_true(!saved || good == wanted);
            dataset_free(ds);
        }
    }
    stop(true);
}

int main(void) {
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_without_room_waits_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_final_until_a_new_base, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_call_fails_nothing_safe_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everysec_loses_two_seconds_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(always_holds_up_only_who_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_switch_lets_go_the_replies_that_it_has_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_appendfsync_on_rewrite_is_for_everysec_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_call_of_a_save_fails_a_file_is_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
