/* COMMAND, COMMAND INFO, COUNT, LIST, GETKEYS, GETKEYSANDFLAGS, HELP. DOCS is in introspect_docs.c. */
#include "exec/introspect.h"

#include "base/check.h"
#include "base/glob.h"
#include "exec/context.h"
#include "exec/introspect_int.h"
#include "wire/resp.h"

#include <stdio.h>

/* ---- INFO ---- */
/* Bits in the order in which the peers print them: ours, but for these. */
static const unsigned late_flags[] = {CMD_NO_MANDATORY_KEYS, CMD_NO_ASYNC_LOADING, CMD_NO_MULTI, CMD_MOVABLE_KEYS,
                                      CMD_ALLOW_BUSY};
#define LATE_FLAGS (CMD_NO_MANDATORY_KEYS | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI | CMD_MOVABLE_KEYS | CMD_ALLOW_BUSY)

static void reply_flags(struct reply *r, unsigned flags) {
    int64_t n = 0;
    for (unsigned left = flags; left; left &= left - 1) n += command_flag_name(left & -left) != NULL;
    reply_set(r, n);
    for (unsigned left = flags & ~(unsigned)LATE_FLAGS; left; left &= left - 1) {
        const char *name = command_flag_name(left & -left);
        if (name) reply_simple(r, name);
    }
    for (size_t i = 0; i < countof(late_flags); i++) {
        if (flags & late_flags[i]) reply_simple(r, command_flag_name(late_flags[i]));
    }
}

static void reply_acl(struct reply *r, unsigned acl) {
    char name[32] = "@";
    reply_set(r, __builtin_popcount(acl));
    for (unsigned left = acl; left; left &= left - 1) {
        snprintf(name + 1, sizeof name - 1, "%s", command_acl_name(left & -left));
        reply_simple(r, name);
    }
}

static void reply_tips(struct reply *r, const char *const *tips) {
    int64_t n = 0;
    while (tips && tips[n]) n++;
    reply_set(r, n);
    for (int64_t i = 0; i < n; i++) reply_bulk_cstr(r, tips[i]);
}

/* ---- key specifications ---- */
static void reply_key_flags(struct reply *r, unsigned flags) {
    static const char *const names[] = {"RO",     "RW",     "OW",      "RM",         "access",        "update",
                                        "insert", "delete", "not_key", "incomplete", "variable_flags"};
    reply_set(r, __builtin_popcount(flags));
    for (size_t i = 0; i < countof(names); i++) {
        if (flags & 1u << i) reply_simple(r, names[i]);
    }
}

/* "type", its name, "spec" and the head of a map of n fields that follow. */
static void reply_spec_head(struct reply *r, const char *type, int64_t n) {
    reply_map(r, 2);
    reply_bulk_cstr(r, "type");
    reply_bulk_cstr(r, type);
    reply_bulk_cstr(r, "spec");
    reply_map(r, n);
}

static void reply_begin(struct reply *r, const struct key_spec *s) {
    reply_bulk_cstr(r, "begin_search");
    if (s->begin == KEY_BEGIN_INDEX) {
        reply_spec_head(r, "index", 1);
        reply_field_integer(r, "index", s->position);
    } else if (s->begin == KEY_BEGIN_KEYWORD) {
        reply_spec_head(r, "keyword", 2);
        reply_bulk_cstr(r, "keyword");
        reply_bulk_cstr(r, s->keyword);
        reply_field_integer(r, "startfrom", s->position);
    } else {
        reply_spec_head(r, "unknown", 0);
    }
}

static void reply_find(struct reply *r, const struct key_spec *s) {
    reply_bulk_cstr(r, "find_keys");
    if (s->find == KEY_FIND_RANGE) {
        reply_spec_head(r, "range", 3);
        reply_field_integer(r, "lastkey", s->last);
        reply_field_integer(r, "keystep", s->step);
        reply_field_integer(r, "limit", s->limit);
    } else if (s->find == KEY_FIND_KEYNUM) {
        reply_spec_head(r, "keynum", 3);
        reply_field_integer(r, "keynumidx", s->last);
        reply_field_integer(r, "firstkey", s->step);
        reply_field_integer(r, "keystep", s->limit);
    } else {
        reply_spec_head(r, "unknown", 0);
    }
}

static void reply_key_specs(struct reply *r, const struct command_row *row) {
    int64_t n = 0;
    while (n < COMMAND_KEY_SPECS_MAX && row->keys[n].begin != KEY_BEGIN_NONE) n++;
    reply_set(r, n);
    for (int64_t i = 0; i < n; i++) {
        const struct key_spec *s = &row->keys[i];
        reply_map(r, s->notes ? 4 : 3);
        if (s->notes) {
            reply_bulk_cstr(r, "notes");
            reply_bulk_cstr(r, s->notes);
        }
        reply_bulk_cstr(r, "flags");
        reply_key_flags(r, s->flags);
        reply_begin(r, s);
        reply_find(r, s);
    }
}

/* ---- one command ---- */
static void reply_info(struct reply *r, const struct command *c) {
    if (!c) {
        reply_null(r);
        return;
    }
    reply_array(r, 10);
    reply_bulk_cstr(r, c->full_name);
    reply_integer(r, c->row->arity);
    reply_flags(r, c->flags);
    reply_integer(r, c->first_key);
    reply_integer(r, c->last_key);
    reply_integer(r, c->key_step);
    reply_acl(r, c->acl);
    reply_tips(r, c->row->tips);
    reply_key_specs(r, c->row);
    if (c->subcommand_count == 0) {
        reply_set(r, 0);
        return;
    }
    reply_array(r, c->subcommand_count);
    for (unsigned i = 0; i < c->subcommand_count; i++) reply_info(r, &c->subcommands[i]);
}

static void info_of_all(struct context *c) {
    const struct command_index *x = c->executor->commands;
    reply_array(c->reply, command_count(x));
    for (unsigned i = 0; i < command_count(x); i++) reply_info(c->reply, command_at(x, i));
}

static void command_info(struct context *c) {
    if (c->argc == 2) {
        info_of_all(c);
        return;
    }
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) reply_info(c->reply, command_find_full(c->executor->commands, c->argv[i]));
}

static void command_number(struct context *c) { reply_integer(c->reply, command_count(c->executor->commands)); }

/* ---- LIST ---- */
struct list_filter {
    enum { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN } kind;
    struct slice text;
    unsigned category;
};

static bool is_listed(const struct command *c, const struct list_filter *f) {
    switch (f->kind) {
    case LIST_ALL:
        return true;
    case LIST_MODULE: /* there are no modules, so no command is of one */
        return false;
    case LIST_CATEGORY:
        return c->acl & f->category;
    case LIST_PATTERN:
        return glob_match(f->text, slice_of_cstr(c->full_name), true);
    }
    return false;
}

static int64_t list_one(struct reply *r, const struct command *c, const struct list_filter *f) {
    if (!is_listed(c, f)) return 0;
    reply_bulk_cstr(r, c->full_name);
    return 1;
}

static void reply_list(struct context *c, const struct list_filter *f) {
    const struct command_index *x = c->executor->commands;
    size_t place = reply_deferred(c->reply);
    int64_t n = 0;
    for (unsigned i = 0; i < command_count(x); i++) {
        const struct command *cmd = command_at(x, i);
        n += list_one(c->reply, cmd, f);
        for (unsigned k = 0; k < cmd->subcommand_count; k++) n += list_one(c->reply, &cmd->subcommands[k], f);
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, n);
}

static bool parse_filter(const struct context *c, struct list_filter *f) {
    if (c->argc == 2) return true;
    if (c->argc != 5 || !slice_is(c->argv[2], "filterby")) return false;
    f->text = c->argv[4];
    if (slice_is(c->argv[3], "module")) {
        f->kind = LIST_MODULE;
    } else if (slice_is(c->argv[3], "aclcat")) {
        f->kind = LIST_CATEGORY;
        f->category = command_acl_find(f->text);
    } else if (slice_is(c->argv[3], "pattern")) {
        f->kind = LIST_PATTERN;
    } else {
        return false;
    }
    return true;
}

static void command_names(struct context *c) {
    struct list_filter filter = {.kind = LIST_ALL};
    if (parse_filter(c, &filter)) {
        reply_list(c, &filter);
    } else {
        context_syntax_error(c);
    }
}

/* ---- GETKEYS ---- */
/* The command that the arguments from 2 on would run; NULL after an error reply. */
static const struct command *quoted_command(struct context *c) {
    int argc = c->argc - 2;
    const struct command *cmd = command_resolve(c->executor->commands, c->argv + 2, argc);
    if (!cmd || (cmd->subcommand_count && argc > 1)) {
        reply_error(c->reply, "ERR Invalid command specified");
        return NULL;
    }
    if (!command_has_keys(cmd)) {
        reply_error(c->reply, "ERR The command has no key arguments");
        return NULL;
    }
    int arity = cmd->row->arity;
    if (arity >= 0 ? argc != arity : argc < -arity) {
        reply_error(c->reply, "ERR Invalid number of arguments specified for command");
        return NULL;
    }
    return cmd;
}

static void reply_keys(struct context *c, const struct key_position *keys, int n, bool with_flags) {
    reply_array(c->reply, n);
    for (int i = 0; i < n; i++) {
        if (with_flags) reply_array(c->reply, 2);
        reply_bulk(c->reply, c->argv[2 + keys[i].index]);
        if (with_flags) reply_key_flags(c->reply, keys[i].flags);
    }
}

/* More keys than fit on the stack: as many as there are arguments, from outside. */
static void reply_many_keys(struct context *c, const struct command *cmd, int n, bool with_flags) {
    size_t size = (size_t)n * sizeof(struct key_position);
    struct key_position *keys = mem_try_alloc(MEM_CLIENT_IN, size);
    if (!keys) {
        reply_error(c->reply, "OOM not enough memory to list the keys");
        return;
    }
    int again = command_keys(cmd, c->argv + 2, c->argc - 2, keys, n);
    proven(again == n);
    reply_keys(c, keys, n, with_flags);
    mem_free(MEM_CLIENT_IN, keys, size);
}

#define KEYS_ON_STACK 64
static void get_keys(struct context *c, bool with_flags) {
    struct key_position keys[KEYS_ON_STACK];
    const struct command *cmd = quoted_command(c);
    if (!cmd) return;
    int n = command_keys(cmd, c->argv + 2, c->argc - 2, keys, KEYS_ON_STACK);
    if (n <= 0 && !(cmd->flags & CMD_NO_MANDATORY_KEYS)) {
        reply_error(c->reply, "ERR Invalid arguments specified for command");
    } else if (n > KEYS_ON_STACK) {
        reply_many_keys(c, cmd, n, with_flags);
    } else {
        reply_keys(c, keys, n > 0 ? n : 0, with_flags);
    }
}

static void command_getkeys(struct context *c) { get_keys(c, false); }

static void command_getkeysandflags(struct context *c) { get_keys(c, true); }

/* ---- rows ---- */
#define COMMAND_FLAGS (CMD_LOADING | CMD_STALE | CMD_SENTINEL)

static const char *const unordered[] = {"nondeterministic_output_order", NULL};

static const struct command_arg names_args[] = {
    {.name = "command-name", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};
static const struct command_arg filter_args[] = {
    {.name = "module-name", .type = ARG_STRING, .token = "MODULE"},
    {.name = "category", .type = ARG_STRING, .token = "ACLCAT"},
    {.name = "pattern", .type = ARG_PATTERN, .token = "PATTERN"},
    {0},
};
static const struct command_arg list_args[] = {
    {.name = "filterby", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .token = "FILTERBY", .args = filter_args},
    {0},
};
static const struct command_history info_history[] = {{"7.0.0", "Without a name it describes all commands."}, {0}};

#define SUBCOMMAND(name_, run_, arity_, since_)                                                       \
    .name = (name_), .run = (run_), .arity = (arity_), .flags = COMMAND_FLAGS, .acl = ACL_CONNECTION, \
    .group = GROUP_SERVER, .since = (since_)

static const struct command_row command_subcommands[] = {
    {SUBCOMMAND("count", command_number, 2, "2.8.13"), .complexity = "O(1)",
     .summary = "Counts the commands of this server."},
    {SUBCOMMAND("docs", introspect_docs, -2, "7.0.0"), .complexity = "O(N) with N the commands asked for",
     .summary = "Documents commands: purpose, history and arguments.", .tips = unordered, .args = names_args},
    {SUBCOMMAND("getkeys", command_getkeys, -4, "2.8.13"),
     .complexity = "O(N) with N the arguments of the quoted command",
     .summary = "Picks the keys out of a whole command."},
    {SUBCOMMAND("getkeysandflags", command_getkeysandflags, -4, "7.0.0"),
     .complexity = "O(N) with N the arguments of the quoted command",
     .summary = "Picks the keys out of a whole command and says how each is used."},
    {SUBCOMMAND("help", context_reply_help, 2, "5.0.0"), .complexity = "O(1)",
     .summary = "Lists the forms of COMMAND."},
    {SUBCOMMAND("info", command_info, -2, "2.8.13"), .complexity = "O(N) with N the commands asked for",
     .summary = "Describes commands: arity, flags, key positions, categories.", .tips = unordered,
     .history = info_history, .args = names_args},
    {SUBCOMMAND("list", command_names, -2, "7.0.0"), .complexity = "O(N) with N the commands of the server",
     .summary = "Names the commands, all or filtered.", .tips = unordered, .args = list_args},
    {0},
};

static const char *const command_help[] = {
    "(no subcommand)",
    "    Describe every command.",
    "COUNT",
    "    How many commands there are.",
    "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    The names of all commands, or of those that fit the filter.",
    "INFO [<command-name> ...]",
    "    Arity, flags, key positions and categories of these commands, or of all.",
    "DOCS [<command-name> ...]",
    "    Purpose, history and arguments of these commands, or of all.",
    "GETKEYS <full-command>",
    "    The keys in a whole command.",
    "GETKEYSANDFLAGS <full-command>",
    "    The keys in a whole command, and how each is used.",
    NULL,
};

const struct command_row introspect_commands[] = {
    {.name = "command",
     .run = info_of_all,
     .arity = -1,
     .flags = COMMAND_FLAGS,
     .acl = ACL_CONNECTION,
     .group = GROUP_SERVER,
     .subcommands = command_subcommands,
     .since = "2.8.13",
     .complexity = "O(N) with N the commands of the server",
     .summary = "Describes all commands.",
     .tips = unordered,
     .help = command_help},
    {0},
};
