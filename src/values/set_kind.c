#include "base/check.h"
#include "values/defrag.h"
#include "values/kind.h"
#include "values/set_int.h"
#include "wire/rdb_io.h"

/* ---- heads ---- */
static void free_slot(void *arg, table_slot *slot) {
    (void)arg;
    unsigned char *member = table_slot_entry(slot);
    proven(member != NULL);
    mem_free(MEM_SETS, member, set_member_size(set_member_text(member).len));
}

static void head_free(void *head) {
    struct set *s = head;
    proven(s != NULL);
    table_each(&s->members, free_slot, NULL);
    table_release(&s->members);
    mem_free(MEM_SETS, s, sizeof *s);
}

static size_t head_blocks(const void *head) {
    const struct set *s = head;
    debug_proven(s->members.hash_of != NULL);
    return s->members.count + s->members.segments + 2; /* the directory and the head */
}

static size_t head_memory(const void *head) {
    const struct set *s = head;
    debug_proven(s->member_bytes >= s->members.count * 16);
    return mem_good_size(sizeof *s) + s->members.bytes + s->member_bytes;
}

static void *head_fork(void *head, struct frozen *f) {
    struct set *old = head, *s = mem_alloc(MEM_SETS, sizeof *s);
    proven(frozen_shared(f, old->head.birth));
    s->head.birth = frozen_birth(f);
    s->member_bytes = old->member_bytes;
    table_fork(&s->members, &old->members, f);
    frozen_limbo(f, MEM_SETS, old, sizeof *old, 0);
    return s;
}

static void copy_member(void *arg, struct slice member) {
    struct set *to = arg;
    bool inserted = set_insert(to, NULL, member);
    proven(inserted);
}

static void *head_copy(const void *head) {
    const struct set *from = head;
    struct set *s = set_new(NULL);
    struct value v = {(void *)(uintptr_t)from, TYPE_SET, VALUE_HEAD};
    set_each(v, copy_member, s);
    proven(s->members.count == from->members.count && s->member_bytes == from->member_bytes);
    return s;
}

static void defrag_slot(void *arg, table_slot *slot) {
    unsigned char *member = table_slot_entry(slot);
    debug_proven(member != NULL);
    table_slot_moved(slot, mem_defrag(arg, MEM_SETS, member, set_member_size(set_member_text(member).len)));
}

static void *head_defrag(void *head, struct value_defrag *d) {
    struct set *s = head;
    proven(s->members.count > 0);
    if (d->stage == 0) {
        d->stage = 1;
        s = mem_defrag(d->mem, MEM_SETS, s, sizeof *s);
        table_relocated(&s->members);
        table_defrag_directory(&s->members, d->mem);
        return s;
    }
    d->cursor = table_defrag(&s->members, d->cursor, d->mem, defrag_slot, d->mem);
    d->done = d->cursor == 0;
    return s;
}

/* ---- any form ---- */
static const char *encoding(struct value v) {
    static const char *const names[] = {[VALUE_PACK] = "listpack", [VALUE_INTS] = "intset", [VALUE_HEAD] = "hashtable"};
    proven(v.form <= VALUE_HEAD);
    return names[v.form];
}

struct each {
    void (*visit)(void *arg, const struct value_element *element);
    void *arg;
};

static void each_member(void *arg, struct slice member) {
    const struct each *each = arg;
    struct value_element element = {.text = member, .expire_at = -1};
    debug_proven(each->visit != NULL);
    each->visit(each->arg, &element);
}

static void each(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                 void *arg) {
    (void)now_ms;
    struct each e = {visit, arg};
    proven(visit != NULL);
    set_each(v, each_member, &e);
}

/* ---- writing ---- */
#define VERSION_OF_PACKS 11 /* files from here on may hold a set as a pack */

static uint8_t rdb_type(struct value v, int version) {
    proven(v.ptr && v.type == TYPE_SET);
    if (v.form == VALUE_INTS) return RDB_TYPE_SET_INTSET;
    return v.form == VALUE_PACK && version >= VERSION_OF_PACKS ? RDB_TYPE_SET_LISTPACK : RDB_TYPE_SET;
}

struct writing {
    struct rdb_sink *sink;
    bool stopped;
};

static void write_member(void *arg, struct slice member) {
    struct writing *w = arg;
    debug_proven(w->sink != NULL);
    w->stopped = w->stopped || !rdb_sink_string(w->sink, member);
}

static bool rdb_write(struct value v, struct rdb_sink *sink) {
    if (rdb_type(v, sink->version) != RDB_TYPE_SET) {
        proven(v.form != VALUE_HEAD);
        return rdb_sink_string(sink, slice_of(v.ptr, value_block_size(v)));
    }
    struct writing w = {sink, false};
    if (!rdb_sink_length(sink, set_count(v))) return false;
    set_each(v, write_member, &w);
    return !w.stopped;
}

/* ---- reading: what comes is not trusted ---- */
#define WHY_TWICE  "a set's member stands there twice"
#define WHY_INTS   "no sorted integers look like this"
#define WHY_PACK   "no listpack looks like this"
#define WHY_MEMORY "no memory for a set"

/* The set of an edit, or nothing. */
static bool read_end(struct value_edit *e, bool well, struct value *out) {
    if (!well && e->value.ptr) {
        value_free(e->value);
        e->value = SET_EMPTY;
    }
    value_edit_release(e);
    *out = e->value;
    proven(well || !out->ptr);
    return well;
}

static bool read_members(struct rdb_input *in, struct value_edit *e) {
    uint64_t n;
    struct slice member;
    if (!rdb_input_count(in, 1, &n)) return false;
    proven(!e->value.ptr);
    if (n > (uint64_t)e->limits->set_max_intset_entries && n > (uint64_t)e->limits->set_max_listpack_entries)
        set_to_table(e); /* at once: it would become one on the way */
    for (; n > 0; n--) {
        if (!rdb_input_string(in, &member)) return false;
        enum set_added added = set_add(e, member);
        if (added != SET_ADDED) return rdb_input_fail(in, added == SET_THERE ? WHY_TWICE : WHY_MEMORY);
    }
    return true;
}

static bool read_ints(struct rdb_input *in, struct value_edit *e) {
    struct slice bytes;
    if (!rdb_input_string(in, &bytes)) return false;
    if (!intset_verify(bytes.ptr, bytes.len)) return rdb_input_fail(in, WHY_INTS);
    struct intset *s = intset_try_copy(bytes.ptr, bytes.len);
    if (!s) return rdb_input_fail(in, WHY_MEMORY);
    proven(intset_bytes(s) == bytes.len);
    if (intset_count(s) == 0) {
        intset_free(s);
        return true;
    }
    e->value = (struct value){s, TYPE_SET, VALUE_INTS};
    if (intset_count(s) > (uint64_t)e->limits->set_max_intset_entries) set_to_table(e);
    return true;
}

/* Comparing all with all takes the square of their number: only while that is less than a table would take. */
#define PAIRWISE_MAX 64

static bool different_pairwise(const struct pack *p) {
    char scratch[NUM_TEXT_MAX];
    proven(pack_count(p) <= PAIRWISE_MAX);
    for (pack_pos at = pack_first(p), next; at; at = next) {
        next = pack_next(p, at);
        if (next && pack_find(p, next, pack_text(p, at, scratch), 0)) return false;
    }
    return true;
}

static bool different_by_table(const struct pack *p) {
    struct set *seen = set_new(NULL);
    char scratch[NUM_TEXT_MAX];
    bool different = true;
    for (pack_pos at = pack_first(p); at && different; at = pack_next(p, at)) {
        struct slice member = pack_text(p, at, scratch);
        different = !set_holds(seen, member) && set_insert(seen, NULL, member);
    }
    proven(!different || seen->members.count == pack_count(p));
    head_free(seen);
    return different;
}

static bool all_different(const struct pack *p) {
    return pack_count(p) <= PAIRWISE_MAX ? different_pairwise(p) : different_by_table(p);
}

static bool read_pack(struct rdb_input *in, struct value_edit *e) {
    struct slice bytes;
    if (!rdb_input_string(in, &bytes)) return false;
    if (bytes.len > PACK_BYTES_MAX || !pack_verify(bytes.ptr, bytes.len, true)) return rdb_input_fail(in, WHY_PACK);
    struct pack *p = pack_try_copy(MEM_SETS, bytes.ptr, bytes.len);
    if (!p) return rdb_input_fail(in, WHY_MEMORY);
    proven(pack_bytes(p) == bytes.len);
    bool empty = pack_empty(p);
    if (empty || !all_different(p)) {
        pack_free(MEM_SETS, p);
        return empty || rdb_input_fail(in, WHY_TWICE);
    }
    e->value = (struct value){p, TYPE_SET, VALUE_PACK};
    if (pack_count(p) > (uint64_t)e->limits->set_max_listpack_entries) set_to_table(e);
    return true;
}

static bool rdb_read(uint8_t type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                     struct value *out) {
    struct value_edit e = value_edit_alone(SET_EMPTY, limits, now_ms);
    switch (type) {
    case RDB_TYPE_SET:
        return read_end(&e, read_members(in, &e), out);
    case RDB_TYPE_SET_INTSET:
        return read_end(&e, read_ints(in, &e), out);
    default:
        proven(type == RDB_TYPE_SET_LISTPACK);
        return read_end(&e, read_pack(in, &e), out);
    }
}

static const uint8_t rdb_types[] = {RDB_TYPE_SET, RDB_TYPE_SET_INTSET, RDB_TYPE_SET_LISTPACK, 0xff};

const struct value_kind set_kind = {
    .name = "set",
    .type = TYPE_SET,
    .owner = MEM_SETS,
    .rdb_types = rdb_types,
    .head_free = head_free,
    .head_blocks = head_blocks,
    .head_memory = head_memory,
    .head_fork = head_fork,
    .head_copy = head_copy,
    .head_defrag = head_defrag,
    .count = set_count,
    .encoding = encoding,
    .rdb_type = rdb_type,
    .rdb_write = rdb_write,
    .rdb_read = rdb_read,
    .each = each,
};
