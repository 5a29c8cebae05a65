#include "base/check.h"
#include "base/num.h"
#include "commands/sorted_set_int.h"

/* ---- shared ---- */

bool sorted_set_view(struct context *c, int i, struct value *v) {
    const struct entry *e;
    if (!context_view_type(c, context_key(c, i), TYPE_ZSET, &e)) return false;
    *v = e ? entry_object(e) : SORTED_SET_EMPTY;
    return true;
}

bool sorted_set_parse_score(struct slice text, double *score) {
    int64_t whole;
    if (likely(text.len < 16 && num_parse_i64(text, &whole))) { /* below 2^53: exact */
        *score = (double)whole;
        return true;
    }
    return num_parse_double(text, score);
}

void sorted_set_reply_pair(struct context *c, const struct zset_item *item) {
    reply_array(c->reply, 2);
    reply_bulk(c->reply, item->member);
    reply_double(c->reply, item->score);
}

void sorted_set_reply_head(struct context *c, uint64_t n, bool with_scores) {
    bool flat = with_scores && c->reply->resp == 2;
    reply_array(c->reply, (int64_t)(flat ? 2 * n : n));
}

void sorted_set_reply_item(struct context *c, const struct zset_item *item, bool with_scores) {
    if (with_scores && c->reply->resp > 2) reply_array(c->reply, 2);
    reply_bulk(c->reply, item->member);
    if (with_scores) reply_double(c->reply, item->score);
}

void sorted_set_reply_walk(struct context *c, struct zset_walk *w, bool with_scores) {
    struct zset_item item;
    sorted_set_reply_head(c, w->left, with_scores);
    while (zset_walk_next(w, &item)) sorted_set_reply_item(c, &item, with_scores);
}

void sorted_set_store(struct context *c, struct key key, struct value v, const char *event) {
    if (v.ptr) {
        db_put_value(c->db, key, v, NO_EXPIRE);
        context_changed(c, NOTIFY_ZSET, event, key.text);
    } else if (db_delete(c->db, key)) {
        context_changed(c, NOTIFY_GENERIC, "del", key.text);
    }
}

/* ---- adding ---- */

enum { SCORES_FEW = 16 }; /* on the stack */

struct adding {
    unsigned flags; /* enum zset_add_flags */
    bool changed;   /* CH */
    int first;      /* argument: the first score */
    int pairs;
    double few[SCORES_FEW], *scores;
};

static bool add_option(struct slice word, struct adding *a) {
    static const struct {
        struct slice name;
        unsigned flag;
    } options[] = {{SLICE("NX"), ZSET_NEW_ONLY},
                   {SLICE("XX"), ZSET_OLD_ONLY},
                   {SLICE("GT"), ZSET_GREATER},
                   {SLICE("LT"), ZSET_LESS},
                   {SLICE("INCR"), ZSET_INCREMENT}};
    for (size_t i = 0; i < countof(options); i++) {
        if (!slice_equal_nocase(word, options[i].name)) continue;
        a->flags |= options[i].flag;
        return true;
    }
    if (!slice_is(word, "CH")) return false;
    return a->changed = true;
}

/* Why these options and so many pairs cannot be; NULL when they can. */
static const char *add_refusal(const struct adding *a, int words) {
    unsigned f = a->flags;
    bool new = f &ZSET_NEW_ONLY, greater = f &ZSET_GREATER, less = f &ZSET_LESS;
    if (words == 0 || words % 2) return ERROR_SYNTAX;
    if (new &&f & ZSET_OLD_ONLY) return "ERR XX and NX options at the same time are not compatible";
    if ((greater && new) || (less && new) || (greater && less))
        return "ERR GT, LT, and/or NX options at the same time are not compatible";
    if (f & ZSET_INCREMENT && words > 2) return "ERR INCR option supports a single increment-element pair";
    return NULL;
}

static void add_release(struct adding *a) {
    if (a->scores != a->few) mem_free(MEM_SERVER, a->scores, (size_t)a->pairs * sizeof *a->scores);
}

/* All scores, before anything is changed. False after the error reply. */
static bool add_scores(struct context *c, struct adding *a) {
    a->scores = a->pairs <= SCORES_FEW ? a->few : mem_alloc(MEM_SERVER, (size_t)a->pairs * sizeof *a->scores);
    for (int i = 0; i < a->pairs; i++) {
        if (sorted_set_parse_score(c->argv[a->first + 2 * i], &a->scores[i])) continue;
        reply_error(c->reply, ERROR_NOT_FLOAT);
        add_release(a);
        return false;
    }
    return true;
}

struct added {
    uint64_t added, moved;
    enum zset_added last;
    double score; /* of the last one */
};

static struct added add_pairs(struct context *c, const struct adding *a, struct value_edit *e) {
    struct added r = {0};
    for (int i = 0; i < a->pairs; i++) {
        r.score = a->scores[i];
        r.last = zset_add(e, c->argv[a->first + 2 * i + 1], &r.score, a->flags);
        r.added += r.last == ZSET_ADDED;
        r.moved += r.last == ZSET_MOVED;
    }
    return r;
}

static void add_reply(struct context *c, const struct adding *a, const struct added *r) {
    if (!(a->flags & ZSET_INCREMENT))
        reply_integer(c->reply, (int64_t)(a->changed ? r->added + r->moved : r->added));
    else if (r->last == ZSET_NAN)
        reply_error(c->reply, "ERR resulting score is not a number (NaN)");
    else if (r->last == ZSET_REFUSED)
        reply_null(c->reply);
    else
        reply_double(c->reply, r->score);
}

static void add_run(struct context *c, struct adding *a) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    if (!add_scores(c, a)) return;
    if (context_edit(c, key, TYPE_ZSET, &e)) {
        struct added r = add_pairs(c, a, &e.edit);
        const char *event = a->flags & ZSET_INCREMENT ? "zincr" : "zadd";
        uint64_t changes = r.added + r.moved;
        context_edit_end(c, key, &e, NOTIFY_ZSET, changes ? event : NULL, changes);
        add_reply(c, a, &r);
    }
    add_release(a);
}

void sorted_set_zadd_run(struct context *c) {
    struct adding a;
    a.flags = 0;
    a.changed = false;
    a.first = 2;
    while (a.first < c->argc && add_option(c->argv[a.first], &a)) a.first++;
    const char *refusal = add_refusal(&a, c->argc - a.first);
    a.pairs = (c->argc - a.first) / 2;
    if (refusal)
        reply_error(c->reply, refusal);
    else
        add_run(c, &a);
}

void sorted_set_zincrby_run(struct context *c) {
    struct adding a;
    a.flags = ZSET_INCREMENT;
    a.changed = false;
    a.first = 2;
    a.pairs = 1;
    add_run(c, &a);
}

/* ---- removing ---- */

void sorted_set_zrem_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    uint64_t removed = 0;
    if (!context_edit(c, key, TYPE_ZSET, &e)) return;
    for (int i = 2; i < c->argc; i++) removed += zset_remove(&e.edit, c->argv[i]);
    context_edit_end(c, key, &e, NOTIFY_ZSET, removed ? "zrem" : NULL, removed);
    reply_integer(c->reply, (int64_t)removed);
}

/* ---- looking ---- */

void sorted_set_zcard_run(struct context *c) {
    struct value v;
    if (sorted_set_view(c, 1, &v)) reply_integer(c->reply, (int64_t)zset_count(v));
}

static void reply_score(struct context *c, struct value v, struct slice member) {
    double score;
    if (zset_score(v, member, &score))
        reply_double(c->reply, score);
    else
        reply_null(c->reply);
}

void sorted_set_zscore_run(struct context *c) {
    struct value v;
    if (sorted_set_view(c, 1, &v)) reply_score(c, v, c->argv[2]);
}

void sorted_set_zmscore_run(struct context *c) {
    struct value v;
    if (!sorted_set_view(c, 1, &v)) return;
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) reply_score(c, v, c->argv[i]);
}

static void rank_run(struct context *c, bool from_end) {
    struct value v;
    uint64_t rank;
    double score;
    bool with_score = c->argc == 4;
    if (c->argc > 4) {
        reply_error_format(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
    } else if (with_score && !slice_is(c->argv[3], "WITHSCORE")) {
        context_syntax_error(c);
    } else if (!sorted_set_view(c, 1, &v)) {
        return;
    } else if (!zset_rank(v, c->argv[2], &rank, &score)) {
        if (with_score)
            reply_null_array(c->reply);
        else
            reply_null(c->reply);
    } else {
        if (with_score) reply_array(c->reply, 2);
        reply_integer(c->reply, (int64_t)(from_end ? zset_count(v) - 1 - rank : rank));
        if (with_score) reply_double(c->reply, score);
    }
}

void sorted_set_zrank_run(struct context *c) { rank_run(c, false); }

void sorted_set_zrevrank_run(struct context *c) { rank_run(c, true); }
