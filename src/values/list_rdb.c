/* Records of lists. Written as RDB_TYPE_LIST_QUICKLIST_2, as a list of packs whatever the form is, and for files older than
 * version 10 element by element. Read are all that Redis ever wrote:
 *
 *   LIST          count, strings
 *   LIST_ZIPLIST  a ziplist
 *   QUICKLIST     count, ziplists
 *   QUICKLIST_2   count, then for each a kind (1: a long element alone; 2: a pack) and a string */
#include "store/pack_legacy.h"
#include "values/list_int.h"
#include "wire/rdb_io.h"

enum { NODE_PLAIN = 1, NODE_PACKED = 2 };

/* ---- writing ---- */
uint8_t list_rdb_type(struct value v, int version) {
    proven(v.ptr && v.type == TYPE_LIST);
    return version >= 10 ? RDB_TYPE_LIST_QUICKLIST_2 : RDB_TYPE_LIST;
}

static bool write_elements(struct value v, struct rdb_sink *sink) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor c;
    proven(list_length(v) > 0);
    if (!rdb_sink_length(sink, list_length(v))) return false;
    list_seek(v, 0, &c);
    do
        if (!rdb_sink_string(sink, list_text(&c, scratch))) return false;
    while (list_next(&c));
    return true;
}

static bool write_pack(const struct pack *p, struct rdb_sink *sink) {
    debug_proven(!pack_empty(p));
    return rdb_sink_length(sink, NODE_PACKED) && rdb_sink_string(sink, slice_of((const char *)p, pack_bytes(p)));
}

bool list_rdb_write(struct value v, struct rdb_sink *sink) {
    proven(v.ptr && v.type == TYPE_LIST);
    if (sink->version < 10) return write_elements(v, sink);
    if (v.form == VALUE_PACK) return rdb_sink_length(sink, 1) && write_pack(v.ptr, sink);
    struct tree_cursor c;
    bool wanted = rdb_sink_length(sink, list_of(v)->packs.count);
    for (bool any = tree_first(&list_of(v)->packs, &c); any && wanted; any = tree_next(&c))
        wanted = write_pack(list_pack_at(&c), sink);
    return wanted;
}

/* ---- reading ---- */
struct reading {
    struct value_edit edit;
    struct rdb_input *in;
};

static bool read_text(struct reading *r, struct slice text) {
    debug_proven(!r->edit.f);
    if (!list_holds(text))
        return rdb_input_fail(r->in, text.len > LIST_ELEMENT_MAX ? "an element longer than 1 GiB"
                                                                 : "no memory for an element of this length");
    list_push(&r->edit, LIST_TAIL, text);
    return true;
}

static bool read_item(void *arg, const struct pack_item *item) {
    char scratch[NUM_TEXT_MAX];
    struct reading *r = arg;
    debug_proven(item->is_integer || item->text.ptr);
    if (!item->is_integer) return read_text(r, item->text);
    return read_text(r, slice_of(scratch, num_format_i64(scratch, item->integer)));
}

static bool read_ziplist(struct reading *r, struct slice bytes) {
    proven(r->edit.value.type == TYPE_LIST);
    return ziplist_each(bytes.ptr, bytes.len, read_item, r) || rdb_input_fail(r->in, "a list whose ziplist is corrupt");
}

/* Behind what is there, as the pack it is. */
static bool read_whole_pack(struct reading *r, const void *bytes, size_t n) {
    struct value_edit *e = &r->edit;
    struct pack *p = pack_try_copy(MEM_LISTS, bytes, n);
    proven(pack_verify(bytes, n, true));
    if (!p) return rdb_input_fail(r->in, "no memory for a pack of this length");
    if (!e->value.ptr && e->value.form == VALUE_PACK) {
        e->value.ptr = p;
        return true;
    }
    if (e->value.form == VALUE_PACK) list_to_tree(e);
    list_add_parts(e, p);
    return true;
}

/* Bytes that were verified. Packs of another configuration, or small ones, are taken to pieces. */
static bool read_pack(struct reading *r, const void *bytes, size_t n) {
    struct list_limit limit = list_limit_of(r->edit.limits);
    const struct pack *p = bytes;
    proven(pack_bytes(p) == n);
    if (n <= limit.bytes && n >= LIST_NODE_BYTES / 4 && pack_count(p) <= limit.count)
        return read_whole_pack(r, bytes, n);
    for (pack_pos at = pack_first(p); at; at = pack_next(p, at)) {
        struct pack_item item = pack_get(p, at);
        if (!read_item(r, &item)) return false;
    }
    return true;
}

static bool read_node_2(struct reading *r) {
    struct slice bytes;
    uint64_t kind;
    if (!rdb_input_length(r->in, &kind)) return false;
    if (kind != NODE_PLAIN && kind != NODE_PACKED) return rdb_input_fail(r->in, "a part of a list of unknown kind");
    if (!rdb_input_string(r->in, &bytes)) return false;
    if (kind == NODE_PLAIN) return read_text(r, bytes);
    if (!pack_verify(bytes.ptr, bytes.len, true)) return rdb_input_fail(r->in, "a list whose listpack is corrupt");
    return read_pack(r, bytes.ptr, bytes.len);
}

static bool read_string(struct reading *r, bool is_ziplist) {
    struct slice bytes;
    debug_proven(r->in->window);
    if (!rdb_input_string(r->in, &bytes)) return false;
    return is_ziplist ? read_ziplist(r, bytes) : read_text(r, bytes);
}

static bool read_all(struct reading *r, uint8_t rdb_type) {
    uint64_t count;
    if (rdb_type == RDB_TYPE_LIST_ZIPLIST) return read_string(r, true);
    if (!rdb_input_count(r->in, rdb_type == RDB_TYPE_LIST_QUICKLIST_2 ? 2 : 1, &count)) return false;
    for (; count > 0; count--) {
        bool read = rdb_type == RDB_TYPE_LIST_QUICKLIST_2 ? read_node_2(r)
                                                          : read_string(r, rdb_type == RDB_TYPE_LIST_QUICKLIST);
        if (!read) return false;
    }
    proven(!r->in->why);
    return true;
}

bool list_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out) {
    struct value empty = {.type = TYPE_LIST, .form = VALUE_PACK};
    struct reading r = {.edit = value_edit_alone(empty, limits, now_ms), .in = in};
    bool read = read_all(&r, rdb_type);
    if (!read && r.edit.value.ptr) value_drop_whole(&r.edit);
    if (read) list_to_pack(&r.edit, 1);
    value_edit_release(&r.edit);
    proven(read || !r.edit.value.ptr);
    *out = r.edit.value;
    return read;
}
