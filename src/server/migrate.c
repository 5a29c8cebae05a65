#include "server/migrate.h"

#include "base/clock.h"
#include "base/num.h"
#include "commands/dump.h"
#include "exec/context.h"
#include "exec/journal.h"
#include "exec/saved.h"
#include "io/dial.h"
#include "io/loop.h"
#include "io/net.h"
#include "server/server.h"
#include "wire/resp.h"

#include <errno.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 1000
#define SENT_AHEAD         (64u * 1024) /* the next payload is made when less than this is left to send */
#define OUT_KEPT_MAX       (1024u * 1024)
#define ANSWER_MAX         1024 /* the longest line that a target may answer */

/* The request, taken apart. Slices and positions are those of the arguments. */
struct order {
    struct slice username, password; /* ptr NULL: not given */
    int64_t db, timeout_ms;
    int first_key, key_count;
    bool copy, replace;
};

enum key_state { KEY_AWAY /* not sent: there is no such key */, KEY_SENT, KEY_TAKEN };

struct migration { /* session.wait_arg; owner MEM_CLIENT */
    struct session *session;
    struct saved_request *request;
    struct order order;
    uint32_t dataset_epoch;
    struct loop_timer timer;
    struct dial *dial; /* while dialing, else NULL */
    struct loop_fd link;
    unsigned greetings; /* answers to come before keys are sent */
    struct buf out;
    size_t sent;            /* bytes of out that are sent already */
    int next_key, answered; /* keys before these are sent, are answered or away */
    unsigned char *keys;    /* enum key_state of each; owner MEM_CLIENT */
    bool any_sent, refused;
    size_t line_len, refusal_len;
    char line[ANSWER_MAX], refusal[ANSWER_MAX]; /* an answer as far as it is here; the first error answered */
};

static const char io_connecting[] = "IOERR error or timeout connecting to the client";
static const char io_writing[] = "IOERR error or timeout writing to target instance";
static const char io_reading[] = "IOERR error or timeout reading to target instance";

/* ---- the end ---- */
static void close_link(struct migration *m) {
    loop_timer_stop(server_loop(), &m->timer);
    if (m->dial) dial_cancel(m->dial);
    m->dial = NULL;
    if (m->link.fd < 0) return;
    loop_unwatch(server_loop(), &m->link);
    close(m->link.fd);
    m->link.fd = -1;
}

static void migration_free(struct migration *m) {
    buf_release(&m->out);
    mem_free(MEM_CLIENT, m->keys, (size_t)m->order.key_count);
    saved_request_free(m->request);
    mem_free(MEM_CLIENT, m, sizeof *m);
}

static struct slice key_text(const struct migration *m, int i) { return m->request->argv[m->order.first_key + i]; }

static struct context context_of(struct migration *m) {
    struct executor *x = server_executor();
    return (struct context){.executor = x,
                            .session = m->session,
                            .dataset = x->dataset,
                            .db = dataset_db(x->dataset, m->session->db),
                            .command = m->request->command,
                            .argv = m->request->argv,
                            .argc = m->request->argc,
                            .reply = &m->session->reply,
                            .now_ms = x->now_ms};
}

/* A file that is being written to end or reload this server still holds the keys: deleted here, they would come back. */
static bool may_delete(const struct migration *m) {
    const struct executor *x = server_executor();
    return !shutdown_under_way() && !x->loading && x->pauses[PAUSE_OF_LOAD].kind == PAUSE_NONE &&
           x->dataset_epoch == m->dataset_epoch;
}

static void delete_taken(struct migration *m) {
    struct context c = context_of(m);
    struct journal *j = c.executor->journal;
    bool outer = j && journal_open(j, c.now_ms);
    for (int i = 0; i < m->answered; i++) {
        struct slice text = key_text(m, i);
        if (m->keys[i] != KEY_TAKEN || !db_delete(c.db, (struct key){text, dataset_hash(c.dataset, text)})) continue;
        journal_put_delete(&c, text);
        context_changed(&c, NOTIFY_GENERIC, "del", text);
    }
    if (j) journal_close(j, &c, outer);
}

static void count_error(struct migration *m) {
    struct executor *x = server_executor();
    const struct reply *r = &m->session->reply;
    m->request->command->failed++;
    x->stats.errors++;
    executor_count_error(x, slice_of(r->out->ptr + r->last_error, r->out->len - r->last_error));
}

/* What the target has said comes before what became of the link. */
static void write_reply(struct migration *m, const char *error) {
    struct reply *r = &m->session->reply;
    uint64_t errors = r->errors;
    if (m->refused) {
        reply_error_format(r, "ERR Target instance replied with error: %.*s", (int)m->refusal_len, m->refusal);
    } else if (error) {
        reply_error(r, error);
    } else {
        reply_simple(r, m->any_sent ? "OK" : "NOKEY");
    }
    if (r->errors != errors) count_error(m);
}

/* error NULL: all keys are answered. m is gone. */
static void finish(struct migration *m, const char *error) {
    struct session *s = m->session;
    close_link(m);
    bool left = m->order.copy || may_delete(m);
    if (!m->order.copy && left) delete_taken(m);
    if (!left && !error)
        error = "ERR The keys were sent but stay here too, because the data is being saved to stop or reload";
    session_begin_reply(s);
    write_reply(m, error);
    session_end_reply(s);
    executor_unpause(server_executor(), PAUSE_OF_MIGRATE);
    session_unblock(s);
    migration_free(m);
}

/* The asker is being closed. A key that is on its way may be in both places then, as after a timeout. */
static void abandon(struct session *s) {
    struct migration *m = s->wait_arg;
    s->flags |= SESSION_CLOSE; /* it hears no events of what follows */
    close_link(m);
    if (!m->order.copy && may_delete(m)) delete_taken(m);
    executor_unpause(server_executor(), PAUSE_OF_MIGRATE);
    migration_free(m);
}

static const struct session_wait migrate_wait = {.timed_out = abandon, .cancelled = abandon};

/* ---- time ---- */
static bool left_to_send(const struct migration *m) { return m->sent < m->out.len; }

static bool wants_to_send(const struct migration *m) {
    return left_to_send(m) || (m->greetings == 0 && m->next_key < m->order.key_count);
}

static void fail(struct migration *m) {
    finish(m, m->dial ? io_connecting : wants_to_send(m) ? io_writing : io_reading);
}

static void on_late(struct loop_timer *timer) {
    executor_begin_batch(server_executor());
    fail((struct migration *)(void *)((char *)timer - offsetof(struct migration, timer)));
}

static void note_progress(struct migration *m) {
    loop_timer_start(server_loop(), &m->timer, clock_mono_us() + m->order.timeout_ms * 1000);
}

/* ---- what is sent ---- */
static void put_number(struct buf *out, int64_t n) {
    char text[NUM_TEXT_MAX];
    resp_put_bulk(out, slice_of(text, num_format_i64(text, n)));
}

static void put_greeting(struct migration *m) {
    const struct order *o = &m->order;
    m->greetings = 1;
    if (o->password.ptr) {
        m->greetings++;
        buf_printf(&m->out, "*%d\r\n", o->username.ptr ? 3 : 2);
        resp_put_bulk(&m->out, SLICE("AUTH"));
        if (o->username.ptr) resp_put_bulk(&m->out, o->username);
        resp_put_bulk(&m->out, o->password);
    }
    buf_printf(&m->out, "*2\r\n");
    resp_put_bulk(&m->out, SLICE("SELECT"));
    put_number(&m->out, o->db);
}

static void put_restore(struct migration *m, struct slice key, const struct entry *e) {
    int64_t at_ms = entry_expire_at(e), now_ms = server_executor()->now_ms, ttl_ms = 0;
    if (at_ms != NO_EXPIRE) ttl_ms = at_ms > now_ms ? at_ms - now_ms : 1; /* 0 would be no time at all */
    struct buf payload;
    buf_init(&payload, MEM_CLIENT_OUT);
    dump_payload(&payload, e);
    buf_printf(&m->out, "*%d\r\n", m->order.replace ? 5 : 4);
    resp_put_bulk(&m->out, SLICE("RESTORE"));
    resp_put_bulk(&m->out, key);
    put_number(&m->out, ttl_ms);
    resp_put_bulk(&m->out, buf_slice(&payload));
    if (m->order.replace) resp_put_bulk(&m->out, SLICE("REPLACE"));
    buf_release(&payload);
}

static void put_keys(struct migration *m) {
    struct context c = context_of(m);
    for (; m->next_key < m->order.key_count && m->out.len - m->sent < SENT_AHEAD; m->next_key++) {
        struct slice text = key_text(m, m->next_key);
        struct key key = {text, dataset_hash(c.dataset, text)};
        const struct entry *e = db_view(c.db, key, VIEW_NO_TOUCH | VIEW_NO_STATS | VIEW_QUIET);
        if (!e) continue; /* absent, or its time has come meanwhile */
        put_restore(m, text, e);
        m->keys[m->next_key] = KEY_SENT;
        m->any_sent = true;
    }
}

/* ---- what is answered ---- */
static bool all_answered(struct migration *m) {
    while (m->answered < m->next_key && m->keys[m->answered] == KEY_AWAY) m->answered++;
    return m->answered == m->order.key_count;
}

static void note_refusal(struct migration *m, struct slice line) {
    if (m->refused) return;
    m->refused = true;
    m->refusal_len = line.len - 1;
    memcpy(m->refusal, line.ptr + 1, line.len - 1);
}

/* One line without its end. False when it answers nothing that was sent, or not as RESTORE does. */
static bool take_answer(struct migration *m, struct slice line) {
    if (line.len == 0 || (line.ptr[0] != '+' && line.ptr[0] != '-')) return false;
    bool refused = line.ptr[0] == '-';
    if (m->greetings > 0) {
        m->greetings--;
    } else if (all_answered(m) || m->answered == m->next_key) {
        return false;
    } else {
        m->keys[m->answered++] = refused ? KEY_AWAY : KEY_TAKEN;
    }
    if (refused) note_refusal(m, line);
    note_progress(m);
    return true;
}

static bool take_answers(struct migration *m) {
    char *end, *at = m->line;
    size_t left = m->line_len;
    while ((end = memchr(at, '\n', left))) {
        size_t len = (size_t)(end - at);
        left -= len + 1;
        if (len > 0 && at[len - 1] == '\r') len--;
        if (!take_answer(m, slice_of(at, len))) return false;
        at = end + 1;
    }
    memmove(m->line, at, left);
    m->line_len = left;
    return left < sizeof m->line;
}

/* ---- the link ---- */
/* Nothing more to do: the greeting was refused, or the last key is answered. */
static bool complete(struct migration *m) {
    if (m->greetings > 0) return false;
    return (m->refused && m->next_key == 0) || all_answered(m);
}

static bool send_some(struct migration *m) {
    if (m->greetings == 0) put_keys(m);
    if (!left_to_send(m)) return true;
    ssize_t n = net_send(m->link.fd, m->out.ptr + m->sent, m->out.len - m->sent);
    if (n < 0) return n == -EAGAIN;
    if (n > 0) note_progress(m);
    m->sent += (size_t)n;
    if (left_to_send(m)) return true;
    m->sent = 0;
    if (m->out.cap > OUT_KEPT_MAX) {
        buf_release(&m->out);
    } else {
        buf_clear(&m->out);
    }
    return true;
}

static bool receive_some(struct migration *m) {
    ssize_t n = net_recv(m->link.fd, m->line + m->line_len, sizeof m->line - m->line_len);
    if (n < 0) return n == -EAGAIN;
    m->line_len += (size_t)n;
    return n > 0 && take_answers(m);
}

/* One send and one receive a turn, so that others have theirs. */
static void on_link(struct loop_fd *fd, unsigned events) {
    struct migration *m = (struct migration *)(void *)((char *)fd - offsetof(struct migration, link));
    executor_begin_batch(server_executor());
    if (events & (LOOP_READ | LOOP_HANGUP) && !receive_some(m)) {
        finish(m, io_reading);
    } else if (complete(m)) {
        finish(m, NULL);
    } else if (!send_some(m)) {
        finish(m, io_writing);
    } else if (complete(m)) { /* none of the keys is there any more */
        finish(m, NULL);
    } else {
        loop_watch(server_loop(), &m->link, wants_to_send(m) ? LOOP_READ | LOOP_WRITE : LOOP_READ);
    }
}

static void on_dialed(void *arg, int fd) {
    struct migration *m = arg;
    m->dial = NULL;
    if (fd < 0) {
        finish(m, fd == -ECONNREFUSED ? io_writing : io_connecting); /* as the peers say it */
        return;
    }
    net_set_nodelay(fd, true);
    m->link = (struct loop_fd){.fd = fd, .call = on_link};
    put_greeting(m);
    note_progress(m);
    if (loop_watch(server_loop(), &m->link, LOOP_READ | LOOP_WRITE) == 0) return;
    close(fd);
    m->link.fd = -1;
    finish(m, io_connecting);
}

/* ---- the command ---- */
/* False after the error reply. */
static bool parse_options(struct context *c, struct order *o) {
    *o = (struct order){.first_key = 3, .key_count = 1};
    for (int i = 6; i < c->argc; i++) {
        int more = c->argc - 1 - i;
        if (slice_is(c->argv[i], "copy")) {
            o->copy = true;
        } else if (slice_is(c->argv[i], "replace")) {
            o->replace = true;
        } else if (slice_is(c->argv[i], "auth") && more >= 1) {
            o->password = c->argv[++i];
        } else if (slice_is(c->argv[i], "auth2") && more >= 2) {
            o->username = c->argv[++i];
            o->password = c->argv[++i];
        } else if (slice_is(c->argv[i], "keys")) {
            if (c->argv[3].len > 0) {
                reply_error(c->reply,
                            "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
                return false;
            }
            o->first_key = i + 1;
            o->key_count = more;
            break;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    return true;
}

static bool parse_order(struct context *c, struct order *o) {
    if (!parse_options(c, o)) return false;
    if (!context_integer(c, 5, &o->timeout_ms) || !context_integer(c, 4, &o->db)) return false;
    if (o->timeout_ms <= 0) o->timeout_ms = TIMEOUT_DEFAULT_MS;
    if (o->timeout_ms > INT32_MAX) o->timeout_ms = INT32_MAX;
    return true;
}

static bool any_key(const struct context *c, const struct order *o) {
    bool found = false;
    for (int i = 0; i < o->key_count; i++) found |= context_view(c, context_key(c, o->first_key + i)) != NULL;
    return found;
}

/* The arguments are kept as long as the migration lasts; what the order says of them is taken from the copy. NULL: no memory. */
static struct migration *migration_try_new(struct context *c, int key_count) {
    struct saved_request *request = saved_request_try_new((struct command *)(uintptr_t)c->command, c->argv, c->argc);
    unsigned char *keys = mem_try_alloc(MEM_CLIENT, (size_t)key_count);
    if (!request || !keys) {
        saved_request_free(request);
        mem_free(MEM_CLIENT, keys, keys ? (size_t)key_count : 0);
        return NULL;
    }
    memset(keys, KEY_AWAY, (size_t)key_count);
    struct migration *m = mem_alloc_zeroed(MEM_CLIENT, sizeof *m);
    m->session = c->session;
    m->request = request;
    m->keys = keys;
    m->dataset_epoch = c->executor->dataset_epoch;
    m->timer.call = on_late;
    m->link.fd = -1;
    buf_init(&m->out, MEM_CLIENT_OUT);
    return m;
}

/* Argument 1 and 2. False: nothing that could be connected to. */
static bool dial(struct migration *m) {
    char host[DIAL_HOST_MAX + 1];
    int64_t port;
    struct slice name = m->request->argv[1];
    if (name.len > DIAL_HOST_MAX || memchr(name.ptr, '\0', name.len)) return false;
    if (!num_parse_i64(m->request->argv[2], &port) || port < 0 || port > UINT16_MAX) return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    m->dial = dial_start(server_loop(), host, (int)port, (int)m->order.timeout_ms, on_dialed, m);
    return m->dial != NULL;
}

static void migrate_command(struct context *c) {
    struct order order;
    if (!parse_order(c, &order)) return;
    if (!any_key(c, &order)) {
        reply_simple(c->reply, "NOKEY");
        return;
    }
    if (!context_may_block(c)) {
        reply_error(c->reply, "ERR MIGRATE waits, which is not possible inside a transaction");
        return;
    }
    struct migration *m = migration_try_new(c, order.key_count);
    if (!m) {
        reply_error(c->reply, "OOM not enough memory to wait with this request");
        return;
    }
    struct context kept = *c;
    kept.argv = m->request->argv;
    bool parsed = parse_order(&kept, &m->order);
    proven(parsed && m->order.key_count == order.key_count);
    if (!dial(m)) {
        reply_error(c->reply, io_connecting);
        migration_free(m);
        return;
    }
    note_progress(m);
    executor_pause(c->executor, PAUSE_OF_MIGRATE, PAUSE_WRITE, INT64_MAX);
    session_block(c->session, &migrate_wait, m, 0);
}

/* The specs would also find a password that is called KEYS, and the empty key beside those named. */
static int find_keys(const struct slice *argv, int argc, int *positions, int max) {
    for (int i = 6; i < argc; i++) {
        if (slice_is(argv[i], "auth")) {
            i++;
        } else if (slice_is(argv[i], "auth2")) {
            i += 2;
        } else if (slice_is(argv[i], "keys")) {
            if (argv[3].len > 0) return -1;
            for (int k = i + 1; k < argc && k - i <= max; k++) positions[k - i - 1] = k;
            return argc - 1 - i;
        }
    }
    if (max > 0) positions[0] = 3;
    return 1;
}

static const struct command_arg key_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "empty_string", .type = ARG_PURE_TOKEN, .token = ""},
    {0},
};
static const struct command_arg auth2_args[] = {
    {.name = "username", .type = ARG_STRING},
    {.name = "password", .type = ARG_STRING},
    {0},
};
static const struct command_arg authentication_args[] = {
    {.name = "password", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "AUTH", .since = "4.0.7"},
    {.name = "username_password",
     .type = ARG_BLOCK,
     .flags = ARG_OPTIONAL,
     .token = "AUTH2",
     .since = "6.0.0",
     .args = auth2_args},
    {0},
};
static const struct command_arg migrate_args[] = {
    {.name = "host", .type = ARG_STRING},
    {.name = "port", .type = ARG_INTEGER},
    {.name = "key_or_empty_string", .type = ARG_ONEOF, .args = key_args},
    {.name = "destination-db", .type = ARG_INTEGER},
    {.name = "timeout", .type = ARG_INTEGER},
    {.name = "copy", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "COPY", .since = "3.0.0"},
    {.name = "replace", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "REPLACE", .since = "3.0.0"},
    {.name = "authentication", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = authentication_args},
    {.name = "key",
     .type = ARG_KEY,
     .flags = ARG_OPTIONAL | ARG_MULTIPLE,
     .token = "KEYS",
     .since = "3.0.6",
     .key_spec = 1},
    {0},
};
static const struct command_history migrate_history[] = {
    {"3.0.0", "COPY and REPLACE."}, {"3.0.6", "KEYS."}, {"4.0.7", "AUTH."}, {"6.0.0", "AUTH2."}, {0}};
static const char *const migrate_tips[] = {"nondeterministic_output", NULL};

const struct command_row migrate_commands[] = {
    {.name = "migrate",
     .run = migrate_command,
     .arity = -6,
     .flags = CMD_WRITE,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(3, KEY_RW | KEY_ACCESS | KEY_DELETE),
              {.begin = KEY_BEGIN_KEYWORD,
               .position = -2,
               .keyword = "KEYS",
               .find = KEY_FIND_RANGE,
               .last = -1,
               .step = 1,
               .flags = KEY_RW | KEY_ACCESS | KEY_DELETE | KEY_INCOMPLETE}},
     .find_keys = find_keys,
     .since = "2.6.0",
     .complexity = "O(N) where N is the number of bytes and elements of the values, here and at the target",
     .summary = "Hands keys over to another server.",
     .tips = migrate_tips,
     .history = migrate_history,
     .args = migrate_args},
    {0},
};
