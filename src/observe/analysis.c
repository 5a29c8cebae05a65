#include "observe/analysis.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "exec/context.h"
#include "io/loop.h"
#include "io/thread.h"
#include "observe/observe_int.h"
#include "observe/prefixes.h"
#include "observe/survey_reply.h"

#define DEPTH_MAX 16
/* Prefixes that are looked at are taken anew after five seconds, and not so often that walks take more than 1/200 of the time. */
#define RENEW_MS    5000
#define RENEW_TIMES 200

/* What is asked for; who asks for the same before it begins shares the walk. */
struct wish {
    bool prefixes;
    unsigned depth;
};

struct waiter { /* session.wait_arg; owner MEM_CLIENT */
    struct list_node place;
    struct session *session;
    struct wish wish;
};

struct job {
    struct loop_message ended;
    struct thread thread;
    struct analysis *analysis;
    struct dataset *dataset;
    struct dataset_frozen *frozen; /* NULL: thawed */
    struct wish wish;
    struct survey_walk walk;
    char delimiter[SURVEY_DELIMITER_MAX];
    struct survey survey;
    int64_t *shares;
    unsigned databases;
    int64_t begun_ms, begun_us, duration_ms;
    size_t total; /* keys */
    atomic_bool stop;
    _Atomic int64_t walked;
    bool complete;
    bool gave_way;
    struct prefix_report *report; /* NULL: none was asked for, or it was stopped */
    bool for_show;                /* nobody asked: for the page */
};

struct analysis {
    struct executor *executor;
    struct loop *loop;
    struct job *job; /* NULL: none */
    struct list_node line, served;
    int64_t shown_ms, shown_duration_ms; /* of the last prefixes; wall */
    unsigned shown_depth;
};

/* ---- the thread ---- */

/* All that takes time is done here, sorting and freeing too. */
static void *run(void *arg) {
    struct job *job = arg;
    struct survey_walk *w = &job->walk;
    if (job->wish.prefixes)
        w->prefixes = sketch_new(PREFIXES_PLACES, SURVEY_PREFIX_MAX);
    else
        w->survey = &job->survey;
    job->complete = survey_walk(w, job->frozen);
    job->duration_ms = (clock_mono_us() - job->begun_us) / 1000;
    if (job->complete && w->prefixes) job->report = prefix_report_new(w, job->begun_ms, job->duration_ms);
    sketch_free(w->prefixes);
    loop_send(job->analysis->loop, &job->ended);
    return NULL;
}

static void job_free(struct job *job) {
    proven(!job->frozen && !job->thread.running);
    prefix_report_drop(job->report);
    mem_free(MEM_OBSERVE, job->shares, job->databases * sizeof *job->shares);
    mem_free(MEM_OBSERVE, job, sizeof *job);
}

/* After it the dataset is everybody's again. */
static void stop(struct job *job) {
    if (!job->frozen) return;
    atomic_store_explicit(&job->stop, true, memory_order_relaxed);
    thread_join(&job->thread);
    dataset_thaw(job->dataset, job->frozen);
    job->frozen = NULL;
    job->analysis->executor->hooks.give_way = NULL;
}

static void give_way(void *arg) {
    (void)arg;
    struct job *job = observe.analysis->job;
    proven(job && job->frozen);
    stop(job);
    job->gave_way = !job->complete;
    if (job->gave_way) log_notice("The analysis of memory gives way to a save or a load");
}

/* ---- the end ---- */

static void answer(const struct job *job, struct session *s) {
    struct reply *r = &s->reply;
    session_begin_reply(s);
    if (job->gave_way)
        reply_error(r, "ERR The analysis gave way to a save or a load: ask again, it will wait for its turn");
    else if (!job->complete)
        reply_error(r, "ERR The analysis was cancelled");
    else if (job->report)
        prefix_report_reply(job->report, clock_wall_ms(), r);
    else
        survey_reply(&job->survey, job->begun_ms, job->duration_ms, r);
    session_end_reply(s);
}

static void answer_all(struct analysis *a, const struct job *job) {
    struct list_node *node;
    while ((node = list_take_first(&a->served))) {
        struct waiter *w = list_entry(node, struct waiter, place);
        struct session *s = w->session;
        mem_free(MEM_CLIENT, w, sizeof *w);
        s->wait_arg = NULL;
        answer(job, s);
        session_unblock(s);
    }
}

static void keep_prefixes(struct analysis *a, struct job *job) {
    a->shown_ms = job->begun_ms;
    a->shown_duration_ms = job->duration_ms;
    a->shown_depth = job->wish.depth;
    prefix_shelf_put(observe.shelf, job->report);
    job->report = NULL;
}

static void start_next(struct analysis *a);

static void on_ended(struct loop_message *message) {
    struct job *job = list_entry(message, struct job, ended);
    struct analysis *a = job->analysis;
    stop(job);
    answer_all(a, job);
    if (job->report) keep_prefixes(a, job);
    a->job = NULL;
    job_free(job);
    start_next(a);
}

/* ---- the start ---- */

static void take_shares(struct job *job, const struct dataset *ds) {
    job->databases = dataset_databases(ds);
    job->shares = mem_alloc(MEM_OBSERVE, job->databases * sizeof *job->shares);
    for (unsigned i = 0; i < job->databases; i++) {
        const struct db *db = dataset_db_const(ds, i);
        job->shares[i] = db_keys(db) ? (int64_t)(db_table_bytes(db) / db_keys(db)) : 0;
    }
    job->walk.shares = job->shares;
}

static struct job *job_new(struct analysis *a, struct wish wish) {
    struct job *job = mem_alloc_zeroed(MEM_OBSERVE, sizeof *job);
    struct dataset *ds = a->executor->dataset;
    job->ended.call = on_ended;
    job->analysis = a;
    job->dataset = ds;
    job->wish = wish;
    job->total = dataset_keys(ds);
    job->begun_ms = clock_wall_ms();
    job->begun_us = clock_mono_us();
    size_t len = strlen(observe.prefix_delimiter);
    proven(len > 0 && len <= sizeof job->delimiter);
    memcpy(job->delimiter, observe.prefix_delimiter, len);
    job->walk = (struct survey_walk){.now_ms = job->begun_ms,
                                     .stop = &job->stop,
                                     .walked = &job->walked,
                                     .delay_us = observe.analysis_delay_us,
                                     .delimiter = slice_of(job->delimiter, len),
                                     .depth = wish.depth};
    take_shares(job, ds);
    return job;
}

static bool may_start(const struct analysis *a) {
    return !a->job && !a->executor->loading && !dataset_is_frozen(a->executor->dataset);
}

static bool start(struct analysis *a, struct wish wish, bool for_show) {
    struct job *job = job_new(a, wish);
    job->for_show = for_show;
    job->frozen = dataset_freeze(job->dataset);
    if (thread_start(&job->thread, "analysis", run, job) == 0) {
        a->executor->hooks.give_way = give_way;
        a->job = job;
        return true;
    }
    dataset_thaw(job->dataset, job->frozen);
    job->frozen = NULL;
    answer_all(a, job);
    job_free(job);
    return false;
}

static bool same(struct wish a, struct wish b) { return a.prefixes == b.prefixes && a.depth == b.depth; }

/* The first in the line, and with it all who ask for the same. */
static void start_next(struct analysis *a) {
    if (!may_start(a) || list_empty(&a->line)) return;
    struct wish wish = list_entry(a->line.next, struct waiter, place)->wish;
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
    if (a->job && !a->job->for_show && list_empty(&a->served))
        atomic_store_explicit(&a->job->stop, true, memory_order_relaxed);
}

static void timed_out(struct session *s) {
    leave(s);
    reply_null(&s->reply);
}

static const struct session_wait wait_kind = {.timed_out = timed_out, .cancelled = leave, .can_unblock = true};

static void ask(struct context *c, struct wish wish) {
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

void memory_run_analyze(struct context *c) { ask(c, (struct wish){.prefixes = false}); }

void memory_run_prefixes(struct context *c) {
    int64_t depth = 1;
    if (c->argc == 3 && !context_integer_between(c, 2, 1, DEPTH_MAX, "ERR depth must be between 1 and 16", &depth))
        return;
    if (c->argc > 3)
        context_syntax_error(c);
    else
        ask(c, (struct wish){.prefixes = true, .depth = (unsigned)depth});
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
}

void analysis_end(void) {
    struct analysis *a = observe.analysis;
    if (!a) return;
    proven(list_empty(&a->line) && list_empty(&a->served));
    if (a->job) {
        stop(a->job);
        job_free(a->job);
    }
    observe.analysis = NULL;
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
        start(a, (struct wish){.prefixes = true, .depth = a->shown_depth}, true);
}

/* ---- the rows ---- */

static const char *check_delimiter(struct slice value) {
    return value.len == 0 || value.len > SURVEY_DELIMITER_MAX ? "memory-prefix-delimiter is 1 to 16 bytes" : NULL;
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
    const struct job *job = observe.analysis ? observe.analysis->job : NULL;
    (void)scope;
    if (!job) return;
    double total = job->total ? (double)job->total : 1;
    metric_real(out, METRIC_PERCENT, 100 * (double)atomic_load_explicit(&job->walked, memory_order_relaxed) / total);
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
