#include "io/net.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

union net_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Closes fd, says what went wrong with which address, returns -error. */
static int give_up(int fd, int error, const char *verb, const char *where, char *why) {
    if (fd >= 0) close(fd);
    snprintf(why, NET_ERROR_MAX, "cannot %s %s: %s", verb, where, strerror(error));
    return -error;
}

/* ---- TCP ---- */

static void tcp_name(char *dst, size_t cap, const char *host, int port) {
    snprintf(dst, cap, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

/* The first address of host; getaddrinfo's own text in why when it has none. */
static int resolve(const char *host, int port, bool passive, struct addrinfo **out, char *why) {
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    int rc = getaddrinfo(host, service, &hints, out);
    if (rc == 0) return 0;
    snprintf(why, NET_ERROR_MAX, "cannot use address %.128s: %s", host, gai_strerror(rc));
    return rc == EAI_SYSTEM ? -errno : -EADDRNOTAVAIL;
}

static int listen_on(const struct addrinfo *a, int backlog) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    /* So that "*" and "::*" can both be bound. */
    if (error == 0 && a->ai_family == AF_INET6) error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (error == 0 && bind(fd, a->ai_addr, a->ai_addrlen) != 0) error = -errno;
    if (error == 0 && listen(fd, backlog) != 0) error = -errno;
    if (error == 0) return fd;
    close(fd);
    return error;
}

int net_listen_tcp(const char *address, int port, int backlog, char *why) {
    const char *host = address;
    if (strcmp(address, "*") == 0) host = "0.0.0.0";
    if (strcmp(address, "::*") == 0) host = "::";
    struct addrinfo *found;
    int error = resolve(host, port, true, &found, why);
    if (error) return error;
    int fd = listen_on(found, backlog);
    freeaddrinfo(found);
    if (fd >= 0) return fd;
    char where[NET_ADDRESS_MAX];
    tcp_name(where, sizeof where, address, port);
    return give_up(-1, -fd, "listen on", where, why);
}

int net_accept(int listener) {
    int fd;
    do fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd >= 0 ? fd : -errno;
}

/* Waits until a connect under way has ended; 0 or its error. */
static int await_connect(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n;
    do n = poll(&p, 1, timeout_ms > 0 ? timeout_ms : -1);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno;
    if (n == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) return errno;
    return error;
}

static int connect_to(const struct addrinfo *a, int timeout_ms) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) error = await_connect(fd, timeout_ms);
    if (error == 0) error = -net_set_blocking(fd, true);
    if (error == 0) return fd;
    close(fd);
    return -error;
}

int net_connect_tcp(const char *host, int port, int timeout_ms, char *why) {
    struct addrinfo *found;
    int fd = resolve(host, port, false, &found, why);
    if (fd < 0) return fd;
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        fd = connect_to(a, timeout_ms);
        if (fd >= 0) break;
    }
    freeaddrinfo(found);
    if (fd >= 0) return fd;
    char where[NET_ADDRESS_MAX];
    tcp_name(where, sizeof where, host, port);
    return give_up(-1, -fd, "connect to", where, why);
}

/* ---- unix sockets ---- */

static int unix_address(const char *path, struct sockaddr_un *out) {
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    size_t len = strlen(path);
    if (len == 0) return EINVAL;
    if (len >= sizeof out->sun_path) return ENAMETOOLONG;
    memcpy(out->sun_path, path, len);
    return 0;
}

/* A socket left by an earlier run is in the way; anything else under that name is not ours to remove. */
static void remove_old_socket(const char *path) {
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) unlink(path);
}

static int set_group(const char *path, const char *group) {
    char *end;
    unsigned long number = strtoul(group, &end, 10);
    if (*end != '\0') {
        const struct group *g = getgrnam(group);
        if (g == NULL) return EINVAL;
        number = g->gr_gid;
    }
    return chown(path, (uid_t)-1, (gid_t)number) == 0 ? 0 : errno;
}

int net_listen_unix(const char *path, int mode, const char *group, int backlog, char *why) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error) return give_up(-1, error, "listen on", path, why);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return give_up(-1, errno, "listen on", path, why);
    remove_old_socket(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return give_up(fd, errno, "listen on", path, why);
    if (mode != 0 && chmod(path, (mode_t)mode) != 0) return give_up(fd, errno, "set the mode of", path, why);
    if (group != NULL && *group) {
        error = set_group(path, group);
        if (error) return give_up(fd, error, "set the group of", path, why);
    }
    if (listen(fd, backlog) != 0) return give_up(fd, errno, "listen on", path, why);
    return fd;
}

int net_connect_unix(const char *path, char *why) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error) return give_up(-1, error, "connect to", path, why);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return give_up(-1, errno, "connect to", path, why);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    return give_up(fd, errno, "connect to", path, why);
}

/* ---- options ---- */

int net_set_nodelay(int fd, bool on) { return set_option(fd, IPPROTO_TCP, TCP_NODELAY, on); }

int net_set_keepalive(int fd, int seconds) {
    if (seconds <= 0) return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    int interval = seconds / 3 > 0 ? seconds / 3 : 1; /* dead after three unanswered probes: about twice the time */
    int error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    return error;
}

int net_set_blocking(int fd, bool blocking) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) == 0 ? 0 : -errno;
}

/* ---- names ---- */

static bool get_name(int fd, bool peer, union net_address *a) {
    memset(a, 0, sizeof *a);
    socklen_t len = sizeof *a;
    return (peer ? getpeername(fd, &a->any, &len) : getsockname(fd, &a->any, &len)) == 0;
}

static char *format_address(const union net_address *a, char *dst, size_t cap) {
    char text[INET6_ADDRSTRLEN];
    if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, text, sizeof text);
        snprintf(dst, cap, "%s:%d", text, ntohs(a->v4.sin_port));
    } else if (a->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, sizeof text);
        snprintf(dst, cap, "[%s]:%d", text, ntohs(a->v6.sin6_port));
    } else if (a->any.sa_family == AF_UNIX) {
        snprintf(dst, cap, "%.*s:0", (int)sizeof a->local.sun_path, a->local.sun_path);
    } else {
        snprintf(dst, cap, "?:0");
    }
    return dst;
}

char *net_local(int fd, char *dst, size_t cap) {
    union net_address a;
    if (!get_name(fd, false, &a)) memset(&a, 0, sizeof a);
    return format_address(&a, dst, cap);
}

char *net_peer(int fd, char *dst, size_t cap) {
    union net_address a;
    if (!get_name(fd, true, &a)) memset(&a, 0, sizeof a);
    /* Clients of a unix socket have no name of their own: they are told apart by whose socket they came to. */
    if (a.any.sa_family == AF_UNIX && a.local.sun_path[0] == '\0') return net_local(fd, dst, cap);
    return format_address(&a, dst, cap);
}

bool net_peer_is_loopback(int fd) {
    union net_address a;
    if (!get_name(fd, true, &a)) return false;
    if (a.any.sa_family == AF_UNIX) return true;
    if (a.any.sa_family == AF_INET) return (ntohl(a.v4.sin_addr.s_addr) >> 24) == 127;
    if (a.any.sa_family != AF_INET6) return false;
    if (IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr)) return a.v6.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

bool net_is_address(struct slice text, bool v6) {
    char copy[INET6_ADDRSTRLEN + 1];
    struct in6_addr parsed;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len)) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(v6 ? AF_INET6 : AF_INET, copy, &parsed) == 1;
}

bool net_is_unix(int fd) {
    union net_address a;
    return get_name(fd, false, &a) && a.any.sa_family == AF_UNIX;
}

/* ---- bytes ---- */

ssize_t net_recv(int fd, void *dst, size_t n) {
    ssize_t got;
    do got = recv(fd, dst, n, 0);
    while (got < 0 && errno == EINTR);
    return got >= 0 ? got : -errno;
}

ssize_t net_recv_pair(int fd, void *dst, size_t n, void *behind, size_t behind_n) {
    ssize_t got;
    struct iovec parts[] = {{dst, n}, {behind, behind_n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    do got = recvmsg(fd, &message, 0);
    while (got < 0 && errno == EINTR);
    return got >= 0 ? got : -errno;
}

ssize_t net_send(int fd, const void *src, size_t n) {
    ssize_t put;
    do put = send(fd, src, n, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put >= 0 ? put : -errno;
}
