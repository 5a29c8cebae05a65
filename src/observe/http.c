#include "observe/http.h"

#ifdef TARN_HTTP

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/net.h"
#include "observe/http_host.h"

#include <errno.h>
#include <llhttp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define HEAD_MAX        8192 /* bytes of a request */
#define TARGET_MAX      1024
#define VALUE_MAX       512 /* of a header that matters */
#define READ_SIZE       4096
#define REQUEST_US      5000000
#define REPLY_US        10000000
#define IDLE_US         15000000
#define LINGER_US       1000000 /* after the last reply, for the peer to read it */

enum phase { READING, SENDING, LINGERING };

struct request {
    char target[TARGET_MAX], field[16], value[VALUE_MAX];
    size_t target_len, field_len, value_len;
    size_t head_bytes;
    bool in_value, authorized, keep_alive, head, complete;
    bool host_is_ours; /* of the last Host */
    unsigned hosts;
    int problem; /* a status, 0: none */
};

struct connection {
    struct loop_fd fd;
    struct loop_timer deadline;
    struct list_node place;
    struct http_server *server;
    enum phase phase;
    llhttp_t parser;
    struct request request;
    char in[READ_SIZE];
    size_t in_len; /* bytes of the next request that came with this one */
    struct buf out;
    size_t sent;
    bool last; /* the connection ends after this reply */
};

struct http_server {
    struct loop *loop;
    struct loop_fd listener;
    http_respond *respond;
    void *arg;
    llhttp_settings_t callbacks;
    struct list_node connections;
    unsigned count;
    char token[HTTP_TOKEN_MAX + 1];
    char hosts[HTTP_HOSTS_MAX + 1];
};

bool http_available(void) { return true; }

/* ---- parsing ---- */

static struct connection *of_parser(llhttp_t *parser) { return parser->data; }

/* Appends what fits; the caller knows by the length that it did not. */
static void append_cut(char *dst, size_t *len, size_t cap, const char *src, size_t n) {
    size_t fits = cap - *len < n ? cap - *len : n;
    memcpy(dst + *len, src, fits);
    *len += fits;
}

static int refuse(struct connection *c, int status) {
    c->request.problem = status;
    return -1;
}

static int on_url(llhttp_t *parser, const char *at, size_t n) {
    struct connection *c = of_parser(parser);
    append_cut(c->request.target, &c->request.target_len, TARGET_MAX, at, n);
    return c->request.target_len == TARGET_MAX ? refuse(c, 414) : 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t n) {
    struct request *r = &of_parser(parser)->request;
    if (r->in_value) r->field_len = r->value_len = 0;
    r->in_value = false;
    append_cut(r->field, &r->field_len, sizeof r->field, at, n);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t n) {
    struct request *r = &of_parser(parser)->request;
    r->in_value = true;
    append_cut(r->value, &r->value_len, VALUE_MAX, at, n);
    return 0;
}

/* Takes the same time for every wrong token of a length. */
static bool same_secret(struct slice a, const char *token) {
    size_t len = strlen(token);
    unsigned char difference = a.len != len;
    for (size_t i = 0; i < a.len && i < len; i++) difference |= (unsigned char)(a.ptr[i] ^ token[i]);
    return difference == 0;
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t base64_decode(char *dst, struct slice s) {
    unsigned bits = 0, held = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.len && base64_digit(s.ptr[i]) >= 0; i++) {
        held = held << 6 | (unsigned)base64_digit(s.ptr[i]);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        dst[n++] = (char)(held >> bits & 0xff);
    }
    return n;
}

static bool has_scheme(struct slice value, const char *scheme, struct slice *rest) {
    size_t n = strlen(scheme);
    if (value.len <= n || !slice_equal_nocase(slice_of(value.ptr, n), slice_of_cstr(scheme))) return false;
    *rest = slice_of(value.ptr + n, value.len - n);
    return true;
}

static bool carries_token(struct slice value, const char *token) {
    char text[VALUE_MAX];
    struct slice rest;
    if (has_scheme(value, "Bearer ", &rest)) return same_secret(rest, token);
    if (!has_scheme(value, "Basic ", &rest)) return false;
    size_t n = base64_decode(text, rest);
    const char *colon = memchr(text, ':', n);
    return colon && same_secret(slice_of(colon + 1, n - (size_t)(colon + 1 - text)), token);
}

static int on_value_complete(llhttp_t *parser) {
    struct connection *c = of_parser(parser);
    struct request *r = &c->request;
    struct slice field = slice_of(r->field, r->field_len), value = slice_of(r->value, r->value_len);
    r->in_value = true; /* also after an empty value */
    if (slice_is(field, "host")) {
        r->hosts++;
        r->host_is_ours = r->value_len < VALUE_MAX && http_host_is_ours(value, c->server->hosts);
    }
    if (slice_is(field, "authorization") && r->value_len < VALUE_MAX) {
        r->authorized = carries_token(value, c->server->token);
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser) {
    struct connection *c = of_parser(parser);
    struct request *r = &c->request;
    bool http11 = parser->http_major == 1 && parser->http_minor == 1;
    if (parser->http_major != 1) return refuse(c, 505);
    if (parser->method != HTTP_GET && parser->method != HTTP_HEAD) return refuse(c, 405);
    if (r->hosts > 1 || (http11 && r->hosts == 0)) return refuse(c, 400);
    if (r->hosts && !r->host_is_ours) return refuse(c, 421);
    if (parser->flags & F_CHUNKED || parser->content_length > 0) return refuse(c, 413);
    r->head = parser->method == HTTP_HEAD;
    r->keep_alive = llhttp_should_keep_alive(parser) && !parser->upgrade;
    return 0;
}

static int on_complete(llhttp_t *parser) {
    of_parser(parser)->request.complete = true;
    return HPE_PAUSED;
}

static void begin_request(struct connection *c) {
    memset(&c->request, 0, sizeof c->request);
    llhttp_init(&c->parser, HTTP_REQUEST, &c->server->callbacks);
    c->parser.data = c;
}

/* Parses what came; the rest behind a complete request is kept. */
static void parse(struct connection *c, size_t n) {
    struct request *r = &c->request;
    enum llhttp_errno error = llhttp_execute(&c->parser, c->in, n);
    size_t used = error == HPE_OK ? n : (size_t)(llhttp_get_error_pos(&c->parser) - c->in);
    r->head_bytes += n;
    c->in_len = 0;
    if (r->problem) return;
    if (r->complete && used <= n) {
        c->in_len = n - used;
        memmove(c->in, c->in + used, c->in_len);
        return;
    }
    if (error != HPE_OK) r->problem = error == HPE_INVALID_METHOD ? 405 : 400;
    if (error == HPE_OK && r->head_bytes > HEAD_MAX) r->problem = 431;
}

/* ---- answering ---- */

static const char *reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 421:
        return "Misdirected Request: this name is neither an address, nor localhost, nor one of http-hosts";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

static void append_reply(struct connection *c, const struct http_reply *reply) {
    buf_printf(&c->out,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n"
               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
               "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
               "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
               reply->status, reason_of(reply->status), reply->type, reply->body.len, c->last ? "close" : "keep-alive");
    if (reply->status == 405) buf_append_slice(&c->out, SLICE("Allow: GET, HEAD\r\n"));
    if (reply->status == 401) {
        buf_append_slice(&c->out,
                         SLICE("WWW-Authenticate: Bearer realm=\"tarn\"\r\nWWW-Authenticate: Basic realm=\"tarn: "
                               "any name, the token as password\", charset=\"UTF-8\"\r\n"));
    }
    buf_append(&c->out, "\r\n", 2);
    if (!c->request.head) buf_append_slice(&c->out, buf_slice(&reply->body));
}

static void answer(struct connection *c) {
    struct request *r = &c->request;
    struct http_reply reply = {.status = r->problem ? r->problem : 200, .type = "text/plain; charset=utf-8"};
    const char *mark = memchr(r->target, '?', r->target_len);
    size_t path_len = mark ? (size_t)(mark - r->target) : r->target_len;
    struct slice query = mark ? slice_of(mark + 1, r->target_len - path_len - 1) : SLICE("");
    buf_init(&reply.body, MEM_OBSERVE);
    if (!r->problem && c->server->token[0] && !r->authorized) reply.status = 401;
    if (reply.status == 200) {
        c->server->respond(c->server->arg, slice_of(r->target, path_len), query, &reply);
    } else {
        buf_printf(&reply.body, "%s\n", reason_of(reply.status));
    }
    c->last = r->problem != 0 || !r->keep_alive;
    append_reply(c, &reply);
    buf_release(&reply.body);
    c->phase = SENDING;
    loop_timer_start(c->server->loop, &c->deadline, clock_mono_us() + REPLY_US);
}

/* ---- connections ---- */

static void connection_close(struct connection *c) {
    struct http_server *h = c->server;
    loop_timer_stop(h->loop, &c->deadline);
    loop_unwatch(h->loop, &c->fd);
    close(c->fd.fd);
    list_remove(&c->place);
    h->count--;
    buf_release(&c->out);
    mem_free(MEM_OBSERVE, c, sizeof *c);
}

static void on_deadline(struct loop_timer *timer) { connection_close(list_entry(timer, struct connection, deadline)); }

/* True while there is more to send. */
static bool send_some(struct connection *c, bool *broken) {
    while (c->sent < c->out.len) {
        ssize_t n = net_send(c->fd.fd, c->out.ptr + c->sent, c->out.len - c->sent);
        if (n < 0) {
            *broken = n != -EAGAIN;
            return true;
        }
        c->sent += (size_t)n;
    }
    return false;
}

static void next_request(struct connection *c) {
    buf_release(&c->out);
    c->sent = 0;
    c->phase = READING;
    begin_request(c);
    loop_timer_start(c->server->loop, &c->deadline, clock_mono_us() + (c->in_len ? REQUEST_US : IDLE_US));
}

static void linger(struct connection *c) {
    shutdown(c->fd.fd, SHUT_WR);
    c->phase = LINGERING;
    loop_timer_start(c->server->loop, &c->deadline, clock_mono_us() + LINGER_US);
}

/* Replies and goes on with what is there. False: the connection is gone. */
static bool advance(struct connection *c) {
    bool broken = false;
    while (c->request.complete || c->request.problem) {
        if (c->phase == READING) answer(c);
        if (send_some(c, &broken)) break;
        if (c->last) {
            linger(c);
            break;
        }
        next_request(c);
        if (c->in_len) parse(c, c->in_len);
    }
    if (broken) {
        connection_close(c);
        return false;
    }
    loop_watch(c->server->loop, &c->fd, c->phase == SENDING ? LOOP_WRITE : LOOP_READ);
    return true;
}

static void on_ready(struct loop_fd *fd, unsigned events) {
    struct connection *c = list_entry(fd, struct connection, fd);
    (void)events;
    if (c->phase != SENDING) {
        ssize_t n = net_recv(fd->fd, c->in, sizeof c->in);
        if (n == -EAGAIN) return;
        if (n <= 0) {
            connection_close(c);
            return;
        }
        if (c->phase == LINGERING) return;
        if (c->request.head_bytes == 0) loop_timer_start(c->server->loop, &c->deadline, clock_mono_us() + REQUEST_US);
        parse(c, (size_t)n);
    }
    advance(c);
}

void http_serve(struct http_server *h, int fd) {
    if (h->count >= CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    struct connection *c = mem_alloc_zeroed(MEM_OBSERVE, sizeof *c);
    c->server = h;
    c->fd = (struct loop_fd){.fd = fd, .call = on_ready};
    c->deadline.call = on_deadline;
    buf_init(&c->out, MEM_OBSERVE);
    list_append(&h->connections, &c->place);
    h->count++;
    begin_request(c);
    net_set_nodelay(fd, true);
    loop_timer_start(h->loop, &c->deadline, clock_mono_us() + REQUEST_US);
    if (loop_watch(h->loop, &c->fd, LOOP_READ) != 0) connection_close(c);
}

static void on_connection(struct loop_fd *listener, unsigned events) {
    struct http_server *h = list_entry(listener, struct http_server, listener);
    (void)events;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        int fd = net_accept(listener->fd);
        if (fd < 0) return;
        http_serve(h, fd);
    }
}

/* ---- life ---- */

struct http_server *http_new(struct loop *loop, http_respond *respond, void *arg) {
    struct http_server *h = mem_alloc_zeroed(MEM_OBSERVE, sizeof *h);
    h->loop = loop;
    h->respond = respond;
    h->arg = arg;
    h->listener = (struct loop_fd){.fd = -1, .call = on_connection};
    list_init(&h->connections);
    llhttp_settings_init(&h->callbacks);
    h->callbacks.on_url = on_url;
    h->callbacks.on_header_field = on_field;
    h->callbacks.on_header_value = on_value;
    h->callbacks.on_header_value_complete = on_value_complete;
    h->callbacks.on_headers_complete = on_headers_complete;
    h->callbacks.on_message_complete = on_complete;
    return h;
}

void http_listen(struct http_server *h, int listener) {
    if (h->listener.fd >= 0) {
        loop_unwatch(h->loop, &h->listener);
        close(h->listener.fd);
    }
    h->listener.fd = listener;
    if (listener >= 0) loop_watch(h->loop, &h->listener, LOOP_READ);
}

void http_set_token(struct http_server *h, const char *token) { snprintf(h->token, sizeof h->token, "%s", token); }

void http_set_hosts(struct http_server *h, const char *names) { snprintf(h->hosts, sizeof h->hosts, "%s", names); }

void http_free(struct http_server *h) {
    http_listen(h, -1);
    list_each_safe(node, &h->connections) connection_close(list_entry(node, struct connection, place));
    mem_free(MEM_OBSERVE, h, sizeof *h);
}

#else

#include <unistd.h>

bool http_available(void) { return false; }

struct http_server *http_new(struct loop *loop, http_respond *respond, void *arg) {
    (void)loop;
    (void)respond;
    (void)arg;
    return NULL;
}

void http_free(struct http_server *h) { (void)h; }

void http_listen(struct http_server *h, int listener) {
    (void)h;
    if (listener >= 0) close(listener);
}

void http_set_token(struct http_server *h, const char *token) {
    (void)h;
    (void)token;
}

void http_set_hosts(struct http_server *h, const char *names) {
    (void)h;
    (void)names;
}

void http_serve(struct http_server *h, int fd) {
    (void)h;
    close(fd);
}

#endif
