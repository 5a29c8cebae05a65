#include "base/check.h"
#include "base/clock.h"
#include "io/dial.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define NEVER 12345

struct outcome {
    int calls, fd;
};

static void note(void *arg, int fd) {
    struct outcome *o = arg;
    o->calls++;
    o->fd = fd;
}

static void turn_until(struct loop *l, const struct outcome *o, int64_t within_us) {
    int64_t end_us = clock_mono_us() + within_us;
    while (o->calls == 0 && clock_mono_us() < end_us) loop_turn(l, 10000);
}

/* A listener on a port of its own. */
static int listener(int *port) {
    char why[NET_ERROR_MAX], name[NET_ADDRESS_MAX];
    int fd = net_listen_tcp("127.0.0.1", 0, 16, why);
    assert_true(fd >= 0);
    *port = atoi(strrchr(net_local(fd, name, sizeof name), ':') + 1);
    return fd;
}

static int open_descriptors(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void connects_by_number_and_by_name(void **state) {
    (void)state;
    struct loop *l = loop_new();
    int port, listening = listener(&port);
    static const char *const names[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < countof(names); i++) {
        struct outcome o = {0, NEVER};
        assert_non_null(dial_start(l, names[i], port, 1000, note, &o));
        assert_int_equal(o.calls, 0);
        turn_until(l, &o, 5000000);
        assert_int_equal(o.calls, 1);
        assert_true(o.fd >= 0);
        assert_true(fcntl(o.fd, F_GETFL) & O_NONBLOCK);
        close(o.fd);
    }
    close(listening);
    loop_free(l);
}

static void says_why_it_cannot(void **state) {
    (void)state;
    struct loop *l = loop_new();
    int port, listening = listener(&port);
    close(listening);
    struct outcome refused = {0, NEVER}, nameless = {0, NEVER};
    assert_non_null(dial_start(l, "127.0.0.1", port, 1000, note, &refused));
    turn_until(l, &refused, 5000000);
    assert_int_equal(refused.fd, -ECONNREFUSED);
    assert_non_null(dial_start(l, "a name with blanks", port, 1000, note, &nameless));
    turn_until(l, &nameless, 20000000);
    assert_int_equal(nameless.calls, 1);
    assert_true(nameless.fd < 0);
    loop_free(l);
}

/* Before the thread has a result, after, and when it is told in the same turn: no call, and nothing stays open. */
static void cancelled_it_leaves_nothing(void **state) {
    (void)state;
    struct loop *l = loop_new();
    int port, listening = listener(&port);
    int open_before = open_descriptors();
    struct outcome o = {0, NEVER};
    for (int i = 0; i < 200; i++) {
        struct dial *d = dial_start(l, "127.0.0.1", port, 1000, note, &o);
        assert_non_null(d);
        if (i % 2) thread_sleep_us(i * 10);
        dial_cancel(d);
        int accepted = net_accept(listening);
        if (accepted >= 0) close(accepted);
    }
    loop_turn(l, 0);
    assert_int_equal(o.calls, 0);
    int64_t end_us = clock_mono_us() + 5000000;
    while (open_descriptors() > open_before && clock_mono_us() < end_us) {
        int accepted = net_accept(listening);
        if (accepted >= 0) close(accepted);
        thread_sleep_us(1000);
    }
    assert_int_equal(open_descriptors(), open_before);
    close(listening);
    loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_it_leaves_nothing), /* first: no thread of another test holds a descriptor */
        cmocka_unit_test(connects_by_number_and_by_name),
        cmocka_unit_test(says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
