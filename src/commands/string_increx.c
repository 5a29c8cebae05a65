/* INCREX: an increment with bounds and expiry in one step. Redis 8.8 and Valkey 9.2 agree on its meaning:
 * https://redis.io/commands/increx, https://valkey.io/commands/increx/ */
#include "commands/string_int.h"

#include "base/check.h"
#include "base/num.h"

#include <float.h>
#include <math.h>

/* The sum before the bounds are held against it. Integers are computed in 128 bits, so nothing overflows unseen. */
struct increx {
    struct string_options options;
    int64_t at_ms;
    union {
        struct {
            int64_t by, lower, upper, old, result, applied;
        } integer;
        struct {
            long double by, lower, upper, old, result, applied;
        } real;
    };
};

static bool is_real(const struct increx *x) { return x->options.given & OPT_BYFLOAT; }

/* ---- arguments ---- */

static bool parse_integer(struct context *c, int i, const char *what, int64_t *out) {
    if (!i || num_parse_i64(c->argv[i], out)) return true;
    reply_error_format(c->reply, "ERR %s is not an integer or out of range", what);
    return false;
}

static bool parse_real(struct context *c, int i, const char *what, long double *out) {
    if (!i || num_parse_long_double(c->argv[i], out)) return true;
    reply_error_format(c->reply, "ERR %s is not a valid float", what);
    return false;
}

static bool parse_numbers(struct context *c, struct increx *x) {
    const struct string_options *o = &x->options;
    if (!is_real(x)) {
        x->integer.by = 1;
        x->integer.lower = INT64_MIN;
        x->integer.upper = INT64_MAX;
        return parse_integer(c, o->increment, "Increment", &x->integer.by) &&
               parse_integer(c, o->lower, "LBOUND", &x->integer.lower) &&
               parse_integer(c, o->upper, "UBOUND", &x->integer.upper);
    }
    x->real.lower = -LDBL_MAX;
    x->real.upper = LDBL_MAX;
    return parse_real(c, o->increment, "Increment", &x->real.by) && parse_real(c, o->lower, "LBOUND", &x->real.lower) &&
           parse_real(c, o->upper, "UBOUND", &x->real.upper);
}

static bool increx_parse(struct context *c, struct increx *x) {
    static const unsigned allowed =
        OPT_NX | OPT_XX | OPT_EXPIRY | OPT_PERSIST | OPT_ENX | OPT_INCREMENT | OPT_LBOUND | OPT_UBOUND | OPT_SATURATE;
    const char *error = NULL;
    if (!string_options_parse(c, 2, allowed, &x->options)) return false;
    if ((x->options.given & OPT_ENX) && !x->options.expiry) {
        reply_error(c->reply, "ERR ENX flag requires an expiration");
        return false;
    }
    if (!parse_numbers(c, x)) return false;
    if (is_real(x) && isinf(x->real.by))
        error = "ERR BYFLOAT increment cannot be Infinity";
    else if (is_real(x) ? x->real.lower > x->real.upper : x->integer.lower > x->integer.upper)
        error = "ERR LBOUND can't be greater than UBOUND";
    if (error) reply_error(c->reply, error);
    return !error && string_options_expire_at(c, &x->options, &x->at_ms);
}

/* ---- the sum ---- */

static bool read_old(struct context *c, struct increx *x, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    struct slice text = e ? entry_string(e, scratch) : SLICE("0");
    const char *error = NULL;
    if (!is_real(x)) {
        if (!num_parse_i64(text, &x->integer.old)) error = ERROR_NOT_INTEGER;
    } else if (!num_parse_long_double(text, &x->real.old)) {
        error = ERROR_NOT_FLOAT;
    } else if (isinf(x->real.old)) {
        error = "ERR value cannot be Infinity";
    }
    if (error) reply_error(c->reply, error);
    return !error;
}

/* What becomes of the sum: stored as it is or clamped (SUM_TAKEN), left out (SUM_DECLINED), or refused with an error. */
enum sum { SUM_TAKEN, SUM_DECLINED, SUM_REFUSED };

static enum sum add_integer(struct context *c, struct increx *x) {
    __int128 sum = (__int128)x->integer.old + x->integer.by;
    bool above = sum > x->integer.upper, below = sum < x->integer.lower;
    if ((above || below) && !(x->options.given & OPT_SATURATE)) return SUM_DECLINED;
    x->integer.result = above ? x->integer.upper : below ? x->integer.lower : (int64_t)sum;
    if (!__builtin_sub_overflow(x->integer.result, x->integer.old, &x->integer.applied)) return SUM_TAKEN;
    reply_error(c->reply, "ERR applied increment would overflow");
    return SUM_REFUSED;
}

static enum sum add_real(struct context *c, struct increx *x) {
    long double sum = x->real.old + x->real.by;
    bool above = sum > x->real.upper, below = sum < x->real.lower;
    if ((above || below) && !(x->options.given & OPT_SATURATE)) return SUM_DECLINED;
    x->real.result = above ? x->real.upper : below ? x->real.lower : sum;
    x->real.applied = x->real.result - x->real.old;
    if (isfinite(x->real.applied)) return SUM_TAKEN;
    reply_error(c->reply, "ERR applied increment would be Infinity");
    return SUM_REFUSED;
}

/* ---- result ---- */

/* A double of RESP3 in INCRBYFLOAT's notation, which has more digits than reply_double's; a bulk in RESP2. */
static void reply_real(struct context *c, long double v) {
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, num_format_long_double(text, v));
    if (c->reply->resp < 3) {
        reply_bulk(c->reply, s);
        return;
    }
    buf_append(c->reply->out, ",", 1);
    buf_append_slice(c->reply->out, s);
    buf_append(c->reply->out, "\r\n", 2);
}

static void reply_sum(struct context *c, const struct increx *x, bool taken) {
    reply_array(c->reply, 2);
    if (is_real(x)) {
        reply_real(c, taken ? x->real.result : x->real.old);
        reply_real(c, taken ? x->real.applied : 0);
    } else {
        reply_integer(c->reply, taken ? x->integer.result : x->integer.old);
        reply_integer(c->reply, taken ? x->integer.applied : 0);
    }
}

static void store_sum(struct context *c, struct key key, const struct increx *x) {
    if (is_real(x)) {
        char text[NUM_LONG_DOUBLE_TEXT_MAX];
        struct slice s = slice_of(text, num_format_long_double(text, x->real.result));
        /* At most a few KiB: when those are not there, nothing else will be. */
        proven(db_put_string(c->db, key, s, NO_EXPIRE, PUT_KEEP_EXPIRE | PUT_NOT_INTEGER));
        context_changed(c, NOTIFY_STRING, "incrbyfloat", key.text);
    } else {
        db_put_integer(c->db, key, x->integer.result, NO_EXPIRE, PUT_KEEP_EXPIRE);
        context_changed(c, NOTIFY_STRING, "incrby", key.text);
    }
}

static void persist_sum(struct context *c, struct key key) {
    db_set_expire(c->db, key, NO_EXPIRE);
    context_notify(c, NOTIFY_GENERIC, "persist", key.text, db_index(c->db));
}

/* What INCREX leaves behind, in words that are older than it. */
static void put_sum(struct context *c, struct key key, const struct increx *x, bool expires) {
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    if (likely(!journal_wanted(c))) return;
    size_t n = is_real(x) ? num_format_long_double(text, x->real.result) : num_format_i64(text, x->integer.result);
    bool keep = !expires && !(x->options.given & OPT_PERSIST);
    journal_put_set(c, key.text, slice_of(text, n), expires ? x->at_ms : NO_EXPIRE, keep);
}

/* Stores the sum with its expiry. A key whose time has passed is deleted, or not made at all. */
static void apply_sum(struct context *c, struct key key, const struct entry *e, const struct increx *x) {
    bool had_key = e != NULL, had_expiry = e && entry_has_expire(e);
    bool expires = x->options.expiry && !((x->options.given & OPT_ENX) && had_expiry);
    if (expires && journal_is_past(c, x->at_ms)) {
        if (had_key) string_delete(c, key);
        return;
    }
    store_sum(c, key, x);
    put_sum(c, key, x, expires);
    if (expires) string_expire(c, key, x->at_ms);
    if ((x->options.given & OPT_PERSIST) && had_expiry) persist_sum(c, key);
}

void string_increx_run(struct context *c) {
    struct increx x = {.at_ms = NO_EXPIRE};
    struct key key = context_key(c, 1);
    const struct entry *e;
    if (!increx_parse(c, &x) || !string_target(c, key, &e) || !read_old(c, &x, e)) return;
    enum sum sum = SUM_DECLINED;
    if (!((x.options.given & OPT_NX) && e) && !((x.options.given & OPT_XX) && !e))
        sum = is_real(&x) ? add_real(c, &x) : add_integer(c, &x);
    if (sum == SUM_REFUSED) return;
    if (sum == SUM_TAKEN) apply_sum(c, key, e, &x);
    reply_sum(c, &x, sum == SUM_TAKEN);
}

/* ---- arguments ---- */

static const struct command_arg condition_args[] = {
    {.name = "nx", .type = ARG_PURE_TOKEN, .token = "NX"},
    {.name = "xx", .type = ARG_PURE_TOKEN, .token = "XX"},
    {.name = NULL},
};

static const struct command_arg expiry_args[] = {
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX"},
    {.name = "milliseconds", .type = ARG_INTEGER, .token = "PX"},
    {.name = "unix-time-seconds", .type = ARG_UNIX_TIME, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME, .token = "PXAT"},
    {.name = "persist", .type = ARG_PURE_TOKEN, .token = "PERSIST"},
    {.name = NULL},
};

static const struct command_arg increment_args[] = {
    {.name = "integer", .type = ARG_INTEGER, .token = "BYINT"},
    {.name = "float", .type = ARG_DOUBLE, .token = "BYFLOAT"},
    {.name = NULL},
};

const struct command_arg string_increx_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = condition_args},
    {.name = "expiration", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = expiry_args},
    {.name = "enx", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "ENX"},
    {.name = "increment", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = increment_args},
    {.name = "lowerbound", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "LBOUND"},
    {.name = "upperbound", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "UBOUND"},
    {.name = "saturate", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "SATURATE"},
    {.name = NULL},
};
