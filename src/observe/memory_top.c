/* MEMORY TOP. While a dataset loads it belongs to the loader, which shows its biggest keys on the executor's board; otherwise the
 * dataset is asked. */
#include "exec/context.h"
#include "keyspace/top.h"
#include "observe/observe_int.h"

#define TOP_DEFAULT      10
#define SHOW_INTERVAL_US 500000

/* The dataset knows as many as it has; expired ones are not shown. So the length is known at the end. */
struct listing {
    struct reply *reply;
    int64_t count;
};

static void reply_key(void *arg, const struct top_key *key) {
    struct listing *l = arg;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"elements", (int64_t)key->elements}, {"bytes", (int64_t)key->bytes}};
    bool named = l->reply->resp > 2;
    l->count++;
    if (named)
        reply_map(l->reply, 5);
    else
        reply_array(l->reply, 5);
    if (named) reply_bulk_cstr(l->reply, "key");
    reply_bulk(l->reply, key->key);
    if (named) reply_bulk_cstr(l->reply, "db");
    reply_integer(l->reply, key->db);
    if (named) reply_bulk_cstr(l->reply, "type");
    reply_bulk_cstr(l->reply, entry_type_name(key->type));
    for (int i = 0; i < 2; i++) {
        if (named) reply_bulk_cstr(l->reply, numbers[i].name);
        reply_integer(l->reply, numbers[i].value);
    }
}

/* While a load runs the board is the loader's. */
void memory_top_show(struct executor *x) {
    if (x->top && !x->loading) top_board_publish(x->top, x->dataset, SHOW_INTERVAL_US);
}

void memory_run_top(struct context *c) {
    struct listing l = {.reply = c->reply};
    int64_t n = TOP_DEFAULT, age_us;
    if (c->argc > 3) {
        context_syntax_error(c);
        return;
    }
    if (c->argc == 3 && !context_integer_between(c, 2, 1, TOP_SHOWN_MAX, NULL, &n)) return;
    size_t place = reply_deferred(c->reply);
    if (!c->executor->loading)
        dataset_top(c->dataset, (size_t)n, reply_key, &l);
    else if (c->executor->top)
        top_board_read(c->executor->top, (size_t)n, &age_us, reply_key, &l);
    reply_deferred_set(c->reply, place, '*', l.count);
}
