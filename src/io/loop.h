/* The event loop of one thread: file descriptors, timers, wake-ups from other threads. epoll behind this face; nothing here
 * says so, which leaves room for io_uring. Never re-entered: callbacks must not call loop_run.
 *
 * A turn: wait, call the callbacks of all ready descriptors, then due timers, then messages, then the `after` hook (where the
 * request layer executes and sends what the callbacks gathered). A descriptor removed in a turn gets no further callback in
 * that turn. */
#ifndef TARN_IO_LOOP_H
#define TARN_IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 /* reported, never asked for */ };

/* Embedded in what owns the descriptor (a connection, a listener). */
struct loop_fd {
    int fd;
    unsigned events; /* asked for; change with loop_watch */
    unsigned ready;  /* reported in this turn, 0 once called */
    void (*call)(struct loop_fd *self, unsigned events);
    bool watched;
};

struct loop *loop_new(void); /* aborts when the kernel refuses */
/* Messages sent but not yet called are dropped: turn the loop until its senders have ended. */
void loop_free(struct loop *l);

/* Level-triggered. events 0 keeps it registered for hang-up only. errno or 0. */
int loop_watch(struct loop *l, struct loop_fd *fd, unsigned events);
void loop_unwatch(struct loop *l, struct loop_fd *fd); /* before close(2) */

/* Timers: call runs once at or after the monotonic time due_us (clock_mono_us); set again from within call to repeat.
 * Kept in a binary heap: O(log n). Embedded; loop_timer_stop is harmless on a stopped one. */
struct loop_timer {
    int64_t due_us;
    size_t index; /* heap place + 1, 0 = stopped */
    void (*call)(struct loop_timer *self);
};
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t due_us);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Messages from any thread: the loop calls message->call on its own thread, in the order sent. Intrusive: the message
 * stays the sender's memory until called; the callee frees it. Wakes a sleeping loop (eventfd). */
struct loop_message {
    struct loop_message *next;
    void (*call)(struct loop_message *self);
};
void loop_send(struct loop *l, struct loop_message *m); /* thread-safe, lock-free or a short mutex */

/* Hooks around the wait. before returns the longest time to sleep in us (-1: as long as timers allow). */
void loop_set_hooks(struct loop *l, int64_t (*before)(void *arg), void (*after)(void *arg), void *arg);

void loop_run(struct loop *l);                       /* until loop_stop */
void loop_turn(struct loop *l, int64_t max_wait_us); /* one turn: for tests and for draining */
void loop_stop(struct loop *l);                      /* any thread; the turn under way is finished */

struct loop_stats {
    uint64_t turns, duration_us_sum, duration_us_max; /* time between waits */
};
const struct loop_stats *loop_stats(const struct loop *l);
const char *loop_api(void); /* "epoll" */

#endif
