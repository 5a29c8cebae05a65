/* Commands that wait where there is nothing yet. What is served later does what the command itself would have done (exec/blocking.h);
 * the journal hears of the plain command that has the same effect. */
#include "base/check.h"
#include "commands/list_int.h"
#include "exec/blocking.h"
#include "exec/journal.h"

static struct key key_of(const struct context *c, struct slice text) {
    return (struct key){text, dataset_hash(c->dataset, text)};
}

static void timed_out(struct session *s) { reply_null_array(&s->reply); }

/* ---- BLPOP and BRPOP ---- */
static void pop_named(struct context *c, struct key key, enum list_end end) {
    reply_array(c->reply, 2);
    reply_bulk(c->reply, key.text);
    list_pop(c, key, end, 1, false);
    if (journal_wanted(c)) journal_put(c, end == LIST_HEAD ? SLICE("LPOP") : SLICE("RPOP"), key.text);
}

static bool blpop_serve(struct context *c, struct slice key) {
    pop_named(c, key_of(c, key), LIST_HEAD);
    return true;
}

static bool brpop_serve(struct context *c, struct slice key) {
    pop_named(c, key_of(c, key), LIST_TAIL);
    return true;
}

static const struct key_wait_kind blpop_wait = {.type = TYPE_LIST, .serve = blpop_serve, .timed_out = timed_out};
static const struct key_wait_kind brpop_wait = {.type = TYPE_LIST, .serve = brpop_serve, .timed_out = timed_out};

static void bpop_run(struct context *c, enum list_end end) {
    int64_t timeout_ms;
    struct value v;
    if (!blocking_timeout(c, c->argc - 1, &timeout_ms)) return;
    for (int i = 1; i < c->argc - 1; i++) {
        struct key key = context_key(c, i);
        if (!list_target(c, key, &v)) return;
        if (!v.ptr) continue;
        pop_named(c, key, end);
        return;
    }
    if (context_may_block(c))
        blocking_wait(c, end == LIST_HEAD ? &blpop_wait : &brpop_wait, 1, c->argc - 2, NULL, timeout_ms);
    else
        reply_null_array(c->reply);
}

void list_blpop_run(struct context *c) { bpop_run(c, LIST_HEAD); }

void list_brpop_run(struct context *c) { bpop_run(c, LIST_TAIL); }

/* ---- BLMPOP ---- */
static bool blmpop_serve(struct context *c, struct slice key) {
    struct list_mpop m;
    proven(list_mpop_parse(c, 2, &m));
    list_mpop_reply(c, key_of(c, key), &m);
    return true;
}

static const struct key_wait_kind blmpop_wait = {.type = TYPE_LIST, .serve = blmpop_serve, .timed_out = timed_out};

void list_blmpop_run(struct context *c) {
    int64_t timeout_ms;
    struct list_mpop m;
    if (!list_mpop_parse(c, 2, &m) || !blocking_timeout(c, 1, &timeout_ms) || list_mpop_any(c, &m)) return;
    if (context_may_block(c))
        blocking_wait(c, &blmpop_wait, m.first_key, m.keys, NULL, timeout_ms);
    else
        reply_null_array(c->reply);
}

/* ---- BLMOVE and BRPOPLPUSH ---- */
static const struct slice end_names[] = {[LIST_HEAD] = {"LEFT", 4}, [LIST_TAIL] = {"RIGHT", 5}};

static bool move_told(struct context *c, const struct list_move *move) {
    uint64_t before = c->changes;
    if (!list_move(c, move)) return false;
    if (c->changes != before && journal_wanted(c))
        journal_put(c, SLICE("LMOVE"), move->source.text, move->target.text, end_names[move->from],
                    end_names[move->to]);
    return true;
}

static bool blmove_serve(struct context *c, struct slice key) {
    struct list_move move;
    proven(list_move_ends(c, 3, &move));
    move.source = key_of(c, key);
    move.target = context_key(c, 2);
    return move_told(c, &move);
}

static bool brpoplpush_serve(struct context *c, struct slice key) {
    struct list_move move = {key_of(c, key), context_key(c, 2), LIST_TAIL, LIST_HEAD};
    return move_told(c, &move);
}

static const struct key_wait_kind blmove_wait = {.type = TYPE_LIST, .serve = blmove_serve, .timed_out = timed_out};
static const struct key_wait_kind brpoplpush_wait = {
    .type = TYPE_LIST, .serve = brpoplpush_serve, .timed_out = timed_out};

static void move_or_wait(struct context *c, struct list_move *move, const struct key_wait_kind *kind,
                         int64_t timeout_ms) {
    move->source = context_key(c, 1);
    move->target = context_key(c, 2);
    if (move_told(c, move)) return;
    if (context_may_block(c))
        blocking_wait(c, kind, 1, 1, NULL, timeout_ms);
    else
        reply_null(c->reply);
}

void list_blmove_run(struct context *c) {
    struct list_move move;
    int64_t timeout_ms;
    if (list_move_ends(c, 3, &move) && blocking_timeout(c, 5, &timeout_ms))
        move_or_wait(c, &move, &blmove_wait, timeout_ms);
}

void list_brpoplpush_run(struct context *c) {
    struct list_move move = {.from = LIST_TAIL, .to = LIST_HEAD};
    int64_t timeout_ms;
    if (blocking_timeout(c, 3, &timeout_ms)) move_or_wait(c, &move, &brpoplpush_wait, timeout_ms);
}
