#include "base/check.h"
#include "io/thread.h"
#include "mem/mem.h"

#include <stdatomic.h>

struct reaper_job {
    struct reaper_job *next;
    void (*run)(void *);
    void *arg;
};

struct reaper {
    struct thread thread;
    pthread_mutex_t lock; /* first, last, ending */
    pthread_cond_t posted, idle;
    struct reaper_job *first, *last;
    bool ending;
    /* Read by anyone without the lock. pending falls only after a job has run. */
    atomic_uint_fast64_t pending, done;
};

/* The next job, or NULL when the reaper ends. */
static struct reaper_job *take_job(struct reaper *r) {
    pthread_mutex_lock(&r->lock);
    while (r->first == NULL && !r->ending) pthread_cond_wait(&r->posted, &r->lock);
    struct reaper_job *job = r->first;
    if (job != NULL) {
        r->first = job->next;
        if (r->first == NULL) r->last = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return job;
}

static void finish_job(struct reaper *r) {
    atomic_fetch_add_explicit(&r->done, 1, memory_order_relaxed);
    pthread_mutex_lock(&r->lock);
    if (atomic_fetch_sub_explicit(&r->pending, 1, memory_order_release) == 1) pthread_cond_broadcast(&r->idle);
    pthread_mutex_unlock(&r->lock);
}

static void *reaper_run(void *arg) {
    struct reaper *r = arg;
    for (struct reaper_job *job; (job = take_job(r)) != NULL;) {
        job->run(job->arg);
        mem_free(MEM_SERVER, job, sizeof *job);
        finish_job(r);
    }
    return NULL;
}

struct reaper *reaper_new(const char *name) {
    struct reaper *r = mem_alloc_zeroed(MEM_SERVER, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->posted, NULL);
    pthread_cond_init(&r->idle, NULL);
    int error = thread_start(&r->thread, name, reaper_run, r);
    proven(error == 0);
    return r;
}

void reaper_post(struct reaper *r, void (*run)(void *), void *arg) {
    struct reaper_job *job = mem_alloc(MEM_SERVER, sizeof *job);
    *job = (struct reaper_job){.run = run, .arg = arg};
    atomic_fetch_add_explicit(&r->pending, 1, memory_order_relaxed);
    pthread_mutex_lock(&r->lock);
    proven(!r->ending);
    if (r->last)
        r->last->next = job;
    else
        r->first = job;
    r->last = job;
    pthread_cond_signal(&r->posted);
    pthread_mutex_unlock(&r->lock);
}

uint64_t reaper_pending(const struct reaper *r) { return atomic_load_explicit(&r->pending, memory_order_acquire); }

uint64_t reaper_done(const struct reaper *r) { return atomic_load_explicit(&r->done, memory_order_relaxed); }

void reaper_drain(struct reaper *r) {
    pthread_mutex_lock(&r->lock);
    while (atomic_load_explicit(&r->pending, memory_order_acquire) > 0) pthread_cond_wait(&r->idle, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void reaper_free(struct reaper *r) {
    if (r == NULL) return;
    reaper_drain(r);
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_signal(&r->posted);
    pthread_mutex_unlock(&r->lock);
    thread_join(&r->thread);
    pthread_cond_destroy(&r->idle);
    pthread_cond_destroy(&r->posted);
    pthread_mutex_destroy(&r->lock);
    mem_free(MEM_SERVER, r, sizeof *r);
}
