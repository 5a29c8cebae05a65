/* CONFIG GET, SET, REWRITE, RESETSTAT, HELP. */
#include "server/config_int.h"

#include "base/check.h"
#include "base/glob.h"
#include "base/log.h"
#include "exec/context.h"
#include "server/settings.h"
#include "wire/resp.h"

#include <errno.h>

/* ---- GET ---- */
struct listing {
    struct context *c;
    struct buf value;
    bool *told; /* one a spelling: several patterns may match it */
    int64_t count;
};

/* shown: a name asked for without wildcards comes back as it was spelt. */
static void tell(struct listing *l, const struct config_name *name, struct slice shown) {
    size_t i = (size_t)(name - config_registry()->names);
    if (l->told[i]) return;
    l->told[i] = true;
    l->count++;
    buf_clear(&l->value);
    config_format(name->item, &l->value);
    reply_bulk(l->c->reply, shown);
    reply_bulk(l->c->reply, buf_slice(&l->value));
}

static void tell_pattern(struct listing *l, struct slice pattern) {
    const struct config_registry *r = config_registry();
    if (glob_is_literal(pattern)) {
        const struct config_name *name = config_find(pattern);
        if (name) tell(l, name, pattern);
        return;
    }
    for (size_t i = 0; i < r->name_count; i++) {
        const struct config_name *name = &r->names[i];
        if (name->item->row->flags & DIRECTIVE_HIDDEN) continue;
        if (glob_match(pattern, name->text, true)) tell(l, name, name->text);
    }
}

static void config_get_command(struct context *c) {
    size_t told_size = config_registry()->name_count + 1;
    struct listing l = {.c = c, .told = mem_alloc_zeroed(MEM_SERVER, told_size)};
    buf_init(&l.value, MEM_SERVER);
    size_t place = reply_deferred(c->reply);
    for (int i = 2; i < c->argc; i++) tell_pattern(&l, c->argv[i]);
    reply_deferred_set(c->reply, place, RESP_MAP, l.count);
    buf_release(&l.value);
    mem_free(MEM_SERVER, l.told, told_size);
}

/* ---- SET ---- */
static void config_set_command(struct context *c) {
    char error[CONFIG_ERROR_MAX];
    unsigned flags = c->executor->loading ? CONFIG_SET_LOADING : 0;
    if (c->argc % 2) {
        context_syntax_error(c);
        return;
    }
    if (settings_permit((enum permission)server_settings()->protected_configs, c)) flags |= CONFIG_SET_PROTECTED;
    if (config_set(c->argv + 2, (c->argc - 2) / 2, flags, error)) {
        reply_ok(c->reply);
    } else {
        reply_error(c->reply, error);
    }
}

/* ---- REWRITE, RESETSTAT ---- */
static void config_rewrite_command(struct context *c) {
    if (config_file_path()[0] == '\0') {
        reply_error(c->reply, "ERR The server is running without a config file");
        return;
    }
    int error = config_rewrite(false);
    if (error) {
        log_warning("CONFIG REWRITE failed: %s", strerror(-error));
        reply_error_format(c->reply, "ERR Rewriting config file: %s", strerror(-error));
    } else {
        log_notice("CONFIG REWRITE executed with success.");
        reply_ok(c->reply);
    }
}

static void config_resetstat_command(struct context *c) {
    const struct config_registry *r = config_registry();
    executor_reset_stats(c->executor);
    for (unsigned i = 0; i < r->reset_count; i++) r->resets[i]();
    reply_ok(c->reply);
}

/* ---- rows ---- */
static const char *const config_help[] = {
    "GET <pattern> [<pattern> ...]",
    "    Report the directives that match a glob-like <pattern>, with their values.",
    "SET <directive> <value> [<directive> <value> ...]",
    "    Change directives, all of them or, if one value is refused, none.",
    "RESETSTAT",
    "    Set the statistics that INFO reports back to zero.",
    "REWRITE",
    "    Write the values in force into the configuration file.",
    NULL,
};

static const struct command_arg get_args[] = {
    {.name = "parameter", .type = ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};
static const struct command_arg set_pair[] = {
    {.name = "parameter", .type = ARG_STRING},
    {.name = "value", .type = ARG_STRING},
    {0},
};
static const struct command_arg set_args[] = {
    {.name = "data", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = set_pair},
    {0},
};
static const struct command_history get_history[] = {{"7.0.0", "Takes several patterns in one call."}, {0}};
static const struct command_history set_history[] = {{"7.0.0", "Takes several directives in one call."}, {0}};
static const char *const all_nodes[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

#define ADMIN_FLAGS (CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)

static const struct command_row config_subcommands[] = {
    {.name = "get",
     .run = config_get_command,
     .arity = -3,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.0.0",
     .complexity = "O(N) with N the number of directives asked for",
     .summary = "Reports the values of configuration directives.",
     .history = get_history,
     .args = get_args},
    {.name = "set",
     .run = config_set_command,
     .arity = -4,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.0.0",
     .complexity = "O(N) with N the number of directives asked for",
     .summary = "Changes configuration directives while the server runs.",
     .tips = all_nodes,
     .history = set_history,
     .args = set_args},
    {.name = "rewrite",
     .run = config_rewrite_command,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Writes the configuration in force into the configuration file.",
     .tips = all_nodes},
    {.name = "resetstat",
     .run = config_resetstat_command,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets the server's statistics back to zero.",
     .tips = all_nodes},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of CONFIG."},
    {0},
};

const struct command_row config_commands[] = {
    {.name = "config",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = config_subcommands,
     .since = "2.0.0",
     .complexity = "Depends on the subcommand.",
     .summary = "Groups the commands about the configuration of the server.",
     .help = config_help},
    {0},
};
