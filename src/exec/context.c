#include "exec/context.h"

#include "base/check.h"
#include "base/num.h"
#include "wire/resp_block.h"

#include <inttypes.h>
#include <stdio.h>

int64_t context_string_max(const struct context *c) { return c->executor->string_max; }

struct string_body *context_take_body(struct context *c, int i) {
    proven(i > 0 && i < c->argc);
    if (likely(!c->blocks) || c->argv[i].len <= ENTRY_INLINE_MAX) return NULL;
    void *block = resp_block_take(c->blocks, i);
    if (!block) return NULL;
    proven(c->blocks->front == sizeof(struct string_body));
    return string_body_adopt(c->blocks->owner, block, c->argv[i].len);
}

unsigned context_view_flags(const struct context *c) {
    return unlikely(c->session->flags & SESSION_NO_TOUCH) ? VIEW_NO_TOUCH : VIEW_PLAIN;
}

const struct entry *context_view(const struct context *c, struct key key) {
    return db_view(c->db, key, context_view_flags(c));
}

bool context_view_type(struct context *c, struct key key, enum value_type type, const struct entry **entry) {
    *entry = context_view(c, key);
    if (!*entry || entry_type(*entry) == type) return true;
    reply_error(c->reply, ERROR_WRONGTYPE);
    return false;
}

bool context_integer(struct context *c, int i, int64_t *out) {
    if (num_parse_i64(c->argv[i], out)) return true;
    reply_error(c->reply, ERROR_NOT_INTEGER);
    return false;
}

bool context_integer_between(struct context *c, int i, int64_t min, int64_t max, const char *error, int64_t *out) {
    bool parsed = num_parse_i64(c->argv[i], out);
    if (parsed && *out >= min && *out <= max) return true;
    if (error) {
        reply_error(c->reply, error);
    } else if (!parsed) {
        reply_error(c->reply, ERROR_NOT_INTEGER);
    } else {
        reply_error_format(c->reply, "ERR value is out of range, value must between %" PRId64 " and %" PRId64, min,
                           max);
    }
    return false;
}

bool context_double(struct context *c, int i, double *out) {
    if (num_parse_double(c->argv[i], out)) return true;
    reply_error(c->reply, ERROR_NOT_FLOAT);
    return false;
}

/* Absolute milliseconds of a time in this unit; false on overflow. */
static bool expire_at(int64_t value, enum expire_unit unit, int64_t now_ms, int64_t *at_ms) {
    bool seconds = unit == EXPIRE_SECONDS || unit == EXPIRE_AT_SECONDS;
    bool relative = unit == EXPIRE_SECONDS || unit == EXPIRE_MS;
    if (seconds && __builtin_mul_overflow(value, INT64_C(1000), &value)) return false;
    if (relative && __builtin_add_overflow(value, now_ms, &value)) return false;
    *at_ms = value;
    return true;
}

bool context_expire_at(struct context *c, int i, enum expire_unit unit, bool positive_only, int64_t *at_ms) {
    int64_t value;
    if (!context_integer(c, i, &value)) return false;
    if ((!positive_only || value > 0) && expire_at(value, unit, c->now_ms, at_ms)) return true;
    reply_error_format(c->reply, "ERR invalid expire time in '%s' command", c->command->full_name);
    return false;
}

bool context_wait_ms(struct context *c, int i, int64_t *timeout_ms) {
    if (!num_parse_i64(c->argv[i], timeout_ms))
        reply_error(c->reply, "ERR timeout is not an integer or out of range");
    else if (*timeout_ms < 0)
        reply_error(c->reply, "ERR timeout is negative");
    else if (*timeout_ms > INT64_MAX - c->now_ms)
        reply_error(c->reply, "ERR timeout is out of range");
    else
        return true;
    return false;
}

void context_syntax_error(struct context *c) { reply_error(c->reply, ERROR_SYNTAX); }

void context_count_changes(struct context *c, uint64_t n) {
    c->changes += n;
    dataset_stats(c->dataset)->changes += n;
}

void context_notify(struct context *c, enum notify_class class, const char *event, struct slice key, unsigned db) {
    const struct executor_hooks *hooks = &c->executor->hooks;
    if (unlikely(hooks->notify != NULL)) hooks->notify(hooks->arg, class, event, key, db);
}

void context_changed(struct context *c, enum notify_class class, const char *event, struct slice key) {
    context_count_changes(c, 1);
    context_notify(c, class, event, key, db_index(c->db));
}

bool context_edit(struct context *c, struct key key, enum value_type type, struct db_edit *e) {
    if (likely(db_edit_begin(c->db, key, type, e))) return true;
    reply_error(c->reply, ERROR_WRONGTYPE);
    return false;
}

void context_edit_end(struct context *c, struct key key, struct db_edit *e, enum notify_class class, const char *event,
                      uint64_t changes) {
    enum db_edited end = db_edit_end(c->db, key, e, event != NULL);
    proven((event != NULL) == (changes > 0));
    if (!event) return;
    context_count_changes(c, changes);
    context_notify(c, class, event, key.text, db_index(c->db));
    if (end == DB_EDIT_REMOVED) context_notify(c, NOTIFY_GENERIC, "del", key.text, db_index(c->db));
}

/* ---- containers ---- */
/* The command's name as the client wrote it, in upper case, cut to fit. */
#define UPPER_MAX 128
static void upper_name(struct slice name, char upper[UPPER_MAX + 1]) {
    size_t n = name.len < UPPER_MAX ? name.len : UPPER_MAX;
    for (size_t i = 0; i < n; i++) {
        char ch = name.ptr[i];
        upper[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
    }
    upper[n] = '\0';
}

void context_reply_help(struct context *c) {
    const struct command *container = c->command->parent ? c->command->parent : c->command;
    const char *const *help = container->row->help;
    char upper[UPPER_MAX + 1];
    char first[UPPER_MAX + 64];
    int64_t lines = 0;
    while (help && help[lines]) lines++;
    upper_name(c->argv[0], upper);
    snprintf(first, sizeof first, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", upper);
    reply_array(c->reply, lines + 3);
    reply_simple(c->reply, first);
    for (int64_t i = 0; i < lines; i++) reply_simple(c->reply, help[i]);
    reply_simple(c->reply, "HELP");
    reply_simple(c->reply, "    Prints this help.");
}

void context_unknown_subcommand(struct context *c) {
    char upper[UPPER_MAX + 1];
    struct slice sub = c->argc > 1 ? c->argv[1] : slice_of("", 0);
    upper_name(c->argv[0], upper);
    reply_error_format(c->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                       (int)(sub.len < UPPER_MAX ? sub.len : UPPER_MAX), sub.ptr, upper);
}
