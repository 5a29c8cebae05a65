/* CLIENT: what is asked and set about connections. */
#include "base/check.h"
#include "base/num.h"
#include "commands/connection_int.h"
#include "exec/context.h"

#include <stdlib.h>

/* ---- small ones ---- */
static void client_id(struct context *c) { reply_integer(c->reply, (int64_t)c->session->id); }

static void client_getname(struct context *c) {
    if (c->session->name) {
        reply_bulk_cstr(c->reply, c->session->name);
    } else {
        reply_null(c->reply);
    }
}

static void client_setname(struct context *c) {
    if (session_set_text(&c->session->name, c->argv[2])) {
        reply_ok(c->reply);
    } else {
        reply_error(c->reply, CLIENT_NAME_ERROR);
    }
}

static void client_setinfo(struct context *c) {
    struct slice what = c->argv[2];
    char **place = slice_is(what, "lib-name")  ? &c->session->lib_name
                   : slice_is(what, "lib-ver") ? &c->session->lib_version
                                               : NULL;
    if (!place) {
        reply_error_format(c->reply, "ERR Unrecognized option '%.*s'", shown_len(what), what.ptr);
    } else if (session_set_text(place, c->argv[3])) {
        reply_ok(c->reply);
    } else {
        reply_error_format(c->reply, "ERR %s cannot contain spaces, newlines or special characters.",
                           place == &c->session->lib_name ? "lib-name" : "lib-ver");
    }
}

/* ON or OFF sets or clears the flag. */
static void switch_flag(struct context *c, unsigned flag) {
    if (slice_is(c->argv[2], "on")) {
        c->session->flags |= flag;
    } else if (slice_is(c->argv[2], "off")) {
        c->session->flags &= ~flag;
    } else {
        context_syntax_error(c);
        return;
    }
    reply_ok(c->reply);
}

static void client_no_evict(struct context *c) { switch_flag(c, SESSION_NO_EVICT); }

static void client_no_touch(struct context *c) { switch_flag(c, SESSION_NO_TOUCH); }

static void client_reply(struct context *c) {
    unsigned *flags = &c->session->flags;
    if (slice_is(c->argv[2], "on")) {
        *flags &= ~(unsigned)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP);
        session_end_reply(c->session); /* this one is heard already */
        c->reply_start = c->reply->out->len;
        reply_ok(c->reply);
    } else if (slice_is(c->argv[2], "off")) {
        *flags |= SESSION_REPLY_OFF;
    } else if (slice_is(c->argv[2], "skip")) {
        if (!(*flags & SESSION_REPLY_OFF)) *flags |= SESSION_REPLY_SKIP_NEXT;
    } else {
        context_syntax_error(c);
    }
}

/* Capabilities of clients beyond those known are no error: the list grows with the clients. */
static void client_capa(struct context *c) { reply_ok(c->reply); }

static void client_import_source(struct context *c) {
    if (slice_is(c->argv[2], "off")) {
        reply_ok(c->reply);
    } else if (slice_is(c->argv[2], "on")) {
        reply_error(c->reply, "ERR Server is not in import mode");
    } else {
        context_syntax_error(c);
    }
}

/* ---- LIST and KILL: one set of filters ---- */
enum client_type { CLIENT_ANY, CLIENT_NORMAL, CLIENT_MASTER, CLIENT_REPLICA, CLIENT_PUBSUB };

struct client_filter {
    enum client_type type;
    int64_t *ids; /* sorted; NULL: any. Owned: drop_ids */
    size_t id_count;
    struct slice peer, local; /* ptr NULL: any */
    int64_t max_age_s;        /* at least so old; 0: any */
    bool skip_me;
    const char *bad_id; /* how this command calls a bad id */
};

static void drop_ids(struct client_filter *f) {
    mem_free(MEM_CLIENT_IN, f->ids, f->id_count * sizeof *f->ids);
    f->ids = NULL;
}

static enum client_type parse_type(struct slice s) {
    if (slice_is(s, "normal")) return CLIENT_NORMAL;
    if (slice_is(s, "master") || slice_is(s, "primary")) return CLIENT_MASTER;
    if (slice_is(s, "replica") || slice_is(s, "slave")) return CLIENT_REPLICA;
    if (slice_is(s, "pubsub")) return CLIENT_PUBSUB;
    return CLIENT_ANY;
}

static bool filter_type(struct context *c, struct slice s, struct client_filter *f) {
    f->type = parse_type(s);
    if (f->type != CLIENT_ANY) return true;
    reply_error_format(c->reply, "ERR Unknown client type '%.*s'", shown_len(s), s.ptr);
    return false;
}

static bool filter_user(struct context *c, struct slice s) {
    if (slice_equal(s, SLICE("default"))) return true;
    reply_error_format(c->reply, "ERR No such user '%.*s'", shown_len(s), s.ptr);
    return false;
}

static bool filter_skip_me(struct context *c, struct slice s, struct client_filter *f) {
    f->skip_me = slice_is(s, "yes");
    if (f->skip_me || slice_is(s, "no")) return true;
    context_syntax_error(c);
    return false;
}

static bool filter_max_age(struct context *c, struct slice s, struct client_filter *f) {
    if (!num_parse_i64(s, &f->max_age_s)) {
        reply_error(c->reply, "ERR maxage is not an integer or out of range");
    } else if (f->max_age_s <= 0) {
        reply_error(c->reply, "ERR maxage should be greater than 0");
    } else {
        return true;
    }
    return false;
}

static bool is_filter_word(struct slice s) {
    static const char *const words[] = {"id", "type", "user", "addr", "laddr", "skipme", "maxage"};
    for (size_t i = 0; i < countof(words); i++) {
        if (slice_equal_nocase(s, slice_of_cstr(words[i]))) return true;
    }
    return false;
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The ids from argument *i on, up to the next filter's word; *i is left at the last of them. Sorted, because both ids and
 * connections may be many. */
static bool filter_ids(struct context *c, int *i, struct client_filter *f) {
    int end = *i + 1;
    while (end < c->argc && !is_filter_word(c->argv[end])) end++;
    drop_ids(f);
    f->ids = mem_try_alloc(MEM_CLIENT_IN, (size_t)(end - *i) * sizeof *f->ids);
    if (!f->ids) {
        reply_error(c->reply, "OOM not enough memory for the list of clients");
        return false;
    }
    f->id_count = (size_t)(end - *i);
    for (size_t k = 0; k < f->id_count; k++) {
        if (num_parse_i64(c->argv[*i + (int)k], &f->ids[k]) && f->ids[k] > 0) continue;
        reply_error(c->reply, f->bad_id);
        return false;
    }
    qsort(f->ids, f->id_count, sizeof *f->ids, compare_ids);
    *i = end - 1;
    return true;
}

static bool parse_filters(struct context *c, struct client_filter *f) {
    for (int i = 2; i < c->argc; i++) {
        struct slice word = c->argv[i];
        if (!is_filter_word(word) || ++i == c->argc) {
            context_syntax_error(c);
            return false;
        }
        struct slice value = c->argv[i];
        bool ok = true;
        if (slice_is(word, "id")) ok = filter_ids(c, &i, f);
        if (slice_is(word, "type")) ok = filter_type(c, value, f);
        if (slice_is(word, "user")) ok = filter_user(c, value);
        if (slice_is(word, "addr")) f->peer = value;
        if (slice_is(word, "laddr")) f->local = value;
        if (slice_is(word, "skipme")) ok = filter_skip_me(c, value, f);
        if (slice_is(word, "maxage")) ok = filter_max_age(c, value, f);
        if (!ok) return false;
    }
    return true;
}

static bool has_id(const struct client_filter *f, uint64_t id) {
    int64_t wanted = (int64_t)id;
    return !f->ids || bsearch(&wanted, f->ids, f->id_count, sizeof *f->ids, compare_ids);
}

static bool address_fits(struct slice wanted, const char *address) {
    return wanted.ptr == NULL || (address && slice_equal(wanted, slice_of_cstr(address)));
}

static bool filter_fits(const struct context *c, const struct client_filter *f, struct session *s) {
    if (s->flags & (SESSION_INTERNAL | SESSION_CLOSE)) return false;
    if (f->type != CLIENT_ANY && f->type != (s->flags & SESSION_PUBSUB ? CLIENT_PUBSUB : CLIENT_NORMAL)) return false;
    if (f->skip_me && s == c->session) return false;
    if (f->max_age_s && (c->now_ms - s->created_ms) / 1000 < f->max_age_s) return false;
    if (!has_id(f, s->id)) return false;
    if (!f->peer.ptr && !f->local.ptr) return true;
    struct session_link link = {0};
    s->transport->describe(s, &link);
    return address_fits(f->peer, link.peer) && address_fits(f->local, link.local);
}

/* The one request that is being served has arguments to show. */
static void count_arguments(struct context *c) {
    c->session->argv_bytes = 0;
    for (int i = 0; i < c->argc; i++) c->session->argv_bytes += c->argv[i].len;
}

static void reply_matching(struct context *c, const struct client_filter *f) {
    struct buf lines;
    count_arguments(c);
    buf_init(&lines, MEM_CLIENT_OUT);
    list_each(node, &c->executor->sessions) {
        struct session *s = list_entry(node, struct session, place);
        if (!filter_fits(c, f, s)) continue;
        session_describe(s, &lines);
        buf_append(&lines, "\n", 1);
    }
    reply_verbatim(c->reply, "txt", buf_slice(&lines));
    buf_release(&lines);
    c->session->argv_bytes = 0;
}

static void client_list(struct context *c) {
    struct client_filter filter = {.bad_id = "ERR Invalid client ID"};
    if (parse_filters(c, &filter)) reply_matching(c, &filter);
    drop_ids(&filter);
}

static void client_info(struct context *c) {
    struct buf line;
    count_arguments(c);
    buf_init(&line, MEM_CLIENT_OUT);
    session_describe(c->session, &line);
    buf_append(&line, "\n", 1);
    reply_verbatim(c->reply, "txt", buf_slice(&line));
    buf_release(&line);
    c->session->argv_bytes = 0;
}

/* Its own client still gets the reply. Nobody is destroyed before the end of the turn. */
static void kill_session(const struct context *c, struct session *s) { session_close(s, s == c->session); }

static int64_t kill_matching(struct context *c, const struct client_filter *f) {
    int64_t killed = 0;
    list_each_safe(node, &c->executor->sessions) {
        struct session *s = list_entry(node, struct session, place);
        if (!filter_fits(c, f, s)) continue;
        kill_session(c, s);
        killed++;
    }
    return killed;
}

static void client_kill(struct context *c) {
    struct client_filter filter = {.bad_id = "ERR client-id should be greater than 0"};
    if (c->argc == 3) { /* the old form: an address, its own included */
        filter.peer = c->argv[2];
        if (kill_matching(c, &filter)) {
            reply_ok(c->reply);
        } else {
            reply_error(c->reply, "ERR No such client");
        }
        return;
    }
    filter.skip_me = true;
    if (parse_filters(c, &filter)) reply_integer(c->reply, kill_matching(c, &filter));
    drop_ids(&filter);
}

/* ---- UNBLOCK ---- */
static void wake(struct session *s, bool with_error) {
    const struct session_wait *wait = s->wait;
    session_begin_reply(s);
    if (with_error) {
        reply_error(&s->reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
        if (wait->cancelled) wait->cancelled(s);
    } else {
        wait->timed_out(s);
    }
    session_end_reply(s);
    session_unblock(s);
}

static void client_unblock(struct context *c) {
    int64_t id;
    bool with_error = false;
    if (c->argc > 4) {
        context_unknown_subcommand(c);
        return;
    }
    if (c->argc == 4) {
        with_error = slice_is(c->argv[3], "error");
        if (!with_error && !slice_is(c->argv[3], "timeout")) {
            reply_error(c->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    }
    if (!context_integer(c, 2, &id)) return;
    struct session *s = executor_session(c->executor, (uint64_t)id);
    bool woken = s && s->flags & SESSION_BLOCKED && s->wait->can_unblock;
    if (woken) wake(s, with_error);
    reply_integer(c->reply, woken);
}

/* ---- PAUSE ---- */
static bool parse_pause(struct context *c, enum pause_kind *kind, int64_t *timeout_ms) {
    *kind = PAUSE_ALL;
    if (c->argc == 4 && slice_is(c->argv[3], "write")) {
        *kind = PAUSE_WRITE;
    } else if (c->argc == 4 && !slice_is(c->argv[3], "all")) {
        reply_error(c->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return false;
    }
    if (!num_parse_i64(c->argv[2], timeout_ms)) {
        reply_error(c->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*timeout_ms >= 0) return true;
    reply_error(c->reply, "ERR timeout is negative");
    return false;
}

static void client_pause(struct context *c) {
    enum pause_kind kind;
    int64_t timeout_ms, until_ms;
    if (c->argc > 4) {
        context_unknown_subcommand(c);
        return;
    }
    if (!parse_pause(c, &kind, &timeout_ms)) return;
    /* INT64_MAX itself would be a pause that UNPAUSE does not lift. */
    if (__builtin_add_overflow(timeout_ms, c->now_ms, &until_ms) || until_ms == INT64_MAX) {
        reply_error(c->reply, "ERR timeout is out of range");
        return;
    }
    executor_pause(c->executor, PAUSE_OF_CLIENT, kind, until_ms);
    reply_ok(c->reply);
}

static void client_unpause(struct context *c) {
    executor_unpause(c->executor, PAUSE_OF_CLIENT);
    reply_ok(c->reply);
}

/* ---- arguments ---- */
#define TOKEN(name_, token_) \
    { .name = (name_), .type = ARG_PURE_TOKEN, .token = (token_) }
#define TOKEN_SINCE(name_, token_, since_) \
    { .name = (name_), .type = ARG_PURE_TOKEN, .token = (token_), .since = (since_) }
#define ONE_OF(name_, choices) \
    { .name = (name_), .type = ARG_ONEOF, .args = (choices) }

static const struct command_arg on_off[] = {TOKEN("on", "ON"), TOKEN("off", "OFF"), {0}};
static const struct command_arg enabled_args[] = {ONE_OF("enabled", on_off), {0}};
static const struct command_arg yes_no[] = {TOKEN("yes", "YES"), TOKEN("no", "NO"), {0}};
static const struct command_arg caching_args[] = {ONE_OF("mode", yes_no), {0}};
static const struct command_arg capa_args[] = {{.name = "capability", .type = ARG_STRING, .flags = ARG_MULTIPLE}, {0}};
static const struct command_arg setname_args[] = {{.name = "connection-name", .type = ARG_STRING}, {0}};

static const struct command_arg setinfo_attributes[] = {
    {.name = "libname", .type = ARG_STRING, .token = "LIB-NAME"},
    {.name = "libver", .type = ARG_STRING, .token = "LIB-VER"},
    {0},
};
static const struct command_arg setinfo_args[] = {ONE_OF("attr", setinfo_attributes), {0}};

static const struct command_arg reply_modes[] = {TOKEN("on", "ON"), TOKEN("off", "OFF"), TOKEN("skip", "SKIP"), {0}};
static const struct command_arg reply_args[] = {ONE_OF("on_off_skip", reply_modes), {0}};

static const struct command_arg pause_modes[] = {TOKEN("write", "WRITE"), TOKEN("all", "ALL"), {0}};
static const struct command_arg pause_args[] = {
    {.name = "timeout", .type = ARG_INTEGER},
    {.name = "mode", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .since = "6.2.0", .args = pause_modes},
    {0},
};

static const struct command_arg unblock_reasons[] = {TOKEN("timeout", "TIMEOUT"), TOKEN("error", "ERROR"), {0}};
static const struct command_arg unblock_args[] = {
    {.name = "client-id", .type = ARG_INTEGER},
    {.name = "timeout_error", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = unblock_reasons},
    {0},
};

static const struct command_arg tracking_args[] = {
    ONE_OF("status", on_off),
    {.name = "client-id", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "REDIRECT"},
    {.name = "prefix",
     .type = ARG_STRING,
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN,
     .token = "PREFIX"},
    {.name = "bcast", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "BCAST"},
    {.name = "optin", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "OPTIN"},
    {.name = "optout", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "OPTOUT"},
    {.name = "noloop", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "NOLOOP"},
    {0},
};

static const struct command_arg list_types[] = {
    TOKEN("normal", "NORMAL"), TOKEN("master", "MASTER"), TOKEN("replica", "REPLICA"), TOKEN("pubsub", "PUBSUB"), {0}};
static const struct command_arg list_ids[] = {{.name = "client-id", .type = ARG_INTEGER, .flags = ARG_MULTIPLE}, {0}};
static const struct command_arg list_args[] = {
    {.name = "normal_master_replica_pubsub",
     .type = ARG_ONEOF,
     .flags = ARG_OPTIONAL,
     .token = "TYPE",
     .since = "5.0.0",
     .args = list_types},
    {.name = "id", .type = ARG_BLOCK, .flags = ARG_OPTIONAL, .token = "ID", .since = "6.2.0", .args = list_ids},
    {.name = "username", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "USER", .since = "8.1.0"},
    {.name = "addr",
     .type = ARG_STRING,
     .flags = ARG_OPTIONAL,
     .token = "ADDR",
     .since = "8.1.0",
     .display_text = "ip:port"},
    {.name = "laddr",
     .type = ARG_STRING,
     .flags = ARG_OPTIONAL,
     .token = "LADDR",
     .since = "8.1.0",
     .display_text = "ip:port"},
    {.name = "skipme", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .token = "SKIPME", .since = "8.1.0", .args = yes_no},
    {.name = "maxage", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "MAXAGE", .since = "8.1.0"},
    {0},
};

static const struct command_arg kill_types[] = {TOKEN("normal", "NORMAL"), TOKEN_SINCE("master", "MASTER", "3.2.0"),
                                                TOKEN("slave", "SLAVE"),   TOKEN_SINCE("replica", "REPLICA", "5.0.0"),
                                                TOKEN("pubsub", "PUBSUB"), {0}};
static const struct command_arg kill_filters[] = {
    {.name = "client-id", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "ID", .since = "2.8.12"},
    {.name = "normal_master_slave_pubsub",
     .type = ARG_ONEOF,
     .flags = ARG_OPTIONAL,
     .token = "TYPE",
     .since = "2.8.12",
     .args = kill_types},
    {.name = "username", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "USER"},
    {.name = "ip:port", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "ADDR"},
    {.name = "ip:port", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "LADDR", .since = "6.2.0"},
    {.name = "yes/no", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "SKIPME"},
    {.name = "maxage", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "MAXAGE", .since = "8.0.0"},
    {0},
};
static const struct command_arg kill_forms[] = {
    {.name = "ip:port", .type = ARG_STRING, .deprecated_since = "2.8.12"},
    {.name = "new-format", .type = ARG_ONEOF, .flags = ARG_MULTIPLE, .args = kill_filters},
    {0},
};
static const struct command_arg kill_args[] = {ONE_OF("filter", kill_forms), {0}};

/* ---- rows ---- */
static const char *const varying[] = {"nondeterministic_output", NULL};

static const struct command_history list_history[] = {
    {"2.8.12", "Shows the `id`."},
    {"5.0.0", "Filters by `TYPE`."},
    {"6.0.0", "Shows the `user`."},
    {"6.2.0", "Shows `argv-mem`, `tot-mem`, `laddr`, `redir`; filters by `ID`."},
    {"7.0.0", "Shows `resp`, `multi-mem`, `rbs`, `rbp`."},
    {"7.0.3", "Shows `ssub`."},
    {"8.1.0",
     "Filters by `USER`, `ADDR`, `LADDR`, `SKIPME`, `MAXAGE`; shows `watch`, `tot-net-in`, `tot-net-out`, `tot-cmds`."},
    {0},
};
static const struct command_history kill_history[] = {
    {"2.8.12", "Takes filters."},
    {"2.8.12", "Filter `ID`."},
    {"3.2.0", "`TYPE` knows `master`."},
    {"5.0.0", "`TYPE` says `replica`; `slave` stays valid."},
    {"6.2.0", "Filter `LADDR`."},
    {"8.0.0", "Filter `MAXAGE`."},
    {0},
};
static const struct command_history pause_history[] = {{"6.2.0", "`WRITE` holds only what changes data."}, {0}};

#define PLAIN (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SENTINEL)
#define ADMIN (PLAIN | CMD_ADMIN)
#define SUBCOMMAND(name_, run_, arity_, flags_, since_, complexity_, summary_)                   \
    .name = (name_), .run = (run_), .arity = (arity_), .flags = (flags_), .acl = ACL_CONNECTION, \
    .group = GROUP_CONNECTION, .since = (since_), .complexity = (complexity_), .summary = (summary_)

const struct command_row client_subcommands[] = {
    {SUBCOMMAND("caching", client_caching, 3, PLAIN, "6.0.0", "O(1)",
                "Says whether the next command's keys are tracked."),
     .args = caching_args},
    {SUBCOMMAND("capa", client_capa, -3, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, "8.0.0", "O(1)",
                "Tells the server what this client can do."),
     .args = capa_args},
    {SUBCOMMAND("getname", client_getname, 2, PLAIN, "2.6.9", "O(1)", "Tells the connection's name.")},
    {SUBCOMMAND("getredir", client_getredir, 2, PLAIN, "6.0.0", "O(1)",
                "Tells which client gets the tracking messages.")},
    {SUBCOMMAND("help", context_reply_help, 2, CMD_LOADING | CMD_STALE | CMD_SENTINEL, "5.0.0", "O(1)",
                "Lists the forms of CLIENT.")},
    {SUBCOMMAND("id", client_id, 2, PLAIN, "5.0.0", "O(1)", "Tells the connection's number.")},
    {SUBCOMMAND("import-source", client_import_source, 3, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, "8.1.0", "O(1)",
                "Marks the connection as a source of imported data."),
     .args = enabled_args},
    {SUBCOMMAND("info", client_info, 2, PLAIN, "6.2.0", "O(1)", "Describes this connection."), .tips = varying},
    {SUBCOMMAND("kill", client_kill, -3, ADMIN, "2.4.0", "O(N) with N the connections", "Closes connections."),
     .history = kill_history, .args = kill_args},
    {SUBCOMMAND("list", client_list, -2, ADMIN, "2.4.0", "O(N) with N the connections", "Describes connections."),
     .tips = varying, .history = list_history, .args = list_args},
    {SUBCOMMAND("no-evict", client_no_evict, 3, ADMIN, "7.0.0", "O(1)",
                "Keeps the connection when clients are evicted."),
     .args = enabled_args},
    {SUBCOMMAND("no-touch", client_no_touch, 3, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, "7.2.0", "O(1)",
                "Lets this connection read without touching the keys' access clocks."),
     .args = enabled_args},
    {SUBCOMMAND("pause", client_pause, -3, ADMIN, "2.9.50", "O(1)", "Holds commands back for a while."),
     .history = pause_history, .args = pause_args},
    {SUBCOMMAND("reply", client_reply, 3, PLAIN, "3.2.0", "O(1)", "Turns replies off, on, or off for one command."),
     .args = reply_args},
    {SUBCOMMAND("setinfo", client_setinfo, 4, PLAIN, "7.2.0", "O(1)", "Names the client's library and its version."),
     .args = setinfo_args},
    {SUBCOMMAND("setname", client_setname, 3, PLAIN, "2.6.9", "O(1)", "Names the connection."), .args = setname_args},
    {SUBCOMMAND("tracking", client_tracking, -3, PLAIN, "6.0.0", "O(1)",
                "Turns the tracking of cached keys on or off."),
     .args = tracking_args},
    {SUBCOMMAND("trackinginfo", client_trackinginfo, 2, PLAIN, "6.2.0", "O(1)",
                "Describes the tracking of cached keys.")},
    {SUBCOMMAND("unblock", client_unblock, -3, ADMIN, "5.0.0", "O(N) with N the connections",
                "Ends another connection's blocking command."),
     .args = unblock_args},
    {SUBCOMMAND("unpause", client_unpause, 2, ADMIN, "6.2.0", "O(N) with N the connections held",
                "Lets commands run again after CLIENT PAUSE.")},
    {0},
};

const char *const client_help[] = {
    "CACHING (YES|NO)",
    "    Whether the next command's keys are tracked, in the modes OPTIN and OPTOUT.",
    "CAPA <capability> [<capability> ...]",
    "    What this client can do.",
    "GETNAME",
    "    The connection's name.",
    "GETREDIR",
    "    The client that gets the tracking messages.",
    "ID",
    "    The connection's number.",
    "IMPORT-SOURCE (ON|OFF)",
    "    Whether the connection brings imported data.",
    "INFO",
    "    One line about this connection.",
    "KILL <ip:port>",
    "    Close the connection from that address.",
    "KILL <filter> <value> [<filter> <value> ...]",
    "    Close the connections that all filters fit:",
    "    * ID <id> [<id> ...]",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "    * USER <name>",
    "    * ADDR (<ip:port>|<unixsocket>:0), the client's side",
    "    * LADDR (<ip:port>|<unixsocket>:0), the server's side",
    "    * MAXAGE <seconds>, at least so old",
    "    * SKIPME (YES|NO), YES unless said",
    "LIST [<filter> <value> ...]",
    "    One line about each connection, with the filters of KILL; SKIPME is NO unless said.",
    "NO-EVICT (ON|OFF)",
    "    Keep this connection when clients are evicted.",
    "NO-TOUCH (ON|OFF)",
    "    Read without touching the keys' access clocks.",
    "PAUSE <milliseconds> [WRITE|ALL]",
    "    Hold back all commands, or those that write.",
    "REPLY (ON|OFF|SKIP)",
    "    Send replies, send none, or leave out the next one.",
    "SETINFO (LIB-NAME|LIB-VER) <text>",
    "    Name the client's library and its version.",
    "SETNAME <name>",
    "    Name the connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> ...] [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tell this client when keys it has read change.",
    "TRACKINGINFO",
    "    How tracking is set.",
    "UNBLOCK <id> [TIMEOUT|ERROR]",
    "    End that connection's blocking command.",
    "UNPAUSE",
    "    End a PAUSE.",
    NULL,
};
