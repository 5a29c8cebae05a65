#include "io/thread.h"

#include "base/check.h"
#include "io/file.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Every thread but the main one: their work is iterative, none recurses on data. */
#define THREAD_STACK_BYTES (4 * 1024 * 1024)

static void *thread_entry(void *arg) {
    struct thread *t = arg;
    atomic_store_explicit(&t->kernel_id, (int)syscall(SYS_gettid), memory_order_relaxed);
    pthread_setname_np(pthread_self(), t->name);
    return t->run(t->arg);
}

static int create_with_stack(struct thread *t) {
    pthread_attr_t attr;
    int error = pthread_attr_init(&attr);
    if (error) return error;
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    error = pthread_create(&t->id, &attr, thread_entry, t);
    pthread_attr_destroy(&attr);
    return error;
}

int thread_start(struct thread *t, const char *name, void *(*run)(void *arg), void *arg) {
    proven(!t->running && run != NULL);
    t->run = run;
    t->arg = arg;
    strncpy(t->name, name, sizeof t->name - 1);
    t->name[sizeof t->name - 1] = '\0';
    /* A new thread inherits the mask: with all signals blocked from its first instruction, they go to the main thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = create_with_stack(t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    t->running = error == 0;
    return error;
}

void thread_join(struct thread *t) {
    if (!t->running) return;
    int error = pthread_join(t->id, NULL);
    proven(error == 0);
    t->running = false;
}

/* "ran waited slices", the first two in nanoseconds: Documentation/scheduler/sched-stats.rst of Linux. */
int64_t thread_waited_us(const struct thread *t) {
    char path[64], text[96];
    uint64_t ran = 0, waited = 0;
    int id = atomic_load_explicit(&t->kernel_id, memory_order_relaxed);
    if (id == 0) return 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", id);
    ssize_t n = file_read_whole(path, text, sizeof text - 1);
    if (n <= 0) return 0;
    text[n] = '\0';
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2) return 0;
    return (int64_t)(waited / 1000);
}

void thread_sleep_us(int64_t us) {
    if (us <= 0) return;
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
