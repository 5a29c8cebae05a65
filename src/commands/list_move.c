#include "base/check.h"
#include "base/num.h"
#include "commands/list_int.h"
#include "exec/journal.h"

#include <limits.h>

/* ---- one element from list to list ---- */
#define SHORT_TEXT_MAX 512

/* The element on its way, in a block of its own when long. */
struct carried {
    struct slice text;
    char *block;
    char bytes[SHORT_TEXT_MAX];
};

static bool carry(struct context *c, struct value v, enum list_end from, struct carried *x) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor at;
    list_seek(v, from == LIST_HEAD ? 0 : list_length(v) - 1, &at);
    struct slice text = list_text(&at, scratch);
    x->block = text.len > sizeof x->bytes ? mem_try_alloc(MEM_CLIENT_IN, text.len) : NULL;
    if (text.len > sizeof x->bytes && !x->block) {
        reply_error(c->reply, "ERR not enough memory for an element of this length");
        return false;
    }
    x->text = slice_of(x->block ? x->block : x->bytes, text.len);
    memcpy(x->block ? x->block : x->bytes, text.ptr, text.len);
    return list_element(c, x->text);
}

static void carried_release(struct carried *x) {
    mem_free(MEM_CLIENT_IN, x->block, x->block ? x->text.len : 0);
    x->block = NULL;
}

static void take(struct value_edit *e, enum list_end from) {
    list_delete(e, from == LIST_HEAD ? 0 : list_length(e->value) - 1, 1);
}

/* Listeners hear of the push first, whatever is done first. */
static void rotate(struct context *c, const struct list_move *move, struct slice text) {
    struct db_edit e;
    proven(context_edit(c, move->source, TYPE_LIST, &e));
    take(&e.edit, move->from);
    list_push(&e.edit, move->to, text);
    list_edit_end(c, move->source, &e, list_push_event(move->to), 0);
    reply_bulk(c->reply, text);
    context_changed(c, NOTIFY_LIST, list_pop_event(move->from), move->source.text);
}

static void transfer(struct context *c, const struct list_move *move, struct slice text) {
    struct db_edit e;
    proven(context_edit(c, move->target, TYPE_LIST, &e));
    list_push(&e.edit, move->to, text);
    list_edit_end(c, move->target, &e, list_push_event(move->to), 0);
    reply_bulk(c->reply, text);
    proven(context_edit(c, move->source, TYPE_LIST, &e));
    take(&e.edit, move->from);
    list_edit_end(c, move->source, &e, list_pop_event(move->from), 1);
}

bool list_move(struct context *c, const struct list_move *move) {
    struct carried x = {.block = NULL};
    struct value source, target;
    if (!list_target(c, move->source, &source)) return true;
    if (!source.ptr) return false;
    if (!list_target(c, move->target, &target)) return true;
    /* The second look may have removed the first key's neighbour, so the first is looked at again. */
    proven(list_target(c, move->source, &source) && source.ptr);
    if (carry(c, source, move->from, &x)) {
        if (slice_equal(move->source.text, move->target.text))
            rotate(c, move, x.text);
        else
            transfer(c, move, x.text);
    }
    carried_release(&x);
    return true;
}

bool list_move_ends(struct context *c, int i, struct list_move *move) {
    return list_end_argument(c, i, &move->from) && list_end_argument(c, i + 1, &move->to);
}

void list_lmove_run(struct context *c) {
    struct list_move move;
    if (!list_move_ends(c, 3, &move)) return;
    move.source = context_key(c, 1);
    move.target = context_key(c, 2);
    if (!list_move(c, &move)) reply_null(c->reply);
}

void list_rpoplpush_run(struct context *c) {
    struct list_move move = {context_key(c, 1), context_key(c, 2), LIST_TAIL, LIST_HEAD};
    if (!list_move(c, &move)) reply_null(c->reply);
}

/* ---- several elements of the first list that is there ---- */
static bool mpop_count(struct context *c, int i, struct list_mpop *m) {
    m->count = 1;
    if (i == c->argc) return true;
    if (i + 2 == c->argc && slice_is(c->argv[i], "COUNT"))
        return context_integer_between(c, i + 1, 1, INT64_MAX, "ERR count should be greater than 0", &m->count);
    if (i + 2 < c->argc && slice_is(c->argv[i], "COUNT") &&
        !context_integer_between(c, i + 1, 1, INT64_MAX, "ERR count should be greater than 0", &m->count))
        return false;
    context_syntax_error(c);
    return false;
}

bool list_mpop_parse(struct context *c, int i, struct list_mpop *m) {
    int64_t keys;
    if (!context_integer_between(c, i, 1, INT64_MAX, "ERR numkeys should be greater than 0", &keys)) return false;
    if (keys >= c->argc - i - 1) {
        context_syntax_error(c);
        return false;
    }
    m->first_key = i + 1;
    m->keys = (int)keys;
    return list_end_argument(c, i + 1 + m->keys, &m->end) && mpop_count(c, i + 2 + m->keys, m);
}

void list_mpop_reply(struct context *c, struct key key, const struct list_mpop *m) {
    char count[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, key.text);
    uint64_t n = list_pop(c, key, m->end, (uint64_t)m->count, true);
    if (journal_wanted(c))
        journal_put(c, m->end == LIST_HEAD ? SLICE("LPOP") : SLICE("RPOP"), key.text,
                    slice_of(count, num_format_u64(count, n)));
}

bool list_mpop_any(struct context *c, const struct list_mpop *m) {
    struct value v;
    for (int i = m->first_key; i < m->first_key + m->keys; i++) {
        struct key key = context_key(c, i);
        if (!list_target(c, key, &v)) return true;
        if (!v.ptr) continue;
        list_mpop_reply(c, key, m);
        return true;
    }
    return false;
}

void list_lmpop_run(struct context *c) {
    struct list_mpop m;
    if (list_mpop_parse(c, 1, &m) && !list_mpop_any(c, &m)) reply_null_array(c->reply);
}
