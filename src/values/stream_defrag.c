/* Defragmentation of streams, in stages: the head; the nodes of entries; the groups; then for each group its pending entries, its
 * consumers, and for each consumer the tree of what is pending for it. The names of consumers stay where they are, as every
 * pending entry points to one. */
#include "values/stream_int.h"

#include "values/defrag.h"

enum stage { STAGE_HEAD, STAGE_NODES, STAGE_GROUPS, STAGE_PENDING, STAGE_CONSUMERS, STAGE_CONSUMER };

static uint64_t defrag_node(void *arg, uint64_t word) {
    struct stream_node *n = mem_defrag(arg, MEM_STREAMS, stream_item(word), sizeof *n);
    proven(n->pack != NULL);
    n->pack = mem_defrag(arg, MEM_STREAMS, n->pack, pack_bytes(n->pack));
    return stream_word(n);
}

static uint64_t defrag_group(void *arg, uint64_t word) {
    struct stream_group *g = stream_item(word);
    debug_proven(g != NULL);
    return stream_word(mem_defrag(arg, MEM_STREAMS, g, stream_group_size(g)));
}

/* The consumer's tree names the same block. */
static uint64_t defrag_nack(void *arg, uint64_t word) {
    struct stream_nack *n = stream_item(word);
    struct tree_cursor c;
    if (!mem_defrag_wanted(arg, n)) return word;
    struct tree *owned = &stream_nack_owner(n)->consumer->pending;
    proven(stream_pending_from(owned, n->id, &c) == n);
    n = mem_defrag_move(arg, MEM_STREAMS, n, sizeof *n, 0);
    tree_set(owned, NULL, &c, stream_word(n), 1);
    return stream_word(n);
}

static uint64_t defrag_consumer(void *arg, uint64_t word) {
    struct stream_consumer *c = mem_defrag(arg, MEM_STREAMS, stream_item(word), sizeof *c);
    proven(c->name != NULL);
    c->name->consumer = c;
    return stream_word(c);
}

/* The item at this rank of a tree of groups or consumers; NULL behind the last. */
static void *item_at(const struct tree *t, uint64_t rank) {
    struct tree_cursor c;
    debug_proven(!t->weighted);
    return tree_at(t, &c, rank) ? stream_item(tree_word(&c)) : NULL;
}

/* One leaf; at the end of the tree the next stage begins. */
static void tree_stage(struct value_defrag *d, struct tree *t, uint64_t (*visit)(void *arg, uint64_t word),
                       enum stage next) {
    d->cursor = tree_defrag(t, d->cursor, d->mem, visit, d->mem);
    debug_proven(d->cursor < t->weight || d->cursor == 0);
    if (d->cursor == 0) d->stage = next;
}

static void consumer_stage(struct value_defrag *d, const struct stream_group *g) {
    struct stream_consumer *c = item_at(&g->consumers, d->consumer);
    debug_proven(d->stage == STAGE_CONSUMER);
    if (c) {
        tree_stage(d, &c->pending, NULL, STAGE_CONSUMER);
        d->consumer += d->cursor == 0;
        return;
    }
    d->consumer = 0;
    d->group++;
    d->stage = STAGE_PENDING;
}

static void group_stage(struct value_defrag *d, const struct stream *s) {
    struct stream_group *g = item_at(&s->groups, d->group);
    proven(d->stage >= STAGE_PENDING);
    if (!g)
        d->done = true;
    else if (d->stage == STAGE_PENDING)
        tree_stage(d, &g->pending, defrag_nack, STAGE_CONSUMERS);
    else if (d->stage == STAGE_CONSUMERS)
        tree_stage(d, &g->consumers, defrag_consumer, STAGE_CONSUMER);
    else
        consumer_stage(d, g);
}

void *stream_defrag(void *head, struct value_defrag *d) {
    struct stream *s = head;
    debug_proven(s->head.birth == 0 || s->nodes.key_of == stream_node_key);
    switch ((enum stage)d->stage) {
    case STAGE_HEAD:
        d->stage = STAGE_NODES;
        return mem_defrag(d->mem, MEM_STREAMS, s, sizeof *s);
    case STAGE_NODES:
        tree_stage(d, &s->nodes, defrag_node, STAGE_GROUPS);
        return s;
    case STAGE_GROUPS:
        tree_stage(d, &s->groups, defrag_group, STAGE_PENDING);
        return s;
    default:
        group_stage(d, s);
        return s;
    }
}
