#include "top_frame.h"

#include "base/num.h"
#include "facts.h"
#include "format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OWNERS_COLUMNS 41 /* of the left half */
#define BAR_COLUMNS    12
#define LOAD_BAR       30
#define NEAR           0.85 /* of maxmemory: a warning */
#define FULL           0.97

/* ---- lines ---- */
static void __attribute__((format(printf, 3, 4)))
line(struct frame *f, enum frame_style style, const char *format, ...) {
    va_list args;
    if (f->count == FRAME_LINES_MAX || f->count >= f->lines) return;
    va_start(args, format);
    vsnprintf(f->text[f->count], (size_t)f->columns + 1, format, args);
    va_end(args);
    f->style[f->count++] = style;
}

struct human {
    char text[NUM_TEXT_MAX];
};

static struct human human(int64_t bytes) {
    struct human h;
    h.text[num_format_human(h.text, bytes > 0 ? (uint64_t)bytes : 0)] = '\0';
    return h;
}

/* ---- head ---- */
static void draw_title(struct frame *f, const struct picture *p, const struct view *v) {
    struct slice name = facts_text(p->info, "tarn_version"), phase = facts_text(p->info, "tarn_phase");
    const char *what = name.len ? "tarn" : "redis";
    if (name.len == 0) name = facts_text(p->info, "redis_version");
    if (phase.len == 0) phase = facts_number(p->info, "loading") ? SLICE("loading") : SLICE("serving");
    int64_t up = facts_number(p->info, "uptime_in_seconds");
    line(f, FRAME_HEADING, "%s %.*s at %s   up %lldd %02lld:%02lld:%02lld   %.*s%s", what, (int)name.len, name.ptr,
         p->where, (long long)(up / 86400), (long long)(up / 3600 % 24), (long long)(up / 60 % 60),
         (long long)(up % 60), (int)phase.len, phase.ptr, v->paused ? "   PAUSED" : "");
}

static void draw_traffic(struct frame *f, const struct picture *p) {
    double hits = facts_double(p->info, "keyspace_hits"), misses = facts_double(p->info, "keyspace_misses");
    char ratio[16] = "-";
    if (hits + misses > 0) snprintf(ratio, sizeof ratio, "%.1f%%", 100 * hits / (hits + misses));
    line(f, FRAME_PLAIN, "Ops %.0f/s  in %s/s  out %s/s  hits %s  keys %lld  expired %lld  evicted %lld", p->ops,
         human((int64_t)p->input_rate).text, human((int64_t)p->output_rate).text, ratio, (long long)facts_keys(p->info),
         (long long)facts_number(p->info, "expired_keys"), (long long)facts_number(p->info, "evicted_keys"));
    line(f, FRAME_PLAIN, "Clients %lld  blocked %lld  pub/sub %lld  rejected %lld",
         (long long)facts_number(p->info, "connected_clients"), (long long)facts_number(p->info, "blocked_clients"),
         (long long)facts_number(p->info, "pubsub_clients"), (long long)facts_number(p->info, "rejected_connections"));
}

static void draw_memory(struct frame *f, const struct picture *p) {
    int64_t used = facts_number(p->info, "used_memory"), most = facts_number(p->info, "maxmemory");
    int64_t counted = used - facts_number(p->info, "mem_not_counted_for_evict");
    double share = most > 0 ? (double)counted / (double)most : 0;
    char limit[96] = "no maxmemory", drawn[BAR_COLUMNS + 3];
    format_bar(drawn, BAR_COLUMNS, share);
    if (most > 0)
        snprintf(limit, sizeof limit, "max %s %s %.0f%%%s", human(most).text, drawn, 100 * share,
                 share >= FULL   ? " FULL"
                 : share >= NEAR ? " NEAR"
                                 : "");
    line(f,
         share >= FULL   ? FRAME_BAD
         : share >= NEAR ? FRAME_WARNING
                         : FRAME_PLAIN,
         "Memory %s  rss %s  peak %s  %s", human(used).text, human(facts_number(p->info, "used_memory_rss")).text,
         human(facts_number(p->info, "used_memory_peak")).text, limit);
}

static void draw_jobs(struct frame *f, const struct picture *p) {
    char drawn[LOAD_BAR + 3];
    if (facts_number(p->info, "loading")) {
        double percent = facts_double(p->info, "loading_loaded_perc");
        format_bar(drawn, LOAD_BAR, percent / 100);
        line(f, FRAME_WARNING, "Loading %s %.1f%%  %s of %s  %lld s left", drawn, percent,
             human(facts_number(p->info, "loading_loaded_bytes")).text,
             human(facts_number(p->info, "loading_total_bytes")).text,
             (long long)facts_number(p->info, "loading_eta_seconds"));
    }
    bool saving = facts_number(p->info, "rdb_bgsave_in_progress"),
         rewriting = facts_number(p->info, "aof_rewrite_in_progress");
    bool failed = slice_is(facts_text(p->info, "rdb_last_bgsave_status"), "err") ||
                  slice_is(facts_text(p->info, "aof_last_write_status"), "err");
    if (saving || rewriting || failed)
        line(f, failed ? FRAME_BAD : FRAME_PLAIN, "%s%s%s", saving ? "Saving an RDB file.  " : "",
             rewriting ? "Rewriting the append-only file.  " : "", failed ? "THE LAST SAVE OR WRITE FAILED" : "");
}

/* ---- memory by owner ---- */
/* Of servers without MEMORY TREE. */
static const char *const plain_owners[][2] = {
    {"used_memory_dataset", "dataset"}, {"used_memory_startup", "startup"},     {"mem_clients_normal", "clients"},
    {"mem_clients_slaves", "replicas"}, {"mem_replication_backlog", "backlog"}, {"mem_aof_buffer", "aof"},
    {"used_memory_scripts", "scripts"}, {"used_memory_functions", "functions"}, {"allocator_frag_bytes", "fragmented"},
};

static int by_size(const void *a, const void *b) {
    const struct memory_node *x = a, *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct memory_node *)a)->name, ((const struct memory_node *)b)->name);
}

/* The leaves of the tree that hold something, sorted. */
static int owners_of(const struct picture *p, const struct view *v, struct memory_node *list) {
    const struct memory_tree *t = &p->tree;
    int count = 0;
    for (int i = 0; i < t->count; i++) {
        bool leaf = i + 1 == t->count || t->nodes[i + 1].depth <= t->nodes[i].depth;
        if (leaf && t->nodes[i].bytes > 0) list[count++] = t->nodes[i];
    }
    for (size_t i = 0; t->count == 0 && i < countof(plain_owners); i++) {
        struct memory_node node = {.bytes = facts_number(p->info, plain_owners[i][0])};
        snprintf(node.name, sizeof node.name, "%s", plain_owners[i][1]);
        if (node.bytes > 0) list[count++] = node;
    }
    qsort(list, (size_t)count, sizeof *list, v->by_name ? by_name : by_size);
    return count;
}

static void owner_text(char *dst, size_t cap, const struct memory_node *node, int64_t whole) {
    char drawn[BAR_COLUMNS + 3];
    double share = whole > 0 ? (double)node->bytes / (double)whole : 0;
    format_bar(drawn, BAR_COLUMNS, share);
    snprintf(dst, cap, "%-11.11s %s %8s %4.1f%%", node->name, drawn, human(node->bytes).text, 100 * share);
}

/* ---- the biggest keys ---- */
static void key_text(char *dst, size_t cap, const struct memory_key *key, int columns) {
    int room = columns - 18;
    snprintf(dst, cap, "%9s %-7.7s %.*s", human(key->bytes).text, key->type, room > 0 ? room : 0, key->name);
}

/* Owners at the left, keys at the right, as many as lines are free. */
static void draw_halves(struct frame *f, const struct picture *p, const struct view *v) {
    struct memory_node owners[MEMORY_NODES_MAX + countof(plain_owners)];
    int owner_count = owners_of(p, v, owners), most = f->lines - f->count - 2;
    int64_t whole = facts_number(p->info, p->tree.count ? "used_memory_rss" : "used_memory");
    int key_columns = f->columns - OWNERS_COLUMNS - 1;
    if (p->tree.count > 0) whole = p->tree.nodes[0].bytes;
    line(f, FRAME_HEADING, "%-*s %s", OWNERS_COLUMNS,
         p->tree.count ? "MEMORY BY OWNER (of rss)" : "MEMORY BY INFO (of used)", "BIGGEST KEYS");
    for (int i = 0; i < most && (i < owner_count || i < p->keys.count || i == 0); i++) {
        char left[OWNERS_COLUMNS + 24] = "", right[FRAME_COLUMNS_MAX] = "";
        if (i < owner_count) owner_text(left, sizeof left, &owners[i], whole);
        if (i < p->keys.count) key_text(right, sizeof right, &p->keys.keys[i], key_columns);
        if (i == 0 && p->keys.count == 0)
            snprintf(right, sizeof right, "%s", p->keys_told ? "(none)" : "(not told by this server)");
        line(f, FRAME_PLAIN, "%-*.*s %s", OWNERS_COLUMNS, OWNERS_COLUMNS, left, right);
    }
}

static void draw_help(struct frame *f, const struct view *v) {
    line(f, FRAME_HEADING, "KEYS");
    line(f, FRAME_PLAIN, "q  quit          s  owners by size or by name   p  pause");
    line(f, FRAME_PLAIN, "+  slower        -  faster (now every %.1f s)    h  this help", v->interval_s);
    line(f, FRAME_PLAIN, "Owners are the leaves of MEMORY TREE, keys those of MEMORY TOP; shares are of the");
    line(f, FRAME_PLAIN, "resident memory (rss). NEAR and FULL: above 85%% and 97%% of maxmemory.");
}

void frame_draw(struct frame *f, const struct picture *p, const struct view *v) {
    if (f->columns > FRAME_COLUMNS_MAX) f->columns = FRAME_COLUMNS_MAX;
    f->count = 0;
    if (p->info.len == 0) {
        line(f, FRAME_BAD, "Not connected to %s; trying again.  q quits", p->where);
        line(f, FRAME_PLAIN, "%s", p->why);
        return;
    }
    draw_title(f, p, v);
    draw_traffic(f, p);
    draw_memory(f, p);
    draw_jobs(f, p);
    line(f, FRAME_PLAIN, " ");
    if (v->help)
        draw_help(f, v);
    else
        draw_halves(f, p, v);
    while (f->count < f->lines - 1) line(f, FRAME_PLAIN, " ");
    line(f, FRAME_DIM, "q quit  s sort by %s  p pause  h help", v->by_name ? "size" : "name");
}
