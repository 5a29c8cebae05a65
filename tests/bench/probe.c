/* A latency probe: asks commands in turn, one every interval, on a connection of its own, and prints for each how long the
 * answers took. One that is due while another still waits goes out after it, and its time counts from there.
 *
 *   probe -port N [-interval-us N] [-seconds S] [-until TEXT] command ...
 *
 * A command is one argument, its words separated by spaces. Ends after S seconds, when a reply contains TEXT, or when the server
 * closes. One line a command: "command<TAB>count<TAB>p50<TAB>p99<TAB>p99.9<TAB>max<TAB>errors", times in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 1 << 20, COMMANDS = 16, REPLY_ROOM = 1 << 20 };

struct series {
    const char *command;
    char request[512];
    uint32_t *us; /* SAMPLES */
    size_t count, errors;
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void sleep_until_us(int64_t at) {
    struct timespec t = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

/* A server that is just starting may not listen yet. */
static int dial(int port) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int tries = 0; tries < 10000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
        if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            return fd;
        }
        close(fd);
        usleep(1000);
    }
    return -1;
}

static void build_request(struct series *s) {
    char words[256], body[384] = "", *rest = words;
    int count = 0;
    snprintf(words, sizeof words, "%s", s->command);
    for (char *word; (word = strsep(&rest, " "));) {
        size_t at = strlen(body);
        snprintf(body + at, sizeof body - at, "$%zu\r\n%s\r\n", strlen(word), word);
        count++;
    }
    snprintf(s->request, sizeof s->request, "*%d\r\n%s", count, body);
}

/* Bytes of the reply at the front of data, 0 when more must come. Arrays one level deep at a time. */
static size_t reply_length(const char *data, size_t n) {
    const char *end = n ? memchr(data, '\n', n) : NULL;
    if (!end) return 0;
    size_t head = (size_t)(end - data) + 1;
    long size = strtol(data + 1, NULL, 10);
    if (size < 0 || !strchr("$*=", data[0])) return head;
    if (data[0] != '*') return head + (size_t)size + 2 <= n ? head + (size_t)size + 2 : 0;
    for (long i = 0; i < size; i++) {
        size_t item = reply_length(data + head, n - head);
        if (item == 0) return 0;
        head += item;
    }
    return head;
}

/* The whole reply into buffer; its length, 0 at the end of the stream. */
static size_t ask(int fd, const char *request, char *buffer) {
    size_t have = 0, length = strlen(request);
    if (write(fd, request, length) != (ssize_t)length) return 0;
    while (have < REPLY_ROOM - 1) {
        ssize_t n = read(fd, buffer + have, REPLY_ROOM - 1 - have);
        if (n <= 0) return 0;
        have += (size_t)n;
        if (reply_length(buffer, have) == have) break;
    }
    buffer[have] = 0;
    return have;
}

static int order(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void print_series(struct series *s) {
    qsort(s->us, s->count, sizeof s->us[0], order);
    uint32_t none = 0, *last = s->count ? &s->us[s->count - 1] : &none;
    printf("%s\t%zu\t%u\t%u\t%u\t%u\t%zu\n", s->command, s->count, s->count ? s->us[s->count / 2] : 0,
           s->count ? s->us[s->count * 99 / 100] : 0, s->count ? s->us[s->count * 999 / 1000] : 0, *last, s->errors);
}

static void probe(int fd, struct series *series, int count, int64_t interval_us, int64_t until_us, const char *until) {
    char *buffer = malloc(REPLY_ROOM);
    int64_t planned = now_us();
    bool done = !buffer;
    for (int i = 0; !done && planned < until_us; i = (i + 1) % count) {
        struct series *s = &series[i];
        sleep_until_us(planned);
        int64_t sent = now_us();
        if (ask(fd, s->request, buffer) == 0) break;
        if (s->count < SAMPLES) s->us[s->count++] = (uint32_t)(now_us() - sent);
        if (buffer[0] == '-') s->errors++;
        done = until && strstr(buffer, until);
        planned = sent + interval_us > now_us() ? sent + interval_us : now_us();
    }
    free(buffer);
}

int main(int argc, char **argv) {
    int port = 0, count = 0;
    int64_t interval_us = 1000, seconds = 3600;
    const char *until = NULL;
    static struct series series[COMMANDS];
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (count == COMMANDS) return 2;
            series[count++].command = argv[i];
        } else if (i + 1 == argc) {
            return 2;
        } else if (!strcmp(argv[i], "-port")) {
            port = atoi(argv[++i]);
        } else if (!strcmp(argv[i], "-interval-us")) {
            interval_us = atoll(argv[++i]);
        } else if (!strcmp(argv[i], "-seconds")) {
            seconds = atoll(argv[++i]);
        } else if (!strcmp(argv[i], "-until")) {
            until = argv[++i];
        } else {
            return 2;
        }
    }
    int fd = count ? dial(port) : -1;
    if (fd < 0) {
        fprintf(stderr, "probe: no connection to port %d, or no command\n", port);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        series[i].us = calloc(SAMPLES, sizeof series[i].us[0]);
        if (!series[i].us) return 2;
        build_request(&series[i]);
    }
    probe(fd, series, count, interval_us, now_us() + seconds * 1000000, until);
    for (int i = 0; i < count; i++) print_series(&series[i]);
    return 0;
}
