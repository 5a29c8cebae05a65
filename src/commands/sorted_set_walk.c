/* ZRANDMEMBER and ZSCAN. */
#include "base/check.h"
#include "base/glob.h"
#include "base/num.h"
#include "base/random.h"
#include "commands/cursor.h"
#include "commands/sorted_set_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* ---- ZRANDMEMBER ---- */

/* The most members drawn with repetition: Redis draws as many as it is asked for, until its memory is used up. */
#define DRAWS_MAX INT64_C(100000)

static void reply_rank(struct context *c, struct value v, uint64_t rank, bool with_scores) {
    struct zset_walk w;
    struct zset_item item;
    zset_walk_ranks(&w, v, rank, rank + 1, false);
    bool found = zset_walk_next(&w, &item);
    proven(found);
    sorted_set_reply_item(c, &item, with_scores);
}

/* n draws, repetition allowed. A pack is walked once for all of them. */
static void draw(struct context *c, struct value v, uint64_t n, bool with_scores) {
    struct random *r = &c->executor->random;
    uint64_t count = zset_count(v);
    sorted_set_reply_head(c, n, with_scores);
    if (v.form == VALUE_HEAD || n < 4) {
        for (; n > 0; n--) reply_rank(c, v, random_below(r, count), with_scores);
        return;
    }
    struct zset_walk w, *places = mem_alloc(MEM_SERVER, count * sizeof *places);
    struct zset_item item;
    size_t known = 0;
    zset_walk_ranks(&w, v, 0, count, false);
    do places[known++] = w;
    while (zset_walk_next(&w, &item) && known < count);
    for (; n > 0; n--) {
        w = places[random_below(r, count)];
        zset_walk_next(&w, &item);
        sorted_set_reply_item(c, &item, with_scores);
    }
    mem_free(MEM_SERVER, places, count * sizeof *places);
}

/* n of many: ranks drawn until they are n different ones, which takes less than 3/2 n draws on average. */
static void sample_few(struct context *c, struct value v, uint64_t n, bool with_scores) {
    struct zset_builder seen;
    struct zset_item item;
    struct zset_walk w;
    uint64_t count = zset_count(v);
    zset_builder_init(&seen);
    while (n > 0) {
        uint64_t rank = random_below(&c->executor->random, count);
        zset_walk_ranks(&w, v, rank, rank + 1, false);
        bool found = zset_walk_next(&w, &item);
        proven(found);
        if (!zset_builder_add(&seen, item.member, item.score)) continue;
        sorted_set_reply_item(c, &item, with_scores);
        n--;
    }
    zset_builder_release(&seen);
}

/* n of not many more: one walk, each taken with the chance that it has (Knuth's algorithm S). From the highest down, as Redis
 * answers when it is asked for all. */
static void sample_most(struct context *c, struct value v, uint64_t n, bool with_scores) {
    struct zset_item item;
    struct zset_walk w;
    uint64_t left = zset_count(v);
    for (zset_walk_ranks(&w, v, 0, left, true); n > 0 && zset_walk_next(&w, &item); left--) {
        if (random_below(&c->executor->random, left) >= n) continue;
        sorted_set_reply_item(c, &item, with_scores);
        n--;
    }
    proven(n == 0);
}

static void random_members(struct context *c, struct value v, int64_t wanted, bool with_scores) {
    uint64_t count = zset_count(v), n = (uint64_t)wanted;
    if (count == 0) {
        reply_array(c->reply, 0);
    } else if (wanted < 0) {
        draw(c, v, 0 - n, with_scores);
    } else {
        if (n > count) n = count;
        sorted_set_reply_head(c, n, with_scores);
        if (v.form == VALUE_HEAD && n < count / 3)
            sample_few(c, v, n, with_scores);
        else
            sample_most(c, v, n, with_scores);
    }
}

/* Of a value that is there: a request for nothing may ask for any number. */
static bool draws_allowed(struct context *c, struct value v, int64_t n) {
    if (!v.ptr || n >= -DRAWS_MAX) return true;
    reply_error_format(c->reply, "ERR value is out of range, value must between %" PRId64 " and %ld", -DRAWS_MAX,
                       LONG_MAX);
    return false;
}

void sorted_set_zrandmember_run(struct context *c) {
    struct value v;
    int64_t n;
    bool with_scores = c->argc > 3;
    if (c->argc == 2) {
        if (!sorted_set_view(c, 1, &v)) return;
        if (v.ptr)
            reply_rank(c, v, random_below(&c->executor->random, zset_count(v)), false);
        else
            reply_null(c->reply);
        return;
    }
    if (!context_integer_between(c, 2, -LONG_MAX, LONG_MAX, NULL, &n)) return;
    if (c->argc > 4 || (with_scores && !slice_is(c->argv[3], "WITHSCORES")))
        context_syntax_error(c);
    else if (with_scores && (n < -LONG_MAX / 2 || n > LONG_MAX / 2))
        reply_error(c->reply, "ERR value is out of range");
    else if (sorted_set_view(c, 1, &v) && draws_allowed(c, v, n))
        random_members(c, v, n, with_scores);
}

/* ---- ZSCAN ---- */

struct scan {
    struct cursor_walk walk;
    bool no_scores, in_pack;
};

/* Redis shows the text that a pack holds: whole numbers in plain digits, up to where they are kept so. */
static void put_score(struct scan *s, double score) {
    char text[NUM_DOUBLE_TEXT_MAX];
    bool whole = s->in_pack && score >= -0x1p62 && score <= 0x1p62 && score == (double)(int64_t)score;
    size_t n = whole ? num_format_i64(text, (int64_t)score) : num_format_double(text, score);
    cursor_put(&s->walk, slice_of(text, n));
}

static void scan_visit(void *arg, const struct zset_item *item) {
    struct scan *s = arg;
    if (!cursor_wants(&s->walk, item->member)) return;
    cursor_put(&s->walk, item->member);
    if (!s->no_scores) put_score(s, item->score);
}

static int no_scores_option(struct context *c, int i, void *arg) {
    struct scan *s = arg;
    if (!slice_is(c->argv[i], "NOSCORES")) return 0;
    s->no_scores = true;
    return 1;
}

static void scan_walk(struct value v, struct scan *s) {
    s->in_pack = v.form == VALUE_PACK;
    do s->walk.cursor = zset_scan(v, s->walk.cursor, scan_visit, s);
    while (cursor_goes_on(&s->walk));
}

void sorted_set_zscan_run(struct context *c) {
    struct scan s = {.no_scores = false};
    struct value v;
    if (!cursor_begin(c, 2, &s.walk) || !sorted_set_view(c, 1, &v)) return;
    if (!v.ptr) /* whatever the options */
        s.walk.cursor = 0;
    else if (cursor_options(c, 3, &s.walk, no_scores_option, &s))
        scan_walk(v, &s);
    else
        return;
    cursor_reply(c, &s.walk);
}
