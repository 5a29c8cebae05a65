/* Stream values: entries in the order of their IDs, and consumer groups with what each consumer has not yet acknowledged.
 * Layout: docs/design/streams.md. Kind: VALUE_HEAD always; an empty stream stays a value.
 *
 *   struct stream --> nodes: weighted tree of struct stream_node --> pack of entries (as RDB carries it)
 *                 --> groups: tree by name --> struct stream_group --> pending: tree of struct stream_nack by ID
 *                                                              --> consumers: tree by name --> struct stream_consumer
 *                                                                                       --> pending: the same nacks
 *
 * The structs are public for reading; all changes go through the functions here, inside an edit (values/value.h). Functions
 * that change a group or consumer want it from stream_group_edit and stream_consumer_edit of the same edit.
 * Pure: no clock but what is handed in. */
#ifndef TARN_VALUES_STREAM_H
#define TARN_VALUES_STREAM_H

#include "base/num.h"
#include "store/pack.h"
#include "store/tree.h"
#include "values/value.h"

extern const struct value_kind stream_kind;

/* ---- IDs ---- */
struct stream_id {
    uint64_t ms, seq;
};
#define STREAM_ID_MIN      ((struct stream_id){0, 0})
#define STREAM_ID_MAX      ((struct stream_id){UINT64_MAX, UINT64_MAX})
#define STREAM_ID_TEXT_MAX (2 * NUM_TEXT_MAX)

static inline int stream_id_compare(struct stream_id a, struct stream_id b) {
    if (a.ms != b.ms) return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

static inline bool stream_id_is_zero(struct stream_id id) { return id.ms == 0 && id.seq == 0; }
bool stream_id_next(struct stream_id *id);               /* false, and unchanged, at the last */
bool stream_id_previous(struct stream_id *id);           /* false, and unchanged, at 0-0 */
size_t stream_id_format(char *dst, struct stream_id id); /* "ms-seq"; dst: STREAM_ID_TEXT_MAX, no NUL */

/* ---- what is there ---- */
struct stream_node {     /* 32 bytes; replaced, never changed, while a snapshot may read it */
    struct stream_id id; /* of its master entry: not above that of any entry in it */
    struct pack *pack;
    uint32_t total; /* entries with the deleted ones; the live ones are the weight in the tree */
};

struct stream {
    struct value_head head;
    struct tree nodes; /* weight: entries */
    struct tree groups;
    struct stream_id last_id, first_id, max_deleted_id; /* first_id: of the first entry, 0-0 when empty */
    struct stream_id
        orphan_id; /* what is pending above it has its entry; up to it, an entry may have been deleted before */
    uint64_t entries_added; /* ever */
    size_t bytes;           /* good sizes of all blocks below the head but for tree nodes of `nodes` and `groups` */
};

struct stream_consumer_name {         /* stays where it is as long as the consumer lives, so nacks point to it */
    struct stream_consumer *consumer; /* the present copy: only for the owner of the value, not for snapshots */
    size_t len;
    char text[];
};

struct stream_consumer {
    uint32_t birth;
    struct stream_consumer_name *name;
    int64_t seen_ms, active_ms; /* last asked; last given something (-1: never) */
    struct tree pending;
};

struct stream_group {
    uint32_t birth;
    struct stream_id last_id; /* delivered */
    int64_t entries_read;     /* STREAM_UNKNOWN when it cannot be told */
    struct tree pending;      /* weighted, by 1: so it knows which nacks are shared */
    struct tree consumers;
    size_t bytes; /* its part of stream.bytes: all under it, itself included */
    size_t name_len;
    char name[];
};
#define STREAM_UNKNOWN INT64_C(-1)

/* One entry that was delivered and not acknowledged: 32 bytes, and some 21 in the two trees. Time has 48 bits, the count 32: one
 * that does not fit is told as INT64_MAX, the highest there is. */
struct stream_nack {
    struct stream_id id;
    uint64_t
        owner; /* struct stream_consumer_name * | low 16 bits of the count << 48; no address only while it is being loaded */
    uint64_t time; /* delivery_ms | high 16 bits of the count << 48 */
};
#define STREAM_NACK_TIME_MAX  INT64_C(0xffffffffffff)
#define STREAM_NACK_COUNT_MAX UINT64_C(0xffffffff)

static inline struct stream_consumer_name *stream_nack_owner(const struct stream_nack *n) {
    return (struct stream_consumer_name *)(uintptr_t)(n->owner & UINT64_C(0xffffffffffff));
}

static inline int64_t stream_nack_time(const struct stream_nack *n) {
    return (int64_t)(n->time & (uint64_t)STREAM_NACK_TIME_MAX);
}

static inline uint64_t stream_nack_count(const struct stream_nack *n) {
    uint64_t count = n->owner >> 48 | n->time >> 48 << 16;
    return count == STREAM_NACK_COUNT_MAX ? INT64_MAX : count;
}

static inline struct slice stream_group_name(const struct stream_group *g) { return slice_of(g->name, g->name_len); }

static inline struct slice stream_consumer_text(const struct stream_consumer *c) {
    return slice_of(c->name->text, c->name->len);
}

static inline uint64_t stream_length(const struct stream *s) { return s->nodes.weight; }

/* The stream of a view; NULL for the empty value. */
static inline const struct stream *stream_of(struct value v) { return v.ptr; }

/* ---- reading entries ---- */
/* Entries from first to last, both included, forwards or backwards. O(log n + entries of one node) to the first, then O(1)
 * each. Valid until the next change.
 *
 *   for (stream_read(&r, s, first, last, false); stream_read_next(&r);)
 *       while (stream_read_field(&r, &field, &value)) ...
 */
struct stream_reader {
    struct stream_id id;  /* the entry's */
    uint64_t field_count; /* pairs */
    /* its own */
    struct tree_cursor cursor;
    const struct stream_node *node;
    struct stream_id first, last;
    /* first entry of the node; where to go on; the entry; names of the node's fields; of the entry's; its next text */
    pack_pos body, next, entry, master, field, value;
    uint64_t left; /* pairs to be told */
    uint64_t master_fields;
    bool backward, same_fields, done;
    char scratch[2][NUM_TEXT_MAX];
};
void stream_read(struct stream_reader *r, const struct stream *s, struct stream_id first, struct stream_id last,
                 bool backward);
bool stream_read_next(struct stream_reader *r);
/* Texts are valid until the next call. False behind the last pair. */
bool stream_read_field(struct stream_reader *r, struct slice *field, struct slice *value);
bool stream_has(const struct stream *s, struct stream_id id);
/* The first or last entry's ID; 0-0 when empty. */
struct stream_id stream_edge(const struct stream *s, bool last);

/* ---- changing entries ---- */
/* The stream to be changed; made when there is none. */
struct stream *stream_edit(struct value_edit *e);
/* Whether an entry of these can be stored at all. */
bool stream_fits(const struct slice *fields, size_t count);
/* Adds an entry: count texts, field and value in turn. proven: id is above last_id, stream_fits, count even. */
void stream_append(struct value_edit *e, struct stream_id id, const struct slice *fields, size_t count);
/* False when there is none. O(entries of a node + groups * log n). */
bool stream_delete(struct value_edit *e, struct stream_id id);

/* What the groups say to an entry's going. Whether one still needs it is asked of their pending entries, so nothing is kept
 * for it of an entry: O(groups * log n) each. */
enum stream_refs {
    STREAM_REFS_KEEP,  /* nothing: it stays pending, without an entry */
    STREAM_REFS_DROP,  /* it is pending no more */
    STREAM_REFS_ACKED, /* it stays while one has it pending or has yet to be given it */
};
enum stream_deletion { STREAM_ABSENT = -1, STREAM_DELETED = 1, STREAM_NEEDED = 2 };
/* An ID without an entry that is pending somewhere is needed too. *dropped grows by the pending entries that went. */
enum stream_deletion stream_delete_unless(struct value_edit *e, struct stream_id id, enum stream_refs refs,
                                          uint64_t *dropped);

enum stream_trim_by { STREAM_TRIM_NONE, STREAM_TRIM_LENGTH, STREAM_TRIM_ID };
struct stream_trim {
    enum stream_trim_by by;
    bool nearly;         /* whole nodes only */
    uint64_t length;     /* this many stay */
    struct stream_id id; /* this one and all above stay */
    uint64_t limit;      /* most entries to remove, 0: no limit */
    enum stream_refs refs;
};
/* Returns how many went: of ACKED, the first that may go. O(log n + removed). Of ACKED, O(groups * log^2 n) more for each node that holds an
 * entry which some group has not pending, O(groups) for each entry of it, and O(groups * log n) for each node up to orphan_id:
 * other nodes, of which all is pending, are found by counting, and cost nothing. */
uint64_t stream_trim(struct value_edit *e, const struct stream_trim *how);
void stream_set_last_id(struct value_edit *e, struct stream_id last_id, struct stream_id max_deleted_id,
                        uint64_t added);

/* ---- groups ---- */
const struct stream_group *stream_group_find(const struct stream *s, struct slice name);
/* In the order of names; false behind the last. */
bool stream_groups_first(const struct stream *s, struct tree_cursor *c, const struct stream_group **g);
bool stream_groups_next(struct tree_cursor *c, const struct stream_group **g);
/* False when there is one of that name. */
bool stream_group_create(struct value_edit *e, struct slice name, struct stream_id last_id, int64_t entries_read);
struct stream_group *stream_group_edit(struct value_edit *e, struct slice name); /* NULL when there is none */
bool stream_group_destroy(struct value_edit *e, struct slice name);
void stream_group_set_id(struct stream_group *g, struct stream_id last_id, int64_t entries_read);
/* A new entry has been delivered: last_id and entries_read follow. */
void stream_group_advance(const struct stream *s, struct stream_group *g, struct stream_id id);
/* How many entries the group has yet to be given; false when it cannot be told. */
bool stream_group_lag(const struct stream *s, const struct stream_group *g, uint64_t *lag);

/* ---- consumers ---- */
const struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct slice name);
bool stream_consumers_first(const struct stream_group *g, struct tree_cursor *c, const struct stream_consumer **out);
bool stream_consumers_next(struct tree_cursor *c, const struct stream_consumer **out);
/* NULL when there is none, or, with create, made. *made may be NULL. */
struct stream_consumer *stream_consumer_edit(struct value_edit *e, struct stream_group *g, struct slice name,
                                             bool create, bool *made);
/* With all that is pending for it. False when there is none. */
bool stream_consumer_delete(struct value_edit *e, struct stream_group *g, struct slice name, uint64_t *pending);

/* ---- pending entries ---- */
const struct stream_nack *stream_pending_find(const struct stream_group *g, struct stream_id id);
/* From an ID on, in a group's or consumer's tree; NULL when there is none. Changes invalidate the cursor. */
const struct stream_nack *stream_pending_from(const struct tree *pending, struct stream_id id, struct tree_cursor *c);
const struct stream_nack *stream_pending_next(struct tree_cursor *c);
/* The entry is now pending for c, whether or not it has been pending before. O(log n). */
void stream_pending_put(struct value_edit *e, struct stream_group *g, struct stream_consumer *c, struct stream_id id,
                        int64_t delivery_ms, uint64_t count);
bool stream_pending_remove(struct value_edit *e, struct stream_group *g, struct stream_id id);
/* Whether some group has it pending. O(groups * log n). */
bool stream_pending_anywhere(const struct stream *s, struct stream_id id);
/* How many the group has pending below an ID. O(log n). */
uint64_t stream_pending_before(const struct stream_group *g, struct stream_id id);
/* The most that one group has pending from first to last, both included. O(groups * log n). */
uint64_t stream_pending_most(const struct stream *s, struct stream_id first, struct stream_id last);
/* In all groups, from first to last; returns how many. O(groups * log n + consumers * log n + removed). */
uint64_t stream_pending_drop(struct value_edit *e, struct stream_id first, struct stream_id last);

#endif
