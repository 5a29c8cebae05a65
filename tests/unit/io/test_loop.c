#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "io/loop.h"
#include "io/thread.h"
#include "mem/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One end of a socket pair as a loop client: what was reported, and what to do to others when called. */
struct end {
    struct loop_fd watch;
    struct loop *loop;
    int other; /* the far end */
    int calls;
    unsigned seen;
    bool consume;
    struct end *victim; /* unwatched, closed and forgotten when this one is called */
};

static void end_called(struct loop_fd *self, unsigned events) {
    struct end *e = (struct end *)self;
    char c;
    e->calls++;
    e->seen |= events;
    if (e->consume) {
        while (read(self->fd, &c, 1) == 1) {
        }
    }
    if (e->victim) {
        loop_unwatch(e->loop, &e->victim->watch);
        close(e->victim->watch.fd);
        e->victim = NULL;
    }
}

static void end_init(struct end *e, struct loop *l) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *e = (struct end){.watch = {.fd = fds[0], .call = end_called}, .loop = l, .other = fds[1]};
}

static void end_release(struct end *e) {
    if (e->watch.watched) {
        loop_unwatch(e->loop, &e->watch);
        close(e->watch.fd);
    }
    if (e->other >= 0) close(e->other);
}

static void test_readiness_is_level_triggered(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct end e;
    end_init(&e, l);
    assert_int_equal(loop_watch(l, &e.watch, LOOP_READ), 0);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 0);
    assert_int_equal(write(e.other, "x", 1), 1);
    loop_turn(l, 0);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 2); /* unread input is reported again */
    assert_int_equal(e.seen, LOOP_READ);
    e.consume = true;
    loop_turn(l, 0);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 3);
    e.seen = 0;
    assert_int_equal(loop_watch(l, &e.watch, LOOP_READ | LOOP_WRITE), 0);
    loop_turn(l, 0);
    assert_int_equal(e.seen, LOOP_WRITE);
    end_release(&e);
    loop_free(l);
}

static void test_hangup_is_reported_unasked(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct end e;
    end_init(&e, l);
    assert_int_equal(loop_watch(l, &e.watch, 0), 0);
    assert_int_equal(write(e.other, "x", 1), 1);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 0); /* not asked for reading */
    close(e.other);
    e.other = -1;
    loop_turn(l, 0);
    assert_int_equal(e.calls, 1);
    assert_int_equal(e.seen, LOOP_HANGUP);
    end_release(&e);
    loop_free(l);
}

static void test_watch_reports_the_kernels_refusal(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct loop_fd bad = {.fd = 9999999, .call = end_called};
    assert_int_equal(loop_watch(l, &bad, LOOP_READ), EBADF);
    assert_false(bad.watched);
    loop_unwatch(l, &bad); /* harmless */
    loop_free(l);
}

/* Whichever of two ready descriptors is called first removes, closes and frees the other. */
static void test_removed_descriptor_gets_no_call(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct loop *l = loop_new();
        struct end *a = malloc(sizeof *a), *b = malloc(sizeof *b);
        end_init(a, l);
        end_init(b, l);
        a->victim = b;
        b->victim = a;
        /* Both orders of readiness. */
        struct end *first = round % 2 ? a : b, *second = round % 2 ? b : a;
        loop_watch(l, &a->watch, LOOP_READ);
        loop_watch(l, &b->watch, LOOP_READ);
        assert_int_equal(write(first->other, "x", 1), 1);
        assert_int_equal(write(second->other, "x", 1), 1);
        loop_turn(l, 0);
        assert_int_equal(a->calls + b->calls, 1);
        end_release(a);
        end_release(b);
        free(a);
        free(b);
        loop_free(l);
    }
}

struct replacer {
    struct end e;
    struct end *old, *fresh;
};

/* Removes `old`, whose descriptor is ready in this turn, and lets `fresh` take over its number. */
static void replace_called(struct loop_fd *self, unsigned events) {
    struct replacer *r = (struct replacer *)self;
    end_called(self, events);
    if (r->old == NULL) return;
    int number = r->old->watch.fd;
    loop_unwatch(r->e.loop, &r->old->watch);
    assert_int_equal(dup2(r->fresh->watch.fd, number), number);
    close(r->fresh->watch.fd);
    r->fresh->watch.fd = number;
    assert_int_equal(loop_watch(r->e.loop, &r->fresh->watch, LOOP_READ), 0);
    r->old = NULL;
}

static void test_reused_number_is_not_called_for_its_predecessor(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct replacer r = {0};
    struct end old, fresh;
    end_init(&r.e, l);
    r.e.watch.call = replace_called;
    r.e.consume = true;
    end_init(&old, l);
    end_init(&fresh, l);
    r.old = &old;
    r.fresh = &fresh;
    loop_watch(l, &r.e.watch, LOOP_READ);
    assert_int_equal(write(r.e.other, "x", 1), 1);
    loop_watch(l, &old.watch, LOOP_READ);
    assert_int_equal(write(old.other, "x", 1), 1);
    loop_turn(l, 0); /* the kernel reports in the order of readiness: r first */
    assert_null(r.old);
    assert_int_equal(old.calls, 0);
    assert_int_equal(fresh.calls, 0);
    assert_int_equal(write(fresh.other, "y", 1), 1);
    loop_turn(l, 0);
    assert_int_equal(fresh.calls, 1);
    end_release(&r.e);
    close(old.other);
    end_release(&fresh);
    loop_free(l);
}

/* More ready descriptors than one wait returns: all are served within a few turns. */
static void test_more_ready_than_a_batch(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct loop *l = loop_new();
    struct end *ends = calloc(COUNT, sizeof *ends);
    for (int i = 0; i < COUNT; i++) {
        end_init(&ends[i], l);
        ends[i].consume = true;
        loop_watch(l, &ends[i].watch, LOOP_READ);
        assert_int_equal(write(ends[i].other, "x", 1), 1);
    }
    for (int i = 0; i < 3; i++) loop_turn(l, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(ends[i].calls, 1);
        end_release(&ends[i]);
    }
    free(ends);
    loop_free(l);
}

/* ---- timers ---- */

struct alarm_clock {
    struct loop_timer timer;
    struct loop *loop;
    int calls;
    int64_t called_us;
    int repeat;
    int64_t *last_due; /* the due time of the latest alarm of the group: must not fall */
};

static void alarm_called(struct loop_timer *t) {
    struct alarm_clock *a = (struct alarm_clock *)t;
    a->calls++;
    a->called_us = clock_mono_us();
    assert_true(a->called_us >= t->due_us);
    if (a->last_due) {
        assert_true(*a->last_due <= t->due_us);
        *a->last_due = t->due_us;
    }
    if (a->repeat-- > 0) loop_timer_start(a->loop, t, t->due_us);
}

static void test_timer_wakes_the_loop(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct alarm_clock a = {.timer = {.call = alarm_called}, .loop = l};
    int64_t due = clock_mono_us() + 3500;
    loop_timer_start(l, &a.timer, due);
    loop_turn(l, -1); /* sleeps as long as the timer allows */
    assert_int_equal(a.calls, 1);
    assert_true(a.called_us >= due);
    assert_int_equal(a.timer.index, 0);
    loop_timer_stop(l, &a.timer); /* harmless */
    loop_free(l);
}

static void test_due_again_waits_for_the_next_turn(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct alarm_clock a = {.timer = {.call = alarm_called}, .loop = l, .repeat = 2};
    loop_timer_start(l, &a.timer, clock_mono_us());
    for (int turn = 1; turn <= 3; turn++) {
        loop_turn(l, -1);
        assert_int_equal(a.calls, turn);
    }
    loop_turn(l, 0);
    assert_int_equal(a.calls, 3);
    loop_free(l);
}

static uint64_t seed_from_environment(void) {
    const char *text = getenv("TARN_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_mono_ns();
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* Random starts, moves and stops against a plain flag per timer; then all that are due come once, in order of time. */
static void test_timer_heap_against_model(void **state) {
    (void)state;
    enum { COUNT = 500, STEPS = 20000 };
    struct random random;
    random_init(&random, seed_from_environment());
    struct loop *l = loop_new();
    struct alarm_clock *alarms = calloc(COUNT, sizeof *alarms);
    bool running[COUNT] = {false};
    int64_t last_due = 0, base = clock_mono_us() - 1000000;
    for (int i = 0; i < COUNT; i++) {
        alarms[i] = (struct alarm_clock){.timer = {.call = alarm_called}, .loop = l, .last_due = &last_due};
    }
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)random_below(&random, COUNT);
        running[i] = random_below(&random, 3) != 0;
        if (running[i])
            loop_timer_start(l, &alarms[i].timer, base + (int64_t)random_below(&random, 1000));
        else
            loop_timer_stop(l, &alarms[i].timer);
        assert_int_equal(alarms[i].timer.index != 0, running[i]);
    }
    loop_turn(l, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(alarms[i].calls, running[i]);
        assert_int_equal(alarms[i].timer.index, 0);
    }
    free(alarms);
    loop_free(l);
}

struct stopper {
    struct loop_timer timer;
    struct loop *loop;
    struct alarm_clock *other;
};

static void stopper_called(struct loop_timer *t) {
    struct stopper *s = (struct stopper *)t;
    loop_timer_stop(s->loop, &s->other->timer);
}

static void test_timer_stopped_by_another_is_not_called(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct alarm_clock a = {.timer = {.call = alarm_called}, .loop = l};
    struct stopper s = {.timer = {.call = stopper_called}, .loop = l, .other = &a};
    int64_t now = clock_mono_us();
    loop_timer_start(l, &a.timer, now);
    loop_timer_start(l, &s.timer, now - 1);
    loop_turn(l, 0);
    assert_int_equal(a.calls, 0);
    loop_free(l);
}

/* ---- messages and threads ---- */

enum { SENDERS = 4, MESSAGES = 20000 };

struct receiver {
    struct loop *loop;
    int next[SENDERS];
    int total;
};

struct letter {
    struct loop_message message;
    struct receiver *to;
    int sender, number;
};

static void letter_called(struct loop_message *m) {
    struct letter *letter = (struct letter *)m;
    struct receiver *to = letter->to;
    assert_int_equal(letter->number, to->next[letter->sender]++); /* the order of each sender is kept */
    if (++to->total == SENDERS * MESSAGES) loop_stop(to->loop);
    free(letter);
}

struct sender {
    struct thread thread;
    struct receiver *to;
    int index;
};

static void *sender_run(void *arg) {
    struct sender *s = arg;
    for (int i = 0; i < MESSAGES; i++) {
        struct letter *letter = malloc(sizeof *letter);
        *letter = (struct letter){.message = {.call = letter_called}, .to = s->to, .sender = s->index, .number = i};
        loop_send(s->to->loop, &letter->message);
    }
    return NULL;
}

static void test_messages_of_many_threads_keep_their_order(void **state) {
    (void)state;
    struct receiver to = {.loop = loop_new()};
    struct sender senders[SENDERS] = {0};
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.to = &to, .index = i};
        assert_int_equal(thread_start(&senders[i].thread, "sender", sender_run, &senders[i]), 0);
    }
    loop_run(to.loop); /* sleeps without a limit: a lost wake-up would hang here */
    for (int i = 0; i < SENDERS; i++) thread_join(&senders[i].thread);
    assert_int_equal(to.total, SENDERS * MESSAGES);
    loop_free(to.loop);
}

static void *stopper_run(void *arg) {
    loop_stop(arg);
    return NULL;
}

static void test_stop_from_another_thread(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct thread t = {0};
    assert_int_equal(thread_start(&t, "stopper", stopper_run, l), 0);
    loop_run(l);
    thread_join(&t);
    loop_free(l);
}

/* ---- hooks and order within a turn ---- */

struct diary {
    char text[16];
    size_t len;
    int64_t wait_us;
};

static struct diary *diary_of_message; /* the plain way for a test to hand three callbacks one page */

static void note(char c) {
    diary_of_message->text[diary_of_message->len++] = c;
    assert_true(diary_of_message->len < sizeof diary_of_message->text);
}

static int64_t before_wait(void *arg) {
    note('b');
    return ((struct diary *)arg)->wait_us;
}

static void after_turn(void *arg) {
    (void)arg;
    note('a');
}

static void note_descriptor(struct loop_fd *self, unsigned events) {
    (void)self;
    (void)events;
    note('d');
}

static void note_timer(struct loop_timer *t) {
    (void)t;
    note('t');
}

static void note_message(struct loop_message *m) {
    (void)m;
    note('m');
}

static void test_order_of_a_turn(void **state) {
    (void)state;
    struct loop *l = loop_new();
    struct diary diary = {.wait_us = 0};
    diary_of_message = &diary;
    struct end e;
    end_init(&e, l);
    e.watch.call = note_descriptor;
    loop_watch(l, &e.watch, LOOP_WRITE);
    struct loop_timer timer = {.call = note_timer};
    loop_timer_start(l, &timer, clock_mono_us());
    struct loop_message message = {.call = note_message};
    loop_send(l, &message);
    loop_set_hooks(l, before_wait, after_turn, &diary);
    loop_turn(l, -1);
    assert_string_equal(diary.text, "bdtma");
    assert_int_equal(loop_stats(l)->turns, 1);
    loop_unwatch(l, &e.watch);
    close(e.watch.fd);
    close(e.other);
    loop_turn(l, -1); /* before says 0: does not sleep although nothing is ready */
    assert_string_equal(diary.text, "bdtmaba");
    loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readiness_is_level_triggered),
        cmocka_unit_test(test_hangup_is_reported_unasked),
        cmocka_unit_test(test_watch_reports_the_kernels_refusal),
        cmocka_unit_test(test_removed_descriptor_gets_no_call),
        cmocka_unit_test(test_reused_number_is_not_called_for_its_predecessor),
        cmocka_unit_test(test_more_ready_than_a_batch),
        cmocka_unit_test(test_timer_wakes_the_loop),
        cmocka_unit_test(test_due_again_waits_for_the_next_turn),
        cmocka_unit_test(test_timer_heap_against_model),
        cmocka_unit_test(test_timer_stopped_by_another_is_not_called),
        cmocka_unit_test(test_messages_of_many_threads_keep_their_order),
        cmocka_unit_test(test_stop_from_another_thread),
        cmocka_unit_test(test_order_of_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
