/* MEMORY. What speaks of the dataset is refused while it loads; what speaks of the allocator is not. */
#include "base/check.h"
#include "exec/context.h"
#include "observe/memory_purge.h"
#include "observe/observe_int.h"

#include <stdio.h>

/* ---- MEMORY USAGE ---- */

static void run_usage(struct context *c) {
    /* SAMPLES is accepted and checked; sizes are known, not sampled. */
    for (int i = 3; i < c->argc; i += 2) {
        int64_t samples;
        if (!slice_is(c->argv[i], "samples") || i + 1 == c->argc) {
            context_syntax_error(c);
            return;
        }
        if (!context_integer(c, i + 1, &samples)) return;
        if (samples < 0) {
            context_syntax_error(c);
            return;
        }
    }
    size_t bytes = db_memory_usage(c->db, context_key(c, 2));
    if (bytes)
        reply_integer(c->reply, (int64_t)bytes);
    else
        reply_null(c->reply);
}

/* ---- MEMORY STATS ---- */

#define FACT(name, expression) \
    static int64_t name(const struct memory_facts *f) { return (int64_t)(expression); }
#define REAL(name, expression) \
    static double name(const struct memory_facts *f) { return (expression); }

FACT(peak, f->peak)
FACT(used, f->used)
FACT(startup, f->startup)
FACT(replication, f->owners[MEM_REPLICATION])
FACT(clients, f->clients)
FACT(aof, f->owners[MEM_AOF])
FACT(scripts, f->owners[MEM_SCRIPTS])
FACT(table, f->owners[MEM_TABLE])
FACT(overhead, f->overhead)
FACT(keys, f->keys)
FACT(bytes_per_key, f->bytes_per_key)
FACT(dataset, f->dataset)
FACT(heap_allocated, f->heap.allocated)
FACT(heap_active, f->heap.active)
FACT(heap_resident, f->heap.resident)
FACT(heap_muzzy, f->heap.muzzy)
FACT(heap_fragmentation_bytes, f->heap.active - f->heap.allocated)
FACT(heap_rss_bytes, f->heap.resident - f->heap.active)
FACT(rss_overhead_bytes, f->rss - (int64_t)f->heap.resident)
FACT(fragmentation_bytes, f->rss - f->used)
REAL(dataset_percent, f->dataset_percent)
REAL(peak_percent, f->peak_percent)
REAL(heap_fragmentation, f->heap_fragmentation)
REAL(heap_rss, f->heap_rss)
REAL(rss_overhead, f->rss_overhead)
REAL(fragmentation, f->fragmentation)

/* A line of the reply: an integer, a real number, or with neither a 0 of something that does not exist here. */
struct stats_line {
    const char *name;
    int64_t (*integer)(const struct memory_facts *f);
    double (*real)(const struct memory_facts *f);
};

static const struct stats_line before_databases[] = {
    {.name = "peak.allocated", .integer = peak},
    {.name = "total.allocated", .integer = used},
    {.name = "startup.allocated", .integer = startup},
    {.name = "replication.backlog", .integer = replication},
    {.name = "replicas.repl.buffer"},
    {.name = "clients.slaves"},
    {.name = "clients.normal", .integer = clients},
    {.name = "cluster.links"},
    {.name = "aof.buffer", .integer = aof},
    {.name = "lua.caches", .integer = scripts},
    {.name = "functions.caches"},
};

static const struct stats_line after_databases[] = {
    {.name = "overhead.db.hashtable.lut", .integer = table},
    {.name = "overhead.db.hashtable.rehashing"},
    {.name = "db.dict.rehashing.count"},
    {.name = "overhead.total", .integer = overhead},
    {.name = "keys.count", .integer = keys},
    {.name = "keys.bytes-per-key", .integer = bytes_per_key},
    {.name = "dataset.bytes", .integer = dataset},
    {.name = "dataset.percentage", .real = dataset_percent},
    {.name = "peak.percentage", .real = peak_percent},
    {.name = "allocator.allocated", .integer = heap_allocated},
    {.name = "allocator.active", .integer = heap_active},
    {.name = "allocator.resident", .integer = heap_resident},
    {.name = "allocator.muzzy", .integer = heap_muzzy},
    {.name = "allocator-fragmentation.ratio", .real = heap_fragmentation},
    {.name = "allocator-fragmentation.bytes", .integer = heap_fragmentation_bytes},
    {.name = "allocator-rss.ratio", .real = heap_rss},
    {.name = "allocator-rss.bytes", .integer = heap_rss_bytes},
    {.name = "rss-overhead.ratio", .real = rss_overhead},
    {.name = "rss-overhead.bytes", .integer = rss_overhead_bytes},
    {.name = "fragmentation", .real = fragmentation},
    {.name = "fragmentation.bytes", .integer = fragmentation_bytes},
};

static void reply_lines(struct reply *r, const struct stats_line *lines, size_t count, const struct memory_facts *f) {
    for (size_t i = 0; i < count; i++) {
        reply_bulk_cstr(r, lines[i].name);
        if (lines[i].real)
            reply_double(r, lines[i].real(f));
        else
            reply_integer(r, lines[i].integer ? lines[i].integer(f) : 0);
    }
}

/* The calendars are accounted together: a database's share goes by its number of keys with a time to live. */
static int64_t expiry_share(const struct dataset *ds, const struct db *db, const struct memory_facts *f) {
    size_t all = 0;
    for (unsigned i = 0; i < dataset_databases(ds); i++) all += db_expires(dataset_db_const(ds, i));
    return all ? (int64_t)((double)f->owners[MEM_EXPIRY] * (double)db_expires(db) / (double)all) : 0;
}

static int64_t reply_databases(struct reply *r, const struct dataset *ds, const struct memory_facts *f) {
    int64_t count = 0;
    for (unsigned i = 0; i < dataset_databases(ds); i++) {
        const struct db *db = dataset_db_const(ds, i);
        char name[16];
        if (db_keys(db) == 0) continue;
        count++;
        snprintf(name, sizeof name, "db.%u", i);
        reply_bulk_cstr(r, name);
        reply_map(r, 2);
        reply_bulk_cstr(r, "overhead.hashtable.main");
        reply_integer(r, (int64_t)db_table_bytes(db));
        reply_bulk_cstr(r, "overhead.hashtable.expires");
        reply_integer(r, expiry_share(ds, db, f));
    }
    return count;
}

static void run_stats(struct context *c) {
    struct memory_facts *f = &observe.memory;
    memory_facts_take(f, c->executor, true);
    size_t place = reply_deferred(c->reply);
    reply_lines(c->reply, before_databases, countof(before_databases), f);
    int64_t databases = reply_databases(c->reply, c->dataset, f);
    reply_lines(c->reply, after_databases, countof(after_databases), f);
    reply_deferred_set(c->reply, place, '%',
                       (int64_t)(countof(before_databases) + countof(after_databases)) + databases);
}

/* ---- the others ---- */

static void append_report(void *arg, const char *text, size_t n) { buf_append(arg, text, n); }

static void run_malloc_stats(struct context *c) {
    struct buf text;
    buf_init(&text, MEM_OBSERVE);
    mem_stats_report(append_report, &text);
    reply_text(c->reply, &text);
}

const char *const memory_help[] = {
    "ANALYZE",
    "    Walk over all keys on a thread of its own: types, encodings, sizes, times to live,",
    "    and what would compress. Waits while a save or a load runs.",
    "DOCTOR",
    "    Look for memory problems and explain them.",
    "HISTORY [SECONDS|MINUTES]",
    "    Show how memory was used: a line of names, then one for each second of the last",
    "    hour, or for each minute of the last day.",
    "MALLOC-STATS",
    "    Show the allocator's own full report.",
    "PREFIXES [<depth>]",
    "    Count keys and bytes by prefix, up to the first, or the <depth>-th,",
    "    memory-prefix-delimiter. Walks as ANALYZE does.",
    "PURGE",
    "    Give memory that the allocator holds unused back to the system.",
    "STATS",
    "    Show what memory is used for, figure by figure.",
    "TOP [<count>]",
    "    Show the biggest keys (10, at most 128): each with its database, type, number of",
    "    elements and bytes, its place in the table apart. Known at all times, also while",
    "    loading, when keys beyond 256 bytes are cut. INFO memory tells when some of those",
    "    that follow deleted ones are yet to be found (top_keys_sure).",
    "TREE [JSON]",
    "    Show the memory of the process as a tree, down to its owners.",
    "USAGE <key> [SAMPLES <count>]",
    "    Show the bytes that <key> and its value take. The figure is exact: SAMPLES is",
    "    accepted for the sake of older clients and changes nothing.",
    NULL,
};

static const char *const whole_tips[] = {"nondeterministic_output", "request_policy:all_shards",
                                         "response_policy:special", NULL};
static const char *const purge_tips[] = {"request_policy:all_shards", "response_policy:all_succeeded", NULL};

static const struct command_arg usage_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "count", .type = ARG_INTEGER, .token = "SAMPLES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg tree_args[] = {
    {.name = "json", .type = ARG_PURE_TOKEN, .token = "JSON", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg top_args[] = {
    {.name = "count", .type = ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg spans[] = {
    {.name = "seconds", .type = ARG_PURE_TOKEN, .token = "SECONDS"},
    {.name = "minutes", .type = ARG_PURE_TOKEN, .token = "MINUTES"},
    {0},
};
static const struct command_arg history_args[] = {
    {.name = "span", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = spans},
    {0},
};

static const struct command_arg prefixes_args[] = {
    {.name = "depth", .type = ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

const struct command_row memory_subcommands[] = {
    {.name = "analyze",
     .run = memory_run_analyze,
     .arity = 2,
     .flags = CMD_NOSCRIPT | CMD_BLOCKING | CMD_LOADING | CMD_STALE | CMD_NO_MULTI,
     .group = GROUP_SERVER,
     .since = "9.1.0",
     .complexity = "O(N) with the number of keys, on another thread.",
     .summary = "Walks over all keys and tells their types, encodings, sizes and times to live.",
     .tips = whole_tips},
    {.name = "doctor",
     .run = memory_run_doctor,
     .arity = 2,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Looks for memory problems and explains them.",
     .tips = whole_tips},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of MEMORY."},
    {.name = "history",
     .run = memory_run_history,
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.1.0",
     .complexity = "O(N) with the number of samples shown, at most 3600.",
     .summary = "Shows how memory was used in the last hour, or by minutes in the last day.",
     .args = history_args,
     .tips = whole_tips},
    {.name = "malloc-stats",
     .run = run_malloc_stats,
     .arity = 2,
     .flags = CMD_LOADING,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "Grows with the allocator's number of arenas; may take milliseconds.",
     .summary = "Shows the allocator's own full report.",
     .tips = whole_tips},
    {.name = "prefixes",
     .run = memory_run_prefixes,
     .arity = -2,
     .flags = CMD_NOSCRIPT | CMD_BLOCKING | CMD_LOADING | CMD_STALE | CMD_NO_MULTI,
     .group = GROUP_SERVER,
     .since = "9.1.0",
     .complexity = "O(N) with the number of keys, on another thread.",
     .summary = "Counts keys and bytes by key prefix.",
     .args = prefixes_args,
     .tips = whole_tips},
    {.name = "purge",
     .run = memory_run_purge,
     .arity = 2,
     .flags = CMD_LOADING,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "Grows with the memory that the allocator holds unused; only the caller waits.",
     .summary = "Gives memory that the allocator holds unused back to the system.",
     .tips = purge_tips},
    {.name = "stats",
     .run = run_stats,
     .arity = 2,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Shows what memory is used for, figure by figure.",
     .tips = whole_tips},
    {.name = "top",
     .run = memory_run_top,
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.1.0",
     .complexity = "O(N) with the number of keys shown, at most 128.",
     .summary = "Shows the biggest keys with their types, elements and bytes.",
     .args = top_args,
     .tips = whole_tips},
    {.name = "tree",
     .run = memory_run_tree,
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "9.1.0",
     .complexity = "O(1)",
     .summary = "Shows the memory of the process as a tree, down to its owners.",
     .args = tree_args,
     .tips = whole_tips},
    {.name = "usage",
     .run = run_usage,
     .arity = -3,
     .flags = CMD_READONLY,
     .group = GROUP_SERVER,
     .keys = {KEY_AT(2, KEY_RO)},
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many bytes a key and its value take.",
     .args = usage_args},
    {0},
};
