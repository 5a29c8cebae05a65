/* Values of 64 bytes to 64 KiB, most of which are then deleted: the load under which a server's memory is watched.
 *
 *   frag -port N [-bytes N] [-shape log|even] [-rate N] [-seconds S] fill|delete|traffic
 *
 * fill sets keys f:0, f:1 ... until their values are `bytes` together; delete removes a random 70 % of them; traffic sends `rate`
 * commands a second, 4 GETs to 1 SET of the old size, to keys that were left, and prints "GET<TAB>count<TAB>p50<TAB>p99<TAB>
 * p99.9<TAB>max", times in microseconds from when each was due to be sent. What a key's size is, and whether it is deleted, follows
 * from its number: so the three are calls of their own.
 *
 * Shape: of the logarithm of a size all values are equally likely (log: 3/4 of the bytes are in values above 16 KiB), or all
 * doublings of size hold as many bytes (even: most values are small). */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIZE_MIN = 64, SIZE_TOP = 65536, CONNECTIONS = 16, SAMPLES = 1 << 22, BATCH = 256 };

static struct {
    int port;
    uint64_t bytes, rate, seconds;
    bool even;
    char *text; /* SIZE_TOP bytes that do not repeat soon */
} run = {.bytes = UINT64_C(2) << 30, .rate = 20000, .seconds = 30};

static void give_up(const char *what) {
    fprintf(stderr, "frag: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint64_t mix(uint64_t x) { /* splitmix64's finish (Steele, Lea, Flood 2014) */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static size_t size_of(uint64_t key) {
    double u = (double)(mix(key * 2) >> 11) / 9007199254740992.0, low = SIZE_MIN, top = SIZE_TOP;
    double size = run.even ? 1 / (1 / low - u * (1 / low - 1 / top)) : low * pow(top / low, u);
    return size < SIZE_TOP ? (size_t)size : SIZE_TOP - 1;
}

static bool is_deleted(uint64_t key) { return mix(key * 2 + 1) % 10 < 7; }

static uint64_t key_count(void) {
    uint64_t n = 0, sum = 0;
    while (sum < run.bytes) sum += size_of(n++);
    return n;
}

/* ---- one connection ---- */
static int dial(void) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)run.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0) give_up("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t sent = write(fd, p, n);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) give_up("write");
        p += sent;
        n -= (size_t)sent;
    }
}

static size_t put_key(char *to, uint64_t key) {
    char name[32];
    int n = snprintf(name, sizeof name, "f:%llu", (unsigned long long)key);
    return (size_t)sprintf(to, "$%d\r\n%s\r\n", n, name);
}

static size_t put_set(char *to, uint64_t key) {
    size_t size = size_of(key), n = (size_t)sprintf(to, "*3\r\n$3\r\nSET\r\n");
    n += put_key(to + n, key);
    n += (size_t)sprintf(to + n, "$%zu\r\n", size);
    memcpy(to + n, run.text, size);
    memcpy(to + n + size, "\r\n", 2);
    return n + size + 2;
}

static size_t put_short(char *to, const char *command, uint64_t key) {
    size_t n = (size_t)sprintf(to, "*2\r\n$3\r\n%s\r\n", command);
    return n + put_key(to + n, key);
}

/* ---- replies: how many whole ones came in these bytes ---- */
struct replies {
    size_t body;   /* bytes of a bulk string still to come, with its line end */
    char line[32]; /* of the head so far */
    size_t line_len;
    bool is_error;
};

static bool take_head(struct replies *r, size_t *done) {
    r->line[r->line_len < sizeof r->line ? r->line_len : sizeof r->line - 1] = '\0';
    if (r->line[0] == '-') {
        fprintf(stderr, "frag: %s\n", r->line);
        exit(1);
    }
    long n = r->line[0] == '$' ? strtol(r->line + 1, NULL, 10) : -1;
    r->line_len = 0;
    if (n >= 0)
        r->body = (size_t)n + 2;
    else
        ++*done;
    return true;
}

static size_t take_replies(struct replies *r, const char *p, size_t n) {
    size_t done = 0;
    while (n > 0) {
        if (r->body > 0) {
            size_t part = r->body < n ? r->body : n;
            r->body -= part;
            p += part;
            n -= part;
            if (r->body == 0) done++;
            continue;
        }
        if (*p == '\n')
            take_head(r, &done);
        else if (r->line_len < sizeof r->line - 1)
            r->line[r->line_len++] = *p;
        p++;
        n--;
    }
    return done;
}

/* ---- fill and delete: batches of commands, each awaited ---- */
static void await(int fd, struct replies *r, size_t count) {
    static char buffer[1 << 16];
    while (count > 0) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0) give_up("read");
        count -= take_replies(r, buffer, (size_t)n);
    }
}

static void each_key(bool deleting) {
    int fd = dial();
    struct replies r = {.body = 0};
    uint64_t n = key_count(), sent = 0, bytes = 0;
    char *buffer = malloc((size_t)SIZE_TOP * 2);
    for (uint64_t key = 0; key < n; key++) {
        if (deleting && !is_deleted(key)) continue;
        size_t len = deleting ? put_short(buffer, "DEL", key) : put_set(buffer, key);
        send_all(fd, buffer, len);
        bytes += size_of(key);
        if (++sent % BATCH == 0) await(fd, &r, BATCH);
    }
    await(fd, &r, sent % BATCH);
    printf("%llu keys, %llu bytes\n", (unsigned long long)sent, (unsigned long long)bytes);
}

/* ---- traffic ---- */
struct line {
    int fd;
    struct replies replies;
    struct {
        int64_t due;
        bool get;
    } waiting[1024];
    unsigned first, count;
};

static uint32_t *samples;
static size_t sample_count;

static void note(int64_t ns) {
    if (sample_count < SAMPLES) samples[sample_count++] = ns < 0 ? 0 : (uint32_t)(ns / 1000);
}

static void receive(struct line *l) {
    static char buffer[1 << 17];
    ssize_t n = read(l->fd, buffer, sizeof buffer);
    if (n <= 0) give_up("read");
    int64_t now = now_ns();
    for (size_t done = take_replies(&l->replies, buffer, (size_t)n); done > 0; done--) {
        if (l->waiting[l->first % 1024].get) note(now - l->waiting[l->first % 1024].due);
        l->first++;
        l->count--;
    }
}

static void send_one(struct line *l, uint64_t key, bool get, int64_t due) {
    static char buffer[SIZE_TOP * 2];
    l->waiting[(l->first + l->count) % 1024].due = due;
    l->waiting[(l->first + l->count) % 1024].get = get;
    l->count++;
    send_all(l->fd, buffer, get ? put_short(buffer, "GET", key) : put_set(buffer, key));
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(void) {
    qsort(samples, sample_count, sizeof *samples, compare);
    size_t n = sample_count;
    if (n == 0) give_up("no GET was answered");
    printf("GET\t%zu\t%u\t%u\t%u\t%u\n", n, samples[n / 2], samples[n * 99 / 100], samples[n * 999 / 1000],
           samples[n - 1]);
}

static void traffic(void) {
    static struct line lines[CONNECTIONS];
    struct pollfd polls[CONNECTIONS];
    uint64_t keys = key_count(), sent = 0, random = 1;
    samples = malloc(SAMPLES * sizeof *samples);
    for (int i = 0; i < CONNECTIONS; i++) polls[i] = (struct pollfd){lines[i].fd = dial(), POLLIN, 0};
    int64_t begin = now_ns(), end = begin + (int64_t)run.seconds * 1000000000;
    int64_t gap = 1000000000 / (int64_t)run.rate;
    for (int64_t now = begin; now < end; now = now_ns()) {
        int64_t due = begin + (int64_t)sent * gap;
        if (due <= now) {
            struct line *l = &lines[sent % CONNECTIONS];
            uint64_t key;
            do key = (random = mix(random)) % keys;
            while (is_deleted(key));
            while (l->count == 1024) receive(l);
            send_one(l, key, sent % 5 != 0, due);
            sent++;
        }
        struct timespec wait = {0, due <= now ? 0 : due - now};
        if (ppoll(polls, CONNECTIONS, &wait, NULL) <= 0) continue;
        for (int i = 0; i < CONNECTIONS; i++)
            if (polls[i].revents) receive(&lines[i]);
    }
    report();
}

int main(int argc, char **argv) {
    const char *what = "";
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (option[0] != '-') {
            what = option;
            continue;
        }
        i++;
        if (!strcmp(option, "-port")) run.port = atoi(value);
        if (!strcmp(option, "-bytes")) run.bytes = strtoull(value, NULL, 10);
        if (!strcmp(option, "-rate")) run.rate = strtoull(value, NULL, 10);
        if (!strcmp(option, "-seconds")) run.seconds = strtoull(value, NULL, 10);
        if (!strcmp(option, "-shape")) run.even = !strcmp(value, "even");
    }
    run.text = malloc(SIZE_TOP);
    for (size_t i = 0; i < SIZE_TOP; i++) run.text[i] = (char)('!' + mix(i) % 90);
    if (!strcmp(what, "fill"))
        each_key(false);
    else if (!strcmp(what, "delete"))
        each_key(true);
    else if (!strcmp(what, "traffic"))
        traffic();
    else
        return fprintf(stderr, "see the head of tests/bench/frag.c\n"), 2;
    return 0;
}
