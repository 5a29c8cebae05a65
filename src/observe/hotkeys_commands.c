/* HOTKEYS, its directives and its part of INFO. */
#include "base/check.h"
#include "base/clock.h"
#include "exec/context.h"
#include "observe/hotkeys.h"
#include "observe/observe_int.h"

#define TOP_MAX 1000

static void run_get(struct context *c) {
    struct hotkeys *h = observe.hotkeys;
    const struct sketch_entry *keys[TOP_MAX];
    unsigned count = h ? hotkeys_last(h, keys) : 0;
    reply_array(c->reply, count);
    for (unsigned i = 0; i < count; i++) {
        reply_map(c->reply, 3);
        reply_bulk_cstr(c->reply, "key");
        reply_bulk(c->reply, slice_of(keys[i]->text, keys[i]->len));
        reply_bulk_cstr(c->reply, "db");
        reply_integer(c->reply, keys[i]->tag);
        reply_bulk_cstr(c->reply, "qps");
        reply_integer(c->reply, hotkeys_rate(h, keys[i]));
    }
}

static void run_reset(struct context *c) {
    if (observe.hotkeys) hotkeys_clear(observe.hotkeys, clock_mono_us());
    reply_ok(c->reply);
}

const char *const hotkeys_help[] = {
    "GET",   "    Show the keys with most accesses in the last window, the hottest first.",
    "RESET", "    Forget what has been counted.",
    NULL,
};

const struct command_row hotkeys_subcommands[] = {
    {.name = "get",
     .run = run_get,
     .arity = 2,
     .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.2.0",
     .complexity = "O(N*log(N)) with hotkeys-top-k",
     .summary = "Shows the keys with most accesses in the last window."},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of HOTKEYS."},
    {.name = "reset",
     .run = run_reset,
     .arity = 2,
     .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.2.0",
     .complexity = "O(N) with hotkeys-top-k",
     .summary = "Forgets what has been counted of hot keys."},
    {0},
};

/* ---- directives ---- */

static const char *apply(void) {
    const struct hotkeys_settings *s = &observe.hotkeys_settings;
    int64_t now_us = clock_mono_us();
    if (!observe.executor || s->top == 0) {
        hotkeys_free(observe.hotkeys);
        observe.hotkeys = NULL;
    } else if (observe.hotkeys) {
        hotkeys_configure(observe.hotkeys, s, now_us);
    } else {
        observe.hotkeys = hotkeys_new(s, now_us);
    }
    return NULL;
}

void hotkeys_start(void) { apply(); }

static const struct directive rows[] = {
    {.name = "hotkeys-top-k",
     .type = DIRECTIVE_INT,
     .value = &observe.hotkeys_settings.top,
     .initial = "0",
     .max = TOP_MAX,
     .apply = apply},
    {.name = "hotkeys-sampling-percentage",
     .type = DIRECTIVE_INT,
     .value = &observe.hotkeys_settings.percent,
     .initial = "1",
     .min = 1,
     .max = 100,
     .apply = apply},
    {.name = "hotkeys-window-seconds",
     .type = DIRECTIVE_INT,
     .value = &observe.hotkeys_settings.window_s,
     .initial = "1",
     .min = 1,
     .max = 300,
     .apply = apply},
};
const struct directive_list hotkeys_directives = {rows, countof(rows)};

/* ---- INFO ---- */

static void read_samples(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, observe.hotkeys ? (int64_t)hotkeys_samples(observe.hotkeys) : 0);
}

static void read_duration(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, observe.hotkeys ? hotkeys_duration_ms(observe.hotkeys) : 0);
}

static const struct metric metrics[] = {
    {.section = "hotkeys",
     .name = "hotkeys_last_window_samples",
     .class = METRIC_GAUGE,
     .help = "Accesses to keys that were sampled in the last window.",
     .read = read_samples},
    {.section = "hotkeys",
     .name = "hotkeys_last_window_duration_ms",
     .class = METRIC_GAUGE,
     .help = "How long the last window really was; 0: there is none.",
     .read = read_duration},
};
const struct metric_list hotkeys_metrics = {metrics, countof(metrics)};
