/* The differential runner: sends the same seeded random commands to tarn-server and to redis-server and compares the
 * replies byte for byte. What must differ (times, orders, chance) is compared as far as it can be: see enum policy. Differences
 * that are meant stand in differences.txt, each with its reason.
 *
 *   differ -tarn PROGRAM|PORT -oracle PROGRAM|PORT [-count N] [-seed N] [-known FILE] [-only 2|3] [-stop-after N] [-family NAME]
 *
 * A program is started on a free port with an empty folder, a port is taken as it is. At a difference the stream is
 * shrunk: replayed from an empty server with fewer and fewer commands as long as the last one still differs. A difference in
 * the same command with replies that begin alike is shown once; it ends after N of them (5).
 * The last line is "N passed, N failed", where one check is a block of commands, a full SCAN, an end state or a malformed
 * request. Exit code 0, 1 (a difference), 2 (could not run). */
#include "differ.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, DATABASES = 4, SHRINK_TRIES = 3000, SHRINK_WINDOW = 20000 };

struct run {
    struct peer tarn, oracle;
    struct command_list log; /* everything sent since the last flush */
    uint64_t passed, failed, commands;
    unsigned limit; /* differences after which it stops */
    int protocol;
};

static void peers_restart_session(struct run *r) {
    peer_connect(&r->tarn, r->protocol);
    peer_connect(&r->oracle, r->protocol);
}

static void report(const char *title, const struct text *command, const struct text *tarn, const struct text *oracle) {
    printf("DIFFERENCE: %s\n", title);
    if (command) text_print("  command ", command);
    text_print("  oracle  ", oracle);
    text_print("  tarn    ", tarn);
}

/* Replays the commands from an empty server; true when the last one's replies still differ. */
static bool replay_differs(struct run *r, const struct command_list *list, struct text *tarn, struct text *oracle) {
    struct text flush = {0};
    request_from_words(&flush, "FLUSHALL");
    peers_restart_session(r);
    peer_ask(&r->tarn, &flush, tarn);
    peer_ask(&r->oracle, &flush, oracle);
    for (size_t i = 0; i < list->count; i++) {
        peer_queue(&r->tarn, &list->items[i].request);
        peer_queue(&r->oracle, &list->items[i].request);
        if (i % BLOCK != BLOCK - 1 && i + 1 < list->count) continue;
        size_t pending = i % BLOCK + 1;
        if (!peer_flush(&r->tarn) || !peer_flush(&r->oracle)) break;
        for (size_t k = 0; k < pending; k++) {
            if (!peer_reply(&r->tarn, tarn) || !peer_reply(&r->oracle, oracle)) return true;
        }
    }
    text_clear(&flush);
    return !replies_agree(&list->items[list->count - 1], tarn, oracle);
}

/* Fewer commands before the last one: first halves of the window, then single ones, while it still differs. */
static void shrink(struct run *r, struct command_list *list) {
    struct text a = {0}, b = {0};
    size_t window = list->count < SHRINK_WINDOW ? list->count : SHRINK_WINDOW;
    command_list_drop(list, 0, list->count - window);
    if (!replay_differs(r, list, &a, &b)) {
        printf("  (does not show again when the last %zu commands are replayed alone)\n", window);
        return;
    }
    int tries = 0;
    for (size_t chunk = list->count / 2; chunk > 0; chunk /= 2) {
        for (size_t at = 0; at + 1 < list->count && tries < SHRINK_TRIES; tries++) {
            size_t n = at + chunk < list->count - 1 ? chunk : list->count - 1 - at;
            struct command_list saved = command_list_copy(list);
            command_list_drop(list, at, n);
            if (replay_differs(r, list, &a, &b)) {
                command_list_clear(&saved);
            } else {
                command_list_clear(list);
                *list = saved;
                at += n;
            }
        }
    }
    replay_differs(r, list, &a, &b);
    printf("Shrunk to %zu commands, protocol %d:\n", list->count, r->protocol);
    for (size_t i = 0; i < list->count; i++) text_print("  ", &list->items[i].shown);
    text_print("  oracle  ", &b);
    text_print("  tarn    ", &a);
    text_clear(&a);
    text_clear(&b);
}

/* One pipelined block of random commands. False at a difference that is not a known one. */
static bool block_check(struct run *r, struct random *random, size_t n) {
    size_t first = r->log.count;
    for (size_t i = 0; i < n; i++) {
        struct command *c = command_list_add(&r->log);
        command_generate(random, c);
        peer_queue(&r->tarn, &c->request);
        peer_queue(&r->oracle, &c->request);
    }
    if (!peer_flush(&r->tarn) || !peer_flush(&r->oracle)) return false;
    struct text a = {0}, b = {0};
    bool same = true;
    for (size_t i = 0; i < n && same; i++) {
        const struct command *c = &r->log.items[first + i];
        if (!peer_reply(&r->tarn, &a) || !peer_reply(&r->oracle, &b)) {
            printf("a server closed the connection or did not answer\n");
            same = false;
        } else if (!replies_agree(c, &a, &b) && !known_difference(&c->shown, &a, &b) &&
                   !seen_difference(&c->shown, &a, &b)) {
            same = false;
        }
        if (same) continue;
        report("replies", &c->shown, &a, &b);
        r->log.count = first + i + 1;
        shrink(r, &r->log);
    }
    text_clear(&a);
    text_clear(&b);
    r->commands += n;
    return same;
}

/* The keys of the current database by a full SCAN: sorted, each once, one a line in out (quoted). */
static bool scan_keys(struct peer *p, struct text_list *keys) {
    char cursor[32] = "0";
    struct text request = {0}, reply = {0};
    text_list_clear(keys);
    do {
        char count[16];
        snprintf(count, sizeof count, "%zu", keys->count % 7 + 1);
        request_from_words(&request, "SCAN", cursor, "COUNT", count);
        if (!peer_ask(p, &request, &reply) || !scan_reply(&reply, cursor, sizeof cursor, keys)) return false;
    } while (strcmp(cursor, "0") != 0);
    text_list_sort_unique(keys);
    text_clear(&request);
    text_clear(&reply);
    return true;
}

static bool compare_ask(struct run *r, enum policy policy, const struct text *request, const char *title) {
    struct command c = {.policy = policy, .request = *request};
    struct text a = {0}, b = {0};
    request_show(request, &c.shown);
    bool same = peer_ask(&r->tarn, request, &a) && peer_ask(&r->oracle, request, &b) &&
                (replies_agree(&c, &a, &b) || known_difference(&c.shown, &a, &b));
    if (!same) report(title, &c.shown, &a, &b);
    text_clear(&a);
    text_clear(&b);
    text_clear(&c.shown);
    return same;
}

static bool key_check(struct run *r, const struct text *key) {
    static const struct {
        const char *first, *second;
        enum policy policy;
    } asks[] = {{"TYPE", NULL, SAME},    {"OBJECT", "ENCODING", SAME},
                {"PTTL", NULL, NEAR_MS}, {"DEBUG", "DIGEST-VALUE", SAME},
                {"DUMP", NULL, SAME},    {"GET", NULL, SAME}};
    struct text request = {0};
    bool same = true;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0] && same; i++) {
        request_for_key(&request, asks[i].first, asks[i].second, key);
        same = compare_ask(r, asks[i].policy, &request, "state of a key");
    }
    text_clear(&request);
    return same;
}

/* Same keys with the same type, encoding, expiry, and DUMP in every database. Looking at each key first makes both servers
 * drop what has expired, so that DBSIZE agrees. */
static bool state_check(struct run *r) {
    struct text_list a = {0}, b = {0};
    struct text request = {0};
    bool same = true;
    for (int db = 0; db < DATABASES && same; db++) {
        char number[8];
        snprintf(number, sizeof number, "%d", db);
        request_from_words(&request, "SELECT", number);
        same = compare_ask(r, SAME, &request, "SELECT");
        if (same && (!scan_keys(&r->tarn, &a) || !scan_keys(&r->oracle, &b))) same = false;
        if (same && !text_list_equal(&a, &b)) {
            printf("DIFFERENCE: keys of database %d: tarn has %zu, oracle %zu\n", db, a.count, b.count);
            text_list_print_difference(&a, &b);
            same = false;
        }
        for (size_t i = 0; i < b.count && same; i++) same = key_check(r, &b.items[i]);
        request_from_words(&request, "DBSIZE");
        if (same) same = compare_ask(r, SAME, &request, "DBSIZE");
    }
    text_clear(&request);
    return same;
}

/* One malformed or odd byte stream on connections of their own; everything that comes back until the close. */
static bool malformed_check(struct run *r, struct random *random) {
    struct text bytes = {0}, shown = {0}, a = {0}, b = {0};
    malformed_generate(random, &bytes);
    bool same = peer_exchange(&r->tarn, &bytes, &a) && peer_exchange(&r->oracle, &bytes, &b) &&
                (text_equal(&a, &b) || known_difference(&bytes, &a, &b) || seen_difference(&bytes, &a, &b));
    if (!same) report("malformed request", &bytes, &a, &b);
    text_clear(&bytes);
    text_clear(&shown);
    text_clear(&a);
    text_clear(&b);
    return same;
}

/* False when there have been enough differences. */
static bool tally(struct run *r, bool same) {
    if (same) {
        r->passed++;
    } else {
        r->failed++;
    }
    return r->failed < r->limit;
}

/* Both empty, on fresh connections. */
static bool start_afresh(struct run *r) {
    peers_restart_session(r);
    struct text request = {0};
    request_from_words(&request, "FLUSHALL");
    bool same = compare_ask(r, SAME, &request, "FLUSHALL");
    command_list_clear(&r->log);
    text_clear(&request);
    return same;
}

/* Between blocks of commands: the state, and a few malformed requests. */
static bool round_end(struct run *r, struct random *random) {
    enum { MALFORMED = 40 };
    peers_restart_session(r);
    bool go_on = tally(r, state_check(r));
    for (int i = 0; i < MALFORMED && go_on; i++) go_on = tally(r, malformed_check(r, random));
    return go_on && tally(r, start_afresh(r));
}

/* count commands in rounds. After a difference the servers start afresh, because their states may differ from then on. */
static bool protocol_run(struct run *r, struct random *random, int protocol, uint64_t count) {
    enum { ROUND = 16384 };
    r->protocol = protocol;
    bool go_on = tally(r, start_afresh(r));
    for (uint64_t done = 0, in_round = 0; done < count && go_on;) {
        size_t n = count - done < BLOCK ? (size_t)(count - done) : BLOCK;
        bool same = block_check(r, random, n);
        go_on = tally(r, same);
        if (go_on && !same) go_on = tally(r, start_afresh(r));
        done += n;
        in_round += n;
        if (!go_on || (in_round < ROUND && done < count)) continue;
        in_round = 0;
        go_on = round_end(r, random);
    }
    return go_on;
}

static int usage(void) {
    fputs("differ -tarn PROGRAM|PORT -oracle PROGRAM|PORT [-count N] [-seed N] [-known FILE] [-only 2|3] [-family "
          "NAME] [-stop-after "
          "N]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv) {
    const char *tarn = NULL, *oracle = NULL, *known = NULL;
    uint64_t count = 200000, seed = 1;
    int only = 0;
    unsigned limit = 5;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "-tarn"))
            tarn = argv[i + 1];
        else if (!strcmp(argv[i], "-oracle"))
            oracle = argv[i + 1];
        else if (!strcmp(argv[i], "-known"))
            known = argv[i + 1];
        else if (!strcmp(argv[i], "-count"))
            count = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "-seed"))
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "-family") && command_choose_family(argv[i + 1]))
            continue;
        else if (!strcmp(argv[i], "-only"))
            only = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "-stop-after"))
            limit = (unsigned)atoi(argv[i + 1]);
        else
            return usage();
    }
    if (!tarn || !oracle || (known && !known_load(known))) return usage();
    struct run r = {.limit = limit};
    if (!peer_start(&r.tarn, "tarn", tarn) || !peer_start(&r.oracle, "oracle", oracle)) return 2;
    struct random random = {seed};
    double started = seconds_now();
    bool same = true;
    if (only != 3) same = protocol_run(&r, &random, 2, only ? count : count / 2);
    if (same && only != 2) same = protocol_run(&r, &random, 3, only ? count : count - count / 2);
    double seconds = seconds_now() - started;
    bool clean = peer_stop(&r.tarn) & peer_stop(&r.oracle);
    if (!clean) r.failed++;
    known_print();
    printf("seed %llu: %llu commands to each in %.1f s (%.0f a second)\n", (unsigned long long)seed,
           (unsigned long long)r.commands, seconds, (double)r.commands / seconds);
    printf("%llu passed, %llu failed\n", (unsigned long long)r.passed, (unsigned long long)r.failed);
    return r.failed ? 1 : 0;
}
