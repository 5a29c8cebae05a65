/* COMMAND DOCS: summary, history, arguments of commands. */
#include "base/check.h"
#include "exec/context.h"
#include "exec/introspect_int.h"

static void field(struct reply *r, const char *name, const char *text) {
    if (!text) return;
    reply_bulk_cstr(r, name);
    reply_bulk_cstr(r, text);
}

static const char *type_name(enum arg_type type) {
    static const char *const names[] = {
        [ARG_STRING] = "string",         [ARG_INTEGER] = "integer",
        [ARG_DOUBLE] = "double",         [ARG_KEY] = "key",
        [ARG_PATTERN] = "pattern",       [ARG_UNIX_TIME] = "unix-time",
        [ARG_PURE_TOKEN] = "pure-token", [ARG_ONEOF] = "oneof",
        [ARG_BLOCK] = "block",
    };
    proven((size_t)type < countof(names));
    return names[type];
}

/* ---- arguments ---- */
static void reply_arg_flags(struct reply *r, unsigned flags) {
    reply_bulk_cstr(r, "flags");
    reply_set(r, __builtin_popcount(flags));
    if (flags & ARG_OPTIONAL) reply_simple(r, "optional");
    if (flags & ARG_MULTIPLE) reply_simple(r, "multiple");
    if (flags & ARG_MULTIPLE_TOKEN) reply_simple(r, "multiple_token");
}

/* A pattern of keys (SORT's BY and GET) has a specification too, which is never the first one. */
static bool names_spec(const struct command_arg *a) {
    return a->type == ARG_KEY ? a->key_spec >= 0 : a->type == ARG_PATTERN && a->key_spec > 0;
}

static int64_t count_arg_fields(const struct command_arg *a) {
    return 2 + (a->display_text != NULL) + names_spec(a) + (a->token != NULL) + (a->summary != NULL) +
           (a->since != NULL) + (a->deprecated_since != NULL) + (a->flags != 0) + (a->args != NULL);
}

static void reply_args(struct reply *r, const struct command_arg *args);

static void reply_arg(struct reply *r, const struct command_arg *a) {
    reply_map(r, count_arg_fields(a));
    field(r, "name", a->name);
    field(r, "type", type_name(a->type));
    field(r, "display_text", a->display_text);
    if (names_spec(a)) {
        reply_bulk_cstr(r, "key_spec_index");
        reply_integer(r, a->key_spec);
    }
    field(r, "token", a->token);
    field(r, "summary", a->summary);
    field(r, "since", a->since);
    field(r, "deprecated_since", a->deprecated_since);
    if (a->flags) reply_arg_flags(r, a->flags);
    if (a->args) reply_args(r, a->args);
}

/* As deep as the rows are nested. */
static void reply_args(struct reply *r, const struct command_arg *args) {
    int64_t n = 0;
    while (args[n].name) n++;
    reply_bulk_cstr(r, "arguments");
    reply_array(r, n);
    for (int64_t i = 0; i < n; i++) reply_arg(r, &args[i]);
}

/* ---- commands ---- */
static void reply_history(struct reply *r, const struct command_history *history) {
    int64_t n = 0;
    while (history[n].since) n++;
    reply_bulk_cstr(r, "history");
    reply_set(r, n);
    for (int64_t i = 0; i < n; i++) {
        reply_array(r, 2);
        reply_bulk_cstr(r, history[i].since);
        reply_bulk_cstr(r, history[i].change);
    }
}

static void reply_doc_flags(struct reply *r, const struct command_row *row) {
    reply_bulk_cstr(r, "doc_flags");
    reply_set(r, (row->deprecated_since != NULL) + row->is_system);
    if (row->deprecated_since) reply_simple(r, "deprecated");
    if (row->is_system) reply_simple(r, "syscmd");
}

static bool has_doc_flags(const struct command_row *row) { return row->deprecated_since || row->is_system; }

static int64_t count_fields(const struct command *c) {
    const struct command_row *row = c->row;
    return 1 + (row->summary != NULL) + (row->since != NULL) + (row->complexity != NULL) + has_doc_flags(row) +
           (row->deprecated_since != NULL) + (row->replaced_by != NULL) + (row->history != NULL) + (row->args != NULL) +
           (c->subcommand_count != 0);
}

static void reply_docs(struct reply *r, const struct command *c) {
    const struct command_row *row = c->row;
    reply_bulk_cstr(r, c->full_name);
    reply_map(r, count_fields(c));
    field(r, "summary", row->summary);
    field(r, "since", row->since);
    field(r, "group", command_group_name(row->group));
    field(r, "complexity", row->complexity);
    if (has_doc_flags(row)) reply_doc_flags(r, row);
    field(r, "deprecated_since", row->deprecated_since);
    field(r, "replaced_by", row->replaced_by);
    if (row->history) reply_history(r, row->history);
    if (row->args) reply_args(r, row->args);
    if (c->subcommand_count == 0) return;
    reply_bulk_cstr(r, "subcommands");
    reply_map(r, c->subcommand_count);
    for (unsigned i = 0; i < c->subcommand_count; i++) reply_docs(r, &c->subcommands[i]);
}

static void docs_of_all(struct context *c) {
    const struct command_index *x = c->executor->commands;
    reply_map(c->reply, command_count(x));
    for (unsigned i = 0; i < command_count(x); i++) reply_docs(c->reply, command_at(x, i));
}

void introspect_docs(struct context *c) {
    const struct command_index *x = c->executor->commands;
    if (c->argc == 2) {
        docs_of_all(c);
        return;
    }
    int64_t known = 0;
    for (int i = 2; i < c->argc; i++) known += command_find_full(x, c->argv[i]) != NULL;
    reply_map(c->reply, known);
    for (int i = 2; i < c->argc; i++) {
        const struct command *cmd = command_find_full(x, c->argv[i]);
        if (cmd) reply_docs(c->reply, cmd);
    }
}
