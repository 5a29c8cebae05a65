/* Whole hashes, and some of their fields. */
#include "commands/cursor.h"
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
    struct cursor_walk walk;
    bool novalues;
};

static int novalues_option(struct context *c, int i, void *arg) {
    struct scan *s = arg;
    if (!slice_is(c->argv[i], "NOVALUES")) return 0;
    s->novalues = true;
    return 1;
}

static void scan_visit(void *arg, const struct hash_field *f) {
    struct scan *s = arg;
    if (!cursor_wants(&s->walk, f->field)) return;
    cursor_put(&s->walk, f->field);
    if (!s->novalues) cursor_put(&s->walk, f->value);
}

static void scan_walk(struct context *c, struct value v, struct scan *s) {
    do s->walk.cursor = hash_scan(v, hash_now(c), s->walk.cursor, scan_visit, s);
    while (cursor_goes_on(&s->walk));
}

void hash_scan_run(struct context *c) {
    struct scan s = {.novalues = false};
    struct value v;
    if (!cursor_begin(c, 2, &s.walk) || !hash_view(c, &v)) return;
    if (!v.ptr) /* whatever the options */
        s.walk.cursor = 0;
    else if (cursor_options(c, 3, &s.walk, novalues_option, &s))
        scan_walk(c, v, &s);
    else
        return;
    cursor_reply(c, &s.walk);
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
