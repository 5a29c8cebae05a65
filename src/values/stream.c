#include "values/kind.h"
#include "values/stream_int.h"

#include "wire/rdb.h"

/* ---- IDs ---- */
bool stream_id_next(struct stream_id *id) {
    if (id->seq < UINT64_MAX) {
        id->seq++;
        return true;
    }
    if (id->ms == UINT64_MAX) return false;
    *id = (struct stream_id){id->ms + 1, 0};
    return true;
}

bool stream_id_previous(struct stream_id *id) {
    if (id->seq > 0) {
        id->seq--;
        return true;
    }
    if (id->ms == 0) return false;
    *id = (struct stream_id){id->ms - 1, UINT64_MAX};
    return true;
}

size_t stream_id_format(char *dst, struct stream_id id) {
    size_t n = num_format_u64(dst, id.ms);
    dst[n++] = '-';
    n += num_format_u64(dst + n, id.seq);
    debug_proven(n <= STREAM_ID_TEXT_MAX);
    return n;
}

/* ---- accounts ---- */
static void count_bytes(struct stream *s, struct stream_group *g, size_t more, size_t less) {
    s->bytes += more - less;
    if (g) g->bytes += more - less;
    debug_proven(!g || g->bytes <= s->bytes);
}

void *stream_block_new(struct stream *s, struct stream_group *g, size_t n) {
    proven(n > 0);
    count_bytes(s, g, mem_good_size(n), 0);
    return mem_alloc(MEM_STREAMS, n);
}

void stream_block_drop(struct value_edit *e, struct stream_group *g, void *p, size_t n, bool shared) {
    debug_proven(p && n > 0);
    count_bytes(stream_head(e), g, 0, mem_good_size(n));
    value_drop(e, p, n, shared);
}

void stream_tree_insert(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c,
                        uint64_t word) {
    size_t before = t->bytes;
    proven(g && word);
    tree_insert(t, e->f, c, word, 1);
    count_bytes(stream_head(e), g, t->bytes, before);
}

void stream_tree_remove(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c) {
    size_t before = t->bytes;
    proven(g && tree_valid(c));
    tree_remove(t, e->f, c);
    count_bytes(stream_head(e), g, t->bytes, before);
}

void stream_tree_set(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c,
                     uint64_t word) {
    size_t before = t->bytes;
    proven(g && tree_valid(c));
    tree_set(t, e->f, c, word, 1);
    count_bytes(stream_head(e), g, t->bytes, before);
}

void stream_tree_cut(struct value_edit *e, struct stream_group *g, struct tree *t, uint64_t from, uint64_t to,
                     void (*drop)(void *arg, uint64_t word, bool shared), void *arg) {
    size_t before = t->bytes;
    proven(g && from <= to && to <= t->weight);
    tree_cut(t, e->f, from, to, drop, arg);
    count_bytes(stream_head(e), g, t->bytes, before);
}

/* ---- the head ---- */
struct stream *stream_new(const struct frozen *f) {
    struct stream *s = mem_alloc_zeroed(MEM_STREAMS, sizeof *s);
    s->head.birth = frozen_birth(f);
    tree_init(&s->nodes, stream_node_key, true, MEM_STREAMS);
    tree_init(&s->groups, stream_group_key, false, MEM_STREAMS);
    debug_proven(stream_length(s) == 0);
    return s;
}

struct stream *stream_edit(struct value_edit *e) {
    proven(e->value.type == TYPE_STREAM);
    if (!e->value.ptr) e->value = (struct value){stream_new(e->f), TYPE_STREAM, VALUE_HEAD};
    return stream_head(e);
}

void stream_free(void *head) {
    struct stream *s = head;
    struct tree_cursor c;
    proven(s != NULL);
    for (bool more = tree_first(&s->nodes, &c); more; more = tree_next(&c))
        stream_node_free(stream_item(tree_word(&c)));
    for (bool more = tree_first(&s->groups, &c); more; more = tree_next(&c))
        stream_group_free(stream_item(tree_word(&c)));
    tree_release(&s->nodes);
    tree_release(&s->groups);
    mem_free(MEM_STREAMS, s, sizeof *s);
}

/* From above: a node of the tree for 8 items at the least, and no block of a group below 32 bytes. */
static size_t stream_blocks(const void *head) {
    const struct stream *s = head;
    size_t nodes = s->nodes.count;
    debug_proven(nodes <= stream_length(s));
    return 2 + 2 * nodes + nodes / 8 + (s->groups.count ? s->groups.count + s->bytes / 32 : 0);
}

static size_t stream_memory(const void *head) {
    const struct stream *s = head;
    proven(s != NULL);
    return mem_good_size(sizeof *s) + s->bytes + s->nodes.bytes + s->groups.bytes;
}

static void *stream_fork(void *head, struct frozen *f) {
    struct stream *old = head, *s = mem_alloc(MEM_STREAMS, sizeof *s);
    proven(frozen_shared(f, old->head.birth));
    *s = *old;
    s->head.birth = frozen_birth(f);
    tree_copy_head(&s->nodes, &old->nodes);
    tree_copy_head(&s->groups, &old->groups);
    frozen_limbo(f, MEM_STREAMS, old, sizeof *old, 0);
    return s;
}

static void copy_nodes(struct stream *to, const struct stream *from) {
    struct tree_cursor c, end;
    for (bool more = tree_first(&from->nodes, &c); more; more = tree_next(&c)) {
        const struct stream_node *old = stream_item(tree_word(&c));
        struct stream_node *n = stream_block_new(to, NULL, sizeof *n);
        *n = *old;
        n->pack = stream_block_new(to, NULL, pack_bytes(old->pack));
        memcpy(n->pack, old->pack, pack_bytes(old->pack));
        tree_end(&to->nodes, &end);
        tree_insert(&to->nodes, NULL, &end, stream_word(n), tree_weight(&c));
    }
    proven(to->nodes.weight == from->nodes.weight);
}

static void copy_group(struct value_edit *e, const struct stream_group *from) {
    struct tree_cursor c;
    const struct stream_consumer *old;
    bool added = stream_group_create(e, stream_group_name(from), from->last_id, from->entries_read);
    struct stream_group *g = stream_group_edit(e, stream_group_name(from));
    proven(added && g);
    for (bool more = stream_consumers_first(from, &c, &old); more; more = stream_consumers_next(&c, &old)) {
        struct stream_consumer *made = stream_consumer_edit(e, g, stream_consumer_text(old), true, NULL);
        made->seen_ms = old->seen_ms;
        made->active_ms = old->active_ms;
    }
    const struct stream_nack *n = stream_pending_from(&from->pending, STREAM_ID_MIN, &c);
    for (; n; n = stream_pending_next(&c)) {
        const struct stream_consumer_name *owner = stream_nack_owner(n);
        struct stream_consumer *to = stream_consumer_edit(e, g, slice_of(owner->text, owner->len), false, NULL);
        stream_pending_put(e, g, to, n->id, stream_nack_time(n), stream_nack_count(n));
    }
}

static void *stream_copy(const void *head) {
    const struct stream *from = head;
    struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &value_limits_default, 0);
    struct stream *s = stream_edit(&e);
    const struct stream_group *g;
    struct tree_cursor c;
    s->last_id = from->last_id;
    s->first_id = from->first_id;
    s->max_deleted_id = from->max_deleted_id;
    s->orphan_id = from->orphan_id;
    s->entries_added = from->entries_added;
    copy_nodes(s, from);
    for (bool more = stream_groups_first(from, &c, &g); more; more = stream_groups_next(&c, &g)) copy_group(&e, g);
    proven(e.value.ptr == s);
    value_edit_release(&e);
    return s;
}

/* ---- the kind ---- */
static size_t stream_count(struct value v) {
    proven(v.type == TYPE_STREAM);
    return v.ptr ? (size_t)stream_length(v.ptr) : 0;
}

static const char *stream_encoding(struct value v) {
    proven(v.type == TYPE_STREAM);
    return "stream";
}

/* Fields are gathered entry by entry, so that the visitor sees all of one at once; integers as texts of their own. */
static void gather_fields(struct stream_reader *r, struct buf *texts, struct buf *slices) {
    struct slice pair[2];
    buf_clear(texts);
    buf_clear(slices);
    while (stream_read_field(r, &pair[0], &pair[1])) {
        for (unsigned i = 0; i < 2; i++) {
            buf_append_slice(texts, pair[i]);
            buf_append(slices, &pair[i], sizeof pair[i]);
        }
    }
    struct slice *all = (struct slice *)(void *)slices->ptr;
    size_t offset = 0;
    for (size_t i = 0; i < slices->len / sizeof *all; offset += all[i++].len)
        all[i].ptr = texts->ptr ? texts->ptr + offset : "";
    proven(offset == texts->len);
}

static void stream_each(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                        void *arg) {
    struct buf texts, slices;
    struct stream_reader r;
    char text[STREAM_ID_TEXT_MAX];
    (void)now_ms;
    if (!v.ptr) return;
    buf_init(&texts, MEM_SERVER);
    buf_init(&slices, MEM_SERVER);
    for (stream_read(&r, v.ptr, STREAM_ID_MIN, STREAM_ID_MAX, false); stream_read_next(&r);) {
        gather_fields(&r, &texts, &slices);
        struct value_element element = {.text = slice_of(text, stream_id_format(text, r.id)),
                                        .expire_at = -1,
                                        .fields = (const struct slice *)(void *)slices.ptr,
                                        .field_count = slices.len / sizeof(struct slice)};
        visit(arg, &element);
    }
    buf_release(&texts);
    buf_release(&slices);
}

static const uint8_t rdb_types[] = {RDB_TYPE_STREAM_LISTPACKS,   RDB_TYPE_STREAM_LISTPACKS_2,
                                    RDB_TYPE_STREAM_LISTPACKS_3, RDB_TYPE_STREAM_LISTPACKS_4,
                                    RDB_TYPE_STREAM_LISTPACKS_5, 0xff};

const struct value_kind stream_kind = {
    .name = "stream",
    .type = TYPE_STREAM,
    .owner = MEM_STREAMS,
    .rdb_types = rdb_types,
    .head_free = stream_free,
    .head_blocks = stream_blocks,
    .head_memory = stream_memory,
    .head_fork = stream_fork,
    .head_copy = stream_copy,
    .head_defrag = stream_defrag,
    .count = stream_count,
    .encoding = stream_encoding,
    .rdb_type = stream_rdb_type,
    .rdb_write = stream_rdb_write,
    .rdb_read = stream_rdb_read,
    .each = stream_each,
};
