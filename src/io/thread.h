/* Threads and the reaper. Named, signals blocked (the main thread takes them), stack 4 MiB (address space: LZF and the sanitizers want more than 1). */
#ifndef TARN_IO_THREAD_H
#define TARN_IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread {
    pthread_t id;
    bool running;
    void *(*run)(void *arg);
    void *arg;
    _Atomic int kernel_id; /* 0: it has not begun */
    char name[16];
};

int thread_start(struct thread *t, const char *name, void *(*run)(void *arg), void *arg); /* 0 or errno */
void thread_join(struct thread *t); /* harmless when not running */
/* How long it has waited, ready to run, for a processor that others had; 0 when the kernel does not say. Any thread. ~10 us. */
int64_t thread_waited_us(const struct thread *t);

/* The reaper: one thread that runs small jobs in order (frees, fsync, close). */
struct reaper;
struct reaper *reaper_new(const char *name);
void reaper_post(struct reaper *r, void (*job)(void *), void *arg); /* any thread */
uint64_t reaper_pending(const struct reaper *r);
uint64_t reaper_done(const struct reaper *r);
void reaper_drain(struct reaper *r); /* waits until all posted jobs are done */
void reaper_free(struct reaper *r);  /* drains first */
/* Waits on the caller's thread; DEBUG SLEEP, key-load-delay. */
void thread_sleep_us(int64_t us);

#endif
