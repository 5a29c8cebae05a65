/* ZRANDMEMBER and ZSCAN. */
#include "base/check.h"
#include "base/glob.h"
#include "base/num.h"
#include "base/random.h"
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

#define SCAN_COUNT_DEFAULT   10
#define SCAN_STEPS_PER_COUNT 10 /* buckets walked at most, for each member asked for */

struct scan {
    struct reply *reply;
    struct slice pattern;
    bool any, no_scores, in_pack;
    int64_t count, seen, replied;
};

/* Redis shows the text that a pack holds: whole numbers in plain digits, up to where they are kept so. */
static void reply_score(const struct scan *s, double score) {
    char text[NUM_DOUBLE_TEXT_MAX];
    if (s->in_pack && score >= -0x1p62 && score <= 0x1p62 && score == (double)(int64_t)score)
        reply_bulk_integer(s->reply, (int64_t)score);
    else
        reply_bulk(s->reply, slice_of(text, num_format_double(text, score)));
}

static void scan_visit(void *arg, const struct zset_item *item) {
    struct scan *s = arg;
    s->seen++;
    if (!s->any && !glob_match(s->pattern, item->member, false)) return;
    reply_bulk(s->reply, item->member);
    if (!s->no_scores) reply_score(s, item->score);
    s->replied += s->no_scores ? 1 : 2;
}

/* What C's strtoul takes without leading space: see SCAN. */
static bool parse_cursor(struct slice text, uint64_t *cursor) {
    bool sign = text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-');
    uint64_t n = 0;
    for (size_t i = sign; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, digit, &n)) return false;
    }
    *cursor = sign && text.ptr[0] == '-' ? 0 - n : n;
    return !(sign && text.len == 1);
}

static bool scan_options(struct context *c, struct scan *s) {
    int i = 3;
    while (i < c->argc) {
        bool more = i + 1 < c->argc;
        if (more && slice_is(c->argv[i], "COUNT")) {
            if (!context_integer(c, i + 1, &s->count)) return false;
            if (s->count < 1) break;
        } else if (more && slice_is(c->argv[i], "MATCH")) {
            s->pattern = c->argv[i + 1];
            s->any = slice_equal(s->pattern, SLICE("*"));
        } else if (slice_is(c->argv[i], "NOSCORES")) {
            s->no_scores = true;
            i--;
        } else {
            break;
        }
        i += 2;
    }
    if (i >= c->argc) return true;
    context_syntax_error(c);
    return false;
}

static void reply_scan(struct context *c, uint64_t cursor, int64_t n, struct slice found) {
    char text[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, slice_of(text, num_format_u64(text, cursor)));
    reply_array(c->reply, n);
    buf_append_slice(c->reply->out, found);
}

void sorted_set_zscan_run(struct context *c) {
    struct scan s = {.any = true, .count = SCAN_COUNT_DEFAULT};
    struct value v;
    uint64_t cursor;
    if (!parse_cursor(c->argv[2], &cursor)) {
        reply_error(c->reply, "ERR invalid cursor");
        return;
    }
    if (!sorted_set_view(c, 1, &v)) return;
    if (!v.ptr) {
        reply_scan(c, 0, 0, SLICE(""));
        return;
    }
    if (!scan_options(c, &s)) return;
    int64_t steps = s.count < INT64_MAX / SCAN_STEPS_PER_COUNT ? s.count * SCAN_STEPS_PER_COUNT : INT64_MAX;
    struct buf found;
    struct reply list = {.out = &found, .resp = c->reply->resp};
    buf_init(&found, MEM_CLIENT_OUT);
    s.reply = &list;
    s.in_pack = v.form == VALUE_PACK;
    do cursor = zset_scan(v, cursor, scan_visit, &s);
    while (cursor != 0 && s.seen < s.count && --steps > 0);
    reply_scan(c, cursor, s.replied, buf_slice(&found));
    buf_release(&found);
}
