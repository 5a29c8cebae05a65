/* Whole sets, and members by chance. */
#include "commands/cursor.h"
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

static void scan_visit(void *arg, struct slice member) {
    if (cursor_wants(arg, member)) cursor_put(arg, member);
}

static void scan_walk(struct value v, struct cursor_walk *w) {
    do w->cursor = set_scan(v, w->cursor, scan_visit, w);
    while (cursor_goes_on(w));
}

void set_scan_run(struct context *c) {
    struct cursor_walk w;
    struct value v;
    if (!cursor_begin(c, 2, &w) || !set_view(c, 1, &v)) return;
    if (!v.ptr) /* whatever the options */
        w.cursor = 0;
    else if (cursor_options(c, 3, &w, NULL, NULL))
        scan_walk(v, &w);
    else
        return;
    cursor_reply(c, &w);
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
