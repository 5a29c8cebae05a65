#include "persist/record_int.h"

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "values/kind.h"

/* Strings up to this come through the input's buffers, longer ones are read to their place. */
#define STRING_SHORT_MAX ((size_t)64 << 10)
#define KEY_SHOWN        64 /* bytes of a key in the log */
#define EMPTY_LOGGED     10

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
    if (in->passed_over) atomic_fetch_add_explicit(&rules->passed_over, (int64_t)in->passed_over, memory_order_relaxed);
    in->passed_over = 0;
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
