/* DUMP and RESTORE: a value as RDB writes it, followed by a footer:
 *
 *   | type:8 | value ... | RDB version:16 | CRC-64 of all before:64 |   both little endian */
#include "commands/dump.h"
#include "values/kind.h"

#include "base/num.h"
#include "commands/generic_int.h"
#include "exec/journal.h"
#include "wire/crc64.h"
#include "wire/rdb_io.h"

#define FOOTER_BYTES 10

/* Type and bytes; returns the lowest version that has such a type. */
static int dump_value(struct buf *payload, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    struct rdb_sink sink = {.out = payload, .compress = true, .version = RDB_VERSION_DEFAULT};
    if (entry_type(e) == TYPE_STRING) {
        rdb_write_u8(payload, RDB_TYPE_STRING);
        rdb_sink_string(&sink, entry_string(e, scratch));
        return RDB_VERSION_DEFAULT;
    }
    struct value v = entry_object(e);
    const struct value_kind *kind = value_kind(v.type);
    uint8_t type = kind->rdb_type(v, sink.version);
    int needed = rdb_type_version(type);
    if (needed > sink.version) sink.version = needed;
    rdb_write_u8(payload, type);
    bool written = kind->rdb_write(v, &sink);
    proven(written); /* nothing that could refuse: all goes to memory */
    return sink.version;
}

static void dump_footer(struct buf *payload, int version) {
    proven(version >= RDB_VERSION_DEFAULT && version <= RDB_VERSION_VALKEY);
    rdb_write_u8(payload, (uint8_t)version);
    rdb_write_u8(payload, 0);
    rdb_write_u64_le(payload, crc64(0, payload->ptr, payload->len));
}

void dump_payload(struct buf *payload, const struct entry *e) {
    proven(payload->len == 0);
    int version = dump_value(payload, e);
    dump_footer(payload, version);
}

void generic_dump_run(struct context *c) {
    const struct entry *e = context_view(c, context_key(c, 1));
    if (!e) {
        reply_null(c->reply);
        return;
    }
    struct buf payload;
    buf_init(&payload, MEM_CLIENT_OUT);
    dump_payload(&payload, e);
    reply_bulk(c->reply, buf_slice(&payload));
    buf_release(&payload);
}

struct restore {
    bool replace, absolute;
    int64_t idle, frequency; /* -1: not given */
    int64_t at_ms;
    struct rdb_reader bytes; /* of the payload, after the type */
    struct rdb_input in;     /* over them */
    uint8_t type;
    bool valkey;         /* the line that numbered the type */
    struct slice text;   /* a string */
    struct value object; /* any other value */
    bool ended;          /* all its fields had times, and they are past: there is no value, and nothing is wrong */
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

static bool footer_right(struct restore *r, struct slice payload) {
    if (payload.len < FOOTER_BYTES) return false;
    const unsigned char *start = (const unsigned char *)payload.ptr, *footer = start + payload.len - FOOTER_BYTES;
    struct rdb_reader sum_bytes = {footer + 2, footer + FOOTER_BYTES};
    unsigned version = footer[0] | (unsigned)footer[1] << 8;
    uint64_t sum;
    r->bytes = (struct rdb_reader){start, footer};
    r->valkey = version == RDB_VERSION_VALKEY;
    if (version > RDB_VERSION_MAX && !r->valkey) return false;
    return rdb_read_u64_le(&sum_bytes, &sum) == RDB_OK && sum == crc64(0, payload.ptr, payload.len - 8);
}

/* Its length is bounded before memory is taken for it. */
static bool read_text(struct context *c, struct restore *r) {
    struct rdb_string_head head;
    struct rdb_reader peek = r->bytes;
    if (rdb_read_string_head(&peek, &head) != RDB_OK || head.len > (uint64_t)context_string_max(c)) return false;
    return rdb_input_string(&r->in, &r->text);
}

/* What has no elements is no value: it never had any, or the time of all has come. */
static bool read_ended(struct context *c, struct restore *r, struct rdb_reader from) {
    if (r->type < RDB_TYPE_HASH_2) return false;
    r->bytes = from;
    r->ended =
        value_kind_of_rdb(r->type)->rdb_read(r->type, &r->in, dataset_limits(c->dataset), INT64_MIN, &r->object) &&
        r->object.ptr;
    return r->ended;
}

static bool read_object(struct context *c, struct restore *r) {
    struct rdb_reader from = r->bytes;
    if (!rdb_type_name(r->type, r->valkey) || !rdb_type_released(r->type, r->valkey)) return false;
    const struct value_kind *kind = value_kind_of_rdb(r->type);
    int64_t now_ms = c->executor->loading ? 0 : c->now_ms; /* no field has ended while a file is replayed */
    if (!kind || !kind->rdb_read(r->type, &r->in, dataset_limits(c->dataset), now_ms, &r->object)) return false;
    proven(!r->object.ptr || r->object.type == kind->type);
    return r->object.ptr || read_ended(c, r, from);
}

static bool read_value(struct context *c, struct restore *r) {
    if (!rdb_input_u8(&r->in, &r->type)) return false;
    return r->type == RDB_TYPE_STRING ? read_text(c, r) : read_object(c, r);
}

static void restore_clock(struct context *c, struct key key, const struct restore *r) {
    if (r->idle >= 0) db_set_idle_seconds(c->db, key, r->idle);
    if (r->frequency >= 0) db_set_frequency(c->db, key, (uint8_t)r->frequency);
}

static bool put_value(struct context *c, struct key key, struct restore *r) {
    if (r->type == RDB_TYPE_STRING) return db_put_string(c->db, key, r->text, r->at_ms, PUT_PLAIN);
    db_put_value(c->db, key, r->object, r->at_ms);
    r->object.ptr = NULL; /* the database's now */
    return true;
}

/* RESTORE with its time as such. */
static void put_absolute(struct context *c, const struct restore *r) {
    char text[NUM_TEXT_MAX];
    if (r->at_ms == NO_EXPIRE || r->absolute || !journal_wanted(c)) return;
    size_t bytes = (size_t)(c->argc + 1) * sizeof(struct slice);
    struct slice *argv = mem_alloc(MEM_CLIENT_IN, bytes);
    memcpy(argv, c->argv, (size_t)c->argc * sizeof *argv);
    argv[2] = slice_of(text, num_format_i64(text, r->at_ms));
    argv[c->argc] = SLICE("ABSTTL");
    journal_effect(c, argv, c->argc + 1);
    mem_free(MEM_CLIENT_IN, argv, bytes);
}

/* The value is right; the key may be there. One that is replaced counts as new, as in Redis. */
static void restore_put(struct context *c, struct key key, struct restore *r) {
    if (r->ended || (r->at_ms != NO_EXPIRE && journal_is_past(c, r->at_ms))) {
        if (db_delete(c->db, key)) {
            journal_put_delete(c, key.text);
            context_changed(c, NOTIFY_GENERIC, "del", key.text);
        }
        reply_ok(c->reply);
        return;
    }
    bool replaced = r->replace && db_view(c->db, key, VIEW_NO_TOUCH | VIEW_NO_STATS | VIEW_QUIET);
    if (!put_value(c, key, r)) {
        reply_error(c->reply, "ERR not enough memory for a value of this length");
        return;
    }
    restore_clock(c, key, r);
    put_absolute(c, r);
    if (replaced) context_notify(c, NOTIFY_NEW, "new", key.text, db_index(c->db));
    context_changed(c, NOTIFY_GENERIC, "restore", key.text);
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
    if (!footer_right(&r, c->argv[3])) {
        reply_error(c->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    rdb_input_init(&r.in, &r.bytes);
    if (read_value(c, &r))
        restore_put(c, key, &r);
    else
        reply_error(c->reply, "ERR Bad data format");
    dataset_discard(c->dataset, r.object);
    rdb_input_release(&r.in);
}
