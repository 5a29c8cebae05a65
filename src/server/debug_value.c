/* DEBUG forms that look into one value: OBJECT, SDSLEN, LISTPACK, QUICKLIST, HTSTATS-KEY. Addresses, sizes and parts are those of
 * the forms here; the words are redis-server's, as tests read them. */
#include "server/debug_int.h"
#include "values/kind.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "wire/rdb_io.h"

#include <stdio.h>

/* The entry of key argument i; NULL after the error reply. */
static const struct entry *entry_at(struct context *c, int i) {
    const struct entry *e = db_view(c->db, context_key(c, i), VIEW_NO_TOUCH | VIEW_NO_STATS);
    if (!e) reply_error(c->reply, ERROR_NO_KEY);
    return e;
}

/* ---- OBJECT ---- */
static bool count_bytes(struct rdb_sink *sink) {
    size_t *total = sink->target;
    *total += sink->out->len;
    buf_clear(sink->out);
    return true;
}

/* Of the record in a file, without type and key. O(size), in a buffer of RDB_SINK_BYTES and the longest element. */
static size_t serialized_length(const struct entry *e) {
    struct buf b;
    char scratch[NUM_TEXT_MAX];
    size_t total = 0;
    buf_init(&b, MEM_SERVER);
    struct rdb_sink sink = {
        .out = &b, .flush = count_bytes, .target = &total, .compress = true, .version = RDB_VERSION_VALKEY};
    if (entry_type(e) == TYPE_STRING) {
        rdb_sink_string(&sink, entry_string(e, scratch));
    } else {
        struct value v = entry_object(e);
        const struct value_kind *kind = value_kind(v.type);
        if (rdb_type_version(kind->rdb_type(v, RDB_VERSION_DEFAULT)) <= RDB_VERSION_DEFAULT)
            sink.version = RDB_VERSION_DEFAULT;
        bool written = kind->rdb_write(v, &sink);
        proven(written);
    }
    count_bytes(&sink);
    buf_release(&b);
    return total;
}

/* What redis-server says of a list's nodes, said of its blocks. */
static void describe_list(const struct context *c, const struct entry *e, struct buf *text) {
    struct value v = entry_object(e);
    size_t blocks = value_blocks(v);
    proven(v.type == TYPE_LIST && blocks > 0);
    buf_printf(text, " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%lld ql_compressed:0 ql_uncompressed_size:%zu",
               blocks, (double)value_kind(v.type)->count(v) / (double)blocks,
               (long long)dataset_limits(c->dataset)->list_max_listpack_size, value_memory(v));
}

void debug_object(struct context *c) {
    bool fast = c->argc == 4;
    if (fast && !slice_is(c->argv[3], "fast")) {
        context_syntax_error(c);
        return;
    }
    const struct entry *e = entry_at(c, 2);
    if (!e) return;
    struct buf text;
    int64_t idle = db_idle_seconds(c->db, context_key(c, 2));
    if (idle < 0) idle = 0;
    buf_init(&text, MEM_SERVER);
    buf_printf(&text, "Value at:%p refcount:1 encoding:%s", (const void *)e, entry_encoding_name(e));
    if (!fast) buf_printf(&text, " serializedlength:%zu", serialized_length(e));
    buf_printf(&text, " lru:%lld lru_seconds_idle:%lld", (long long)((c->now_ms / 1000 - idle) & 0xffffff),
               (long long)idle);
    if (entry_type(e) == TYPE_LIST && !fast) describe_list(c, e, &text);
    buf_append(&text, "", 1);
    reply_simple(c->reply, text.ptr);
    buf_release(&text);
}

void debug_sdslen(struct context *c) {
    const struct entry *e = entry_at(c, 2);
    int64_t integer;
    char text[256];
    if (!e) return;
    if (entry_type(e) != TYPE_STRING || entry_string_integer(e, &integer)) {
        reply_error(c->reply, "ERR Not an sds encoded string.");
        return;
    }
    /* Key and value share one block, unless the value is long: the key's part is what the value does not take. */
    size_t all = entry_memory(e), value = entry_string_len(e);
    snprintf(text, sizeof text,
             "key_sds_len:%zu, key_sds_avail:0, key_zmalloc: %zu, val_sds_len:%zu, val_sds_avail:0, val_zmalloc: %zu",
             entry_key(e).len, all > value ? all - value : 0, value, value);
    reply_simple(c->reply, text);
}

/* ---- forms ---- */
static bool encoded_as(const struct entry *e, const char *encoding) {
    proven(encoding[0] != '\0');
    return strcmp(entry_encoding_name(e), encoding) == 0;
}

void debug_htstats_key(struct context *c) {
    const struct entry *e = entry_at(c, 2);
    if (!e) return;
    if (!encoded_as(e, "hashtable") && !encoded_as(e, "skiplist")) {
        reply_error(c->reply, "ERR The value stored at the specified key is not represented using an hash table");
        return;
    }
    struct value v = entry_object(e);
    struct buf text;
    buf_init(&text, MEM_SERVER);
    buf_printf(&text, "Hash table 0 stats (main hash table):\n number of elements: %zu\n bytes with elements: %zu\n",
               value_kind(v.type)->count(v), value_memory(v));
    reply_verbatim(c->reply, "txt", buf_slice(&text));
    buf_release(&text);
}

/* redis-server prints to its standard output, which nobody here reads. */
void debug_listpack(struct context *c) {
    const struct entry *e = entry_at(c, 2);
    if (!e) return;
    if (encoded_as(e, "listpack"))
        reply_simple(c->reply, "Listpack structure printed on stdout");
    else
        reply_error(c->reply, "ERR Not a listpack encoded object.");
}

void debug_quicklist(struct context *c) {
    const struct entry *e = entry_at(c, 2);
    if (!e) return;
    if (encoded_as(e, "quicklist"))
        reply_simple(c->reply, "Quicklist structure printed on stdout");
    else
        reply_error(c->reply, "ERR Not a quicklist encoded object.");
}
