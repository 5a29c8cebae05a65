#include "persist/rdb_skip_int.h"

#include "base/check.h"
#include "wire/rdb_template.h"

static const struct rdb_shape shapes[RDB_TYPE_END] = {
    [RDB_TYPE_STRING] = {.known = true},
    [RDB_TYPE_LIST] = {.known = true, .counted = true, .strings = 1},
    [RDB_TYPE_SET] = {.known = true, .counted = true, .strings = 1},
    [RDB_TYPE_ZSET] = {.known = true, .counted = true, .strings = 1, .text_score = true},
    [RDB_TYPE_HASH] = {.known = true, .counted = true, .strings = 2},
    [RDB_TYPE_ZSET_2] = {.known = true, .counted = true, .strings = 1, .raw = 8},
    [RDB_TYPE_HASH_ZIPMAP] = {.known = true},
    [RDB_TYPE_LIST_ZIPLIST] = {.known = true},
    [RDB_TYPE_SET_INTSET] = {.known = true},
    [RDB_TYPE_ZSET_ZIPLIST] = {.known = true},
    [RDB_TYPE_HASH_ZIPLIST] = {.known = true},
    [RDB_TYPE_LIST_QUICKLIST] = {.known = true, .counted = true, .strings = 1},
    [RDB_TYPE_HASH_LISTPACK] = {.known = true},
    [RDB_TYPE_ZSET_LISTPACK] = {.known = true},
    [RDB_TYPE_LIST_QUICKLIST_2] = {.known = true, .counted = true, .lengths = 1, .strings = 1},
    [RDB_TYPE_SET_LISTPACK] = {.known = true},
    [RDB_TYPE_HASH_PREVIEW] = {.known = true, .counted = true, .lengths = 1, .strings = 2},
    [RDB_TYPE_HASH_PREVIEW_PACK] = {.known = true},
    [RDB_TYPE_HASH_METADATA] = {.known = true, .head = 8, .counted = true, .lengths = 1, .strings = 2},
    [RDB_TYPE_HASH_LISTPACK_EXPIRE] = {.known = true, .head = 8},
    [RDB_TYPE_HASH_TEMPLATE_PACK] = {.known = true, .counted = true, .strings = 1, .behind = true},
    [RDB_TYPE_HASH_TEMPLATE_PACK_REF] = {.known = true},
    [RDB_TYPE_HASH_TEMPLATE] = {.known = true, .counted = true, .strings = 2},
};

const struct rdb_shape *rdb_shape_of(uint8_t type, bool valkey) {
    static const struct rdb_shape hash_2 = {.known = true, .counted = true, .strings = 2, .raw = 8};
    proven(shapes[RDB_TYPE_STRING].known);
    if (valkey && type >= RDB_TYPE_HASH_2) return type == RDB_TYPE_HASH_2 ? &hash_2 : NULL;
    return type < RDB_TYPE_END && shapes[type].known ? &shapes[type] : NULL;
}

static bool skip_string(struct rdb_input *in) {
    const unsigned char *behind = rdb_skip_short(in->window->at, in->window->end);
    debug_proven(!in->more);
    if (likely(behind != NULL)) {
        in->window->at = behind;
        return true;
    }
    enum rdb_status status = rdb_skip_string(in->window);
    if (status == RDB_SHORT) in->ended = true;
    return status == RDB_OK;
}

static bool skip_strings(struct rdb_input *in, uint64_t n) {
    debug_proven(!in->why);
    for (; n > 0; n--)
        if (!skip_string(in)) return false;
    return true;
}

static bool skip_bytes(struct rdb_input *in, size_t n) {
    debug_proven(n <= RDB_INPUT_BYTES_MAX);
    return rdb_input_bytes(in, NULL, n);
}

static bool skip_lengths(struct rdb_input *in, unsigned n) {
    uint64_t ignored;
    debug_proven(n > 0);
    for (; n > 0; n--)
        if (!rdb_input_length(in, &ignored)) return false;
    return true;
}

static bool skip_text_score(struct rdb_input *in) {
    uint8_t digits;
    debug_proven(!in->why);
    return rdb_input_u8(in, &digits) && skip_bytes(in, digits < 253 ? digits : 0);
}

static bool skip_elements(struct rdb_input *in, const struct rdb_shape *shape) {
    uint64_t n;
    proven(shape->strings > 0);
    if (!rdb_input_length(in, &n)) return false;
    for (; n > 0; n--) {
        if (shape->lengths && !skip_lengths(in, shape->lengths)) return false;
        if (!skip_strings(in, shape->strings)) return false;
        if (shape->text_score ? !skip_text_score(in) : !skip_bytes(in, shape->raw)) return false;
    }
    return true;
}

static bool skip_shaped(struct rdb_input *in, const struct rdb_shape *shape) {
    proven(shape->known);
    if (shape->head && !skip_bytes(in, shape->head)) return false;
    if (!shape->counted) return skip_string(in);
    return skip_elements(in, shape) && (!shape->behind || skip_string(in));
}

/* ---- streams; the parts are drawn in values/stream_rdb.c ---- */
static bool skip_consumers(struct rdb_input *in, unsigned form) {
    uint64_t consumers, owned;
    proven(form >= 1 && form <= 5);
    if (!rdb_input_length(in, &consumers)) return false;
    for (; consumers > 0; consumers--) {
        if (!skip_string(in) || !skip_bytes(in, form > 2 ? 16 : 8) || !rdb_input_length(in, &owned)) return false;
        for (; owned > 0; owned--)
            if (!skip_bytes(in, 16)) return false;
    }
    return true;
}

static bool skip_group(struct rdb_input *in, unsigned form) {
    uint64_t n;
    proven(form >= 1 && form <= 5);
    if (!skip_string(in) || !skip_lengths(in, form > 1 ? 3 : 2) || !rdb_input_length(in, &n)) return false;
    for (; n > 0; n--)
        if (!skip_bytes(in, 24) || !skip_lengths(in, 1)) return false;
    if (!skip_consumers(in, form)) return false;
    if (form < 5) return true;
    if (!rdb_input_length(in, &n)) return false;
    for (; n > 0; n--)
        if (!skip_bytes(in, 16)) return false;
    return true;
}

static bool skip_producers(struct rdb_input *in) {
    uint64_t producers, n;
    if (!skip_lengths(in, 2) || !rdb_input_length(in, &producers)) return false;
    for (; producers > 0; producers--) {
        if (!skip_string(in) || !rdb_input_length(in, &n)) return false;
        for (; n > 0; n--)
            if (!skip_string(in) || !skip_lengths(in, 2)) return false;
    }
    debug_proven(!in->why);
    return skip_lengths(in, 2);
}

static bool skip_stream(struct rdb_input *in, unsigned form) {
    static const struct rdb_shape nodes = {.known = true, .counted = true, .strings = 2};
    uint64_t groups;
    proven(form >= 1 && form <= 5);
    if (!skip_elements(in, &nodes) || !skip_lengths(in, form > 1 ? 8 : 3) || !rdb_input_length(in, &groups))
        return false;
    for (; groups > 0; groups--)
        if (!skip_group(in, form)) return false;
    return form < 4 || skip_producers(in);
}

/* ---- what is not held ---- */
static bool skip_array(struct rdb_input *in) {
    enum { TEXT, INTEGER, REAL, SHORT_TEXT };
    uint64_t n, cursor, tag;
    if (!rdb_input_length(in, &n) || !rdb_input_length(in, &cursor)) return false;
    if (cursor > 1 || (cursor == 1 && !skip_lengths(in, 1))) return false;
    for (; n > 0; n--) {
        if (!skip_lengths(in, 1) || !rdb_input_length(in, &tag) || tag > SHORT_TEXT) return false;
        if (!(tag == INTEGER || tag == REAL ? skip_bytes(in, 8) : skip_string(in))) return false;
    }
    debug_proven(!in->why);
    return true;
}

bool rdb_skip_tagged(struct rdb_input *in) {
    enum { END, SIGNED, UNSIGNED, FLOAT, DOUBLE, STRING };
    uint64_t tag;
    proven(!in->more);
    for (;;) {
        if (!rdb_input_length(in, &tag)) return false;
        if (tag == END) return true;
        bool skipped = tag == FLOAT                       ? skip_bytes(in, 4)
                       : tag == DOUBLE                    ? skip_bytes(in, 8)
                       : tag == STRING                    ? skip_string(in)
                       : tag == SIGNED || tag == UNSIGNED ? skip_lengths(in, 1)
                                                          : false;
        if (!skipped) return false;
    }
}

/* ---- hashes of templates ---- */
static bool skip_template_values(struct rdb_input *in) {
    uint64_t id;
    if (!rdb_input_length(in, &id)) return false;
    const struct rdb_template *t = rdb_templates_find(in->templates, id);
    proven(!t || t->count > 0);
    return t && skip_strings(in, t->count);
}

bool rdb_skip_value(struct rdb_input *in, uint8_t type, bool valkey) {
    const struct rdb_shape *shape = rdb_shape_of(type, valkey);
    proven(!in->why && !in->more);
    if (likely(shape != NULL)) return skip_shaped(in, shape);
    if (valkey && type >= RDB_TYPE_HASH_2) return false;
    unsigned form = rdb_stream_form(type);
    if (form > 0) return skip_stream(in, form);
    switch (type) {
    case RDB_TYPE_MODULE_2:
        return skip_lengths(in, 1) && rdb_skip_tagged(in);
    case RDB_TYPE_ARRAY:
        return skip_array(in);
    case RDB_TYPE_HASH_TEMPLATE_REF:
        return skip_template_values(in);
    case RDB_TYPE_GCRA:
        return skip_lengths(in, 1);
    default:
        return false;
    }
}
