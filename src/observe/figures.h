/* The full set of figures that the executor publishes once a second (observe/published.h), as the observer reads it. */
#ifndef TARN_OBSERVE_FIGURES_H
#define TARN_OBSERVE_FIGURES_H

#include "keyspace/account.h"

#include <stdint.h>

#define PUBLISHED_ROWS_MAX        256
#define PUBLISHED_COMMANDS_MAX    512
#define PUBLISHED_DATABASES_MAX   64
#define PUBLISHED_ACCOUNTS_MAX    96 /* of a type in a database, those with keys; the first so many */
#define PUBLISHED_ERRORS_MAX      64
#define PUBLISHED_PERCENTILES_MAX 8
#define PUBLISHED_TEXT_MAX        96

struct published_command {
    const char *name; /* lives as long as the process */
    uint64_t calls, rejected, failed, time_ns;
    double percentiles_us[PUBLISHED_PERCENTILES_MAX]; /* negative: not measured */
};

struct published_database {
    unsigned index;
    int64_t keys, expires, average_ttl_ms;
};

struct published_account {
    unsigned db;
    enum value_type type;
    struct account account;
};

struct published_error {
    char code[32];
    uint64_t count;
};

/* Texts that /metrics shows of the instance, by the name of their row. */
#define PUBLISHED_TEXTS 10
extern const char *const published_text_names[PUBLISHED_TEXTS];

struct published_figures {
    int64_t taken_us;                /* clock_mono_us; 0: nothing has been published yet */
    int64_t duration_ns;             /* what publishing took of the executor's time, the time before */
    unsigned row_count;              /* of published_row */
    double rows[PUBLISHED_ROWS_MAX]; /* NAN: the row is left out now */
    unsigned command_count, database_count, account_count, error_count, percentile_count;
    double percentiles[PUBLISHED_PERCENTILES_MAX];
    struct published_command commands[PUBLISHED_COMMANDS_MAX]; /* those that were called */
    struct published_database databases[PUBLISHED_DATABASES_MAX];
    struct published_account accounts[PUBLISHED_ACCOUNTS_MAX];
    struct published_error errors[PUBLISHED_ERRORS_MAX];
    char texts[PUBLISHED_TEXTS][PUBLISHED_TEXT_MAX];
};

#endif
