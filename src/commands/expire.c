/* EXPIRE and its kin. A key's time is absolute, in ms, whatever the command said. */
#include "base/check.h"
#include "commands/generic_int.h"
#include "exec/journal.h"

enum condition { IF_NO_TTL = 1, IF_TTL = 2, IF_LATER = 4, IF_EARLIER = 8 };

/* Line ends at its end are not shown. */
static void unsupported(struct context *c, struct slice word) {
    while (word.len > 0 && (word.ptr[word.len - 1] == '\r' || word.ptr[word.len - 1] == '\n')) word.len--;
    reply_error_format(c->reply, "ERR Unsupported option %.*s", word.len < 960 ? (int)word.len : 960, word.ptr);
}

/* NX XX GT LT from argument 3 on; false after the error reply. */
static bool parse_conditions(struct context *c, unsigned *conditions) {
    *conditions = 0;
    for (int i = 3; i < c->argc; i++) {
        struct slice word = c->argv[i];
        if (slice_is(word, "NX")) {
            *conditions |= IF_NO_TTL;
        } else if (slice_is(word, "XX")) {
            *conditions |= IF_TTL;
        } else if (slice_is(word, "GT")) {
            *conditions |= IF_LATER;
        } else if (slice_is(word, "LT")) {
            *conditions |= IF_EARLIER;
        } else {
            unsupported(c, word);
            return false;
        }
    }
    if (*conditions & IF_NO_TTL && *conditions & (IF_TTL | IF_LATER | IF_EARLIER)) {
        reply_error(c->reply, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (*conditions & IF_LATER && *conditions & IF_EARLIER) {
        reply_error(c->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* A key without a TTL lasts for ever: nothing is later, everything earlier. */
static bool conditions_hold(unsigned conditions, int64_t old_at, int64_t new_at) {
    bool has = old_at != NO_EXPIRE;
    if (conditions & IF_NO_TTL && has) return false;
    if (conditions & IF_TTL && !has) return false;
    if (conditions & IF_LATER && (!has || new_at <= old_at)) return false;
    return !(conditions & IF_EARLIER && has && new_at >= old_at);
}

static void expire(struct context *c, enum expire_unit unit) {
    unsigned conditions;
    int64_t at_ms;
    if (!parse_conditions(c, &conditions) || !context_expire_at(c, 2, unit, false, &at_ms)) return;
    struct key key = context_key(c, 1);
    const struct entry *e = db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS);
    if (!e || !conditions_hold(conditions, entry_expire_at(e), at_ms)) {
        reply_integer(c->reply, 0);
        return;
    }
    if (journal_is_past(c, at_ms)) {
        proven(db_delete(c->db, key));
        journal_put_delete(c, key.text);
        context_changed(c, NOTIFY_GENERIC, "del", key.text);
    } else {
        db_set_expire(c->db, key, at_ms);
        journal_put_expire(c, key.text, at_ms);
        context_changed(c, NOTIFY_GENERIC, "expire", key.text);
    }
    reply_integer(c->reply, 1);
}

void generic_expire_run(struct context *c) { expire(c, EXPIRE_SECONDS); }

void generic_pexpire_run(struct context *c) { expire(c, EXPIRE_MS); }

void generic_expireat_run(struct context *c) { expire(c, EXPIRE_AT_SECONDS); }

void generic_pexpireat_run(struct context *c) { expire(c, EXPIRE_AT_MS); }

/* Replies what show makes of the key's time; -2 without the key, -1 without a time. */
static void ttl(struct context *c, int64_t (*show)(int64_t at_ms, int64_t now_ms)) {
    const struct entry *e = db_view(c->db, context_key(c, 1), VIEW_NO_TOUCH);
    if (!e)
        reply_integer(c->reply, -2);
    else if (!entry_has_expire(e))
        reply_integer(c->reply, -1);
    else
        reply_integer(c->reply, show(entry_expire_at(e), c->now_ms));
}

/* To the nearest second, without overflow at the end of time. */
static int64_t seconds(int64_t ms) { return ms / 1000 + (ms % 1000 >= 500); }

static int64_t left_ms(int64_t at_ms, int64_t now_ms) { return at_ms > now_ms ? at_ms - now_ms : 0; }

static int64_t left_seconds(int64_t at_ms, int64_t now_ms) { return seconds(left_ms(at_ms, now_ms)); }

static int64_t time_ms(int64_t at_ms, int64_t now_ms) {
    (void)now_ms;
    return at_ms;
}

static int64_t time_seconds(int64_t at_ms, int64_t now_ms) {
    (void)now_ms;
    return seconds(at_ms);
}

void generic_ttl_run(struct context *c) { ttl(c, left_seconds); }

void generic_pttl_run(struct context *c) { ttl(c, left_ms); }

void generic_expiretime_run(struct context *c) { ttl(c, time_seconds); }

void generic_pexpiretime_run(struct context *c) { ttl(c, time_ms); }

void generic_persist_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e = db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS);
    bool has = e && entry_has_expire(e);
    if (has) {
        db_set_expire(c->db, key, NO_EXPIRE);
        context_changed(c, NOTIFY_GENERIC, "persist", key.text);
    }
    reply_integer(c->reply, has);
}
