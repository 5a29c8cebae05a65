#include "base/check.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static struct { void (*report)(const char *file, int line, const char *what); } check;

void check_on_failure(void (*report)(const char *file, int line, const char *what)) { check.report = report; }

_Noreturn void check_failed(const char *file, int line, const char *what) {
    /* A report that fails a check itself must not come back here. */
    void (*report)(const char *, int, const char *) = check.report;
    check.report = NULL;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    log_warning("check failed at %s:%d: %s", file, line, what);
    if (report) report(file, line, what);
    abort();
}
