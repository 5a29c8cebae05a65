/* LCS: the longest common subsequence of two values. */
#include "commands/string_int.h"

#include "base/check.h"
#include "base/num.h"
#include "values/string.h"
#include "wire/resp.h"

struct lcs_options {
    bool length_only, indexes, with_length;
    int64_t min_match;
};

static bool lcs_parse(struct context *c, struct lcs_options *o) {
    *o = (struct lcs_options){0};
    for (int i = 3; i < c->argc; i++) {
        if (slice_is(c->argv[i], "IDX")) {
            o->indexes = true;
        } else if (slice_is(c->argv[i], "LEN")) {
            o->length_only = true;
        } else if (slice_is(c->argv[i], "WITHMATCHLEN")) {
            o->with_length = true;
        } else if (slice_is(c->argv[i], "MINMATCHLEN") && i + 1 < c->argc) {
            if (!context_integer(c, ++i, &o->min_match)) return false;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    if (!o->length_only || !o->indexes) return true;
    reply_error(c->reply, "ERR If you want both the length and indexes, please just use IDX.");
    return false;
}

static bool is_string_or_absent(const struct entry *e) { return !e || entry_type(e) == TYPE_STRING; }

/* The two values. Looking up the second key may remove it as expired, which ends the first view: so the first is looked
 * up again. */
static bool lcs_operands(struct context *c, const struct entry **a, const struct entry **b) {
    context_view(c, context_key(c, 1));
    *b = context_view(c, context_key(c, 2));
    *a = db_view(c->db, context_key(c, 1), VIEW_NO_TOUCH | VIEW_NO_STATS);
    if (is_string_or_absent(*a) && is_string_or_absent(*b)) return true;
    reply_error(c->reply, "ERR The specified keys must contain string values");
    return false;
}

static struct slice text_of(const struct entry *e, char *scratch) { return e ? entry_string(e, scratch) : SLICE(""); }

static bool lcs_compute(struct context *c, struct string_lcs *l, struct slice a, struct slice b) {
    uint64_t bytes;
    if (__builtin_mul_overflow((uint64_t)a.len + 1, (uint64_t)b.len + 1, &bytes) ||
        __builtin_mul_overflow(bytes, (uint64_t)sizeof *l->cells, &bytes) || bytes > STRING_LCS_CELLS_MAX * 4 ||
        bytes > (uint64_t)context_string_max(c)) {
        reply_error(c->reply, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return false;
    }
    if (string_lcs_init(l, a, b)) return true;
    reply_error(c->reply, "ERR Insufficient memory, failed allocating transient memory for LCS");
    return false;
}

struct match_list {
    struct reply *reply;
    const struct lcs_options *options;
    int64_t count;
};

static void reply_range(struct reply *r, uint32_t start, uint32_t end) {
    reply_array(r, 2);
    reply_integer(r, start);
    reply_integer(r, end);
}

static void reply_match(void *arg, uint32_t a_start, uint32_t a_end, uint32_t b_start, uint32_t b_end) {
    struct match_list *list = arg;
    int64_t length = (int64_t)a_end - a_start + 1;
    if (length < list->options->min_match) return;
    reply_array(list->reply, list->options->with_length ? 3 : 2);
    reply_range(list->reply, a_start, a_end);
    reply_range(list->reply, b_start, b_end);
    if (list->options->with_length) reply_integer(list->reply, length);
    list->count++;
}

static void reply_indexes(struct context *c, const struct string_lcs *l, const struct lcs_options *o) {
    struct match_list list = {c->reply, o, 0};
    reply_map(c->reply, 2);
    reply_bulk(c->reply, SLICE("matches"));
    size_t place = reply_deferred(c->reply);
    string_lcs_matches(l, reply_match, &list);
    reply_deferred_set(c->reply, place, RESP_ARRAY, list.count);
    reply_bulk(c->reply, SLICE("len"));
    reply_integer(c->reply, l->length);
}

void string_lcs_run(struct context *c) {
    char a_scratch[NUM_TEXT_MAX], b_scratch[NUM_TEXT_MAX];
    const struct entry *a, *b;
    struct lcs_options o;
    struct string_lcs l;
    if (!lcs_operands(c, &a, &b) || !lcs_parse(c, &o)) return;
    if (!lcs_compute(c, &l, text_of(a, a_scratch), text_of(b, b_scratch))) return;
    if (o.indexes)
        reply_indexes(c, &l, &o);
    else if (o.length_only)
        reply_integer(c->reply, l.length);
    else
        string_lcs_text(&l, reply_bulk_space(c->reply, l.length));
    string_lcs_release(&l);
}

const struct command_arg string_lcs_args[] = {
    {.name = "key1", .type = ARG_KEY},
    {.name = "key2", .type = ARG_KEY},
    {.name = "len", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "LEN"},
    {.name = "idx", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "IDX"},
    {.name = "len", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "MINMATCHLEN"},
    {.name = "withmatchlen", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "WITHMATCHLEN"},
    {.name = NULL},
};
