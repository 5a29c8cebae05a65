/* The result of MEMORY PREFIXES. A report is not changed once it is made; who holds it drops it, and the last one frees it. Owner
 * MEM_OBSERVE. */
#ifndef TARN_OBSERVE_PREFIXES_H
#define TARN_OBSERVE_PREFIXES_H

#include "observe/json.h"
#include "observe/survey.h"
#include "wire/reply.h"

#define PREFIXES_MAX 10000
/* More than are shown, so that the rare ones push each other out and not those that are shown. At most 7 MB while a walk runs. */
#define PREFIXES_PLACES 16384
/* A prefix whose figures may be off by more than this is not shown; its keys are among the others. */
#define PREFIXES_ERROR 0.05

struct prefix_row {
    struct slice name;
    int64_t keys, bytes;
};

struct prefix_report {
    atomic_uint holders;
    int64_t taken_ms, duration_ms; /* wall; what the walk took */
    unsigned depth;
    char delimiter[SURVEY_DELIMITER_MAX + 1];
    struct survey_share all;    /* every key */
    struct survey_share others; /* those of prefixes that are not shown */
    unsigned count;
    struct prefix_row *rows; /* the heaviest first */
    char *text;              /* of the names */
    size_t text_size;
};

/* Of a walk that is done. Held once. */
struct prefix_report *prefix_report_new(const struct survey_walk *w, int64_t taken_ms, int64_t duration_ms);
void prefix_report_drop(struct prefix_report *r); /* may be NULL; any thread */
void prefix_report_reply(const struct prefix_report *r, int64_t now_ms, struct reply *reply);
/* Into the object that is open, at most max rows. NULL: none has been made yet. */
void prefix_report_json(const struct prefix_report *r, int64_t now_ms, unsigned max, struct json *j);

#endif
