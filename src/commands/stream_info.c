#include "commands/stream_int.h"

#include "base/check.h"

static void label(struct context *c, const char *name) { reply_bulk_cstr(c->reply, name); }

static void field_integer(struct context *c, const char *name, int64_t v) {
    label(c, name);
    reply_integer(c->reply, v);
}

static void field_id(struct context *c, const char *name, struct stream_id id) {
    label(c, name);
    stream_reply_id(c->reply, id);
}

/* ---- radix-tree-nodes ---- */
/* Clients know a stream as a radix tree of its nodes' IDs, 16 bytes each. How many nodes such a tree would have follows from
 * the prefixes that neighbours share: one for each place where it branches, one for each key, and one more for each of these
 * that is reached over more than one byte. */
static int shared_prefix(struct stream_id a, struct stream_id b) {
    uint64_t high = a.ms ^ b.ms, low = a.seq ^ b.seq;
    proven(high || low);
    return high ? __builtin_clzll(high) / 8 : 8 + __builtin_clzll(low) / 8;
}

struct branches {
    int depth[17], count;
    int64_t nodes;
};

static void branch_to(struct branches *b, int depth) {
    while (b->count > 0 && b->depth[b->count - 1] > depth) {
        int top = b->depth[--b->count], below = b->count > 0 ? b->depth[b->count - 1] : -1;
        if (below < depth) below = depth;
        b->nodes += top > below + 1 ? 2 : 1;
    }
    if (depth >= 0 && (b->count == 0 || b->depth[b->count - 1] < depth)) b->depth[b->count++] = depth;
    proven(b->count <= 17);
}

#define RADIX_KEYS_MAX 20000 /* beyond, nobody waits for the exact figure */
static int64_t radix_nodes(const struct stream *s) {
    struct branches b = {.nodes = 0};
    struct tree_cursor c;
    struct stream_id prior = STREAM_ID_MIN;
    int last = -1, i = 0;
    if (s->nodes.count == 0) return 1;
    if (s->nodes.count > RADIX_KEYS_MAX) return (int64_t)s->nodes.count * 2;
    for (bool more = tree_first(&s->nodes, &c); more; more = tree_next(&c), i++) {
        struct stream_id id = ((const struct stream_node *)(uintptr_t)tree_word(&c))->id;
        int depth = i ? shared_prefix(prior, id) : -1;
        if (i) b.nodes += (last > depth ? last : depth) < 15 ? 2 : 1;
        if (i) branch_to(&b, depth);
        last = depth;
        prior = id;
    }
    b.nodes += last < 15 ? 2 : 1;
    branch_to(&b, -1);
    return b.nodes;
}

/* ---- XINFO STREAM ---- */
static void head(struct context *c, const struct stream *s) {
    field_integer(c, "length", (int64_t)stream_length(s));
    field_integer(c, "radix-tree-keys", (int64_t)s->nodes.count);
    field_integer(c, "radix-tree-nodes", radix_nodes(s));
    field_id(c, "last-generated-id", s->last_id);
    field_id(c, "max-deleted-entry-id", s->max_deleted_id);
    field_integer(c, "entries-added", (int64_t)s->entries_added);
    field_id(c, "recorded-first-entry-id", s->first_id);
}

static void edge(struct context *c, const char *name, const struct stream *s, bool last) {
    struct stream_reader reader;
    label(c, name);
    stream_read(&reader, s, STREAM_ID_MIN, STREAM_ID_MAX, last);
    if (stream_read_next(&reader))
        stream_reply_entry(c->reply, &reader);
    else
        reply_null(c->reply);
}

static void read_and_lag(struct context *c, const struct stream *s, const struct stream_group *g) {
    uint64_t lag;
    label(c, "entries-read");
    if (g->entries_read == STREAM_UNKNOWN)
        reply_null(c->reply);
    else
        reply_integer(c->reply, g->entries_read);
    label(c, "lag");
    if (stream_group_lag(s, g, &lag))
        reply_integer(c->reply, (int64_t)lag);
    else
        reply_null(c->reply);
}

/* Pending entries, at most count (0: all); of a group with their consumers. */
static void pending(struct context *c, const struct tree *t, uint64_t count, bool named) {
    struct tree_cursor at;
    uint64_t n = count && count < t->count ? count : t->count;
    const struct stream_nack *nack = stream_pending_from(t, STREAM_ID_MIN, &at);
    label(c, "pending");
    reply_array(c->reply, (int64_t)n);
    for (; n > 0; n--, nack = stream_pending_next(&at)) {
        const struct stream_consumer_name *owner = stream_nack_owner(nack);
        reply_array(c->reply, named ? 4 : 3);
        stream_reply_id(c->reply, nack->id);
        if (named) reply_bulk(c->reply, slice_of(owner->text, owner->len));
        reply_integer(c->reply, stream_nack_time(nack));
        reply_integer(c->reply, (int64_t)stream_nack_count(nack));
    }
}

static void full_group(struct context *c, const struct stream *s, const struct stream_group *g, uint64_t count) {
    const struct stream_consumer *consumer;
    struct tree_cursor at;
    reply_map(c->reply, 7);
    label(c, "name");
    reply_bulk(c->reply, stream_group_name(g));
    field_id(c, "last-delivered-id", g->last_id);
    read_and_lag(c, s, g);
    field_integer(c, "pel-count", (int64_t)g->pending.count);
    pending(c, &g->pending, count, true);
    label(c, "consumers");
    reply_array(c->reply, (int64_t)g->consumers.count);
    for (bool more = stream_consumers_first(g, &at, &consumer); more; more = stream_consumers_next(&at, &consumer)) {
        reply_map(c->reply, 4);
        label(c, "name");
        reply_bulk(c->reply, stream_consumer_text(consumer));
        field_integer(c, "seen-time", consumer->seen_ms);
        field_integer(c, "pel-count", (int64_t)consumer->pending.count);
        pending(c, &consumer->pending, count, false);
    }
}

static void full(struct context *c, const struct stream *s, uint64_t count) {
    const struct stream_group *g;
    struct tree_cursor at;
    reply_map(c->reply, 9);
    head(c, s);
    label(c, "entries");
    stream_reply_range(c->reply, s, STREAM_ID_MIN, STREAM_ID_MAX, count, false);
    label(c, "groups");
    reply_array(c->reply, (int64_t)s->groups.count);
    for (bool more = stream_groups_first(s, &at, &g); more; more = stream_groups_next(&at, &g))
        full_group(c, s, g, count);
}

static bool view_or_refuse(struct context *c, const struct stream **s) {
    if (!stream_view(c, context_key(c, 2), s)) return false;
    if (!*s) reply_error(c->reply, ERROR_NO_KEY);
    return *s;
}

void stream_info_stream_run(struct context *c) {
    const struct stream *s;
    int64_t count = 10;
    if (!view_or_refuse(c, &s)) return;
    if (c->argc > 3) {
        if (!slice_is(c->argv[3], "FULL") || (c->argc != 4 && (c->argc != 6 || !slice_is(c->argv[4], "COUNT")))) {
            context_unknown_subcommand(c);
            return;
        }
        if (c->argc == 6 && !context_integer(c, 5, &count)) return;
        full(c, s, count < 0 ? 10 : (uint64_t)count);
        return;
    }
    reply_map(c->reply, 10);
    head(c, s);
    field_integer(c, "groups", (int64_t)s->groups.count);
    edge(c, "first-entry", s, false);
    edge(c, "last-entry", s, true);
}

/* ---- XINFO GROUPS and CONSUMERS ---- */
void stream_info_groups_run(struct context *c) {
    const struct stream_group *g;
    const struct stream *s;
    struct tree_cursor at;
    if (!view_or_refuse(c, &s)) return;
    reply_array(c->reply, (int64_t)s->groups.count);
    for (bool more = stream_groups_first(s, &at, &g); more; more = stream_groups_next(&at, &g)) {
        reply_map(c->reply, 6);
        label(c, "name");
        reply_bulk(c->reply, stream_group_name(g));
        field_integer(c, "consumers", (int64_t)g->consumers.count);
        field_integer(c, "pending", (int64_t)g->pending.count);
        field_id(c, "last-delivered-id", g->last_id);
        read_and_lag(c, s, g);
    }
}

void stream_info_consumers_run(struct context *c) {
    const struct stream_consumer *consumer;
    const struct stream *s;
    struct tree_cursor at;
    if (!view_or_refuse(c, &s)) return;
    const struct stream_group *g = stream_group_find(s, c->argv[3]);
    if (!g) {
        reply_error_format(c->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)c->argv[3].len,
                           c->argv[3].ptr, (int)c->argv[2].len, c->argv[2].ptr);
        return;
    }
    reply_array(c->reply, (int64_t)g->consumers.count);
    for (bool more = stream_consumers_first(g, &at, &consumer); more; more = stream_consumers_next(&at, &consumer)) {
        reply_map(c->reply, 3);
        label(c, "name");
        reply_bulk(c->reply, stream_consumer_text(consumer));
        field_integer(c, "pending", (int64_t)consumer->pending.count);
        field_integer(c, "idle", consumer->seen_ms < c->now_ms ? c->now_ms - consumer->seen_ms : 0);
    }
}
