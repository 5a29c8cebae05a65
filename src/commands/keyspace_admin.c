/* Whole databases, and waiting for replicas. */
#include "base/check.h"
#include "base/num.h"
#include "commands/generic_int.h"

void generic_dbsize_run(struct context *c) { reply_integer(c->reply, (int64_t)db_keys(c->db)); }

/* FLUSHDB and FLUSHALL. The memory is freed on the reaper unless SYNC asks to wait for it: clients cannot tell but by the
 * time it takes. */
static void flush(struct context *c, int index) {
    bool sync = c->argc == 2 && slice_is(c->argv[1], "SYNC");
    if (c->argc > 2 || (c->argc == 2 && !sync && !slice_is(c->argv[1], "ASYNC"))) {
        context_syntax_error(c);
        return;
    }
    context_count_changes(c, dataset_flush(c->dataset, index, !sync));
    c->changes++; /* replicas and the AOF are told even when nothing was there */
    reply_ok(c->reply);
}

void generic_flushdb_run(struct context *c) { flush(c, (int)db_index(c->db)); }

void generic_flushall_run(struct context *c) { flush(c, -1); }

/* Not context_integer_between: here both the text and the range have errors of their own. */
static bool swap_index(struct context *c, int i, const char *error, int64_t *index) {
    return context_integer_between(c, i, INT32_MIN, INT32_MAX, error, index);
}

void generic_swapdb_run(struct context *c) {
    int64_t a, b, end = (int64_t)dataset_databases(c->dataset);
    if (!swap_index(c, 1, "ERR invalid first DB index", &a)) return;
    if (!swap_index(c, 2, "ERR invalid second DB index", &b)) return;
    if (a < 0 || a >= end || b < 0 || b >= end) {
        reply_error(c->reply, "ERR DB index is out of range");
        return;
    }
    dataset_swap(c->dataset, (unsigned)a, (unsigned)b);
    executor_swapped(c->executor, (unsigned)a, (unsigned)b);
    context_count_changes(c, 1);
    reply_ok(c->reply);
}

/* ---- WAIT: there are no replicas yet, so none ever acknowledges ---- */
static void wait_timed_out(struct session *s) { reply_integer(&s->reply, 0); }

static const struct session_wait wait_replicas = {.timed_out = wait_timed_out, .can_unblock = true};

/* Nothing to wait for is answered at once. */
static void wait_for(struct context *c, int64_t wanted, const struct session_wait *wait, int64_t timeout_ms) {
    if (wanted > 0 && context_may_block(c))
        session_block(c->session, wait, NULL, timeout_ms);
    else
        wait->timed_out(c->session);
}

void generic_wait_run(struct context *c) {
    int64_t replicas, timeout_ms;
    if (context_integer(c, 1, &replicas) && context_wait_ms(c, 2, &timeout_ms))
        wait_for(c, replicas, &wait_replicas, timeout_ms);
}
