#include "observe/analysis_job.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/thread.h"
#include "keyspace/db.h"
#include "observe/prefixes.h"
#include "observe/survey_reply.h"

_Static_assert(ANALYSIS_DELIMITER_MAX == SURVEY_DELIMITER_MAX, "one limit");

struct analysis_job {
    struct loop_message ended, summed_up;
    struct thread thread;
    struct loop *loop;
    const struct keyspace_hooks *hooks;
    void (*done)(struct analysis_job *job);
    struct dataset *dataset;
    struct dataset_frozen *frozen; /* NULL: thawed */
    bool prefixes;
    struct survey_walk walk;
    char delimiter[SURVEY_DELIMITER_MAX];
    struct survey survey;
    int64_t *shares;
    unsigned databases;
    size_t keys;
    atomic_bool stop;
    _Atomic int64_t walked;
    int64_t begun_us, begun_ms, duration_ms;
    bool complete;
    struct prefix_report *report;
};

/* ---- the thread ---- */

/* Nothing but the walk: who stops it waits for the thread. */
static void *run(void *arg) {
    struct analysis_job *job = arg;
    struct survey_walk *w = &job->walk;
    if (job->prefixes)
        w->prefixes = sketch_new(PREFIXES_PLACES, SURVEY_PREFIX_MAX);
    else
        w->survey = &job->survey;
    job->complete = survey_walk(w, job->frozen);
    job->duration_ms = (clock_mono_us() - job->begun_us) / 1000;
    loop_send(job->loop, &job->ended);
    return NULL;
}

/* ---- the reaper ---- */

/* Sorting and freeing ten thousand prefixes takes milliseconds. */
static void sum_up(void *arg) {
    struct analysis_job *job = arg;
    struct survey_walk *w = &job->walk;
    if (job->complete) job->report = prefix_report_new(w, job->begun_ms, job->duration_ms);
    sketch_free(w->prefixes);
    w->prefixes = NULL;
    loop_send(job->loop, &job->summed_up);
}

/* ---- the executor ---- */

static void job_free(struct analysis_job *job) {
    proven(!job->frozen && !job->thread.running);
    prefix_report_drop(job->report);
    sketch_free(job->walk.prefixes); /* only at the end of the server */
    mem_free(MEM_OBSERVE, job->shares, job->databases * sizeof *job->shares);
    mem_free(MEM_OBSERVE, job, sizeof *job);
}

static void wait_and_thaw(struct analysis_job *job) {
    if (!job->frozen) return;
    thread_join(&job->thread);
    dataset_thaw(job->dataset, job->frozen);
    job->frozen = NULL;
}

static void finish(struct analysis_job *job) {
    job->done(job);
    job_free(job);
}

static void on_summed_up(struct loop_message *message) { finish(list_entry(message, struct analysis_job, summed_up)); }

static void on_ended(struct loop_message *message) {
    struct analysis_job *job = list_entry(message, struct analysis_job, ended);
    wait_and_thaw(job);
    if (job->prefixes)
        job->hooks->defer(job->hooks->arg, sum_up, job);
    else
        finish(job);
}

/* A key's share of its table, as MEMORY USAGE has it. */
static void take_shares(struct analysis_job *job) {
    const struct dataset *ds = job->dataset;
    job->databases = dataset_databases(ds);
    job->shares = mem_alloc(MEM_OBSERVE, job->databases * sizeof *job->shares);
    for (unsigned i = 0; i < job->databases; i++) {
        const struct db *db = dataset_db_const(ds, i);
        job->shares[i] = db_keys(db) ? (int64_t)(db_table_bytes(db) / db_keys(db)) : 0;
    }
}

static struct analysis_job *job_new(struct dataset *ds, const struct analysis_wish *wish, int64_t delay_us) {
    struct analysis_job *job = mem_alloc_zeroed(MEM_OBSERVE, sizeof *job);
    size_t len = strlen(wish->delimiter);
    proven(len > 0 && len <= sizeof job->delimiter);
    memcpy(job->delimiter, wish->delimiter, len);
    job->ended.call = on_ended;
    job->summed_up.call = on_summed_up;
    job->dataset = ds;
    job->prefixes = wish->prefixes;
    job->keys = dataset_keys(ds);
    job->begun_us = clock_mono_us();
    job->begun_ms = clock_wall_ms();
    take_shares(job);
    job->walk = (struct survey_walk){.now_ms = job->begun_ms,
                                     .shares = job->shares,
                                     .stop = &job->stop,
                                     .walked = &job->walked,
                                     .delay_us = delay_us,
                                     .delimiter = slice_of(job->delimiter, len),
                                     .depth = wish->depth};
    return job;
}

struct analysis_job *analysis_job_start(struct loop *loop, const struct keyspace_hooks *hooks, struct dataset *ds,
                                        const struct analysis_wish *wish, int64_t delay_us,
                                        void (*done)(struct analysis_job *job)) {
    struct analysis_job *job = job_new(ds, wish, delay_us);
    proven(hooks->defer != NULL);
    job->loop = loop;
    job->hooks = hooks;
    job->done = done;
    job->frozen = dataset_freeze(ds);
    if (thread_start(&job->thread, "analysis", run, job) == 0) return job;
    dataset_thaw(ds, job->frozen);
    job->frozen = NULL;
    job_free(job);
    return NULL;
}

bool analysis_job_reply(const struct analysis_job *job, struct reply *r) {
    proven(!job->frozen);
    if (!job->complete) return false;
    if (job->prefixes)
        prefix_report_reply(job->report, clock_wall_ms(), r);
    else
        survey_reply(&job->survey, job->begun_ms, job->duration_ms, r);
    return true;
}

struct prefix_report *analysis_job_take_prefixes(struct analysis_job *job) {
    struct prefix_report *report = job->report;
    job->report = NULL;
    return report;
}

int64_t analysis_job_duration_ms(const struct analysis_job *job) { return job->duration_ms; }

double analysis_job_progress(const struct analysis_job *job) {
    double walked = (double)atomic_load_explicit(&job->walked, memory_order_relaxed);
    return job->keys ? walked / (double)job->keys : 1;
}

void analysis_job_cancel(struct analysis_job *job) { atomic_store_explicit(&job->stop, true, memory_order_relaxed); }

bool analysis_job_stop(struct analysis_job *job) {
    analysis_job_cancel(job);
    wait_and_thaw(job);
    return !job->complete;
}

void analysis_job_end(struct analysis_job *job) {
    analysis_job_stop(job);
    job_free(job);
}
