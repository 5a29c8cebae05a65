#include "observe/http_routes.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "keyspace/entry.h"
#include "keyspace/top.h"
#include "observe/figures.h"
#include "observe/openmetrics.h"
#include "observe/prefix_shelf.h"
#include "observe/prefixes.h"

#define TYPE_JSON "application/json; charset=utf-8"

/* The value of a parameter of the query; empty when it is not there. */
static struct slice parameter(struct slice query, const char *name) {
    size_t n = strlen(name);
    while (query.len > n) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t len = end ? (size_t)(end - query.ptr) : query.len;
        if (len > n && memcmp(query.ptr, name, n) == 0 && query.ptr[n] == '=') {
            return slice_of(query.ptr + n + 1, len - n - 1);
        }
        if (!end) break;
        query = slice_of(end + 1, query.len - len - 1);
    }
    return SLICE("");
}

/* What every answer says first: which phase, and how old the executor's figures are. */
static struct json begin(const struct http_sources *s, struct http_reply *reply) {
    struct json j = {.out = &reply->body};
    reply->type = TYPE_JSON;
    json_open(&j, NULL, '{');
    json_cstr(&j, "phase", published_phase(s->published));
    json_integer(&j, "figures_age_ms", published_age_ms(s->published));
    json_integer(&j, "time_ms", clock_wall_ms());
    return j;
}

static void print_loading(const struct published *p, struct json *j) {
    int64_t total = published_moment(p, MOMENT_LOAD_TOTAL), bytes = published_moment(p, MOMENT_LOAD_BYTES);
    bool loading = published_moment(p, MOMENT_LOADING) != 0;
    json_bool(j, "loading", loading);
    json_cstr(j, "load_phase", published_load_phase(p));
    json_number(j, "percent", loading ? (double)published_moment(p, MOMENT_LOAD_PERCENT) / 1000 : 100);
    json_integer(j, "eta_seconds", published_moment(p, MOMENT_LOAD_ETA_S));
    json_integer(j, "remaining_ms", published_moment(p, MOMENT_LOAD_LEFT_MS));
    json_integer(j, "total_bytes", total);
    json_integer(j, "loaded_bytes", bytes);
    json_integer(j, "loaded_keys", published_moment(p, MOMENT_LOAD_KEYS));
    json_integer(j, "expired_keys", published_moment(p, MOMENT_LOAD_EXPIRED));
    json_integer(j, "keys_per_second", published_moment(p, MOMENT_LOAD_RATE));
    json_integer(j, "start_time", published_moment(p, MOMENT_LOAD_START_S));
}

static void print_loaded_types(const struct published *p, struct json *j) {
    json_open(j, "loaded_keys_by_type", '{');
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        json_integer(j, entry_type_name((enum value_type)type),
                     published_moment(p, (enum published_moment)(MOMENT_LOAD_STRINGS + type)));
    }
    json_close(j, '}');
}

static void print_owners(struct json *j) {
    json_integer(j, "used_memory", mem_used());
    json_open(j, "memory_by_owner", '{');
    for (int i = 0; i < MEM_OWNER_COUNT; i++)
        json_integer(j, mem_owner_name((enum mem_owner)i), mem_owner_bytes((enum mem_owner)i));
    json_close(j, '}');
}

static void serve_loading(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    struct json j = begin(s, reply);
    (void)query;
    print_loading(s->published, &j);
    print_loaded_types(s->published, &j);
    print_owners(&j);
    json_close(&j, '}');
}

static void serve_live(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    struct json j = begin(s, reply);
    (void)query;
    json_bool(&j, "live", true);
    json_close(&j, '}');
}

static void serve_ready(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    bool ready = published_ready(s->published);
    struct json j = begin(s, reply);
    (void)query;
    json_bool(&j, "ready", ready);
    if (!ready) print_loading(s->published, &j);
    json_close(&j, '}');
    if (!ready) reply->status = 503;
}

static void serve_metrics(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    struct memory_tree tree;
    (void)query;
    memory_tree_take(&tree, s->published);
    reply->type = OPENMETRICS_TYPE;
    openmetrics_print(&reply->body, s->published, published_take(s->published), &tree);
}

static void serve_memory(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    struct memory_tree tree;
    struct json j = begin(s, reply);
    (void)query;
    memory_tree_take(&tree, s->published);
    json_integer(&j, "used", tree.used);
    json_integer(&j, "rss", tree.rss);
    json_integer(&j, "peak", mem_peak() > tree.used ? mem_peak() : tree.used);
    json_integer(&j, "peak_time", mem_peak_time_s());
    json_integer(&j, "limit", published_moment(s->published, MOMENT_LIMIT));
    json_integer(&j, "difference", tree.difference);
    json_integer(&j, "retained", tree.retained);
    json_integer(&j, "keys", published_moment(s->published, MOMENT_KEYS));
    memory_tree_json(&tree, &j, "tree");
    json_close(&j, '}');
}

void history_json(struct history *h, enum history_span span, int64_t since_s, struct buf *out) {
    struct json j = {.out = out};
    json_open(&j, NULL, '{');
    json_cstr(&j, "span", span == HISTORY_SECONDS ? "seconds" : "minutes");
    json_open(&j, "columns", '[');
    json_cstr(&j, NULL, "time");
    for (unsigned i = 0; i < HISTORY_SERIES; i++) json_cstr(&j, NULL, history_series_name(i));
    json_close(&j, ']');
    json_open(&j, "rows", '[');
    for (unsigned i = history_after(h, span, since_s); i < history_count(h, span); i++) {
        const struct history_sample *sample = history_at(h, span, i);
        json_open(&j, NULL, '[');
        json_integer(&j, NULL, sample->time_s);
        for (unsigned k = 0; k < HISTORY_SERIES; k++) json_integer(&j, NULL, (int64_t)sample->values[k]);
        json_close(&j, ']');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static void serve_history(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    int64_t since_s = 0;
    bool minutes = slice_is(parameter(query, "span"), "minutes");
    if (!num_parse_i64(parameter(query, "since"), &since_s)) since_s = 0;
    reply->type = TYPE_JSON;
    history_json(s->history, minutes ? HISTORY_MINUTES : HISTORY_SECONDS, since_s, &reply->body);
}

static void print_top_key(void *arg, const struct top_key *key) {
    struct json *j = arg;
    json_open(j, NULL, '{');
    json_text(j, "key", key->key);
    json_integer(j, "key_length", (int64_t)key->key_len);
    json_integer(j, "db", key->db);
    json_cstr(j, "type", entry_type_name(key->type));
    json_integer(j, "elements", (int64_t)key->elements);
    json_integer(j, "bytes", (int64_t)key->bytes);
    json_close(j, '}');
}

/* n=10: as many, at most TOP_SHOWN_MAX; else all that are known. Keys longer than TOP_BOARD_KEY are cut: key_length tells. */
static void serve_top(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    struct json j = begin(s, reply);
    int64_t n, age_us = -1;
    if (!num_parse_i64(parameter(query, "n"), &n) || n < 1 || n > TOP_SHOWN_MAX) n = TOP_SHOWN_MAX;
    json_open(&j, "keys", '[');
    size_t sure = s->top ? top_board_read(s->top, (size_t)n, &age_us, print_top_key, &j) : 0;
    json_close(&j, ']');
    json_bool(&j, "complete", sure >= (size_t)n);
    json_integer(&j, "age_ms", age_us < 0 ? -1 : age_us / 1000);
    json_close(&j, '}');
}

static void serve_prefixes(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    int64_t max = 1000;
    struct json j = begin(s, reply);
    if (!num_parse_i64(parameter(query, "count"), &max) || max < 0 || max > PREFIXES_MAX) max = 1000;
    prefix_shelf_want(s->prefixes);
    struct prefix_report *report = prefix_shelf_take(s->prefixes);
    prefix_report_json(report, clock_wall_ms(), (unsigned)max, &j);
    prefix_report_drop(report);
    json_close(&j, '}');
}

static void print_commands(const struct published_figures *f, struct json *j) {
    json_open(j, "commands", '[');
    for (unsigned i = 0; f && i < f->command_count; i++) {
        const struct published_command *c = &f->commands[i];
        json_open(j, NULL, '{');
        json_cstr(j, "name", c->name);
        json_integer(j, "calls", (int64_t)c->calls);
        json_integer(j, "failed", (int64_t)c->failed);
        json_integer(j, "rejected", (int64_t)c->rejected);
        json_integer(j, "time_us", (int64_t)(c->time_ns / 1000));
        json_open(j, "percentiles_us", '[');
        for (unsigned k = 0; k < f->percentile_count; k++) json_number(j, NULL, c->percentiles_us[k]);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void serve_operations(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    const struct published_figures *f = published_take(s->published);
    struct json j = begin(s, reply);
    (void)query;
    json_integer(&j, "operations_per_second", published_moment(s->published, MOMENT_OPS));
    json_integer(&j, "clients", published_moment(s->published, MOMENT_CLIENTS));
    json_integer(&j, "keys", published_moment(s->published, MOMENT_KEYS));
    json_open(&j, "percentiles", '[');
    for (unsigned i = 0; f && i < f->percentile_count; i++) json_number(&j, NULL, f->percentiles[i]);
    json_close(&j, ']');
    print_commands(f, &j);
    json_close(&j, '}');
}

static void serve_page(const struct http_sources *s, struct slice query, struct http_reply *reply) {
    (void)s;
    (void)query;
    reply->type = "text/html; charset=utf-8";
    buf_append(&reply->body, web_page, web_page_size);
}

static const struct route {
    const char *path;
    void (*serve)(const struct http_sources *s, struct slice query, struct http_reply *reply);
} routes[] = {
    {"/", serve_page},
    {"/metrics", serve_metrics},
    {"/livez", serve_live},
    {"/readyz", serve_ready},
    {"/api/memory", serve_memory},
    {"/api/history", serve_history},
    {"/api/loading", serve_loading},
    {"/api/top", serve_top},
    {"/api/prefixes", serve_prefixes},
    {"/api/operations", serve_operations},
};

void http_route(void *arg, struct slice path, struct slice query, struct http_reply *reply) {
    for (size_t i = 0; i < countof(routes); i++) {
        if (!slice_equal(path, slice_of_cstr(routes[i].path))) continue;
        routes[i].serve(arg, query, reply);
        return;
    }
    reply->status = 404;
    buf_append_slice(&reply->body, SLICE("Not Found\n"));
}
