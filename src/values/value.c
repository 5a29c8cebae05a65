#include "values/value.h"
#include "values/kind.h"

#include "base/check.h"
#include "base/siphash.h"
#include "store/pack.h"
#include "values/defrag.h"
#include "values/hash.h"
#include "values/intset.h"
#include "values/list.h"
#include "values/set.h"
#include "values/stream.h"
#include "values/zset.h"

const struct value_limits value_limits_default = {
    .list_max_listpack_size = -2,
    .list_compress_depth = 0,
    .set_max_intset_entries = 512,
    .set_max_listpack_entries = 128,
    .set_max_listpack_value = 64,
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
    .hash_max_listpack_entries = 512,
    .hash_max_listpack_value = 64,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 100,
};

/* ---- kinds ---- */
const struct value_kind *value_kind(enum value_type type) {
    static const struct value_kind *const kinds[TYPE_COUNT] = {NULL,       &list_kind, &set_kind,
                                                               &zset_kind, &hash_kind, &stream_kind};
    proven(type > TYPE_STRING && type < TYPE_COUNT);
    return kinds[type];
}

const struct value_kind *value_kind_of_rdb(uint8_t rdb_type) {
    if (rdb_type == 0xff) return NULL;
    for (unsigned type = TYPE_STRING + 1; type < TYPE_COUNT; type++) {
        const struct value_kind *kind = value_kind((enum value_type)type);
        debug_proven(kind->type == (enum value_type)type && kind->rdb_types);
        for (const uint8_t *t = kind->rdb_types; *t != 0xff; t++)
            if (*t == rdb_type) return kind;
    }
    return NULL;
}

/* ---- of any form ---- */
static const struct value_kind *kind_of(struct value v) {
    proven(v.ptr != NULL);
    return value_kind(v.type);
}

size_t value_block_size(struct value v) {
    proven(v.ptr && v.form != VALUE_HEAD);
    return v.form == VALUE_PACK ? pack_bytes(v.ptr) : intset_bytes(v.ptr);
}

void value_free(struct value v) {
    const struct value_kind *kind = kind_of(v);
    debug_proven(v.form != VALUE_INTS || v.type == TYPE_SET);
    if (v.form == VALUE_HEAD)
        kind->head_free(v.ptr);
    else
        mem_free(kind->owner, v.ptr, value_block_size(v));
}

size_t value_blocks(struct value v) {
    const struct value_kind *kind = kind_of(v);
    debug_proven(v.form != VALUE_HEAD || kind->head_blocks(v.ptr) > 0);
    return v.form == VALUE_HEAD ? kind->head_blocks(v.ptr) : 1;
}

size_t value_memory(struct value v) {
    const struct value_kind *kind = kind_of(v);
    debug_proven(v.form != VALUE_INTS || v.type == TYPE_SET);
    return v.form == VALUE_HEAD ? kind->head_memory(v.ptr) : mem_good_size(value_block_size(v));
}

int64_t value_elements_due(struct value v) {
    const struct value_kind *kind = kind_of(v);
    debug_proven(!kind->head_next_due || v.type == TYPE_HASH); /* the calendar asks hashes only */
    return v.form == VALUE_HEAD && kind->head_next_due ? kind->head_next_due(v.ptr) : INT64_MAX;
}

void *value_defrag(struct value v, struct value_defrag *d) {
    const struct value_kind *kind = kind_of(v);
    proven(!d->done);
    if (v.form == VALUE_HEAD) return kind->head_defrag(v.ptr, d);
    d->done = true;
    return mem_defrag(d->mem, kind->owner, v.ptr, value_block_size(v));
}

bool value_copy(struct value v, struct value *out) {
    const struct value_kind *kind = kind_of(v);
    *out = v;
    if (v.form == VALUE_HEAD) {
        out->ptr = kind->head_copy(v.ptr);
        debug_proven(kind->count(*out) == kind->count(v));
        return true;
    }
    size_t n = value_block_size(v);
    out->ptr = mem_try_alloc(kind->owner, n);
    if (!out->ptr) return false;
    memcpy(out->ptr, v.ptr, n);
    return true;
}

/* ---- edits ---- */
struct value_edit value_edit_alone(struct value v, const struct value_limits *limits, int64_t now_ms) {
    proven(limits && v.type > TYPE_STRING && v.type < TYPE_COUNT);
    return (struct value_edit){.value = v, .limits = limits, .now_ms = now_ms};
}

void value_edit_release(struct value_edit *e) {
    proven(!e->f);
    limbo_free(e->doomed);
    e->doomed = NULL;
}

void value_drop(struct value_edit *e, void *p, size_t n, bool shared) {
    debug_proven(p && n > 0);
    enum mem_owner owner = value_kind(e->value.type)->owner;
    proven(!shared || e->f);
    if (unlikely(shared))
        frozen_limbo(e->f, owner, p, n, 0);
    else if (e->freed++ < VALUE_FREES_MAX)
        mem_free(owner, p, n);
    else
        limbo_add(&e->doomed, owner, p, n);
}

void value_drop_whole(struct value_edit *e) {
    struct value v = e->value;
    const struct value_kind *kind = kind_of(v);
    e->value.ptr = NULL;
    e->value.form = VALUE_PACK;
    if (v.form == VALUE_HEAD && e->f)
        frozen_limbo_value(e->f, kind->head_free, v.ptr);
    else if (v.form == VALUE_HEAD && kind->head_blocks(v.ptr) > VALUE_FREES_MAX)
        limbo_add_value(&e->doomed, kind->head_free, v.ptr);
    else
        value_free(v);
}

/* ---- hashing ---- */
static struct siphash_seed values_seed;

void values_set_seed(const unsigned char seed[16]) { memcpy(&values_seed, seed, sizeof values_seed); }

uint64_t value_hash(struct slice text) {
    debug_proven(text.ptr || text.len == 0);
    return siphash13(&values_seed, text.ptr, text.len);
}
