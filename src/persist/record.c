#include "persist/record_int.h"

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "values/kind.h"

/* Strings up to this come through the input's buffers, longer ones are read to their place. */
#define STRING_SHORT_MAX ((size_t)64 << 10)
#define KEY_SHOWN        64 /* bytes of a key in the log */
#define EMPTY_LOGGED     10

/* ---- where a value ends ---- */
/* [before: raw bytes] [count: length] (lengths, strings, raw bytes) once, or count times. */
struct layout {
    uint8_t before, lengths, strings, bytes;
    bool counted;
};

static const struct layout layouts[] = {
    [RDB_TYPE_STRING] = {.strings = 1},
    [RDB_TYPE_LIST] = {.strings = 1, .counted = true},
    [RDB_TYPE_SET] = {.strings = 1, .counted = true},
    [RDB_TYPE_HASH] = {.strings = 2, .counted = true},
    [RDB_TYPE_ZSET_2] = {.strings = 1, .bytes = 8, .counted = true},
    [RDB_TYPE_HASH_ZIPMAP] = {.strings = 1},
    [RDB_TYPE_LIST_ZIPLIST] = {.strings = 1},
    [RDB_TYPE_SET_INTSET] = {.strings = 1},
    [RDB_TYPE_ZSET_ZIPLIST] = {.strings = 1},
    [RDB_TYPE_HASH_ZIPLIST] = {.strings = 1},
    [RDB_TYPE_LIST_QUICKLIST] = {.strings = 1, .counted = true},
    [RDB_TYPE_HASH_LISTPACK] = {.strings = 1},
    [RDB_TYPE_ZSET_LISTPACK] = {.strings = 1},
    [RDB_TYPE_LIST_QUICKLIST_2] = {.lengths = 1, .strings = 1, .counted = true},
    [RDB_TYPE_SET_LISTPACK] = {.strings = 1},
    [RDB_TYPE_HASH_2] = {.strings = 2, .bytes = 8, .counted = true},
    [RDB_TYPE_HASH_METADATA] = {.before = 8, .lengths = 1, .strings = 2, .counted = true},
    [RDB_TYPE_HASH_LISTPACK_EXPIRE] = {.before = 8, .strings = 1},
};

static enum rdb_status skip_bytes(struct rdb_reader *r, size_t n) {
    debug_proven(r->at <= r->end);
    if ((size_t)(r->end - r->at) < n) return RDB_SHORT;
    r->at += n;
    return RDB_OK;
}

static enum rdb_status skip_part(struct rdb_reader *r, const struct layout *l) {
    enum rdb_status status = RDB_OK;
    uint64_t length;
    for (unsigned i = 0; i < l->lengths && status == RDB_OK; i++) status = rdb_read_length(r, &length);
    for (unsigned i = 0; i < l->strings && status == RDB_OK; i++) {
        const unsigned char *behind = rdb_skip_short(r->at, r->end);
        if (likely(behind != NULL))
            r->at = behind;
        else
            status = rdb_skip_string(r);
    }
    debug_proven(r->at <= r->end);
    return status == RDB_OK ? skip_bytes(r, l->bytes) : status;
}

enum rdb_status record_skip_value(struct rdb_reader *r, uint8_t type) {
    struct rdb_reader ahead = *r;
    if (type >= countof(layouts) || !layouts[type].strings) return RDB_CORRUPT;
    const struct layout *l = &layouts[type];
    uint64_t count = 1;
    enum rdb_status status = skip_bytes(&ahead, l->before);
    if (status == RDB_OK && l->counted) status = rdb_read_length(&ahead, &count);
    while (status == RDB_OK && count-- > 0) status = skip_part(&ahead, l);
    if (status == RDB_OK) r->at = ahead.at;
    proven(r->at <= r->end);
    return status;
}

/* ---- what it becomes ---- */
enum record_result record_drop_expired(struct record_rules *rules) {
    proven(!rules->keep_expired);
    atomic_fetch_add_explicit(&rules->progress->expired_keys, 1, memory_order_relaxed);
    return RECORD_LEFT_OUT;
}

/* Redis wrote such records in some of its versions, and leaves them out when it loads. */
static enum record_result drop_empty(struct record_rules *rules, struct slice key, int64_t offset) {
    char shown[4 * KEY_SHOWN + 2];
    size_t n = text_quote(shown, slice_of(key.ptr, key.len < KEY_SHOWN ? key.len : KEY_SHOWN));
    proven(n <= sizeof shown);
    if (atomic_fetch_add_explicit(&rules->empty, 1, memory_order_relaxed) < EMPTY_LOGGED)
        log_warning("%.150s: offset %lld: key %.*s has no elements and is left out", rules->name, (long long)offset,
                    (int)n, shown);
    return RECORD_LEFT_OUT;
}

static enum record_result made(struct rdb_input *in, struct entry *e, struct entry **out) {
    debug_proven(!in->why);
    *out = e;
    if (likely(e != NULL)) return RECORD_MADE;
    rdb_input_fail(in, "no memory for a string of this length");
    return RECORD_BROKEN;
}

/* A value too long for buffers goes straight into the body that will hold it. */
static enum record_result make_body(struct rdb_input *in, const struct rdb_string_head *head, struct slice key,
                                    int64_t expire_at, struct entry **out) {
    proven(head->len > STRING_SHORT_MAX && head->kind != RDB_STRING_INT);
    struct string_body *body = string_body_try_new((size_t)head->len, (size_t)head->len);
    if (!body) return made(in, NULL, out);
    if (rdb_input_string_to(in, head, body->bytes)) return made(in, entry_new_body(key, body, expire_at), out);
    string_body_free(body);
    return RECORD_BROKEN;
}

static enum record_result make_string(struct rdb_input *in, struct record_rules *rules, struct slice key,
                                      int64_t expire_at, struct entry **out) {
    struct rdb_string_head head;
    struct slice value;
    debug_proven(!in->why);
    if (!record_expired(rules, expire_at) && rdb_input_short(in, &value))
        return made(in, entry_new_string(key, value, expire_at), out);
    if (!rdb_input_string_head(in, &head)) return RECORD_BROKEN;
    if (record_expired(rules, expire_at)) {
        bool skipped = head.kind == RDB_STRING_INT || rdb_input_string_to(in, &head, NULL);
        return skipped ? record_drop_expired(rules) : RECORD_BROKEN;
    }
    if (head.len > STRING_SHORT_MAX) return make_body(in, &head, key, expire_at, out);
    if (!rdb_input_string_of(in, &head, &value)) return RECORD_BROKEN;
    return made(in, entry_new_string(key, value, expire_at), out);
}

struct entry *record_make_short(const unsigned char *value, const unsigned char *end, struct slice key,
                                int64_t expire_at) {
    char room[RDB_SHORT_MAX];
    struct slice text;
    debug_proven(value == (const unsigned char *)key.ptr + key.len);
    debug_proven(value < end);
    return likely(rdb_read_short(value, end, room, &text)) ? entry_new_string(key, text, expire_at) : NULL;
}

enum record_result record_make(struct rdb_input *in, struct record_rules *rules, uint8_t type, struct slice key,
                               int64_t expire_at, int64_t offset, struct entry **out) {
    if (type == RDB_TYPE_STRING) return make_string(in, rules, key, expire_at, out);
    struct value v = {0};
    const struct value_kind *kind = value_kind_of_rdb(type);
    proven(kind && (key.ptr || key.len == 0));
    int64_t now_ms = rules->keep_expired ? 0 : rules->now_ms;
    if (!kind->rdb_read(type, in, rules->limits, now_ms, &v)) return RECORD_BROKEN;
    proven(!in->why && (!v.ptr || v.type == kind->type));
    if (!v.ptr && type >= RDB_TYPE_HASH_2 && !rules->keep_expired) return record_drop_expired(rules);
    if (!v.ptr) return drop_empty(rules, key, offset);
    if (!record_expired(rules, expire_at)) {
        atomic_fetch_add_explicit(&rules->progress->typed_keys[v.type], 1, memory_order_relaxed);
        return made(in, entry_new_object(key, v, expire_at), out);
    }
    value_free(v);
    return record_drop_expired(rules);
}
