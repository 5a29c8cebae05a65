/* A small, strict HTTP/1.1 server on a loop: GET and HEAD without bodies, parsed by llhttp. Bounded in every direction: 64
 * connections, 8 KiB of request head, 5 s from its first byte (or from the connection) to its end, 10 s for the reply to be
 * taken, 15 s of idling between requests. Without llhttp (TARN_HTTP not defined) nothing listens. One thread. */
#ifndef TARN_OBSERVE_HTTP_H
#define TARN_OBSERVE_HTTP_H

#include "base/slice.h"
#include "mem/buf.h"

#include <stdbool.h>

struct loop;
struct http_server;

struct http_reply {
    int status;       /* 200 unless set */
    const char *type; /* content type */
    struct buf body;
};

/* Fills the reply to a request for path; query is what follows '?', or empty. Must not block. */
typedef void http_respond(void *arg, struct slice path, struct slice query, struct http_reply *reply);

#define HTTP_TOKEN_MAX 255
#define HTTP_HOSTS_MAX 1023

bool http_available(void); /* built with llhttp */
struct http_server *http_new(struct loop *loop, http_respond *respond, void *arg);
void http_free(struct http_server *h);
/* listener: a listening socket, the server's from now on; -1: none. The old one is closed, connections stay. */
void http_listen(struct http_server *h, int listener);
/* "": none. Else every request needs it, as "Authorization: Bearer TOKEN" or, for browsers, as the password of Basic. */
void http_set_token(struct http_server *h, const char *token);
/* Names under which it may be asked, beside addresses and localhost; see http_host.h. Other requests get 421. */
void http_set_hosts(struct http_server *h, const char *names);
/* A connection that was made elsewhere, as if it had been accepted: for tests. */
void http_serve(struct http_server *h, int fd);

#endif
