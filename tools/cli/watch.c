#include "watch.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/random.h"
#include "facts.h"
#include "reply.h"
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define SECOND_US      INT64_C(1000000)
#define PING_EVERY_US  10000
#define HISTORY_US     (15 * SECOND_US)
#define LINES_A_HEADER 20

/* ---- --stat ---- */
static const char *background_job(struct slice info) {
    static const struct {
        const char *field, *name;
    } jobs[] = {{"rdb_bgsave_in_progress", "SAVE"}, {"aof_rewrite_in_progress", "AOF"}, {"loading", "LOAD"}};
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (facts_number(info, jobs[i].field)) return jobs[i].name;
    return "";
}

static void print_stat(struct slice info, int64_t *requests_before) {
    char human[NUM_TEXT_MAX], keys[NUM_TEXT_MAX], requests[64];
    int64_t now = facts_number(info, "total_commands_processed");
    human[num_format_human(human, (uint64_t)facts_number(info, "used_memory"))] = '\0';
    keys[num_format_i64(keys, facts_keys(info))] = '\0';
    snprintf(requests, sizeof requests, "%lld (+%lld)", (long long)now,
             *requests_before < 0 ? 0LL : (long long)(now - *requests_before));
    *requests_before = now;
    printf("%-10s %-8s %-7lld %-7lld %-19s %-12lld%s\n", keys, human,
           (long long)facts_number(info, "connected_clients"), (long long)facts_number(info, "blocked_clients"),
           requests, (long long)facts_number(info, "total_connections_received"), background_job(info));
    fflush(stdout);
}

int watch_stat(struct session *s) {
    struct slice word = SLICE("INFO"), reply;
    int64_t requests = -1, times = s->options->repeat > 1 ? s->options->repeat : -1;
    if (!session_connect(s)) return 1;
    for (int64_t i = 0; times < 0 || i < times; i++) {
        if (!session_ask(s, &word, 1, &reply)) return 1;
        if (reply_is_error(reply)) {
            struct slice text = reply_text(reply);
            fprintf(stderr, "ERROR: %.*s\n", (int)text.len, text.ptr);
            return 1;
        }
        if (i % LINES_A_HEADER == 0)
            puts("------- data ------ --------------------- load -------------------- - child -\n"
                 "keys       mem      clients blocked requests            connections          ");
        print_stat(reply_text(reply), &requests);
        if (i + 1 != times) session_wait(s, SECOND_US);
    }
    return 0;
}

/* ---- --latency, --latency-history ---- */
struct samples {
    int64_t count, min, max, sum; /* min, max in whole milliseconds, sum too, as redis-cli counts */
};

static bool ping(struct session *s, int64_t *us) {
    struct slice word = SLICE("PING"), reply;
    int64_t start = clock_mono_us();
    bool ok = session_ask(s, &word, 1, &reply);
    *us = clock_mono_us() - start;
    return ok;
}

static void samples_add(struct samples *m, int64_t ms) {
    if (m->count == 0 || ms < m->min) m->min = ms;
    if (ms > m->max) m->max = ms;
    m->sum += ms;
    m->count++;
}

static void print_samples(const struct session *s, const struct samples *m, bool at_once) {
    double average = m->count ? (double)m->sum / (double)m->count : 0;
    long long min = m->min, max = m->max, count = m->count;
    switch (s->output) {
    case OUTPUT_PLAIN:
        printf("%smin: %lld, max: %lld, avg: %.2f (%lld samples)%s", at_once ? "" : "\033[0G\033[2K", min, max, average,
               count, at_once ? "\n" : "");
        break;
    case OUTPUT_CSV:
        printf("%lld,%lld,%.2f,%lld\n", min, max, average, count);
        break;
    case OUTPUT_JSON:
    case OUTPUT_QUOTED_JSON:
        printf("{\"min\":%lld,\"max\":%lld,\"avg\":%.2f,\"count\":%lld}\n", min, max, average, count);
        break;
    default:
        printf("%lld %lld %.2f %lld\n", min, max, average, count);
        break;
    }
    fflush(stdout);
}

/* Pings until the time is up (us < 0: never), showing the figures as they come to people. */
static bool sample(struct session *s, int64_t us, bool shown, struct samples *m) {
    int64_t start = clock_mono_us(), took;
    *m = (struct samples){0};
    while (us < 0 || clock_mono_us() - start < us) {
        if (!ping(s, &took)) return false;
        samples_add(m, took / 1000);
        if (shown) print_samples(s, m, false);
        usleep(PING_EVERY_US);
    }
    return true;
}

static int64_t interval_of(const struct session *s, int64_t otherwise_us) {
    return s->options->interval_us > 0 ? s->options->interval_us : otherwise_us;
}

int watch_latency(struct session *s) {
    struct samples m;
    bool live = s->output == OUTPUT_PLAIN && isatty(STDOUT_FILENO);
    if (!session_connect(s) || !sample(s, live ? -1 : interval_of(s, SECOND_US), live, &m)) return 1;
    print_samples(s, &m, true);
    return 0;
}

int watch_latency_history(struct session *s) {
    struct samples m;
    int64_t us = interval_of(s, HISTORY_US), times = s->options->repeat > 1 ? s->options->repeat : -1;
    bool live = s->output == OUTPUT_PLAIN && isatty(STDOUT_FILENO);
    if (!session_connect(s)) return 1;
    for (int64_t i = 0; times < 0 || i < times; i++) {
        if (!sample(s, us, live, &m)) return 1;
        if (live)
            printf(" -- %.2f seconds range\n", (double)us / 1e6);
        else
            print_samples(s, &m, true);
    }
    return 0;
}

/* ---- --latency-dist ---- */
/* A column each: up to so many microseconds, and the sign that the legend explains. */
static const struct {
    int64_t upto_us;
    char sign;
} columns[] = {
    {10, '.'},       {125, '-'},      {250, '*'},       {500, '#'},     {1000, '1'},    {2000, '2'},    {3000, '3'},
    {4000, '4'},     {5000, '5'},     {6000, '6'},      {7000, '7'},    {8000, '8'},    {9000, '9'},    {10000, 'A'},
    {20000, 'B'},    {30000, 'C'},    {40000, 'D'},     {50000, 'E'},   {100000, 'F'},  {200000, 'G'},  {300000, 'H'},
    {400000, 'I'},   {500000, 'J'},   {1000000, 'K'},   {2000000, 'L'}, {4000000, 'M'}, {8000000, 'N'}, {16000000, 'O'},
    {30000000, 'P'}, {60000000, 'Q'}, {INT64_MAX, '?'},
};

#define COLUMNS    (sizeof columns / sizeof columns[0])
#define GREY_FIRST 232 /* of the 256 colours of xterm: 24 greys, dark to light */
#define GREY_COUNT 24

static void print_legend(void) {
    puts("---------------------------------------------\n"
         ". - * #          up to .01 .125 .25 .5   milliseconds\n"
         "1,2,3,...,9      up to 1 to 9            milliseconds\n"
         "A,B,C,D,E        up to 10,20,30,40,50    milliseconds\n"
         "F,G,H,I,J        up to .1,.2,.3,.4,.5         seconds\n"
         "K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60, more       seconds\n"
         "The lighter the ground, the more samples; the line's end names the commonest.\n"
         "---------------------------------------------");
}

static void print_spectrum(const uint64_t *counts, uint64_t total) {
    size_t most = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (counts[i] > counts[most]) most = i;
        int grey = total ? (int)ceil((double)counts[i] / (double)total * (GREY_COUNT - 1)) : 0;
        printf("\033[48;5;%dm\033[38;5;%dm%c", GREY_FIRST + grey, grey > GREY_COUNT / 2 ? 0 : 250, columns[i].sign);
    }
    printf("\033[0m %c %.0f%%\n", columns[most].sign, total ? 100.0 * (double)counts[most] / (double)total : 0);
    fflush(stdout);
}

int watch_latency_spectrum(struct session *s) {
    int64_t us = interval_of(s, SECOND_US), times = s->options->repeat > 1 ? s->options->repeat : -1, took;
    if (!session_connect(s)) return 1;
    for (int64_t turn = 0; times < 0 || turn < times; turn++) {
        uint64_t counts[COLUMNS] = {0}, total = 0;
        int64_t start = clock_mono_us();
        do {
            if (!ping(s, &took)) return 1;
            size_t at = 0;
            while (took > columns[at].upto_us) at++;
            counts[at]++;
            total++;
            usleep(1000);
        } while (clock_mono_us() - start < us);
        if (turn % LINES_A_HEADER == 0) print_legend();
        print_spectrum(counts, total);
    }
    return 0;
}

/* ---- --intrinsic-latency ---- */
/* Work of a few ten nanoseconds that the compiler cannot leave out. */
static uint64_t chew(uint64_t x) {
    for (int i = 0; i < 64; i++) x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x;
}

int watch_machine(struct session *s) {
    int64_t start = clock_mono_ns(), end = start + s->options->seconds * INT64_C(1000000000), before = start, worst = 0;
    uint64_t runs = 0;
    volatile uint64_t sink = 1;
    while (before < end) {
        sink = chew(sink);
        int64_t now = clock_mono_ns();
        runs++;
        if (now - before > worst) {
            worst = now - before;
            printf("Max latency so far: %lld microseconds.\n", (long long)(worst / 1000));
            fflush(stdout);
        }
        before = now;
    }
    double average_ns = runs ? (double)(before - start) / (double)runs : 0;
    printf("\n%llu total runs (avg latency: %.4f microseconds / %.2f nanoseconds per run).\n", (unsigned long long)runs,
           average_ns / 1000, average_ns);
    printf("Worst run took %.0fx longer than the average latency.\n", average_ns > 0 ? (double)worst / average_ns : 0);
    return 0;
}

/* ---- --lru-test ---- */
#define CACHE_BATCH 250

/* 80 of 100 go to 20 of 100 of the keys, and so on inside of these: a power law. */
static uint64_t draw_key(struct random *r, uint64_t keys) {
    const double exponent = log(0.2) / log(0.8);
    uint64_t key = (uint64_t)(pow(random_unit(r), exponent) * (double)keys);
    return key < keys ? key : keys - 1;
}

static struct slice key_name(char *dst, size_t cap, uint64_t key) {
    return slice_of(dst, (size_t)snprintf(dst, cap, "lru:%llu", (unsigned long long)key));
}

/* A batch of GETs, then SETs for those that missed. */
static bool cache_turn(struct session *s, struct random *r, uint64_t *misses) {
    uint64_t missed[CACHE_BATCH], drawn[CACHE_BATCH];
    int count = 0;
    char name[48];
    struct slice reply;
    for (int i = 0; i < CACHE_BATCH; i++) {
        drawn[i] = draw_key(r, (uint64_t)s->options->keys);
        struct slice words[2] = {SLICE("GET"), key_name(name, sizeof name, drawn[i])};
        if (!session_send(s, words, 2)) return false;
    }
    for (int i = 0; i < CACHE_BATCH; i++) {
        if (!session_receive(s, &reply)) return false;
        if (reply_kind(reply) != '$' || reply_text(reply).len == 0) missed[count++] = drawn[i];
    }
    for (int i = 0; i < count; i++) {
        struct slice words[3] = {SLICE("SET"), key_name(name, sizeof name, missed[i]), SLICE("val")};
        if (!session_send(s, words, 3)) return false;
    }
    for (int i = 0; i < count; i++)
        if (!session_receive(s, &reply)) return false;
    *misses += (uint64_t)count;
    return true;
}

int watch_cache(struct session *s) {
    struct random r;
    int64_t times = s->options->repeat > 1 ? s->options->repeat : -1;
    random_init_from_system(&r);
    if (!session_connect(s)) return 1;
    for (int64_t turn = 0; times < 0 || turn < times; turn++) {
        uint64_t gets = 0, misses = 0;
        int64_t start = clock_mono_us(), us = interval_of(s, SECOND_US);
        for (; clock_mono_us() - start < us; gets += CACHE_BATCH)
            if (!cache_turn(s, &r, &misses)) return 1;
        double all = (double)gets;
        printf("%llu Gets/sec | Hits: %llu (%.2f%%) | Misses: %llu (%.2f%%)\n",
               (unsigned long long)(all * (double)SECOND_US / (double)us), (unsigned long long)(gets - misses),
               100 * (all - (double)misses) / all, (unsigned long long)misses, 100 * (double)misses / all);
        fflush(stdout);
    }
    return 0;
}
