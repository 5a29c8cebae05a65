#include "session.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "format.h"
#include "reply.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

void session_init(struct session *s, struct options *o) {
    *s = (struct session){.options = o, .output = o->output};
    if (s->output == OUTPUT_BY_TERMINAL) s->output = isatty(STDOUT_FILENO) ? OUTPUT_PLAIN : OUTPUT_RAW;
    if ((s->output == OUTPUT_JSON || s->output == OUTPUT_QUOTED_JSON) && o->resp == 0) o->resp = 3;
    s->shows_pushes = o->show_pushes > 0 || (o->show_pushes == 0 && isatty(STDOUT_FILENO));
    link_init(&s->link);
}

void session_release(struct session *s) { link_release(&s->link); }

/* ---- connecting ---- */
/* One command of the greeting; an error reply is told and the conversation goes on. */
static bool greet(struct session *s, const char *what, const struct slice *words, int count, bool *refused) {
    char why[LINK_ERROR_MAX];
    struct slice reply;
    *refused = false;
    if (link_send(&s->link, words, count, why) != LINK_OK || link_read(&s->link, &reply, why) != LINK_OK) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    *refused = reply_kind(reply) == '-';
    struct slice text = reply_text(reply);
    if (*refused) fprintf(stderr, "%s failed: %.*s\n", what, (int)text.len, text.ptr);
    return true;
}

static bool greet_auth(struct session *s) {
    const struct options *o = s->options;
    if (!o->password) return true;
    struct slice words[3] = {SLICE("AUTH")};
    int count = 1;
    bool refused;
    if (o->user) words[count++] = slice_of_cstr(o->user);
    words[count++] = slice_of_cstr(o->password);
    return greet(s, "AUTH", words, count, &refused);
}

static bool greet_select(struct session *s, int64_t db) {
    char number[NUM_TEXT_MAX], what[NUM_TEXT_MAX + 8];
    struct slice words[2] = {SLICE("SELECT"), slice_of(number, num_format_i64(number, db))};
    bool refused;
    if (db == 0) return true;
    snprintf(what, sizeof what, "SELECT %lld", (long long)db);
    if (!greet(s, what, words, 2, &refused)) return false;
    s->db = refused ? 0 : db;
    return true;
}

bool session_connect(struct session *s) {
    char why[LINK_ERROR_MAX];
    int64_t db = s->db ? s->db : s->options->db;
    bool refused;
    s->in_transaction = s->listening = false;
    s->db = 0;
    if (!link_open(&s->link, s->options, why)) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    if (s->options->verbose) {
        const char *where = s->options->socket ? s->options->socket : s->options->host;
        fprintf(stderr, s->options->socket ? "Connected to %s\n" : "Connected to %s:%d\n", where,
                (int)s->options->port);
    }
    struct slice hello[2] = {SLICE("HELLO"), s->options->resp == 3 ? SLICE("3") : SLICE("2")};
    if (!greet_auth(s)) return false;
    if (s->options->resp && !greet(s, s->options->resp == 3 ? "HELLO 3" : "HELLO 2", hello, 2, &refused)) return false;
    return greet_select(s, db);
}

bool session_point_to(struct session *s, struct slice host, int64_t port) {
    if (host.len >= sizeof s->host || port < 0 || port > 65535) return false;
    memmove(s->host, host.ptr, host.len);
    s->host[host.len] = '\0';
    s->options->host = s->host;
    s->options->port = port;
    s->options->socket = NULL;
    s->db = s->options->db = 0;
    return true;
}

/* ---- printing ---- */
/* Texts made for people, which quoting would spoil. */
static bool reply_is_text(const struct slice *words, int count) {
    static const char *const texts[][2] = {
        {"info", NULL},       {"lolwut", NULL},     {"debug", "htstats"},  {"debug", "htstats-key"},
        {"memory", "doctor"}, {"latency", "graph"}, {"latency", "doctor"}, {"memory", "malloc-stats"},
        {"cluster", "info"},  {"cluster", "nodes"}, {"client", "list"},    {"client", "info"},
        {"memory", "tree"},
    };
    for (size_t i = 0; i < countof(texts); i++) {
        if (!slice_equal_nocase(words[0], slice_of_cstr(texts[i][0]))) continue;
        if (!texts[i][1] || (count > 1 && slice_equal_nocase(words[1], slice_of_cstr(texts[i][1])))) return true;
    }
    return false;
}

static void write_all(FILE *file, struct slice text) {
    fwrite(text.ptr, 1, text.len, file);
    fflush(file);
}

static void print_reply(struct session *s, struct slice reply, bool as_text) {
    struct buf out;
    buf_init(&out, MEM_CLIENT_OUT);
    bool error = reply_kind(reply) == '-' || reply_kind(reply) == '!';
    s->error_seen |= error;
    if (error && s->options->fail_on_error) {
        struct slice text = reply_text(reply);
        fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
    } else {
        format_reply(&out, reply, as_text ? OUTPUT_RAW : s->output, s->options);
        /* a text that ends its last line itself */
        bool doubled = as_text && out.len >= 2 && out.ptr[out.len - 2] == '\n';
        write_all(stdout, slice_of(out.ptr, out.len - doubled));
    }
    buf_release(&out);
}

/* ---- commands ---- */
static bool is_any(struct slice word, const char *const *names) {
    for (; *names; names++)
        if (slice_equal_nocase(word, slice_of_cstr(*names))) return true;
    return false;
}

/* Commands that RESP3 answers with pushes, one for every channel named. */
static bool is_subscription(struct slice word) {
    static const char *const names[] = {"subscribe",    "psubscribe",   "ssubscribe", "unsubscribe",
                                        "punsubscribe", "sunsubscribe", NULL};
    return is_any(word, names);
}

/* After these the server speaks unasked. */
static const char *const listens[] = {"subscribe", "psubscribe", "ssubscribe", "monitor", "sync", "psync", NULL};

static int replies_of(const struct slice *words, int count) {
    if (is_subscription(words[0])) return count > 2 ? count - 1 : 1;
    bool silenced =
        count == 3 && slice_is(words[0], "client") && slice_is(words[1], "reply") && !slice_is(words[2], "on");
    return silenced ? 0 : 1;
}

/* What a reply that is not an error tells of the connection. */
static void note_state(struct session *s, const struct slice *words, int count, struct slice reply) {
    static const char *const ends_transaction[] = {"exec", "discard", "reset", NULL};
    char kind = reply_kind(reply);
    int64_t db;
    if (kind == '-' && !slice_is(words[0], "exec")) return;
    bool queued = kind == '+' && slice_is(reply_text(reply), "queued");
    if (queued) return;
    if (is_any(words[0], listens)) s->listening = true;
    if (slice_is(words[0], "multi")) s->in_transaction = true;
    if (is_any(words[0], ends_transaction)) s->in_transaction = false;
    if (slice_is(words[0], "reset")) s->db = 0;
    if (slice_is(words[0], "select") && count == 2 && num_parse_i64(words[1], &db)) s->db = db;
}

/* ---- redirections of a cluster ---- */
/* "MOVED <slot> <host>:<port>" and "ASK ..." point the session there; an empty host is the one we talk to. */
static enum redirect follow(struct session *s, struct slice reply) {
    struct slice text = reply_text(reply), words[3];
    char scratch[HOST_MAX + 32];
    int64_t port;
    if (reply_kind(reply) != '-' || text.len > sizeof scratch || text_split_words(text, scratch, words, 3) != 3)
        return REDIRECT_NONE;
    bool ask = slice_is(words[0], "ask");
    const char *colon = memrchr(words[2].ptr, ':', words[2].len);
    if ((!ask && !slice_is(words[0], "moved")) || !colon) return REDIRECT_NONE;
    struct slice host = slice_of(words[2].ptr, (size_t)(colon - words[2].ptr));
    struct slice number = slice_of(colon + 1, words[2].len - host.len - 1);
    if (host.len == 0) host = slice_of_cstr(s->options->host);
    if (!num_parse_i64(number, &port) || !session_point_to(s, host, port)) return REDIRECT_NONE;
    if (s->interactive)
        printf("-> Redirected to slot [%.*s] located at %s:%d\n", (int)words[1].len, words[1].ptr, s->host, (int)port);
    return ask ? REDIRECT_ASK : REDIRECT_MOVED;
}

static bool go_where_told(struct session *s) {
    struct slice asking = SLICE("ASKING");
    bool refused;
    link_close(&s->link);
    return session_connect(s) && (s->redirect != REDIRECT_ASK || greet(s, "ASKING", &asking, 1, &refused));
}

/* Reads the command's replies. Pushes that come between are shown to people. */
static enum link_status read_replies(struct session *s, const struct slice *words, int count, char *why) {
    struct slice reply;
    for (int left = replies_of(words, count); left > 0;) {
        enum link_status status = link_read(&s->link, &reply, why);
        if (status != LINK_OK) return status;
        bool answer = reply_kind(reply) != '>' || is_subscription(words[0]);
        if (answer && s->options->follow_redirects && (s->redirect = follow(s, reply)) != REDIRECT_NONE) return LINK_OK;
        if (answer) note_state(s, words, count, reply);
        if (answer || s->shows_pushes) print_reply(s, reply, answer && reply_is_text(words, count));
        left -= answer;
    }
    return LINK_OK;
}

/* Prints what comes until the connection ends. */
static bool listen_on(struct session *s) {
    char why[LINK_ERROR_MAX];
    struct slice reply;
    while (link_read(&s->link, &reply, why) == LINK_OK) print_reply(s, reply, false);
    fprintf(stderr, "%s\n", why);
    return false;
}

/* More than a cluster's nodes would send us about, when they agree. */
#define REDIRECTS_MAX 16

static enum link_status exchange(struct session *s, const struct slice *words, int count, char *why) {
    for (int i = 0; i < REDIRECTS_MAX; i++) {
        s->redirect = REDIRECT_NONE;
        enum link_status status = link_send(&s->link, words, count, why);
        if (status == LINK_OK) status = read_replies(s, words, count, why);
        if (status != LINK_OK || s->redirect == REDIRECT_NONE) return status;
        snprintf(why, LINK_ERROR_MAX, "Error: the redirection could not be followed");
        if (!go_where_told(s)) return LINK_FAILED;
    }
    snprintf(why, LINK_ERROR_MAX, "Error: redirected %d times", REDIRECTS_MAX);
    return LINK_FAILED;
}

bool session_run(struct session *s, const struct slice *words, int count) {
    char why[LINK_ERROR_MAX];
    if (link_is_open(&s->link) && !link_alive(&s->link)) link_close(&s->link);
    if (!link_is_open(&s->link) && !session_connect(s)) return false;
    int64_t start_us = clock_mono_us();
    if (s->output != OUTPUT_RAW && is_subscription(words[0]) && is_any(words[0], listens))
        puts("Reading messages... (press Ctrl-C to quit)");
    enum link_status status = exchange(s, words, count, why);
    if (status == LINK_CLOSED && slice_is(words[0], "shutdown")) return true;
    if (status != LINK_OK) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    double seconds = (double)(clock_mono_us() - start_us) / 1e6;
    if (s->options->verbose) fprintf(stderr, "%.*s: %.6f s\n", (int)words[0].len, words[0].ptr, seconds);
    if (s->interactive && s->output == OUTPUT_PLAIN && seconds >= 0.5) printf("(%.2fs)\n", seconds);
    return s->listening ? listen_on(s) : true;
}

bool session_repeat(struct session *s, const struct slice *words, int count, int64_t times) {
    for (int64_t i = 0; times < 0 || i < times; i++) {
        if (!session_run(s, words, count)) return false;
        if (s->error_seen && s->options->fail_on_error) return true;
        if (s->options->interval_us == 0 || i + 1 == times) continue;
        session_wait(s, 0);
    }
    return true;
}

/* ---- for modes ---- */
static bool told(enum link_status status, const char *why) {
    if (status != LINK_OK) fprintf(stderr, "%s\n", why);
    return status == LINK_OK;
}

bool session_send(struct session *s, const struct slice *words, int count) {
    char why[LINK_ERROR_MAX];
    return told(link_send(&s->link, words, count, why), why);
}

bool session_receive(struct session *s, struct slice *reply) {
    char why[LINK_ERROR_MAX];
    do
        if (!told(link_read(&s->link, reply, why), why)) return false;
    while (reply_kind(*reply) == '>');
    return true;
}

bool session_ask(struct session *s, const struct slice *words, int count, struct slice *reply) {
    return session_send(s, words, count) && session_receive(s, reply);
}

void session_wait(const struct session *s, int64_t otherwise_us) {
    int64_t us = s->options->interval_us > 0 ? s->options->interval_us : otherwise_us;
    struct timespec wait = {us / 1000000, us % 1000000 * 1000};
    if (us > 0) nanosleep(&wait, NULL);
}
