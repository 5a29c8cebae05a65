#include "persist/record_int.h"

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "values/kind.h"

/* Strings up to this come through the input's buffers, longer ones are read to their place. */
#define STRING_SHORT_MAX ((size_t)64 << 10)
#define EMPTY_LOGGED     10

enum record_result record_drop_expired(struct record_rules *rules) {
    proven(!rules->keep_expired);
    atomic_fetch_add_explicit(&rules->progress->expired_keys, 1, memory_order_relaxed);
    return RECORD_LEFT_OUT;
}

/* Redis wrote such records in some of its versions, and leaves them out when it loads. */
static enum record_result drop_empty(struct record_rules *rules, struct slice key, int64_t offset) {
    char shown[TEXT_SHOWN_ROOM];
    proven(offset >= 0);
    if (atomic_fetch_add_explicit(&rules->empty, 1, memory_order_relaxed) < EMPTY_LOGGED)
        log_warning("%.150s: offset %lld: key %s has no elements and is left out", rules->name, (long long)offset,
                    text_show(shown, key));
    return RECORD_LEFT_OUT;
}

enum record_result record_drop_hollow(struct record_rules *rules, uint8_t type, struct slice key, int64_t offset) {
    proven(type != RDB_TYPE_STRING);
    bool ended = type >= RDB_TYPE_HASH_2 && !rules->keep_expired;
    return ended ? record_drop_expired(rules) : drop_empty(rules, key, offset);
}

void record_tell(const struct record_rules *rules) {
    proven(rules->empty >= 0 && rules->passed_over >= 0);
    if (rules->passed_over)
        log_warning(
            "%.150s: of %lld streams what this version does not hold is left out: what idempotent producers have sent, "
            "and that entries were given back (they are pending for the consumer nacked)",
            rules->name, (long long)rules->passed_over);
    if (rules->empty)
        log_warning("%.150s: %lld keys without elements were left out", rules->name, (long long)rules->empty);
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
    if (!v.ptr) return record_drop_hollow(rules, type, key, offset);
    if (!record_expired(rules, expire_at)) {
        atomic_fetch_add_explicit(&rules->progress->typed_keys[v.type], 1, memory_order_relaxed);
        return made(in, entry_new_object(key, v, expire_at), out);
    }
    value_free(v);
    return record_drop_expired(rules);
}
