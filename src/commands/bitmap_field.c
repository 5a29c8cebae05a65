/* BITFIELD: a row of small operations on one string. They are read twice: first all of them for their mistakes and for how
 * far they reach, then one after the other to be done; so nothing is kept between, however many there are. */
#include "commands/bitmap_int.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/string_int.h"
#include "values/bitmap.h"

/* Operations start here. */
#define FIRST_ARGUMENT 2

enum kind { FIELD_GET, FIELD_SET, FIELD_INCRBY, FIELD_OVERFLOW };

struct operation {
    enum kind kind;
    struct bitmap_field field;
    uint64_t offset;
    int64_t value;
};

/* Reading operations: the place, and the overflow rule that the last OVERFLOW has set. */
struct reader {
    int at;
    enum bitmap_overflow overflow;
};

/* ---- parsing ---- */

static bool field_argument(struct context *c, struct slice text, struct bitmap_field *f) {
    int64_t bits;
    if (text.len > 1 && (text.ptr[0] == 'i' || text.ptr[0] == 'u') &&
        num_parse_i64(slice_of(text.ptr + 1, text.len - 1), &bits)) {
        bool is_signed = text.ptr[0] == 'i';
        *f = (struct bitmap_field){.is_signed = is_signed, .bits = (uint8_t)bits};
        if (bits >= 1 && bits <= (is_signed ? 64 : 63)) return true;
    }
    reply_error(c->reply,
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
    return false;
}

/* "#N" counts in fields of this width. */
static bool offset_argument(struct context *c, struct slice text, unsigned bits, uint64_t *offset) {
    bool in_fields = text.len > 0 && text.ptr[0] == '#';
    if (in_fields) text = slice_of(text.ptr + 1, text.len - 1);
    return bitmap_offset(c, text, in_fields ? bits : 1, offset);
}

static bool overflow_argument(struct context *c, struct slice text, enum bitmap_overflow *out) {
    if (slice_is(text, "WRAP"))
        *out = BITMAP_WRAP;
    else if (slice_is(text, "SAT"))
        *out = BITMAP_SATURATE;
    else if (slice_is(text, "FAIL"))
        *out = BITMAP_FAIL;
    else {
        reply_error(c->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* The operation's kind by its name; false when there is none, or too few arguments follow. */
static bool kind_argument(const struct slice *argv, int argc, int at, enum kind *kind, int *values) {
    static const struct {
        struct slice name;
        enum kind kind;
        int values;
    } kinds[] = {{SLICE("GET"), FIELD_GET, 2},
                 {SLICE("SET"), FIELD_SET, 3},
                 {SLICE("INCRBY"), FIELD_INCRBY, 3},
                 {SLICE("OVERFLOW"), FIELD_OVERFLOW, 1}};
    for (size_t i = 0; i < countof(kinds); i++) {
        if (!slice_equal_nocase(kinds[i].name, argv[at])) continue;
        *kind = kinds[i].kind;
        *values = kinds[i].values;
        return argc - at - 1 >= kinds[i].values;
    }
    return false;
}

/* The next operation; false after the error reply. */
static bool operation_read(struct context *c, struct reader *r, struct operation *o) {
    const struct slice *argument = c->argv + r->at + 1;
    int values;
    if (!kind_argument(c->argv, c->argc, r->at, &o->kind, &values)) {
        context_syntax_error(c);
        return false;
    }
    r->at += 1 + values;
    if (o->kind == FIELD_OVERFLOW) return overflow_argument(c, argument[0], &r->overflow);
    if (!field_argument(c, argument[0], &o->field)) return false;
    if (!offset_argument(c, argument[1], o->field.bits, &o->offset)) return false;
    return o->kind == FIELD_GET || context_integer(c, r->at - 1, &o->value);
}

/* What all operations together need. */
struct survey {
    int replies;
    bool writes;
    size_t need; /* bytes that the string must have */
};

static bool survey(struct context *c, struct survey *out) {
    struct reader r = {.at = FIRST_ARGUMENT};
    struct operation o = {0};
    *out = (struct survey){0};
    while (r.at < c->argc) {
        if (!operation_read(c, &r, &o)) return false;
        if (o.kind == FIELD_OVERFLOW) continue;
        out->replies++;
        if (o.kind == FIELD_GET) continue;
        size_t end = (o.offset + o.field.bits - 1) / 8 + 1;
        out->writes = true;
        if (end > out->need) out->need = end;
    }
    return true;
}

/* ---- doing ---- */

struct target {
    char *bytes;
    size_t len;
    bool grew;
    uint64_t changes;
};

static void write_field(struct context *c, struct target *t, const struct operation *o, enum bitmap_overflow overflow) {
    int64_t old = bitmap_field_get(slice_of(t->bytes, t->len), o->field, o->offset), new;
    bool is_set = o->kind == FIELD_SET;
    if (!bitmap_field_fit(o->field, is_set ? o->value : old, is_set ? 0 : o->value, overflow, &new)) {
        reply_null(c->reply);
        return;
    }
    bitmap_field_set(t->bytes, t->len, o->field, o->offset, new);
    if (t->grew || new != old) t->changes++;
    reply_integer(c->reply, is_set ? old : new);
}

static void operate(struct context *c, struct target *t, const struct survey *s) {
    struct reader r = {.at = FIRST_ARGUMENT};
    struct operation o = {0};
    reply_array(c->reply, s->replies);
    while (r.at < c->argc) {
        proven(operation_read(c, &r, &o)); /* the survey has read it before */
        if (o.kind == FIELD_GET)
            reply_integer(c->reply, bitmap_field_get(slice_of(t->bytes, t->len), o.field, o.offset));
        else if (o.kind != FIELD_OVERFLOW)
            write_field(c, t, &o, r.overflow);
    }
}

static void only_read(struct context *c, const struct survey *s) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e;
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    struct slice text = e ? entry_string(e, scratch) : SLICE("");
    /* Nothing is written through it: there are only GETs. */
    struct target t = {.bytes = (char *)(uintptr_t)text.ptr, .len = text.len};
    operate(c, &t, s);
}

static void read_and_write(struct context *c, const struct survey *s) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    struct target t = {0};
    if (!string_target(c, key, &e)) return;
    t.grew = !e || s->need > entry_string_len(e);
    t.bytes = bitmap_edit(c, key, e, s->need, &t.len);
    if (!t.bytes) return;
    operate(c, &t, s);
    if (t.changes > 0) {
        context_changed(c, NOTIFY_STRING, "setbit", key.text);
        context_count_changes(c, t.changes - 1);
    } else if (t.grew) {
        /* No field was written, each would have overflown, but the zeros are there and belong into the journal. */
        context_count_changes(c, 1);
    }
}

void bitmap_field_run(struct context *c) {
    struct survey s;
    if (!survey(c, &s)) return;
    if (s.writes)
        read_and_write(c, &s);
    else
        only_read(c, &s);
}

void bitmap_field_ro_run(struct context *c) {
    struct survey s;
    if (!survey(c, &s)) return;
    if (s.writes)
        reply_error(c->reply, "ERR BITFIELD_RO only supports the GET subcommand");
    else
        only_read(c, &s);
}

/* ---- rows ---- */

/* Arguments that do not fit count as a write. */
unsigned bitmap_field_key_flags(const struct slice *argv, int argc) {
    enum kind kind;
    int values;
    for (int at = FIRST_ARGUMENT; at < argc; at += 1 + values) {
        bool fits = kind_argument(argv, argc, at, &kind, &values);
        if (!fits || kind == FIELD_SET || kind == FIELD_INCRBY) return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

static const struct command_arg get_args[] = {
    {.name = "encoding", .type = ARG_STRING},
    {.name = "offset", .type = ARG_INTEGER},
    {.name = NULL},
};

static const struct command_arg set_args[] = {
    {.name = "encoding", .type = ARG_STRING},
    {.name = "offset", .type = ARG_INTEGER},
    {.name = "value", .type = ARG_INTEGER},
    {.name = NULL},
};

static const struct command_arg incrby_args[] = {
    {.name = "encoding", .type = ARG_STRING},
    {.name = "offset", .type = ARG_INTEGER},
    {.name = "increment", .type = ARG_INTEGER},
    {.name = NULL},
};

static const struct command_arg overflow_args[] = {
    {.name = "wrap", .type = ARG_PURE_TOKEN, .token = "WRAP"},
    {.name = "sat", .type = ARG_PURE_TOKEN, .token = "SAT"},
    {.name = "fail", .type = ARG_PURE_TOKEN, .token = "FAIL"},
    {.name = NULL},
};

static const struct command_arg write_operation_args[] = {
    {.name = "encoding_offset_value", .type = ARG_BLOCK, .token = "SET", .args = set_args},
    {.name = "encoding_offset_increment", .type = ARG_BLOCK, .token = "INCRBY", .args = incrby_args},
    {.name = NULL},
};

static const struct command_arg write_args[] = {
    {.name = "wrap_sat_fail", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .token = "OVERFLOW", .args = overflow_args},
    {.name = "write_operation", .type = ARG_ONEOF, .args = write_operation_args},
    {.name = NULL},
};

static const struct command_arg operation_args[] = {
    {.name = "encoding_offset", .type = ARG_BLOCK, .token = "GET", .args = get_args},
    {.name = "write", .type = ARG_BLOCK, .args = write_args},
    {.name = NULL},
};

const struct command_arg bitmap_field_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "operation", .type = ARG_ONEOF, .flags = ARG_OPTIONAL | ARG_MULTIPLE, .args = operation_args},
    {.name = NULL},
};

const struct command_arg bitmap_field_ro_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "encoding_offset",
     .type = ARG_BLOCK,
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN,
     .token = "GET",
     .args = get_args},
    {.name = NULL},
};
