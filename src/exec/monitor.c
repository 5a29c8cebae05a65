#include "exec/monitor.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "exec/context.h"

bool monitor_start(struct session *s) {
    if (s->flags & SESSION_MONITOR) return false;
    s->flags |= SESSION_MONITOR;
    list_append(&s->executor->monitors, &s->monitoring);
    return true;
}

/* ---- what is not shown ---- */
/* Arguments that hold passwords: of AUTH all, of HELLO's and MIGRATE's AUTH those behind it; also where the command has failed
 * for another reason, which the peers show. */
struct secrets {
    int first, count; /* from the argument on */
};

static int find_word(const struct context *c, int from, const char *word) {
    for (int i = from; i < c->argc; i++) {
        if (slice_equal_nocase(c->argv[i], slice_of_cstr(word))) return i;
    }
    return c->argc;
}

static struct secrets find_secrets(const struct context *c) {
    const char *name = c->command->full_name;
    if (strcmp(name, "auth") == 0) return (struct secrets){1, c->argc};
    if (strcmp(name, "hello") == 0) return (struct secrets){find_word(c, 2, "auth") + 1, 2};
    if (strcmp(name, "migrate") != 0) return (struct secrets){0, 0};
    int one = find_word(c, 6, "auth"), two = find_word(c, 6, "auth2");
    return one < two ? (struct secrets){one + 1, 1} : (struct secrets){two + 1, 2};
}

/* ---- the line ---- */
static void append_quoted(struct buf *line, struct slice text) {
    buf_append(line, " ", 1);
    char *at = buf_reserve(line, 4 * text.len + 2);
    buf_advance(line, text_quote(at, text));
}

static void append_origin(struct buf *line, const struct context *c) {
    struct session_link link = {.peer = "?:0"};
    int64_t now_us = clock_wall_us();
    c->session->transport->describe(c->session, &link);
    buf_printf(line, "+%lld.%06lld [%u %s%s]", (long long)(now_us / 1000000), (long long)(now_us % 1000000),
               c->session->db, link.is_unix ? "unix:" : "", link.peer ? link.peer : "?:0");
}

static void append_arguments(struct buf *line, const struct context *c) {
    struct secrets secrets = find_secrets(c);
    for (int i = 0; i < c->argc; i++) {
        bool secret = i >= secrets.first && i - secrets.first < secrets.count;
        append_quoted(line, secret ? SLICE("(redacted)") : c->argv[i]);
    }
    buf_append(line, "\r\n", 2);
}

void monitor_feed(struct executor *x, const struct context *c) {
    if (c->command->flags & (CMD_ADMIN | CMD_SKIP_MONITOR) || c->session->flags & SESSION_INTERNAL) return;
    struct buf line;
    buf_init(&line, MEM_CLIENT_OUT);
    append_origin(&line, c);
    append_arguments(&line, c);
    list_each(node, &x->monitors) {
        struct session *s = list_entry(node, struct session, monitoring);
        if (!(s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP))) session_push(s, buf_slice(&line));
    }
    buf_release(&line);
}
