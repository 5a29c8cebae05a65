/* Whole sets, and members by chance. */
#include "commands/set_int.h"

#include "base/glob.h"
#include "base/num.h"
#include "exec/journal.h"

void set_reply_member(void *arg, struct slice member) { reply_bulk(arg, member); }

void set_members_run(struct context *c) {
    struct value v;
    if (!set_view(c, 1, &v)) return;
    reply_set(c->reply, (int64_t)set_count(v));
    if (v.ptr) set_each(v, set_reply_member, c->reply);
}

/* ---- SSCAN ---- */

struct scan {
    struct reply *reply;
    struct slice pattern;
    bool any; /* every member matches */
    int64_t count;
    int64_t seen, replied;
};

#define SCAN_COUNT_DEFAULT 10
#define SCAN_STEPS_PER_COUNT \
    10 /* buckets walked at most, for each member asked for: a sparse table ends a call early */

/* What C's strtoul takes, without leading space: "" is 0, and a sign may stand before the digits. */
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

/* From argument 3 on; false after the error reply. */
static bool scan_options(struct context *c, struct scan *s) {
    int i = 3;
    for (; i + 1 < c->argc; i += 2) {
        if (slice_is(c->argv[i], "COUNT")) {
            if (!context_integer(c, i + 1, &s->count)) return false;
            if (s->count < 1) break;
        } else if (slice_is(c->argv[i], "MATCH")) {
            s->pattern = c->argv[i + 1];
            s->any = slice_equal(s->pattern, SLICE("*"));
        } else {
            break;
        }
    }
    if (i >= c->argc) return true;
    context_syntax_error(c);
    return false;
}

static void scan_visit(void *arg, struct slice member) {
    struct scan *s = arg;
    s->seen++;
    if (!s->any && !glob_match(s->pattern, member, false)) return;
    reply_bulk(s->reply, member);
    s->replied++;
}

static void scan_reply(struct context *c, uint64_t cursor, struct slice members, int64_t count) {
    char text[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, slice_of(text, num_format_u64(text, cursor)));
    reply_array(c->reply, count);
    if (members.len) buf_append_slice(c->reply->out, members);
}

static void scan_walk(struct context *c, struct value v, uint64_t cursor, struct scan *s) {
    int64_t steps = s->count < INT64_MAX / SCAN_STEPS_PER_COUNT ? s->count * SCAN_STEPS_PER_COUNT : INT64_MAX;
    struct buf found;
    struct reply list = {.out = &found, .resp = c->reply->resp};
    buf_init(&found, MEM_CLIENT_OUT);
    s->reply = &list;
    do cursor = set_scan(v, cursor, scan_visit, s);
    while (cursor != 0 && s->seen < s->count && --steps > 0);
    scan_reply(c, cursor, buf_slice(&found), s->replied);
    buf_release(&found);
}

void set_scan_run(struct context *c) {
    struct scan s = {.any = true, .count = SCAN_COUNT_DEFAULT};
    struct value v;
    uint64_t cursor;
    if (!parse_cursor(c->argv[2], &cursor)) {
        reply_error(c->reply, "ERR invalid cursor");
        return;
    }
    if (!set_view(c, 1, &v)) return;
    if (!v.ptr)
        scan_reply(c, 0, SLICE(""), 0); /* whatever the options */
    else if (scan_options(c, &s))
        scan_walk(c, v, cursor, &s);
}

/* ---- SRANDMEMBER ---- */

/* The most that a negative count may ask for: below 100 ms and some tens of MB for short texts. */
#define RANDOM_REPEATED_MAX INT64_C(500000)

static void random_one(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    struct value v;
    if (!set_view(c, 1, &v)) return;
    if (v.ptr)
        reply_bulk(c->reply, set_random(v, &c->executor->random, scratch));
    else
        reply_null(c->reply);
}

static void random_repeated(struct context *c, struct value v, int64_t count) {
    if (count > RANDOM_REPEATED_MAX) {
        reply_error_format(c->reply, "ERR value is out of range, a negative count may ask for at most %d members",
                           (int)RANDOM_REPEATED_MAX);
        return;
    }
    reply_array(c->reply, count);
    set_draw(v, (size_t)count, &c->executor->random, set_reply_member, c->reply);
}

static void random_different(struct context *c, struct value v, uint64_t count) {
    size_t all = set_count(v), n = count < all ? (size_t)count : all;
    reply_array(c->reply, (int64_t)n);
    if (n == all)
        set_each(v, set_reply_member, c->reply);
    else if (n > 0)
        set_sample(v, n, &c->executor->random, set_reply_member, c->reply);
}

void set_randmember_run(struct context *c) {
    struct value v;
    int64_t count;
    if (c->argc == 2) {
        random_one(c);
    } else if (c->argc > 3) {
        context_syntax_error(c);
    } else if (context_integer_between(c, 2, -INT64_MAX, INT64_MAX, NULL, &count) && set_view(c, 1, &v)) {
        if (!v.ptr)
            reply_array(c->reply, 0);
        else if (count < 0)
            random_repeated(c, v, -count);
        else
            random_different(c, v, (uint64_t)count);
    }
}

/* ---- SPOP: what the journal takes is which members went ---- */

#define POPPED_WORDS 64 /* in one SREM */

struct popping {
    struct context *c;
    bool journal;
    struct buf texts; /* of the members that the next SREM names */
    size_t ends[POPPED_WORDS];
    int count;
};

static void popping_put(struct popping *p) {
    struct slice argv[POPPED_WORDS + 2] = {SLICE("SREM"), p->c->argv[1]};
    size_t start = 0;
    if (p->count == 0) return;
    for (int i = 0; i < p->count; i++) {
        argv[2 + i] = slice_of(p->texts.ptr + start, p->ends[i] - start);
        start = p->ends[i];
    }
    journal_effect(p->c, argv, p->count + 2);
    buf_clear(&p->texts);
    p->count = 0;
}

static void popping_add(void *arg, struct slice member) {
    struct popping *p = arg;
    reply_bulk(p->c->reply, member);
    if (!p->journal) return;
    buf_append_slice(&p->texts, member);
    p->ends[p->count++] = p->texts.len;
    if (p->count == POPPED_WORDS) popping_put(p);
}

static void pop_all(struct context *c, struct value_edit *e) {
    set_each(e->value, set_reply_member, c->reply);
    value_drop_whole(e);
    if (journal_wanted(c)) journal_put_delete(c, c->argv[1]);
}

static void pop_some(struct context *c, struct value_edit *e, size_t n) {
    struct popping p = {.c = c, .journal = journal_wanted(c)};
    buf_init(&p.texts, MEM_AOF);
    set_take(e, n, &c->executor->random, popping_add, &p);
    popping_put(&p);
    buf_release(&p.texts);
}

static void pop_one(struct context *c, struct key key) {
    char scratch[NUM_TEXT_MAX];
    struct db_edit e;
    if (!context_edit(c, key, TYPE_SET, &e)) return;
    bool there = e.edit.value.ptr != NULL;
    if (there) {
        struct slice member = set_random(e.edit.value, &c->executor->random, scratch);
        reply_bulk(c->reply, member);
        if (unlikely(journal_wanted(c))) journal_put(c, SLICE("SREM"), key.text, member);
        bool removed = set_remove(&e.edit, member);
        proven(removed);
    } else {
        reply_null(c->reply);
    }
    context_edit_end(c, key, &e, NOTIFY_SET, there ? "spop" : NULL, there);
}

void set_pop_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    int64_t count;
    if (c->argc == 2) {
        pop_one(c, key);
        return;
    }
    if (c->argc > 3) {
        context_syntax_error(c);
        return;
    }
    if (!context_integer_between(c, 2, 0, INT64_MAX, "ERR value is out of range, must be positive", &count)) return;
    if (!context_edit(c, key, TYPE_SET, &e)) return;
    size_t all = set_count(e.edit.value), n = (uint64_t)count < all ? (size_t)count : all;
    reply_set(c->reply, (int64_t)n);
    if (n > 0 && n == all)
        pop_all(c, &e.edit);
    else if (n > 0)
        pop_some(c, &e.edit, n);
    context_edit_end(c, key, &e, NOTIFY_SET, n ? "spop" : NULL, n);
}
