/* Records of hashes. Sources: the RDB file format notes (see wire/rdb.h); for fields with times the format as its authors
 * describe it: Valkey's RFC "Hash Items TTL Support" (HASH_2: field, value, time of 64 bits, -1 for none), and the notes of
 * librdb on Redis 7.4 (HASH_METADATA and HASH_LISTPACK_EX: the earliest time of 64 bits; then the number of fields, and for
 * each a length that is 0 without a time, else 1 more than the distance from the earliest, the field and the value; or a
 * pack of field, value and absolute time, 0 without one); for hashes of templates wire/rdb_template.h.
 *
 * The numbers 22 and 23 are something else in files of Redis 7.4's previews: the caller knows whose file it is. */
#include "values/hash_int.h"

#include "store/pack_legacy.h"
#include "wire/rdb_io.h"
#include "wire/rdb_template.h"

#include <stdlib.h>

#define CLAIM_MAX        ((size_t)1 << 20) /* fields that room is made for before they come: 16 MiB */
#define VERSION_LISTPACK 10
#define VERSION_TIMES    80

/* ---- writing ---- */

uint8_t hash_rdb_type(struct value v, int version) {
    proven(v.ptr && v.type == TYPE_HASH);
    if (v.form == VALUE_PACK) return version >= VERSION_LISTPACK ? RDB_TYPE_HASH_LISTPACK : RDB_TYPE_HASH;
    return value_hash_head(v)->times ? RDB_TYPE_HASH_2 : RDB_TYPE_HASH;
}

struct writing {
    struct rdb_sink *sink;
    bool times, wanted;
};

static void write_field(void *arg, const struct hash_field *f) {
    struct writing *w = arg;
    if (!w->wanted) return;
    proven(w->times || f->expire_at == HASH_NO_TIME); /* a time would be lost */
    w->wanted = rdb_sink_string(w->sink, f->field) && rdb_sink_string(w->sink, f->value);
    if (w->times && w->wanted) rdb_write_u64_le(w->sink->out, (uint64_t)f->expire_at);
}

bool hash_rdb_write(struct value v, struct rdb_sink *sink) {
    uint8_t type = hash_rdb_type(v, sink->version);
    struct writing w = {sink, type == RDB_TYPE_HASH_2, true};
    if (type == RDB_TYPE_HASH_LISTPACK) return rdb_sink_string(sink, slice_of(v.ptr, pack_bytes(v.ptr)));
    proven(!w.times || sink->version >= VERSION_TIMES);
    w.wanted = rdb_sink_length(sink, hash_kind.count(v));
    hash_each(v, INT64_MIN, write_field, &w); /* those that are due too: the reader decides */
    return w.wanted && rdb_sink_ready(sink);
}

/* ---- reading ---- */

struct reading {
    struct rdb_input *in;
    struct value_edit edit; /* its time is before all times: nothing that was put is due */
    int64_t now_ms;
    struct slice field; /* of a pair whose value is still to come */
    char scratch[NUM_TEXT_MAX];
    bool has_field;
    struct table_coming coming; /* of large tables */
    bool large;
};

static const char twice[] = "a field stands there twice";

static bool take_field(struct reading *r, struct slice field, struct slice value, int64_t at) {
    debug_proven(!r->in->why);
    if (at != HASH_NO_TIME && at < 0) return rdb_input_fail(r->in, "a field's time is negative");
    if (at != HASH_NO_TIME && at <= r->now_ms) return true;
    enum hash_put put = r->large ? hash_come(value_hash_head(r->edit.value), &r->coming, field, value, at)
                                 : hash_put(&r->edit, field, value, at);
    if (put == HASH_ADDED) return true;
    return rdb_input_fail(r->in, put == HASH_REPLACED ? twice : "no memory for a field");
}

/* HASH_2's time stands behind the texts. Reading it may take the memory away in which they lie, unless it lies in the window too. */
static bool take_field_before_time(struct reading *r, struct slice field, struct slice value) {
    struct rdb_input *in = r->in;
    uint64_t at;
    debug_proven(!in->why);
    bool lies = in->window->end - in->window->at >= 8;
    if (lies) return rdb_input_u64(in, &at) && take_field(r, field, value, (int64_t)at);
    struct buf copy;
    buf_init(&copy, MEM_PERSIST);
    bool taken = buf_try_reserve(&copy, field.len + value.len + 1);
    if (taken) {
        buf_append_slice(&copy, field);
        buf_append_slice(&copy, value);
        taken = rdb_input_u64(in, &at) &&
                take_field(r, slice_of(copy.ptr, field.len), slice_of(copy.ptr + field.len, value.len), (int64_t)at);
    } else {
        rdb_input_fail(in, "no memory for a field");
    }
    buf_release(&copy);
    return taken;
}

static bool read_pairs(struct reading *r, uint64_t n, bool times) {
    struct slice field, value;
    for (; n > 0; n--) {
        if (!rdb_input_pair(r->in, &field, &value)) return false;
        if (!(times ? take_field_before_time(r, field, value) : take_field(r, field, value, HASH_NO_TIME)))
            return false;
    }
    debug_proven(!r->in->why);
    return true;
}

/* HASH and HASH_2. */
static bool read_fields(struct reading *r, bool times) {
    uint64_t n;
    if (!rdb_input_count(r->in, times ? 10 : 2, &n)) return false;
    proven(!r->edit.value.ptr);
    r->large = (int64_t)n > r->edit.limits->hash_max_listpack_entries;
    if (n > 0 && (times || r->large)) hash_start_table(&r->edit);
    if (!r->large) return read_pairs(r, n, times);
    struct hash *h = value_hash_head(r->edit.value);
    table_reserve(&h->table, n < CLAIM_MAX ? n : CLAIM_MAX);
    bool read = read_pairs(r, n, times);
    return (hash_arrive(h, &r->coming) || rdb_input_fail(r->in, twice)) && read;
}

/* The distance from the earliest as Redis counts it: 0 is none. False when there is no such time. */
static bool time_after(uint64_t earliest, uint64_t distance, int64_t *at) {
    *at = HASH_NO_TIME;
    if (distance == 0) return true;
    if (earliest > INT64_MAX || distance - 1 > INT64_MAX - earliest) return false;
    *at = (int64_t)(earliest + (distance - 1));
    proven(*at >= 0);
    return true;
}

static bool read_metadata(struct reading *r) {
    struct slice field, value;
    uint64_t earliest, n, distance;
    int64_t at;
    if (!rdb_input_u64(r->in, &earliest) || !rdb_input_count(r->in, 3, &n)) return false;
    proven(!r->edit.value.ptr);
    if (n > 0) hash_start_table(&r->edit);
    for (; n > 0; n--) {
        if (!rdb_input_length(r->in, &distance) || !rdb_input_pair(r->in, &field, &value)) return false;
        if (!time_after(earliest, distance, &at)) return rdb_input_fail(r->in, "a field's time is out of range");
        if (!take_field(r, field, value, at)) return false;
    }
    return true;
}

/* ---- compact forms ---- */

static int compare_hashes(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x < y ? -1 : x > y;
}

#define PAIRS_FEW 16 /* each is looked for among those behind it; of more the hashes are sorted */

static bool pack_repeats_few(const struct pack *p) {
    char scratch[NUM_TEXT_MAX];
    debug_proven(pack_count(p) <= 2 * PAIRS_FEW);
    for (pack_pos at = pack_first(p); at;) {
        pack_pos next = pack_next(p, pack_next(p, at));
        if (next && pack_find(p, next, pack_text(p, at, scratch), 1)) return true;
        at = next;
    }
    return false;
}

/* Two texts of one hash are taken for one: nobody can make such a pair, who has no key to the hash. */
static bool pack_repeats(const struct pack *p, size_t pairs) {
    char scratch[NUM_TEXT_MAX];
    size_t n = 0;
    bool repeats = false;
    if (pairs <= PAIRS_FEW) return pack_repeats_few(p);
    uint64_t *hashes = mem_alloc(MEM_PERSIST, pairs * sizeof *hashes);
    for (pack_pos at = pack_first(p); at; at = pack_next(p, pack_next(p, at)))
        hashes[n++] = value_hash(pack_text(p, at, scratch));
    proven(n == pairs);
    qsort(hashes, n, sizeof *hashes, compare_hashes);
    for (size_t i = 1; i < n; i++) repeats |= hashes[i] == hashes[i - 1];
    mem_free(MEM_PERSIST, hashes, pairs * sizeof *hashes);
    return repeats;
}

static bool take_pairs(struct reading *r, const struct pack *p) {
    char scratch[2 * NUM_TEXT_MAX];
    proven(pack_count(p) % 2 == 0);
    hash_start_table(&r->edit);
    for (pack_pos at = pack_first(p); at; at = pack_next(p, pack_next(p, at))) {
        struct hash_field f = hash_pack_pair(p, at, scratch);
        if (!take_field(r, f.field, f.value, HASH_NO_TIME)) return false;
    }
    return true;
}

/* The pack lies in the text, which is not aligned: functions of packs do not mind. */
static bool verified(struct reading *r, struct slice text, unsigned words, const struct pack **p) {
    debug_proven(words == 2 || words == 3);
    *p = (const struct pack *)(const void *)text.ptr;
    if (!pack_verify(text.ptr, text.len, true)) return rdb_input_fail(r->in, "the listpack is corrupt");
    if (pack_count(*p) % words != 0) return rdb_input_fail(r->in, "the listpack ends within a field");
    return true;
}

static bool read_pack(struct reading *r) {
    const struct pack *p;
    struct slice text;
    if (!rdb_input_string(r->in, &text) || !verified(r, text, 2, &p)) return false;
    size_t pairs = pack_count(p) / 2;
    proven(!r->edit.value.ptr);
    if (pairs == 0) return true;
    if ((int64_t)pairs > r->edit.limits->hash_max_listpack_entries) return take_pairs(r, p);
    if (pack_repeats(p, pairs)) return rdb_input_fail(r->in, twice);
    struct pack *copy = pack_try_copy(MEM_HASHES, text.ptr, text.len);
    if (!copy) return rdb_input_fail(r->in, "no memory for a hash");
    r->edit.value = (struct value){copy, TYPE_HASH, VALUE_PACK};
    return true;
}

static bool read_expiring_pack(struct reading *r) {
    const struct pack *p;
    struct slice text;
    uint64_t earliest;
    char scratch[2 * NUM_TEXT_MAX];
    if (!rdb_input_u64(r->in, &earliest)) return false;
    if (!rdb_input_string(r->in, &text) || !verified(r, text, 3, &p)) return false;
    proven(!r->edit.value.ptr);
    if (!pack_empty(p)) hash_start_table(&r->edit);
    for (pack_pos at = pack_first(p); at;) {
        struct hash_field f = hash_pack_pair(p, at, scratch);
        pack_pos time = pack_skip(p, at, 2);
        struct pack_item item = pack_get(p, time);
        if (!item.is_integer || item.integer < 0) return rdb_input_fail(r->in, "a field's time is no time");
        if (!take_field(r, f.field, f.value, item.integer ? item.integer : HASH_NO_TIME)) return false;
        at = pack_next(p, time);
    }
    return true;
}

/* ---- of templates ---- */

static void start_large(struct reading *r, uint64_t fields) {
    proven(!r->edit.value.ptr && fields > 0);
    if (fields > (uint64_t)r->edit.limits->hash_max_listpack_entries) hash_start_table(&r->edit);
}

static bool no_template(struct reading *r) {
    debug_proven(!r->edit.value.ptr);
    return rdb_input_fail(r->in, "a hash refers to a template that does not stand before it");
}

/* Values alone, in the order of the fields. */
static bool take_template_pack(struct reading *r, const struct pack *p, pack_pos at, const struct rdb_template *t) {
    char scratch[NUM_TEXT_MAX];
    struct slice field, rest = rdb_template_fields(t);
    start_large(r, t->count);
    while (rdb_template_next(&rest, &field)) {
        proven(at != 0);
        if (!take_field(r, field, pack_text(p, at, scratch), HASH_NO_TIME)) return false;
        at = pack_next(p, at);
    }
    proven(at == 0);
    return true;
}

/* The template's number stands before the values; where the fields stand before the pack, it need not. */
static bool read_template_pack(struct reading *r, const struct rdb_template *own) {
    const struct pack *p;
    struct slice text;
    if (!rdb_input_string(r->in, &text)) return false;
    p = (const struct pack *)(const void *)text.ptr;
    if (!pack_verify(text.ptr, text.len, true)) return rdb_input_fail(r->in, "the listpack is corrupt");
    size_t elements = pack_count(p);
    pack_pos at = pack_first(p);
    const struct rdb_template *t = own;
    if (!own) {
        struct pack_item id = at ? pack_get(p, at) : (struct pack_item){0};
        t = id.is_integer && id.integer >= 0 ? rdb_templates_find(r->in->templates, (uint64_t)id.integer) : NULL;
        if (!t) return no_template(r);
    }
    if (elements != t->count && elements != t->count + 1)
        return rdb_input_fail(r->in, "a hash has not as many values as its template has fields");
    if (!own && elements == t->count) return rdb_input_fail(r->in, "a hash lacks a value of its template's fields");
    proven(!r->edit.value.ptr && at);
    return take_template_pack(r, p, elements > t->count ? pack_next(p, at) : at, t);
}

static bool read_own_template(struct reading *r) {
    struct rdb_template t;
    rdb_template_init(&t);
    bool read = rdb_template_read(&t, r->in) && read_template_pack(r, &t);
    proven(read || r->in->why);
    rdb_template_release(&t);
    return read;
}

static bool read_template_values(struct reading *r) {
    uint64_t id;
    struct slice field, value;
    if (!rdb_input_length(r->in, &id)) return false;
    const struct rdb_template *t = rdb_templates_find(r->in->templates, id);
    if (!t) return no_template(r);
    struct slice rest = rdb_template_fields(t);
    start_large(r, t->count);
    while (rdb_template_next(&rest, &field))
        if (!rdb_input_string(r->in, &value) || !take_field(r, field, value, HASH_NO_TIME)) return false;
    return true;
}

static bool take_legacy(void *arg, const struct pack_item *item) {
    struct reading *r = arg;
    char scratch[NUM_TEXT_MAX];
    struct slice text = item->text;
    debug_proven(item->is_integer || text.ptr || text.len == 0);
    if (item->is_integer) text = slice_of(r->has_field ? scratch : r->scratch, 0);
    if (item->is_integer) text.len = num_format_i64(r->has_field ? scratch : r->scratch, item->integer);
    r->has_field = !r->has_field;
    if (!r->has_field) return take_field(r, r->field, text, HASH_NO_TIME);
    r->field = text;
    return true;
}

static bool read_legacy(struct reading *r, bool zipmap) {
    struct slice text;
    proven(!r->edit.value.ptr);
    if (!rdb_input_string(r->in, &text)) return false;
    bool whole = (zipmap ? zipmap_each : ziplist_each)(text.ptr, text.len, take_legacy, r);
    if (whole && !r->has_field) return true;
    return rdb_input_fail(r->in, zipmap ? "the zipmap is corrupt" : "the ziplist is corrupt");
}

static bool read_any(struct reading *r, uint8_t rdb_type) {
    proven(!r->edit.f);
    switch (rdb_type) {
    case RDB_TYPE_HASH:
        return read_fields(r, false);
    case RDB_TYPE_HASH_TEMPLATE: /* fields and values in turn: what makes it one is only that its like share their fields */
        return read_fields(r, false);
    case RDB_TYPE_HASH_TEMPLATE_REF:
        return read_template_values(r);
    case RDB_TYPE_HASH_TEMPLATE_PACK:
        return read_own_template(r);
    case RDB_TYPE_HASH_TEMPLATE_PACK_REF:
        return read_template_pack(r, NULL);
    case RDB_TYPE_HASH_2:
        return read_fields(r, true);
    case RDB_TYPE_HASH_METADATA:
        return read_metadata(r);
    case RDB_TYPE_HASH_LISTPACK:
        return read_pack(r);
    case RDB_TYPE_HASH_LISTPACK_EXPIRE:
        return read_expiring_pack(r);
    case RDB_TYPE_HASH_ZIPMAP:
        return read_legacy(r, true);
    case RDB_TYPE_HASH_ZIPLIST:
        return read_legacy(r, false);
    default:
        unreachable("not a record of a hash");
    }
}

bool hash_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out) {
    struct value empty = {NULL, TYPE_HASH, VALUE_PACK};
    struct reading r = {.in = in, .edit = value_edit_alone(empty, limits, INT64_MIN), .now_ms = now_ms};
    bool read = read_any(&r, rdb_type);
    if (r.edit.value.ptr && (!read || hash_kind.count(r.edit.value) == 0)) value_drop_whole(&r.edit);
    value_edit_release(&r.edit);
    *out = r.edit.value;
    proven(read || in->why);
    return read;
}
