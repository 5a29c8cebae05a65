/* LATENCY. */
#include "base/check.h"
#include "exec/context.h"
#include "observe/observe_int.h"
#include "wire/resp.h"

/* ---- events ---- */

static void run_latest(struct context *c) {
    const struct latency_monitor *m = &observe.latency;
    reply_array(c->reply, m->count);
    for (unsigned i = 0; i < m->count; i++) {
        const struct latency_event *e = m->events[i];
        const struct latency_sample *latest = latency_sample_at(e, latency_samples(e) - 1);
        reply_array(c->reply, 4);
        reply_bulk_cstr(c->reply, e->name);
        reply_integer(c->reply, latest->time_s);
        reply_integer(c->reply, latest->ms);
        reply_integer(c->reply, e->max_ms);
    }
}

static void run_history(struct context *c) {
    const struct latency_event *e = latency_find(&observe.latency, c->argv[2]);
    unsigned count = e ? latency_samples(e) : 0;
    reply_array(c->reply, count);
    for (unsigned i = 0; i < count; i++) {
        const struct latency_sample *s = latency_sample_at(e, i);
        reply_array(c->reply, 2);
        reply_integer(c->reply, s->time_s);
        reply_integer(c->reply, s->ms);
    }
}

static void run_reset(struct context *c) {
    int64_t dropped = 0;
    if (c->argc == 2) {
        dropped = observe.latency.count;
        latency_clear(&observe.latency);
    }
    for (int i = 2; i < c->argc; i++) dropped += latency_forget(&observe.latency, c->argv[i]);
    reply_integer(c->reply, dropped);
}

#define SHOWN_MAX 128

static void run_graph(struct context *c) {
    struct slice name = c->argv[2];
    const struct latency_event *e = latency_find(&observe.latency, name);
    struct buf text;
    if (e == NULL) {
        reply_error_format(c->reply, "ERR No samples available for event '%.*s'",
                           (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX), name.ptr);
        return;
    }
    buf_init(&text, MEM_OBSERVE);
    latency_graph(e, c->now_ms / 1000, &text);
    reply_text(c->reply, &text);
}

static void run_doctor(struct context *c) {
    struct buf text;
    buf_init(&text, MEM_OBSERVE);
    latency_doctor(&observe.latency, observe.latency_threshold_ms > 0, observe.latency_threshold_ms,
                   observe.logs[COMMANDLOG_SLOW].threshold, &text);
    reply_text(c->reply, &text);
}

/* ---- LATENCY HISTOGRAM ---- */

/* Bounds double from 1024 ns on. They are shown in us as clients of an HDR histogram know them, whose buckets reach 1/128
 * further: 1, 2, 4, 8, 16, 33, 66, 132, ... */
#define FIRST_BOUND_NS 1024
#define BOUNDS         36

static int64_t shown_bound_us(uint64_t bound_ns) { return (int64_t)((bound_ns + bound_ns / 128 - 1) / 1000); }

static void reply_bounds(struct reply *r, const struct histogram *h) {
    size_t place = reply_deferred(r);
    uint64_t seen = 0;
    int64_t pairs = 0;
    for (unsigned k = 0; k < BOUNDS && seen < h->count; k++) {
        uint64_t bound_ns = (uint64_t)FIRST_BOUND_NS << k, upto = histogram_count_upto(h, bound_ns - 1);
        if (upto == seen) continue;
        seen = upto;
        pairs++;
        reply_integer(r, shown_bound_us(bound_ns));
        reply_integer(r, (int64_t)upto);
    }
    reply_deferred_set(r, place, RESP_MAP, pairs);
}

static int64_t reply_histogram(struct reply *r, const struct command *c) {
    if (c->latency == NULL || c->latency->count == 0) return 0;
    reply_bulk_cstr(r, c->full_name);
    reply_map(r, 2);
    reply_bulk_cstr(r, "calls");
    reply_integer(r, (int64_t)c->latency->count);
    reply_bulk_cstr(r, "histogram_usec");
    reply_bounds(r, c->latency);
    return 1;
}

/* A command with its subcommands; how many had something to show. */
static int64_t reply_histograms(struct reply *r, const struct command *c) {
    int64_t count = reply_histogram(r, c);
    for (unsigned i = 0; i < c->subcommand_count; i++) count += reply_histogram(r, &c->subcommands[i]);
    return count;
}

static void run_histogram(struct context *c) {
    const struct command_index *index = c->executor->commands;
    size_t place = reply_deferred(c->reply);
    int64_t count = 0;
    if (c->argc == 2) {
        for (unsigned i = 0; i < command_count(index); i++) count += reply_histograms(c->reply, command_at(index, i));
    }
    for (int i = 2; i < c->argc; i++) {
        const struct command *named = command_find_full(index, c->argv[i]);
        if (named) count += reply_histograms(c->reply, named);
    }
    reply_deferred_set(c->reply, place, RESP_MAP, count);
}

/* ---- rows ---- */

const char *const latency_help[] = {
    "DOCTOR",
    "    Summarise the latency events and advise on them.",
    "GRAPH <event>",
    "    Draw the samples of <event> as a bar chart.",
    "HISTOGRAM [COMMAND ...]",
    "    Show how the durations of the named commands are spread, cumulatively, in powers",
    "    of two; of all commands when none is named.",
    "HISTORY <event>",
    "    Show the samples of <event> with their times.",
    "LATEST",
    "    Show the latest and the largest sample of every event.",
    "RESET [<event> ...]",
    "    Forget the samples of the named events, or of all.",
    NULL,
};

static const char *const node_tips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                        "response_policy:special", NULL};
static const char *const reset_tips[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

static const struct command_arg event_args[] = {{.name = "event", .type = ARG_STRING}, {0}};
static const struct command_arg events_args[] = {
    {.name = "event", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};
static const struct command_arg commands_args[] = {
    {.name = "command", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

#define ADMIN_FLAGS (CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)

const struct command_row latency_subcommands[] = {
    {.name = "doctor",
     .run = run_doctor,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Summarises the latency events and advises on them.",
     .tips = node_tips},
    {.name = "graph",
     .run = run_graph,
     .arity = 3,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Draws the samples of a latency event as a bar chart.",
     .tips = node_tips,
     .args = event_args},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of LATENCY."},
    {.name = "histogram",
     .run = run_histogram,
     .arity = -2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "7.0.0",
     .complexity = "O(N), N the commands shown.",
     .summary = "Shows how the durations of commands are spread, cumulatively.",
     .tips = node_tips,
     .args = commands_args},
    {.name = "history",
     .run = run_history,
     .arity = 3,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Shows the samples of a latency event with their times.",
     .tips = node_tips,
     .args = event_args},
    {.name = "latest",
     .run = run_latest,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Shows the latest and the largest sample of every latency event.",
     .tips = node_tips},
    {.name = "reset",
     .run = run_reset,
     .arity = -2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Forgets the samples of some latency events, or of all.",
     .tips = reset_tips,
     .args = events_args},
    {0},
};
