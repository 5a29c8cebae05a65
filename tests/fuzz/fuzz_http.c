/* libFuzzer: what a connection sends, in pieces, to the real routes. The first byte chooses: bit 0, a token that the input cannot
 * know; bit 1, a Host that is not ours in front of it; the rest seeds the pieces. However the bytes are cut, only whole replies with
 * known statuses come back, the connection ends, and no route is reached without the token, by another name or off the table. */
#include "base/check.h"
#include "base/random.h"
#include "io/loop.h"
#include "io/net.h"
#include "keyspace/top.h"
#include "observe/http_routes.h"
#include "observe/prefix_shelf.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_MAX 30000 /* fits a socket's buffer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct loop *loop;
    struct http_sources sources;
    char token[41];
    struct http_server *server;
    bool forbidden; /* no route may be reached */
} fuzz;

/* An empty route table would find nothing: the paths that are served, apart from the table under test. */
static bool is_route(struct slice path) {
    static const char *const paths[] = {
        "/",        "/metrics",      "/livez",         "/readyz", "/api/memory", "/api/history", "/api/loading",
        "/api/top", "/api/prefixes", "/api/operations"};
    for (size_t i = 0; i < countof(paths); i++) {
        if (slice_equal(path, slice_of_cstr(paths[i]))) return true;
    }
    return false;
}

static void respond(void *arg, struct slice path, struct slice query, struct http_reply *reply) {
    proven(!fuzz.forbidden);
    http_route(arg, path, query, reply);
    proven(is_route(path) ? reply->status != 404 : reply->status == 404);
}

static void no_rows(void *arg, void (*visit)(void *arg, const struct metric *row), void *to) {
    (void)arg;
    (void)visit;
    (void)to;
}

static void make_server(void) {
    if (fuzz.loop) return;
    fuzz.loop = loop_new();
    fuzz.sources =
        (struct http_sources){published_new(no_rows, NULL), history_new(), prefix_shelf_new(), top_board_new()};
    published_enter(fuzz.sources.published, "serving", true);
    fuzz.server = http_new(fuzz.loop, respond, &fuzz.sources);
    random_hex(fuzz.token, 40);
}

/* A status that is known, and a head that ends; bodies are not looked for, since a HEAD has none. */
static void check_reply(const char *text, size_t n) {
    static const char known[] = "200 400 401 404 405 413 414 421 431 503 505";
    char status[4] = {0};
    if (n == 0) return;
    proven(n > 16 && memcmp(text, "HTTP/1.1 ", 9) == 0);
    memcpy(status, text + 9, 3);
    proven(strstr(known, status) && memmem(text, n, "\r\n\r\n", 4));
    if (fuzz.forbidden) proven(strcmp(status, "200") != 0 && strcmp(status, "404") != 0);
}

/* Lets the server work, and takes what it says. False: it has closed. */
static bool turn(int fd, char *first, size_t *len) {
    char rest[65536];
    loop_turn(fuzz.loop, 0);
    for (;;) {
        ssize_t n = net_recv(fd, rest, sizeof rest);
        if (n == -EAGAIN) return true;
        if (n <= 0) return false;
        size_t room = 4096 - *len, kept = (size_t)n < room ? (size_t)n : room;
        memcpy(first + *len, rest, kept);
        *len += kept;
    }
}

static void send_in_pieces(int fd, const char *at, size_t left, struct random *r, char *first, size_t *len) {
    while (left > 0) {
        size_t piece = 1 + random_below(r, left);
        ssize_t n = net_send(fd, at, piece);
        if (n == -EAGAIN) n = 0;
        if (n < 0) return;
        at += n;
        left -= (size_t)n;
        if (!turn(fd, first, len)) return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char elsewhere[] = "GET / HTTP/1.1\r\nHost: rebound.example:8379\r\n\r\n";
    char first[4096];
    size_t len = 0;
    int pair[2];
    struct random r;
    if (size < 1 || size > INPUT_MAX || !http_available()) return 0;
    make_server();
    random_init(&r, data[0]);
    fuzz.forbidden = data[0] & 3;
    http_set_token(fuzz.server, data[0] & 1 ? fuzz.token : "");
    proven(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    http_serve(fuzz.server, pair[0]);
    if (data[0] & 2) send_in_pieces(pair[1], elsewhere, sizeof elsewhere - 1, &r, first, &len);
    send_in_pieces(pair[1], (const char *)data + 1, size - 1, &r, first, &len);
    shutdown(pair[1], SHUT_WR);
    int turns = 0;
    while (turn(pair[1], first, &len)) proven(++turns < 10000);
    close(pair[1]);
    check_reply(first, len);
    return 0;
}
