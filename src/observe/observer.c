#include "observe/observer.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/executor.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/process.h"
#include "io/thread.h"
#include "observe/analysis.h"
#include "observe/history.h"
#include "observe/http_routes.h"
#include "observe/observe_int.h"
#include "observe/published.h"

#include <stdio.h>

#define SECOND_US 1000000
#define KEEP      (-2) /* in a change: the listener stays */

struct observer {
    struct loop *loop;
    struct thread thread;
    struct http_sources sources;
    struct http_server *http;
    struct loop_timer tick;
    int64_t next_tick_us, last_commands, last_command_us; /* observer */
    /* Executor: */
    int64_t next_fill_us, port;
    char bind[NET_ADDRESS_MAX];
    char why[NET_ERROR_MAX];
};

/* New settings on their way to the observer. */
struct change {
    struct loop_message message;
    struct observer *observer;
    int listener; /* KEEP, -1 none */
    char token[HTTP_TOKEN_MAX + 1];
    char hosts[HTTP_HOSTS_MAX + 1];
};

struct history *observer_history(void) {
    return observe.observer ? observe.observer->sources.history : NULL;
}

/* ---- the observer's thread ---- */

static float rise(int64_t now, int64_t *last) {
    int64_t difference = now - *last;
    *last = now;
    return difference > 0 ? (float)difference : 0; /* CONFIG RESETSTAT sets back */
}

static void sample(struct observer *o) {
    struct history_sample s = {.time_s = clock_wall_ms() / 1000};
    const struct published *p = o->sources.published;
    struct mem_stats heap;
    int64_t used = 0;
    mem_stats_read(&heap);
    for (int i = 0; i < MEM_OWNER_COUNT; i++) {
        int64_t bytes = mem_owner_bytes((enum mem_owner)i);
        s.values[i] = (float)bytes;
        used += bytes;
    }
    s.values[HISTORY_USED] = (float)used;
    s.values[HISTORY_RSS] = (float)process_rss_bytes();
    s.values[HISTORY_ACTIVE] = (float)heap.active;
    s.values[HISTORY_RESIDENT] = (float)heap.resident;
    int64_t keys =
        published_moment(p, MOMENT_LOADING) ? published_moment(p, MOMENT_LOAD_KEYS) : published_moment(p, MOMENT_KEYS);
    s.values[HISTORY_KEYS] = (float)keys;
    s.values[HISTORY_EXPIRES] = (float)published_moment(p, MOMENT_EXPIRES);
    s.values[HISTORY_CLIENTS] = (float)published_moment(p, MOMENT_CLIENTS);
    s.values[HISTORY_OPS] = rise(published_moment(p, MOMENT_COMMANDS), &o->last_commands);
    s.values[HISTORY_BUSY_US] = rise(published_moment(p, MOMENT_COMMAND_US), &o->last_command_us);
    s.values[HISTORY_SLOWEST_US] = (float)published_take_slowest(o->sources.published);
    history_add(o->sources.history, &s);
}

static void on_tick(struct loop_timer *timer) {
    struct observer *o = list_entry(timer, struct observer, tick);
    int64_t now_us = clock_mono_us();
    sample(o);
    o->next_tick_us += SECOND_US;
    if (o->next_tick_us <= now_us) o->next_tick_us = now_us + SECOND_US; /* we were held up: no catching up */
    loop_timer_start(o->loop, timer, o->next_tick_us);
}

static void take_change(struct loop_message *message) {
    struct change *change = list_entry(message, struct change, message);
    struct http_server *http = change->observer->http;
    if (change->listener != KEEP) http_listen(http, change->listener);
    http_set_token(http, change->token);
    http_set_hosts(http, change->hosts);
    mem_free(MEM_OBSERVE, change, sizeof *change);
}

static void *run(void *arg) {
    struct observer *o = arg;
    loop_run(o->loop);
    return NULL;
}

/* ---- settings ---- */

static bool is_local(const char *address) { return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0; }

/* KEEP when nothing changes; below it, an error with o->why. */
static int open_listener(struct observer *o) {
    if (o->port == observe.http_port && strcmp(o->bind, observe.http_bind) == 0) return KEEP;
    int fd = -1;
    if (observe.http_port) {
        if (!http_available()) {
            snprintf(o->why, sizeof o->why, "http-port: this server was built without HTTP (llhttp)");
            return KEEP - 1;
        }
        fd = net_listen_tcp(observe.http_bind, (int)observe.http_port, 128, o->why);
        if (fd < 0) return KEEP - 1;
        log_notice("HTTP on %s port %d: /metrics, /readyz and a page of plots", observe.http_bind,
                   (int)observe.http_port);
        if (!is_local(observe.http_bind) && !observe.http_token[0]) {
            log_warning(
                "http-bind is not this machine alone and http-token is not set: everybody can read the figures.");
        }
    }
    o->port = observe.http_port;
    snprintf(o->bind, sizeof o->bind, "%s", observe.http_bind);
    o->next_fill_us = 0;
    return fd;
}

static const char *apply_http(void) {
    struct observer *o = observe.observer;
    if (!o) return NULL;
    int listener = open_listener(o);
    if (listener < KEEP) return o->why;
    struct change *change = mem_alloc_zeroed(MEM_OBSERVE, sizeof *change);
    change->message.call = take_change;
    change->observer = o;
    change->listener = listener;
    snprintf(change->token, sizeof change->token, "%s", observe.http_token);
    snprintf(change->hosts, sizeof change->hosts, "%s", observe.http_hosts);
    loop_send(o->loop, &change->message);
    return NULL;
}

static const char *check_token(struct slice value) {
    return value.len > HTTP_TOKEN_MAX ? "http-token is longer than 255 bytes" : NULL;
}

static const char *check_hosts(struct slice value) {
    return value.len > HTTP_HOSTS_MAX ? "http-hosts is longer than 1023 bytes" : NULL;
}

static const char *check_bind(struct slice value) {
    return value.len == 0 || value.len >= NET_ADDRESS_MAX ? "http-bind is one numeric address" : NULL;
}

static const struct directive rows[] = {
    {.name = "http-port",
     .type = DIRECTIVE_INT,
     .value = &observe.http_port,
     .initial = "0",
     .max = 65535,
     .apply = apply_http},
    {.name = "http-bind",
     .type = DIRECTIVE_STRING,
     .value = &observe.http_bind,
     .initial = "127.0.0.1",
     .check = check_bind,
     .apply = apply_http},
    {.name = "http-hosts",
     .type = DIRECTIVE_STRING,
     .value = &observe.http_hosts,
     .initial = "",
     .check = check_hosts,
     .apply = apply_http},
    {.name = "http-token",
     .type = DIRECTIVE_STRING,
     .flags = DIRECTIVE_SENSITIVE,
     .value = &observe.http_token,
     .initial = "",
     .check = check_token,
     .apply = apply_http},
};
const struct directive_list observer_directives = {rows, countof(rows)};

/* ---- the executor's side ---- */

static void visit_rows(void *arg, void (*visit)(void *arg, const struct metric *row), void *to) {
    (void)arg;
    for (int i = 0; i < INFO_SECTIONS_COUNT; i++) {
        for (unsigned k = 0; k < observe.sections[i].count; k++) visit(to, observe.sections[i].rows[k]);
    }
}

bool observer_start(struct loop *loop) {
    struct observer *o = mem_alloc_zeroed(MEM_OBSERVE, sizeof *o);
    proven(observe.observer == NULL && observe.executor != NULL);
    o->loop = loop_new();
    o->sources.published = published_new(visit_rows, NULL);
    o->sources.history = history_new();
    o->sources.prefixes = observe.shelf;
    o->sources.top = observe.executor->top;
    o->http = http_new(o->loop, http_route, &o->sources);
    o->tick.call = on_tick;
    o->next_tick_us = clock_mono_us() + SECOND_US;
    loop_timer_start(o->loop, &o->tick, o->next_tick_us);
    observe.observer = o;
    analysis_init(loop);
    published_beat(o->sources.published, observe.executor, 0);
    const char *why = apply_http();
    if (why) log_warning("%s", why);
    int error = thread_start(&o->thread, "observer", run, o);
    if (error) log_warning("The observer's thread cannot be started: %s", strerror(error));
    return !why && !error;
}

void observer_stop(void) {
    struct observer *o = observe.observer;
    if (!o) return;
    analysis_end();
    if (o->thread.running) {
        loop_stop(o->loop);
        thread_join(&o->thread);
    }
    loop_turn(o->loop, 0); /* changes that were still on their way */
    loop_timer_stop(o->loop, &o->tick);
    if (o->http) http_free(o->http);
    loop_free(o->loop);
    history_free(o->sources.history);
    published_free(o->sources.published);
    observe.observer = NULL;
    mem_free(MEM_OBSERVE, o, sizeof *o);
}

const struct published *observer_published(void) {
    if (!observe.observer) return NULL;
    published_beat(observe.observer->sources.published, observe.executor, observe.slowest_ns);
    observe.slowest_ns = 0;
    return observe.observer->sources.published;
}

void observer_cron(void) {
    struct observer *o = observe.observer;
    if (!o) return;
    observer_published();
    analysis_cron();
    int64_t now_us = clock_mono_us();
    if (observe.hotkeys) hotkeys_cron(observe.hotkeys, now_us);
    if (o->port == 0 || now_us < o->next_fill_us) return;
    o->next_fill_us = now_us + SECOND_US;
    published_fill(o->sources.published, observe.executor);
    memory_top_show(observe.executor);
}

void observer_enter(const char *phase, bool ready) {
    if (!observe.observer) return;
    published_enter(observe.observer->sources.published, phase, ready);
    observer_cron();
}
