/* What the files of stream values share. Private to them.
 *
 *   stream.c        the head: birth, death, fork, copy; the kind
 *   stream_node.c   packs of entries: reading, appending, deleting
 *   stream_trim.c   entries that go while groups may still want them: trimming, deleting with what is pending
 *   stream_group.c  groups, consumers, pending entries
 *   stream_defrag.c moving blocks to where they lie closer together
 *   stream_rdb.c    records
 *
 * A node's pack (the format of RDB's stream records, Redis 5 and later): a master entry, whose fields later entries need not
 * repeat, and the entries.
 *
 *   master:  live  deleted  fields:N  field 1 .. field N  0
 *   entry:   flags  ms - master's  seq - master's  value 1 .. value N                    back       SAME_FIELDS
 *            flags  ms - master's  seq - master's  fields:M  field 1  value 1 ..         back
 *
 * back: how many elements the entry has before it, so that it is read from its end too. All but texts are integers; the
 * differences are modulo 2^64. */
#ifndef TARN_VALUES_STREAM_INT_H
#define TARN_VALUES_STREAM_INT_H

#include "values/kind.h"
#include "values/stream.h"

#include "base/check.h"

#define STREAM_ENTRY_DELETED     1
#define STREAM_ENTRY_SAME_FIELDS 2
#define STREAM_NODE_BYTES_MAX    PACK_BYTES_MAX

/* ---- items of trees ---- */
static inline uint64_t stream_word(const void *p) { return (uint64_t)(uintptr_t)p; }
static inline void *stream_item(uint64_t word) { return (void *)(uintptr_t)word; }
tree_key_fn stream_node_key, stream_nack_key, stream_group_key, stream_consumer_key;

/* ---- accounts: stream.bytes, and group.bytes where g is given ---- */
void *stream_block_new(struct stream *s, struct stream_group *g, size_t n);
void stream_block_drop(struct value_edit *e, struct stream_group *g, void *p, size_t n, bool shared);
/* Changes of a group's trees, whose nodes count as the group's bytes. */
void stream_tree_insert(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c,
                        uint64_t word);
void stream_tree_remove(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c);
void stream_tree_set(struct value_edit *e, struct stream_group *g, struct tree *t, struct tree_cursor *c,
                     uint64_t word);
void stream_tree_cut(struct value_edit *e, struct stream_group *g, struct tree *t, uint64_t from, uint64_t to,
                     void (*drop)(void *arg, uint64_t word, bool shared), void *arg);

static inline struct stream *stream_head(struct value_edit *e) {
    proven(e->value.ptr && e->value.type == TYPE_STREAM && e->value.form == VALUE_HEAD);
    return e->value.ptr;
}

/* ---- stream.c ---- */
struct stream *stream_new(const struct frozen *f);
void stream_free(void *head);

/* Something up to that ID may be pending without its entry. */
static inline void stream_note_orphan(struct stream *s, struct stream_id id) {
    if (stream_id_compare(id, s->orphan_id) > 0) s->orphan_id = id;
    debug_proven(stream_id_compare(id, s->orphan_id) <= 0);
}

/* ---- stream_node.c ---- */
/* Sees to it that a loaded pack is a node whose entries lie above *above, in order; *live and *total are its entries, and
 * *above becomes the last one. NULL, or what is wrong. */
const char *stream_node_verify(const struct pack *p, struct stream_id master, struct stream_id *above, uint32_t *live,
                               uint32_t *total);
void stream_node_free(struct stream_node *n);

static inline struct stream_node *stream_node_of(const struct tree_cursor *c) { return stream_item(tree_word(c)); }

/* The node at the cursor for changing: itself, or a copy when the snapshot may read it. The caller puts what it gets into
 * the tree. */
struct stream_node *stream_node_take(struct value_edit *e, struct tree_cursor *c);
/* The entry whose flags stand there is deleted. What lies behind them then lies so many bytes further ahead: none, unless
 * who wrote the file took more bytes for them than they need. */
size_t stream_node_mark(struct stream *s, struct stream_node *n, pack_pos flags_at);
/* A taken node, some entries of which may have been marked, so that so many are left: at least one. */
void stream_node_put(struct value_edit *e, struct tree_cursor *c, struct stream_node *n, uint64_t live);
/* The cursor is then at the next one. */
void stream_node_remove(struct value_edit *e, struct tree_cursor *c);
/* One that is in the tree no more. */
void stream_node_drop(struct value_edit *e, struct stream_node *n, bool shared);

/* ---- stream_group.c ---- */
void stream_group_free(void *group);
size_t stream_group_size(const struct stream_group *g);
size_t stream_consumer_name_size(size_t len);
struct stream_nack *stream_nack_lookup(const struct stream_group *g, struct stream_id id);
void stream_nack_set(struct stream_nack *n, struct stream_consumer_name *owner, int64_t delivery_ms, uint64_t count);
int64_t stream_estimate_read(const struct stream *s, struct stream_id id);

/* ---- stream_defrag.c ---- */
void *stream_defrag(void *head, struct value_defrag *d);

/* ---- stream_rdb.c ---- */
uint8_t stream_rdb_type(struct value v, int version);
bool stream_rdb_write(struct value v, struct rdb_sink *sink);
bool stream_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                     struct value *out);

#endif
