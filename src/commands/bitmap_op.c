/* BITOP. DIFF, DIFF1, ANDOR and ONE as Redis 8.2 has them: https://redis.io/commands/bitop */
#include "commands/bitmap_int.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/string_int.h"
#include "values/bitmap.h"

/* Source keys from this argument on. */
#define FIRST_SOURCE 3

static const struct operation {
    struct slice name;
    enum bitmap_op op;
    int least, most; /* sources; most 0: any number */
} operations[] = {
    {SLICE("AND"), BITMAP_AND, 1, 0},     {SLICE("OR"), BITMAP_OR, 1, 0},     {SLICE("XOR"), BITMAP_XOR, 1, 0},
    {SLICE("NOT"), BITMAP_NOT, 1, 1},     {SLICE("DIFF"), BITMAP_DIFF, 2, 0}, {SLICE("DIFF1"), BITMAP_DIFF1, 2, 0},
    {SLICE("ANDOR"), BITMAP_ANDOR, 2, 0}, {SLICE("ONE"), BITMAP_ONE, 1, 0},
};

/* NULL after the error reply. */
static const struct operation *operation_argument(struct context *c, int sources) {
    const struct operation *o = operations;
    while (o < operations + countof(operations) && !slice_equal_nocase(o->name, c->argv[1])) o++;
    if (o == operations + countof(operations)) {
        context_syntax_error(c);
    } else if (o->most && sources > o->most) {
        reply_error(c->reply, "ERR BITOP NOT must be called with a single source key.");
    } else if (sources < o->least) {
        reply_error_format(c->reply, "ERR BITOP %s must be called with at least two source keys.", o->name.ptr);
    } else {
        return o;
    }
    return NULL;
}

/* The sources' bytes, and room for those that are kept as integers. */
struct sources {
    struct slice *strings;
    char (*scratch)[NUM_TEXT_MAX];
    size_t count, longest;
};

static size_t sources_size(const struct sources *s) { return s->count * (sizeof *s->strings + sizeof *s->scratch); }

static bool sources_new(struct context *c, struct sources *s) {
    s->strings = mem_try_alloc(MEM_SERVER, sources_size(s));
    if (s->strings)
        s->scratch = (char(*)[NUM_TEXT_MAX])(void *)(s->strings + s->count);
    else
        string_no_memory(c, string_reply_start(c));
    return s->strings;
}

/* Absent keys are empty. False after the error reply. */
static bool sources_view(struct context *c, struct sources *s) {
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e;
        if (!context_view_type(c, context_key(c, FIRST_SOURCE + (int)i), TYPE_STRING, &e)) return false;
        s->strings[i] = e ? entry_string(e, s->scratch[i]) : SLICE("");
        if (s->strings[i].len > s->longest) s->longest = s->strings[i].len;
    }
    return true;
}

/* Stores what comes out, without an expiry, or deletes the key when all sources are empty. */
static bool store(struct context *c, struct key key, enum bitmap_op op, const struct sources *s) {
    if (s->longest == 0) {
        if (db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS)) string_delete(c, key);
        return true;
    }
    char *result = mem_try_alloc(MEM_SERVER, s->longest);
    if (!result) {
        string_no_memory(c, string_reply_start(c));
        return false;
    }
    bitmap_combine(op, s->strings, s->count, result, s->longest);
    bool stored = string_put(c, key, slice_of(result, s->longest), NO_EXPIRE, PUT_RAW, string_reply_start(c));
    mem_free(MEM_SERVER, result, s->longest);
    return stored;
}

void bitmap_op_run(struct context *c) {
    const struct operation *o = operation_argument(c, c->argc - FIRST_SOURCE);
    if (!o) return;
    struct sources s = {.count = (size_t)(c->argc - FIRST_SOURCE)};
    if (!sources_new(c, &s)) return;
    if (sources_view(c, &s) && store(c, context_key(c, 2), o->op, &s)) reply_integer(c->reply, (int64_t)s.longest);
    mem_free(MEM_SERVER, s.strings, sources_size(&s));
}
