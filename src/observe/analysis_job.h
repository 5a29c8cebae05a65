/* One walk over a dataset: freezes it, walks on a thread, thaws; prefixes are summed up by the reaper (hooks->defer). Executor
 * thread, except what run() and sum_up() do. */
#ifndef TARN_OBSERVE_ANALYSIS_JOB_H
#define TARN_OBSERVE_ANALYSIS_JOB_H

#include <stdbool.h>
#include <stdint.h>

struct analysis_job;
struct dataset;
struct keyspace_hooks;
struct loop;
struct prefix_report;
struct reply;

#define ANALYSIS_DELIMITER_MAX 16

/* What is asked for. */
struct analysis_wish {
    bool prefixes; /* else a survey */
    unsigned depth;
    const char *delimiter; /* 1 to ANALYSIS_DELIMITER_MAX bytes, copied when the walk begins */
};

/* done: on the loop, when the dataset is thawed and the result is there; the job is freed after it. NULL: no thread could be had.
 * proven: ds is not frozen. It must stay the same object until it is thawed, the hooks until the job is freed. */
struct analysis_job *analysis_job_start(struct loop *loop, const struct keyspace_hooks *hooks, struct dataset *ds,
                                        const struct analysis_wish *wish, int64_t delay_us,
                                        void (*done)(struct analysis_job *job));
/* Once it has ended: the result as the reply; false, and nothing replied, when it was stopped before it had one. */
bool analysis_job_reply(const struct analysis_job *job, struct reply *r);
/* NULL: none was asked for, or it was stopped. The caller's from now on. */
struct prefix_report *analysis_job_take_prefixes(struct analysis_job *job);
int64_t analysis_job_duration_ms(const struct analysis_job *job);
double analysis_job_progress(const struct analysis_job *job); /* 0..1 */
/* Noticed at the next key. */
void analysis_job_cancel(struct analysis_job *job);
/* Waits until the thread has noticed, microseconds, and thaws; done is called later, by the loop. True: it was too early for a
 * result. Harmless when the thread has ended. */
bool analysis_job_stop(struct analysis_job *job);
/* When the loop does not run any more, and the reaper has nothing to do; done is not called. */
void analysis_job_end(struct analysis_job *job);

#endif
