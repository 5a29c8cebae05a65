#include "values/stream_int.h"

#include "mem/buf.h"

#include <stdlib.h>

#define LEAP 512 /* entries */

/* ---- deleting ---- */
/* Whether a group has yet to be given entries up to that ID. */
static bool is_awaited(const struct stream *s, struct stream_id id) {
    const struct stream_group *g;
    struct tree_cursor c;
    debug_proven(s->groups.key_of == stream_group_key);
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g))
        if (stream_id_compare(g->last_id, id) < 0) return true;
    return false;
}

enum stream_deletion stream_delete_unless(struct value_edit *e, struct stream_id id, enum stream_refs refs,
                                          uint64_t *dropped) {
    const struct stream *s = stream_head(e);
    proven(refs <= STREAM_REFS_ACKED);
    if (refs == STREAM_REFS_ACKED) {
        if (stream_pending_anywhere(s, id)) return STREAM_NEEDED;
        if (is_awaited(s, id)) return stream_has(s, id) ? STREAM_NEEDED : STREAM_ABSENT;
    }
    if (refs == STREAM_REFS_DROP) *dropped += stream_pending_drop(e, id, id);
    return stream_delete(e, id) ? STREAM_DELETED : STREAM_ABSENT;
}

/* ---- trimming ---- */
struct trim {
    struct value_edit *e;
    const struct stream_trim *how;
    struct stream_id last; /* none above it goes */
    uint64_t gone;
    bool stayed; /* an entry did that might have gone: from there on, they go out of the middle */
    /* ACKED: what groups have pending of the node that is being looked at, in order; and how many of them lie behind */
    struct buf needed;
    size_t passed;
};

/* The last entry of a node, deleted or not. */
static struct stream_id node_last(const struct stream_node *n) {
    const struct pack *p = n->pack;
    pack_pos at = pack_last(p);
    for (int64_t back = pack_get(p, at).integer; back > 2; back--) at = pack_prev(p, at);
    struct stream_id id = n->id;
    id.seq += (uint64_t)pack_get(p, at).integer;
    at = pack_prev(p, at);
    id.ms += (uint64_t)pack_get(p, at).integer;
    proven(stream_id_compare(n->id, id) <= 0);
    return id;
}

/* How many entries the leading nodes hold that go as a whole. */
static uint64_t whole_nodes(const struct stream *s, const struct stream_trim *how, struct tree_cursor *c) {
    uint64_t length = stream_length(s), gone = 0;
    for (bool more = tree_first(&s->nodes, c); more; more = tree_next(c)) {
        uint32_t live = tree_weight(c);
        bool all = how->by == STREAM_TRIM_LENGTH ? length - gone - live >= how->length
                                                 : stream_id_compare(node_last(stream_node_of(c)), how->id) < 0;
        if (!all || (how->limit && gone + live > how->limit)) break;
        gone += live;
    }
    proven(gone <= length);
    return gone;
}

static void drop_cut(void *arg, uint64_t word, bool shared) {
    struct value_edit *e = arg;
    proven(word != 0);
    stream_node_drop(e, stream_item(word), shared);
}

static void gone_behind(struct stream *s, struct stream_id id) {
    debug_proven(stream_id_compare(id, s->last_id) <= 0);
    if (stream_id_compare(id, s->max_deleted_id) > 0) s->max_deleted_id = id;
}

static int compare_ids(const void *a, const void *b) {
    debug_proven(a && b);
    return stream_id_compare(*(const struct stream_id *)a, *(const struct stream_id *)b);
}

/* One search a group, then steps: several times faster than a search for each entry. */
static void gather_needed(struct trim *t, struct stream_id first, struct stream_id last) {
    const struct stream_group *g;
    struct tree_cursor groups, c;
    unsigned runs = 0;
    buf_clear(&t->needed);
    t->passed = 0;
    for (bool more = stream_groups_first(stream_head(t->e), &groups, &g); more;
         more = stream_groups_next(&groups, &g)) {
        const struct stream_nack *n = stream_pending_from(&g->pending, first, &c);
        runs += n && stream_id_compare(n->id, last) <= 0;
        for (; n && stream_id_compare(n->id, last) <= 0; n = stream_pending_next(&c))
            buf_append(&t->needed, &n->id, sizeof n->id);
    }
    if (runs > 1) qsort(t->needed.ptr, t->needed.len / sizeof first, sizeof first, compare_ids);
    debug_proven(t->needed.len % sizeof first == 0);
}

/* Asked in the order of the IDs. */
static bool is_needed(struct trim *t, struct stream_id id) {
    const struct stream_id *ids = (const struct stream_id *)(const void *)t->needed.ptr;
    size_t n = t->needed.len / sizeof *ids;
    while (t->passed < n && stream_id_compare(ids[t->passed], id) < 0) t->passed++;
    debug_proven(t->passed <= n);
    return t->passed < n && stream_id_compare(ids[t->passed], id) == 0;
}

/* The first entries of the reader's node that may go do so one by one, at most so many; the reader's cursor is then at the
 * next node. */
static void trim_node(struct trim *t, struct stream_reader *r, uint64_t most) {
    struct stream *s = stream_head(t->e);
    uint32_t weight = tree_weight(&r->cursor);
    struct stream_node *n = NULL;
    uint64_t gone = 0;
    for (uint32_t seen = 0; seen < weight && gone < most && stream_read_next(r); seen++) {
        if (is_needed(t, r->id)) {
            t->stayed = true;
            continue;
        }
        if (!n) {
            n = stream_node_take(t->e, &r->cursor);
            tree_set(&s->nodes, t->e->f, &r->cursor, stream_word(n), weight);
            r->node = n; /* the same stands there in the same places */
        }
        r->value -= (pack_pos)stream_node_mark(s, n, r->entry);
        if (t->stayed) gone_behind(s, r->id);
        gone++;
    }
    t->gone += gone;
    proven(gone <= weight);
    if (gone == weight) {
        stream_node_remove(t->e, &r->cursor);
        return;
    }
    if (n) stream_node_put(t->e, &r->cursor, n, weight - gone);
    tree_next(&r->cursor);
}

/* From the front, whoever needs them. */
static uint64_t trim_front(struct value_edit *e, const struct stream_trim *how, struct stream_id last) {
    struct stream *s = stream_head(e);
    struct trim t = {.e = e, .how = how, .last = last};
    struct stream_reader r;
    struct tree_cursor c;
    t.gone = whole_nodes(s, how, &c);
    if (t.gone > 0) tree_cut(&s->nodes, e->f, 0, t.gone, drop_cut, e);
    bool more = stream_length(s) > 0 && (how->by == STREAM_TRIM_ID || stream_length(s) > how->length);
    if (!more || how->nearly) return t.gone;
    stream_read(&r, s, STREAM_ID_MIN, last, false);
    trim_node(&t, &r, how->by == STREAM_TRIM_LENGTH ? stream_length(s) - how->length : UINT64_MAX);
    debug_proven(how->by == STREAM_TRIM_ID || stream_length(s) == how->length);
    return t.gone;
}

/* How many of the node's entries may go as far as the length or ID is concerned; nearly: all or none. */
static uint64_t node_allows(const struct trim *t, const struct tree_cursor *c) {
    const struct stream_trim *how = t->how;
    uint64_t live = tree_weight(c), length = stream_length(stream_head(t->e)), over = live;
    debug_proven(live <= length);
    if (how->by == STREAM_TRIM_LENGTH)
        over = length > how->length ? length - how->length : 0;
    else if (how->nearly && stream_id_compare(node_last(stream_node_of(c)), how->id) >= 0)
        over = 0;
    if (!how->nearly) return over < live ? over : live;
    return over >= live && (how->limit == 0 || t->gone + live <= how->limit) ? live : 0;
}

/* The node at the cursor, of which so many may go; the cursor is then at the next one. */
static void trim_node_acked(struct trim *t, struct tree_cursor *c, uint64_t most) {
    struct stream *s = stream_head(t->e);
    const struct stream_node *n = stream_node_of(c);
    struct stream_id last = node_last(n);
    uint64_t pending = stream_pending_most(s, n->id, last);
    struct stream_reader r;
    proven(most > 0);
    if (pending == 0 && most == tree_weight(c) && stream_id_compare(last, t->last) <= 0) {
        if (t->stayed) gone_behind(s, last);
        t->gone += most;
        stream_node_remove(t->e, c);
    } else if (pending >= n->total) { /* all that ever was in it */
        t->stayed = true;
        tree_next(c);
    } else {
        gather_needed(t, n->id, last);
        stream_read(&r, s, n->id, t->last, false);
        trim_node(t, &r, most);
        *c = r.cursor;
    }
}

/* ---- what groups have pending as a whole ---- */
/* Of the entries before the cursor's node, how many the group has not pending, but for a number that is the same everywhere behind
 * orphan_id: so where it does not grow, all is pending. */
static int64_t excess(const struct stream_group *g, const struct tree_cursor *c) {
    uint64_t pending = tree_valid(c) ? stream_pending_before(g, stream_node_of(c)->id) : g->pending.weight;
    debug_proven(c->position <= c->tree->weight);
    return (int64_t)c->position - (int64_t)pending;
}

/* All before `low` is pending, and not all before `high`: the node in which that begins. */
static void bisect(const struct stream_group *g, struct tree_cursor *low, struct tree_cursor high, int64_t least) {
    struct tree_cursor at;
    for (;;) {
        proven(low->position < high.position);
        tree_at(low->tree, &at, low->position + (high.position - low->position) / 2);
        if (at.position == low->position) tree_next(&at);
        if (at.position >= high.position) return;
        if (excess(g, &at) > least)
            high = at;
        else
            *low = at;
    }
}

/* From the cursor's node on to the first with an entry that the group has not pending; at the end, when there is none. True: it has
 * moved. In steps that grow, as what lies near is the usual. */
static bool to_unneeded(const struct stream_group *g, struct tree_cursor *c) {
    struct tree_cursor next = *c;
    int64_t least = excess(g, c);
    proven(tree_valid(c));
    tree_next(&next);
    if (excess(g, &next) > least) return false;
    *c = next;
    for (uint64_t step = LEAP; tree_valid(c); step *= 4) {
        tree_at(c->tree, &next, c->position + step);
        if (excess(g, &next) > least) {
            bisect(g, c, next, least);
            return true;
        }
        *c = next;
    }
    debug_proven(!tree_valid(c));
    return true;
}

/* Past nodes of which one group has all pending. */
static void pass_needed(struct trim *t, struct tree_cursor *c) {
    const struct stream *s = stream_head(t->e);
    const struct stream_group *g;
    struct tree_cursor groups;
    proven(tree_valid(c));
    if (stream_id_compare(stream_node_of(c)->id, s->orphan_id) <= 0) return;
    for (bool moved = true; moved && tree_valid(c);) {
        moved = false;
        for (bool more = stream_groups_first(s, &groups, &g); more && tree_valid(c);
             more = stream_groups_next(&groups, &g))
            moved |= to_unneeded(g, c);
        t->stayed |= moved;
    }
    debug_proven(c->position <= stream_length(s));
}

/* The first that no group needs. */
static uint64_t trim_acked(struct value_edit *e, const struct stream_trim *how, struct stream_id last) {
    struct stream *s = stream_head(e);
    struct trim t = {.e = e, .how = how, .last = last};
    const struct stream_group *g;
    struct tree_cursor c;
    buf_init(&t.needed, MEM_SERVER);
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g))
        if (stream_id_compare(g->last_id, t.last) < 0) t.last = g->last_id;
    for (bool more = tree_first(&s->nodes, &c); more; more = tree_valid(&c)) {
        pass_needed(&t, &c);
        if (!tree_valid(&c)) break;
        uint64_t most = node_allows(&t, &c);
        if (most == 0 || stream_id_compare(stream_node_of(&c)->id, t.last) > 0) break;
        trim_node_acked(&t, &c, most);
    }
    buf_release(&t.needed);
    proven(t.gone == 0 || !stream_id_is_zero(t.last));
    return t.gone;
}

uint64_t stream_trim(struct value_edit *e, const struct stream_trim *how) {
    struct stream *s = stream_head(e);
    struct stream_id last = STREAM_ID_MAX, first = s->first_id;
    uint64_t gone;
    proven(how->by != STREAM_TRIM_NONE);
    if (how->by == STREAM_TRIM_LENGTH && stream_length(s) <= how->length) return 0;
    if (how->by == STREAM_TRIM_ID) {
        last = how->id;
        if (!stream_id_previous(&last)) return 0;
    }
    gone = how->refs == STREAM_REFS_ACKED && s->groups.count > 0 ? trim_acked(e, how, last) : trim_front(e, how, last);
    if (gone == 0) return 0;
    s->first_id = stream_edge(s, false);
    last = stream_length(s) ? s->first_id : s->last_id;
    if (stream_length(s)) stream_id_previous(&last);
    if (how->refs == STREAM_REFS_DROP) stream_pending_drop(e, first, last);
    if (how->refs == STREAM_REFS_KEEP && s->groups.count > 0) stream_note_orphan(s, last);
    return gone;
}
