/* DUMP and RESTORE: a value as RDB writes it, followed by a footer:
 *
 *   | type:8 | value ... | RDB version:16 | CRC-64 of all before:64 |   both little endian */
#include "base/num.h"
#include "commands/generic_int.h"
#include "wire/crc64.h"
#include "wire/rdb.h"

#define FOOTER_BYTES 10

void generic_dump_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e = context_view(c, context_key(c, 1));
    if (!e) {
        reply_null(c->reply);
        return;
    }
    struct buf payload;
    buf_init(&payload, MEM_CLIENT_OUT);
    rdb_write_u8(&payload, RDB_TYPE_STRING);
    rdb_write_string(&payload, entry_string(e, scratch), true);
    rdb_write_u8(&payload, RDB_VERSION_DEFAULT & 0xff);
    rdb_write_u8(&payload, RDB_VERSION_DEFAULT >> 8);
    rdb_write_u64_le(&payload, crc64(0, payload.ptr, payload.len));
    reply_bulk(c->reply, buf_slice(&payload));
    buf_release(&payload);
}

struct restore {
    bool replace, absolute;
    int64_t idle, frequency; /* -1: not given */
    int64_t at_ms;
    struct slice value;
};

/* The options of argument 4 and on; false after the error reply. */
static bool restore_options(struct context *c, struct restore *r) {
    for (int i = 4; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (slice_is(c->argv[i], "REPLACE")) {
            r->replace = true;
        } else if (slice_is(c->argv[i], "ABSTTL")) {
            r->absolute = true;
        } else if (slice_is(c->argv[i], "IDLETIME") && more && r->frequency == -1) {
            if (!context_integer(c, ++i, &r->idle)) return false;
            if (r->idle < 0) {
                reply_error(c->reply, "ERR Invalid IDLETIME value, must be >= 0");
                return false;
            }
        } else if (slice_is(c->argv[i], "FREQ") && more && r->idle == -1) {
            if (!context_integer(c, ++i, &r->frequency)) return false;
            if (r->frequency < 0 || r->frequency > 255) {
                reply_error(c->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
                return false;
            }
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* 0 is no TTL. One beyond the end of time counts as passed, as in Redis. */
static bool restore_time(struct context *c, struct restore *r) {
    int64_t ttl;
    if (!context_integer(c, 2, &ttl)) return false;
    if (ttl < 0) {
        reply_error(c->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    r->at_ms = ttl ? ttl : NO_EXPIRE;
    if (ttl && !r->absolute && __builtin_add_overflow(ttl, c->now_ms, &r->at_ms)) r->at_ms = 0;
    return true;
}

static bool footer_right(struct slice payload) {
    if (payload.len < FOOTER_BYTES) return false;
    const unsigned char *footer = (const unsigned char *)payload.ptr + payload.len - FOOTER_BYTES;
    struct rdb_reader r = {footer + 2, footer + FOOTER_BYTES};
    unsigned version = footer[0] | (unsigned)footer[1] << 8;
    uint64_t sum;
    if (version > RDB_VERSION_MAX && version != RDB_VERSION_VALKEY) return false;
    return rdb_read_u64_le(&r, &sum) == RDB_OK && sum == crc64(0, payload.ptr, payload.len - 8);
}

/* The value's text, which may lie in scratch. Its claimed length is bounded before memory is taken for it. */
static bool read_value(struct context *c, struct slice payload, struct buf *scratch, struct slice *text) {
    const unsigned char *start = (const unsigned char *)payload.ptr;
    struct rdb_reader r = {start, start + payload.len - FOOTER_BYTES};
    struct rdb_string_head head;
    uint8_t type;
    if (rdb_read_u8(&r, &type) != RDB_OK || type != RDB_TYPE_STRING) return false;
    struct rdb_reader peek = r;
    if (rdb_read_string_head(&peek, &head) != RDB_OK || head.len > (uint64_t)context_string_max(c)) return false;
    if (!buf_try_reserve(scratch, head.kind == RDB_STRING_LZF ? head.len : NUM_TEXT_MAX)) return false;
    return rdb_read_string(&r, scratch, text) == RDB_OK;
}

static void restore_clock(struct context *c, struct key key, const struct restore *r) {
    if (r->idle >= 0) db_set_idle_seconds(c->db, key, r->idle);
    if (r->frequency >= 0) db_set_frequency(c->db, key, (uint8_t)r->frequency);
}

/* The value is right; the key may be there. */
static void restore_put(struct context *c, struct key key, const struct restore *r) {
    if (r->at_ms != NO_EXPIRE && r->at_ms <= c->now_ms) {
        if (db_delete(c->db, key)) context_changed(c, NOTIFY_GENERIC, "del", key.text);
    } else if (db_put_string(c->db, key, r->value, r->at_ms, PUT_PLAIN)) {
        restore_clock(c, key, r);
        context_changed(c, NOTIFY_GENERIC, "restore", key.text);
    } else {
        reply_error(c->reply, "ERR not enough memory for a value of this length");
        return;
    }
    reply_ok(c->reply);
}

void generic_restore_run(struct context *c) {
    struct restore r = {.idle = -1, .frequency = -1};
    struct key key = context_key(c, 1);
    if (!restore_options(c, &r)) return;
    if (!r.replace && db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS)) {
        reply_error(c->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!restore_time(c, &r)) return;
    if (!footer_right(c->argv[3])) {
        reply_error(c->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    struct buf scratch;
    buf_init(&scratch, MEM_CLIENT_IN);
    if (read_value(c, c->argv[3], &scratch, &r.value))
        restore_put(c, key, &r);
    else
        reply_error(c->reply, "ERR Bad data format");
    buf_release(&scratch);
}
