/* Sockets: non-blocking, close-on-exec. Functions return a descriptor or -errno, and fill `why` (NET_ERROR_MAX) with a
 * sentence that names the address. */
#ifndef TARN_IO_NET_H
#define TARN_IO_NET_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NET_ERROR_MAX   256
#define NET_ADDRESS_MAX 128 /* "[v6]:port" or a unix path, cut */

/* address: numeric IPv4 or IPv6, "*" (all IPv4), "::*" or "::" (all IPv6, V6ONLY). */
int net_listen_tcp(const char *address, int port, int backlog, char *why);
int net_listen_unix(const char *path, int mode /* 0: umask's */, const char *group /* or NULL */, int backlog,
                    char *why);
/* -EAGAIN when there is none. Nodelay and keepalive are set by the caller. */
int net_accept(int listener);
int net_connect_tcp(const char *host, int port, int timeout_ms, char *why); /* blocking connect: tools and tests */
int net_connect_unix(const char *path, char *why);

int net_set_nodelay(int fd, bool on);
int net_set_keepalive(int fd, int seconds); /* 0 turns it off */
int net_set_blocking(int fd, bool blocking);

/* "ip:port", "[v6]:port", "path:0" for unix; "?:0" when unknown. Returns dst. */
char *net_peer(int fd, char *dst, size_t cap);
char *net_local(int fd, char *dst, size_t cap);
bool net_peer_is_loopback(int fd); /* loopback or unix socket: protected mode */
bool net_is_unix(int fd);
bool net_is_address(struct slice text, bool v6); /* a numeric address, without port and brackets */

/* One system call each; -errno on error, 0 from recv is end of file. EINTR is retried. */
ssize_t net_recv(int fd, void *dst, size_t n);
/* n bytes to dst, and what comes behind them to `behind`. */
ssize_t net_recv_pair(int fd, void *dst, size_t n, void *behind, size_t behind_n);
ssize_t net_send(int fd, const void *src, size_t n);

#endif
