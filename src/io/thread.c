#include "io/thread.h"

#include "base/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* Every thread but the main one: their work is iterative, none recurses on data. */
#define THREAD_STACK_BYTES (4 * 1024 * 1024)

static void *thread_entry(void *arg) {
    struct thread *t = arg;
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

void thread_sleep_us(int64_t us) {
    if (us <= 0) return;
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
