/* MEMORY DOCTOR: what is wrong with the memory of an instance, each finding with its evidence in figures and its remedy. Pure: all
 * it knows is in the facts. */
#ifndef TARN_OBSERVE_DOCTOR_H
#define TARN_OBSERVE_DOCTOR_H

#include "observe/memory_facts.h"

struct executor;
struct history;

#define DOCTOR_KEY_MAX    64
#define DOCTOR_SPANS      4
#define DOCTOR_SPAN_MIN_S 8 /* less of a past says nothing */

struct doctor_facts {
    struct memory_facts memory;
    int64_t now_s;
    struct { /* the client with most replies that it has not taken; id 0: none */
        uint64_t id;
        char address[64];
        int64_t output_bytes, idle_s;
    } client;
    struct {                       /* the biggest key; bytes 0: not known */
        char name[DOCTOR_KEY_MAX]; /* as it can be shown */
        const char *type;
        unsigned db;
        int64_t bytes, elements; /* 0 elements: not made of any, a string */
    } key;
    struct
    { /* keys without a time to live at the ends of DOCTOR_SPANS equal spans of time; span_s 0: too little is known */
        int64_t keys[DOCTOR_SPANS + 1];
        int64_t span_s; /* of all */
    } lasting;
    struct { /* of the control group; limit 0: none */
        int64_t limit, used;
    } container;
};

/* Begins as Redis's report does, for an empty and for a healthy instance. */
void doctor_report(const struct doctor_facts *f, struct buf *out);

/* Executor thread. O(clients), some ns each. h may be NULL. */
void doctor_facts_take(struct doctor_facts *f, const struct executor *x, struct history *h);
/* Bytes of a key as they can be shown to people: what is not printable ASCII as \xNN, cut with "...". */
void doctor_show_key(char dst[DOCTOR_KEY_MAX], struct slice key);

#endif
