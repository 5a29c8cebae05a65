/* Random commands on sorted sets: few keys z0..z5 of any scores and members, and y0..y3 whose scores are all 0, so that ranges of
 * members mean something. The threshold of packs moves, so that both forms meet. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define LIMIT   "[LIMIT <zr> <zr>]"
#define OPTIONS "[{WEIGHTS <zs>|WEIGHTS <zs> <zs>|AGGREGATE {SUM|MIN|MAX|AVG}}] [AGGREGATE {SUM|MIN|MAX|max}]"

static const struct row rows[] = {
    {60, SAME, "ZADD <zk> [{NX|XX|GT|LT|nx|NX GT|XX LT}] [CH] <zpairs>"},
    {10, SAME, "ZADD <zk> [{NX|XX|GT|LT}] INCR <zs> <zm>"},
    {4, SAME, "ZADD <zk> [NX] [XX] [GT] [LT] [CH] [INCR] <zpairs>"},
    {20, SAME, "ZADD <zlk> [{NX|XX|GT|LT}] 0 <zm> 0 <zm> 0 <zm>"},
    {16, SAME, "ZINCRBY <zk> <zs> <zm>"},
    {8, SAME, "ZCARD <zk>"},
    {10, SAME, "ZSCORE <zk> <zm>"},
    {6, SAME, "ZMSCORE <zk> <zm> <zm> <zm>"},
    {1, SAME, "{ZRANK|ZREVRANK} <zk> <zm>"},
    {10, SAME, "ZCOUNT <zk> <zb> <zb>"},
    {8, SAME, "ZLEXCOUNT <zlk> <zl> <zl>"},
    {20, SAME, "ZRANGE <zk> <zr> <zr> [REV] [WITHSCORES] [WITHSCORES]"},
    {14, SAME, "ZRANGE <zk> <zb> <zb> BYSCORE [REV] " LIMIT " [WITHSCORES]"},
    {8, SAME, "ZRANGE <zlk> <zl> <zl> BYLEX [REV] " LIMIT},
    {4, SAME,
     "ZRANGE <zk> {<zr>|<zb>} {<zr>|<zb>} [{BYSCORE|BYLEX|REV|NONSENSE}] [REV] [BYSCORE] " LIMIT " [WITHSCORES]"},
    {8, SAME, "ZREVRANGE <zk> <zr> <zr> [WITHSCORES]"},
    {10, SAME, "{ZRANGEBYLEX|ZREVRANGEBYLEX} <zlk> <zl> <zl> " LIMIT},
    {10, SAME, "{ZRANGEBYSCORE|ZREVRANGEBYSCORE} <zk> <zb> <zb> [WITHSCORES] " LIMIT},
    {6, SAME, "ZRANGESTORE <zk> <zk> <zr> <zr> [REV]"},
    {6, SAME, "ZRANGESTORE <zk> <zk> <zb> <zb> BYSCORE [REV] " LIMIT},
    {3, SAME, "ZRANGESTORE <zk> <zlk> <zl> <zl> BYLEX [REV] " LIMIT},
    {16, SAME, "ZREM <zk> <zm> [<zm>] [<zm>]"},
    {6, SAME, "ZREM <zlk> <zm> [<zm>] [<zm>]"},
    {4, SAME, "ZREMRANGEBYRANK <zk> <zr> <zr>"},
    {4, SAME, "ZREMRANGEBYSCORE <zk> <zb> <zb>"},
    {4, SAME, "ZREMRANGEBYLEX <zlk> <zl> <zl>"},
    {8, SAME, "{ZPOPMIN|ZPOPMAX} <zk> [<zr>]"},
    {6, SAME, "ZMPOP <zn> {MIN|MAX|max|MID} [COUNT <zr>]"},
    {1, SAME, "{BZPOPMIN|BZPOPMAX} <zk> <zk> {0.01|0.001|-1|x}"},
    {1, SAME, "BZMPOP {0.01|0.001|-1|x} <zn> {MIN|MAX} [COUNT <zr>]"},
    {6, SAME, "{ZUNION|ZINTER} <zn> " OPTIONS " [WITHSCORES]"},
    {6, SAME, "{ZUNION|ZINTER} <zn> WITHSCORES"},
    {8, SAME, "{ZUNIONSTORE|ZINTERSTORE} <zk> <zn> " OPTIONS},
    {4, SAME, "{ZUNIONSTORE|ZINTERSTORE} <zk> 2 <zk> <zk> WEIGHTS <zs> <zs> [AGGREGATE {SUM|MIN|MAX}]"},
    {4, SAME, "ZDIFF <zn> [WITHSCORES]"},
    {3, SAME, "ZDIFFSTORE <zk> <zn>"},
    {4, SAME, "ZINTERCARD <zn> [LIMIT <zr>]"},
    {3, KIND, "ZRANDMEMBER <zk> [<zr>]"},
    {2, KIND, "ZRANDMEMBER <zk> {1|-3|0|x} {WITHSCORES|NONSENSE}"},
    {3, KIND, "ZSCAN <zk> 0 [MATCH {a*|*|m1*}] [COUNT {1|10|0|x|1000}]"},
    {1, SAME, "ZSCAN <zk> {x|-|1.5} [COUNT 0]"},
    {8, SAME, "OBJECT ENCODING {<zk>|<zlk>}"},
    {8, SAME, "DUMP {<zk>|<zlk>}"},
    {2, SAME, "TYPE <zk>"},
    {3, SAME, "COPY <zk> <zk> [REPLACE]"},
    {2, SAME, "RENAME <zk> <zk>"},
    {2, SAME, "EXPIRE <zk> {100|1000|-1}"},
    {2, SAME, "{DEL|UNLINK} {<zk>|<zlk>}"},
    {1, SAME, "SET <zk> x"},
    {2, SAME, "SADD zset <zm> <zm>"},
    {1, SAME, "CONFIG SET zset-max-listpack-entries {0|4|12|128}"},
    {1, SAME, "CONFIG SET zset-max-listpack-value {4|64}"},
};

#define PICK(r, list) (list[random_below(r, (unsigned)(sizeof list / sizeof list[0]))])

static void put_sorted_key(struct random *r, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "z%u", random_below(r, 6));
    if (random_chance(r, 96))
        word_put(words, key);
    else if (random_chance(r, 60))
        word_put(words, "zset");
    else
        word_key(r, words);
}

static void put_member(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"",  "-", "+",   "[",    "12", "-7", "007",
                                      "a", "b", "a\n", "\xff", "aa", "ab", "9223372036854775807"};
    char member[200];
    unsigned span = random_chance(r, 70) ? 16 : 150;
    int n = snprintf(member, sizeof member, "m%u", random_below(r, span));
    if (random_chance(r, 2)) memset(member + n, 'x', 100), member[n + 100] = 0;
    word_put(words, random_chance(r, 12) ? PICK(r, odd) : member);
}

static void put_score(struct random *r, struct text_list *words) {
    static const char *const odd[] = {
        "inf",  "-inf", "+inf",   "-0",      "0.1",  "1e300",  "-1e300", "4611686018427387904",
        "nan",  "x",    "",       " 1",      "1 ",   "0x10",   "1e-300", "9007199254740993",
        "1e17", ".5",   "1e4000", "1e-4000", "-1.5", "3.3333", "1e20",   "123456789012345678"};
    char number[64];
    if (random_chance(r, 12)) {
        word_put(words, PICK(r, odd));
        return;
    }
    int whole = (int)random_below(r, random_chance(r, 80) ? 20 : 100000) - 5;
    if (random_chance(r, 70))
        snprintf(number, sizeof number, "%d", whole);
    else
        snprintf(number, sizeof number, "%d.%u", whole, random_below(r, 1000));
    word_put(words, number);
}

static void put_border(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"-inf", "+inf", "inf", "(inf", "(-inf", "nan",   "x",
                                      "",     "(",    " 1",  "1 ",   "((1",   "1e400", "(1.5"};
    char number[32];
    snprintf(number, sizeof number, "%s%d", random_chance(r, 30) ? "(" : "", (int)random_below(r, 24) - 6);
    word_put(words, random_chance(r, 25) ? PICK(r, odd) : number);
}

static void put_lex(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"-", "+", "-", "+", "[", "(", "", "a", "-x", "+x", "[\xff", "(a", "[a"};
    char text[32];
    snprintf(text, sizeof text, "%cm%u", random_chance(r, 50) ? '[' : '(', random_below(r, 150));
    word_put(words, random_chance(r, 35) ? PICK(r, odd) : text);
}

static void put_rank(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"9223372036854775807", "x", "", "1.5", "99999999999999999999", "100", "-100"};
    char number[32];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 30) - 8);
    word_put(words, random_chance(r, 8) ? PICK(r, odd) : number);
}

/* numkeys and mostly as many keys. */
static void put_numbered(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"0", "-1", "x", "5", "", "9223372036854775807"};
    char number[16];
    unsigned n = 1 + random_below(r, 3);
    snprintf(number, sizeof number, "%u", n);
    word_put(words, random_chance(r, 4) ? PICK(r, odd) : number);
    for (; n > 0; n--) put_sorted_key(r, words);
}

static bool is(const char *kind, size_t n, const char *name) { return strlen(name) == n && !memcmp(kind, name, n); }

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    static const struct {
        const char *name;
        void (*put)(struct random *r, struct text_list *words);
    } kinds[] = {{"zk", put_sorted_key}, {"zm", put_member}, {"zs", put_score},   {"zb", put_border},
                 {"zl", put_lex},        {"zr", put_rank},   {"zn", put_numbered}};
    char key[16];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!is(kind, n, kinds[i].name)) continue;
        kinds[i].put(r, words);
        return true;
    }
    if (is(kind, n, "zlk")) {
        snprintf(key, sizeof key, "y%u", random_below(r, 4));
        word_put(words, key);
        return true;
    }
    if (!is(kind, n, "zpairs")) return false;
    for (unsigned i = 1 + random_below(r, random_chance(r, 80) ? 3 : 20); i > 0; i--) {
        put_score(r, words);
        put_member(r, words);
    }
    return true;
}

const struct family sorted_set_family = {"sorted_set", rows, sizeof rows / sizeof rows[0], 1, put_kind};
