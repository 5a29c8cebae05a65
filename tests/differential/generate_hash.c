/* Random commands on hashes: few keys and fields, so that commands meet; values that are numbers, nearly numbers, and long; limits
 * so small that both forms occur. Fields with times are not in redis-server 7.0. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

static const struct row rows[] = {
    {30, SAME, "HSET <h> <hp+>"},
    {6, SAME, "HMSET <h> <hp+>"},
    {8, SAME, "HSETNX <h> <hf> <hv>"},
    {1, SAME, "{HSET|HMSET|HSETNX} <h> <hp+> <hf>"},
    {16, SAME, "HGET <hr> <hf>"},
    {10, SAME, "HMGET <hr> <hf+>"},
    {8, SORTED, "HGETALL <hr>"},
    {6, SORTED, "{HKEYS|HVALS} <hr>"},
    {8, SAME, "HLEN <hr>"},
    {6, SAME, "HSTRLEN <hr> <hf>"},
    {6, SAME, "HEXISTS <hr> <hf>"},
    {16, SAME, "HDEL <h> <hf+>"},
    {14, SAME, "HINCRBY <h> <hf> <hi>"},
    {12, SAME, "HINCRBYFLOAT <h> <hf> <f>"},
    {2, SAME, "HINCRBYFLOAT <h> <hf> {inf|-inf|nan|infinity|0x10|1e400|1e4932|\v1|1\v|}"},
    {2, ANYTHING, "HRANDFIELD <hr>"},
    {4, SORTED, "HRANDFIELD <hr> {100000|9223372036854775807|0}"},
    {3, SORTED, "HRANDFIELD <hr> 4611686018427387903 WITHVALUES"},
    {3, KIND, "HRANDFIELD <hr> {1|2|5|-1|-3|-20|50} [{WITHVALUES|withvalues}]"},
    {2, KIND, "HRANDFIELD <hr> {x|-9223372036854775808|9223372036854775808|1.5|} [WITHVALUES]"},
    {2, KIND, "HRANDFIELD <hr> 4611686018427387904 WITHVALUES"},
    {2, KIND, "HRANDFIELD <hr> {1|x|0} {WITHVALUE|WITHVALUES X|}"},
    {4, KIND, "HSCAN <hr> {0|5|18446744073709551615|-1} [MATCH <p>] [COUNT {1|5|1000}]"},
    {2, KIND, "HSCAN <hr> {abc|-|1.5|18446744073709551616|\v1} [COUNT {x|0}]"},
    {2, KIND, "HSCAN <hr> 0 {COUNT 0|COUNT x|COUNT -1|MATCH|COUNT|NONSENSE 1|TYPE hash|MATCH a COUNT}"},
    {8, SAME, "OBJECT ENCODING <h>"},
    {2, SAME, "TYPE <h>"},
    {3, SAME, "EXPIRE <h> 1000"},
    {3, NEAR_S, "TTL <h>"},
    {4, SAME, "{DEL|UNLINK} <h>"},
    {3, SAME, "COPY <h> <h> REPLACE"},
    {3, SAME, "{RENAME|RENAMENX} <h> <h>"},
    {2, SAME, "SET <h> <hv>"},
    {2, SAME, "GET <h>"},
    {3, SAME, "DEBUG DIGEST-VALUE <h> <h>"},
    {2, SAME, "CONFIG SET hash-max-listpack-entries {4|8|8|64|512|0}"},
    {2, SAME, "CONFIG SET hash-max-{listpack|ziplist}-value {64|64|10|0|1000}"},
};

static void put_key(struct random *r, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "h%u", random_below(r, 6));
    word_put(words, key);
}

/* To read from, seldom any other key. */
static void put_any_key(struct random *r, struct text_list *words) {
    if (random_chance(r, 96))
        put_key(r, words);
    else
        word_key(r, words);
}

static void put_field(struct random *r, struct text_list *words) {
    static const char *const some[] = {"",
                                       "a b",
                                       "127",
                                       "128",
                                       "-1",
                                       "4096",
                                       "32768",
                                       "-8388609",
                                       "2147483648",
                                       "01",
                                       "1.5",
                                       "+1",
                                       "-0",
                                       "\n",
                                       "9223372036854775807",
                                       "9223372036854775808"};
    char field[128];
    unsigned kind = random_below(r, 100);
    if (kind < 55) {
        snprintf(field, sizeof field, "%c", 'a' + (int)random_below(r, 7));
    } else if (kind < 80) {
        snprintf(field, sizeof field, "field:%u", random_below(r, 25));
    } else if (kind < 96) {
        snprintf(field, sizeof field, "%s", some[random_below(r, sizeof some / sizeof some[0])]);
    } else {
        memset(field, 'L', sizeof field);
        field[60 + random_below(r, 8)] = 0;
    }
    word_put(words, field);
}

static void put_value(struct random *r, struct text_list *words) {
    static const char *const some[] = {"x",
                                       "",
                                       "0",
                                       "1",
                                       "10",
                                       "-5",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "1.5",
                                       "-2.25",
                                       "3e2",
                                       "inf",
                                       "-inf",
                                       "nan",
                                       "0x10",
                                       "1e400",
                                       "00",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775806",
                                       "9223372036854775808",
                                       "1234567890123456789",
                                       "0.1",
                                       "-0"};
    static const unsigned sizes[] = {9, 62, 63, 64, 65, 127, 128, 255, 256, 300, 1000, 4094, 5000, 20000};
    char bytes[20010];
    unsigned kind = random_below(r, 100);
    if (kind < 60) {
        word_put(words, some[random_below(r, sizeof some / sizeof some[0])]);
    } else if (kind < 92) {
        snprintf(bytes, sizeof bytes, "%d", (int)random_below(r, 1u << random_below(r, 20)) - 100);
        word_put(words, bytes);
    } else {
        size_t n = sizes[random_below(r, kind < 98 ? 8 : 14)] + random_below(r, 3);
        memset(bytes, 'a' + (int)random_below(r, 3), n);
        text_list_add(words, bytes, n);
    }
}

static void put_increment(struct random *r, struct text_list *words) {
    static const char *const odd[] = {
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.5", "+1", " 1", "01"};
    char number[32];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 2000) - 1000);
    word_put(words, random_chance(r, 20) ? odd[random_below(r, 9)] : number);
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    static const struct {
        const char *name;
        void (*put)(struct random *r, struct text_list *words);
    } kinds[] = {{"h", put_key}, {"hr", put_any_key}, {"hf", put_field}, {"hv", put_value}, {"hi", put_increment}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) != n || memcmp(kinds[i].name, kind, n)) continue;
        kinds[i].put(r, words);
        return true;
    }
    bool pairs = n == 3 && !memcmp(kind, "hp+", 3);
    if (!pairs && !(n == 3 && !memcmp(kind, "hf+", 3))) return false;
    for (unsigned i = 1 + random_below(r, random_chance(r, 92) ? 4 : 30); i > 0; i--) {
        put_field(r, words);
        if (pairs) put_value(r, words);
    }
    return true;
}

/* A count is never replaced: redis-server gathers any negative one in memory, and falls. */
const struct family hash_family = {"hash", rows, sizeof rows / sizeof rows[0], 2, put_kind};
