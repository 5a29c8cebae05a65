#include "observe/info.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/executor.h"
#include "observe/observe_int.h"

#include <stdio.h>

enum section_rank {
    RANK_DEFAULT, /* INFO without arguments */
    RANK_ALL,     /* INFO all */
    RANK_NAMED,   /* only by its name */
};

/* In the order in which they are printed. */
static const struct section {
    const char *name, *title;
    enum section_rank rank;
} sections[INFO_SECTIONS_COUNT] = {
    {"server", "Server", RANK_DEFAULT},
    {"clients", "Clients", RANK_DEFAULT},
    {"memory", "Memory", RANK_DEFAULT},
    {"persistence", "Persistence", RANK_DEFAULT},
    {"stats", "Stats", RANK_DEFAULT},
    {"replication", "Replication", RANK_DEFAULT},
    {"cpu", "CPU", RANK_DEFAULT},
    {"modules", "Modules", RANK_DEFAULT},
    {"commandstats", "Commandstats", RANK_ALL},
    {"errorstats", "Errorstats", RANK_DEFAULT},
    {"latencystats", "Latencystats", RANK_ALL},
    {"cluster", "Cluster", RANK_DEFAULT},
    {"keyspace", "Keyspace", RANK_DEFAULT},
    {"debug", "Debug", RANK_NAMED},
    {"keysizes", "Keysizes", RANK_NAMED},
    {"hotkeys", "Hotkeys", RANK_ALL},
};

static info_sections up_to(enum section_rank rank) {
    info_sections set = 0;
    for (unsigned i = 0; i < INFO_SECTIONS_COUNT; i++) {
        if (sections[i].rank <= rank) set |= 1u << i;
    }
    return set;
}

info_sections info_default(void) { return up_to(RANK_DEFAULT); }

static unsigned section_find(struct slice name) {
    unsigned i = 0;
    while (i < INFO_SECTIONS_COUNT && !slice_equal_nocase(name, slice_of_cstr(sections[i].name))) i++;
    return i;
}

info_sections info_named(struct slice name) {
    if (slice_is(name, "default")) return info_default();
    if (slice_is(name, "all") || slice_is(name, "everything")) return up_to(RANK_ALL);
    unsigned i = section_find(name);
    return i < INFO_SECTIONS_COUNT ? 1u << i : 0;
}

/* ---- the rows ---- */

void info_register(const struct metric *row) {
    unsigned i = section_find(slice_of_cstr(row->section));
    proven(i < INFO_SECTIONS_COUNT);
    struct info_section_rows *s = &observe.sections[i];
    s->rows = mem_realloc(MEM_OBSERVE, s->rows, s->count * sizeof *s->rows, (s->count + 1) * sizeof *s->rows);
    s->rows[s->count++] = row;
}

void info_release(void) {
    for (unsigned i = 0; i < INFO_SECTIONS_COUNT; i++) {
        struct info_section_rows *s = &observe.sections[i];
        mem_free(MEM_OBSERVE, s->rows, s->count * sizeof *s->rows);
        *s = (struct info_section_rows){0};
    }
}

/* ---- printing ---- */

static void append_text(struct buf *out, const char *text) { buf_append(out, text, strlen(text)); }

static void append_line(struct buf *out, const char *name, const char *value) {
    append_text(out, name);
    buf_append(out, ":", 1);
    append_text(out, value);
    buf_append(out, "\r\n", 2);
}

static void append_line_to(void *arg, const char *name, const char *value) { append_line(arg, name, value); }

void info_format(const struct metric_value *value, struct buf *out) {
    switch (value->kind) {
    case METRIC_NONE:
        return;
    case METRIC_INT:
        buf_advance(out, num_format_i64(buf_reserve(out, NUM_TEXT_MAX), value->integer));
        return;
    case METRIC_HUMAN:
        buf_advance(
            out, num_format_human(buf_reserve(out, NUM_TEXT_MAX), value->integer > 0 ? (uint64_t)value->integer : 0));
        return;
    case METRIC_RATIO:
        buf_printf(out, "%.2f", value->real);
        return;
    case METRIC_PERCENT:
        buf_printf(out, "%.2f%%", value->real);
        return;
    case METRIC_SECONDS:
        buf_printf(out, "%.6f", value->real);
        return;
    case METRIC_TEXT:
        append_text(out, value->text);
        return;
    }
}

static void print_row(const struct metric *row, const struct metric_scope *scope, struct buf *out) {
    struct metric_value value;
    if (row->lines) {
        row->lines(scope, append_line_to, out);
        return;
    }
    value.kind = METRIC_NONE;
    row->read(scope, &value);
    if (value.kind == METRIC_NONE) return;
    append_text(out, row->name);
    buf_append(out, ":", 1);
    info_format(&value, out);
    buf_append(out, "\r\n", 2);
}

void info_print(info_sections set, struct buf *out) {
    const struct metric_scope scope = {.executor = observe.executor, .dataset = observe.executor->dataset};
    if (set & info_named(SLICE("memory"))) memory_facts_take(&observe.memory, observe.executor, false);
    for (unsigned i = 0; i < INFO_SECTIONS_COUNT; i++) {
        if (!(set & 1u << i)) continue;
        if (out->len) buf_append(out, "\r\n", 2);
        buf_printf(out, "# %s\r\n", sections[i].title);
        const struct info_section_rows *rows = &observe.sections[i];
        for (unsigned k = 0; k < rows->count; k++) print_row(rows->rows[k], &scope, out);
    }
}
