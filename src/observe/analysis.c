#include "observe/analysis.h"

#include "base/clock.h"
#include "base/log.h"
#include "exec/context.h"
#include "observe/analysis_job.h"
#include "observe/memory_purge.h"
#include "observe/observe_int.h"
#include "observe/prefix_shelf.h"

#define DEPTH_MAX 16
/* Prefixes that are looked at are taken anew after five seconds, and not so often that walks take more than 1/200 of the time. */
#define RENEW_MS    5000
#define RENEW_TIMES 200

struct waiter { /* session.wait_arg; owner MEM_CLIENT */
    struct list_node place;
    struct session *session;
    struct analysis_wish wish;
};

struct analysis {
    struct executor *executor;
    struct loop *loop;
    struct analysis_job *job;  /* NULL: none */
    bool gave_way, for_show;   /* the job: was stopped by a save; nobody asked for it but the page */
    struct analysis_wish wish; /* of the job */
    struct list_node line, served;
    int64_t shown_ms, shown_duration_ms; /* of the last prefixes; wall */
    unsigned shown_depth;
};

static void give_way(void *arg) {
    struct analysis *a = observe.analysis;
    (void)arg;
    proven(a->job != NULL);
    a->executor->hooks.give_way = NULL;
    a->gave_way = analysis_job_stop(a->job);
    if (a->gave_way) log_notice("The analysis of memory gives way to a save, a load or a lack of memory");
}

/* ---- the end ---- */

/* job NULL: no thread could be had. */
static void answer(const struct analysis *a, const struct analysis_job *job, struct session *s) {
    session_begin_reply(s);
    bool told = job && analysis_job_reply(job, &s->reply);
    if (!told && a->gave_way)
        reply_error(&s->reply,
                    "ERR The analysis gave way to a save, a load or a lack of memory: ask again, it will wait");
    else if (!told)
        reply_error(&s->reply, "ERR The analysis was cancelled");
    session_end_reply(s);
}

static void answer_all(struct analysis *a, const struct analysis_job *job) {
    struct list_node *node;
    while ((node = list_take_first(&a->served))) {
        struct waiter *w = list_entry(node, struct waiter, place);
        struct session *s = w->session;
        mem_free(MEM_CLIENT, w, sizeof *w);
        s->wait_arg = NULL;
        answer(a, job, s);
        session_unblock(s);
    }
}

static void keep_prefixes(struct analysis *a, struct analysis_job *job) {
    struct prefix_report *report = analysis_job_take_prefixes(job);
    if (!report) return;
    a->shown_ms = clock_wall_ms();
    a->shown_duration_ms = analysis_job_duration_ms(job);
    a->shown_depth = a->wish.depth;
    prefix_shelf_put(observe.shelf, report);
}

static void start_next(struct analysis *a);

static void done(struct analysis_job *job) {
    struct analysis *a = observe.analysis;
    proven(a->job == job);
    a->executor->hooks.give_way = NULL;
    a->job = NULL;
    answer_all(a, job);
    keep_prefixes(a, job);
    start_next(a);
}

/* ---- the start ---- */

static bool may_start(const struct analysis *a) {
    return !a->job && !a->executor->loading && !dataset_is_frozen(a->executor->dataset);
}

static void start(struct analysis *a, struct analysis_wish wish, bool for_show) {
    wish.delimiter = observe.prefix_delimiter;
    a->job = analysis_job_start(a->loop, &a->executor->keyspace, a->executor->dataset, &wish, observe.analysis_delay_us,
                                done);
    a->wish = wish;
    a->gave_way = false;
    a->for_show = for_show;
    if (a->job)
        a->executor->hooks.give_way = give_way;
    else
        answer_all(a, NULL);
}

static bool same(struct analysis_wish a, struct analysis_wish b) {
    return a.prefixes == b.prefixes && a.depth == b.depth;
}

/* The first in the line, and with it all who ask for the same. */
static void start_next(struct analysis *a) {
    if (!may_start(a) || list_empty(&a->line)) return;
    struct analysis_wish wish = list_entry(a->line.next, struct waiter, place)->wish;
    list_each_safe(node, &a->line) {
        if (!same(list_entry(node, struct waiter, place)->wish, wish)) continue;
        list_remove(node);
        list_append(&a->served, node);
    }
    start(a, wish, false);
}

/* ---- who waits ---- */

/* A walk that nobody waits for any more ends. */
static void leave(struct session *s) {
    struct analysis *a = observe.analysis;
    struct waiter *w = s->wait_arg;
    list_remove(&w->place);
    mem_free(MEM_CLIENT, w, sizeof *w);
    s->wait_arg = NULL;
    if (a->job && !a->for_show && list_empty(&a->served)) analysis_job_cancel(a->job);
}

static void timed_out(struct session *s) {
    leave(s);
    reply_null(&s->reply);
}

static const struct session_wait wait_kind = {.timed_out = timed_out, .cancelled = leave, .can_unblock = true};

static void ask(struct context *c, struct analysis_wish wish) {
    struct analysis *a = observe.analysis;
    if (!a || !context_may_block(c)) {
        reply_error(c->reply, "ERR This waits for its answer, which is not possible here");
        return;
    }
    struct waiter *w = mem_alloc_zeroed(MEM_CLIENT, sizeof *w);
    w->session = c->session;
    w->wish = wish;
    list_append(&a->line, &w->place);
    session_block(c->session, &wait_kind, w, 0);
    start_next(a);
}

void memory_run_analyze(struct context *c) { ask(c, (struct analysis_wish){.prefixes = false}); }

void memory_run_prefixes(struct context *c) {
    int64_t depth = 1;
    if (c->argc == 3 && !context_integer_between(c, 2, 1, DEPTH_MAX, "ERR depth must be between 1 and 16", &depth))
        return;
    if (c->argc > 3)
        context_syntax_error(c);
    else
        ask(c, (struct analysis_wish){.prefixes = true, .depth = (unsigned)depth});
}

/* ---- life ---- */

void analysis_init(struct loop *loop) {
    struct analysis *a = mem_alloc_zeroed(MEM_OBSERVE, sizeof *a);
    proven(observe.executor && !observe.analysis);
    a->executor = observe.executor;
    a->loop = loop;
    a->shown_depth = 1;
    list_init(&a->line);
    list_init(&a->served);
    observe.analysis = a;
    memory_purge_init(loop);
}

void analysis_end(void) {
    struct analysis *a = observe.analysis;
    if (!a) return;
    proven(list_empty(&a->line) && list_empty(&a->served));
    if (a->job) analysis_job_end(a->job);
    observe.analysis = NULL;
    memory_purge_end();
    mem_free(MEM_OBSERVE, a, sizeof *a);
}

/* Looked at, and old. */
static bool should_renew(const struct analysis *a) {
    int64_t longest_ms = a->shown_duration_ms * RENEW_TIMES, age_ms = clock_wall_ms() - a->shown_ms;
    return a->shown_ms == 0 || age_ms < 0 || age_ms >= (longest_ms > RENEW_MS ? longest_ms : RENEW_MS);
}

void analysis_cron(void) {
    struct analysis *a = observe.analysis;
    if (!a) return;
    start_next(a);
    if (may_start(a) && should_renew(a) && prefix_shelf_wanted(observe.shelf))
        start(a, (struct analysis_wish){.prefixes = true, .depth = a->shown_depth}, true);
}

/* ---- the rows ---- */

static const char *check_delimiter(struct slice value) {
    return value.len == 0 || value.len > ANALYSIS_DELIMITER_MAX ? "memory-prefix-delimiter is 1 to 16 bytes" : NULL;
}

static const struct directive directives[] = {
    {.name = "memory-prefix-delimiter",
     .type = DIRECTIVE_STRING,
     .value = &observe.prefix_delimiter,
     .initial = ":",
     .check = check_delimiter},
    {.name = "memory-analysis-key-delay", /* microseconds; for tests, as key-load-delay is */
     .type = DIRECTIVE_INT,
     .flags = DIRECTIVE_HIDDEN,
     .value = &observe.analysis_delay_us,
     .initial = "0",
     .max = 10000},
};
const struct directive_list analysis_directives = {directives, countof(directives)};

static void read_state(const struct metric_scope *scope, struct metric_value *out) {
    const struct analysis *a = observe.analysis;
    (void)scope;
    bool line = a && !list_empty(&a->line);
    metric_text(out, a && a->job ? "running" : line ? "waiting" : "idle");
}

static void read_percent(const struct metric_scope *scope, struct metric_value *out) {
    const struct analysis *a = observe.analysis;
    (void)scope;
    if (a && a->job) metric_real(out, METRIC_PERCENT, 100 * analysis_job_progress(a->job));
}

static const struct metric rows[] = {
    {.section = "memory",
     .name = "memory_analysis",
     .class = METRIC_STATE,
     .help = "MEMORY ANALYZE and PREFIXES: idle, running, or waiting for a save or a load to end.",
     .read = read_state},
    {.section = "memory",
     .name = "memory_analysis_progress",
     .class = METRIC_GAUGE,
     .help = "How many of the keys the running analysis has seen.",
     .read = read_percent},
};
const struct metric_list analysis_metrics = {rows, countof(rows)};
