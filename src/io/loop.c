#include "io/loop.h"

#include "base/check.h"
#include "base/clock.h"
#include "mem/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Events taken from the kernel in one wait. More ready descriptors simply come with the next turn. */
#define LOOP_BATCH 128

struct loop {
    int epoll_fd;
    struct loop_fd wake; /* an eventfd: made readable by loop_send and loop_stop */

    /* The turn's ready descriptors; an entry becomes NULL once it is called or its descriptor is unwatched. */
    struct loop_fd *batch[LOOP_BATCH];
    int batch_count;

    struct loop_timer **heap; /* binary min-heap by due_us */
    size_t timer_count, heap_cap;

    _Atomic(struct loop_message *) inbox; /* newest first */
    atomic_bool stopping;
    bool in_turn;

    int64_t (*before)(void *arg);
    void (*after)(void *arg);
    void *hook_arg;
    struct loop_stats stats;
};

static void loop_wake(struct loop *l) {
    uint64_t one = 1;
    /* EAGAIN means the counter is full, hence readable: the loop wakes anyway. */
    while (write(l->wake.fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void wake_drain(struct loop_fd *self, unsigned events) {
    uint64_t count;
    (void)events;
    while (read(self->fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

struct loop *loop_new(void) {
    struct loop *l = mem_alloc_zeroed(MEM_SERVER, sizeof *l);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    proven(l->epoll_fd >= 0);
    l->wake = (struct loop_fd){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .call = wake_drain};
    proven(l->wake.fd >= 0);
    int error = loop_watch(l, &l->wake, LOOP_READ);
    proven(error == 0);
    return l;
}

void loop_free(struct loop *l) {
    if (l == NULL) return;
    proven(!l->in_turn);
    close(l->wake.fd);
    close(l->epoll_fd);
    mem_free(MEM_SERVER, l->heap, l->heap_cap * sizeof *l->heap);
    mem_free(MEM_SERVER, l, sizeof *l);
}

/* ---- descriptors ---- */

int loop_watch(struct loop *l, struct loop_fd *fd, unsigned events) {
    proven(fd->call != NULL && (events & ~(unsigned)(LOOP_READ | LOOP_WRITE)) == 0);
    if (fd->watched && fd->events == events) return 0;
    struct epoll_event e = {.data.ptr = fd};
    if (events & LOOP_READ) e.events |= EPOLLIN;
    if (events & LOOP_WRITE) e.events |= EPOLLOUT;
    if (epoll_ctl(l->epoll_fd, fd->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd->fd, &e) != 0) return errno;
    fd->watched = true;
    fd->events = events;
    return 0;
}

/* Takes fd out of the rest of this turn: its owner may be freed before the turn ends. */
static void batch_forget(struct loop *l, const struct loop_fd *fd) {
    for (int i = 0; i < l->batch_count; i++) {
        if (l->batch[i] == fd) l->batch[i] = NULL;
    }
}

void loop_unwatch(struct loop *l, struct loop_fd *fd) {
    if (!fd->watched) return;
    struct epoll_event unused = {0};
    int rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd->fd, &unused);
    proven(rc == 0); /* otherwise the descriptor was closed first, and its number may be another's by now */
    batch_forget(l, fd);
    fd->watched = false;
    fd->events = fd->ready = 0;
}

static unsigned ready_of(uint32_t epoll_events) {
    unsigned ready = 0;
    if (epoll_events & EPOLLIN) ready |= LOOP_READ;
    if (epoll_events & EPOLLOUT) ready |= LOOP_WRITE;
    if (epoll_events & (EPOLLHUP | EPOLLERR)) ready |= LOOP_HANGUP;
    return ready;
}

static void loop_wait(struct loop *l, int timeout_ms) {
    struct epoll_event events[LOOP_BATCH];
    int n = epoll_wait(l->epoll_fd, events, LOOP_BATCH, timeout_ms);
    proven(n >= 0 || errno == EINTR);
    l->batch_count = n > 0 ? n : 0;
    for (int i = 0; i < l->batch_count; i++) {
        l->batch[i] = events[i].data.ptr;
        l->batch[i]->ready = ready_of(events[i].events);
    }
}

static void run_descriptors(struct loop *l) {
    for (int i = 0; i < l->batch_count; i++) {
        struct loop_fd *fd = l->batch[i];
        if (fd == NULL) continue;
        /* A callback before this one may have stopped asking. */
        unsigned ready = fd->ready & (fd->events | LOOP_HANGUP);
        l->batch[i] = NULL;
        fd->ready = 0;
        if (ready) fd->call(fd, ready);
    }
    l->batch_count = 0;
}

/* ---- timers ---- */

static void heap_place(struct loop *l, size_t i, struct loop_timer *t) {
    l->heap[i] = t;
    t->index = i + 1;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t) {
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (l->heap[parent]->due_us <= t->due_us) break;
        heap_place(l, i, l->heap[parent]);
        i = parent;
    }
    heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->timer_count) break;
        if (child + 1 < l->timer_count && l->heap[child + 1]->due_us < l->heap[child]->due_us) child++;
        if (t->due_us <= l->heap[child]->due_us) break;
        heap_place(l, i, l->heap[child]);
        i = child;
    }
    heap_place(l, i, t);
}

/* t belongs at place i or, its time being another than that of who stood there, above or below. */
static void heap_settle(struct loop *l, size_t i, struct loop_timer *t) {
    if (i > 0 && l->heap[(i - 1) / 2]->due_us > t->due_us)
        heap_up(l, i, t);
    else
        heap_down(l, i, t);
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t due_us) {
    proven(t->call != NULL);
    if (t->index != 0) {
        proven(t->index <= l->timer_count && l->heap[t->index - 1] == t);
        t->due_us = due_us;
        heap_settle(l, t->index - 1, t);
        return;
    }
    if (l->timer_count == l->heap_cap) {
        size_t cap = l->heap_cap ? 2 * l->heap_cap : 16;
        l->heap = mem_realloc(MEM_SERVER, l->heap, l->heap_cap * sizeof *l->heap, cap * sizeof *l->heap);
        l->heap_cap = cap;
    }
    t->due_us = due_us;
    heap_up(l, l->timer_count++, t);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t) {
    if (t->index == 0) return;
    size_t i = t->index - 1;
    proven(i < l->timer_count && l->heap[i] == t);
    struct loop_timer *last = l->heap[--l->timer_count];
    t->index = 0;
    if (last != t) heap_settle(l, i, last);
}

static void run_timers(struct loop *l, int64_t now_us) {
    /* A timer that starts itself again as already due waits for the next turn, so a turn always ends. */
    for (size_t budget = l->timer_count; budget > 0 && l->timer_count > 0; budget--) {
        struct loop_timer *t = l->heap[0];
        if (t->due_us > now_us) break;
        loop_timer_stop(l, t);
        t->call(t);
    }
}

/* ---- messages ---- */

void loop_send(struct loop *l, struct loop_message *m) {
    struct loop_message *head = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do {
        m->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&l->inbox, &head, m, memory_order_release, memory_order_relaxed));
    /* Who finds the inbox empty wakes the loop; who does not knows that somebody has. m itself may be gone already. */
    if (head == NULL) loop_wake(l);
}

static void run_messages(struct loop *l) {
    if (atomic_load_explicit(&l->inbox, memory_order_relaxed) == NULL) return;
    struct loop_message *newest = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
    struct loop_message *oldest = NULL;
    while (newest != NULL) {
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct loop_message *next = oldest->next; /* the callee frees it */
        oldest->call(oldest);
        oldest = next;
    }
}

/* ---- the turn ---- */

void loop_set_hooks(struct loop *l, int64_t (*before)(void *arg), void (*after)(void *arg), void *arg) {
    l->before = before;
    l->after = after;
    l->hook_arg = arg;
}

static int64_t sooner(int64_t a, int64_t b) { /* negative: never */
    if (a < 0) return b;
    if (b < 0) return a;
    return a < b ? a : b;
}

/* How long to sleep: rounded up to the kernel's milliseconds, so that a timer is never called early. */
static int wait_ms(struct loop *l, int64_t max_wait_us) {
    int64_t wait_us = max_wait_us;
    if (l->before) wait_us = sooner(wait_us, l->before(l->hook_arg));
    if (l->timer_count > 0 && wait_us != 0) {
        int64_t left = l->heap[0]->due_us - clock_mono_us();
        wait_us = sooner(wait_us, left > 0 ? left : 0);
    }
    if (wait_us < 0) return -1;
    int64_t ms = wait_us / 1000 + (wait_us % 1000 != 0);
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void count_turn(struct loop_stats *stats, int64_t duration_us) {
    stats->turns++;
    stats->duration_us_sum += (uint64_t)duration_us;
    if ((uint64_t)duration_us > stats->duration_us_max) stats->duration_us_max = (uint64_t)duration_us;
}

void loop_turn(struct loop *l, int64_t max_wait_us) {
    proven(!l->in_turn);
    l->in_turn = true;
    loop_wait(l, wait_ms(l, max_wait_us));
    int64_t woken_us = clock_mono_us();
    run_descriptors(l);
    if (l->timer_count > 0) run_timers(l, clock_mono_us());
    run_messages(l);
    if (l->after) l->after(l->hook_arg);
    count_turn(&l->stats, clock_mono_us() - woken_us);
    l->in_turn = false;
}

void loop_run(struct loop *l) {
    while (!atomic_load_explicit(&l->stopping, memory_order_acquire)) loop_turn(l, -1);
    atomic_store_explicit(&l->stopping, false, memory_order_relaxed);
}

void loop_stop(struct loop *l) {
    atomic_store_explicit(&l->stopping, true, memory_order_release);
    loop_wake(l);
}

const struct loop_stats *loop_stats(const struct loop *l) { return &l->stats; }

const char *loop_api(void) { return "epoll"; }
