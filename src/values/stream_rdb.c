#include "values/stream_int.h"

#include "wire/rdb_io.h"

/* The record: nodes (16 bytes of ID in network order, pack), entries, last ID, [first ID, highest deleted ID, entries ever],
 * groups: name, last ID, [entries read], pending (16 bytes of ID, time, count), consumers: name, seen, {active}, their pending
 * (16 bytes of ID). [] from version 2 on, {} from version 3 on. Source: as Redis 7.0 and Valkey 8.1 write it.
 *
 * Version 4 (Redis 8.6) goes on with what idempotent producers have sent: how long and how many are remembered, producers: name,
 * what each has sent: name, ID; then how many were added and how many were refused as seen before. Version 5 (8.8) has in each group,
 * after its consumers, which pending entries (16 bytes of ID) were given back, so that no consumer has them. Source: the release
 * notes of librdb 2.2 and 2.3, and the notes on these versions in the documentation of rediscope.
 *
 * Here nothing remembers producers: what a file says of any is read, left out and counted (rdb_input.passed_over). An entry that was
 * given back is pending for a consumer named "nacked", so that XAUTOCLAIM and XCLAIM find it. */

/* ---- writing ---- */
uint8_t stream_rdb_type(struct value v, int version) {
    proven(v.type == TYPE_STREAM);
    return version < 11 ? RDB_TYPE_STREAM_LISTPACKS_2 : RDB_TYPE_STREAM_LISTPACKS_3;
}

static void id_to_bytes(unsigned char *dst, struct stream_id id) {
    for (unsigned i = 0; i < 8; i++) {
        dst[i] = (unsigned char)(id.ms >> (56 - 8 * i));
        dst[8 + i] = (unsigned char)(id.seq >> (56 - 8 * i));
    }
}

static struct stream_id id_from_bytes(const unsigned char *src) {
    struct stream_id id = {0, 0};
    debug_proven(src != NULL);
    for (unsigned i = 0; i < 8; i++) {
        id.ms = id.ms << 8 | src[i];
        id.seq = id.seq << 8 | src[8 + i];
    }
    return id;
}

static bool write_id(struct rdb_sink *sink, struct stream_id id) {
    debug_proven(sink->out != NULL);
    return rdb_sink_length(sink, id.ms) && rdb_sink_length(sink, id.seq);
}

static bool write_nodes(const struct stream *s, struct rdb_sink *sink) {
    struct tree_cursor c;
    if (!rdb_sink_length(sink, s->nodes.count)) return false;
    for (bool more = tree_first(&s->nodes, &c); more; more = tree_next(&c)) {
        const struct stream_node *n = stream_item(tree_word(&c));
        unsigned char id[16];
        id_to_bytes(id, n->id);
        proven(n->pack != NULL);
        if (!rdb_sink_string(sink, slice_of((const char *)id, sizeof id)) ||
            !rdb_sink_string(sink, slice_of((const char *)n->pack, pack_bytes(n->pack))))
            return false;
    }
    return true;
}

static void write_raw_id(struct rdb_sink *sink, struct stream_id id) {
    unsigned char bytes[16];
    id_to_bytes(bytes, id);
    buf_append(sink->out, bytes, sizeof bytes);
    debug_proven(sink->out->len >= sizeof bytes);
}

static bool write_consumer(const struct stream_consumer *c, struct rdb_sink *sink) {
    struct tree_cursor at;
    if (!rdb_sink_string(sink, stream_consumer_text(c))) return false;
    rdb_write_u64_le(sink->out, (uint64_t)c->seen_ms);
    if (sink->version >= 11) rdb_write_u64_le(sink->out, (uint64_t)c->active_ms);
    if (!rdb_sink_length(sink, c->pending.count)) return false;
    const struct stream_nack *n = stream_pending_from(&c->pending, STREAM_ID_MIN, &at);
    for (; n; n = stream_pending_next(&at)) {
        write_raw_id(sink, n->id);
        if (!rdb_sink_ready(sink)) return false;
    }
    proven(!tree_valid(&at));
    return true;
}

static bool write_pending(const struct stream_group *g, struct rdb_sink *sink) {
    struct tree_cursor c;
    if (!rdb_sink_length(sink, g->pending.count)) return false;
    const struct stream_nack *n = stream_pending_from(&g->pending, STREAM_ID_MIN, &c);
    for (; n; n = stream_pending_next(&c)) {
        debug_proven(stream_nack_owner(n));
        write_raw_id(sink, n->id);
        rdb_write_u64_le(sink->out, (uint64_t)stream_nack_time(n));
        if (!rdb_sink_length(sink, stream_nack_count(n))) return false;
    }
    proven(!tree_valid(&c));
    return true;
}

static bool write_group(const struct stream_group *g, struct rdb_sink *sink) {
    struct tree_cursor c;
    const struct stream_consumer *consumer;
    proven(g->bytes > 0);
    if (!rdb_sink_string(sink, stream_group_name(g)) || !write_id(sink, g->last_id) ||
        !rdb_sink_length(sink, (uint64_t)g->entries_read) || !write_pending(g, sink) ||
        !rdb_sink_length(sink, g->consumers.count))
        return false;
    for (bool more = stream_consumers_first(g, &c, &consumer); more; more = stream_consumers_next(&c, &consumer))
        if (!write_consumer(consumer, sink)) return false;
    return true;
}

bool stream_rdb_write(struct value v, struct rdb_sink *sink) {
    const struct stream *s = stream_of(v);
    const struct stream_group *g;
    struct tree_cursor c;
    proven(s && v.type == TYPE_STREAM);
    if (!write_nodes(s, sink) || !rdb_sink_length(sink, stream_length(s)) || !write_id(sink, s->last_id) ||
        !write_id(sink, s->first_id) || !write_id(sink, s->max_deleted_id) ||
        !rdb_sink_length(sink, s->entries_added) || !rdb_sink_length(sink, s->groups.count))
        return false;
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g))
        if (!write_group(g, sink)) return false;
    return true;
}

/* ---- reading ---- */
struct loading {
    struct rdb_input *in;
    struct value_edit edit;
    struct stream *s;
    unsigned form; /* 1 to 5 */
};

static bool read_id(struct rdb_input *in, struct stream_id *id) {
    debug_proven(in->window != NULL);
    return rdb_input_length(in, &id->ms) && rdb_input_length(in, &id->seq);
}

static bool read_raw_id(struct rdb_input *in, struct stream_id *id) {
    unsigned char bytes[16];
    if (!rdb_input_bytes(in, bytes, sizeof bytes)) return false;
    *id = id_from_bytes(bytes);
    return true;
}

static bool add_node(struct loading *l, struct stream_id master, struct slice bytes, struct stream_id *above) {
    struct tree_cursor end;
    uint32_t live, total;
    if (!pack_verify(bytes.ptr, bytes.len, true)) return rdb_input_fail(l->in, "a stream's node is no listpack");
    struct pack *p = pack_try_copy(MEM_STREAMS, bytes.ptr, bytes.len);
    if (!p) return rdb_input_fail(l->in, "no memory for a stream's node");
    const char *why = stream_node_verify(p, master, above, &live, &total);
    if (why || live == 0) { /* one without live entries says nothing */
        pack_free(MEM_STREAMS, p);
        return !why || rdb_input_fail(l->in, why);
    }
    struct stream_node *n = stream_block_new(l->s, NULL, sizeof *n);
    *n = (struct stream_node){.id = master, .pack = p, .total = total};
    l->s->bytes += mem_good_size(pack_bytes(p));
    tree_end(&l->s->nodes, &end);
    tree_insert(&l->s->nodes, NULL, &end, stream_word(n), live);
    proven(l->s->nodes.count > 0);
    return true;
}

static bool read_nodes(struct loading *l, struct stream_id *above) {
    struct slice text;
    uint64_t nodes;
    if (!rdb_input_count(l->in, 2, &nodes)) return false;
    for (; nodes > 0; nodes--) {
        if (!rdb_input_string(l->in, &text)) return false;
        if (text.len != 16) return rdb_input_fail(l->in, "a stream's node has no ID of 16 bytes");
        struct stream_id master = id_from_bytes((const unsigned char *)text.ptr);
        if (!rdb_input_string(l->in, &text) || !add_node(l, master, text, above)) return false;
    }
    debug_proven(stream_length(l->s) >= l->s->nodes.count);
    return true;
}

/* The first form says less: what can be told from the entries is. */
static bool read_facts(struct loading *l, struct stream_id last) {
    struct stream *s = l->s;
    uint64_t entries;
    if (!rdb_input_length(l->in, &entries) || !read_id(l->in, &s->last_id)) return false;
    if (entries != stream_length(s))
        return rdb_input_fail(l->in, "a stream has another number of entries than it says");
    if (stream_length(s) > 0 && stream_id_compare(last, s->last_id) > 0)
        return rdb_input_fail(l->in, "a stream's last ID is below that of an entry");
    s->entries_added = entries;
    if (l->form > 1 && (!read_id(l->in, &s->first_id) || !read_id(l->in, &s->max_deleted_id) ||
                        !rdb_input_length(l->in, &s->entries_added)))
        return false;
    if (s->entries_added < entries) return rdb_input_fail(l->in, "a stream holds more entries than were ever added");
    s->first_id = stream_edge(s, false);
    struct stream_id before = s->first_id;
    stream_id_previous(&before);
    stream_note_orphan(s, stream_length(s) > 0 && l->form > 1 ? before : s->last_id);
    stream_note_orphan(s, s->max_deleted_id);
    debug_proven(stream_id_compare(s->first_id, s->last_id) <= 0);
    return true;
}

static bool read_pending(struct loading *l, struct stream_group *g) {
    struct tree_cursor c;
    uint64_t n, time, count;
    struct stream_id id, prior = STREAM_ID_MIN;
    if (!rdb_input_count(l->in, 25, &n)) return false;
    for (bool first = true; n > 0; n--, first = false, prior = id) {
        if (!read_raw_id(l->in, &id) || !rdb_input_u64(l->in, &time) || !rdb_input_length(l->in, &count)) return false;
        if (!first && stream_id_compare(prior, id) >= 0)
            return rdb_input_fail(l->in, "a group's pending entries are not in order");
        struct stream_nack *nack = stream_block_new(l->s, g, sizeof *nack);
        nack->id = id;
        stream_nack_set(nack, NULL, (int64_t)time, count);
        tree_end(&g->pending, &c);
        stream_tree_insert(&l->edit, g, &g->pending, &c, stream_word(nack));
    }
    debug_proven(g->pending.count == g->pending.weight);
    return true;
}

static bool give_to(struct loading *l, struct stream_group *g, struct stream_consumer *consumer, struct stream_id id) {
    struct tree_cursor c;
    struct stream_nack *nack = stream_nack_lookup(g, id);
    if (!nack || stream_nack_owner(nack))
        return rdb_input_fail(l->in, "an entry pending for a consumer is not its group's, or another's too");
    struct stream_nack *last = tree_last(&consumer->pending, &c) ? stream_item(tree_word(&c)) : NULL;
    if (last && stream_id_compare(last->id, id) >= 0)
        return rdb_input_fail(l->in, "a consumer's pending entries are not in order");
    stream_nack_set(nack, consumer->name, stream_nack_time(nack), stream_nack_count(nack));
    tree_end(&consumer->pending, &c);
    stream_tree_insert(&l->edit, g, &consumer->pending, &c, stream_word(nack));
    debug_proven(consumer->pending.count <= g->pending.count);
    return true;
}

static bool read_owned(struct loading *l, struct stream_group *g, struct stream_consumer *consumer) {
    struct stream_id id;
    uint64_t n;
    if (!rdb_input_count(l->in, 16, &n)) return false;
    for (; n > 0; n--)
        if (!read_raw_id(l->in, &id) || !give_to(l, g, consumer, id)) return false;
    debug_proven(consumer->pending.count <= g->pending.count);
    return true;
}

static bool read_consumer(struct loading *l, struct stream_group *g, uint64_t *owned) {
    struct slice name;
    uint64_t seen, active;
    bool made;
    if (!rdb_input_string(l->in, &name)) return false;
    struct stream_consumer *c = stream_consumer_edit(&l->edit, g, name, true, &made);
    if (!made) return rdb_input_fail(l->in, "a group has two consumers of one name");
    if (!rdb_input_u64(l->in, &seen)) return false;
    active = seen;
    if (l->form > 2 && !rdb_input_u64(l->in, &active)) return false;
    c->seen_ms = (int64_t)seen;
    c->active_ms = (int64_t)active;
    debug_proven(c->name->consumer == c);
    if (!read_owned(l, g, c)) return false;
    *owned += c->pending.count;
    return true;
}

/* Entries that were given back: each is in the group's list, and no consumer's. */
static bool read_given_back(struct loading *l, struct stream_group *g, uint64_t *owned) {
    uint64_t n;
    bool made;
    debug_proven(l->form > 4);
    if (!rdb_input_count(l->in, 16, &n)) return false;
    if (n == 0) return true;
    struct stream_consumer *c = stream_consumer_edit(&l->edit, g, SLICE("nacked"), true, &made);
    if (!made) return rdb_input_fail(l->in, "a group with entries given back has a consumer named nacked, too");
    for (; n > 0; n--) {
        struct stream_id id;
        if (!read_raw_id(l->in, &id)) return false;
        if (!give_to(l, g, c, id)) return false;
        ++*owned;
    }
    l->in->passed_over++;
    return true;
}

static bool read_group(struct loading *l) {
    struct slice name;
    struct stream_id last;
    uint64_t entries_read = 0, consumers, owned = 0;
    if (!rdb_input_string(l->in, &name)) return false;
    if (!stream_group_create(&l->edit, name, STREAM_ID_MIN, STREAM_UNKNOWN))
        return rdb_input_fail(l->in, "a stream has two groups of one name");
    struct stream_group *g = stream_group_edit(&l->edit, name);
    proven(g != NULL);
    if (!read_id(l->in, &last) || (l->form > 1 && !rdb_input_length(l->in, &entries_read))) return false;
    g->last_id = last;
    g->entries_read = l->form > 1 ? (int64_t)entries_read : stream_estimate_read(l->s, last);
    if (g->entries_read < STREAM_UNKNOWN)
        return rdb_input_fail(l->in, "a group has read an impossible number of entries");
    if (!read_pending(l, g) || !rdb_input_count(l->in, 10, &consumers)) return false;
    for (; consumers > 0; consumers--)
        if (!read_consumer(l, g, &owned)) return false;
    if (l->form > 4 && !read_given_back(l, g, &owned)) return false;
    return owned == g->pending.count || rdb_input_fail(l->in, "a group's pending entry belongs to no consumer");
}

static bool read_groups(struct loading *l) {
    uint64_t groups;
    if (!rdb_input_count(l->in, 5, &groups)) return false;
    for (; groups > 0; groups--)
        if (!read_group(l)) return false;
    debug_proven(l->in->why == NULL);
    return true;
}

static bool read_producer(struct loading *l) {
    struct slice text;
    struct stream_id id;
    uint64_t n;
    if (!rdb_input_string(l->in, &text) || !rdb_input_count(l->in, 3, &n)) return false;
    for (; n > 0; n--)
        if (!rdb_input_string(l->in, &text) || !read_id(l->in, &id)) return false;
    debug_proven(l->form > 3);
    return true;
}

static bool read_producers(struct loading *l) {
    uint64_t ignored, producers;
    debug_proven(l->form > 3);
    if (!rdb_input_length(l->in, &ignored) || !rdb_input_length(l->in, &ignored)) return false;
    if (!rdb_input_count(l->in, 2, &producers)) return false;
    if (producers > 0) l->in->passed_over++;
    for (; producers > 0; producers--)
        if (!read_producer(l)) return false;
    return rdb_input_length(l->in, &ignored) && rdb_input_length(l->in, &ignored);
}

bool stream_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                     struct value *out) {
    struct loading l = {.in = in};
    struct stream_id last = STREAM_ID_MIN;
    l.form = rdb_stream_form(rdb_type);
    proven(l.form > 0);
    l.edit = value_edit_alone((struct value){.type = TYPE_STREAM}, limits, now_ms);
    l.s = stream_edit(&l.edit);
    bool ok = read_nodes(&l, &last) && read_facts(&l, last) && read_groups(&l) && (l.form < 4 || read_producers(&l));
    proven(ok || in->why);
    *out = l.edit.value;
    if (!ok) {
        stream_free(l.s);
        *out = (struct value){.type = TYPE_STREAM};
    }
    value_edit_release(&l.edit);
    return ok;
}
