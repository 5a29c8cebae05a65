/* INFO keyspace: a line for each database that has keys. Agents split it at ',' and '=': new fields only at its end. */
#include "base/check.h"
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

static const struct metric rows[] = {
    {.section = "keyspace",
     .name = "db*",
     .class = METRIC_GAUGE,
     .help = "Keys of a database, how many have a time to live, and its mean in ms",
     .lines = database_lines},
};
const struct metric_list keyspace_metrics = {rows, countof(rows)};
