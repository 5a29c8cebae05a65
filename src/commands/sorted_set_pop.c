/* Taking the lowest or highest members out, at once or as soon as there are some. */
#include "base/check.h"
#include "base/num.h"
#include "commands/sorted_set_int.h"
#include "exec/blocking.h"
#include "exec/journal.h"

#include <limits.h>

enum pop_shape {
    POP_ONE,   /* [member, score] */
    POP_MANY,  /* as ranges with scores */
    POP_KEYED, /* [key, member, score] */
    POP_LIST   /* [key, [[member, score] ...]] */
};

struct pop {
    enum pop_shape shape;
    bool from_end; /* the highest first */
    uint64_t count;
};

static void pop_reply(struct context *c, struct slice key, const struct pop *p, struct zset_walk *w) {
    struct zset_item item;
    bool paired = p->shape == POP_LIST, with_scores = p->shape == POP_MANY;
    if (paired) reply_array(c->reply, 2);
    if (p->shape == POP_KEYED) reply_array(c->reply, 3);
    if (paired || p->shape == POP_KEYED) reply_bulk(c->reply, key);
    if (paired) reply_array(c->reply, (int64_t)w->left);
    if (with_scores) sorted_set_reply_head(c, w->left, true);
    if (p->shape == POP_ONE) reply_array(c->reply, w->left ? 2 : 0);
    while (zset_walk_next(w, &item)) {
        if (paired) {
            sorted_set_reply_pair(c, &item);
        } else if (with_scores) {
            sorted_set_reply_item(c, &item, true);
        } else {
            reply_bulk(c->reply, item.member);
            reply_double(c->reply, item.score);
        }
    }
}

/* Takes the members out and replies them; none when the key is absent. False after a WRONGTYPE reply. */
static bool pop(struct context *c, struct key key, const struct pop *p) {
    struct db_edit e;
    struct zset_walk w;
    if (!context_edit(c, key, TYPE_ZSET, &e)) return false;
    uint64_t all = zset_count(e.edit.value), n = p->count < all ? p->count : all, from = p->from_end ? all - n : 0;
    zset_walk_ranks(&w, e.edit.value, from, from + n, p->from_end);
    pop_reply(c, key.text, p, &w);
    if (n) zset_remove_ranks(&e.edit, from, from + n);
    context_edit_end(c, key, &e, NOTIFY_ZSET, n == 0 ? NULL : p->from_end ? "zpopmax" : "zpopmin", n);
    return true;
}

/* ---- ZPOPMIN, ZPOPMAX ---- */

static void pop_run(struct context *c, bool from_end) {
    struct pop p = {POP_ONE, from_end, 1};
    int64_t count;
    if (c->argc > 3) {
        context_syntax_error(c);
        return;
    }
    if (c->argc == 3) {
        if (!context_integer_between(c, 2, 0, LONG_MAX, "ERR value is out of range, must be positive", &count)) return;
        p.shape = POP_MANY;
        p.count = (uint64_t)count;
    }
    pop(c, context_key(c, 1), &p);
}

void sorted_set_zpopmin_run(struct context *c) { pop_run(c, false); }

void sorted_set_zpopmax_run(struct context *c) { pop_run(c, true); }

/* ---- the first of several keys ---- */

enum found { FOUND_NONE, FOUND, FOUND_WRONG /* after the error reply: the first key that is there is no sorted set */ };

static enum found find_first(struct context *c, int first, int keys, struct key *key) {
    for (int i = first; i < first + keys; i++) {
        *key = context_key(c, i);
        const struct entry *e = db_view(c->db, *key, context_view_flags(c) | VIEW_NO_STATS);
        if (!e) continue;
        if (entry_type(e) == TYPE_ZSET) return FOUND;
        reply_error(c->reply, ERROR_WRONGTYPE);
        return FOUND_WRONG;
    }
    return FOUND_NONE;
}

/* numkeys key ... MIN|MAX [COUNT n], from argument i on. False after the error reply. */
static bool keys_parse(struct context *c, int i, int *keys, struct pop *p) {
    int64_t count = 0, n;
    if (!context_integer_between(c, i, 1, LONG_MAX, "ERR numkeys should be greater than 0", &n)) return false;
    if (n >= c->argc - i - 1) goto bad;
    *keys = (int)n;
    int where = i + 1 + *keys;
    p->from_end = slice_is(c->argv[where], "MAX");
    if (!p->from_end && !slice_is(c->argv[where], "MIN")) goto bad;
    for (int at = where + 1; at < c->argc; at += 2) {
        if (count || !slice_is(c->argv[at], "COUNT") || at + 1 == c->argc) goto bad;
        if (!context_integer_between(c, at + 1, 1, LONG_MAX, "ERR count should be greater than 0", &count))
            return false;
    }
    p->shape = POP_LIST;
    p->count = count ? (uint64_t)count : 1;
    return true;
bad:
    context_syntax_error(c);
    return false;
}

void sorted_set_zmpop_run(struct context *c) {
    struct pop p;
    struct key key;
    int keys;
    if (!keys_parse(c, 1, &keys, &p)) return;
    enum found found = find_first(c, 2, keys, &key);
    if (found == FOUND) pop(c, key, &p);
    if (found == FOUND_NONE) reply_null_array(c->reply);
}

/* ---- waiting ---- */

/* What a journal takes: the pop that was done, which waits for nothing. */
static void journal_pop(struct context *c, struct slice key, const struct pop *p) {
    char text[NUM_TEXT_MAX];
    if (!journal_wanted(c)) return;
    journal_put(c, p->from_end ? SLICE("ZPOPMAX") : SLICE("ZPOPMIN"), key,
                slice_of(text, num_format_u64(text, p->count)));
}

static void serve(struct context *c, struct key key, const struct pop *p) {
    bool popped = pop(c, key, p);
    proven(popped); /* it is there, and of the type */
    journal_pop(c, key.text, p);
}

static bool serve_text(struct context *c, struct slice key, const struct pop *p) {
    serve(c, (struct key){key, dataset_hash(c->dataset, key)}, p);
    return true;
}

static void timed_out(struct session *s) { reply_null_array(&s->reply); }

static bool serve_one(struct context *c, struct slice key) {
    struct pop p = {POP_KEYED, slice_is(c->argv[0], "BZPOPMAX"), 1};
    return serve_text(c, key, &p);
}

static bool serve_list(struct context *c, struct slice key) {
    struct pop p;
    int keys;
    bool parsed = keys_parse(c, 2, &keys, &p);
    proven(parsed); /* it waits, so it was right */
    return serve_text(c, key, &p);
}

static const struct key_wait_kind wait_one = {TYPE_ZSET, serve_one, timed_out, NULL, NULL};
static const struct key_wait_kind wait_list = {TYPE_ZSET, serve_list, timed_out, NULL, NULL};

static void pop_or_wait(struct context *c, int first, int keys, const struct pop *p, const struct key_wait_kind *wait,
                        int64_t timeout_ms) {
    struct key key;
    enum found found = find_first(c, first, keys, &key);
    if (found == FOUND) serve(c, key, p);
    if (found != FOUND_NONE) return;
    if (context_may_block(c))
        blocking_wait(c, wait, first, keys, NULL, timeout_ms);
    else
        reply_null_array(c->reply);
}

static void bzpop_run(struct context *c, bool from_end) {
    struct pop p = {POP_KEYED, from_end, 1};
    int64_t timeout_ms;
    if (blocking_timeout(c, c->argc - 1, &timeout_ms)) pop_or_wait(c, 1, c->argc - 2, &p, &wait_one, timeout_ms);
}

void sorted_set_bzpopmin_run(struct context *c) { bzpop_run(c, false); }

void sorted_set_bzpopmax_run(struct context *c) { bzpop_run(c, true); }

void sorted_set_bzmpop_run(struct context *c) {
    struct pop p;
    int64_t timeout_ms;
    int keys;
    if (keys_parse(c, 2, &keys, &p) && blocking_timeout(c, 1, &timeout_ms))
        pop_or_wait(c, 3, keys, &p, &wait_list, timeout_ms);
}
