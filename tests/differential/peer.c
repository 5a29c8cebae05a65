/* The two servers: starting, talking, stopping. Blocking sockets with time-outs; a block of commands is small enough that both
 * directions fit the kernel's buffers, but reading goes on while sending all the same. */
#include "differ.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

_Noreturn static void give_up(const struct peer *p, const char *what) {
    fprintf(stderr, "differ: %s: %s: %s\n", p->name, what, strerror(errno));
    exit(2);
}

static int free_port(void) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM, 0), port = 0;
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&any, size) && !getsockname(fd, (struct sockaddr *)&any, &size)) {
        port = ntohs(any.sin_port);
    }
    if (fd >= 0) close(fd);
    return port;
}

static int try_connect(int port) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In the child: never returns. Output of the server goes to folder/log. */
static void become_server(const struct peer *p, const char *program) {
    char port[16], log[96];
    snprintf(port, sizeof port, "%d", p->port);
    snprintf(log, sizeof log, "%s/log", p->folder);
    int fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execlp(program, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", p->folder,
           "--enable-debug-command", "yes", (char *)NULL);
    _exit(127);
}

bool peer_start(struct peer *p, const char *name, const char *program) {
    *p = (struct peer){.name = name, .fd = -1, .port = atoi(program)};
    if (p->port == 0) {
        p->port = free_port();
        snprintf(p->folder, sizeof p->folder, "/tmp/tarn-differ-XXXXXX");
        if (!mkdtemp(p->folder)) give_up(p, "no folder");
        p->pid = fork();
        if (p->pid < 0) give_up(p, "no process");
        if (p->pid == 0) become_server(p, program);
    }
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 10) {
        int fd = try_connect(p->port);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (p->pid && waitpid(p->pid, NULL, WNOHANG) == p->pid) break;
        poll(NULL, 0, 10);
    }
    fprintf(stderr, "differ: %s (%s) does not start, see %s/log\n", p->name, program, p->folder);
    return false;
}

static bool log_has_report(const struct peer *p) {
    char command[256];
    snprintf(command, sizeof command, "grep -E -A 30 'Sanitizer|runtime error' %s/log", p->folder);
    return system(command) == 0;
}

bool peer_stop(struct peer *p) {
    if (p->fd >= 0) close(p->fd);
    if (!p->pid) return true;
    int status = 0;
    kill(p->pid, SIGTERM);
    bool clean = waitpid(p->pid, &status, 0) == p->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!clean) printf("%s left with wait status %#x\n", p->name, (unsigned)status);
    if (log_has_report(p)) clean = false;
    char command[128];
    snprintf(command, sizeof command, "%s %s", clean ? "rm -r" : "echo its folder:", p->folder);
    if (system(command) != 0) clean = false;
    return clean;
}

void peer_queue(struct peer *p, const struct text *request) { text_put(&p->out, request->data, request->length); }

static bool wait_for(const struct peer *p, int fd, short events) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    if (poll(&poll_fd, 1, PATIENCE_MS) > 0) return true;
    printf("%s: nothing for %d ms\n", p->name, PATIENCE_MS);
    return false;
}

/* Takes what has come, or waits for something. False at the end of the stream. */
static bool receive(struct peer *p, int fd, int flags) {
    char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    text_put(&p->in, bytes, (size_t)n);
    return true;
}

bool peer_flush(struct peer *p) {
    for (size_t sent = 0; sent < p->out.length;) {
        ssize_t n = send(p->fd, p->out.data + sent, p->out.length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (n > 0) sent += (size_t)n;
        if (!receive(p, p->fd, MSG_DONTWAIT)) return false;
        if (n <= 0 && !wait_for(p, p->fd, POLLOUT | POLLIN)) return false;
    }
    p->out.length = 0;
    return true;
}

bool peer_reply(struct peer *p, struct text *reply) {
    while (1) {
        long n = reply_length(p->in.data + p->taken, p->in.length - p->taken);
        if (n > 0) {
            text_set(reply, p->in.data + p->taken, (size_t)n);
            p->taken += (size_t)n;
            break;
        }
        if (n < 0) {
            text_set(reply, p->in.data + p->taken, p->in.length - p->taken);
            return false;
        }
        if (!wait_for(p, p->fd, POLLIN) || !receive(p, p->fd, 0)) return false;
    }
    if (p->taken == p->in.length) p->taken = p->in.length = 0;
    return true;
}

bool peer_ask(struct peer *p, const struct text *request, struct text *reply) {
    peer_queue(p, request);
    return peer_flush(p) && peer_reply(p, reply);
}

void peer_connect(struct peer *p, int protocol) {
    if (p->fd >= 0) close(p->fd);
    p->fd = try_connect(p->port);
    if (p->fd < 0) give_up(p, "cannot connect");
    p->out.length = p->in.length = p->taken = 0;
    if (protocol == 3) {
        struct text hello = {0}, reply = {0};
        request_from_words(&hello, "HELLO", "3");
        if (!peer_ask(p, &hello, &reply)) give_up(p, "no answer to HELLO");
        text_clear(&hello);
        text_clear(&reply);
    }
}

bool peer_exchange(struct peer *p, const struct text *bytes, struct text *answer) {
    struct peer other = {.name = p->name, .port = p->port, .fd = try_connect(p->port)};
    if (other.fd < 0) give_up(p, "cannot connect");
    peer_queue(&other, bytes);
    /* A server that has closed already refuses the rest: what it said before counts. */
    peer_flush(&other);
    shutdown(other.fd, SHUT_WR);
    bool open = true;
    bool answered = true;
    while (open && answered) {
        answered = wait_for(p, other.fd, POLLIN);
        open = answered && receive(&other, other.fd, 0);
    }
    close(other.fd);
    text_set(answer, other.in.data ? other.in.data : "", other.in.length);
    text_clear(&other.in);
    text_clear(&other.out);
    return answered;
}
