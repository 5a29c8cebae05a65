/* Unions, intersections and differences of sorted sets and sets, whose members count as of score 1.
 *
 * Sources are taken from the smallest to the largest, except in a difference: so scores are added up in the order that Redis has,
 * and an intersection looks at the fewest members. */
#include "base/check.h"
#include "base/num.h"
#include "commands/sorted_set_int.h"
#include "values/set.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

enum operation { OP_UNION, OP_INTER, OP_DIFF };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct source {
    struct value value; /* ptr NULL: absent */
    double weight;
    size_t count;
    int index; /* as given */
};

struct combination {
    enum operation op;
    enum aggregate aggregate;
    bool with_scores;
    int64_t limit; /* of ZINTERCARD; 0: none */
    struct source *sources;
    int count;
};

/* ---- sources ---- */

static size_t sources_size(const struct combination *m) { return (size_t)m->count * sizeof *m->sources; }

static bool source_find(const struct source *s, struct slice member, double *score) {
    if (!s->value.ptr) return false;
    if (s->value.type == TYPE_ZSET) return zset_score(s->value, member, score);
    *score = 1;
    return set_has(s->value, member);
}

/* Tells every member; false from visit ends it (for a set perhaps some members later, which are not told). */
struct telling {
    bool (*visit)(void *arg, struct slice member, double score);
    void *arg;
    bool goes_on;
};

static void tell_set_member(void *arg, struct slice member) {
    struct telling *t = arg;
    if (t->goes_on) t->goes_on = t->visit(t->arg, member, 1);
}

static void source_each(const struct source *s, bool (*visit)(void *arg, struct slice member, double score),
                        void *arg) {
    struct telling t = {visit, arg, true};
    struct zset_walk w;
    struct zset_item item;
    uint64_t cursor = 0;
    if (!s->value.ptr) return;
    if (s->value.type == TYPE_SET) {
        do cursor = set_scan(s->value, cursor, tell_set_member, &t);
        while (cursor && t.goes_on);
        return;
    }
    zset_walk_ranks(&w, s->value, 0, s->count, false);
    while (zset_walk_next(&w, &item))
        if (!visit(arg, item.member, item.score)) return;
}

static int order_sources(const void *a, const void *b) {
    const struct source *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* ---- the operations ---- */

static double weighted(double weight, double score) {
    double product = weight * score;
    return isnan(product) ? 0 : product;
}

static double aggregated(enum aggregate how, double a, double b) {
    if (how == AGGREGATE_MIN) return b < a ? b : a;
    if (how == AGGREGATE_MAX) return b > a ? b : a;
    double sum = a + b;
    return isnan(sum) ? 0 : sum; /* inf and -inf */
}

struct making {
    const struct combination *m;
    struct zset_builder *builder;       /* NULL: only counted */
    const struct zset_builder *without; /* of a difference that has gathered the other sources' members */
    double weight;
    uint64_t count;
};

static bool union_member(void *arg, struct slice member, double score) {
    struct making *k = arg;
    bool added;
    double *place = zset_builder_at(k->builder, member, &added), value = weighted(k->weight, score);
    *place = added ? value : aggregated(k->m->aggregate, *place, value);
    return true;
}

static bool inter_member(void *arg, struct slice member, double score) {
    struct making *k = arg;
    const struct combination *m = k->m;
    double value = weighted(k->weight, score), other;
    for (int i = 1; i < m->count; i++) {
        if (!source_find(&m->sources[i], member, &other)) return true;
        value = aggregated(m->aggregate, value, other * m->sources[i].weight);
    }
    k->count++;
    if (k->builder) zset_builder_add(k->builder, member, value);
    return m->limit == 0 || k->count < (uint64_t)m->limit;
}

static bool diff_member(void *arg, struct slice member, double score) {
    struct making *k = arg;
    const struct combination *m = k->m;
    double other;
    if (k->without && zset_builder_has(k->without, member)) return true;
    for (int i = 1; !k->without && i < m->count; i++)
        if (source_find(&m->sources[i], member, &other)) return true;
    zset_builder_add(k->builder, member, score);
    return true;
}

static bool note_member(void *arg, struct slice member, double score) {
    (void)score;
    zset_builder_add(arg, member, 0);
    return true;
}

/* Either every member is looked for in all other sources, or those are gathered first: what is less work. */
static void difference(struct making *k) {
    const struct combination *m = k->m;
    double others = 0, looks = (double)m->sources[0].count * (m->count - 1);
    for (int i = 1; i < m->count; i++) others += (double)m->sources[i].count;
    struct zset_builder gathered;
    bool gather = looks > 4 * others && m->count > 2; /* to gather one costs about as much as four looks */
    if (gather) {
        zset_builder_init(&gathered);
        for (int i = 1; i < m->count; i++) source_each(&m->sources[i], note_member, &gathered);
        k->without = &gathered;
    }
    source_each(&m->sources[0], diff_member, k);
    if (gather) zset_builder_release(&gathered);
}

/* Into b (NULL: only counted, of an intersection); how many. */
static uint64_t combine(struct combination *m, struct zset_builder *b) {
    struct making k = {.m = m, .builder = b};
    if (m->op == OP_DIFF) {
        difference(&k);
        return b->count;
    }
    qsort(m->sources, (size_t)m->count, sizeof *m->sources, order_sources);
    for (int i = 0; i < (m->op == OP_INTER ? 1 : m->count); i++) {
        k.weight = m->sources[i].weight;
        source_each(&m->sources[i], m->op == OP_INTER ? inter_member : union_member, &k);
    }
    return k.count;
}

/* ---- arguments ---- */

/* numkeys at argument i, and the keys behind it. False after the error reply; then nothing is held. */
static bool sources_parse(struct context *c, int i, struct combination *m) {
    int64_t n;
    if (!context_integer(c, i, &n)) return false;
    if (n < 1) {
        reply_error_format(c->reply, "ERR at least 1 input key is needed for '%s' command", c->command->full_name);
        return false;
    }
    if (n > c->argc - i - 1) {
        context_syntax_error(c);
        return false;
    }
    m->count = (int)n;
    m->sources = mem_alloc(MEM_SERVER, sources_size(m));
    for (int j = 0; j < m->count; j++) {
        const struct entry *e = context_view(c, context_key(c, i + 1 + j));
        struct source *s = &m->sources[j];
        *s = (struct source){.weight = 1, .index = j};
        if (!e) continue;
        if (entry_type(e) == TYPE_ZSET || entry_type(e) == TYPE_SET) {
            s->value = entry_object(e);
            s->count = entry_type(e) == TYPE_ZSET ? zset_count(s->value) : set_count(s->value);
            continue;
        }
        reply_error(c->reply, ERROR_WRONGTYPE);
        mem_free(MEM_SERVER, m->sources, sources_size(m));
        return false;
    }
    return true;
}

static bool weights_parse(struct context *c, int i, struct combination *m) {
    for (int j = 0; j < m->count; j++) {
        if (sorted_set_parse_score(c->argv[i + j], &m->sources[j].weight)) continue;
        reply_error(c->reply, "ERR weight value is not a float");
        return false;
    }
    return true;
}

static bool aggregate_parse(struct context *c, int i, struct combination *m) {
    static const struct slice names[] = {SLICE("SUM"), SLICE("MIN"), SLICE("MAX")};
    for (size_t j = 0; j < countof(names); j++) {
        if (!slice_equal_nocase(c->argv[i], names[j])) continue;
        m->aggregate = (enum aggregate)j;
        return true;
    }
    context_syntax_error(c);
    return false;
}

/* The options from argument i on. False after the error reply. */
static bool options_parse(struct context *c, int i, bool stores, struct combination *m) {
    while (i < c->argc) {
        int left = c->argc - i - 1;
        if (m->op != OP_DIFF && left >= m->count && slice_is(c->argv[i], "WEIGHTS")) {
            if (!weights_parse(c, i + 1, m)) return false;
            i += 1 + m->count;
        } else if (m->op != OP_DIFF && left >= 1 && slice_is(c->argv[i], "AGGREGATE")) {
            if (!aggregate_parse(c, i + 1, m)) return false;
            i += 2;
        } else if (!stores && slice_is(c->argv[i], "WITHSCORES")) {
            m->with_scores = true;
            i++;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* ---- commands ---- */

static void reply_combined(struct context *c, struct value v, bool with_scores) {
    struct zset_walk w;
    zset_walk_ranks(&w, v, 0, zset_count(v), false);
    sorted_set_reply_walk(c, &w, with_scores);
    dataset_discard(c->dataset, v);
}

static void combine_run(struct context *c, enum operation op, const char *stored_event) {
    bool stores = stored_event != NULL;
    int numkeys = stores ? 2 : 1;
    struct combination m = {.op = op};
    struct zset_builder b;
    if (!sources_parse(c, numkeys, &m)) return;
    if (options_parse(c, numkeys + 1 + m.count, stores, &m)) {
        zset_builder_init(&b);
        combine(&m, &b);
        size_t count = b.count;
        struct value v = zset_builder_end(&b, stores ? dataset_limits(c->dataset) : NULL);
        if (stores) {
            sorted_set_store(c, context_key(c, 1), v, stored_event);
            reply_integer(c->reply, (int64_t)count);
        } else {
            reply_combined(c, v, m.with_scores);
        }
    }
    mem_free(MEM_SERVER, m.sources, sources_size(&m));
}

void sorted_set_zunion_run(struct context *c) { combine_run(c, OP_UNION, NULL); }

void sorted_set_zunionstore_run(struct context *c) { combine_run(c, OP_UNION, "zunionstore"); }

void sorted_set_zinter_run(struct context *c) { combine_run(c, OP_INTER, NULL); }

void sorted_set_zinterstore_run(struct context *c) { combine_run(c, OP_INTER, "zinterstore"); }

void sorted_set_zdiff_run(struct context *c) { combine_run(c, OP_DIFF, NULL); }

void sorted_set_zdiffstore_run(struct context *c) { combine_run(c, OP_DIFF, "zdiffstore"); }

/* [LIMIT n], perhaps more than once. False after the error reply. */
static bool limits_parse(struct context *c, int i, struct combination *m) {
    for (; i < c->argc; i += 2) {
        if (i + 1 == c->argc || !slice_is(c->argv[i], "LIMIT")) {
            context_syntax_error(c);
            return false;
        }
        if (!context_integer_between(c, i + 1, 0, LONG_MAX, "ERR LIMIT can't be negative", &m->limit)) return false;
    }
    return true;
}

void sorted_set_zintercard_run(struct context *c) {
    struct combination m = {.op = OP_INTER};
    if (!sources_parse(c, 1, &m)) return;
    if (limits_parse(c, 2 + m.count, &m)) reply_integer(c->reply, (int64_t)combine(&m, NULL));
    mem_free(MEM_SERVER, m.sources, sources_size(&m));
}
