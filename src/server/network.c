/* Listeners, and the order of a turn. */
#include "base/log.h"
#include "base/metric.h"
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
    list_init(&n->over_soft);
    for (unsigned i = 0; i < CLIENT_CLASSES; i++) list_init(&n->by_memory[i]);
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

/* The client that could not be accepted stays ready, so this comes back at once and for as long as the want lasts. */
static void warn_of_accept(struct network *n, int error) {
    int64_t now_ms = n->executor->now_ms;
    if (now_ms - n->accept_warned_ms < 1000) return;
    n->accept_warned_ms = now_ms;
    log_warning("Accepting client connection: %s", strerror(error));
}

static void on_listener(struct loop_fd *fd, unsigned events) {
    struct listener *l = (struct listener *)(void *)fd;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int client = net_accept(l->fd.fd);
        if (client == -EAGAIN) return;
        if (client < 0) {
            warn_of_accept(l->network, -client);
            return;
        }
        admit(l, client);
    }
}

/* ---- listening ---- */
static void add_listener(struct network *n, int fd, bool is_unix, const char *name, int port) {
    proven(n->listener_count < LISTENERS_MAX);
    struct listener *l = mem_alloc_zeroed(MEM_SERVER, sizeof *l);
    l->fd = (struct loop_fd){.fd = fd, .call = on_listener};
    l->network = n;
    l->is_unix = is_unix;
    l->port = port;
    snprintf(l->name, sizeof l->name, "%s", name);
    n->listeners[n->listener_count++] = l;
    int failed = loop_watch(n->loop, &l->fd, LOOP_READ);
    if (failed) log_warning("Cannot watch listener %s: %s", name, strerror(failed));
}

static void close_listener(struct network *n, unsigned i) {
    struct listener *l = n->listeners[i];
    if (l->fd.watched) loop_unwatch(n->loop, &l->fd);
    close(l->fd.fd);
    if (l->is_unix) unlink(l->name);
    mem_free(MEM_SERVER, l, sizeof *l);
    n->listeners[i] = n->listeners[--n->listener_count];
}

/* A bind written with '-' may be missing on this machine; the others may not. */
static bool may_be_missing(const char *written, int error) {
    return written[0] == '-' && (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT || error == -EPROTONOSUPPORT);
}

static const char *bind_address(const char *written) { return written[0] == '-' ? written + 1 : written; }

static bool is_open(const struct network *n, const char *address, int port) {
    for (unsigned i = 0; i < n->listener_count; i++) {
        const struct listener *l = n->listeners[i];
        if (!l->is_unix && l->port == port && strcmp(l->name, address) == 0) return true;
    }
    return false;
}

static bool open_tcp(struct network *n, const char *written, int port, char *why) {
    const char *address = bind_address(written);
    int fd = net_listen_tcp(address, port, (int)server_settings()->tcp_backlog, why);
    if (fd >= 0) add_listener(n, fd, false, address, port);
    return fd >= 0 || may_be_missing(written, fd);
}

/* Opens what is configured and not open yet. */
static bool listen_tcp(struct network *n, char *why) {
    const struct server_settings *s = server_settings();
    for (int i = 0; s->port != 0 && i < s->bind_count; i++) {
        if (is_open(n, bind_address(s->bind[i]), (int)s->port)) continue;
        if (!open_tcp(n, s->bind[i], (int)s->port, why)) return false;
    }
    return true;
}

static bool listen_unix(struct network *n, char *why) {
    const struct server_settings *s = server_settings();
    if (s->unixsocket[0] == '\0') return true;
    const char *group = s->unixsocketgroup[0] ? s->unixsocketgroup : NULL;
    int fd = net_listen_unix(s->unixsocket, (int)s->unixsocketperm, group, (int)s->tcp_backlog, why);
    if (fd < 0) return false;
    add_listener(n, fd, true, s->unixsocket, 0);
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

static bool is_configured(const struct listener *l) {
    const struct server_settings *s = server_settings();
    if (l->is_unix) return true;
    for (int i = 0; i < s->bind_count; i++) {
        if (l->port == s->port && strcmp(l->name, bind_address(s->bind[i])) == 0) return true;
    }
    return false;
}

/* The old ones go first, because an old "*" and a new "127.0.0.1" of one port cannot both be there. A call for the old settings
 * brings them back. */
bool network_relisten(struct network *n, const char **why) {
    static char text[NET_ERROR_MAX];
    for (unsigned i = n->listener_count; i-- > 0;) {
        if (!is_configured(n->listeners[i])) close_listener(n, i);
    }
    *why = text;
    return listen_tcp(n, text);
}

void network_stop_listening(struct network *n) {
    while (n->listener_count > 0) close_listener(n, n->listener_count - 1);
}

void network_describe_listeners(const struct network *n, metric_emit *emit, void *arg) {
    for (unsigned i = 0; i < n->listener_count; i++) {
        const struct listener *l = n->listeners[i];
        char name[32], text[NET_ADDRESS_MAX + 64];
        snprintf(name, sizeof name, "listener%u", i);
        if (l->is_unix) {
            snprintf(text, sizeof text, "name=unix,bind=%s", l->name);
        } else {
            snprintf(text, sizeof text, "name=tcp,bind=%s,port=%d", l->name, l->port);
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
    while ((it = list_take_first(&n->ready)) != NULL) {
        struct connection *c = list_entry(it, struct connection, ready);
        connection_touch(c); /* one that was resumed at the end of the last turn is in no other list */
        batch_gather(c);
    }
    batch_run(n);
    /* Finishing one connection may touch another (a kill, a resume): those are looked at in this turn too. */
    while ((it = list_take_first(&n->touched)) != NULL) connection_finish(list_entry(it, struct connection, touched));
    n->arena_used = 0;
}

bool network_has_pending(const struct network *n) { return !list_empty(&n->ready) || !list_empty(&n->touched); }

void network_apply_clients_limit(struct network *n) { network_cut_clients(n); }

int64_t network_client_bytes(const struct network *n) { return n->client_bytes; }

void network_close_idle(struct network *n) {
    network_check_soft_limits(n);
    network_cut_clients(n); /* many small ones */
    int64_t timeout_ms = server_settings()->timeout_s * 1000;
    if (timeout_ms == 0) return;
    list_each(it, &n->executor->sessions) {
        struct session *s = list_entry(it, struct session, place);
        if (s->flags & (SESSION_BLOCKED | SESSION_MONITOR | SESSION_POSTPONED | SESSION_PUBSUB)) continue;
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
