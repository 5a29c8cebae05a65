/* Ranges by rank, score or member: to be shown, stored, counted, removed. */
#include "base/check.h"
#include "base/num.h"
#include "commands/sorted_set_int.h"

#include <math.h>
#include <stdlib.h>

enum range_by { BY_NOTHING, BY_RANK, BY_SCORE, BY_LEX };

struct range {
    enum range_by by;
    int64_t start, stop; /* ranks as given, negative from the end */
    struct zset_scores scores;
    struct zset_members members;
};

/* ---- borders ---- */

#define SCORE_TEXT_MAX 400 /* beyond what anybody writes: 1.8e308 in plain digits has 309 */

/* What C's strtod takes whole, with what that includes: space before it, nothing at all, overflow to infinity. */
static bool loose_double(struct slice text, double *v) {
    char copy[SCORE_TEXT_MAX + 1];
    char *end;
    if (text.len > SCORE_TEXT_MAX) return false;
    if (text.len) memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *v = strtod(copy, &end);
    return *end == 0 && !isnan(*v);
}

static bool score_border(struct slice text, double *score, bool *open) {
    *open = text.len > 0 && text.ptr[0] == '(';
    if (*open) text = slice_of(text.ptr + 1, text.len - 1);
    return sorted_set_parse_score(text, score) || loose_double(text, score);
}

static bool lex_border(struct slice text, struct zset_border *b) {
    char first = text.len ? text.ptr[0] : 0;
    *b = (struct zset_border){.kind = ZSET_LOWEST};
    if (first == '-' || first == '+') {
        if (first == '+') b->kind = ZSET_HIGHEST;
        return text.len == 1;
    }
    b->kind = first == '[' ? ZSET_CLOSED : ZSET_OPEN;
    if (first != '[' && first != '(') return false;
    b->text = slice_of(text.ptr + 1, text.len - 1);
    return true;
}

/* From the arguments min and max (start and stop). False after the error reply. */
static bool range_parse(struct context *c, enum range_by by, int min, int max, struct range *r) {
    const char *error = NULL;
    r->by = by;
    if (by == BY_RANK) return context_integer(c, min, &r->start) && context_integer(c, max, &r->stop);
    if (by == BY_LEX) {
        if (!lex_border(c->argv[min], &r->members.min) || !lex_border(c->argv[max], &r->members.max))
            error = "ERR min or max not valid string range item";
    } else if (!score_border(c->argv[min], &r->scores.min, &r->scores.min_open) ||
               !score_border(c->argv[max], &r->scores.max, &r->scores.max_open)) {
        error = "ERR min or max is not a float";
    }
    if (error) reply_error(c->reply, error);
    return !error;
}

/* Ranks as of a list: counted from the walk's own beginning. */
static void walk_ranks(struct zset_walk *w, struct value v, int64_t start, int64_t stop, bool down) {
    int64_t count = (int64_t)zset_count(v);
    if (start < 0) start = start < -count ? 0 : start + count;
    if (stop < 0) stop = stop < -count ? -1 : stop + count;
    if (stop >= count) stop = count - 1;
    if (start > stop) {
        zset_walk_ranks(w, v, 0, 0, down);
        return;
    }
    proven(start >= 0 && stop < count);
    uint64_t from = (uint64_t)(down ? count - 1 - stop : start), to = (uint64_t)(down ? count - start : stop + 1);
    zset_walk_ranks(w, v, from, to, down);
}

static void range_walk(struct zset_walk *w, struct value v, const struct range *r, bool down) {
    if (r->by == BY_RANK)
        walk_ranks(w, v, r->start, r->stop, down);
    else if (r->by == BY_SCORE)
        zset_walk_scores(w, v, &r->scores, down);
    else
        zset_walk_members(w, v, &r->members, down);
}

/* ---- ZRANGE and its kin ---- */

/* What the command's name says already, and what its options have added. */
struct wanted {
    enum range_by by;      /* BY_NOTHING: may be said */
    bool down, down_fixed; /* fixed: may not be said (any more) */
    bool stores, with_scores;
    int64_t offset, limit; /* negative: none */
};

/* Of the option at argument i how many words follow it; -1 when there is no such option here, or it does not fit. */
static int range_option(const struct context *c, int i, struct wanted *q) {
    struct slice word = c->argv[i];
    if (!q->stores && slice_is(word, "WITHSCORES"))
        q->with_scores = true;
    else if (slice_is(word, "LIMIT"))
        return i + 2 < c->argc ? 2 : -1;
    else if (!q->down_fixed && slice_is(word, "REV"))
        q->down = q->down_fixed = true;
    else if (q->by == BY_NOTHING && slice_is(word, "BYLEX"))
        q->by = BY_LEX;
    else if (q->by == BY_NOTHING && slice_is(word, "BYSCORE"))
        q->by = BY_SCORE;
    else
        return -1;
    return 0;
}

/* The options from argument i on. False after the error reply. */
static bool range_options(struct context *c, int i, struct wanted *q) {
    int words;
    q->limit = -1;
    for (; i < c->argc; i += 1 + words) {
        words = range_option(c, i, q);
        if (words < 0) {
            context_syntax_error(c);
            return false;
        }
        if (words && (!context_integer(c, i + 1, &q->offset) || !context_integer(c, i + 2, &q->limit))) return false;
    }
    if (q->by == BY_NOTHING) q->by = BY_RANK;
    const char *error = NULL;
    if (q->limit != -1 && q->by == BY_RANK)
        error = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    else if (q->with_scores && q->by == BY_LEX)
        error = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    if (error) reply_error(c->reply, error);
    return !error;
}

static void limit_walk(struct zset_walk *w, const struct wanted *q) {
    if (q->by == BY_RANK) return;
    if (q->offset < 0)
        zset_walk_limit(w, UINT64_MAX, 0);
    else if (q->offset > 0 || q->limit >= 0)
        zset_walk_limit(w, (uint64_t)q->offset, q->limit < 0 ? UINT64_MAX : (uint64_t)q->limit);
}

/* What is too much for a pack is built at once. Else one is added after the other, as Redis does, so that what becomes of -0,
 * which a pack does not keep, is the same. */
static struct value copy_walk(struct zset_walk *w, bool known_long, const struct value_limits *limits, int64_t now_ms) {
    struct value_edit e = value_edit_alone(SORTED_SET_EMPTY, limits, now_ms);
    struct zset_builder b;
    struct zset_item item;
    if (!known_long) {
        while (zset_walk_next(w, &item)) zset_add(&e, item.member, &item.score, 0);
        value_edit_release(&e);
        return e.value;
    }
    zset_builder_init(&b);
    while (zset_walk_next(w, &item)) zset_builder_add(&b, item.member, item.score);
    return zset_builder_end(&b, limits);
}

static void store_walk(struct context *c, struct zset_walk *w, enum range_by by) {
    const struct value_limits *limits = dataset_limits(c->dataset);
    uint64_t count = w->left;
    bool known_long = by == BY_RANK && (int64_t)count > limits->zset_max_listpack_entries;
    sorted_set_store(c, context_key(c, 1), copy_walk(w, known_long, limits, c->now_ms), "zrangestore");
    reply_integer(c->reply, (int64_t)count);
}

/* first: the argument of the key that is read. */
static void range_run(struct context *c, int first, struct wanted q) {
    struct value v;
    struct range r;
    struct zset_walk w;
    if (!range_options(c, first + 3, &q)) return;
    bool swapped = q.down && q.by != BY_RANK;
    if (!range_parse(c, q.by, first + (swapped ? 2 : 1), first + (swapped ? 1 : 2), &r)) return;
    if (!sorted_set_view(c, first, &v)) return;
    range_walk(&w, v, &r, q.down);
    limit_walk(&w, &q);
    if (q.stores)
        store_walk(c, &w, q.by);
    else
        sorted_set_reply_walk(c, &w, q.with_scores);
}

void sorted_set_zrange_run(struct context *c) { range_run(c, 1, (struct wanted){0}); }

void sorted_set_zrangestore_run(struct context *c) { range_run(c, 2, (struct wanted){.stores = true}); }

void sorted_set_zrevrange_run(struct context *c) {
    range_run(c, 1, (struct wanted){.by = BY_RANK, .down = true, .down_fixed = true});
}

void sorted_set_zrangebyscore_run(struct context *c) {
    range_run(c, 1, (struct wanted){.by = BY_SCORE, .down_fixed = true});
}

void sorted_set_zrevrangebyscore_run(struct context *c) {
    range_run(c, 1, (struct wanted){.by = BY_SCORE, .down = true, .down_fixed = true});
}

void sorted_set_zrangebylex_run(struct context *c) {
    range_run(c, 1, (struct wanted){.by = BY_LEX, .down_fixed = true});
}

void sorted_set_zrevrangebylex_run(struct context *c) {
    range_run(c, 1, (struct wanted){.by = BY_LEX, .down = true, .down_fixed = true});
}

/* ---- counting and removing ---- */

static void count_run(struct context *c, enum range_by by) {
    struct value v;
    struct range r;
    struct zset_walk w;
    if (!range_parse(c, by, 2, 3, &r) || !sorted_set_view(c, 1, &v)) return;
    range_walk(&w, v, &r, false);
    reply_integer(c->reply, (int64_t)w.left);
}

void sorted_set_zcount_run(struct context *c) { count_run(c, BY_SCORE); }

void sorted_set_zlexcount_run(struct context *c) { count_run(c, BY_LEX); }

static void remove_run(struct context *c, enum range_by by, const char *event) {
    struct key key = context_key(c, 1);
    struct range r;
    struct zset_walk w;
    struct db_edit e;
    if (!range_parse(c, by, 2, 3, &r) || !context_edit(c, key, TYPE_ZSET, &e)) return;
    range_walk(&w, e.edit.value, &r, false);
    uint64_t count = w.left, first = zset_walk_first_rank(&w);
    if (count) zset_remove_ranks(&e.edit, first, first + count);
    context_edit_end(c, key, &e, NOTIFY_ZSET, count ? event : NULL, count);
    reply_integer(c->reply, (int64_t)count);
}

void sorted_set_zremrangebyrank_run(struct context *c) { remove_run(c, BY_RANK, "zremrangebyrank"); }

void sorted_set_zremrangebyscore_run(struct context *c) { remove_run(c, BY_SCORE, "zremrangebyscore"); }

void sorted_set_zremrangebylex_run(struct context *c) { remove_run(c, BY_LEX, "zremrangebylex"); }
