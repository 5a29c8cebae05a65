#include "values/set_int.h"

#include "base/check.h"
#include "base/num.h"

/* ---- members ---- */
#define MEMBER_LEAST 16 /* what mem_alloc aligns to 16 bytes, as slots need it */
#define LONG_TEXT    255
#define LONG_MEMBER  ((size_t)64 << 10) /* from here on no memory is an answer, not the end */

size_t set_member_size(size_t text_len) {
    size_t n = text_len < LONG_TEXT ? 1 + text_len : 1 + sizeof(uint64_t) + text_len;
    return n < MEMBER_LEAST ? MEMBER_LEAST : n;
}

struct slice set_member_text(const unsigned char *member) {
    debug_proven(((uintptr_t)member & 15) == 0);
    if (likely(member[0] < LONG_TEXT)) return slice_of((const char *)member + 1, member[0]);
    uint64_t len;
    memcpy(&len, member + 1, sizeof len);
    return slice_of((const char *)member + 1 + sizeof len, (size_t)len);
}

/* NULL when there is no memory for a long one. */
static unsigned char *member_new(struct slice text) {
    size_t n = set_member_size(text.len);
    unsigned char *member = likely(n < LONG_MEMBER) ? mem_alloc(MEM_SETS, n) : mem_try_alloc(MEM_SETS, n);
    if (unlikely(!member)) return NULL;
    unsigned char *at = member + 1;
    uint64_t len = text.len;
    member[0] = (unsigned char)(len < LONG_TEXT ? len : LONG_TEXT);
    if (unlikely(len >= LONG_TEXT)) {
        memcpy(at, &len, sizeof len);
        at += sizeof len;
    }
    if (len) memcpy(at, text.ptr, text.len);
    debug_proven(slice_equal(set_member_text(member), text));
    return member;
}

static bool member_matches(const void *member, const void *arg) {
    const struct slice *text = arg;
    debug_proven(member && text);
    return slice_equal(set_member_text(member), *text);
}

static uint64_t member_hash(const void *member, const void *arg) {
    (void)arg;
    debug_proven(member != NULL);
    return value_hash(set_member_text(member));
}

/* ---- tables ---- */
struct set *set_new(const struct frozen *f) {
    struct set *s = mem_alloc(MEM_SETS, sizeof *s);
    s->head.birth = frozen_birth(f);
    s->member_bytes = 0;
    table_init(&s->members, member_hash, NULL, MEM_SETS);
    proven(s->members.count == 0);
    return s;
}

static bool insert_hashed(struct set *s, struct frozen *f, uint64_t hash, struct slice text) {
    debug_proven(table_find(&s->members, hash, member_matches, &text) == NULL);
    unsigned char *member = member_new(text);
    if (unlikely(!member)) return false;
    table_insert(&s->members, f, hash, member, 0);
    s->member_bytes += mem_good_size(set_member_size(text.len));
    return true;
}

bool set_insert(struct set *s, struct frozen *f, struct slice member) {
    return insert_hashed(s, f, value_hash(member), member);
}

bool set_holds(const struct set *s, struct slice member) {
    debug_proven(s->members.hash_of == member_hash);
    return table_find(&s->members, value_hash(member), member_matches, &member) != NULL;
}

static enum set_added table_add(struct set *s, struct frozen *f, struct slice text) {
    uint64_t hash = value_hash(text);
    debug_proven(s->members.hash_of == member_hash);
    if (table_find(&s->members, hash, member_matches, &text)) return SET_THERE;
    return insert_hashed(s, f, hash, text) ? SET_ADDED : SET_NO_MEMORY;
}

static bool table_take(struct value_edit *e, struct slice text) {
    struct set *s = e->value.ptr;
    uint64_t hash = value_hash(text);
    table_slot *slot = table_find(&s->members, hash, member_matches, &text);
    if (!slot) return false;
    bool shared = table_forked_entry_shared(&s->members, e->f, hash, slot);
    size_t size = set_member_size(text.len);
    void *member = table_remove(&s->members, e->f, hash, slot);
    proven(s->member_bytes >= mem_good_size(size));
    s->member_bytes -= mem_good_size(size);
    value_drop(e, member, size, shared);
    if (s->members.count == 0) value_drop_whole(e);
    return true;
}

/* ---- forms ---- */
struct conversion {
    struct set *to;
    struct frozen *f;
};

static void convert_one(void *arg, struct slice member) {
    struct conversion *c = arg;
    bool inserted = set_insert(c->to, c->f, member);
    proven(inserted); /* or memory ran out, for a text that a pack held */
}

void set_to_table(struct value_edit *e) {
    struct conversion c = {set_new(e->f), e->f};
    proven(e->value.form != VALUE_HEAD);
    if (e->value.ptr) {
        set_each(e->value, convert_one, &c);
        proven(c.to->members.count == set_count(e->value));
        value_drop_whole(e);
    }
    e->value = (struct value){c.to, TYPE_SET, VALUE_HEAD};
}

static void ints_to_pack(struct value_edit *e) {
    const struct intset *s = e->value.ptr;
    struct pack *p = pack_new(MEM_SETS);
    for (uint32_t i = 0; i < intset_count(s); i++) p = pack_append_integer(MEM_SETS, p, intset_at(s, i));
    proven(pack_count(p) == intset_count(s));
    value_drop_whole(e);
    e->value = (struct value){p, TYPE_SET, VALUE_PACK};
}

static bool ints_may_grow(const struct value_edit *e, size_t count) {
    int64_t most = e->limits->set_max_intset_entries;
    proven(count <= INTSET_COUNT_MAX);
    return count < INTSET_COUNT_MAX && (int64_t)count < most;
}

/* Whether a pack of count members, the longest of these bytes, may take one of len bytes. */
static bool pack_may_grow(const struct value_edit *e, size_t count, size_t longest, size_t len) {
    int64_t most = e->limits->set_max_listpack_value;
    debug_proven(longest <= PACK_BYTES_MAX);
    return (int64_t)count < e->limits->set_max_listpack_entries && most >= 0 && len <= (uint64_t)most &&
           longest <= (uint64_t)most && len <= PACK_BYTES_MAX;
}

/* The longest text among the integers: it is at one of the ends. */
static size_t ints_longest(const struct intset *s) {
    char text[NUM_TEXT_MAX];
    uint32_t count = intset_count(s);
    proven(count > 0);
    size_t first = num_format_i64(text, intset_at(s, 0)), last = num_format_i64(text, intset_at(s, count - 1));
    return first > last ? first : last;
}

/* The empty value takes the smallest form that may hold the member; false when only a table may. */
static bool make_for(struct value_edit *e, struct slice member) {
    int64_t integer;
    proven(!e->value.ptr);
    if (ints_may_grow(e, 0) && num_parse_i64(member, &integer))
        e->value = (struct value){intset_new(), TYPE_SET, VALUE_INTS};
    else if (pack_may_grow(e, 0, 0, member.len))
        e->value = (struct value){pack_new(MEM_SETS), TYPE_SET, VALUE_PACK};
    return e->value.ptr;
}

/* ---- adding ---- */
/* The value becomes a table, with a member that was not there. */
static enum set_added add_in_table(struct value_edit *e, struct slice member) {
    set_to_table(e);
    debug_proven(!set_holds(e->value.ptr, member));
    if (likely(set_insert(e->value.ptr, e->f, member))) return SET_ADDED;
    if (set_count(e->value) == 0) value_drop_whole(e);
    return SET_NO_MEMORY;
}

static enum set_added add_to_pack(struct value_edit *e, struct slice member) {
    struct pack *p = e->value.ptr;
    proven(e->value.form == VALUE_PACK);
    pack_pos first = pack_first(p);
    if (first && pack_find(p, first, member, 0)) return SET_THERE;
    if (pack_may_grow(e, pack_count(p), 0, member.len) && pack_fits(p, PACK_ELEMENT_MAX + member.len)) {
        e->value.ptr = pack_append(MEM_SETS, p, member);
        return SET_ADDED;
    }
    return add_in_table(e, member);
}

static enum set_added add_to_ints(struct value_edit *e, struct slice member) {
    struct intset *s = e->value.ptr;
    int64_t integer;
    proven(e->value.form == VALUE_INTS);
    if (!num_parse_i64(member, &integer)) {
        bool fits = pack_may_grow(e, intset_count(s), intset_count(s) ? ints_longest(s) : 0, member.len) &&
                    intset_count(s) < (PACK_BYTES_MAX - member.len) / (2 * PACK_ELEMENT_MAX);
        if (fits) {
            ints_to_pack(e);
            return add_to_pack(e, member);
        }
    } else if (ints_may_grow(e, intset_count(s))) {
        bool added;
        e->value.ptr = intset_add(s, integer, &added);
        return added ? SET_ADDED : SET_THERE;
    } else if (intset_has(s, integer)) {
        return SET_THERE;
    }
    return add_in_table(e, member);
}

enum set_added set_add(struct value_edit *e, struct slice member) {
    proven(e->value.type == TYPE_SET);
    if (unlikely(!e->value.ptr) && !make_for(e, member)) return add_in_table(e, member);
    switch (e->value.form) {
    case VALUE_INTS:
        return add_to_ints(e, member);
    case VALUE_PACK:
        return add_to_pack(e, member);
    default:
        return table_add(e->value.ptr, e->f, member);
    }
}

/* ---- removing ---- */
static bool remove_from_ints(struct value_edit *e, struct slice member) {
    int64_t integer;
    bool removed;
    proven(e->value.form == VALUE_INTS);
    if (!num_parse_i64(member, &integer)) return false;
    e->value.ptr = intset_remove(e->value.ptr, integer, &removed);
    if (intset_count(e->value.ptr) == 0) value_drop_whole(e);
    return removed;
}

static bool remove_from_pack(struct value_edit *e, struct slice member) {
    struct pack *p = e->value.ptr;
    proven(e->value.form == VALUE_PACK && !pack_empty(p));
    pack_pos at = pack_find(p, pack_first(p), member, 0);
    if (!at) return false;
    e->value.ptr = pack_delete(MEM_SETS, p, at, 1);
    if (pack_empty(e->value.ptr)) value_drop_whole(e);
    return true;
}

bool set_remove(struct value_edit *e, struct slice member) {
    proven(e->value.type == TYPE_SET);
    if (!e->value.ptr) return false;
    switch (e->value.form) {
    case VALUE_INTS:
        return remove_from_ints(e, member);
    case VALUE_PACK:
        return remove_from_pack(e, member);
    default:
        return table_take(e, member);
    }
}

/* ---- reading ---- */
size_t set_count(struct value v) {
    proven(v.type == TYPE_SET);
    if (!v.ptr) return 0;
    switch (v.form) {
    case VALUE_INTS:
        return intset_count(v.ptr);
    case VALUE_PACK:
        return pack_count(v.ptr);
    default:
        return ((const struct set *)v.ptr)->members.count;
    }
}

bool set_has(struct value v, struct slice member) {
    int64_t integer;
    proven(v.ptr && v.type == TYPE_SET);
    switch (v.form) {
    case VALUE_INTS:
        return num_parse_i64(member, &integer) && intset_has(v.ptr, integer);
    case VALUE_PACK:
        return pack_find(v.ptr, pack_first(v.ptr), member, 0) != 0;
    default:
        return set_holds(v.ptr, member);
    }
}

static void each_of_ints(const struct intset *s, set_visit *visit, void *arg) {
    char text[NUM_TEXT_MAX];
    uint32_t n = intset_count(s);
    proven(n <= INTSET_COUNT_MAX);
    for (uint32_t i = 0; i < n; i++) visit(arg, slice_of(text, num_format_i64(text, intset_at(s, i))));
}

static void each_of_pack(const struct pack *p, set_visit *visit, void *arg) {
    char scratch[NUM_TEXT_MAX];
    debug_proven(!pack_empty(p));
    for (pack_pos at = pack_first(p); at; at = pack_next(p, at)) visit(arg, pack_text(p, at, scratch));
}

struct walk {
    set_visit *visit;
    void *arg;
};

static void walk_slot(void *arg, table_slot *slot) {
    const struct walk *w = arg;
    debug_proven(table_slot_entry(slot) != NULL);
    w->visit(w->arg, set_member_text(table_slot_entry(slot)));
}

uint64_t set_scan(struct value v, uint64_t cursor, set_visit *visit, void *arg) {
    proven(v.ptr && v.type == TYPE_SET);
    if (v.form == VALUE_HEAD) {
        struct walk w = {visit, arg};
        return table_scan(&((const struct set *)v.ptr)->members, cursor, walk_slot, &w);
    }
    set_each(v, visit, arg);
    return 0;
}

void set_each(struct value v, set_visit *visit, void *arg) {
    struct walk w = {visit, arg};
    proven(v.ptr && v.type == TYPE_SET);
    switch (v.form) {
    case VALUE_INTS:
        each_of_ints(v.ptr, visit, arg);
        break;
    case VALUE_PACK:
        each_of_pack(v.ptr, visit, arg);
        break;
    default:
        table_each(&((const struct set *)v.ptr)->members, walk_slot, &w);
    }
}
