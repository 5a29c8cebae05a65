/* Whole hashes, and some of their fields. */
#include "commands/hash_int.h"

#include "base/glob.h"
#include "base/num.h"

/* ---- all fields ---- */

static void reply_field(void *arg, const struct hash_field *f) { reply_bulk(arg, f->field); }

static void reply_value(void *arg, const struct hash_field *f) { reply_bulk(arg, f->value); }

static void reply_both(void *arg, const struct hash_field *f) {
    reply_bulk(arg, f->field);
    reply_bulk(arg, f->value);
}

void hash_getall_run(struct context *c) {
    struct value v;
    if (!hash_view(c, &v)) return;
    reply_map(c->reply, (int64_t)hash_length(v, hash_now(c)));
    hash_each(v, hash_now(c), reply_both, c->reply);
}

static void reply_all(struct context *c, hash_visit *visit) {
    struct value v;
    if (!hash_view(c, &v)) return;
    reply_array(c->reply, (int64_t)hash_length(v, hash_now(c)));
    hash_each(v, hash_now(c), visit, c->reply);
}

void hash_keys_run(struct context *c) { reply_all(c, reply_field); }

void hash_vals_run(struct context *c) { reply_all(c, reply_value); }

/* ---- HSCAN ---- */

struct scan {
    struct reply *reply;
    struct slice pattern;
    bool any; /* every field matches */
    bool novalues;
    int64_t count;
    int64_t seen, replied; /* fields; words */
};

#define SCAN_COUNT_DEFAULT   10
#define SCAN_STEPS_PER_COUNT 10 /* buckets walked at most, for each field asked for: a sparse table ends a call early */

/* What C's strtoul takes, without leading space: "" is 0, and a sign may stand before the digits. */
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

/* From argument 3 on; false after the error reply. */
static bool scan_options(struct context *c, struct scan *s) {
    int i = 3;
    while (i < c->argc) {
        if (slice_is(c->argv[i], "NOVALUES")) {
            s->novalues = true;
            i++;
            continue;
        }
        if (i + 1 == c->argc) break;
        if (slice_is(c->argv[i], "COUNT")) {
            if (!context_integer(c, i + 1, &s->count)) return false;
            if (s->count < 1) break;
        } else if (slice_is(c->argv[i], "MATCH")) {
            s->pattern = c->argv[i + 1];
            s->any = slice_equal(s->pattern, SLICE("*"));
        } else {
            break;
        }
        i += 2;
    }
    if (i >= c->argc) return true;
    context_syntax_error(c);
    return false;
}

static void scan_visit(void *arg, const struct hash_field *f) {
    struct scan *s = arg;
    s->seen++;
    if (!s->any && !glob_match(s->pattern, f->field, false)) return;
    reply_bulk(s->reply, f->field);
    if (!s->novalues) reply_bulk(s->reply, f->value);
    s->replied += s->novalues ? 1 : 2;
}

static void scan_reply(struct context *c, uint64_t cursor, struct slice words, int64_t count) {
    char text[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, slice_of(text, num_format_u64(text, cursor)));
    reply_array(c->reply, count);
    if (words.len) buf_append_slice(c->reply->out, words);
}

static void scan_walk(struct context *c, struct value v, uint64_t cursor, struct scan *s) {
    int64_t steps = s->count < INT64_MAX / SCAN_STEPS_PER_COUNT ? s->count * SCAN_STEPS_PER_COUNT : INT64_MAX;
    struct buf found;
    struct reply list = {.out = &found, .resp = c->reply->resp};
    buf_init(&found, MEM_CLIENT_OUT);
    s->reply = &list;
    do cursor = hash_scan(v, hash_now(c), cursor, scan_visit, s);
    while (cursor != 0 && s->seen < s->count && --steps > 0);
    scan_reply(c, cursor, buf_slice(&found), s->replied);
    buf_release(&found);
}

void hash_scan_run(struct context *c) {
    struct scan s = {.any = true, .count = SCAN_COUNT_DEFAULT};
    struct value v;
    uint64_t cursor;
    if (!parse_cursor(c->argv[2], &cursor)) {
        reply_error(c->reply, "ERR invalid cursor");
        return;
    }
    if (!hash_view(c, &v)) return;
    if (!v.ptr)
        scan_reply(c, 0, SLICE(""), 0); /* whatever the options */
    else if (scan_options(c, &s))
        scan_walk(c, v, cursor, &s);
}

/* ---- HRANDFIELD ---- */

/* The most that a negative count may ask for: below 100 ms and some tens of MB for short texts. */
#define RANDOM_REPEATED_MAX INT64_C(500000)

static void reply_pair(void *arg, const struct hash_field *f) {
    reply_array(arg, 2);
    reply_both(arg, f);
}

static void random_one(struct context *c) {
    struct value v;
    if (!hash_view(c, &v)) return;
    if (hash_length(v, hash_now(c)) == 0)
        reply_null(c->reply);
    else
        hash_sample(v, hash_now(c), &c->executor->random, 1, reply_field, c->reply);
}

/* False after the error reply. */
static bool random_arguments(struct context *c, int64_t *count, bool *values) {
    if (!context_integer_between(c, 2, -INT64_MAX, INT64_MAX, NULL, count)) return false;
    *values = c->argc > 3;
    if (c->argc > 4 || (*values && !slice_is(c->argv[3], "WITHVALUES"))) {
        context_syntax_error(c);
        return false;
    }
    if (!*values || (*count >= -INT64_MAX / 2 && *count <= INT64_MAX / 2)) return true;
    reply_error(c->reply, "ERR value is out of range");
    return false;
}

static void random_repeated(struct context *c, struct value v, int64_t count, bool values) {
    bool pairs = values && c->reply->resp >= 3;
    if (hash_length(v, hash_now(c)) == 0) {
        reply_array(c->reply, 0);
    } else if (count > RANDOM_REPEATED_MAX) {
        reply_error_format(c->reply, "ERR value is out of range, a negative count may ask for at most %d fields",
                           (int)RANDOM_REPEATED_MAX);
    } else {
        reply_array(c->reply, values && !pairs ? count * 2 : count);
        hash_sample(v, hash_now(c), &c->executor->random, (size_t)count,
                    pairs    ? reply_pair
                    : values ? reply_both
                             : reply_field,
                    c->reply);
    }
}

void hash_randfield_run(struct context *c) {
    struct value v;
    int64_t count;
    bool values;
    if (c->argc == 2) {
        random_one(c);
        return;
    }
    if (!random_arguments(c, &count, &values) || !hash_view(c, &v)) return;
    if (count < 0) {
        random_repeated(c, v, -count, values);
        return;
    }
    bool pairs = values && c->reply->resp >= 3;
    size_t length = hash_length(v, hash_now(c)), most = (uint64_t)count < length ? (size_t)count : length;
    reply_array(c->reply, (int64_t)(values && !pairs ? most * 2 : most));
    size_t told = hash_sample_distinct(v, hash_now(c), &c->executor->random, most,
                                       pairs    ? reply_pair
                                       : values ? reply_both
                                                : reply_field,
                                       c->reply);
    proven(told == most);
}
