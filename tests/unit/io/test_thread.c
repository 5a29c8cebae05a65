#include "io/process.h"
#include "io/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct seen {
    char name[16];
    sigset_t mask;
    size_t stack;
};

static void *look_around(void *arg) {
    struct seen *seen = arg;
    pthread_attr_t attr;
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    pthread_sigmask(SIG_BLOCK, NULL, &seen->mask);
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstacksize(&attr, &seen->stack);
        pthread_attr_destroy(&attr);
    }
    return NULL;
}

static void test_thread_is_named_and_deaf_to_signals(void **state) {
    (void)state;
    struct thread t = {0};
    struct seen seen = {0};
    assert_int_equal(thread_start(&t, "a-name-longer-than-the-kernel-takes", look_around, &seen), 0);
    thread_join(&t);
    thread_join(&t); /* harmless */
    assert_string_equal(seen.name, "a-name-longer-t");
    assert_true(sigismember(&seen.mask, SIGTERM));
    assert_true(sigismember(&seen.mask, SIGINT));
    assert_true(seen.stack >= 1u << 20);
    sigset_t mine;
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM)); /* the starter's mask is as before */
}

/* ---- the reaper ---- */

enum { POSTERS = 3, JOBS = 5000 };

struct poster {
    struct thread thread;
    struct reaper *reaper;
    int next; /* run by the reaper: jobs of one poster come in order */
    int wrong;
};

struct job {
    struct poster *of;
    int number;
};

static void run_job(void *arg) {
    struct job *job = arg;
    if (job->of->next++ != job->number) job->of->wrong++;
    free(job);
}

static void *post_all(void *arg) {
    struct poster *p = arg;
    for (int i = 0; i < JOBS; i++) {
        struct job *job = malloc(sizeof *job);
        *job = (struct job){.of = p, .number = i};
        reaper_post(p->reaper, run_job, job);
    }
    return NULL;
}

static void test_reaper_runs_all_jobs_in_order(void **state) {
    (void)state;
    struct reaper *r = reaper_new("reaper");
    struct poster posters[POSTERS] = {0};
    for (int i = 0; i < POSTERS; i++) {
        posters[i].reaper = r;
        assert_int_equal(thread_start(&posters[i].thread, "poster", post_all, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++) thread_join(&posters[i].thread);
    reaper_drain(r);
    assert_int_equal(reaper_pending(r), 0);
    assert_int_equal(reaper_done(r), POSTERS * JOBS);
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(posters[i].next, JOBS);
        assert_int_equal(posters[i].wrong, 0);
    }
    reaper_drain(r); /* nothing to wait for */
    reaper_free(r);
}

struct gate {
    pthread_mutex_t lock;
    int after;
};

static void wait_at_gate(void *arg) {
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void count_after(void *arg) { ((struct gate *)arg)->after++; }

static void test_reaper_free_finishes_what_was_posted(void **state) {
    (void)state;
    struct reaper *r = reaper_new("reaper");
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&g.lock);
    reaper_post(r, wait_at_gate, &g);
    for (int i = 0; i < 10; i++) reaper_post(r, count_after, &g);
    assert_int_equal(reaper_pending(r), 11);
    pthread_mutex_unlock(&g.lock);
    reaper_free(r);
    assert_int_equal(g.after, 10);
    reaper_free(NULL);
}

static void test_sleep_lasts(void **state) {
    (void)state;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    thread_sleep_us(2500);
    thread_sleep_us(0);
    thread_sleep_us(-5);
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000 >= 2500);
}

/* ---- the process ---- */

/* More threads than processors, all busy: those that wait say so. */
static void *be_busy(void *arg) {
    _Atomic bool *stop = arg;
    while (!*stop) {
    }
    return NULL;
}

static void test_waiting_is_told(void **state) {
    (void)state;
    _Atomic bool stop = false;
    struct thread threads[3] = {{0}};
    cpu_set_t one, all;
    int64_t waited = 0;
    assert_int_equal(thread_waited_us(&threads[0]), 0);
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0); /* what is started now has one for all */
    for (int i = 0; i < 3; i++) assert_int_equal(thread_start(&threads[i], "busy", be_busy, &stop), 0);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    if (access("/proc/self/schedstat", R_OK) == 0)
        for (int ms = 0; ms < 60000 && waited < 20000; ms++) {
            thread_sleep_us(1000);
            waited = thread_waited_us(&threads[0]);
        }
    else
        waited = 20000; /* this kernel does not tell */
    stop = true;
    for (int i = 0; i < 3; i++) thread_join(&threads[i]);
    assert_true(waited >= 20000);
}

static void test_process_facts(void **state) {
    (void)state;
    struct process_cpu all, mine;
    process_cpu(&all);
    process_cpu_thread(&mine);
    assert_true(all.user_s + all.system_s > 0);
    assert_true(mine.user_s + mine.system_s >= 0);
    assert_true(process_rss_bytes() > 100000);
    assert_true(process_total_memory_bytes() > process_rss_bytes());
    assert_int_equal(strncmp(process_os(), "Linux ", 6), 0);
    assert_non_null(strstr(process_executable(), "test_thread"));
    assert_int_equal(process_executable()[0], '/');
}

static void test_open_files_limit(void **state) {
    (void)state;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(process_raise_open_files(16), before.rlim_cur); /* never lowers */
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    assert_int_equal(process_raise_open_files(128), 128);
    setrlimit(RLIMIT_NOFILE, &before);
}

static void test_pidfile(void **state) {
    (void)state;
    char path[] = "/tmp/tarn-pid-XXXXXX", text[32] = "", expected[32];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(process_write_pidfile(path), 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_string_equal(text, expected);
    close(fd);
    unlink(path);
    assert_int_not_equal(process_write_pidfile("/no/such/folder/pid"), 0);
}

static void test_supervisor_is_told(void **state) {
    (void)state;
    char folder[] = "/tmp/tarn-notify-XXXXXX";
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(process_notify_supervisor("READY=1"), PROCESS_NOTIFY_NOBODY);
    assert_non_null(mkdtemp(folder));
    snprintf(a.sun_path, sizeof a.sun_path, "%s/n", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    setenv("NOTIFY_SOCKET", a.sun_path, 1);
    assert_int_equal(process_notify_supervisor("READY=1"), PROCESS_NOTIFY_SENT);
    char got[32] = "";
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
    unlink(a.sun_path);
    assert_int_equal(process_notify_supervisor("READY=1"), PROCESS_NOTIFY_NOBODY); /* nobody listens */
    rmdir(folder);
    unsetenv("NOTIFY_SOCKET");
}

static void test_signals_come_through_the_descriptor(void **state) {
    (void)state;
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    int fd = process_signal_fd();
    assert_true(fd >= 0);
    assert_int_equal(process_signal_read(fd), 0);
    raise(SIGHUP);  /* ignored */
    raise(SIGPIPE); /* ignored */
    raise(SIGTERM);
    assert_int_equal(process_signal_read(fd), SIGTERM);
    assert_int_equal(process_signal_read(fd), 0);
    raise(SIGINT);
    assert_int_equal(process_signal_read(fd), SIGINT);
    close(fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_is_named_and_deaf_to_signals),
        cmocka_unit_test(test_reaper_runs_all_jobs_in_order),
        cmocka_unit_test(test_reaper_free_finishes_what_was_posted),
        cmocka_unit_test(test_sleep_lasts),
        cmocka_unit_test(test_waiting_is_told),
        cmocka_unit_test(test_process_facts),
        cmocka_unit_test(test_open_files_limit),
        cmocka_unit_test(test_pidfile),
        cmocka_unit_test(test_supervisor_is_told),
        cmocka_unit_test(test_signals_come_through_the_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
