#include "observe/published.h"

#include "base/check.h"
#include "base/clock.h"
#include "exec/executor.h"
#include "exec/pubsub.h"
#include "exec/tracking.h"
#include "keyspace/account.h"
#include "keyspace/db.h"
#include "mem/mem.h"
#include "observe/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS 3
#define FRESH   4u /* beside the number of the middle buffer: it has not been read */

_Static_assert(PUBLISHED_PERCENTILES_MAX == EXECUTOR_PERCENTILES_MAX, "as many as the executor keeps");

struct published {
    _Atomic int64_t moments[MOMENT_COUNT];
    _Atomic(const char *) phase, load_phase;
    atomic_bool ready;

    const struct metric *rows[PUBLISHED_ROWS_MAX]; /* numbers; set once */
    unsigned row_count;
    const struct metric *texts[PUBLISHED_TEXTS];
    const struct metric *moment_rows[MOMENT_COUNT]; /* of those that are rows of others */
    const struct metric *load_phase_row;

    _Atomic(struct published_figures *) buffers; /* BUFFERS of them; NULL before the first */
    atomic_uint middle;
    unsigned back, front; /* the executor's, the observer's */
    int64_t last_duration_ns;
};

const char *const published_text_names[PUBLISHED_TEXTS] = {
    "role",   "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy",
    "run_id", "master_replid", "tarn_version",   "process_id"};

/* Figures of the moment that other rooms declare: a load's. */
static const char *const moment_names[MOMENT_COUNT] = {
    [MOMENT_LOADING] = "loading",
    [MOMENT_LOAD_START_S] = "loading_start_time",
    [MOMENT_LOAD_TOTAL] = "loading_total_bytes",
    [MOMENT_LOAD_BYTES] = "loading_loaded_bytes",
    [MOMENT_LOAD_KEYS] = "loading_loaded_keys",
    [MOMENT_LOAD_EXPIRED] = "loading_expired_keys",
    [MOMENT_LOAD_RATE] = "loading_keys_per_sec",
    [MOMENT_LOAD_ETA_S] = "loading_eta_seconds",
    [MOMENT_LOAD_LEFT_MS] = "loading_remaining_ms",
    [MOMENT_LOAD_PERCENT] = "loading_loaded_perc",
    [MOMENT_LOAD_STRINGS] = "loading_loaded_strings",
    [MOMENT_LOAD_LISTS] = "loading_loaded_lists",
    [MOMENT_LOAD_SETS] = "loading_loaded_sets",
    [MOMENT_LOAD_ZSETS] = "loading_loaded_zsets",
    [MOMENT_LOAD_HASHES] = "loading_loaded_hashes",
    [MOMENT_LOAD_STREAMS] = "loading_loaded_streams",
};

/* Moments are integers. */
static double moment_scale(int which) { return which == MOMENT_LOAD_PERCENT ? 1000 : 1; }

/* Rows whose cost grows with the clients. */
static bool is_dear(const struct metric *row) { return strcmp(row->name, "clients_in_timeout_table") == 0; }

static void add_row(void *arg, const struct metric *row) {
    struct published *p = arg;
    for (unsigned i = 0; i < PUBLISHED_TEXTS; i++) {
        if (strcmp(row->name, published_text_names[i]) == 0) p->texts[i] = row;
    }
    for (unsigned i = 0; i < MOMENT_COUNT; i++) {
        if (moment_names[i] && strcmp(row->name, moment_names[i]) == 0) p->moment_rows[i] = row;
    }
    if (strcmp(row->name, "loading_phase") == 0) p->load_phase_row = row;
    /* What MEMORY shows is read where it is asked for, not published. */
    if (!row->read || strcmp(row->section, "memory") == 0 || is_dear(row)) return;
    if (p->row_count < PUBLISHED_ROWS_MAX) p->rows[p->row_count++] = row;
}

struct published *published_new(void (*visit_rows)(void *arg, void (*visit)(void *arg, const struct metric *row),
                                                   void *to),
                                void *arg) {
    struct published *p = mem_alloc_zeroed(MEM_OBSERVE, sizeof *p);
    p->phase = "boot";
    p->load_phase = "";
    p->back = 0;
    p->middle = 1;
    p->front = 2;
    visit_rows(arg, add_row, p);
    return p;
}

void published_free(struct published *p) {
    if (!p) return;
    mem_free(MEM_OBSERVE, p->buffers, BUFFERS * sizeof(struct published_figures));
    mem_free(MEM_OBSERVE, p, sizeof *p);
}

/* ---- the moment ---- */

static void set_moment(struct published *p, enum published_moment which, int64_t value) {
    atomic_store_explicit(&p->moments[which], value, memory_order_relaxed);
}

int64_t published_moment(const struct published *p, enum published_moment which) {
    return atomic_load_explicit(&p->moments[which], memory_order_relaxed);
}

void published_enter(struct published *p, const char *phase, bool ready) {
    atomic_store(&p->phase, phase);
    atomic_store(&p->ready, ready);
}

int64_t published_take_slowest(struct published *p) { return atomic_exchange(&p->moments[MOMENT_SLOWEST_US], 0); }

const char *published_phase(const struct published *p) { return atomic_load(&p->phase); }

const char *published_load_phase(const struct published *p) { return atomic_load(&p->load_phase); }

bool published_ready(const struct published *p) { return atomic_load(&p->ready); }

int64_t published_age_ms(const struct published *p) {
    int64_t age_us = clock_mono_us() - published_moment(p, MOMENT_BEAT_US);
    return age_us > 0 ? age_us / 1000 : 0;
}

static double row_number(const struct metric *row, const struct metric_scope *scope, struct metric_value *value) {
    value->kind = METRIC_NONE;
    row->read(scope, value);
    switch (value->kind) {
    case METRIC_INT:
        return (double)value->integer;
    case METRIC_RATIO:
    case METRIC_PERCENT:
    case METRIC_SECONDS:
        return value->real;
    case METRIC_TEXT: /* the states that published dashboards read as numbers */
        if (strcmp(value->text, "ok") == 0) return 1;
        return strcmp(value->text, "err") == 0 ? 0 : (double)NAN;
    case METRIC_NONE:
    case METRIC_HUMAN:
        return (double)NAN;
    }
    return (double)NAN;
}

static int64_t timed_keys(const struct dataset *ds) {
    size_t n = 0;
    for (unsigned i = 0; i < dataset_databases(ds); i++) n += db_expires(dataset_db_const(ds, i));
    return (int64_t)n;
}

/* The observer may take it at any moment between. */
static void raise_moment(struct published *p, enum published_moment which, int64_t value) {
    int64_t now = published_moment(p, which);
    while (value > now && !atomic_compare_exchange_weak(&p->moments[which], &now, value)) continue;
}

static int64_t count_topics(const struct pubsub *pubsub) {
    size_t n = 0;
    for (int kind = 0; kind < PUBSUB_KINDS; kind++) n += topics_count(&pubsub->topics[kind]);
    return (int64_t)n;
}

static void count_keys(struct published *p, const struct dataset *ds) {
    uint64_t keys[TYPE_COUNT] = {0};
    for (unsigned i = 0; i < dataset_databases(ds); i++) {
        const struct db *db = dataset_db_const(ds, i);
        for (unsigned type = 0; db_keys(db) && type < TYPE_COUNT; type++)
            keys[type] += db_account(db, (enum value_type)type)->keys;
    }
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        set_moment(p, (enum published_moment)(MOMENT_STRINGS + type), (int64_t)keys[type]);
}

void published_beat(struct published *p, const struct executor *x, uint64_t slowest_ns) {
    const struct metric_scope scope = {.executor = x, .dataset = x->dataset};
    struct metric_value value;
    for (int i = 0; i < MOMENT_COUNT; i++) {
        if (!p->moment_rows[i]) continue;
        double number = row_number(p->moment_rows[i], &scope, &value);
        set_moment(p, (enum published_moment)i, isnan(number) ? 0 : (int64_t)(number * moment_scale(i)));
    }
    value.kind = METRIC_NONE;
    if (p->load_phase_row) p->load_phase_row->read(&scope, &value);
    atomic_store(&p->load_phase, value.kind == METRIC_TEXT ? value.text : "");
    set_moment(p, MOMENT_KEYS, (int64_t)dataset_keys(x->dataset));
    set_moment(p, MOMENT_EXPIRES, timed_keys(x->dataset));
    count_keys(p, x->dataset);
    set_moment(p, MOMENT_TOPICS, count_topics(x->pubsub));
    set_moment(p, MOMENT_TRACKED, (int64_t)topics_count(&x->tracking->keys));
    set_moment(p, MOMENT_CLIENTS, (int64_t)x->session_count);
    set_moment(p, MOMENT_COMMANDS, (int64_t)x->stats.commands);
    set_moment(p, MOMENT_COMMAND_US, (int64_t)(x->stats.command_time_ns / 1000));
    raise_moment(p, MOMENT_SLOWEST_US, (int64_t)((slowest_ns + 999) / 1000));
    set_moment(p, MOMENT_OPS, (int64_t)x->stats.ops_per_s);
    set_moment(p, MOMENT_LIMIT, x->used_memory_limit);
    set_moment(p, MOMENT_BEAT_US, clock_mono_us());
}

/* ---- the full set ---- */

static void fill_rows(struct published *p, const struct metric_scope *scope, struct published_figures *f) {
    struct metric_value value;
    f->row_count = p->row_count;
    for (unsigned i = 0; i < p->row_count; i++) f->rows[i] = row_number(p->rows[i], scope, &value);
    for (unsigned i = 0; i < PUBLISHED_TEXTS; i++) {
        value.kind = METRIC_NONE;
        if (p->texts[i]) p->texts[i]->read(scope, &value);
        f->texts[i][0] = '\0';
        if (value.kind == METRIC_TEXT) snprintf(f->texts[i], PUBLISHED_TEXT_MAX, "%s", value.text);
        if (value.kind == METRIC_INT) snprintf(f->texts[i], PUBLISHED_TEXT_MAX, "%lld", (long long)value.integer);
    }
}

static void fill_command(const struct executor *x, const struct command *c, struct published_figures *f) {
    if (c->calls + c->rejected + c->failed == 0 || f->command_count == PUBLISHED_COMMANDS_MAX) return;
    struct published_command *to = &f->commands[f->command_count++];
    bool measured = x->latency_tracking && c->latency && c->latency->count;
    *to = (struct published_command){.name = c->full_name,
                                     .calls = c->calls,
                                     .rejected = c->rejected,
                                     .failed = c->failed,
                                     .time_ns = clock_ticks_to_ns(c->ticks)};
    for (unsigned i = 0; i < x->percentile_count; i++) {
        to->percentiles_us[i] = measured ? (double)histogram_percentile(c->latency, x->percentiles[i]) / 1000 : -1;
    }
}

static void fill_commands(const struct executor *x, struct published_figures *f) {
    f->command_count = 0;
    f->percentile_count = x->percentile_count;
    memcpy(f->percentiles, x->percentiles, sizeof f->percentiles);
    for (unsigned i = 0; i < command_count(x->commands); i++) {
        const struct command *c = command_at(x->commands, i);
        fill_command(x, c, f);
        for (unsigned k = 0; k < c->subcommand_count; k++) fill_command(x, &c->subcommands[k], f);
    }
}

static void fill_databases(const struct dataset *ds, struct published_figures *f) {
    f->database_count = 0;
    for (unsigned i = 0; i < dataset_databases(ds) && f->database_count < PUBLISHED_DATABASES_MAX; i++) {
        const struct db *db = dataset_db_const(ds, i);
        if (db_keys(db) == 0) continue;
        f->databases[f->database_count++] = (struct published_database){
            i, (int64_t)db_keys(db), (int64_t)db_expires(db), (int64_t)db_average_ttl_ms(db)};
    }
}

static void fill_accounts(const struct dataset *ds, struct published_figures *f) {
    f->account_count = 0;
    for (unsigned i = 0; i < dataset_databases(ds); i++) {
        const struct db *db = dataset_db_const(ds, i);
        for (unsigned type = 0; db_keys(db) && type < TYPE_COUNT; type++) {
            const struct account *a = db_account(db, (enum value_type)type);
            if (a->keys == 0 || f->account_count == PUBLISHED_ACCOUNTS_MAX) continue;
            f->accounts[f->account_count++] = (struct published_account){i, (enum value_type)type, *a};
        }
    }
}

static void fill_errors(const struct executor *x, struct published_figures *f) {
    f->error_count = x->error_code_count < PUBLISHED_ERRORS_MAX ? x->error_code_count : PUBLISHED_ERRORS_MAX;
    for (unsigned i = 0; i < f->error_count; i++) {
        memcpy(f->errors[i].code, x->error_counts[i].code, sizeof f->errors[i].code);
        f->errors[i].count = x->error_counts[i].count;
    }
}

void published_fill(struct published *p, const struct executor *x) {
    int64_t begun_ns = clock_mono_ns();
    const struct metric_scope scope = {.executor = x, .dataset = x->dataset};
    struct published_figures *buffers = atomic_load_explicit(&p->buffers, memory_order_relaxed);
    if (!buffers) {
        buffers = mem_alloc_zeroed(MEM_OBSERVE, BUFFERS * sizeof *buffers);
        atomic_store_explicit(&p->buffers, buffers, memory_order_release);
    }
    struct published_figures *f = &buffers[p->back];
    fill_rows(p, &scope, f);
    fill_commands(x, f);
    fill_databases(x->dataset, f);
    fill_accounts(x->dataset, f);
    fill_errors(x, f);
    f->taken_us = clock_mono_us();
    f->duration_ns = p->last_duration_ns;
    p->back = atomic_exchange_explicit(&p->middle, p->back | FRESH, memory_order_acq_rel) & ~FRESH;
    proven(p->back < BUFFERS);
    p->last_duration_ns = clock_mono_ns() - begun_ns;
}

const struct published_figures *published_take(struct published *p) {
    const struct published_figures *buffers = atomic_load_explicit(&p->buffers, memory_order_acquire);
    if (!buffers) return NULL;
    if (atomic_load_explicit(&p->middle, memory_order_relaxed) & FRESH) {
        p->front = atomic_exchange_explicit(&p->middle, p->front, memory_order_acq_rel) & ~FRESH;
    }
    proven(p->front < BUFFERS);
    return buffers[p->front].taken_us ? &buffers[p->front] : NULL;
}

const struct metric *published_row(const struct published *p, unsigned i) {
    proven(i < p->row_count);
    return p->rows[i];
}
