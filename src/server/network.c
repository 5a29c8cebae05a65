/* Listeners, and the order of a turn. */
#include "base/log.h"
#include "server/network_int.h"
#include "server/settings.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct network *network_new(struct loop *loop, struct executor *executor) {
    struct network *n = mem_alloc_zeroed(MEM_SERVER, sizeof *n);
    n->loop = loop;
    n->executor = executor;
    n->arena = mem_alloc(MEM_CLIENT_IN, NETWORK_ARENA_SIZE);
    list_init(&n->ready);
    list_init(&n->touched);
    return n;
}

static void close_all(struct network *n) {
    list_each_safe(it, &n->executor->sessions) {
        struct session *s = list_entry(it, struct session, place);
        connection_destroy((struct connection *)(void *)s);
    }
}

void network_free(struct network *n) {
    network_stop_listening(n);
    close_all(n);
    mem_free(MEM_CLIENT_IN, n->arena, NETWORK_ARENA_SIZE);
    mem_free(MEM_SERVER, n, sizeof *n);
}

/* ---- accepting ---- */
static void refuse(int fd, const char *line) {
    /* One attempt: a peer that does not read its refusal misses it. */
    (void)net_send(fd, line, strlen(line));
    close(fd);
}

static bool is_protected_from(int fd, const struct network *n) {
    return server_settings()->protected_mode && n->executor->password[0] == '\0' && !net_peer_is_loopback(fd);
}

static void admit(struct listener *l, int fd) {
    struct network *n = l->network;
    n->executor->stats.connections++;
    if ((int64_t)n->executor->session_count >= server_settings()->maxclients) {
        n->executor->stats.rejected_connections++;
        refuse(fd, "-ERR max number of clients reached\r\n");
    } else if (is_protected_from(fd, n)) {
        n->executor->stats.rejected_connections++;
        refuse(fd, "-DENIED Tarn is running in protected mode: no password is set for the default user, so only "
                   "connections from this machine are accepted. To accept others, set a password (requirepass), or "
                   "turn the protection off with CONFIG SET protected-mode no from this machine, in the configuration "
                   "file, or with --protected-mode no.\r\n");
    } else {
        connection_open(n, fd, l->is_unix);
    }
}

/* So many at a time that a burst of new clients does not hold up those that are there. */
#define ACCEPTS_PER_TURN 64

static void on_listener(struct loop_fd *fd, unsigned events) {
    struct listener *l = (struct listener *)(void *)fd;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int client = net_accept(l->fd.fd);
        if (client == -EAGAIN) return;
        if (client < 0) {
            log_warning("Accepting client connection: %s", strerror(-client));
            return;
        }
        admit(l, client);
    }
}

/* ---- listening ---- */
static void add_listener(struct network *n, int fd, bool is_unix, const char *name) {
    struct listener *l = &n->listeners[n->listener_count++];
    *l = (struct listener){.fd = {.fd = fd, .call = on_listener}, .network = n, .is_unix = is_unix};
    snprintf(l->name, sizeof l->name, "%s", name);
    int failed = loop_watch(n->loop, &l->fd, LOOP_READ);
    if (failed) log_warning("Cannot watch listener %s: %s", name, strerror(failed));
}

static void close_listeners(struct network *n, unsigned first, unsigned end) {
    for (unsigned i = first; i < end; i++) {
        struct listener *l = &n->listeners[i];
        if (l->fd.watched) loop_unwatch(n->loop, &l->fd);
        close(l->fd.fd);
        if (l->is_unix) unlink(l->name);
    }
}

/* A bind written with '-' may be missing on this machine; the others may not. */
static bool may_be_missing(const char *written, int error) {
    return written[0] == '-' && (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT || error == -EPROTONOSUPPORT);
}

static bool listen_tcp(struct network *n, char *why) {
    const struct server_settings *s = server_settings();
    for (int i = 0; s->port != 0 && i < s->bind_count; i++) {
        const char *written = s->bind[i], *address = written[0] == '-' ? written + 1 : written;
        if (n->listener_count == LISTENERS_MAX) {
            snprintf(why, NET_ERROR_MAX, "too many bind addresses");
            return false;
        }
        int fd = net_listen_tcp(address, (int)s->port, (int)s->tcp_backlog, why);
        if (fd >= 0) {
            add_listener(n, fd, false, address);
        } else if (!may_be_missing(written, fd)) {
            return false;
        }
    }
    return true;
}

static bool listen_unix(struct network *n, char *why) {
    const struct server_settings *s = server_settings();
    if (s->unixsocket[0] == '\0') return true;
    const char *group = s->unixsocketgroup[0] ? s->unixsocketgroup : NULL;
    int fd = net_listen_unix(s->unixsocket, (int)s->unixsocketperm, group, (int)s->tcp_backlog, why);
    if (fd < 0) return false;
    add_listener(n, fd, true, s->unixsocket);
    return true;
}

bool network_listen(struct network *n) {
    char why[NET_ERROR_MAX] = "";
    if (!listen_tcp(n, why) || !listen_unix(n, why)) {
        log_warning("Failed listening: %s", why);
        network_stop_listening(n);
        return false;
    }
    if (n->listener_count == 0) {
        log_warning("Configured to not listen anywhere, exiting.");
        return false;
    }
    return true;
}

static void forget_first(struct network *n, unsigned count) {
    /* The loop knows listeners by address, so the new ones are taken out and added again at their final place. */
    for (unsigned i = count; i < n->listener_count; i++) {
        struct listener *l = &n->listeners[i];
        loop_unwatch(n->loop, &l->fd);
        n->listeners[i - count] = *l;
        loop_watch(n->loop, &n->listeners[i - count].fd, LOOP_READ);
    }
    n->listener_count -= count;
}

bool network_relisten(struct network *n, const char **why) {
    static char text[NET_ERROR_MAX];
    unsigned old = n->listener_count;
    if (!listen_tcp(n, text)) {
        close_listeners(n, old, n->listener_count);
        n->listener_count = old;
        *why = text;
        return false;
    }
    unsigned tcp_old = 0;
    while (tcp_old < old && !n->listeners[tcp_old].is_unix) tcp_old++;
    close_listeners(n, 0, tcp_old);
    forget_first(n, tcp_old);
    return true;
}

void network_stop_listening(struct network *n) {
    close_listeners(n, 0, n->listener_count);
    n->listener_count = 0;
}

void network_describe_listeners(const struct network *n, metric_emit *emit, void *arg) {
    for (unsigned i = 0; i < n->listener_count; i++) {
        const struct listener *l = &n->listeners[i];
        char name[32], text[NET_ADDRESS_MAX + 64];
        snprintf(name, sizeof name, "listener%u", i);
        if (l->is_unix) {
            snprintf(text, sizeof text, "name=unix,bind=%s", l->name);
        } else {
            snprintf(text, sizeof text, "name=tcp,bind=%s,port=%lld", l->name, (long long)server_settings()->port);
        }
        emit(arg, name, text);
    }
}

void network_apply_keepalive(struct network *n) {
    list_each(it, &n->executor->sessions) {
        const struct session *s = list_entry(it, struct session, place);
        if (s->flags & SESSION_UNIX) continue;
        net_set_keepalive(((const struct connection *)(const void *)s)->fd.fd, (int)server_settings()->tcp_keepalive_s);
    }
}

/* ---- the turn ---- */
void network_process(struct network *n) {
    struct list_node *it;
    while ((it = list_take_first(&n->ready)) != NULL) batch_gather(list_entry(it, struct connection, ready));
    batch_run(n);
    /* Finishing one connection may touch another (a kill, a resume): those are looked at in this turn too. */
    while ((it = list_take_first(&n->touched)) != NULL) connection_finish(list_entry(it, struct connection, touched));
    n->arena_used = 0;
}

bool network_has_pending(const struct network *n) { return !list_empty(&n->ready) || !list_empty(&n->touched); }

void network_close_idle(struct network *n) {
    int64_t timeout_ms = server_settings()->timeout_s * 1000;
    if (timeout_ms == 0) return;
    list_each(it, &n->executor->sessions) {
        struct session *s = list_entry(it, struct session, place);
        if (s->flags & (SESSION_BLOCKED | SESSION_MONITOR | SESSION_POSTPONED)) continue;
        if (n->executor->now_ms - s->active_ms <= timeout_ms) continue;
        log_verbose("Closing idle client id=%llu", (unsigned long long)s->id);
        session_close(s, false);
    }
}

void network_flush_all(struct network *n) {
    list_each_safe(it, &n->executor->sessions) {
        connection_send((struct connection *)(void *)list_entry(it, struct session, place));
    }
}
