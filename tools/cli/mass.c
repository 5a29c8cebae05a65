#include "mass.h"

#include "base/random.h"
#include "io/net.h"
#include "reply.h"
#include "session.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define PIECE_BYTES (64 * 1024)
#define MARK_LEN    40

struct mass {
    struct link *link;
    struct buf out;
    char mark[MARK_LEN + 1]; /* an ECHO behind the input: its answer is the last reply */
    bool input_ended, finished;
    int wait_ms; /* for the last reply; -1: for ever */
    uint64_t replies, errors;
};

static void take_input(struct mass *m) {
    ssize_t got = read(STDIN_FILENO, buf_reserve(&m->out, PIECE_BYTES), PIECE_BYTES);
    if (got > 0) buf_advance(&m->out, (size_t)got);
    if (got > 0 || (got < 0 && errno == EINTR)) return;
    m->input_ended = true;
    random_hex(m->mark, MARK_LEN);
    /* the line end first: the input may lack its own, and an empty line means nothing */
    buf_printf(&m->out, "\r\n*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n", MARK_LEN, m->mark);
    puts("All data transferred. Waiting for the last reply...");
    fflush(stdout);
}

static bool send_some(struct mass *m) {
    ssize_t sent = net_send(m->link->fd, m->out.ptr, m->out.len);
    if (sent == -EAGAIN) return true;
    if (sent < 0) return false;
    buf_consume(&m->out, (size_t)sent);
    return true;
}

static void count_reply(struct mass *m, struct slice reply) {
    struct slice text = reply_text(reply);
    char kind = reply_kind(reply);
    if (kind == '>') return;
    if (m->input_ended && kind == '$' && slice_equal(text, slice_of(m->mark, MARK_LEN))) {
        m->finished = true;
        return;
    }
    m->replies++;
    if (kind != '-' && kind != '!') return;
    m->errors++;
    fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
}

static bool take_replies(struct mass *m) {
    char why[LINK_ERROR_MAX];
    struct slice reply;
    while (!m->finished && link_pending(m->link)) {
        if (link_read(m->link, &reply, why) == LINK_OK) {
            count_reply(m, reply);
            continue;
        }
        fprintf(stderr, "%s\n", why);
        return false;
    }
    return true;
}

/* Waits for whatever can go on: input, while there is room for it; the server's readiness; its replies. */
static bool mass_turn(struct mass *m) {
    bool wants_input = !m->input_ended && m->out.len < PIECE_BYTES;
    struct pollfd fds[2] = {
        {.fd = m->link->fd, .events = (short)(m->out.len > 0 ? POLLIN | POLLOUT : POLLIN)},
        {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int ready = poll(fds, 2, m->input_ended ? m->wait_ms : -1);
    if (ready < 0) return errno == EINTR;
    if (ready == 0) {
        fprintf(stderr, "No replies for %d seconds: exiting.\n", m->wait_ms / 1000);
        return false;
    }
    if (fds[1].revents) take_input(m);
    if (fds[0].revents & POLLOUT && !send_some(m)) return false;
    return !(fds[0].revents & ~POLLOUT) || take_replies(m);
}

int mass_run(struct session *s) {
    struct mass m = {.link = &s->link, .wait_ms = -1};
    int64_t timeout_s = s->options->pipe_timeout_s;
    if (timeout_s > 0) m.wait_ms = timeout_s < INT_MAX / 1000 ? (int)timeout_s * 1000 : INT_MAX;
    if (!session_connect(s)) return 1;
    buf_init(&m.out, MEM_CLIENT_OUT);
    net_set_blocking(s->link.fd, false);
    bool ok = true;
    while (ok && !m.finished) ok = mass_turn(&m);
    buf_release(&m.out);
    if (!ok) {
        fputs("Error: the last reply did not come\n", stderr);
        return 1;
    }
    puts("Last reply received from server.");
    printf("errors: %llu, replies: %llu\n", (unsigned long long)m.errors, (unsigned long long)m.replies);
    return m.errors ? 1 : 0;
}
