#include "commands/bitmap.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/bitmap_int.h"
#include "commands/string_int.h"
#include "values/bitmap.h"

/* ---- shared ---- */

bool bitmap_offset(struct context *c, struct slice text, uint64_t unit, uint64_t *offset) {
    int64_t n;
    if (num_parse_i64(text, &n) && n >= 0 && !__builtin_mul_overflow((uint64_t)n, unit, offset) &&
        *offset / 8 < (uint64_t)context_string_max(c))
        return true;
    reply_error(c->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

char *bitmap_edit(struct context *c, struct key key, const struct entry *e, size_t need, size_t *len) {
    size_t old_len = e ? entry_string_len(e) : 0;
    char *bytes = NULL;
    *len = old_len > need ? old_len : need;
    if (e || db_put_string(c->db, key, SLICE(""), NO_EXPIRE, PUT_RAW)) bytes = db_edit_string(c->db, key, *len);
    if (bytes) return bytes;
    if (!e) db_delete(c->db, key);
    string_no_memory(c, string_reply_start(c));
    return NULL;
}

/* ---- single bits ---- */

static bool bit_argument(struct context *c, int i, bool *on) {
    bool is_one = slice_equal(c->argv[i], SLICE("1"));
    *on = is_one;
    if (is_one || slice_equal(c->argv[i], SLICE("0"))) return true;
    reply_error(c->reply, "ERR bit is not an integer or out of range");
    return false;
}

/* A bit that is there already, in a string that is raw already, is not written: then nothing changes. */
static bool bit_stands(const struct entry *e, uint64_t offset, bool on) {
    char scratch[NUM_TEXT_MAX];
    if (!e || entry_encoding(e) == STRING_INT || entry_encoding(e) == STRING_EMBSTR) return false;
    return offset / 8 < entry_string_len(e) && bitmap_get(entry_string(e, scratch), offset) == on;
}

static void setbit_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    uint64_t offset;
    bool on;
    if (!bitmap_offset(c, c->argv[2], 1, &offset) || !bit_argument(c, 3, &on) || !string_target(c, key, &e)) return;
    if (bit_stands(e, offset, on)) {
        reply_integer(c->reply, on);
        return;
    }
    size_t len, old_len = e ? entry_string_len(e) : 0;
    bool is_new = !e;
    char *bytes = bitmap_edit(c, key, e, offset / 8 + 1, &len);
    if (!bytes) return;
    bool old = bitmap_set(bytes, len, offset, on);
    if (old != on || is_new || len > old_len) context_changed(c, NOTIFY_STRING, "setbit", key.text);
    reply_integer(c->reply, old);
}

static void getbit_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e;
    uint64_t offset;
    if (!bitmap_offset(c, c->argv[2], 1, &offset) || !context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    reply_integer(c->reply, e && bitmap_get(entry_string(e, scratch), offset));
}

/* ---- ranges ---- */

/* A range of a string as bits, both ends included. */
struct bit_range {
    uint64_t first, last;
    bool is_empty;
    bool has_end; /* the client gave one */
};

static bool unit_argument(struct context *c, int i, uint64_t *unit) {
    *unit = slice_is(c->argv[i], "BIT") ? 1 : 8;
    if (*unit == 1 || slice_is(c->argv[i], "BYTE")) return true;
    context_syntax_error(c);
    return false;
}

/* Places from the end are negative; what lies outside is clamped. */
static void range_clamp(struct bit_range *r, int64_t start, int64_t end, size_t len, uint64_t unit) {
    int64_t places = (int64_t)(len * 8 / unit);
    if (start < 0) start = start < -places ? 0 : start + places;
    if (end < 0) end = end < -places ? 0 : end + places;
    if (end >= places) end = places - 1;
    r->is_empty = start > end; /* as that of an empty string is */
    if (r->is_empty) return;
    r->first = (uint64_t)start * unit;
    r->last = (uint64_t)end * unit + unit - 1;
    proven(r->first <= r->last && r->last / 8 < len);
}

/* [start [end [BYTE|BIT]]] from argument i on, for a string of len bytes. False after the error reply. BITPOS looks at the unit
 * before the end. BITCOUNT looks at it last, and not at all when both ends are negative and crossed: that counts as empty, where
 * for BITPOS both may be clamped to 0. */
static bool range_parse(struct context *c, int i, size_t len, bool counting, struct bit_range *r) {
    int64_t start = 0, end = -1;
    uint64_t unit = 8;
    int given = c->argc - i;
    *r = (struct bit_range){.has_end = given >= 2};
    if (given > 3) {
        context_syntax_error(c);
        return false;
    }
    if (given >= 1 && !context_integer(c, i, &start)) return false;
    if (given == 3 && !counting && !unit_argument(c, i + 2, &unit)) return false;
    if (given >= 2 && !context_integer(c, i + 1, &end)) return false;
    r->is_empty = counting && start < 0 && end < 0 && start > end;
    if (r->is_empty) return true;
    if (given == 3 && counting && !unit_argument(c, i + 2, &unit)) return false;
    range_clamp(r, start, end, len, unit);
    return true;
}

static void bitcount_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e;
    struct bit_range r;
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    struct slice s = e ? entry_string(e, scratch) : SLICE("");
    if (!e)
        reply_integer(c->reply, 0); /* whatever else was asked */
    else if (range_parse(c, 2, s.len, true, &r))
        reply_integer(c->reply, r.is_empty ? 0 : (int64_t)bitmap_count(s, r.first, r.last));
}

/* A search for a 0 without an end goes on behind the string, where all bits are 0. */
static int64_t position(struct slice s, bool on, const struct bit_range *r) {
    if (r->is_empty) return -1;
    int64_t at = bitmap_position(s, on, r->first, r->last);
    return at == -1 && !on && !r->has_end ? (int64_t)s.len * 8 : at;
}

static void bitpos_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e;
    struct bit_range r;
    int64_t on;
    if (!context_integer(c, 2, &on)) return;
    if (on != 0 && on != 1) {
        reply_error(c->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    struct slice s = e ? entry_string(e, scratch) : SLICE("");
    if (!e)
        reply_integer(c->reply, on ? -1 : 0);
    else if (range_parse(c, 3, s.len, false, &r))
        reply_integer(c->reply, position(s, on == 1, &r));
}

/* ---- rows ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define KEY_ARG \
    { .name = "key", .type = ARG_KEY }
#define OFFSET_ARG \
    { .name = "offset", .type = ARG_INTEGER }
#define START_ARG \
    { .name = "start", .type = ARG_INTEGER }
#define END_ARG \
    { .name = "end", .type = ARG_INTEGER }
#define UNIT_ARG                                                                          \
    {                                                                                     \
        .name = "index_unit", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .since = "7.0.0", \
        .args = ARGS({.name = "byte", .type = ARG_PURE_TOKEN, .token = "BYTE"},           \
                     {.name = "bit", .type = ARG_PURE_TOKEN, .token = "BIT"})             \
    }
#define BITMAP_ROW .acl = ACL_BITMAP, .group = GROUP_BITMAP

static const struct command_history bitcount_history[] = {
    {"7.0.0", "`BYTE` and `BIT` came."},
    {"8.0.0", "A range may be given by its start alone."},
    {NULL, NULL},
};

static const struct command_history bitpos_history[] = {
    {"7.0.0", "`BYTE` and `BIT` came."},
    {NULL, NULL},
};

const struct command_row bitmap_commands[] = {
    {.name = "bitcount",
     .run = bitcount_run,
     .arity = -2,
     .flags = CMD_READONLY,
     BITMAP_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.6.0",
     .complexity = "O(N) where N is the number of bytes in the range",
     .summary = "Counts the bits that are 1 in a string or a part of it.",
     .history = bitcount_history,
     .args =
         ARGS(KEY_ARG,
              {.name = "index", .type = ARG_BLOCK, .flags = ARG_OPTIONAL, .args = ARGS(START_ARG, END_ARG, UNIT_ARG)})},
    {.name = "bitfield",
     .run = bitmap_field_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_DENYOOM,
     BITMAP_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_RANGE,
               .step = 1,
               .flags = KEY_RW | KEY_UPDATE | KEY_ACCESS | KEY_VARIABLE_FLAGS,
               .notes = "Only read where every operation is a `GET`"}},
     .key_flags = bitmap_field_key_flags,
     .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads, sets and increments integers of any width inside a string.",
     .args = bitmap_field_args},
    {.name = "bitfield_ro",
     .run = bitmap_field_ro_run,
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     BITMAP_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "6.0.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads integers of any width inside a string.",
     .args = bitmap_field_ro_args},
    {.name = "bitop",
     .run = bitmap_op_run,
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     BITMAP_ROW,
     .keys = {KEY_AT(2, KEY_OW | KEY_UPDATE), KEYS_FROM(3, 1, KEY_RO | KEY_ACCESS)},
     .since = "2.6.0",
     .complexity = "O(N) where N is the number of bytes of all strings",
     .summary = "Combines strings bit by bit and stores the result.",
     .history = (const struct command_history[]){{"8.2.0", "`DIFF`, `DIFF1`, `ANDOR` and `ONE` came."}, {NULL, NULL}},
     .args = ARGS({.name = "operation", .type = ARG_STRING}, {.name = "destkey", .type = ARG_KEY},
                  {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1})},
    {.name = "bitpos",
     .run = bitpos_run,
     .arity = -3,
     .flags = CMD_READONLY,
     BITMAP_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.8.7",
     .complexity = "O(N) where N is the number of bytes in the range",
     .summary = "Finds the first bit that is 1, or 0, in a string or a part of it.",
     .history = bitpos_history,
     .args =
         ARGS(KEY_ARG, {.name = "bit", .type = ARG_INTEGER},
              {.name = "index",
               .type = ARG_BLOCK,
               .flags = ARG_OPTIONAL,
               .args = ARGS(
                   START_ARG,
                   {.name = "end_index", .type = ARG_BLOCK, .flags = ARG_OPTIONAL, .args = ARGS(END_ARG, UNIT_ARG)})})},
    {.name = "getbit",
     .run = getbit_run,
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     BITMAP_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Reads one bit of a string.",
     .args = ARGS(KEY_ARG, OFFSET_ARG)},
    {.name = "setbit",
     .run = setbit_run,
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     BITMAP_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a string, which is made or grown where needed.",
     .args = ARGS(KEY_ARG, OFFSET_ARG, {.name = "value", .type = ARG_INTEGER})},
    {.name = NULL},
};
