/* Walks over the keys of a database. */
#include "base/check.h"
#include "base/glob.h"
#include "base/num.h"
#include "commands/generic_int.h"
#include "wire/resp.h"

/* What a walk looks for, and what it has found. */
struct walk {
    struct reply *reply;
    struct slice pattern;
    bool any;   /* every name matches */
    bool typed; /* only values of the type of this name */
    struct slice type;
    int64_t seen, replied; /* entries */
};

static void visit(void *arg, const struct entry *e) {
    struct walk *w = arg;
    struct slice key = entry_key(e);
    w->seen++;
    if (!w->any && !glob_match(w->pattern, key, false)) return;
    if (w->typed && !slice_equal_nocase(w->type, slice_of_cstr(entry_type_name(entry_type(e))))) return;
    reply_bulk(w->reply, key);
    w->replied++;
}

static bool matches_any(struct slice pattern) { return pattern.len == 1 && pattern.ptr[0] == '*'; }

void generic_keys_run(struct context *c) {
    struct walk w = {.reply = c->reply, .pattern = c->argv[1], .any = matches_any(c->argv[1])};
    size_t place = reply_deferred(c->reply);
    if (glob_is_literal(w.pattern)) {
        const struct entry *e = db_view(c->db, context_key(c, 1), VIEW_NO_TOUCH | VIEW_NO_STATS);
        if (e) visit(&w, e);
    } else {
        db_each(c->db, visit, &w);
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, w.replied);
}

void generic_randomkey_run(struct context *c) {
    const struct entry *e = db_random(c->db);
    if (e)
        reply_bulk(c->reply, entry_key(e));
    else
        reply_null(c->reply);
}

/* A cursor as clients may send it: what C's strtoul takes, without leading space. So "" is 0, and a sign may stand before
 * the digits. */
static bool parse_cursor(struct slice text, uint64_t *cursor) {
    bool sign = text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-');
    uint64_t n = 0;
    for (size_t i = sign; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, digit, &n)) return false;
    }
    *cursor = sign && text.ptr[0] == '-' ? 0 - n : n;
    return !(sign && text.len == 1);
}

/* MATCH, COUNT and TYPE, from argument 2 on; false after the error reply. */
static bool scan_options(struct context *c, struct walk *w, int64_t *count) {
    int i = 2;
    for (; i + 1 < c->argc; i += 2) {
        if (slice_is(c->argv[i], "COUNT")) {
            if (!context_integer(c, i + 1, count)) return false;
            if (*count < 1) break;
        } else if (slice_is(c->argv[i], "MATCH")) {
            w->pattern = c->argv[i + 1];
            w->any = matches_any(w->pattern);
        } else if (slice_is(c->argv[i], "TYPE")) {
            w->type = c->argv[i + 1];
            w->typed = true;
        } else {
            break;
        }
    }
    if (i >= c->argc) return true;
    context_syntax_error(c);
    return false;
}

#define SCAN_COUNT_DEFAULT   10
#define SCAN_STEPS_PER_COUNT 10 /* buckets walked at most, for each key asked for: a sparse table ends a call early */

void generic_scan_run(struct context *c) {
    struct walk w = {.reply = c->reply, .any = true};
    uint64_t cursor;
    int64_t count = SCAN_COUNT_DEFAULT;
    if (!parse_cursor(c->argv[1], &cursor)) {
        reply_error(c->reply, "ERR invalid cursor");
        return;
    }
    if (!scan_options(c, &w, &count)) return;
    int64_t steps = count < INT64_MAX / SCAN_STEPS_PER_COUNT ? count * SCAN_STEPS_PER_COUNT : INT64_MAX;
    struct buf found;
    struct reply list = {.out = &found, .resp = c->reply->resp};
    buf_init(&found, MEM_CLIENT_OUT);
    w.reply = &list;
    do cursor = db_scan(c->db, cursor, visit, &w);
    while (cursor != 0 && w.seen < count && --steps > 0);
    char text[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, slice_of(text, num_format_u64(text, cursor)));
    reply_array(c->reply, w.replied);
    buf_append_slice(c->reply->out, buf_slice(&found));
    buf_release(&found);
}
