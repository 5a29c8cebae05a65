/* Who is there, and who may talk: PING ECHO HELLO AUTH SELECT QUIT RESET, TIME and LOLWUT. CLIENT is in client.c. */
#include "commands/connection.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/version.h"
#include "commands/connection_int.h"
#include "exec/context.h"
#include "exec/monitor.h"

static void ping(struct context *c) {
    if (c->argc > 2) {
        reply_error(c->reply, "ERR wrong number of arguments for 'ping' command");
    } else if (c->session->flags & SESSION_PUBSUB && c->reply->resp == 2) { /* where only messages are expected */
        reply_array(c->reply, 2);
        reply_bulk_cstr(c->reply, "pong");
        reply_bulk(c->reply, c->argc == 2 ? c->argv[1] : SLICE(""));
    } else if (c->argc == 2) {
        reply_bulk(c->reply, c->argv[1]);
    } else {
        reply_simple(c->reply, "PONG");
    }
}

static void echo(struct context *c) { reply_bulk(c->reply, c->argv[1]); }

static void select_db(struct context *c) {
    int64_t index;
    if (!context_integer(c, 1, &index)) return;
    if (index < INT32_MIN || index > INT32_MAX) {
        reply_error(c->reply, "ERR value is out of range, value must between -2147483648 and 2147483647");
        return;
    }
    if (index < 0 || index >= (int64_t)dataset_databases(c->dataset)) {
        reply_error(c->reply, "ERR DB index is out of range");
        return;
    }
    c->session->db = (unsigned)index;
    reply_ok(c->reply);
}

static void quit(struct context *c) {
    reply_ok(c->reply);
    session_close(c->session, true);
}

static void reset(struct context *c) {
    session_reset(c->session);
    reply_simple(c->reply, "RESET");
}

/* Once more is no error, and has no reply, as with the peers. */
static void monitor(struct context *c) {
    if (!context_may_block(c))
        reply_error(c->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    else if (monitor_start(c->session))
        reply_ok(c->reply);
}

static void tell_time(struct context *c) {
    int64_t now_us = clock_wall_us();
    reply_array(c->reply, 2);
    reply_bulk_integer(c->reply, now_us / 1000000);
    reply_bulk_integer(c->reply, now_us % 1000000);
}

/* ---- AUTH ---- */
#define WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."

/* Takes a time that depends on what was offered, never on how much of it is right. The volatile sink keeps the compiler from
 * leaving the loop early. */
static bool password_equal(struct slice offered, const char *password) {
    size_t len = strlen(password);
    volatile unsigned difference = offered.len != len;
    for (size_t i = 0; i < offered.len; i++) {
        difference |= (unsigned)(unsigned char)offered.ptr[i] ^ (unsigned)(unsigned char)password[len ? i % len : 0];
    }
    return difference == 0;
}

/* There is one user, "default"; without a password any will do. */
static bool log_in(struct context *c, struct slice user, struct slice password) {
    struct executor *x = c->executor;
    bool known = slice_equal(user, SLICE("default"));
    bool right = x->password[0] == '\0' || password_equal(password, x->password);
    if (known && right) {
        c->session->authenticated = true;
        return true;
    }
    x->stats.auth_failures++;
    reply_error(c->reply, WRONG_PASSWORD);
    return false;
}

static void auth(struct context *c) {
    if (c->argc > 3) {
        context_syntax_error(c);
    } else if (c->argc == 2 && c->executor->password[0] == '\0') {
        reply_error(c->reply,
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
                    "your configuration is correct?");
    } else if (log_in(c, c->argc == 3 ? c->argv[1] : SLICE("default"), c->argv[c->argc - 1])) {
        reply_ok(c->reply);
    }
}

/* ---- HELLO ---- */
struct hello {
    int64_t protocol; /* 0: as it is */
    bool has_login, has_name;
    struct slice user, password, name;
};

static bool parse_hello_options(struct context *c, struct hello *h) {
    for (int i = 2; i < c->argc; i++) {
        int left = c->argc - 1 - i;
        if (slice_is(c->argv[i], "auth") && left >= 2) {
            h->has_login = true;
            h->user = c->argv[++i];
            h->password = c->argv[++i];
        } else if (slice_is(c->argv[i], "setname") && left >= 1) {
            h->has_name = true;
            h->name = c->argv[++i];
            if (session_text_is_fit(h->name)) continue;
            reply_error(c->reply, CLIENT_NAME_ERROR);
            return false;
        } else {
            reply_error_format(c->reply, "ERR Syntax error in HELLO option '%.*s'", shown_len(c->argv[i]),
                               c->argv[i].ptr);
            return false;
        }
    }
    return true;
}

static bool parse_hello(struct context *c, struct hello *h) {
    if (c->argc == 1) return true;
    if (!num_parse_i64(c->argv[1], &h->protocol)) {
        reply_error(c->reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (h->protocol < 2 || h->protocol > 3) {
        reply_error(c->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    return parse_hello_options(c, h);
}

static void reply_hello(struct context *c) {
    struct reply *r = c->reply;
    reply_map(r, 7);
    reply_bulk_cstr(r, "server");
    reply_bulk_cstr(r, "redis"); /* what clients compare with */
    reply_bulk_cstr(r, "version");
    reply_bulk_cstr(r, TARN_REDIS_VERSION);
    reply_bulk_cstr(r, "proto");
    reply_integer(r, r->resp);
    reply_bulk_cstr(r, "id");
    reply_integer(r, (int64_t)c->session->id);
    reply_bulk_cstr(r, "mode");
    reply_bulk_cstr(r, "standalone");
    reply_bulk_cstr(r, "role");
    reply_bulk_cstr(r, "master");
    reply_bulk_cstr(r, "modules");
    reply_array(r, 0);
}

static void hello(struct context *c) {
    struct hello h = {0};
    if (!parse_hello(c, &h)) return;
    if (h.has_login && !log_in(c, h.user, h.password)) return;
    if (!c->session->authenticated && c->executor->password[0]) {
        reply_error(
            c->reply,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> "
            "<pass> option can be used to authenticate the client and select the RESP protocol version at the "
            "same time");
        return;
    }
    if (h.has_name) session_set_text(&c->session->name, h.name);
    if (h.protocol) c->reply->resp = (uint8_t)h.protocol;
    reply_hello(c);
}

/* ---- LOLWUT ---- */
/* A mountain lake at night: stars of this moment above, the ridge, and the ridge once more in the water. */
#define ART_WIDTH 60
#define ART_SKY   9
#define ART_LAKE  5

static int ridge_height(struct random *random, int height) {
    height += (int)random_below(random, 3) - 1;
    return height < 1 ? 1 : height > ART_SKY - 3 ? ART_SKY - 3 : height;
}

static void draw_row(struct context *c, struct buf *out, const int *ridge, int above_water) {
    for (int x = 0; x < ART_WIDTH; x++) {
        char ch = ' ';
        if (above_water < ridge[x]) {
            ch = above_water == ridge[x] - 1 ? '^' : ':';
        } else if (random_below(&c->executor->random, 23) == 0) {
            ch = '.';
        }
        buf_append(out, &ch, 1);
    }
    buf_append(out, "\n", 1);
}

static void draw_water(struct buf *out, const int *ridge, int depth) {
    for (int x = 0; x < ART_WIDTH; x++) buf_append(out, depth < ridge[x] ? "~" : depth % 2 ? " " : "-", 1);
    buf_append(out, "\n", 1);
}

static void lolwut(struct context *c) {
    int64_t version;
    if (c->argc >= 3 && slice_is(c->argv[1], "version") && !context_integer(c, 2, &version)) return;
    int ridge[ART_WIDTH], height = 3;
    struct buf out;
    buf_init(&out, MEM_CLIENT_OUT);
    for (int x = 0; x < ART_WIDTH; x++) ridge[x] = height = ridge_height(&c->executor->random, height);
    for (int y = ART_SKY - 1; y >= 0; y--) draw_row(c, &out, ridge, y);
    for (int y = 0; y < ART_LAKE; y++) draw_water(&out, ridge, y);
    buf_printf(&out, "Tarn ver. %s\n", TARN_VERSION);
    reply_verbatim(c->reply, "txt", buf_slice(&out));
    buf_release(&out);
}

/* ---- rows ---- */
#define ALWAYS (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY)

static const char *const ping_tips[] = {"request_policy:all_shards", "response_policy:all_succeeded", NULL};
static const char *const time_tips[] = {"nondeterministic_output", NULL};

static const struct command_arg ping_args[] = {{.name = "message", .type = ARG_STRING, .flags = ARG_OPTIONAL}, {0}};
static const struct command_arg echo_args[] = {{.name = "message", .type = ARG_STRING}, {0}};
static const struct command_arg select_args[] = {{.name = "index", .type = ARG_INTEGER}, {0}};
static const struct command_arg auth_args[] = {
    {.name = "username", .type = ARG_STRING, .flags = ARG_OPTIONAL, .since = "6.0.0"},
    {.name = "password", .type = ARG_STRING},
    {0},
};
static const struct command_arg login_args[] = {
    {.name = "username", .type = ARG_STRING},
    {.name = "password", .type = ARG_STRING},
    {0},
};
static const struct command_arg hello_parts[] = {
    {.name = "protover", .type = ARG_INTEGER},
    {.name = "username_password", .type = ARG_BLOCK, .flags = ARG_OPTIONAL, .token = "AUTH", .args = login_args},
    {.name = "clientname", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "SETNAME"},
    {0},
};
static const struct command_arg hello_args[] = {
    {.name = "arguments", .type = ARG_BLOCK, .flags = ARG_OPTIONAL, .args = hello_parts},
    {0},
};
static const struct command_arg lolwut_args[] = {
    {.name = "version", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "VERSION"},
    {0},
};
static const struct command_history auth_history[] = {{"6.0.0", "Takes a user name before the password."}, {0}};
static const struct command_history hello_history[] = {{"6.2.0", "Without arguments it describes the connection."},
                                                       {0}};

const struct command_row connection_commands[] = {
    {.name = "auth",
     .run = auth,
     .arity = -2,
     .flags = ALWAYS | CMD_SENTINEL,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "1.0.0",
     .complexity = "O(N) with N the passwords of the user",
     .summary = "Logs the connection in.",
     .history = auth_history,
     .args = auth_args},
    {.name = "client",
     .arity = -2,
     .flags = CMD_SENTINEL,
     .group = GROUP_CONNECTION,
     .subcommands = client_subcommands,
     .since = "2.4.0",
     .complexity = "Depends on the subcommand.",
     .summary = "Holds what is asked and set about connections.",
     .help = client_help},
    {.name = "echo",
     .run = echo,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sends a message back.",
     .args = echo_args},
    {.name = "hello",
     .run = hello,
     .arity = -1,
     .flags = ALWAYS | CMD_SENTINEL,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Opens a conversation: protocol version, login, name.",
     .history = hello_history,
     .args = hello_args},
    {.name = "lolwut",
     .run = lolwut,
     .arity = -1,
     .flags = CMD_READONLY | CMD_FAST,
     .group = GROUP_SERVER,
     .since = "5.0.0",
     .summary = "Draws something and tells the version.",
     .args = lolwut_args},
    {.name = "monitor",
     .run = monitor,
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .summary = "Shows every command that runs, as it runs."},
    {.name = "ping",
     .run = ping,
     .arity = -1,
     .flags = CMD_FAST | CMD_SENTINEL | CMD_PROBE | CMD_WHILE_SUBSCRIBED,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Answers, so that one knows the server lives.",
     .tips = ping_tips,
     .args = ping_args},
    {.name = "quit",
     .run = quit,
     .arity = -1,
     .flags = ALWAYS | CMD_UNQUEUED | CMD_WHILE_SUBSCRIBED,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Closes the connection after the reply."},
    {.name = "reset",
     .run = reset,
     .arity = 1,
     .flags = ALWAYS | CMD_UNQUEUED | CMD_WHILE_SUBSCRIBED,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Makes the connection as new."},
    {.name = "select",
     .run = select_db,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .acl = ACL_CONNECTION,
     .group = GROUP_CONNECTION,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Changes the connection's database.",
     .args = select_args},
    {.name = "time",
     .run = tell_time,
     .arity = 1,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .group = GROUP_SERVER,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells the server's clock.",
     .tips = time_tips},
    {0},
};
