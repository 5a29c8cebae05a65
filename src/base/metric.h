/* Metrics: the row that declares one number or text that the server shows. INFO, /metrics and MEMORY STATS are printed
 * from these rows; the room that owns the fact owns the row. Read on the executor thread. */
#ifndef TARN_BASE_METRIC_H
#define TARN_BASE_METRIC_H

#include <stdint.h>

struct executor;
struct dataset;

/* What a getter may look at; a room uses only what it may include. dataset is the one being served (empty while
 * loading). */
struct metric_scope {
    const struct executor *executor;
    const struct dataset *dataset;
};

enum metric_kind {
    METRIC_NONE,    /* this line is left out now (a field that exists only in some phase) */
    METRIC_INT,     /* %lld */
    METRIC_RATIO,   /* %.2f */
    METRIC_PERCENT, /* %.2f%% */
    METRIC_SECONDS, /* %.6f */
    METRIC_HUMAN,   /* bytes as 1.50M, from .integer */
    METRIC_TEXT,
};

#define METRIC_TEXT_MAX 512

struct metric_value {
    enum metric_kind kind;
    int64_t integer;
    double real;
    const char *text; /* static, or points to scratch */
    char scratch[METRIC_TEXT_MAX];
};

enum metric_class { METRIC_GAUGE, METRIC_COUNTER, METRIC_STATE };

/* Receives one line of a family. */
typedef void metric_emit(void *arg, const char *name, const char *text);

struct metric {
    const char *section; /* lower case: "server", "clients", "memory", ... */
    const char *name;    /* the INFO field */
    enum metric_class class;
    const char *help;
    void (*read)(const struct metric_scope *scope, struct metric_value *out);
    /* A family of lines made at run time (dbN, cmdstat_x); then read is NULL. */
    void (*lines)(const struct metric_scope *scope, metric_emit *emit, void *arg);
};

struct metric_list {
    const struct metric *rows;
    unsigned count;
};

static inline void metric_int(struct metric_value *out, int64_t v) {
    out->kind = METRIC_INT;
    out->integer = v;
}

static inline void metric_text(struct metric_value *out, const char *text) {
    out->kind = METRIC_TEXT;
    out->text = text;
}

static inline void metric_real(struct metric_value *out, enum metric_kind kind, double v) {
    out->kind = kind;
    out->real = v;
}

#endif
