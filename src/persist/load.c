#include "persist/load.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/loop.h"
#include "io/thread.h"
#include "keyspace/top.h"
#include "mem/mem.h"
#include "persist/forecast_int.h"
#include "persist/load_int.h"
#include "persist/rdb_parse_int.h"
#include "persist/room_int.h"
#include "persist/salvage_int.h"

#include <stdio.h>

#ifdef __SANITIZE_ADDRESS__
/* A leak checker does not see entries, because the table's words carry bits of their own: with it, all is freed. */
#define LEFT_TO_EXIT false
#define WAIT_MS      20000
#else
#define LEFT_TO_EXIT true
#define WAIT_MS      200 /* a loader that unpacks a string of a gigabyte just now is not waited for */
#endif

struct load_job {
    struct loop_message ended;
    struct thread thread;
    struct loop *loop;
    struct load_options options;
    struct load_progress progress;
    struct scout *scout;
    struct forecast forecast;
    _Atomic bool cancelled;
    _Atomic bool abandoned;
    _Atomic bool finished; /* the thread touches nothing any more */
    load_done *done;
    void *arg;
    char *path;
    struct dataset *dataset;
    char why[LOAD_ERROR_MAX];
    char refusal[LOAD_ERROR_MAX]; /* "" unless load_refuse; the loop's thread's */
};

/* ---- one load on the calling thread ---- */
static struct dataset *new_dataset(const struct load_options *o) {
    proven(o->databases > 0 && o->lfu_log_factor >= 0 && o->lfu_decay_minutes >= 0);
    struct dataset *ds = dataset_new(o->databases, &o->seed);
    dataset_set_access(ds, o->access, o->lfu_log_factor, o->lfu_decay_minutes);
    if (o->limits) dataset_set_limits(ds, o->limits);
    dataset_set_now(ds, clock_wall_ms());
    return ds;
}

const char *load_phase_name(enum load_phase phase) {
    static const char *const names[] = {"base", "increments", "finishing"};
    proven(phase <= LOAD_FINISHING);
    return names[phase];
}

static void begin(struct load_progress *progress, const struct load_options *o) {
    *progress = (struct load_progress){.key_delay_us = o->key_delay_us};
    atomic_store_explicit(&progress->start_ms, clock_wall_ms(), memory_order_relaxed);
    atomic_store_explicit(&progress->start_us, clock_mono_us(), memory_order_relaxed);
    proven(progress->start_ms != 0);
}

static void end(struct load_progress *progress) {
    proven(progress->start_ms != 0);
    atomic_store_explicit(&progress->end_ms, clock_wall_ms(), memory_order_relaxed);
}

static bool load_whole(const struct load_options *o, struct load_progress *progress, const _Atomic bool *cancelled,
                       struct dataset *ds, char *why) {
    if (o->body) return o->body(o->body_arg, o, progress, cancelled, ds, why);
    struct source src = {.progress = progress, .cancelled = cancelled, .checksum = o->checksum, .scout = o->scout};
    proven(o->path && dataset_keys(ds) == 0);
    int error = source_open(&src, o->path);
    if (error) {
        snprintf(why, LOAD_ERROR_MAX, "%.150s: cannot be opened: %s", o->path, strerror(error));
        return false;
    }
    if (o->scout) {
        scout_add(o->scout, o->path, src.size);
        scout_known(o->scout);
    }
    bool loaded = rdb_parse(&src, o->path, o, ds, why);
    source_close(&src);
    proven(!loaded || progress->loaded_bytes == progress->total_bytes);
    return loaded;
}

/* Into ds, which the caller has made and keeps. */
static bool load_path(const struct load_options *o, struct load_progress *progress, const _Atomic bool *cancelled,
                      struct dataset *ds, char *why) {
    proven(dataset_keys(ds) == 0);
    if (o->room) room_begin(o->room, progress, cancelled);
    if (load_whole(o, progress, cancelled, ds, why)) return true;
    return o->salvage && why[0] && salvage_load(o, progress, cancelled, ds, why);
}

static const _Atomic bool never = false;

struct dataset *load_file(const struct load_options *options, struct load_progress *progress, char *why) {
    struct load_progress own = {0};
    if (!progress) progress = &own;
    begin(progress, options);
    struct dataset *ds = new_dataset(options);
    if (!load_path(options, progress, &never, ds, why)) {
        dataset_free(ds);
        ds = NULL;
    }
    end(progress);
    proven(ds || why[0]);
    return ds;
}

struct dataset *load_bytes(const struct load_options *options, const void *data, size_t n, char *why) {
    struct load_progress progress = {0};
    struct source src = {.progress = &progress, .cancelled = &never, .checksum = options->checksum};
    proven(why && !atomic_load(&never));
    source_from_memory(&src, data, n);
    struct dataset *ds = new_dataset(options);
    bool loaded = rdb_parse(&src, "memory", options, ds, why);
    source_close(&src);
    proven(loaded == (why[0] == '\0'));
    if (loaded) return ds;
    dataset_free(ds);
    return NULL;
}

/* ---- the job ---- */
static void job_free(struct load_job *job) {
    proven(job->options.path == job->path && !job->thread.running);
    if (job->scout) scout_free(job->scout);
    mem_free(MEM_PERSIST, job->path, strlen(job->path) + 1);
    mem_free(MEM_PERSIST, job, sizeof(*job));
}

static bool is_set(const _Atomic bool *flag) { return atomic_load_explicit(flag, memory_order_relaxed); }

static void *run(void *arg) {
    struct load_job *job = arg;
    proven(job->dataset && job->ended.call);
    bool loaded = load_path(&job->options, &job->progress, &job->cancelled, job->dataset, job->why);
    end(&job->progress);
    bool told = !is_set(&job->abandoned);
    if (told ? !loaded : !LEFT_TO_EXIT) {
        dataset_free(job->dataset);
        job->dataset = NULL;
    }
    if (told) loop_send(job->loop, &job->ended);
    atomic_store_explicit(&job->finished, true, memory_order_release);
    return NULL;
}

/* On the loop's thread. A load that was cancelled too late to notice counts as cancelled all the same. */
static void on_ended(struct loop_message *message) {
    struct load_job *job = (struct load_job *)(void *)((char *)message - offsetof(struct load_job, ended));
    thread_join(&job->thread);
    bool refused = job->refusal[0], cancelled = is_set(&job->cancelled);
    const char *error = job->dataset || cancelled ? NULL : job->why;
    proven(job->progress.end_ms != 0 || !job->dataset);
    proven(!error || error[0]);
    if (cancelled && !(LEFT_TO_EXIT && is_set(&job->abandoned))) {
        dataset_free(job->dataset);
        job->dataset = NULL;
    }
    if (refused && !is_set(&job->abandoned)) {
        error = job->refusal;
        cancelled = false;
    }
    job->done(job->arg, cancelled || error ? NULL : job->dataset, error, cancelled);
    if (!is_set(&job->abandoned)) job_free(job);
}

struct load_job *load_start(struct loop *loop, const struct load_options *options, load_done *done, void *arg) {
    proven(loop && done && options->path);
    size_t path_size = strlen(options->path) + 1;
    struct load_job *job = mem_alloc_zeroed(MEM_PERSIST, sizeof(*job));
    job->ended.call = on_ended;
    job->loop = loop;
    job->options = *options;
    job->done = done;
    job->arg = arg;
    job->path = mem_alloc(MEM_PERSIST, path_size);
    memcpy(job->path, options->path, path_size);
    job->options.path = job->path;
    job->dataset = new_dataset(options);
    if (options->top) top_board_clear(options->top);
    proven(dataset_databases(job->dataset) == options->databases);
    begin(&job->progress, options);
    job->options.scout = job->scout = scout_new();
    forecast_init(&job->forecast, job->scout, job->progress.start_us);
    int error = thread_start(&job->thread, "loader", run, job);
    if (error) {
        snprintf(job->why, sizeof(job->why), "no thread to load with: %s", strerror(error));
        job->finished = true;
        dataset_free(job->dataset);
        job->dataset = NULL;
        loop_send(loop, &job->ended);
    }
    return job;
}

const struct load_progress *load_progress(const struct load_job *job) {
    proven(job != NULL);
    return &job->progress;
}

void load_tick(struct load_job *job) {
    proven(job->scout != NULL);
    atomic_store_explicit(&job->progress.waited_us, thread_waited_us(&job->thread), memory_order_relaxed);
    forecast_tick(&job->forecast, &job->progress, clock_mono_us());
}

struct load_forecast load_forecast(struct load_job *job) {
    proven(job->scout != NULL);
    return forecast_now(&job->forecast, &job->progress, clock_mono_us());
}

struct scout_payload load_payload(struct load_job *job) {
    proven(job->scout != NULL);
    forecast_ask(&job->forecast, &job->progress);
    return scout_payload(job->scout);
}

void load_refuse(struct load_job *job, const char *why) {
    proven(why[0] && !job->refusal[0]);
    snprintf(job->refusal, sizeof job->refusal, "%s", why);
    load_cancel(job);
}

void load_cancel(struct load_job *job) {
    proven(job != NULL);
    atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
}

void load_abandon(struct load_job *job) {
    proven(job != NULL);
    atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
    load_cancel(job);
}

void load_wait(struct load_job *job) {
    proven(is_set(&job->abandoned));
    for (int ms = 0; ms < WAIT_MS && !atomic_load_explicit(&job->finished, memory_order_acquire); ms++)
        thread_sleep_us(1000);
    if (!is_set(&job->finished)) return;
    thread_join(&job->thread);
    scout_free(job->scout);
    job->scout = NULL;
    if (LEFT_TO_EXIT) return;
    dataset_free(job->dataset); /* of a load that had succeeded */
    job->dataset = NULL;
}
