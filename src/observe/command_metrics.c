/* INFO commandstats, errorstats and latencystats, from the executor's commands and error counts. */
#include "base/check.h"
#include "base/clock.h"
#include "observe/observe_int.h"

#include <stdio.h>
#include <stdlib.h>

struct line_sink {
    metric_emit *emit;
    void *arg;
};

typedef void visit_command(const struct command *command, const struct line_sink *to);

static void each_command(const struct executor *x, visit_command *visit, metric_emit *emit, void *arg) {
    const struct line_sink to = {emit, arg};
    for (unsigned i = 0; i < command_count(x->commands); i++) {
        const struct command *c = command_at(x->commands, i);
        visit(c, &to);
        for (unsigned k = 0; k < c->subcommand_count; k++) visit(&c->subcommands[k], &to);
    }
}

static void emit_named(const struct line_sink *to, const char *prefix, const char *name, const char *text) {
    char field[128];
    snprintf(field, sizeof field, "%s%s", prefix, name);
    to->emit(to->arg, field, text);
}

static void emit_calls(const struct command *c, const struct line_sink *to) {
    char text[160];
    if (c->calls == 0 && c->rejected == 0 && c->failed == 0) return;
    uint64_t us = clock_ticks_to_ns(c->ticks) / 1000;
    snprintf(text, sizeof text, "calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
             (unsigned long long)c->calls, (unsigned long long)us, c->calls ? (double)us / (double)c->calls : 0,
             (unsigned long long)c->rejected, (unsigned long long)c->failed);
    emit_named(to, "cmdstat_", c->full_name, text);
}

static void emit_percentiles(const struct command *c, const struct line_sink *to) {
    char text[PERCENTILES_MAX * 48];
    size_t len = 0;
    if (c->latency == NULL) return;
    text[0] = '\0';
    for (unsigned i = 0; i < observe.percentile_count; i++) {
        char name[32];
        percentile_format(name, sizeof name, observe.percentiles[i]);
        uint64_t ns = histogram_percentile(c->latency, observe.percentiles[i]);
        len += (size_t)snprintf(text + len, sizeof text - len, "%sp%s=%.3f", i ? "," : "", name, (double)ns / 1000);
    }
    emit_named(to, "latency_percentiles_usec_", c->full_name, text);
}

static void command_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    each_command(scope->executor, emit_calls, emit, arg);
}

static void latency_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    if (scope->executor->latency_tracking) each_command(scope->executor, emit_percentiles, emit, arg);
}

static int by_code(const void *a, const void *b) {
    return strcmp((*(const struct error_count *const *)a)->code, (*(const struct error_count *const *)b)->code);
}

static void error_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    const struct executor *x = scope->executor;
    const struct line_sink to = {emit, arg};
    const struct error_count *sorted[EXECUTOR_ERROR_CODES_MAX];
    for (unsigned i = 0; i < x->error_code_count; i++) sorted[i] = &x->error_counts[i];
    qsort(sorted, x->error_code_count, sizeof *sorted, by_code);
    for (unsigned i = 0; i < x->error_code_count; i++) {
        char text[32];
        snprintf(text, sizeof text, "count=%llu", (unsigned long long)sorted[i]->count);
        emit_named(&to, "errorstat_", sorted[i]->code, text);
    }
}

static const struct metric rows[] = {
    {.section = "commandstats",
     .name = "cmdstat_*",
     .class = METRIC_COUNTER,
     .help = "Calls of a command, their time, and how many were refused or failed",
     .lines = command_lines},
    {.section = "errorstats",
     .name = "errorstat_*",
     .class = METRIC_COUNTER,
     .help = "Error replies by their code",
     .lines = error_lines},
    {.section = "latencystats",
     .name = "latency_percentiles_usec_*",
     .class = METRIC_GAUGE,
     .help = "Percentiles of a command's duration, microseconds",
     .lines = latency_lines},
};
const struct metric_list command_metrics = {rows, countof(rows)};
