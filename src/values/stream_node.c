#include "values/stream_int.h"

uint64_t stream_node_key(uint64_t word) { return ((const struct stream_node *)stream_item(word))->id.ms; }

void stream_node_free(struct stream_node *n) {
    proven(n->pack != NULL);
    pack_free(MEM_STREAMS, n->pack);
    mem_free(MEM_STREAMS, n, sizeof *n);
}

/* ---- finding nodes ---- */
static bool node_not_above(uint64_t word, const void *arg) {
    const struct stream_node *n = stream_item(word);
    debug_proven(n && arg);
    return stream_id_compare(n->id, *(const struct stream_id *)arg) <= 0;
}

/* The last node that begins at or before id: the only one that may hold it. False, and at the first node, when all begin
 * behind it. */
static bool node_seek(const struct stream *s, struct tree_cursor *c, struct stream_id id) {
    struct tree_bound bound = {id.ms, node_not_above, &id};
    proven(s->nodes.count > 0);
    tree_seek(&s->nodes, c, &bound);
    return tree_prev(c);
}

static int64_t integer_at(const struct pack *p, pack_pos at) {
    struct pack_item item = pack_get(p, at);
    debug_proven(item.is_integer);
    return item.integer;
}

/* ---- reading ---- */
/* Stands before the first entry of the node at the cursor, or behind its last. */
static void enter_node(struct stream_reader *r) {
    const struct stream_node *n = stream_item(tree_word(&r->cursor));
    pack_pos at = pack_next(n->pack, pack_next(n->pack, pack_first(n->pack)));
    r->node = n;
    r->master_fields = (uint64_t)integer_at(n->pack, at);
    r->master = pack_next(n->pack, at);
    r->body = pack_skip(n->pack, r->master, (size_t)r->master_fields + 1);
    proven(r->body != 0);
    r->next = r->backward ? pack_last(n->pack) : r->body;
}

void stream_read(struct stream_reader *r, const struct stream *s, struct stream_id first, struct stream_id last,
                 bool backward) {
    r->first = first;
    r->last = last;
    r->backward = backward;
    r->left = 0;
    r->value = 0;
    r->done =
        !s || s->nodes.count == 0 || stream_id_compare(first, last) > 0 || stream_id_compare(first, s->last_id) > 0;
    if (r->done) return;
    if (backward)
        r->done = !node_seek(s, &r->cursor, last);
    else if (stream_id_is_zero(first))
        tree_first(&s->nodes, &r->cursor);
    else
        node_seek(s, &r->cursor, first);
    if (!r->done) enter_node(r);
}

/* Reads the head of the entry whose flags stand at `at`; returns the flags. */
static int64_t read_head(struct stream_reader *r, pack_pos at) {
    const struct pack *p = r->node->pack;
    int64_t flags = integer_at(p, at);
    r->entry = at;
    r->same_fields = flags & STREAM_ENTRY_SAME_FIELDS;
    at = pack_next(p, at);
    r->id.ms = r->node->id.ms + (uint64_t)integer_at(p, at);
    at = pack_next(p, at);
    r->id.seq = r->node->id.seq + (uint64_t)integer_at(p, at);
    at = pack_next(p, at);
    r->field_count = r->master_fields;
    if (!r->same_fields) {
        r->field_count = (uint64_t)integer_at(p, at);
        at = pack_next(p, at);
    }
    r->left = r->field_count;
    r->field = r->master;
    r->value = at;
    proven(at != 0);
    return flags;
}

/* Where the next entry's flags stand, once what is left of the present one has been stepped over; 0: no more here. */
static pack_pos next_forward(struct stream_reader *r) {
    pack_pos at = r->next;
    if (r->value) at = pack_skip(r->node->pack, r->value, (size_t)r->left * (r->same_fields ? 1 : 2) + 1);
    r->value = 0;
    r->next = 0;
    debug_proven(at == 0 || at >= r->body);
    return at;
}

static pack_pos next_backward(struct stream_reader *r) {
    const struct pack *p = r->node->pack;
    if (r->next < r->body) return 0;
    pack_pos at = r->next;
    for (int64_t n = integer_at(p, r->next); n > 0; n--) at = pack_prev(p, at);
    proven(at >= r->body);
    r->next = pack_prev(p, at);
    return at;
}

bool stream_read_next(struct stream_reader *r) {
    while (!r->done) {
        debug_proven(r->node != NULL);
        pack_pos at = r->backward ? next_backward(r) : next_forward(r);
        if (at == 0) {
            r->done = r->backward ? !tree_prev(&r->cursor) : !tree_next(&r->cursor);
            r->value = 0;
            if (!r->done) enter_node(r);
            continue;
        }
        bool deleted = read_head(r, at) & STREAM_ENTRY_DELETED;
        bool below = stream_id_compare(r->id, r->first)<0, above = stream_id_compare(r->id, r->last)> 0;
        r->done = r->backward ? below : above;
        if (!deleted && !below && !above) return true;
    }
    return false;
}

bool stream_read_field(struct stream_reader *r, struct slice *field, struct slice *value) {
    const struct pack *p = r->node->pack;
    if (r->left == 0) return false;
    proven(r->value != 0);
    r->left--;
    if (r->same_fields) {
        *field = pack_text(p, r->field, r->scratch[0]);
        r->field = pack_next(p, r->field);
    } else {
        *field = pack_text(p, r->value, r->scratch[0]);
        r->value = pack_next(p, r->value);
    }
    *value = pack_text(p, r->value, r->scratch[1]);
    r->value = pack_next(p, r->value);
    return true;
}

bool stream_has(const struct stream *s, struct stream_id id) {
    struct stream_reader r;
    stream_read(&r, s, id, id, false);
    bool there = stream_read_next(&r);
    debug_proven(!there || stream_id_compare(r.id, id) == 0);
    return there;
}

struct stream_id stream_edge(const struct stream *s, bool last) {
    struct stream_reader r;
    stream_read(&r, s, STREAM_ID_MIN, STREAM_ID_MAX, last);
    bool there = stream_read_next(&r);
    proven(there == (s->nodes.count > 0));
    return there ? r.id : STREAM_ID_MIN;
}

/* ---- changing ---- */
struct stream_node *stream_node_take(struct value_edit *e, struct tree_cursor *c) {
    struct stream_node *old = stream_item(tree_word(c));
    if (likely(!tree_item_shared(c, e->f))) return old;
    struct stream *s = stream_head(e);
    size_t n = pack_bytes(old->pack);
    struct stream_node *copy = stream_block_new(s, NULL, sizeof *copy);
    *copy = *old;
    copy->pack = stream_block_new(s, NULL, n);
    memcpy(copy->pack, old->pack, n);
    stream_block_drop(e, NULL, old->pack, n, true);
    stream_block_drop(e, NULL, old, sizeof *old, true);
    proven(copy->pack != old->pack);
    return copy;
}

static void put_node(struct value_edit *e, struct tree_cursor *c, const struct stream_node *n, uint64_t live) {
    proven(live > 0 && live <= n->total);
    tree_set(&stream_head(e)->nodes, e->f, c, stream_word(n), (uint32_t)live);
}

void stream_node_drop(struct value_edit *e, struct stream_node *n, bool shared) {
    proven(n->pack != NULL);
    stream_block_drop(e, NULL, n->pack, pack_bytes(n->pack), shared);
    stream_block_drop(e, NULL, n, sizeof *n, shared);
}

void stream_node_remove(struct value_edit *e, struct tree_cursor *c) {
    struct stream *s = stream_head(e);
    struct stream_node *n = stream_item(tree_word(c));
    bool shared = tree_item_shared(c, e->f);
    tree_remove(&s->nodes, e->f, c);
    stream_node_drop(e, n, shared);
    proven((s->nodes.count == 0) == (s->nodes.weight == 0));
}

static void set_counts(struct stream_node *n, uint64_t live) {
    pack_pos first = pack_first(n->pack);
    proven(live <= n->total);
    n->pack = pack_replace_integer(MEM_STREAMS, n->pack, first, (int64_t)live);
    n->pack = pack_replace_integer(MEM_STREAMS, n->pack, pack_next(n->pack, first), (int64_t)(n->total - live));
}

/* The pack of a node grew or shrank since it was `before` bytes. */
static void count_pack(struct stream *s, const struct stream_node *n, size_t before) {
    s->bytes += mem_good_size(pack_bytes(n->pack)) - mem_good_size(before);
    debug_proven(s->bytes >= sizeof *n);
}

void stream_node_put(struct value_edit *e, struct tree_cursor *c, struct stream_node *n, uint64_t live) {
    size_t before = pack_bytes(n->pack);
    set_counts(n, live);
    count_pack(stream_head(e), n, before);
    put_node(e, c, n, live);
    debug_proven(stream_node_of(c) == n);
}

/* ---- appending ---- */
bool stream_fits(const struct slice *fields, size_t count) {
    uint64_t sum = 64; /* the master's numbers and the entry's */
    proven(count % 2 == 0);
    for (size_t i = 0; i < count; i += 2) /* the name twice: it is in the master too */
        sum += 2 * fields[i].len + fields[i + 1].len + 3 * PACK_ELEMENT_MAX;
    return sum < STREAM_NODE_BYTES_MAX;
}

static bool node_takes(const struct value_limits *limits, const struct stream_node *n, uint64_t bytes, size_t count) {
    uint64_t max = (uint64_t)limits->stream_node_max_bytes;
    int64_t entries = limits->stream_node_max_entries;
    if (max == 0 || max > STREAM_NODE_BYTES_MAX) max = STREAM_NODE_BYTES_MAX;
    proven(n->total > 0);
    if (pack_bytes(n->pack) + bytes >= max || !pack_fits(n->pack, bytes + (count + 6) * PACK_ELEMENT_MAX)) return false;
    return n->total < UINT32_MAX >> 1 && (entries <= 0 || n->total < (uint64_t)entries);
}

static bool same_fields(const struct pack *p, const struct slice *fields, size_t count) {
    pack_pos at = pack_at(p, 2);
    debug_proven(count % 2 == 0);
    if (integer_at(p, at) != (int64_t)(count / 2)) return false;
    for (size_t i = 0; i < count; i += 2) {
        at = pack_next(p, at);
        if (!pack_equal(p, at, fields[i])) return false;
    }
    return true;
}

static struct pack *append_entry(struct pack *p, struct stream_id master, struct stream_id id,
                                 const struct slice *fields, size_t count) {
    bool same = same_fields(p, fields, count);
    proven(stream_id_compare(master, id) <= 0);
    p = pack_append_integer(MEM_STREAMS, p, same ? STREAM_ENTRY_SAME_FIELDS : 0);
    p = pack_append_integer(MEM_STREAMS, p, (int64_t)(id.ms - master.ms));
    p = pack_append_integer(MEM_STREAMS, p, (int64_t)(id.seq - master.seq));
    if (!same) p = pack_append_integer(MEM_STREAMS, p, (int64_t)(count / 2));
    for (size_t i = same ? 1 : 0; i < count; i += same ? 2 : 1) p = pack_append(MEM_STREAMS, p, fields[i]);
    return pack_append_integer(MEM_STREAMS, p, (int64_t)(same ? count / 2 + 3 : count + 4));
}

static struct stream_node *node_new(struct stream *s, struct stream_id id, const struct slice *fields, size_t count) {
    struct stream_node *n = stream_block_new(s, NULL, sizeof *n);
    *n = (struct stream_node){.id = id, .pack = pack_new(MEM_STREAMS), .total = 1};
    const int64_t head[] = {1, 0, (int64_t)(count / 2)};
    for (unsigned i = 0; i < countof(head); i++) n->pack = pack_append_integer(MEM_STREAMS, n->pack, head[i]);
    for (size_t i = 0; i < count; i += 2) n->pack = pack_append(MEM_STREAMS, n->pack, fields[i]);
    n->pack = pack_append_integer(MEM_STREAMS, n->pack, 0);
    n->pack = append_entry(n->pack, id, id, fields, count);
    s->bytes += mem_good_size(pack_bytes(n->pack));
    proven(!pack_empty(n->pack));
    return n;
}

static void append_to(struct value_edit *e, struct tree_cursor *c, struct stream_id id, const struct slice *fields,
                      size_t count) {
    uint32_t live = tree_weight(c) + 1;
    struct stream_node *n = stream_node_take(e, c);
    size_t before = pack_bytes(n->pack);
    pack_pos first = pack_first(n->pack);
    n->total++;
    n->pack = pack_replace_integer(MEM_STREAMS, n->pack, first, live);
    n->pack = append_entry(n->pack, n->id, id, fields, count);
    count_pack(stream_head(e), n, before);
    put_node(e, c, n, live);
}

void stream_append(struct value_edit *e, struct stream_id id, const struct slice *fields, size_t count) {
    struct stream *s = stream_edit(e);
    struct tree_cursor c;
    uint64_t bytes = 0;
    proven(stream_id_compare(id, s->last_id) > 0 && count % 2 == 0);
    for (size_t i = 0; i < count; i++) bytes += fields[i].len;
    if (tree_last(&s->nodes, &c) && node_takes(e->limits, stream_item(tree_word(&c)), bytes, count)) {
        append_to(e, &c, id, fields, count);
    } else {
        tree_end(&s->nodes, &c);
        tree_insert(&s->nodes, e->f, &c, stream_word(node_new(s, id, fields, count)), 1);
    }
    s->last_id = id;
    s->entries_added++;
    if (stream_length(s) == 1) s->first_id = id;
}

/* ---- deleting ---- */
size_t stream_node_mark(struct stream *s, struct stream_node *n, pack_pos flags_at) {
    int64_t flags = integer_at(n->pack, flags_at);
    size_t before = pack_bytes(n->pack);
    proven(!(flags & STREAM_ENTRY_DELETED));
    n->pack = pack_replace_integer(MEM_STREAMS, n->pack, flags_at, flags | STREAM_ENTRY_DELETED);
    count_pack(s, n, before);
    return before - pack_bytes(n->pack);
}

bool stream_delete(struct value_edit *e, struct stream_id id) {
    struct stream *s = stream_head(e);
    struct stream_reader r;
    stream_read(&r, s, id, id, false);
    if (!stream_read_next(&r)) return false;
    if (stream_pending_anywhere(s, id)) stream_note_orphan(s, id);
    uint64_t live = tree_weight(&r.cursor) - 1;
    if (live == 0) {
        stream_node_remove(e, &r.cursor);
    } else {
        struct stream_node *n = stream_node_take(e, &r.cursor);
        stream_node_mark(s, n, r.entry);
        stream_node_put(e, &r.cursor, n, live);
    }
    if (stream_id_compare(id, s->max_deleted_id) > 0) s->max_deleted_id = id;
    if (stream_length(s) == 0 || stream_id_compare(id, s->first_id) == 0) s->first_id = stream_edge(s, false);
    debug_proven(!stream_has(s, id));
    return true;
}

void stream_set_last_id(struct value_edit *e, struct stream_id last_id, struct stream_id max_deleted_id,
                        uint64_t added) {
    struct stream *s = stream_edit(e);
    proven(stream_length(s) == 0 || stream_id_compare(last_id, stream_edge(s, true)) >= 0);
    s->last_id = last_id;
    s->max_deleted_id = max_deleted_id;
    s->entries_added = added;
}

/* ---- what comes from outside ---- */
struct walk {
    const struct pack *pack;
    pack_pos at; /* 0: at the end, or beyond it */
};

static bool walk_integer(struct walk *w, int64_t *out) {
    if (w->at == 0) return false;
    struct pack_item item = pack_get(w->pack, w->at);
    if (!item.is_integer) return false;
    *out = item.integer;
    w->at = pack_next(w->pack, w->at);
    return true;
}

/* n elements, with something behind them. */
static bool walk_skip(struct walk *w, uint64_t n) {
    debug_proven(w->pack != NULL);
    if (w->at == 0 || n > pack_bytes(w->pack)) return false;
    if (n > 0) w->at = pack_skip(w->pack, w->at, (size_t)n);
    return w->at != 0;
}

static bool walk_entry(struct walk *w, int64_t fields, int64_t *flags, struct stream_id *id) {
    int64_t ms, seq, own = fields, back;
    debug_proven(fields >= 0);
    if (!walk_integer(w, flags) || *flags < 0 || *flags > 3 || !walk_integer(w, &ms) || !walk_integer(w, &seq))
        return false;
    bool same = *flags & STREAM_ENTRY_SAME_FIELDS;
    if (!same && (!walk_integer(w, &own) || own < 0 || own > PACK_BYTES_MAX)) return false;
    int64_t texts = same ? own : 2 * own;
    if (!walk_skip(w, (uint64_t)texts) || !walk_integer(w, &back)) return false;
    id->ms += (uint64_t)ms;
    id->seq += (uint64_t)seq;
    return back == texts + (same ? 3 : 4);
}

const char *stream_node_verify(const struct pack *p, struct stream_id master, struct stream_id *above, uint32_t *live,
                               uint32_t *total) {
    struct walk w = {p, pack_first(p)};
    int64_t count, deleted, fields, end, flags;
    uint64_t seen = 0, seen_deleted = 0;
    proven(p != NULL);
    if (stream_id_compare(master, *above) <= 0) return "a stream's nodes are not in order";
    if (!walk_integer(&w, &count) || !walk_integer(&w, &deleted) || !walk_integer(&w, &fields) || fields < 0 ||
        !walk_skip(&w, (uint64_t)fields) || !walk_integer(&w, &end) || end != 0)
        return "a stream's node has no master entry";
    for (; w.at != 0; seen++) {
        struct stream_id id = master;
        if (!walk_entry(&w, fields, &flags, &id)) return "a stream's entry is broken";
        if (stream_id_compare(id, master) < 0 || stream_id_compare(id, *above) <= 0)
            return "a stream's entries are not in order";
        *above = id;
        seen_deleted += flags & STREAM_ENTRY_DELETED;
    }
    if (count < 0 || deleted < 0 || seen_deleted != (uint64_t)deleted || seen - seen_deleted != (uint64_t)count ||
        seen > INT32_MAX)
        return "a stream's node holds another number of entries than it says";
    *live = (uint32_t)count;
    *total = (uint32_t)seen;
    return NULL;
}
