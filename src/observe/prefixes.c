#include "observe/prefixes.h"

#include "base/check.h"
#include "mem/mem.h"

#include <stdio.h>

/* Counted since it has its place, all that may be missing being a twentieth of it. No key takes less than 16 bytes. */
static bool is_sure(const struct sketch_entry *e) {
    double bytes = (double)(e->weight - e->error), keys = (double)e->count;
    return (double)e->error <= PREFIXES_ERROR * bytes && (double)e->error / 16 <= PREFIXES_ERROR * keys;
}

static void add_row(struct prefix_report *r, const struct sketch_entry *e) {
    struct prefix_row *row = &r->rows[r->count++];
    *row = (struct prefix_row){slice_of(r->text + r->text_size, e->len), (int64_t)e->count,
                               (int64_t)(e->weight - e->error)};
    if (e->len) memcpy(r->text + r->text_size, e->text, e->len);
    r->text_size += e->len;
    r->others.keys -= row->keys;
    r->others.bytes -= row->bytes;
}

/* Moves those that are shown to the front; returns their number, and in *bytes the length of their names. */
static unsigned choose(const struct sketch_entry **sorted, unsigned len, size_t *bytes) {
    unsigned count = 0;
    *bytes = 0;
    for (unsigned i = 0; i < len && count < PREFIXES_MAX; i++) {
        if (!is_sure(sorted[i])) continue;
        *bytes += sorted[i]->len;
        sorted[count++] = sorted[i];
    }
    return count;
}

struct prefix_report *prefix_report_new(const struct survey_walk *w, int64_t taken_ms, int64_t duration_ms) {
    unsigned len = sketch_len(w->prefixes);
    size_t sorted_size = (len + 1) * sizeof(struct sketch_entry *), text_size;
    const struct sketch_entry **sorted = mem_alloc(MEM_OBSERVE, sorted_size);
    struct prefix_report *r = mem_alloc_zeroed(MEM_OBSERVE, sizeof *r);
    sketch_sorted(w->prefixes, sorted);
    unsigned count = choose(sorted, len, &text_size);
    r->holders = 1;
    r->taken_ms = taken_ms;
    r->duration_ms = duration_ms;
    r->depth = w->depth;
    snprintf(r->delimiter, sizeof r->delimiter, "%.*s", (int)w->delimiter.len, w->delimiter.ptr);
    r->all = r->others = w->counted;
    if (count) r->rows = mem_alloc(MEM_OBSERVE, count * sizeof *r->rows);
    if (text_size) r->text = mem_alloc(MEM_OBSERVE, text_size);
    for (unsigned i = 0; i < count; i++) add_row(r, sorted[i]);
    proven(r->count == count && r->text_size == text_size && r->others.keys >= 0 && r->others.bytes >= 0);
    mem_free(MEM_OBSERVE, sorted, sorted_size);
    return r;
}

void prefix_report_drop(struct prefix_report *r) {
    if (!r || atomic_fetch_sub(&r->holders, 1) > 1) return;
    mem_free(MEM_OBSERVE, r->rows, r->count * sizeof *r->rows);
    mem_free(MEM_OBSERVE, r->text, r->text_size);
    mem_free(MEM_OBSERVE, r, sizeof *r);
}

void prefix_report_reply(const struct prefix_report *r, int64_t now_ms, struct reply *reply) {
    reply_map(reply, 9);
    reply_field_integer(reply, "depth", r->depth);
    reply_bulk_cstr(reply, "delimiter");
    reply_bulk_cstr(reply, r->delimiter);
    reply_field_integer(reply, "age-ms", now_ms - r->taken_ms);
    reply_field_integer(reply, "duration-ms", r->duration_ms);
    reply_field_integer(reply, "keys", r->all.keys);
    reply_field_integer(reply, "bytes", r->all.bytes);
    reply_field_integer(reply, "other-keys", r->others.keys);
    reply_field_integer(reply, "other-bytes", r->others.bytes);
    reply_bulk_cstr(reply, "prefixes");
    reply_array(reply, r->count);
    for (unsigned i = 0; i < r->count; i++) {
        reply_array(reply, 3);
        reply_bulk(reply, r->rows[i].name);
        reply_integer(reply, r->rows[i].keys);
        reply_integer(reply, r->rows[i].bytes);
    }
}

void prefix_report_json(const struct prefix_report *r, int64_t now_ms, unsigned max, struct json *j) {
    static const struct prefix_report none = {.delimiter = ""};
    json_bool(j, "known", r != NULL);
    json_integer(j, "age_ms", r ? now_ms - r->taken_ms : 0);
    if (!r) r = &none;
    json_integer(j, "duration_ms", r->duration_ms);
    json_integer(j, "depth", r->depth);
    json_cstr(j, "delimiter", r->delimiter);
    json_integer(j, "keys", r->all.keys);
    json_integer(j, "bytes", r->all.bytes);
    json_integer(j, "other_keys", r->others.keys);
    json_integer(j, "other_bytes", r->others.bytes);
    json_integer(j, "count", r->count);
    json_open(j, "prefixes", '[');
    for (unsigned i = 0; i < r->count && i < max; i++) {
        json_open(j, NULL, '{');
        json_text(j, "prefix", r->rows[i].name);
        json_integer(j, "keys", r->rows[i].keys);
        json_integer(j, "bytes", r->rows[i].bytes);
        json_close(j, '}');
    }
    json_close(j, ']');
}
