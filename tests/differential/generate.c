/* Random commands from a small grammar. A row is a pattern:
 *   word        itself                      [...]   there or not
 *   <kind>      a random value, see below   {a|b}   one of them
 * The rows here are of strings and keys; those of other types stand in generate_<family>.c, with kinds of their own.
 * Few keys, so that commands meet; numbers at the edges; now and then a word too many, too few, twice, or nonsense. */
#include "differ.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPIRY "{EX <s>|PX <ms>|EXAT <at>|PXAT <atms>"

static const struct row rows[] = {
    {30, SAME, "GET <k>"},
    {30, SAME, "SET <k> <v>"},
    {20, SAME, "SET <k> <v> [{NX|XX}] [GET] [" EXPIRY "|KEEPTTL}]"},
    {4, SAME, "SET <k> <v> " EXPIRY "|KEEPTTL|NX|XX|GET|IFEQQ} " EXPIRY "|KEEPTTL|NX|XX|GET}"},
    {6, SAME, "SETNX <k> <v>"},
    {5, SAME, "SETEX <k> <s> <v>"},
    {5, SAME, "PSETEX <k> <ms> <v>"},
    {6, SAME, "GETSET <k> <v>"},
    {8, SAME, "GETDEL <k>"},
    {10, SAME, "GETEX <k> [" EXPIRY "|PERSIST}]"},
    {2, SAME, "GETEX <k> " EXPIRY "|PERSIST} " EXPIRY "|PERSIST}"},
    {10, SAME, "MGET <k+>"},
    {8, SAME, "MSET <kv+>"},
    {5, SAME, "MSETNX <kv+>"},
    {12, SAME, "APPEND <k> <v>"},
    {8, SAME, "STRLEN <k>"},
    {10, SAME, "SETRANGE <k> <o> <v>"},
    {10, SAME, "GETRANGE <k> <r> <r>"},
    {3, SAME, "SUBSTR <k> <r> <r>"},
    {12, SAME, "{INCR|DECR} <k>"},
    {12, SAME, "{INCRBY|DECRBY} <k> <i>"},
    {12, SAME, "INCRBYFLOAT <k> <f>"},
    {10, SAME, "LCS <k> <k> [{LEN|IDX}] [MINMATCHLEN <i>] [WITHMATCHLEN]"},
    {2, SAME, "LCS <k> <k> LEN IDX"},
    {12, SAME, "{DEL|UNLINK} <k+>"},
    {8, SAME, "{EXISTS|TOUCH} <k+>"},
    {6, SAME, "TYPE <k>"},
    {10, SAME, "EXPIRE <k> <s> [{NX|XX|NX XX|GT LT|NX GT|YY}]"},
    {8, SAME, "PEXPIRE <k> <ms> [{NX|XX|NX GT}]"},
    {8, SAME, "EXPIREAT <k> <at> [{NX|XX|GT|LT}]"},
    {8, SAME, "PEXPIREAT <k> <atms> [{NX|XX|GT|LT}]"},
    {8, NEAR_S, "{TTL|EXPIRETIME} <k>"},
    {8, NEAR_MS, "{PTTL|PEXPIRETIME} <k>"},
    {8, SAME, "PERSIST <k>"},
    {8, SAME, "{RENAME|RENAMENX} <k> <k>"},
    {10, SAME, "COPY <k> <k> [DB <db>] [REPLACE]"},
    {8, SAME, "MOVE <k> <db>"},
    {3, ANYTHING, "RANDOMKEY"},
    {6, SORTED, "KEYS <p>"},
    {8, SAME, "OBJECT ENCODING <k>"},
    {2, KIND, "OBJECT IDLETIME <k>"},
    {2, SAME, "OBJECT FREQ <k>"},
    {2, KIND, "OBJECT REFCOUNT <k>"},
    {8, SAME, "DUMP <k>"},
    {4, SAME, "{MULTI|MULTI|DISCARD|UNWATCH}"},
    /* What is inside of its reply follows many policies; the state afterwards tells whether it did the same. */
    {8, KIND, "EXEC"},
    {2, SAME, "WATCH <k+>"},
    {10, SAME, "RESTORE <k> {0|<ms>} <payload> [REPLACE] [IDLETIME <i>]"},
    {5, SAME, "RESTORE <k> <atms> <payload> REPLACE ABSTTL [FREQ <i>]"},
    {3, SAME, "RESTORE <k> 0 <payload> {REPLACE|ABSTTL|FREQ|IDLETIME|NONSENSE} {REPLACE|FREQ 3|IDLETIME 5}"},
    {12, SAME, "SELECT <db>"},
    {1, SAME, "SWAPDB <db> <db>"},
    {1, SAME, "{FLUSHDB|FLUSHALL} [{SYNC|ASYNC|NOW}]"},
    {2, KIND, "SCAN 0 [MATCH <p>] [COUNT <i>] [TYPE {string|list|nonsense}]"},
    {2, KIND, "SCAN {abc|-1x|1.5|} [COUNT {0|-1|x}]"},
    {2, KIND, "SCAN 0 {COUNT 0|COUNT x|MATCH|NONSENSE 1|TYPE}"},
    {4, SAME, "PING [<v>]"},
    {3, SAME, "ECHO <v>"},
    {2, SAME, "CLIENT SETNAME {name|with space|<k>}"},
    {2, SAME, "CLIENT GETNAME"},
    {2, SAME, "CLIENT {NO-EVICT|NO-EVIC} {on|off|maybe}"},
    {1, SAME, "CLIENT REPLY maybe"},
    {1, SAME, "CLIENT UNBLOCK {99999999|x} [{TIMEOUT|ERROR|NONSENSE}]"},
    {1, SAME, "CLIENT PAUSE {x|-1} [{WRITE|ALL|NONSENSE}]"},
    {1, SAME, "CLIENT KILL {127.0.0.1:1|ID x|TYPE nonsense|USER nobody|ADDR 1.2.3.4:5|LADDR x|SKIPME perhaps|ID}"},
    {1, SAME, "CLIENT LIST {TYPE nonsense|ID x|NONSENSE 1|ID}"},
    {1, KIND, "CLIENT {ID|INFO|LIST}"},
    {1, SAME, "CLIENT UNPAUSE"},
    {1, SAME, "AUTH <v> [<v>]"},
    {1, SAME, "RESET"},
    {1, KIND, "HELLO {2|3}"},
    {1, KIND, "HELLO {1|4|x} [AUTH a b]"},
    {1, KIND, "HELLO 3 {AUTH x|SETNAME|NONSENSE|AUTH default <v>|SETNAME with\vspace}"},
    {6, SAME, "COMMAND GETKEYS <command>"},
    {1, SAME, "COMMAND {GETKEYS|GETKEYS GET|GETKEYS NONSENSE x|GETKEYS PING|LIST FILTERBY NONSENSE x|NONSENSE}"},
    {1, SAME, "CONFIG GET {maxmemory|hz|no-such-thing|lfu-decay-time}"},
    {1, SAME, "CONFIG SET {maxclients x|no-such-thing 1|hz|maxmemory -1|hz x hz y|lfu-log-factor 10|loglevel loud}"},
    {1, SAME, "CONFIG {NONSENSE|GET|SET a|RESETSTAT x}"},
    {1, KIND, "MEMORY {USAGE|USAGE <k> SAMPLES x|USAGE <k> SAMPLES -1|NONSENSE|USAGE <k> NONSENSE 1}"},
    {2, KIND, "MEMORY USAGE <k> [SAMPLES 0]"},
    {1, SAME, "OBJECT {ENCODING|NONSENSE <k>|ENCODING <k> <k>}"},
    {1, KIND, "{TIME|LASTSAVE}"},
    {1, SAME, "{NOSUCHCOMMAND|nosuch <k> <v>|GETT <v> <v> <v> <v>|<v>}"},
    {1, SAME, "DEBUG {SLEEP 0|NONSENSE|SET-ACTIVE-EXPIRE 1}"},
};

static const struct family common = {"string", rows, sizeof rows / sizeof rows[0], 0, NULL};
static const struct family *const families[] = {
    &common,      &bitmap_family, &hyperloglog_family, &list_family, &sorted_set_family,
    &hash_family, &geo_family,    &stream_family,      &sort_family, &set_family};
static const struct family *chosen;

#define FAMILIES (sizeof families / sizeof families[0])

bool command_choose_family(const char *name) {
    for (size_t i = 0; i < FAMILIES; i++)
        if (!strcmp(families[i]->name, name)) chosen = families[i];
    return chosen;
}

/* Without a choice half of the commands are common ones, and the other families share the rest. */
static const struct row *row_pick(struct random *r, unsigned *kept) {
    const struct family *f = random_chance(r, 50) ? &common : families[1 + random_below(r, FAMILIES - 1)];
    if (chosen) f = random_chance(r, 80) ? chosen : &common;
    unsigned total = 0;
    for (size_t i = 0; i < f->count; i++) total += f->rows[i].weight;
    unsigned at = random_below(r, total);
    const struct row *row = f->rows;
    *kept = f->kept;
    for (; at >= row->weight; row++) at -= row->weight;
    return row;
}

static const char *const integers[] = {"0",
                                       "1",
                                       "2",
                                       "-1",
                                       "10",
                                       "100",
                                       "12345",
                                       "-7",
                                       "2147483647",
                                       "2147483648",
                                       "4294967296",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999",
                                       "",
                                       "abc",
                                       "1.5",
                                       " 1",
                                       "1 ",
                                       "+1",
                                       "01",
                                       "-0",
                                       "1e3",
                                       "0x10"};
static const char *const floats[] = {"0",
                                     "1",
                                     "-1.5",
                                     "0.1",
                                     "3.14159265358979",
                                     "1e3",
                                     "1e-7",
                                     "5.0e3",
                                     "-0.0001",
                                     "1e17",
                                     "123456789.125",
                                     "1e300",
                                     "-1e300",
                                     "1e4000",
                                     "inf",
                                     "-inf",
                                     "nan",
                                     "abc",
                                     "",
                                     " 1",
                                     "1 ",
                                     "0x1p3",
                                     "1.",
                                     ".5",
                                     "+2",
                                     "100000000000000000000"};
/* Far from each other and from what <at> gives: with GT and LT a tie would be decided by a millisecond. For the same reason
 * these go with absolute times only. */
static const char *const seconds[] = {"100",
                                      "1000",
                                      "99999",
                                      "31536000",
                                      "0",
                                      "-1",
                                      "-100",
                                      "9223372036854775807",
                                      "9223372036854775",
                                      "-9223372036854775808",
                                      "abc",
                                      "",
                                      "1.5",
                                      "10000000000"};
static const char *const milliseconds[] = {
    "100000", "1000000", "99999999", "0", "-1", "9223372036854775807", "9223372036854770000", "-9223372036854775808",
    "abc",    ""};
static const char *const ranges[] = {"0",
                                     "1",
                                     "2",
                                     "5",
                                     "-1",
                                     "-2",
                                     "-5",
                                     "100",
                                     "-100",
                                     "9223372036854775807",
                                     "-9223372036854775808",
                                     "abc",
                                     "99999999999999999999"};
static const char *const offsets[] = {
    "0", "1", "3", "7", "20", "100", "1000", "-1", "536870912", "9223372036854775807", "abc"};
static const char *const databases[] = {"0", "0", "0", "1", "1", "2", "3", "16", "-1", "abc", "9223372036854775807",
                                        ""};
static const char *const globs[] = {"*", "k*", "k?",     "k[1-3]", "k[^1-3]",  "*1*",   "[",    "k[", "\\k1",  "k\\*",
                                    "",  "?",  "k[3-1]", "**1",    "key:[ab]", "[^k]*", "k[12", "*[", "k[\\1]"};

#define PICK(r, list) (list[random_below(r, (unsigned)(sizeof list / sizeof list[0]))])

static void put(struct text_list *words, const char *word) { text_list_add(words, word, strlen(word)); }

void word_put(struct text_list *words, const char *word) { put(words, word); }

static void put_key(struct random *r, struct text_list *words) {
    static const char *const odd[] = {
        "",         "key:a", "key:b", "with space",
        "\x01\xff", "12",    "k*",    "averyveryverylongkeynamethatisnotsmallatallandgoeson"};
    char key[8];
    snprintf(key, sizeof key, "k%u", random_below(r, 12));
    put(words, random_chance(r, 88) ? key : PICK(r, odd));
}

void word_key(struct random *r, struct text_list *words) { put_key(r, words); }

static void put_value(struct random *r, struct text_list *words) {
    char bytes[6000];
    size_t n = random_chance(r, 95) ? random_below(r, 70) : random_below(r, sizeof bytes);
    unsigned span = random_chance(r, 50) ? 3 : 256;
    switch (random_below(r, 8)) {
    case 0:
        put(words, PICK(r, integers));
        return;
    case 1:
        put(words, PICK(r, floats));
        return;
    case 2:
        snprintf(bytes, sizeof bytes, "%lld", (long long)(random_next(r) >> random_below(r, 64)));
        put(words, bytes);
        return;
    default:
        break;
    }
    /* Two alphabets: few letters (LCS finds something, LZF compresses) and every byte. */
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(span == 3 ? 'a' + (int)random_below(r, 3) : (int)random_below(r, 256));
    text_list_add(words, bytes, n);
}

static uint64_t crc64(const char *data, size_t n) {
    uint64_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x95ac9329ac4bc9b5u : crc >> 1;
    }
    return crc;
}

/* A DUMP payload of a string: type, value, version, checksum; now and then with a byte changed or the end cut off. */
static void put_payload(struct random *r, struct text_list *words) {
    static const unsigned char versions[] = {10, 10, 10, 10, 9, 6, 99};
    char bytes[128] = {0};
    size_t n = 1, length = random_below(r, 60);
    if (random_chance(r, 30)) {
        bytes[n++] = (char)0xc0;
        bytes[n++] = (char)random_below(r, 256);
    } else {
        bytes[n++] = (char)length;
        for (size_t i = 0; i < length; i++) bytes[n++] = (char)('a' + (int)random_below(r, 26));
    }
    bytes[n++] = (char)PICK(r, versions);
    bytes[n++] = 0;
    uint64_t crc = crc64(bytes, n);
    memcpy(bytes + n, &crc, sizeof crc);
    n += sizeof crc;
    if (random_chance(r, 8)) bytes[random_below(r, (unsigned)n)] ^= 1;
    if (random_chance(r, 5)) n = random_below(r, (unsigned)n);
    text_list_add(words, bytes, n);
}

static void put_time(struct random *r, struct text_list *words, long long unit) {
    char number[32];
    static const char *const odd[] = {"0", "-1", "9223372036854775807", "9223372036854775", "abc"};
    snprintf(number, sizeof number, "%lld", (long long)(time(NULL) + 1000 + random_below(r, 3) * 5000) * unit);
    put(words, random_chance(r, 80) ? number : PICK(r, odd));
}

static void expand(struct random *r, const char *at, const char *end, struct text_list *words);

static void put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    struct {
        const char *name;
        const char *const *list;
        unsigned count;
    } lists[] = {
#define LIST(name, list) {name, list, sizeof list / sizeof list[0]}
        LIST("i", integers), LIST("f", floats),  LIST("s", seconds),    LIST("ms", milliseconds),
        LIST("r", ranges),   LIST("o", offsets), LIST("db", databases), LIST("p", globs)};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strlen(lists[i].name) == n && !memcmp(lists[i].name, kind, n)) {
            put(words, lists[i].list[random_below(r, lists[i].count)]);
            return;
        }
    }
    for (size_t i = 1; i < FAMILIES; i++)
        if (families[i]->put_kind(r, kind, n, words)) return;
    unsigned times = kind[n - 1] == '+' ? 1 + random_below(r, 4) : 1;
    if (!strncmp(kind, "at>", 3))
        put_time(r, words, 1);
    else if (!strncmp(kind, "atms>", 5))
        put_time(r, words, 1000);
    else if (!strncmp(kind, "payload", 7))
        put_payload(r, words);
    else if (!strncmp(kind, "v", 1))
        put_value(r, words);
    else if (!strncmp(kind, "command", 7)) {
        unsigned kept;
        const char *pattern = row_pick(r, &kept)->pattern;
        expand(r, pattern, pattern + strlen(pattern), words);
    } else {
        for (unsigned i = 0; i < times; i++) {
            put_key(r, words);
            if (kind[1] == 'v') put_value(r, words);
        }
    }
}

static const char *closing(const char *at, char open, char close) {
    int depth = 0;
    for (;; at++) {
        if (*at == open) depth++;
        if (*at == close && --depth == 0) return at;
    }
}

static void choose(struct random *r, const char *at, const char *end, struct text_list *words) {
    const char *starts[16] = {at}, *stops[16];
    unsigned count = 1;
    for (int depth = 0; at < end; at++) {
        depth += (*at == '{') - (*at == '}');
        if (*at != '|' || depth) continue;
        stops[count - 1] = at;
        starts[count++] = at + 1;
    }
    stops[count - 1] = end;
    unsigned i = random_below(r, count);
    expand(r, starts[i], stops[i], words);
}

static void expand(struct random *r, const char *at, const char *end, struct text_list *words) {
    while (at < end) {
        const char *stop;
        switch (*at) {
        case ' ':
            at++;
            break;
        case '[':
            stop = closing(at, '[', ']');
            if (random_chance(r, 45)) expand(r, at + 1, stop, words);
            at = stop + 1;
            break;
        case '{':
            stop = closing(at, '{', '}');
            choose(r, at + 1, stop, words);
            at = stop + 1;
            break;
        case '<':
            stop = closing(at, '<', '>');
            put_kind(r, at + 1, (size_t)(stop - at - 1), words);
            at = stop + 1;
            break;
        default:
            for (stop = at; stop < end && !strchr(" [{<", *stop); stop++) {
            }
            text_list_add(words, at, (size_t)(stop - at));
            at = stop;
        }
    }
}

/* Words too many, too few, twice, in other case, or nonsense. The command's own name stays what it is. */
static void disturb(struct random *r, unsigned kept, struct text_list *words) {
    static const char *const nonsense[] = {
        "", "nonsense", "-1", "#", "NX", "GET", "REPLACE", "9999999999999999999999", "\r\n"};
    unsigned at = words->count > 1 ? 1 + random_below(r, (unsigned)words->count - 1) : 0;
    switch (random_below(r, 5)) {
    case 0:
        if (words->count > 1) words->count--;
        break;
    case 1:
        put(words, PICK(r, nonsense));
        break;
    case 2:
        if (at > kept) text_set(&words->items[at], "nonsense", 8);
        break;
    case 3:
        text_list_add(words, words->items[at].data, words->items[at].length);
        break;
    default:
        for (size_t i = 0; i < words->items[0].length; i++) {
            char *c = &words->items[0].data[i];
            if (random_chance(r, 50)) *c = (char)tolower((unsigned char)*c);
        }
    }
}

static void request_from_list(struct text *t, const struct text_list *words) {
    t->length = 0;
    text_printf(t, "*%zu\r\n", words->count);
    for (size_t i = 0; i < words->count; i++) {
        text_printf(t, "$%zu\r\n", words->items[i].length);
        text_put(t, words->items[i].data, words->items[i].length);
        text_puts(t, "\r\n");
    }
}

void command_generate(struct random *r, struct command *c) {
    unsigned kept;
    const struct row *row = row_pick(r, &kept);
    struct text_list words = {0};
    expand(r, row->pattern, row->pattern + strlen(row->pattern), &words);
    /* CLIENT is left alone: CLIENT REPLY OFF or CLIENT KILL by a number would end the conversation; COMMAND alone
     * lists every command there is; PFADD of what is made up takes one element (generate_hyperloglog.c); SPOP
     * without its count takes a member by chance. RPUSH <si> takes integers only (generate_sort.c). */
    bool fixed = !strncmp(row->pattern, "CLIENT", 6) || !strncmp(row->pattern, "COMMAND", 7) ||
                 !strncmp(row->pattern, "PFADD <x>", 9) || !strncmp(row->pattern, "SPOP", 4) ||
                 !strncmp(row->pattern, "RPUSH <si>", 10);
    if (!fixed && random_chance(r, 6)) disturb(r, kept, &words);
    /* A fourth word is an option since Redis 7.2, WITHSCORE: 7.0 would give up a transaction for it that is run here. */
    if (!strncmp(row->pattern, "{ZRANK|", 7) && words.count > 3) words.count = 3;
    c->policy = row->policy;
    request_from_list(&c->request, &words);
    request_show(&c->request, &c->shown);
    text_list_clear(&words);
    free(words.items);
}

/* Requests as no client would send them; and good ones with a byte changed, cut off, or in inline form. */
void malformed_generate(struct random *r, struct text *bytes) {
    static const char *const streams[] = {"*x\r\n",
                                          "*1\r\n$x\r\n",
                                          "*-1\r\nPING\r\n",
                                          "*0\r\nPING\r\n",
                                          "*1048577\r\n",
                                          "*2147483648\r\n",
                                          "*1\r\n$-1\r\n",
                                          "*1\r\n$536870913\r\n",
                                          "*1\r\n:4\r\nPING\r\n",
                                          "*1\r\n+PING\r\n",
                                          "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
                                          "PING\r\n",
                                          "PING\n",
                                          "\r\n\r\nPING\r\n",
                                          "ECHO \"a\\x41\\n\"\r\n",
                                          "ECHO 'it\\'s'\r\n",
                                          "ECHO \"unbalanced\r\nPING\r\n",
                                          "ECHO 'a'b\r\n",
                                          "SET a b c d\r\n",
                                          "  PING  \r\n",
                                          "*\r\n",
                                          "*1\r\n$\r\n",
                                          "$4\r\nPING\r\n",
                                          "*1\r\n$4\r\nPIN",
                                          "*3\r\n$3\r\nSET\r\n$1\r\na\r\n",
                                          "*1\r\n$0\r\n\r\n",
                                          "*01\r\n$4\r\nPING\r\n",
                                          "*1\r\n$04\r\nPING\r\n",
                                          "* 1\r\n$4\r\nPING\r\n",
                                          "*1 \r\n$4\r\nPING\r\n",
                                          "*1\r\n$4 \r\nPING\r\n",
                                          "*+1\r\n$4\r\nPING\r\n",
                                          "*1\r\r\n$4\r\nPING\r\n",
                                          "*-0\r\n",
                                          "GET\r\n",
                                          "\x80\xff\r\n",
                                          "*1\r\n$99999999999999999999\r\n",
                                          "*99999999999999999999\r\n",
                                          "echo \\x41\r\n",
                                          "ECHO \"\"\r\n",
                                          "ECHO ''\r\nPING\r\n",
                                          "PING\r\nQUIT\r\nPING\r\n"};
    struct command c = {0};
    switch (random_below(r, 4)) {
    case 0:
        text_puts(bytes, PICK(r, streams));
        break;
    case 1:
        for (unsigned n = 65530 + random_below(r, 12); n > 0; n--) text_put(bytes, "x", 1);
        if (random_chance(r, 50)) text_puts(bytes, "\r\n");
        break;
    case 2: /* head of a request without an end */
        text_put(bytes, random_chance(r, 50) ? "*" : "*1\r\n$", random_chance(r, 50) ? 1 : 1);
        for (unsigned n = 65530 + random_below(r, 12); n > 0; n--) text_put(bytes, "1", 1);
        break;
    default: /* no NUL: Redis takes it for the end of what has come, and waits */
        request_from_words(&c.request, random_chance(r, 50) ? "GET" : "STRLEN", "k1");
        text_puts(bytes, "PING\r\n");
        text_put(bytes, c.request.data, c.request.length);
        if (random_chance(r, 70))
            bytes->data[6 + random_below(r, 8)] = (char)(1 + random_below(r, 255));
        else
            bytes->length -= random_below(r, 12);
        text_puts(bytes, "\r\nPING\r\n");
        text_clear(&c.request);
    }
}

void request_from_array(struct text *t, const char *const *words) {
    struct text_list list = {0};
    for (; *words; words++) put(&list, *words);
    request_from_list(t, &list);
    text_list_clear(&list);
    free(list.items);
}

void request_for_key(struct text *t, const char *first, const char *second, const struct text *key) {
    struct text_list list = {0};
    put(&list, first);
    if (second) put(&list, second);
    text_list_add(&list, key->data, key->length);
    request_from_list(t, &list);
    text_list_clear(&list);
    free(list.items);
}

/* As people write it: the words, quoted where they are not plain. */
void request_show(const struct text *request, struct text *shown) {
    const char *at = strchr(request->data, '\n') + 1, *end = request->data + request->length;
    while (at < end) {
        size_t n = strtoul(at + 1, NULL, 10);
        at = strchr(at, '\n') + 1;
        bool plain = n > 0;
        for (size_t i = 0; i < n; i++) plain = plain && at[i] > 32 && at[i] < 127 && at[i] != '"';
        if (shown->length) text_puts(shown, " ");
        if (!plain) text_puts(shown, "\"");
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)at[i];
            if (c >= 32 && c < 127 && c != '"' && c != '\\')
                text_put(shown, &at[i], 1);
            else
                text_printf(shown, "\\x%02x", c);
        }
        if (!plain) text_puts(shown, "\"");
        at += n + 2;
    }
}
