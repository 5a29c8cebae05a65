/* The phases, the turn of the loop, the cron. */
#include "server/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "exec/executor.h"
#include "exec/limit.h"
#include "io/loop.h"
#include "io/process.h"
#include "io/thread.h"
#include "keyspace/top.h"
#include "mem/mem.h"
#include "observe/observe.h"
#include "observe/observer.h"
#include "persist/persist.h"
#include "server/config.h"
#include "server/debug.h"
#include "server/defrag.h"
#include "server/memory_plan.h"
#include "server/network.h"
#include "server/settings.h"
#include "server/supervise.h"

#include <unistd.h>

#define TOP_REFILL_US 1000 /* of each 100 ms: 1 % */

static struct {
    enum server_phase phase;
    struct executor executor;
    struct loop *loop;
    struct network *network;
    struct reaper *reaper;
    struct loop_fd signals;
    struct loop_timer cron;
    struct defrag *defrag;
    int64_t next_second_us;
    struct loop_stats second_start;  /* of the second that runs */
    int64_t turn_rate, turn_mean_us; /* of the second that has passed */
    int exit_code;
    bool stopping;
    struct memory_relief relief;
    bool expire_pending; /* due keys are left from the last slice */
} server;

struct defrag *server_defrag(void) {
    return server.defrag;
}
struct executor *server_executor(void) {
    return &server.executor;
}
struct loop *server_loop(void) {
    return server.loop;
}
struct network *server_network(void) {
    return server.network;
}
struct reaper *server_reaper(void) {
    return server.reaper;
}
enum server_phase server_phase(void) { return server.phase; }

const char *server_phase_name(void) {
    static const char *const names[] = {"boot", "loading", "serving", "draining"};
    return names[server.phase];
}

void server_enter(enum server_phase phase) {
    if (phase == PHASE_DRAINING) supervise_stopping();
    if (phase == PHASE_SERVING && server.phase == PHASE_DRAINING) supervise_ready(); /* it stays after all */
    server.phase = phase;
    observer_enter(server_phase_name(), phase == PHASE_SERVING);
}

void server_stop(int exit_code) {
    server.exit_code = exit_code;
    server.stopping = true;
    loop_stop(server.loop);
}

/* ---- hooks ---- */
static const char *refuse_write(void *arg) {
    (void)arg;
    return persist_refuse_write();
}

static const char *refuse_protected(void *arg, const struct context *c) {
    (void)arg;
    return debug_refuse(c);
}

static void ran(void *arg, const struct context *c, uint64_t duration_ns) {
    (void)arg;
    observe_ran(c, duration_ns);
}

static void defer(void *arg, void (*job)(void *), void *job_arg) {
    (void)arg;
    reaper_post(server.reaper, job, job_arg);
}

/* ---- the turn ---- */
/* A slice of expiry between two turns: short enough not to be felt, long enough to keep up with any write rate. */
#define EXPIRE_SLICE_US 1000

/* No sleep is longer than an hour: a deadline may lie at the end of all time, where microseconds would overflow. */
#define SLEEP_MAX_MS 3600000

static int64_t us_until(int64_t deadline_ms, int64_t now_ms) {
    if (deadline_ms <= now_ms) return 0;
    int64_t wait_ms = deadline_ms - now_ms;
    return (wait_ms < SLEEP_MAX_MS ? wait_ms : SLEEP_MAX_MS) * 1000;
}

static void expire_due(struct dataset *ds) {
    server.expire_pending = false;
    /* A pause is there so that the data stands still. */
    if (server.executor.pause != PAUSE_NONE || dataset_next_expiry_ms(ds) > dataset_now(ds)) return;
    int64_t begun_us = clock_mono_us();
    server.expire_pending = dataset_expire_due(ds, EXPIRE_SLICE_US);
    observe_latency("expire-cycle", (uint64_t)(clock_mono_us() - begun_us) * 1000);
}

static bool make_room(struct executor *x) {
    if (likely(!limit_is_over(x))) return limit_step(x);
    int64_t begun_us = clock_mono_us();
    bool more = limit_step(x);
    observe_latency("eviction-cycle", (uint64_t)(clock_mono_us() - begun_us) * 1000);
    return more;
}

/* Expiry, eviction, deadlines, and how long the loop may sleep. */
static int64_t before_wait(void *arg) {
    (void)arg;
    struct executor *x = &server.executor;
    executor_begin_batch(x);
    expire_due(x->dataset);
    bool more = make_room(x);
    executor_tick(x, x->now_ms);
    executor_end_turn(x);
    shutdown_tick();
    aof_turn();
    int64_t defrag = defrag_turn(server.defrag, clock_mono_us());
    if (more || server.expire_pending || server.stopping || network_has_pending(server.network)) return 0;
    int64_t expiry = x->pause == PAUSE_NONE ? us_until(dataset_next_expiry_ms(x->dataset), x->now_ms) : INT64_MAX;
    int64_t deadline = us_until(executor_next_deadline_ms(x), x->now_ms);
    if (expiry < deadline) deadline = expiry;
    return defrag < deadline ? defrag : deadline;
}

static void after_events(void *arg) {
    (void)arg;
    network_process(server.network);
}

static void on_signal(struct loop_fd *fd, unsigned events) {
    int number;
    (void)events;
    while ((number = process_signal_read(fd->fd)) > 0) shutdown_signal(number);
}

static void sample_turns(void) {
    const struct loop_stats *now = loop_stats(server.loop);
    int64_t turns = (int64_t)(now->turns - server.second_start.turns);
    int64_t time_us = (int64_t)(now->duration_us_sum - server.second_start.duration_us_sum);
    server.second_start = *now;
    server.turn_rate = turns;
    server.turn_mean_us = turns ? time_us / turns : 0;
}

int64_t server_turn_rate(void) { return server.turn_rate; }

int64_t server_turn_mean_us(void) { return server.turn_mean_us; }

static void on_cron(struct loop_timer *timer) {
    int64_t now_us = clock_mono_us();
    loop_timer_start(server.loop, timer, now_us + 100000);
    if (debug_cron_paused()) return;
    executor_sample(&server.executor, now_us);
    mem_note_peak();
    dataset_top_refill(server.executor.dataset, TOP_REFILL_US);
    observer_cron();
    persist_cron();
    memory_plan_cron(&server.relief);
    defrag_cron(server.defrag, now_us);
    supervise_cron();
    if (now_us >= server.next_second_us) {
        server.next_second_us = now_us + 1000000;
        sample_turns();
        network_close_idle(server.network);
    }
}

/* ---- boot ---- */
static void make_executor(void) {
    const struct server_settings *s = server_settings();
    struct siphash_seed seed;
    unsigned char values_seed[16];
    random_system_bytes(values_seed, sizeof values_seed);
    values_set_seed(values_seed);
    random_system_bytes(&seed, sizeof seed);
    struct dataset *empty = dataset_new((unsigned)s->databases, &seed);
    unsigned count;
    const struct command_list *commands = server_command_lists(&count);
    executor_init(&server.executor, commands, count, empty);
    config_on_reset(mem_reset_peak);
    server.executor.hooks =
        (struct executor_hooks){.refuse_write = refuse_write, .refuse_protected = refuse_protected, .ran = ran};
    server.executor.keyspace.defer = defer;
    server.executor.top = top_board_new();
    executor_listen(&server.executor);
}

static void ready(void) {
    server_enter(PHASE_SERVING);
    log_notice("Ready to accept connections");
    supervise_ready();
}

static void loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    (void)arg;
    (void)dataset;
    if (cancelled || server.stopping) return;
    if (error) {
        log_warning("Fatal error loading the dataset: %s. Exiting; the file was left as it is.", error);
        server_stop(EXIT_CONFIG);
        return;
    }
    settings_reapply(SETTINGS_ACCESS); /* to the dataset that has taken its place */
    settings_reapply(SETTINGS_LIMITS);
    ready();
}

static bool start_loading(void) {
    const char *error;
    if (persist_load_first(loaded, NULL, &error)) return true;
    if (error)
        log_warning("Fatal error: %s", error);
    else
        ready();
    return !error;
}

static bool boot(void) {
    server.loop = loop_new();
    server.reaper = reaper_new("reaper");
    server.defrag = defrag_new();
    make_executor();
    if (!settings_fit_clients()) return false;
    server.network = network_new(server.loop, &server.executor);
    loop_set_hooks(server.loop, before_wait, after_events, NULL);
    server.signals = (struct loop_fd){.fd = process_signal_fd(), .call = on_signal};
    loop_watch(server.loop, &server.signals, LOOP_READ);
    persist_init(&server.executor, server.loop);
    persist_on_latency(observe_latency);
    unsigned command_lists;
    const struct command_list *lists = server_command_lists(&command_lists);
    persist_set_commands(lists, command_lists);
    settings_on_change(settings_apply);
    observe_set_sensitive(config_is_sensitive);
    unsigned count;
    const struct metric_list *metrics = server_metric_lists(&count);
    observe_init(&server.executor, metrics, count);
    settings_start(); /* what run-time changes apply, applied to the start values */
    if (!config_rename_commands(server.executor.commands)) return false;
    if (!network_listen(server.network)) return false;
    if (!observer_start(server.loop)) return false;
    log_notice("Server initialized");
    server.cron.call = on_cron;
    loop_timer_start(server.loop, &server.cron, clock_mono_us() + 100000);
    mem_note_startup();
    server_enter(PHASE_LOADING);
    return start_loading();
}

/* The dataset is left to the kernel: freeing it key by key would hold up the exit. Debug builds free it, for the leak
 * checkers. */
static void leave_dataset(void) {
#ifdef TARN_DEBUG
    dataset_free(server.executor.dataset);
    top_board_free(server.executor.top); /* else a loader that was left to itself may still write to it */
#endif
}

static void tear_down(void) {
    network_flush_all(server.network);
    network_free(server.network);
    reaper_drain(server.reaper); /* it may be at a purge for the observer */
    observer_stop();             /* before persist: it may read the frozen dataset */
    persist_release();
    observe_release();
    leave_dataset();
    defrag_free(server.defrag);
    executor_release(&server.executor);
    reaper_free(server.reaper);
    loop_unwatch(server.loop, &server.signals);
    close(server.signals.fd);
    loop_free(server.loop);
}

int server_run(void) {
    if (boot()) {
        loop_run(server.loop);
    } else {
        server.exit_code = EXIT_CONFIG;
    }
    if (server.phase != PHASE_DRAINING) supervise_stopping();
    settings_remove_pidfile();
    tear_down();
    return server.exit_code;
}
