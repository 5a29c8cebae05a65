#include "link.h"

#include "base/num.h"
#include "io/net.h"
#include "wire/resp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)

void link_init(struct link *l) {
    *l = (struct link){.fd = -1};
    buf_init(&l->in, MEM_CLIENT_IN);
}

void link_release(struct link *l) {
    link_close(l);
    buf_release(&l->in);
}

void link_close(struct link *l) {
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    l->taken = 0;
    buf_clear(&l->in);
}

bool link_is_open(const struct link *l) { return l->fd >= 0; }

bool link_open(struct link *l, const struct options *o, char *why) {
    char detail[NET_ERROR_MAX], address[NET_ADDRESS_MAX];
    link_close(l);
    int fd = o->socket ? net_connect_unix(o->socket, detail) : net_connect_tcp(o->host, (int)o->port, 0, detail);
    if (fd >= 0) {
        net_set_blocking(fd, true);
        if (!o->socket) net_set_nodelay(fd, true);
        l->fd = fd;
        return true;
    }
    if (o->socket)
        snprintf(address, sizeof address, "%s", o->socket);
    else
        snprintf(address, sizeof address, "%s:%d", o->host, (int)o->port);
    const char *reason = strstr(detail, ": ");
    snprintf(why, LINK_ERROR_MAX, "Could not connect to Tarn at %s: %s", address, reason ? reason + 2 : detail);
    return false;
}

bool link_alive(const struct link *l) {
    char byte;
    return recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static enum link_status link_lost(struct link *l, ssize_t error, char *why) {
    bool closed = error == 0 || error == -ECONNRESET || error == -EPIPE;
    snprintf(why, LINK_ERROR_MAX, "Error: %s", closed ? "Server closed the connection" : strerror((int)-error));
    link_close(l);
    return closed ? LINK_CLOSED : LINK_FAILED;
}

enum link_status link_send_bytes(struct link *l, struct slice bytes, char *why) {
    while (bytes.len > 0) {
        ssize_t sent = net_send(l->fd, bytes.ptr, bytes.len);
        if (sent < 0) return link_lost(l, sent, why);
        bytes = slice_of(bytes.ptr + sent, bytes.len - (size_t)sent);
    }
    return LINK_OK;
}

enum link_status link_send(struct link *l, const struct slice *words, int count, char *why) {
    struct buf out;
    buf_init(&out, MEM_CLIENT_OUT);
    resp_put_head(&out, '*', (uint64_t)count);
    for (int i = 0; i < count; i++) resp_put_bulk(&out, words[i]);
    enum link_status status = link_send_bytes(l, buf_slice(&out), why);
    buf_release(&out);
    return status;
}

/* ---- replies ---- */
/* How far a reply has been read: the elements still to come, from the outermost in. Each byte is looked at once. */
struct progress {
    size_t at;
    int64_t left[REPLY_DEPTH_MAX];
    int depth;
};

/* Counts one item in. False when the reply is nested too deeply. */
static bool progress_item(struct progress *p, const struct resp_item *item) {
    bool pairs = item->kind == RESP_MAP || item->kind == RESP_ATTRIBUTE;
    bool nests = pairs || item->kind == RESP_ARRAY || item->kind == RESP_SET || item->kind == RESP_PUSH;
    if (item->kind == RESP_ATTRIBUTE) p->left[p->depth - 1]++; /* what it describes is still to come */
    if (nests && !item->null && item->count > 0) {
        if (p->depth == REPLY_DEPTH_MAX) return false;
        p->left[p->depth++] = pairs ? item->count * 2 : item->count;
        return true;
    }
    while (p->depth > 0 && --p->left[p->depth - 1] == 0) p->depth--;
    return true;
}

/* 1: a whole reply ends at p->at; 0: more bytes needed; -1: not a reply. */
static int progress_scan(struct progress *p, struct slice in) {
    struct resp_item item;
    while (p->depth > 0) {
        ssize_t used = resp_read_item(in.ptr + p->at, in.len - p->at, &item);
        if (used <= 0) return (int)used;
        p->at += (size_t)used;
        if (!progress_item(p, &item)) return -1;
    }
    return 1;
}

static struct progress progress_begin(void) {
    struct progress p;
    p.at = 0;
    p.depth = 1;
    p.left[0] = 1;
    return p;
}

static void link_drop_taken(struct link *l) {
    buf_consume(&l->in, l->taken);
    l->taken = 0;
}

enum link_status link_read(struct link *l, struct slice *reply, char *why) {
    struct progress p = progress_begin();
    link_drop_taken(l);
    for (;;) {
        int whole = progress_scan(&p, buf_slice(&l->in));
        if (whole == 1) break;
        if (whole == 0) {
            ssize_t got = net_recv(l->fd, buf_reserve(&l->in, READ_BYTES), READ_BYTES);
            if (got <= 0) return link_lost(l, got, why);
            buf_advance(&l->in, (size_t)got);
            continue;
        }
        snprintf(why, LINK_ERROR_MAX, "Error: Protocol error in the reply");
        link_close(l);
        return LINK_FAILED;
    }
    l->taken = p.at;
    *reply = slice_of(l->in.ptr, p.at);
    return LINK_OK;
}

enum link_status link_read_bytes(struct link *l, size_t most, struct slice *bytes, char *why) {
    link_drop_taken(l);
    if (l->in.len == 0) {
        ssize_t got = net_recv(l->fd, buf_reserve(&l->in, READ_BYTES), READ_BYTES);
        if (got <= 0) return link_lost(l, got, why);
        buf_advance(&l->in, (size_t)got);
    }
    l->taken = l->in.len < most ? l->in.len : most;
    *bytes = slice_of(l->in.ptr, l->taken);
    return LINK_OK;
}

bool link_pending(struct link *l) {
    struct progress p = progress_begin();
    link_drop_taken(l);
    for (;;) {
        if (progress_scan(&p, buf_slice(&l->in)) != 0) return true;
        ssize_t got = recv(l->fd, buf_reserve(&l->in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
        if (got <= 0) return got == 0 || (errno != EAGAIN && errno != EINTR);
        buf_advance(&l->in, (size_t)got);
    }
}
