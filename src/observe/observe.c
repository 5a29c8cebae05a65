#include "observe/observe.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "observe/analysis.h"
#include "observe/memory_purge.h"
#include "observe/observe_int.h"
#include "observe/prefix_shelf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct observe_state observe = {.log_limits = {.max_argc = 32, .max_string_len = 128}};

_Static_assert(PERCENTILES_MAX == EXECUTOR_PERCENTILES_MAX, "the executor takes as many");

/* ---- what is remarkable ---- */

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* A threshold as a limit that only values of interest reach; negative is off. */
static uint64_t limit_of(int64_t threshold, uint64_t unit) {
    return threshold < 0 || (uint64_t)threshold > UINT64_MAX / unit ? UINT64_MAX : (uint64_t)threshold * unit;
}

static const char *settle(void) {
    uint64_t slow_ns = limit_of(observe.logs[COMMANDLOG_SLOW].threshold, 1000);
    uint64_t spike_ns = observe.latency_threshold_ms > 0 ? limit_of(observe.latency_threshold_ms, 1000000) : UINT64_MAX;
    observe.remarkable_ns = smaller(slow_ns, spike_ns);
    observe.remarkable_request = (size_t)limit_of(observe.logs[COMMANDLOG_LARGE_REQUEST].threshold, 1);
    observe.remarkable_reply = (size_t)limit_of(observe.logs[COMMANDLOG_LARGE_REPLY].threshold, 1);
    if (observe.executor == NULL) return NULL;
    observe.executor->latency_tracking = observe.latency_tracking;
    observe.executor->percentile_count = observe.percentile_count;
    memcpy(observe.executor->percentiles, observe.percentiles, sizeof observe.percentiles);
    return NULL;
}

static const char *trim_logs(void) {
    for (int i = 0; i < COMMANDLOG_KINDS; i++) {
        if (observe.executor) commandlog_trim(&observe.logs[i]);
    }
    return NULL;
}

static size_t request_bytes(const struct context *c) {
    size_t n = 0;
    for (int i = 0; i < c->argc; i++) n += c->argv[i].len;
    return n;
}

/* At least the size of the request, without a loop: the arguments stand behind each other in the client's input. */
static inline size_t request_span(const struct context *c) {
    const struct slice *last = &c->argv[c->argc - 1];
    return (size_t)((uintptr_t)last->ptr + last->len - (uintptr_t)c->argv[0].ptr);
}

static inline size_t reply_bytes(const struct context *c) { return c->reply->out->len - c->reply_start; }

static void log_command(const struct context *c, enum commandlog_kind kind, int64_t value) {
    struct session *s = c->session;
    struct session_link link = {.peer = "?:0"};
    if (s->transport && s->transport->describe) s->transport->describe(s, &link);
    struct commandlog_record record = {
        .time_s = c->now_ms / 1000,
        .value = value,
        .argv = c->argv,
        .argc = c->argc,
        .hide = commandlog_hider(c->command->full_name),
        .peer = link.peer ? link.peer : "?:0",
        .client_name = s->name ? slice_of_cstr(s->name) : slice_of("", 0),
    };
    commandlog_add(&observe.logs[kind], &record, &observe.log_limits);
}

/* Rare: something passed a limit, and now it matters which. */
static __attribute__((noinline)) void note_remarkable(const struct context *c, uint64_t duration_ns, size_t reply) {
    size_t request = request_bytes(c);
    if (observe.latency_threshold_ms > 0) {
        observe_latency(c->command->flags & CMD_FAST ? "fast-command" : "command", duration_ns);
    }
    if (c->command->flags & CMD_SKIP_SLOWLOG) return;
    if (duration_ns >= limit_of(observe.logs[COMMANDLOG_SLOW].threshold, 1000)) {
        log_command(c, COMMANDLOG_SLOW, (int64_t)(duration_ns / 1000));
    }
    if (request >= observe.remarkable_request) log_command(c, COMMANDLOG_LARGE_REQUEST, (int64_t)request);
    if (reply >= observe.remarkable_reply) log_command(c, COMMANDLOG_LARGE_REPLY, (int64_t)reply);
}

void observe_ran(const struct context *c, uint64_t duration_ns) {
    if (unlikely(observe.hotkeys != NULL)) hotkeys_ran(observe.hotkeys, c);
    if (duration_ns > observe.slowest_ns) observe.slowest_ns = duration_ns;
    size_t reply = reply_bytes(c);
    if (unlikely(duration_ns >= observe.remarkable_ns || request_span(c) >= observe.remarkable_request ||
                 reply >= observe.remarkable_reply)) {
        note_remarkable(c, duration_ns, reply);
    }
}

void observe_latency(const char *event, uint64_t duration_ns) {
    int64_t threshold_ms = observe.latency_threshold_ms;
    uint64_t ms = duration_ns / 1000000;
    if (threshold_ms <= 0 || ms < (uint64_t)threshold_ms) return;
    latency_add(&observe.latency, event, observe.executor->now_ms / 1000, ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX);
}

void observe_set_sensitive(bool (*is_sensitive)(struct slice directive)) { observe.is_sensitive = is_sensitive; }

/* ---- directives ---- */

/* The shortest text that reads back as the same number. Returns its length. */
static size_t format_percentile(char *dst, size_t cap, double percentile) {
    size_t len = 0;
    for (int decimals = 0; decimals <= 17; decimals++) {
        len = (size_t)snprintf(dst, cap, "%.*f", decimals, percentile);
        if (strtod(dst, NULL) == percentile) break;
    }
    return len < cap ? len : cap - 1;
}

static const char *set_percentiles(const struct slice *words, int count, bool first) {
    double parsed[PERCENTILES_MAX];
    (void)first;
    if (count == 1 && words[0].len == 0) count = 0;
    if (count > PERCENTILES_MAX) return "Too many latency-tracking-info-percentiles parameters";
    for (int i = 0; i < count; i++) {
        if (!num_parse_double(words[i], &parsed[i])) return "Invalid latency-tracking-info-percentiles parameters";
        if (!(parsed[i] >= 0 && parsed[i] <= 100)) {
            return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        }
    }
    for (int i = 0; i < count; i++) observe.percentiles[i] = parsed[i];
    observe.percentile_count = (unsigned)count;
    return NULL;
}

static size_t get_percentiles(char *dst, size_t cap) {
    size_t len = 0;
    for (unsigned i = 0; i < observe.percentile_count; i++) {
        char text[NUM_DOUBLE_TEXT_MAX];
        size_t n = format_percentile(text, sizeof text, observe.percentiles[i]);
        if (len + n + 1 > cap) break;
        if (i) dst[len++] = ' ';
        memcpy(dst + len, text, n);
        len += n;
    }
    return len;
}

static const struct directive rows[] = {
    {.name = "commandlog-execution-slower-than",
     .alias = "slowlog-log-slower-than",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_SLOW].threshold,
     .initial = "10000",
     .min = -1,
     .max = INT64_MAX,
     .apply = settle},
    {.name = "commandlog-slow-execution-max-len",
     .alias = "slowlog-max-len",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_SLOW].max_len,
     .initial = "128",
     .min = 0,
     .max = INT64_MAX,
     .apply = trim_logs},
    {.name = "commandlog-request-larger-than",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_LARGE_REQUEST].threshold,
     .initial = "1048576",
     .min = -1,
     .max = INT64_MAX,
     .apply = settle},
    {.name = "commandlog-large-request-max-len",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_LARGE_REQUEST].max_len,
     .initial = "128",
     .min = 0,
     .max = INT64_MAX,
     .apply = trim_logs},
    {.name = "commandlog-reply-larger-than",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_LARGE_REPLY].threshold,
     .initial = "1048576",
     .min = -1,
     .max = INT64_MAX,
     .apply = settle},
    {.name = "commandlog-large-reply-max-len",
     .type = DIRECTIVE_INT,
     .value = &observe.logs[COMMANDLOG_LARGE_REPLY].max_len,
     .initial = "128",
     .min = 0,
     .max = INT64_MAX,
     .apply = trim_logs},
    {.name = "slowlog-entry-max-argc",
     .type = DIRECTIVE_INT,
     .value = &observe.log_limits.max_argc,
     .initial = "32",
     .min = 1,
     .max = INT32_MAX},
    {.name = "slowlog-entry-max-string-len",
     .type = DIRECTIVE_INT,
     .value = &observe.log_limits.max_string_len,
     .initial = "128",
     .min = 0,
     .max = INT32_MAX},
    {.name = "latency-monitor-threshold",
     .type = DIRECTIVE_INT,
     .value = &observe.latency_threshold_ms,
     .initial = "0",
     .min = 0,
     .max = INT64_MAX,
     .apply = settle},
    {.name = "latency-tracking",
     .type = DIRECTIVE_BOOL,
     .value = &observe.latency_tracking,
     .initial = "yes",
     .apply = settle},
    {.name = "latency-tracking-info-percentiles",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_MULTI,
     .initial = "50 99 99.9",
     .set = set_percentiles,
     .get = get_percentiles,
     .apply = settle},
};
const struct directive_list observe_directives = {rows, countof(rows)};

/* ---- life ---- */

static void gather(const struct metric_list *list) {
    for (unsigned i = 0; i < list->count; i++) info_register(&list->rows[i]);
}

void observe_init(struct executor *executor, const struct metric_list *lists, unsigned count) {
    static const struct metric_list *const own[] = {&process_metrics,  &memory_metrics,      &memory_purge_metrics,
                                                    &analysis_metrics, &replication_metrics, &keyspace_metrics,
                                                    &hotkeys_metrics};
    proven(observe.executor == NULL);
    observe.executor = executor;
    observe.memory.sampled_ms = 0;
    observe.shelf = prefix_shelf_new();
    random_hex(observe.replication_id, 40);
    for (int i = 0; i < COMMANDLOG_KINDS; i++) commandlog_init(&observe.logs[i]);
    for (size_t i = 0; i < countof(own); i++) gather(own[i]);
    for (unsigned i = 0; i < count; i++) gather(&lists[i]);
    settle();
    hotkeys_start();
}

void observe_release(void) {
    if (observe.executor == NULL) return;
    for (int i = 0; i < COMMANDLOG_KINDS; i++) commandlog_clear(&observe.logs[i]);
    latency_clear(&observe.latency);
    hotkeys_free(observe.hotkeys);
    observe.hotkeys = NULL;
    info_release();
    prefix_shelf_free(observe.shelf);
    observe.shelf = NULL;
    observe.executor = NULL;
}
