/* One connection: bytes in, bytes out, its end. */
#include "base/clock.h"
#include "base/log.h"
#include "exec/transaction.h"
#include "persist/aof.h"
#include "server/network_int.h"
#include "server/settings.h"
#include "values/string.h"

#include <errno.h>
#include <unistd.h>

static struct connection *of_session(struct session *s) { return (struct connection *)(void *)s; }

static struct connection *of_fd(struct loop_fd *fd) {
    return (struct connection *)(void *)((char *)fd - offsetof(struct connection, fd));
}

void connection_touch(struct connection *c) {
    if (list_empty(&c->touched)) list_append(&c->network->touched, &c->touched);
}

static void make_ready(struct connection *c) {
    if (list_empty(&c->ready)) list_append(&c->network->ready, &c->ready);
    connection_touch(c);
}

/* ---- transport ---- */
static size_t output_left(const struct connection *c) { return c->session.out.len - c->sent; }

static void describe(struct session *s, struct session_link *out) {
    static _Thread_local char peer[NET_ADDRESS_MAX], local[NET_ADDRESS_MAX];
    struct connection *c = of_session(s);
    memset(out, 0, sizeof *out);
    out->peer = net_peer(c->fd.fd, peer, sizeof peer);
    out->local = net_local(c->fd.fd, local, sizeof local);
    out->fd = c->fd.fd;
    out->input_bytes = connection_input_held(c) - c->consumed;
    out->input_free = c->held.cap - c->held.len;
    if (c->parser.blocks.bytes > c->parser.apart) out->input_free += c->parser.blocks.bytes - c->parser.apart;
    out->input_peak = c->input_peak;
    out->reply_space = s->out.cap;
    out->reply_peak = s->out.cap;
    out->output_bytes = output_left(c);
    /* A buffer of usual size is the reply space; what a large reply needs beyond is what agents watch. */
    out->output_memory = s->out.cap > OUTPUT_FIRST_SIZE ? s->out.cap : 0;
    out->output_list_len = out->output_memory ? 1 : 0;
    out->total_memory = connection_memory(c) - transaction_bytes(s); /* which CLIENT LIST adds */
    out->events = c->fd.events == (LOOP_READ | LOOP_WRITE) ? "rw" : c->fd.events == LOOP_READ ? "r" : "";
    out->is_unix = s->flags & SESSION_UNIX;
}

static void resume(struct session *s) { make_ready(of_session(s)); }

/* Messages that pile up within one turn are sent in between, and a client that does not take them is found out at once: each
 * may be as large as a whole request, and one client may get it many times over. */
static void attend(struct session *s) {
    struct connection *c = of_session(s);
    connection_touch(c);
    if (likely(output_left(c) <= OUTPUT_EARLY_SEND) || s->flags & SESSION_CLOSE || connection_is_served(c)) return;
    if (c->fd.events & LOOP_WRITE)
        connection_check_output(c);
    else
        connection_send_early(c);
}

static const struct session_transport socket_transport = {describe, resume, attend};

/* ---- in ---- */
/* From one connection in one turn. */
#define RECEIVE_MAX ((size_t)1 << 20)

static void close_lost(struct connection *c, const char *why) {
    if (c->session.flags & SESSION_CLOSE) return;
    log_debug("Client id=%llu closed the connection (%s)", (unsigned long long)c->session.id, why);
    session_close(&c->session, false);
}

/* Where the next bytes go, and how many are asked for: the arena while nothing is held, else behind what is held. */
static char *input_space(struct connection *c, size_t *room) {
    struct network *n = c->network;
    proven(!c->lent);
    if (c->held.len == 0) {
        size_t left = NETWORK_ARENA_SIZE - n->arena_used;
        *room = left < NETWORK_RECEIVE_SIZE ? left : NETWORK_RECEIVE_SIZE;
        return n->arena + n->arena_used;
    }
    char *at = buf_reserve(&c->held, NETWORK_RECEIVE_MIN);
    size_t free_bytes = c->held.cap - c->held.len;
    *room = free_bytes < RECEIVE_MAX ? free_bytes : RECEIVE_MAX;
    return at;
}

static void count_input(struct connection *c, size_t got) {
    struct executor_stats *stats = &c->network->executor->stats;
    stats->net_in += got;
    stats->reads++;
    c->session.net_in += got;
    c->session.active_ms = c->network->executor->now_ms;
    size_t now = connection_input_held(c);
    if (now > c->input_peak) c->input_peak = now;
    if (now > stats->client_peak_in) stats->client_peak_in = now;
}

static bool over_query_limit(struct connection *c) {
    /* What MULTI has queued came through here and is held as well. */
    size_t held = connection_input_held(c) + transaction_bytes(&c->session);
    if ((int64_t)held <= server_settings()->client_query_buffer_limit) return false;
    c->network->executor->stats.query_buffer_closed++;
    log_warning("Closing client id=%llu that reached the max query buffer length (%lld bytes)",
                (unsigned long long)c->session.id, (long long)server_settings()->client_query_buffer_limit);
    session_close(&c->session, false);
    return true;
}

static ssize_t receive_input(struct connection *c) {
    size_t room;
    char *at = input_space(c, &room);
    ssize_t got = net_recv(c->fd.fd, at, room);
    if (got <= 0) return got;
    if (at == c->network->arena + c->network->arena_used) {
        c->lent = at;
        c->lent_len = (size_t)got;
        c->network->arena_used += (size_t)got;
    } else {
        buf_advance(&c->held, (size_t)got);
    }
    return got;
}

/* A long argument goes straight to its place; what comes behind its end is input again. */
static ssize_t receive_bulk(struct connection *c) {
    size_t room, missing = resp_bulk_missing(&c->parser);
    char *at = resp_bulk_space(&c->parser, &room);
    proven(!c->lent && c->held.len > 0 && room > 0);
    if (room > RECEIVE_MAX) room = RECEIVE_MAX;
    char *behind = buf_reserve(&c->held, NETWORK_RECEIVE_MIN);
    ssize_t got = net_recv_pair(c->fd.fd, at, room, behind, room == missing ? NETWORK_RECEIVE_MIN : 0);
    if (got <= 0) return got;
    size_t filled = (size_t)got < room ? (size_t)got : room;
    resp_bulk_filled(&c->parser, filled);
    buf_advance(&c->held, (size_t)got - filled);
    return got;
}

void connection_receive(struct connection *c) {
    ssize_t got = resp_bulk_missing(&c->parser) ? receive_bulk(c) : receive_input(c);
    if (got == -EAGAIN) return;
    if (got <= 0) {
        close_lost(c, got == 0 ? "end of stream" : "read error");
        return;
    }
    count_input(c, (size_t)got);
    if (!over_query_limit(c)) make_ready(c);
}

void connection_cut_input(struct connection *c, size_t len) {
    proven(len >= c->parsed && len <= connection_input_len(c));
    if (c->lent)
        c->lent_len = len;
    else
        c->held.len = len;
}

static void on_event(struct loop_fd *fd, unsigned events) {
    struct connection *c = of_fd(fd);
    struct network *n = c->network;
    connection_touch(c);
    if (c->session.flags & SESSION_CLOSE) return;
    if (!(events & (LOOP_READ | LOOP_HANGUP))) return;
    /* A full arena ends the turn's receiving; the loop reports this one again at once. */
    if (c->held.len == 0 && NETWORK_ARENA_SIZE - n->arena_used < NETWORK_RECEIVE_MIN) return;
    connection_receive(c);
}

/* ---- out ---- */
void connection_drop_output(struct connection *c) {
    buf_release(&c->session.out);
    c->sent = 0;
}

static void watch_for_room(struct connection *c, bool wanted) {
    unsigned events = wanted ? LOOP_READ | LOOP_WRITE : LOOP_READ;
    if (c->fd.events != events) loop_watch(c->network->loop, &c->fd, events);
}

void connection_send(struct connection *c) {
    struct executor_stats *stats = &c->network->executor->stats;
    if (unlikely(!aof_may_reply(&c->session))) return;
    while (output_left(c) > 0) {
        ssize_t put = net_send(c->fd.fd, c->session.out.ptr + c->sent, output_left(c));
        if (put == -EAGAIN) break;
        if (put < 0) {
            close_lost(c, "write error");
            return;
        }
        stats->writes++;
        stats->net_out += (size_t)put;
        c->session.net_out += (size_t)put;
        c->session.active_ms = c->network->executor->now_ms;
        c->sent += (size_t)put;
    }
    if (output_left(c) > stats->client_peak_out) stats->client_peak_out = output_left(c);
    if (output_left(c) == 0) {
        buf_clear(&c->session.out);
        c->sent = 0;
    } else if (c->sent > c->session.out.cap / 2) {
        buf_consume(&c->session.out, c->sent);
        c->sent = 0;
    }
    watch_for_room(c, output_left(c) > 0);
}

static void note_soft(struct connection *c, bool over, int64_t now_ms) {
    if (over == (c->soft_limit_since_ms != 0)) return;
    c->soft_limit_since_ms = over ? now_ms : 0;
    if (over)
        list_append(&c->network->over_soft, &c->over_soft);
    else
        list_remove(&c->over_soft);
}

/* client-output-buffer-limit: hard at once, soft when it lasts. */
void connection_check_output(struct connection *c) {
    if (c->session.flags & SESSION_CLOSE) return;
    bool subscribed = c->session.flags & SESSION_PUBSUB;
    const struct output_limit *limit =
        &server_settings()->output_limits[subscribed ? OUTPUT_CLASS_PUBSUB : OUTPUT_CLASS_NORMAL];
    int64_t left = (int64_t)output_left(c), now = c->network->executor->now_ms;
    bool hard = limit->hard_bytes && left > limit->hard_bytes;
    bool soft = limit->soft_bytes && left > limit->soft_bytes;
    note_soft(c, soft, now);
    bool lasting = soft && now - c->soft_limit_since_ms > limit->soft_seconds * 1000;
    if (!hard && !lasting) return;
    c->network->executor->stats.output_buffer_closed++;
    log_warning("Client id=%llu scheduled to be closed ASAP for overcoming of output buffer limits (%lld bytes unsent, "
                "%s limit).",
                (unsigned long long)c->session.id, (long long)left, hard ? "hard" : "soft");
    session_close(&c->session, false);
}

void network_check_soft_limits(struct network *n) {
    list_each_safe(it, &n->over_soft) connection_check_output(list_entry(it, struct connection, over_soft));
}

void connection_send_early(struct connection *c) {
    connection_send(c);
    connection_note_memory(c);
    if (output_left(c) > OUTPUT_EARLY_SEND) connection_check_output(c);
}

/* ---- begin and end ---- */
void connection_open(struct network *n, int fd, bool is_unix) {
    struct connection *c = mem_alloc_zeroed(MEM_CLIENT, sizeof *c);
    c->network = n;
    c->fd = (struct loop_fd){.fd = fd, .call = on_event};
    list_init(&c->ready);
    list_init(&c->touched);
    list_init(&c->over_soft);
    list_init(&c->by_memory);
    buf_init(&c->held, MEM_CLIENT_IN);
    session_init(&c->session, n->executor, &socket_transport);
    if (is_unix) c->session.flags |= SESSION_UNIX;
    c->session.authenticated = n->executor->password[0] == '\0';
    c->parser.blocks = (struct resp_blocks){.front = sizeof(struct string_body), .owner = MEM_CLIENT_IN};
    if (!is_unix) {
        net_set_nodelay(fd, true);
        net_set_keepalive(fd, (int)server_settings()->tcp_keepalive_s);
    }
    connection_note_memory(c);
    int failed = loop_watch(n->loop, &c->fd, LOOP_READ);
    if (failed) {
        log_warning("Cannot watch a new connection: %s", strerror(failed));
        connection_destroy(c);
    }
}

void connection_destroy(struct connection *c) {
    list_remove(&c->ready);
    list_remove(&c->touched);
    list_remove(&c->over_soft);
    connection_forget_memory(c);
    if (c->fd.watched) loop_unwatch(c->network->loop, &c->fd);
    close(c->fd.fd);
    session_release(&c->session);
    resp_parser_release(&c->parser);
    buf_release(&c->held);
    mem_free(MEM_CLIENT, c, sizeof *c);
}

/* The bytes of requests that have run go; the rest must outlive the turn. */
static void keep_rest(struct connection *c) {
    size_t rest = connection_input_len(c) - c->consumed;
    if (c->lent) {
        if (rest) buf_append(&c->held, c->lent + c->consumed, rest);
        c->lent = NULL;
        c->lent_len = 0;
    } else if (rest == 0) {
        buf_release(&c->held);
    } else {
        buf_consume(&c->held, c->consumed);
    }
    /* A request of a million words has left room for as many. */
    if (rest == 0 && unlikely(c->parser.capacity > 0)) resp_parser_release(&c->parser);
    c->parsed -= c->consumed;
    c->consumed = 0;
}

void connection_finish(struct connection *c) {
    keep_rest(c);
    if (!(c->session.flags & SESSION_CLOSE) && c->session.out.len > 0) {
        connection_send(c);
        if (output_left(c) > 0) connection_check_output(c);
    }
    bool sent_all = c->session.out.len == 0;
    if (sent_all) connection_drop_output(c);
    if (c->session.flags & SESSION_CLOSE || (sent_all && c->session.flags & SESSION_CLOSE_AFTER_REPLY)) {
        connection_destroy(c);
    } else {
        connection_note_memory(c);
    }
}
