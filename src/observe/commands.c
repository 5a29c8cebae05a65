/* The rows of observe/'s commands, and INFO. */
#include "exec/context.h"
#include "observe/observe_int.h"

void reply_text(struct reply *r, struct buf *text) {
    reply_verbatim(r, "txt", buf_slice(text));
    buf_release(text);
}

static void run_info(struct context *c) {
    info_sections set = c->argc == 1 ? info_default() : 0;
    struct buf text;
    for (int i = 1; i < c->argc; i++) set |= info_named(c->argv[i]);
    buf_init(&text, MEM_OBSERVE);
    info_print(set, &text);
    reply_text(c->reply, &text);
}

static const struct command_arg info_args[] = {
    {.name = "section", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};
static const struct command_history info_history[] = {
    {"7.0.0", "Several sections may be asked for at once."},
    {0},
};
static const char *const info_tips[] = {"nondeterministic_output", "request_policy:all_shards",
                                        "response_policy:special", NULL};

const struct command_row observe_commands[] = {
    {.name = "info",
     .run = run_info,
     .arity = -1,
     .flags = CMD_LOADING | CMD_STALE | CMD_SENTINEL,
     .acl = ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reports on the server: its state, its figures and what it has counted.",
     .tips = info_tips,
     .history = info_history,
     .args = info_args},
    {.name = "memory",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = memory_subcommands,
     .since = "4.0.0",
     .complexity = "That of the subcommand.",
     .summary = "Groups the commands that explain where memory goes.",
     .help = memory_help},
    {.name = "latency",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = latency_subcommands,
     .since = "2.8.13",
     .complexity = "That of the subcommand.",
     .summary = "Groups the commands that explain where time goes.",
     .help = latency_help},
    {.name = "slowlog",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = slowlog_subcommands,
     .since = "2.2.12",
     .complexity = "That of the subcommand.",
     .summary = "Groups the commands of the slow log.",
     .help = slowlog_help},
    {.name = "commandlog",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = commandlog_subcommands,
     .since = "8.1.0",
     .complexity = "That of the subcommand.",
     .summary = "Groups the commands of the logs of slow commands, large requests and large replies.",
     .help = commandlog_help},
    {.name = "hotkeys",
     .arity = -2,
     .group = GROUP_SERVER,
     .subcommands = hotkeys_subcommands,
     .since = "9.2.0",
     .complexity = "That of the subcommand.",
     .summary = "Groups the commands of hot keys.",
     .help = hotkeys_help},
    {0},
};
