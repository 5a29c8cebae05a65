/* Random commands on sets: few keys s0..s5, members that are integers of all widths, nearly integers, and texts, and keys i0..i2 of
 * integers alone; limits so small that the forms change all the time. redis-server 7.0 keeps every set that is not of integers as a
 * table, so the limits of packs only change ours. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

static const struct row rows[] = {
    {40, SAME, "SADD <set> <mb+>"},
    {16, SAME, "SADD <seti> <mi+>"},
    {18, SAME, "SREM <set> <mb+>"},
    {8, SAME, "SREM <seti> <mi+>"},
    {8, SAME, "SCARD <setr>"},
    {16, SAME, "SISMEMBER <setr> <mb>"},
    {6, SAME, "SISMEMBER <seti> <mi>"},
    {10, SAME, "SMISMEMBER <setr> <mb+>"},
    {14, SORTED, "SMEMBERS <setr>"},
    {12, SAME, "SMOVE <set> <set> <mb>"},
    {4, SAME, "SMOVE <seti> <set> <mi>"},
    {2, SAME, "SMOVE <setr> <set> <mb>"},
    /* Which one is taken is chance: so all of them, or none. */
    {4, SORTED, "SPOP <set> 9223372036854775807"},
    {2, SAME, "SPOP <set> {-1|x|9223372036854775808|1.5}"},
    {2, SAME, "SPOP <set> 1 1"},
    {1, SAME, "SPOP {none|str} [{0|1|x}]"},
    {2, ANYTHING, "SRANDMEMBER <setr>"},
    {5, SORTED, "SRANDMEMBER <setr> {100000|9223372036854775807|0}"},
    {3, KIND, "SRANDMEMBER <setr> {1|2|5|-1|-3|-20|50}"},
    {2, KIND, "SRANDMEMBER <setr> {x|-9223372036854775808|9223372036854775808|1.5|}"},
    {1, KIND, "SRANDMEMBER <setr> 1 1"},
    {10, SORTED, "SINTER <set> [<set>] [<set>] [<set>]"},
    {10, SORTED, "SUNION <set> [<set>] [<set>] [<set>]"},
    {12, SORTED, "SDIFF <set> [<set>] [<set>] [<set>]"},
    {6, SORTED, "{SINTER|SUNION|SDIFF} <seti> <seti> [<seti>]"},
    {2, SORTED, "{SINTER|SUNION|SDIFF} <setr> <setr> [<setr>]"},
    {14, SAME, "{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} <set> <set> [<set>] [<set>] [<set>]"},
    {10, SAME, "{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} <seti> <seti> <seti> [<seti>]"},
    {3, SAME, "{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} <set> <setr> <setr>"},
    {8, SAME, "SINTERCARD {1 <set>|2 <set> <set>|3 <set> <set> <set>|2 <seti> <seti>} [LIMIT {0|1|2|5|1000}]"},
    {3, SAME,
     "SINTERCARD {0|-1|x|1|2|3|9223372036854775807|} <set> <setr> [{LIMIT|LIMIT x|LIMIT -1|LIMIT 1 LIMIT 2|COUNT 1}]"},
    {6, KIND, "SSCAN <setr> {0|5|18446744073709551615|-1} [MATCH <p>] [COUNT {1|5|1000}]"},
    {4, KIND, "SSCAN <seti> 0 COUNT 1000"},
    {2, KIND, "SSCAN <setr> {abc|-|1.5|18446744073709551616|\v1} [COUNT {x|0}]"},
    {2, KIND, "SSCAN <setr> 0 {COUNT 0|COUNT x|COUNT -1|MATCH|COUNT|NONSENSE 1|TYPE set|MATCH a COUNT}"},
    {8, SAME, "OBJECT ENCODING {<set>|<seti>}"},
    {2, SAME, "TYPE <set>"},
    {3, SAME, "EXPIRE <set> 1000"},
    {3, NEAR_S, "TTL <set>"},
    {5, SAME, "{DEL|UNLINK} {<set>|<seti>}"},
    {3, SAME, "COPY <set> <set> [REPLACE]"},
    {3, SAME, "{RENAME|RENAMENX} <set> <set>"},
    {1, SAME, "SET <set> <mb>"},
    {2, SAME, "GET <set>"},
    {4, SAME, "DEBUG DIGEST-VALUE <set> <seti>"},
    {3, SAME, "DUMP {<set>|<seti>}"},
    {2, SAME, "CONFIG SET set-max-intset-entries {512|512|16|16|4|0}"},
};

static void put_key_of(struct random *r, char letter, unsigned n, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "%c%u", letter, random_below(r, n));
    word_put(words, key);
}

static void put_key(struct random *r, struct text_list *words) { put_key_of(r, 's', 6, words); }

static void put_integers_key(struct random *r, struct text_list *words) { put_key_of(r, 'i', 3, words); }

/* To read from, seldom any other key. */
static void put_any_key(struct random *r, struct text_list *words) {
    if (random_chance(r, 94))
        put_key(r, words);
    else
        word_key(r, words);
}

static void put_integer(struct random *r, struct text_list *words) {
    static const char *const far[] = {"127",
                                      "128",
                                      "-129",
                                      "32767",
                                      "32768",
                                      "-32768",
                                      "-32769",
                                      "2147483647",
                                      "2147483648",
                                      "-2147483648",
                                      "-2147483649",
                                      "9223372036854775807",
                                      "-9223372036854775808"};
    char number[16];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 30) - 10);
    word_put(words, random_chance(r, 90) ? number : far[random_below(r, sizeof far / sizeof far[0])]);
}

static void put_member(struct random *r, struct text_list *words) {
    static const char *const some[] = {"",
                                       "a b",
                                       "01",
                                       "+1",
                                       "-0",
                                       "1.0",
                                       " 1",
                                       "1 ",
                                       "1e3",
                                       "0x1",
                                       "\n",
                                       "9223372036854775808",
                                       "-9223372036854775809"};
    static const unsigned sizes[] = {9,   15,  16,  62,  63,  64,   65,   127,  128,
                                     253, 254, 255, 256, 300, 1000, 4094, 5000, 20000};
    char bytes[20010];
    unsigned kind = random_below(r, 100);
    if (kind < 35) {
        snprintf(bytes, sizeof bytes, "%c", 'a' + (int)random_below(r, 9));
        word_put(words, bytes);
    } else if (kind < 70) {
        put_integer(r, words);
    } else if (kind < 85) {
        snprintf(bytes, sizeof bytes, "member:%u", random_below(r, 40));
        word_put(words, bytes);
    } else if (kind < 95) {
        word_put(words, some[random_below(r, sizeof some / sizeof some[0])]);
    } else {
        size_t n = sizes[random_below(r, kind < 98 ? 13 : 18)] + random_below(r, 3);
        memset(bytes, 'a' + (int)random_below(r, 3), n);
        text_list_add(words, bytes, n);
    }
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    static const struct {
        const char *name;
        void (*put)(struct random *r, struct text_list *words);
    } kinds[] = {
        {"set", put_key}, {"setr", put_any_key}, {"seti", put_integers_key}, {"mb", put_member}, {"mi", put_integer}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) != n || memcmp(kinds[i].name, kind, n)) continue;
        kinds[i].put(r, words);
        return true;
    }
    bool integers = n == 3 && !memcmp(kind, "mi+", 3);
    if (!integers && !(n == 3 && !memcmp(kind, "mb+", 3))) return false;
    for (unsigned i = 1 + random_below(r, random_chance(r, 92) ? 4 : 30); i > 0; i--)
        (integers ? put_integer : put_member)(r, words);
    return true;
}

/* A count is never replaced: redis-server gathers any negative one in memory, and falls. */
const struct family set_family = {"set", rows, sizeof rows / sizeof rows[0], 2, put_kind};
