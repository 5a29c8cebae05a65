/* Unions, intersections and differences of sets.
 *
 *   intersection   the smallest set's members are looked for in the others, from the next smallest on
 *   union          all are put together in a new set
 *   difference     the first set's members are looked for in the others, or the others' are taken out of a copy of the first:
 *                  what is less work, a look counted as half a change, as in Redis. It shows: a copy that has become a table
 *                  stays one when it gets small */
#include "commands/set_int.h"
#include "wire/resp.h"

#include <limits.h>
#include <stdlib.h>

enum operation { OP_UNION, OP_INTER, OP_DIFF };

struct source {
    struct value value; /* ptr NULL: absent */
    size_t count;
};

#define SOURCES_FEW 8 /* on the stack */

struct combination {
    enum operation op;
    int count;
    struct source *sources, few[SOURCES_FEW];
    /* what becomes of a member that is found */
    struct value_edit *into; /* or */
    struct reply *reply;     /* or it is counted only */
    uint64_t found, limit;   /* 0: none */
    bool no_memory;          /* for a long member: what is there is not all */
};

/* ---- sources ---- */

static void sources_release(struct combination *m) {
    if (m->sources != m->few) mem_free(MEM_SERVER, m->sources, (size_t)m->count * sizeof *m->sources);
    m->sources = NULL;
}

/* The sets at arguments [first, first + count). False after a WRONGTYPE reply; then nothing is held. */
static bool sources_view(struct context *c, int first, int count, struct combination *m) {
    m->count = count;
    m->sources = count <= SOURCES_FEW ? m->few : mem_alloc(MEM_SERVER, (size_t)count * sizeof *m->sources);
    for (int i = 0; i < count; i++) {
        struct source *s = &m->sources[i];
        if (!set_view(c, first + i, &s->value)) {
            sources_release(m);
            return false;
        }
        s->count = set_count(s->value);
    }
    return true;
}

static int smaller_first(const void *a, const void *b) {
    const struct source *x = a, *y = b;
    return (x->count > y->count) - (x->count < y->count);
}

static int larger_first(const void *a, const void *b) { return smaller_first(b, a); }

/* ---- members that are found ---- */

static bool full(const struct combination *m) { return m->limit && m->found >= m->limit; }

static void emit(struct combination *m, struct slice member) {
    if (m->into) {
        enum set_added added = set_add(m->into, member);
        m->no_memory |= added == SET_NO_MEMORY;
        if (added != SET_ADDED) return;
    }
    m->found++;
    if (m->reply) reply_bulk(m->reply, member);
}

/* Of a table one bucket after the other, so that a limit ends it. */
static void source_each(struct combination *m, const struct source *s, set_visit *visit) {
    uint64_t cursor = 0;
    if (!s->value.ptr) return;
    do cursor = set_scan(s->value, cursor, visit, m);
    while (cursor && !full(m));
}

/* ---- intersection ---- */

static void inter_member(void *arg, struct slice member) {
    struct combination *m = arg;
    if (full(m)) return;
    for (int i = 1; i < m->count; i++)
        if (!set_has(m->sources[i].value, member)) return;
    emit(m, member);
}

static void intersection(struct combination *m) {
    qsort(m->sources, (size_t)m->count, sizeof *m->sources, smaller_first);
    if (m->sources[0].value.ptr) source_each(m, &m->sources[0], inter_member);
}

/* ---- union ---- */

static void union_member(void *arg, struct slice member) {
    struct combination *m = arg;
    if (!full(m)) emit(m, member);
}

static void put_together(struct combination *m) {
    for (int i = 0; i < m->count && !full(m); i++) source_each(m, &m->sources[i], union_member);
}

/* ---- difference ---- */

static void diff_member(void *arg, struct slice member) {
    struct combination *m = arg;
    if (full(m)) return;
    for (int i = 1; i < m->count; i++)
        if (m->sources[i].value.ptr && set_has(m->sources[i].value, member)) return;
    emit(m, member);
}

static void take_out(void *arg, struct slice member) {
    struct combination *m = arg;
    set_remove(m->into, member);
}

static bool looking_is_less(const struct combination *m) {
    uint64_t looks = 0, changes = 0;
    for (int i = 0; i < m->count; i++) {
        if (!m->sources[i].value.ptr) continue;
        looks += m->sources[0].count;
        changes += m->sources[i].count;
    }
    return looks / 2 <= changes;
}

/* Into an edit; returns without members when the first set is among the others. */
static void difference_by_changes(struct combination *m) {
    source_each(m, &m->sources[0], union_member);
    for (int i = 1; i < m->count && m->into->value.ptr; i++) source_each(m, &m->sources[i], take_out);
    m->found = set_count(m->into->value);
}

static void difference_by_looks(struct combination *m) {
    /* The larger ones are likelier to have a member. */
    if (m->count > 2) qsort(m->sources + 1, (size_t)m->count - 1, sizeof *m->sources, larger_first);
    source_each(m, &m->sources[0], diff_member);
}

/* ---- commands ---- */

static bool needs_value(const struct combination *m) {
    int present = 0;
    if (m->op == OP_DIFF) return m->sources[0].value.ptr && !looking_is_less(m);
    for (int i = 0; i < m->count; i++) present += m->sources[i].value.ptr != NULL;
    return m->op == OP_UNION && present > 1;
}

static void combine(struct combination *m) {
    if (m->op == OP_UNION)
        put_together(m);
    else if (m->op == OP_INTER)
        intersection(m);
    else if (!m->sources[0].value.ptr)
        m->found = 0;
    else if (looking_is_less(m))
        difference_by_looks(m);
    else
        difference_by_changes(m);
}

/* The combination as a value of the caller's. False after the error reply. */
static bool combined(struct context *c, struct combination *m, struct value *v) {
    struct value_edit e = value_edit_alone(SET_EMPTY, dataset_limits(c->dataset), dataset_now(c->dataset));
    m->into = &e;
    combine(m);
    m->into = NULL;
    dataset_settle(c->dataset, &e);
    *v = e.value;
    if (likely(!m->no_memory)) return true;
    dataset_discard(c->dataset, *v);
    set_no_memory(c);
    return false;
}

static void reply_value(struct context *c, struct value v) {
    reply_set(c->reply, (int64_t)set_count(v));
    if (!v.ptr) return;
    set_each(v, set_reply_member, c->reply);
    dataset_discard(c->dataset, v);
}

static void combine_run(struct context *c, enum operation op) {
    struct combination m = {.op = op};
    struct value v;
    if (!sources_view(c, 1, c->argc - 1, &m)) return;
    if (needs_value(&m)) {
        if (combined(c, &m, &v)) reply_value(c, v);
    } else {
        size_t place = reply_deferred(c->reply);
        m.reply = c->reply;
        combine(&m);
        reply_deferred_set(c->reply, place, RESP_SET, (int64_t)m.found);
    }
    sources_release(&m);
}

void set_inter_run(struct context *c) { combine_run(c, OP_INTER); }

void set_union_run(struct context *c) { combine_run(c, OP_UNION); }

void set_diff_run(struct context *c) { combine_run(c, OP_DIFF); }

static void store(struct context *c, struct key key, struct value v, const char *event) {
    if (v.ptr) {
        db_put_value(c->db, key, v, NO_EXPIRE);
        context_changed(c, NOTIFY_SET, event, key.text);
    } else if (db_delete(c->db, key)) {
        context_changed(c, NOTIFY_GENERIC, "del", key.text);
    }
}

static void store_run(struct context *c, enum operation op, const char *event) {
    struct combination m = {.op = op};
    struct key key = context_key(c, 1);
    struct value v;
    if (!sources_view(c, 2, c->argc - 2, &m)) return;
    if (combined(c, &m, &v)) {
        reply_integer(c->reply, (int64_t)set_count(v));
        store(c, key, v, event);
    }
    sources_release(&m);
}

void set_interstore_run(struct context *c) { store_run(c, OP_INTER, "sinterstore"); }

void set_unionstore_run(struct context *c) { store_run(c, OP_UNION, "sunionstore"); }

void set_diffstore_run(struct context *c) { store_run(c, OP_DIFF, "sdiffstore"); }

/* ---- cardinalities ---- */

/* [LIMIT n], perhaps more than once, and of a union APPROX, which is answered exactly. False after the error reply. */
static bool options_parse(struct context *c, int i, struct combination *m) {
    int64_t limit;
    for (; i < c->argc; i += 2) {
        if (m->op == OP_UNION && slice_is(c->argv[i], "APPROX")) {
            i--;
        } else if (i + 1 == c->argc || !slice_is(c->argv[i], "LIMIT")) {
            context_syntax_error(c);
            return false;
        } else if (!context_integer_between(c, i + 1, 0, LONG_MAX, "ERR LIMIT can't be negative", &limit)) {
            return false;
        } else {
            m->limit = (uint64_t)limit;
        }
    }
    return true;
}

static void card_run(struct context *c, enum operation op) {
    struct combination m = {.op = op};
    int64_t keys;
    if (!context_integer_between(c, 1, 1, LONG_MAX, "ERR numkeys should be greater than 0", &keys)) return;
    if (keys > c->argc - 2) {
        reply_error(c->reply, "ERR Number of keys can't be greater than number of args");
        return;
    }
    if (!options_parse(c, 2 + (int)keys, &m) || !sources_view(c, 2, (int)keys, &m)) return;
    uint64_t limit = m.limit;
    bool counted = true;
    if (needs_value(&m)) {
        if (m.op == OP_DIFF) m.limit = 0; /* what the others take out is not known before */
        struct value v;
        counted = combined(c, &m, &v);
        if (counted) dataset_discard(c->dataset, v);
    } else {
        combine(&m);
    }
    if (counted) reply_integer(c->reply, (int64_t)(limit && m.found > limit ? limit : m.found));
    sources_release(&m);
}

void set_intercard_run(struct context *c) { card_run(c, OP_INTER); }

void set_unioncard_run(struct context *c) { card_run(c, OP_UNION); }

void set_diffcard_run(struct context *c) { card_run(c, OP_DIFF); }
