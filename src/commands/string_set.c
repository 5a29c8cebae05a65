/* SET and the other string commands with conditions and expiry. */
#include "commands/string_int.h"

#include "base/check.h"
#include "base/num.h"
#include "wire/digest.h"

#include <limits.h>

/* ---- options ---- */

struct option {
    struct slice name;
    unsigned bit, conflicts; /* conflicts may hold the bit itself: then it stands at most once */
    size_t value;            /* offset of the argument's index in string_options; 0: takes no value */
};

#define VALUE(field)      offsetof(struct string_options, field)
#define OTHER_EXPIRY(own) ((OPT_EXPIRY & ~(own)) | OPT_KEEPTTL | OPT_PERSIST)
#define CONDITION         (OPT_NX | OPT_XX | OPT_COMPARE)

static const struct option options[] = {
    {SLICE("NX"), OPT_NX, CONDITION & ~OPT_NX, 0},
    {SLICE("XX"), OPT_XX, CONDITION & ~OPT_XX, 0},
    {SLICE("IFEQ"), OPT_IFEQ, CONDITION, VALUE(compare)},
    {SLICE("IFNE"), OPT_IFNE, CONDITION, VALUE(compare)},
    {SLICE("IFDEQ"), OPT_IFDEQ, CONDITION, VALUE(compare)},
    {SLICE("IFDNE"), OPT_IFDNE, CONDITION, VALUE(compare)},
    {SLICE("GET"), OPT_GET, 0, 0},
    {SLICE("EX"), OPT_EX, OTHER_EXPIRY(OPT_EX), VALUE(expiry)},
    {SLICE("PX"), OPT_PX, OTHER_EXPIRY(OPT_PX), VALUE(expiry)},
    {SLICE("EXAT"), OPT_EXAT, OTHER_EXPIRY(OPT_EXAT), VALUE(expiry)},
    {SLICE("PXAT"), OPT_PXAT, OTHER_EXPIRY(OPT_PXAT), VALUE(expiry)},
    {SLICE("KEEPTTL"), OPT_KEEPTTL, OPT_EXPIRY | OPT_PERSIST, 0},
    {SLICE("PERSIST"), OPT_PERSIST, OPT_EXPIRY | OPT_KEEPTTL | OPT_ENX, 0},
    {SLICE("ENX"), OPT_ENX, OPT_PERSIST, 0},
    {SLICE("BYINT"), OPT_BYINT, OPT_BYFLOAT, VALUE(increment)},
    {SLICE("BYFLOAT"), OPT_BYFLOAT, OPT_BYINT, VALUE(increment)},
    {SLICE("LBOUND"), OPT_LBOUND, 0, VALUE(lower)},
    {SLICE("UBOUND"), OPT_UBOUND, 0, VALUE(upper)},
    {SLICE("SATURATE"), OPT_SATURATE, 0, 0},
};

static const struct option *option_find(struct slice name, unsigned allowed) {
    for (size_t i = 0; i < countof(options); i++)
        if ((options[i].bit & allowed) && slice_equal_nocase(name, options[i].name)) return &options[i];
    return NULL;
}

bool string_options_parse(struct context *c, int first, unsigned allowed, struct string_options *o) {
    *o = (struct string_options){0};
    for (int i = first; i < c->argc; i++) {
        const struct option *option = option_find(c->argv[i], allowed);
        if (!option || (o->given & option->conflicts) || (option->value && i + 1 == c->argc)) {
            context_syntax_error(c);
            return false;
        }
        o->given |= option->bit;
        if (option->value) *(int *)(void *)((char *)o + option->value) = ++i;
    }
    uint64_t digest;
    if (!(o->given & OPT_COMPARE_DIGEST) || digest_parse(c->argv[o->compare], &digest)) return true;
    reply_error(c->reply, "ERR digest must be exactly 16 hexadecimal characters");
    return false;
}

static enum expire_unit expiry_unit(unsigned given) {
    if (given & OPT_EX) return EXPIRE_SECONDS;
    if (given & OPT_PX) return EXPIRE_MS;
    return given & OPT_EXAT ? EXPIRE_AT_SECONDS : EXPIRE_AT_MS;
}

bool string_options_expire_at(struct context *c, const struct string_options *o, int64_t *at_ms) {
    *at_ms = NO_EXPIRE;
    return !o->expiry || context_expire_at(c, o->expiry, expiry_unit(o->given), true, at_ms);
}

/* ---- conditions ---- */

/* With the value that a condition names, or with that of which it names the digest. */
static bool value_equals(const struct context *c, const struct string_options *o, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    uint64_t digest;
    struct slice value = entry_string(e, scratch), text = c->argv[o->compare];
    if (!(o->given & OPT_COMPARE_DIGEST)) return slice_equal(value, text);
    return digest_parse(text, &digest) && digest_of(value) == digest;
}

/* Whether the value that is there now (NULL: none) lets the command go on. IFNE and IFDNE are met by a key that is not there. */
static bool condition_met(const struct context *c, const struct string_options *o, const struct entry *e) {
    if (o->given & OPT_NX) return e == NULL;
    if (o->given & OPT_XX) return e != NULL;
    if (o->given & (OPT_IFEQ | OPT_IFDEQ)) return e && value_equals(c, o, e);
    if (o->given & (OPT_IFNE | OPT_IFDNE)) return !e || !value_equals(c, o, e);
    return true;
}

/* ---- SET ---- */

/* Looks at the old value as the options ask; false when SET has been answered and must not store. */
static bool set_may_store(struct context *c, struct key key, const struct string_options *o) {
    const struct entry *e;
    if (o->given & OPT_GET) {
        if (!context_view_type(c, key, TYPE_STRING, &e)) return false;
        string_reply(c, e);
    } else if (o->given & OPT_COMPARE) {
        if (!string_target(c, key, &e)) return false;
    } else {
        e = db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS);
    }
    bool met = condition_met(c, o, e);
    if (!met && !(o->given & OPT_GET)) reply_null(c->reply);
    return met;
}

void string_set_run(struct context *c) {
    struct string_options o = {0};
    int64_t at_ms = NO_EXPIRE;
    size_t reply_start = string_reply_start(c);
    struct key key = context_key(c, 1);
    if (unlikely(c->argc > 3)) {
        if (!string_options_parse(c, 3, CONDITION | OPT_GET | OPT_EXPIRY | OPT_KEEPTTL, &o)) return;
        if (!string_options_expire_at(c, &o, &at_ms)) return;
        if ((o.given & (CONDITION | OPT_GET)) && !set_may_store(c, key, &o)) return;
    }
    unsigned put_flags = o.given & OPT_KEEPTTL ? PUT_KEEP_EXPIRE : PUT_PLAIN;
    if (!string_put_argument(c, key, 2, at_ms, put_flags, reply_start)) return;
    if (o.expiry || o.given & OPT_COMPARE) journal_put_set(c, key.text, c->argv[2], at_ms, o.given & OPT_KEEPTTL);
    if (!(o.given & OPT_GET)) reply_ok(c->reply);
}

unsigned string_set_key_flags(const struct slice *argv, int argc) {
    for (int i = 3; i < argc; i++)
        if (option_find(argv[i], OPT_GET | OPT_COMPARE)) return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    return KEY_OW | KEY_UPDATE;
}

void string_setnx_run(struct context *c) {
    struct key key = context_key(c, 1);
    if (db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS))
        reply_integer(c->reply, 0);
    else if (string_put_argument(c, key, 2, NO_EXPIRE, PUT_PLAIN, string_reply_start(c)))
        reply_integer(c->reply, 1);
}

static void set_with_time(struct context *c, enum expire_unit unit) {
    int64_t at_ms;
    if (!context_expire_at(c, 2, unit, true, &at_ms)) return;
    if (!string_put_argument(c, context_key(c, 1), 3, at_ms, PUT_PLAIN, string_reply_start(c))) return;
    journal_put_set(c, c->argv[1], c->argv[3], at_ms, false);
    reply_ok(c->reply);
}

void string_setex_run(struct context *c) { set_with_time(c, EXPIRE_SECONDS); }

void string_psetex_run(struct context *c) { set_with_time(c, EXPIRE_MS); }

/* ---- GETEX ---- */

static void getex_persist(struct context *c, struct key key, const struct entry *e) {
    if (!entry_has_expire(e)) return;
    db_set_expire(c->db, key, NO_EXPIRE);
    journal_put(c, SLICE("PERSIST"), key.text);
    context_changed(c, NOTIFY_GENERIC, "persist", key.text);
}

void string_getex_run(struct context *c) {
    struct string_options o;
    struct key key = context_key(c, 1);
    const struct entry *e;
    int64_t at_ms;
    if (!string_options_parse(c, 2, OPT_EXPIRY | OPT_PERSIST, &o)) return;
    if (!context_view_type(c, key, TYPE_STRING, &e)) return;
    if (!e) {
        reply_null(c->reply);
        return;
    }
    if (!string_options_expire_at(c, &o, &at_ms)) return;
    string_reply(c, e);
    if (o.given & OPT_PERSIST) {
        getex_persist(c, key, e);
    } else if (o.expiry) {
        if (!journal_is_past(c, at_ms)) context_count_changes(c, 1);
        string_expire(c, key, at_ms);
    }
}

/* ---- conditional deletion ---- */

static void delete_if(struct context *c, const struct string_options *o) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    if (!string_target(c, key, &e)) return;
    bool met = e && condition_met(c, o, e);
    if (met) string_delete(c, key);
    reply_integer(c->reply, met);
}

void string_delifeq_run(struct context *c) { delete_if(c, &(struct string_options){.given = OPT_IFEQ, .compare = 2}); }

void string_delex_run(struct context *c) {
    struct string_options o;
    if (string_options_parse(c, 2, OPT_COMPARE, &o)) delete_if(c, &o);
}

void string_digest_run(struct context *c) {
    char scratch[NUM_TEXT_MAX], text[DIGEST_TEXT_SIZE];
    const struct entry *e;
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    if (!e) {
        reply_null(c->reply);
        return;
    }
    digest_format(text, digest_of(entry_string(e, scratch)));
    reply_bulk(c->reply, slice_of(text, sizeof text));
}

/* ---- MSETEX ---- */

/* The number of pairs, which follow at argument 2; 0 after the error reply. */
static int msetex_pairs(struct context *c) {
    int64_t pairs;
    if (!context_integer_between(c, 1, 1, INT_MAX, "ERR invalid numkeys value", &pairs)) return 0;
    if (pairs <= (c->argc - 2) / 2) return (int)pairs;
    reply_error(c->reply, "ERR wrong number of key-value pairs");
    return 0;
}

static bool msetex_condition_met(struct context *c, int pairs, unsigned given) {
    if (!(given & (OPT_NX | OPT_XX))) return true;
    for (int i = 2; i < 2 + pairs * 2; i += 2) {
        bool found = db_view(c->db, context_key(c, i), context_view_flags(c) | VIEW_NO_STATS) != NULL;
        if (found != !!(given & OPT_XX)) return false;
    }
    return true;
}

void string_msetex_run(struct context *c) {
    struct string_options o;
    int64_t at_ms;
    int pairs = msetex_pairs(c);
    if (pairs == 0) return;
    if (!string_options_parse(c, 2 + pairs * 2, OPT_NX | OPT_XX | OPT_EXPIRY | OPT_KEEPTTL, &o)) return;
    if (!string_options_expire_at(c, &o, &at_ms)) return;
    if (!msetex_condition_met(c, pairs, o.given)) {
        reply_integer(c->reply, 0);
        return;
    }
    unsigned put_flags = o.given & OPT_KEEPTTL ? PUT_KEEP_EXPIRE : PUT_PLAIN;
    for (int i = 2; i < 2 + pairs * 2; i += 2) {
        if (!string_put_pair(c, i, 2 + pairs * 2, at_ms, put_flags)) return;
        journal_put_set(c, c->argv[i], c->argv[i + 1], at_ms, o.given & OPT_KEEPTTL);
    }
    reply_integer(c->reply, 1);
}

/* ---- what the rows say of the arguments ---- */

static const struct command_arg set_condition_args[] = {
    {.name = "nx", .type = ARG_PURE_TOKEN, .token = "NX"},
    {.name = "xx", .type = ARG_PURE_TOKEN, .token = "XX"},
    {.name = "comparison-value", .type = ARG_STRING, .token = "IFEQ", .since = "8.1.0"},
    {.name = "comparison-value", .type = ARG_STRING, .token = "IFNE", .since = "9.2.0"},
    {.name = "ifdeq-digest", .type = ARG_STRING, .token = "IFDEQ", .since = "8.4.0"},
    {.name = "ifdne-digest", .type = ARG_STRING, .token = "IFDNE", .since = "8.4.0"},
    {.name = NULL},
};

static const struct command_arg set_expiry_args[] = {
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX", .since = "2.6.12"},
    {.name = "milliseconds", .type = ARG_INTEGER, .token = "PX", .since = "2.6.12"},
    {.name = "unix-time-seconds", .type = ARG_UNIX_TIME, .token = "EXAT", .since = "6.2.0"},
    {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME, .token = "PXAT", .since = "6.2.0"},
    {.name = "keepttl", .type = ARG_PURE_TOKEN, .token = "KEEPTTL", .since = "6.0.0"},
    {.name = NULL},
};

const struct command_arg string_set_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "value", .type = ARG_STRING},
    {.name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .since = "2.6.12", .args = set_condition_args},
    {.name = "get", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "GET", .since = "6.2.0"},
    {.name = "expiration", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = set_expiry_args},
    {.name = NULL},
};

const struct command_history string_set_history[] = {
    {"2.6.12", "`EX`, `PX`, `NX` and `XX` came."},
    {"6.0.0", "`KEEPTTL` came."},
    {"6.2.0", "`GET`, `EXAT` and `PXAT` came."},
    {"7.0.0", "`NX` and `GET` may stand together."},
    {"8.1.0", "`IFEQ` came."},
    {"8.4.0", "`IFDEQ` and `IFDNE` came."},
    {"9.2.0", "`IFNE` came."},
    {NULL, NULL},
};

static const struct command_arg getex_expiry_args[] = {
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX"},
    {.name = "milliseconds", .type = ARG_INTEGER, .token = "PX"},
    {.name = "unix-time-seconds", .type = ARG_UNIX_TIME, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME, .token = "PXAT"},
    {.name = "persist", .type = ARG_PURE_TOKEN, .token = "PERSIST"},
    {.name = NULL},
};

const struct command_arg string_getex_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "expiration", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = getex_expiry_args},
    {.name = NULL},
};

static const struct command_arg delex_condition_args[] = {
    {.name = "ifeq", .type = ARG_PURE_TOKEN, .token = "IFEQ"},
    {.name = "ifne", .type = ARG_PURE_TOKEN, .token = "IFNE"},
    {.name = "ifdeq", .type = ARG_PURE_TOKEN, .token = "IFDEQ"},
    {.name = "ifdne", .type = ARG_PURE_TOKEN, .token = "IFDNE"},
    {.name = NULL},
};

const struct command_arg string_delex_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "condition", .type = ARG_ONEOF, .args = delex_condition_args},
    {.name = "value", .type = ARG_STRING},
    {.name = NULL},
};

static const struct command_arg msetex_pair_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "value", .type = ARG_STRING},
    {.name = NULL},
};

static const struct command_arg msetex_condition_args[] = {
    {.name = "nx", .type = ARG_PURE_TOKEN, .token = "NX"},
    {.name = "xx", .type = ARG_PURE_TOKEN, .token = "XX"},
    {.name = NULL},
};

static const struct command_arg msetex_expiry_args[] = {
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX"},
    {.name = "milliseconds", .type = ARG_INTEGER, .token = "PX"},
    {.name = "unix-time-seconds", .type = ARG_UNIX_TIME, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME, .token = "PXAT"},
    {.name = "keepttl", .type = ARG_PURE_TOKEN, .token = "KEEPTTL"},
    {.name = NULL},
};

const struct command_arg string_msetex_args[] = {
    {.name = "numkeys", .type = ARG_INTEGER},
    {.name = "data", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = msetex_pair_args},
    {.name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = msetex_condition_args},
    {.name = "expiration", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = msetex_expiry_args},
    {.name = NULL},
};
