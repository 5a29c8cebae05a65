/* INFO keyspace: a line for each database that has keys. Agents split it at ',' and '=': new fields only at its end.
 *
 * INFO keysizes: how many keys hold how much, in powers of two. "db0_distrib_lists_items:1=2,64=1": two lists of one element, one
 * of 64 to 127. Names as Redis 8 has them, where a string's size is its length: items are elements, sizes are bytes of memory;
 * ours are those of streams, distrib_strings_memory, and the sums (dbN_lists). */
#include "base/check.h"
#include "keyspace/account.h"
#include "keyspace/db.h"
#include "observe/observe_int.h"

#include <stdio.h>

static void database_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    for (unsigned i = 0; i < dataset_databases(scope->dataset); i++) {
        const struct db *db = dataset_db_const(scope->dataset, i);
        char name[16], text[128];
        if (db_keys(db) == 0) continue;
        snprintf(name, sizeof name, "db%u", i);
        snprintf(text, sizeof text, "keys=%zu,expires=%zu,avg_ttl=%lld", db_keys(db), db_expires(db),
                 (long long)db_average_ttl_ms(db));
        emit(arg, name, text);
    }
}

/* ---- keysizes ---- */
#define SPREAD_MAX (ACCOUNT_BUCKETS * 28) /* "512G=" and a count */

/* 1, 2, .. 512, 1K, 2K, .. 512K, 1M, .. */
static const char *start_text(unsigned bucket, char *dst, size_t cap) {
    uint64_t start = account_bucket_start(bucket);
    unsigned unit = 0;
    while (start >= 1024) {
        start >>= 10;
        unit++;
    }
    snprintf(dst, cap, "%u%.*s", (unsigned)start, unit > 0, &"KMGT"[unit ? unit - 1 : 0]);
    return dst;
}

static void spread_line(const uint64_t *counts, const char *name, metric_emit *emit, void *arg) {
    char text[SPREAD_MAX], start[16];
    size_t n = 0;
    for (unsigned i = 0; i < ACCOUNT_BUCKETS; i++) {
        if (counts[i] == 0) continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%llu", n ? "," : "", start_text(i, start, sizeof start),
                              (unsigned long long)counts[i]);
        proven(n < sizeof text);
    }
    emit(arg, name, text);
}

static void type_lines(unsigned db, enum value_type type, const struct account *a, metric_emit *emit, void *arg) {
    static const char *const names[TYPE_COUNT] = {"strings", "lists", "sets", "zsets", "hashes", "streams"};
    char name[64], text[128];
    bool strings = type == TYPE_STRING;
    snprintf(name, sizeof name, "db%u_distrib_%s_%s", db, names[type], strings ? "sizes" : "items");
    spread_line(a->by_elements, name, emit, arg);
    snprintf(name, sizeof name, "db%u_distrib_%s_%s", db, names[type], strings ? "memory" : "sizes");
    spread_line(a->by_bytes, name, emit, arg);
    snprintf(name, sizeof name, "db%u_%s", db, names[type]);
    snprintf(text, sizeof text, "keys=%llu,elements=%llu,bytes=%llu", (unsigned long long)a->keys,
             (unsigned long long)a->elements, (unsigned long long)a->bytes);
    emit(arg, name, text);
}

static void size_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    for (unsigned i = 0; i < dataset_databases(scope->dataset); i++) {
        const struct db *db = dataset_db_const(scope->dataset, i);
        for (unsigned type = 0; type < TYPE_COUNT; type++) {
            const struct account *a = db_account(db, (enum value_type)type);
            if (a->keys) type_lines(i, (enum value_type)type, a, emit, arg);
        }
    }
}

static const struct metric rows[] = {
    {.section = "keyspace",
     .name = "db*",
     .class = METRIC_GAUGE,
     .help = "Keys of a database, how many have a time to live, and its mean in ms",
     .lines = database_lines},
    {.section = "keysizes",
     .name = "db*_*",
     .class = METRIC_GAUGE,
     .help = "Keys of each type in each database, their elements and bytes, and how these are spread",
     .lines = size_lines},
};
const struct metric_list keyspace_metrics = {rows, countof(rows)};
