#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static void report(const char *file, int line, const char *what) { printf("report: %s %d %s\n", file, line > 0, what); }

/* Runs a failing check in a child whose output comes back in text. */
static int fail_in_child(char *text, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        setvbuf(stdout, NULL, _IONBF, 0);
        check_on_failure(report);
        proven(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], text + len, size - 1 - len)) > 0) len += (size_t)n;
    text[len] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_false_check_reports_and_aborts(void **state) {
    (void)state;
    char text[4096];
    int status = fail_in_child(text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "test_check.c:"));
    assert_non_null(strstr(text, "1 + 1 == 3\n"));
    assert_non_null(strstr(text, "# check failed at "));
    assert_non_null(strstr(text, "report: "));
}

static void a_true_check_is_silent(void **state) {
    (void)state;
    int evaluated = 0;
    proven(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_false_check_reports_and_aborts),
        cmocka_unit_test(a_true_check_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
