#include "values/stream_int.h"

/* ---- names in trees ---- */
/* The first 8 bytes as a number: it orders as memcmp does, and equal ones are asked for. */
static uint64_t name_key(struct slice name) {
    unsigned char bytes[8] = {0};
    uint64_t key = 0;
    debug_proven(name.ptr || name.len == 0);
    if (name.len) memcpy(bytes, name.ptr, name.len < 8 ? name.len : 8);
    for (unsigned i = 0; i < 8; i++) key = key << 8 | bytes[i];
    return key;
}

uint64_t stream_group_key(uint64_t word) { return name_key(stream_group_name(stream_item(word))); }
uint64_t stream_consumer_key(uint64_t word) { return name_key(stream_consumer_text(stream_item(word))); }
uint64_t stream_nack_key(uint64_t word) { return ((const struct stream_nack *)stream_item(word))->id.ms; }

static bool group_before(uint64_t word, const void *arg) {
    debug_proven(word && arg);
    return slice_compare(stream_group_name(stream_item(word)), *(const struct slice *)arg) < 0;
}

static bool consumer_before(uint64_t word, const void *arg) {
    debug_proven(word && arg);
    return slice_compare(stream_consumer_text(stream_item(word)), *(const struct slice *)arg) < 0;
}

static bool nack_before(uint64_t word, const void *arg) {
    const struct stream_nack *n = stream_item(word);
    debug_proven(n && arg);
    return stream_id_compare(n->id, *(const struct stream_id *)arg) < 0;
}

/* True when the cursor then is at that group. */
static bool group_seek(const struct stream *s, struct tree_cursor *c, struct slice name) {
    struct tree_bound bound = {name_key(name), group_before, &name};
    debug_proven(!s->groups.weighted);
    return tree_seek(&s->groups, c, &bound) && slice_equal(stream_group_name(stream_item(tree_word(c))), name);
}

static bool consumer_seek(const struct stream_group *g, struct tree_cursor *c, struct slice name) {
    struct tree_bound bound = {name_key(name), consumer_before, &name};
    debug_proven(!g->consumers.weighted);
    return tree_seek(&g->consumers, c, &bound) && slice_equal(stream_consumer_text(stream_item(tree_word(c))), name);
}

static bool pending_seek(const struct tree *pending, struct tree_cursor *c, struct stream_id id) {
    struct tree_bound bound = {id.ms, nack_before, &id};
    debug_proven(pending->key_of == stream_nack_key);
    if (!tree_seek(pending, c, &bound)) return false;
    return stream_id_compare(((const struct stream_nack *)stream_item(tree_word(c)))->id, id) == 0;
}

/* ---- groups ---- */
size_t stream_group_size(const struct stream_group *g) {
    debug_proven(g->bytes > 0);
    return sizeof *g + g->name_len;
}

const struct stream_group *stream_group_find(const struct stream *s, struct slice name) {
    struct tree_cursor c;
    debug_proven(!s || s->groups.key_of == stream_group_key);
    if (!s || !group_seek(s, &c, name)) return NULL;
    return stream_item(tree_word(&c));
}

bool stream_groups_first(const struct stream *s, struct tree_cursor *c, const struct stream_group **g) {
    bool more = tree_first(&s->groups, c);
    debug_proven(s->groups.key_of == stream_group_key);
    *g = more ? stream_item(tree_word(c)) : NULL;
    return more;
}

bool stream_groups_next(struct tree_cursor *c, const struct stream_group **g) {
    bool more = tree_next(c);
    debug_proven(c->tree->key_of == stream_group_key);
    *g = more ? stream_item(tree_word(c)) : NULL;
    return more;
}

bool stream_group_create(struct value_edit *e, struct slice name, struct stream_id last_id, int64_t entries_read) {
    struct stream *s = stream_edit(e);
    struct tree_cursor c;
    if (group_seek(s, &c, name)) return false;
    size_t n = sizeof(struct stream_group) + name.len;
    struct stream_group *g = stream_block_new(s, NULL, n);
    *g = (struct stream_group){.birth = frozen_birth(e->f),
                               .last_id = last_id,
                               .entries_read = entries_read,
                               .bytes = mem_good_size(n),
                               .name_len = name.len};
    if (name.len) memcpy(g->name, name.ptr, name.len);
    tree_init(&g->pending, stream_nack_key, true, MEM_STREAMS);
    tree_init(&g->consumers, stream_consumer_key, false, MEM_STREAMS);
    tree_insert(&s->groups, e->f, &c, stream_word(g), 1);
    proven(stream_group_size(g) == n);
    return true;
}

/* The group at the cursor for changing. */
static struct stream_group *take_group(struct value_edit *e, struct tree_cursor *c) {
    struct stream_group *g = stream_item(tree_word(c));
    if (likely(!frozen_shared(e->f, g->birth))) return g;
    size_t n = stream_group_size(g);
    struct stream_group *copy = mem_alloc(MEM_STREAMS, n);
    memcpy(copy, g, n);
    copy->birth = frozen_birth(e->f);
    tree_set(&stream_head(e)->groups, e->f, c, stream_word(copy), 1);
    value_drop(e, g, n, true);
    proven(!frozen_shared(e->f, copy->birth));
    return copy;
}

struct stream_group *stream_group_edit(struct value_edit *e, struct slice name) {
    struct tree_cursor c;
    debug_proven(e->value.type == TYPE_STREAM);
    if (!e->value.ptr || !group_seek(stream_head(e), &c, name)) return NULL;
    return take_group(e, &c);
}

static void consumer_free(void *consumer) {
    struct stream_consumer *c = consumer;
    proven(c->name != NULL);
    tree_release(&c->pending);
    mem_free(MEM_STREAMS, c->name, stream_consumer_name_size(c->name->len));
    mem_free(MEM_STREAMS, c, sizeof *c);
}

void stream_group_free(void *group) {
    struct stream_group *g = group;
    struct tree_cursor c;
    proven(g != NULL);
    for (bool more = tree_first(&g->pending, &c); more; more = tree_next(&c))
        mem_free(MEM_STREAMS, stream_item(tree_word(&c)), sizeof(struct stream_nack));
    for (bool more = tree_first(&g->consumers, &c); more; more = tree_next(&c))
        consumer_free(stream_item(tree_word(&c)));
    tree_release(&g->pending);
    tree_release(&g->consumers);
    mem_free(MEM_STREAMS, g, stream_group_size(g));
}

/* Something of several blocks that has left the value, at most so many. */
static void drop_value(struct value_edit *e, void (*release)(void *), void *p, size_t blocks) {
    proven(p != NULL);
    if (e->f)
        frozen_limbo_value(e->f, release, p);
    else if (blocks > VALUE_FREES_MAX)
        limbo_add_value(&e->doomed, release, p);
    else
        release(p);
}

bool stream_group_destroy(struct value_edit *e, struct slice name) {
    struct stream *s = stream_head(e);
    struct tree_cursor c;
    if (!group_seek(s, &c, name)) return false;
    struct stream_group *g = stream_item(tree_word(&c));
    proven(g->bytes <= s->bytes);
    tree_remove(&s->groups, e->f, &c);
    s->bytes -= g->bytes;
    drop_value(e, stream_group_free, g, 3 + g->bytes / 32);
    return true;
}

void stream_group_set_id(struct stream_group *g, struct stream_id last_id, int64_t entries_read) {
    proven(entries_read >= STREAM_UNKNOWN);
    g->last_id = last_id;
    g->entries_read = entries_read;
}

/* ---- how far a group has come ---- */
/* Whether entries may have been deleted from the middle, at or behind id. */
static bool deleted_from(const struct stream *s, struct stream_id id) {
    debug_proven(stream_length(s) == 0 || !stream_id_is_zero(s->last_id));
    return stream_length(s) > 0 && !stream_id_is_zero(s->max_deleted_id) &&
           stream_id_compare(s->first_id, s->max_deleted_id) <= 0 && stream_id_compare(id, s->max_deleted_id) <= 0;
}

/* How many entries were ever added up to id, STREAM_UNKNOWN where deletions blur it. */
int64_t stream_estimate_read(const struct stream *s, struct stream_id id) {
    int to_last = stream_id_compare(id, s->last_id), to_first = stream_id_compare(id, s->first_id);
    uint64_t length = stream_length(s);
    proven(length <= INT64_MAX);
    if (s->entries_added == 0) return 0;
    if (length == 0 && to_last <= 0) return (int64_t)s->entries_added;
    if (to_last == 0) return (int64_t)s->entries_added;
    if (to_last > 0) return STREAM_UNKNOWN;
    if (!stream_id_is_zero(s->max_deleted_id) && stream_id_compare(s->max_deleted_id, s->first_id) >= 0)
        return STREAM_UNKNOWN;
    if (to_first > 0) return STREAM_UNKNOWN;
    return (int64_t)(s->entries_added - length + (to_first == 0));
}

void stream_group_advance(const struct stream *s, struct stream_group *g, struct stream_id id) {
    proven(stream_id_compare(id, s->last_id) <= 0);
    if (stream_id_compare(id, g->last_id) <= 0) return;
    if (g->entries_read != STREAM_UNKNOWN && !deleted_from(s, id))
        g->entries_read++;
    else if (s->entries_added > 0)
        g->entries_read = stream_estimate_read(s, id);
    g->last_id = id;
}

bool stream_group_lag(const struct stream *s, const struct stream_group *g, uint64_t *lag) {
    int64_t read = g->entries_read;
    proven(read >= STREAM_UNKNOWN);
    *lag = 0;
    if (s->entries_added == 0) return true;
    if (read == STREAM_UNKNOWN || deleted_from(s, g->last_id)) read = stream_estimate_read(s, g->last_id);
    *lag = s->entries_added - (uint64_t)read;
    return read != STREAM_UNKNOWN;
}

/* ---- consumers ---- */
size_t stream_consumer_name_size(size_t len) {
    proven(len < SIZE_MAX - sizeof(struct stream_consumer_name));
    return sizeof(struct stream_consumer_name) + len;
}

const struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct slice name) {
    struct tree_cursor c;
    debug_proven(g != NULL);
    return consumer_seek(g, &c, name) ? stream_item(tree_word(&c)) : NULL;
}

bool stream_consumers_first(const struct stream_group *g, struct tree_cursor *c, const struct stream_consumer **out) {
    bool more = tree_first(&g->consumers, c);
    debug_proven(g->consumers.key_of == stream_consumer_key);
    *out = more ? stream_item(tree_word(c)) : NULL;
    return more;
}

bool stream_consumers_next(struct tree_cursor *c, const struct stream_consumer **out) {
    bool more = tree_next(c);
    debug_proven(c->tree->key_of == stream_consumer_key);
    *out = more ? stream_item(tree_word(c)) : NULL;
    return more;
}

/* The consumer at the cursor for changing: itself, or a copy put in its place when the snapshot may read it. */
static struct stream_consumer *take_consumer(struct value_edit *e, struct stream_group *g, struct tree_cursor *c) {
    struct stream_consumer *old = stream_item(tree_word(c));
    proven(!frozen_shared(e->f, g->birth));
    if (likely(!frozen_shared(e->f, old->birth))) return old;
    struct stream_consumer *copy = mem_alloc(MEM_STREAMS, sizeof *copy);
    *copy = *old;
    copy->birth = frozen_birth(e->f);
    copy->name->consumer = copy;
    stream_tree_set(e, g, &g->consumers, c, stream_word(copy));
    value_drop(e, old, sizeof *old, true);
    return copy;
}

static struct stream_consumer *consumer_new(struct value_edit *e, struct stream_group *g, struct tree_cursor *at,
                                            struct slice name) {
    struct stream *s = stream_head(e);
    struct stream_consumer *c = stream_block_new(s, g, sizeof *c);
    *c = (struct stream_consumer){.birth = frozen_birth(e->f), .seen_ms = e->now_ms, .active_ms = -1};
    c->name = stream_block_new(s, g, stream_consumer_name_size(name.len));
    c->name->consumer = c;
    c->name->len = name.len;
    if (name.len) memcpy(c->name->text, name.ptr, name.len);
    tree_init(&c->pending, stream_nack_key, false, MEM_STREAMS);
    stream_tree_insert(e, g, &g->consumers, at, stream_word(c));
    proven(stream_consumer_text(c).len == name.len);
    return c;
}

struct stream_consumer *stream_consumer_edit(struct value_edit *e, struct stream_group *g, struct slice name,
                                             bool create, bool *made) {
    struct tree_cursor c;
    bool there = consumer_seek(g, &c, name);
    proven(!frozen_shared(e->f, g->birth));
    if (made) *made = !there && create;
    if (there) return take_consumer(e, g, &c);
    return create ? consumer_new(e, g, &c, name) : NULL;
}

/* The owner of a nack, for changing. */
static struct stream_consumer *take_owner(struct value_edit *e, struct stream_group *g, const struct stream_nack *n) {
    struct stream_consumer_name *name = stream_nack_owner(n);
    struct tree_cursor c;
    proven(name && name->consumer->name == name);
    if (likely(!frozen_shared(e->f, name->consumer->birth))) return name->consumer;
    bool there = consumer_seek(g, &c, slice_of(name->text, name->len));
    proven(there);
    return take_consumer(e, g, &c);
}

bool stream_consumer_delete(struct value_edit *e, struct stream_group *g, struct slice name, uint64_t *pending) {
    struct tree_cursor at, c;
    *pending = 0;
    if (!consumer_seek(g, &at, name)) return false;
    struct stream_consumer *gone = take_consumer(e, g, &at);
    *pending = gone->pending.count;
    for (bool more = tree_first(&gone->pending, &at); more; more = tree_next(&at)) {
        struct stream_nack *n = stream_item(tree_word(&at));
        bool there = pending_seek(&g->pending, &c, n->id);
        bool shared = there && tree_item_shared(&c, e->f);
        proven(there);
        stream_tree_remove(e, g, &g->pending, &c);
        stream_block_drop(e, g, n, sizeof *n, shared);
    }
    bool still = consumer_seek(g, &at, name);
    proven(still);
    stream_tree_remove(e, g, &g->consumers, &at);
    size_t bytes =
        mem_good_size(sizeof *gone) + mem_good_size(stream_consumer_name_size(gone->name->len)) + gone->pending.bytes;
    stream_head(e)->bytes -= bytes;
    g->bytes -= bytes;
    drop_value(e, consumer_free, gone, 3 + gone->pending.count / 16);
    return true;
}

/* ---- pending entries ---- */
void stream_nack_set(struct stream_nack *n, struct stream_consumer_name *owner, int64_t delivery_ms, uint64_t count) {
    uint64_t address = (uint64_t)(uintptr_t)owner;
    if (count > STREAM_NACK_COUNT_MAX) count = STREAM_NACK_COUNT_MAX;
    if (delivery_ms < 0) delivery_ms = 0;
    if (delivery_ms > STREAM_NACK_TIME_MAX) delivery_ms = STREAM_NACK_TIME_MAX;
    proven(address >> 48 == 0);
    n->owner = address | (count & 0xffff) << 48;
    n->time = (uint64_t)delivery_ms | count >> 16 << 48;
}

struct stream_nack *stream_nack_lookup(const struct stream_group *g, struct stream_id id) {
    struct tree_cursor c;
    debug_proven(g->pending.weighted);
    return pending_seek(&g->pending, &c, id) ? stream_item(tree_word(&c)) : NULL;
}

const struct stream_nack *stream_pending_find(const struct stream_group *g, struct stream_id id) {
    return stream_nack_lookup(g, id);
}

const struct stream_nack *stream_pending_from(const struct tree *pending, struct stream_id id, struct tree_cursor *c) {
    debug_proven(pending->key_of == stream_nack_key);
    pending_seek(pending, c, id);
    return tree_valid(c) ? stream_item(tree_word(c)) : NULL;
}

const struct stream_nack *stream_pending_next(struct tree_cursor *c) {
    debug_proven(c->tree->key_of == stream_nack_key);
    return tree_next(c) ? stream_item(tree_word(c)) : NULL;
}

/* The nack at the cursor of the group's tree for changing: itself, or a copy in its place, and then in its owner's tree
 * too. */
static struct stream_nack *take_nack(struct value_edit *e, struct stream_group *g, struct tree_cursor *c) {
    struct stream_nack *old = stream_item(tree_word(c));
    struct tree_cursor at;
    if (likely(!tree_item_shared(c, e->f))) return old;
    struct stream_nack *copy = mem_alloc(MEM_STREAMS, sizeof *copy);
    struct stream_consumer *owner = take_owner(e, g, old);
    *copy = *old;
    stream_tree_set(e, g, &g->pending, c, stream_word(copy));
    bool there = pending_seek(&owner->pending, &at, old->id);
    proven(there);
    stream_tree_set(e, g, &owner->pending, &at, stream_word(copy));
    value_drop(e, old, sizeof *old, true);
    return copy;
}

static void disown(struct value_edit *e, struct stream_group *g, const struct stream_nack *n) {
    struct stream_consumer *owner = take_owner(e, g, n);
    struct tree_cursor c;
    bool there = pending_seek(&owner->pending, &c, n->id);
    proven(there);
    stream_tree_remove(e, g, &owner->pending, &c);
}

static void own(struct value_edit *e, struct stream_group *g, struct stream_consumer *c, struct stream_nack *n) {
    struct tree_cursor at;
    proven(!frozen_shared(e->f, c->birth));
    bool there = pending_seek(&c->pending, &at, n->id);
    proven(!there);
    stream_tree_insert(e, g, &c->pending, &at, stream_word(n));
}

void stream_pending_put(struct value_edit *e, struct stream_group *g, struct stream_consumer *c, struct stream_id id,
                        int64_t delivery_ms, uint64_t count) {
    struct stream_consumer_name *owner = c->name;
    struct tree_cursor at;
    struct stream_nack *n;
    proven(!frozen_shared(e->f, g->birth));
    if (pending_seek(&g->pending, &at, id)) {
        n = take_nack(e, g, &at);
        if (stream_nack_owner(n) == owner) {
            stream_nack_set(n, owner, delivery_ms, count);
            return;
        }
        disown(e, g, n);
    } else {
        n = stream_block_new(stream_head(e), g, sizeof *n);
        n->id = id;
        stream_nack_set(n, owner, delivery_ms, count);
        stream_tree_insert(e, g, &g->pending, &at, stream_word(n));
    }
    stream_nack_set(n, owner, delivery_ms, count);
    own(e, g, c, n);
}

bool stream_pending_remove(struct value_edit *e, struct stream_group *g, struct stream_id id) {
    struct tree_cursor c;
    if (!pending_seek(&g->pending, &c, id)) return false;
    struct stream_nack *n = stream_item(tree_word(&c));
    bool shared = tree_item_shared(&c, e->f);
    disown(e, g, n);
    proven(!frozen_shared(e->f, g->birth));
    stream_tree_remove(e, g, &g->pending, &c);
    stream_block_drop(e, g, n, sizeof *n, shared);
    return true;
}

/* ---- of all groups ---- */
/* How many are pending below id in a group's or consumer's tree. */
static uint64_t rank(const struct tree *pending, struct stream_id id) {
    struct tree_cursor c;
    pending_seek(pending, &c, id);
    debug_proven(c.position <= pending->weight);
    return c.position;
}

static uint64_t rank_behind(const struct tree *pending, struct stream_id id) {
    debug_proven(pending->count == pending->weight);
    return stream_id_next(&id) ? rank(pending, id) : pending->weight;
}

uint64_t stream_pending_before(const struct stream_group *g, struct stream_id id) {
    debug_proven(g->pending.key_of == stream_nack_key);
    return rank(&g->pending, id);
}

bool stream_pending_anywhere(const struct stream *s, struct stream_id id) {
    const struct stream_group *g;
    struct tree_cursor c;
    debug_proven(s != NULL);
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g))
        if (stream_nack_lookup(g, id)) return true;
    return false;
}

uint64_t stream_pending_most(const struct stream *s, struct stream_id first, struct stream_id last) {
    const struct stream_group *g;
    struct tree_cursor c;
    uint64_t most = 0;
    debug_proven(stream_id_compare(first, last) <= 0);
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g)) {
        uint64_t n = rank_behind(&g->pending, last) - rank(&g->pending, first);
        if (n > most) most = n;
    }
    return most;
}

struct cut {
    struct value_edit *e;
    struct stream_group *g;
    struct stream_id first, last;
};

static void keep_owned(void *arg, uint64_t word, bool shared) {
    (void)arg, (void)word, (void)shared; /* it goes out of the group's tree after that */
}

static void drop_nack(void *arg, uint64_t word, bool shared) {
    const struct cut *cut = arg;
    debug_proven(word != 0);
    stream_block_drop(cut->e, cut->g, stream_item(word), sizeof(struct stream_nack), shared);
}

/* Many: out of the consumers' trees, then out of the group's. */
static void cut_pending(struct cut *cut) {
    struct stream_group *g = cut->g;
    struct tree_cursor at;
    for (bool more = tree_first(&g->consumers, &at); more; more = tree_next(&at)) {
        struct stream_consumer *c = stream_item(tree_word(&at));
        uint64_t from = rank(&c->pending, cut->first), to = rank_behind(&c->pending, cut->last);
        if (from == to) continue;
        c = take_consumer(cut->e, g, &at);
        stream_tree_cut(cut->e, g, &c->pending, from, to, keep_owned, cut);
    }
    stream_tree_cut(cut->e, g, &g->pending, rank(&g->pending, cut->first), rank_behind(&g->pending, cut->last),
                    drop_nack, cut);
    proven(rank(&g->pending, cut->first) == rank_behind(&g->pending, cut->last));
}

uint64_t stream_pending_drop(struct value_edit *e, struct stream_id first, struct stream_id last) {
    struct stream *s = stream_head(e);
    struct tree_cursor at, c;
    uint64_t all = 0;
    proven(stream_id_compare(first, last) <= 0);
    for (bool more = tree_first(&s->groups, &at); more; more = tree_next(&at)) {
        struct stream_group *g = stream_item(tree_word(&at));
        uint64_t n = rank_behind(&g->pending, last) - rank(&g->pending, first);
        all += n;
        if (n == 0) continue;
        struct cut cut = {e, take_group(e, &at), first, last};
        if (n > cut.g->consumers.count)
            cut_pending(&cut);
        else
            while (n-- > 0) stream_pending_remove(e, cut.g, stream_pending_from(&cut.g->pending, first, &c)->id);
    }
    return all;
}
