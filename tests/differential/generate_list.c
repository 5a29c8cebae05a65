/* Random commands on lists: few keys, elements that often meet, now and then one that does not fit a pack with others. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define END  "{LEFT|RIGHT|left|Right|MIDDLE}"
#define SIDE "{LEFT|RIGHT|LEFT|RIGHT|LEFT|right}"

static const struct row rows[] = {
    {30, SAME, "{LPUSH|RPUSH} <l> <le+>"},
    {8, SAME, "{LPUSHX|RPUSHX} <l> <le+>"},
    {16, SAME, "{LPOP|RPOP} <l>"},
    {10, SAME, "{LPOP|RPOP} <l> <lc>"},
    {6, SAME, "LLEN <l>"},
    {16, SAME, "LRANGE <l> <li> <li>"},
    {6, SAME, "LRANGE <l> 0 -1"},
    {10, SAME, "LINDEX <l> <li>"},
    {12, SAME, "LSET <l> <li> <le>"},
    {14, SAME, "LINSERT <l> {BEFORE|AFTER|before|after|AFTER|BETWEEN} <le> <le>"},
    {10, SAME, "LREM <l> <lc> <le>"},
    {6, SAME, "LTRIM <l> <li> <li>"},
    {3, SAME, "LTRIM <l> {1|2|0|5} {-1|-2|-1|-3}"},
    {8, SAME, "LPOS <l> <le>"},
    {10, SAME, "LPOS <l> <le> [RANK <lc>] [COUNT <lc>] [MAXLEN <lc>]"},
    {2, SAME, "LPOS <l> <le> {RANK|COUNT|MAXLEN|SKIP} <lc> {RANK|COUNT|MAXLEN} <lc> [COUNT]"},
    {10, SAME, "LMOVE <l> <l> " SIDE " " SIDE},
    {1, SAME, "LMOVE <l> <l> " END " " END},
    {6, SAME, "RPOPLPUSH <l> <l>"},
    {8, SAME, "LMPOP {1|2|2|3} <l> <l> " SIDE " [COUNT <lc>]"},
    {4, SAME, "LMPOP 2 <l> <l> " END " [COUNT <lc>]"},
    {2, SAME, "LMPOP <lc> <l+> " SIDE " [COUNT <lc>] [COUNT 1]"},
    {2, SAME, "{BLPOP|BRPOP} <l+> 0.001"},
    {1, SAME, "{BLPOP|BRPOP} <l+> {x|-1|-0.5|}"},
    {1, SAME, "BLMOVE <l> <l> " SIDE " " SIDE " {0.001|0.001|x|-1}"},
    {1, SAME, "BRPOPLPUSH <l> <l> {0.001|0.001|x|-1}"},
    {1, SAME, "BLMPOP {0.001|0.001|x|-1} {1|2|2|0} <l> <l> " SIDE " [COUNT <lc>]"},
    {4, SAME, "OBJECT ENCODING <l>"},
    {3, SAME, "TYPE <l>"},
    {3, SAME, "EXPIRE <l> 1000"},
    {3, NEAR_S, "TTL <l>"},
    {4, SAME, "{DEL|UNLINK} <l>"},
    {3, SAME, "COPY <l> <l> REPLACE"},
    {3, SAME, "RENAME <l> <l>"},
    {2, SAME, "SET <l> <le>"},
    {2, SAME, "GET <l>"},
    {1, SAME, "DEBUG DIGEST-VALUE <l> <l>"},
    {1, SAME, "CONFIG SET list-max-listpack-size {-2|-1|5|1|-5|128}"},
};

static void put_list_key(struct random *r, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "l%u", random_below(r, 8));
    if (random_chance(r, 96))
        word_put(words, key);
    else
        word_key(r, words);
}

static void put_element(struct random *r, struct text_list *words) {
    static const char *const some[] = {"a",
                                       "b",
                                       "c",
                                       "1",
                                       "2",
                                       "-1",
                                       "100",
                                       "",
                                       "x y",
                                       "127",
                                       "128",
                                       "4095",
                                       "4096",
                                       "-4097",
                                       "32767",
                                       "-32769",
                                       "8388608",
                                       "2147483648",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "01",
                                       "1.5",
                                       "+1",
                                       "-0"};
    static const unsigned sizes[] = {62, 63, 64, 127, 128, 200, 1000, 4090, 4096, 9000};
    char bytes[9100];
    unsigned kind = random_below(r, 100);
    if (kind < 60) {
        word_put(words, some[random_below(r, kind < 35 ? 5 : sizeof some / sizeof some[0])]);
    } else if (kind < 92) {
        snprintf(bytes, sizeof bytes, "element:%u", random_below(r, 300));
        word_put(words, bytes);
    } else {
        size_t n = sizes[random_below(r, kind < 98 ? 6 : 10)] + random_below(r, 3);
        memset(bytes, 'a' + (int)random_below(r, 3), n);
        text_list_add(words, bytes, n);
    }
}

static void put_index(struct random *r, struct text_list *words) {
    static const char *const odd[] = {
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.5", "-0"};
    static const int spans[] = {3, 10, 40, 300};
    char number[32];
    int span = spans[random_below(r, 4)];
    snprintf(number, sizeof number, "%d", (int)random_below(r, (unsigned)span * 2) - span);
    word_put(words, random_chance(r, 3) ? odd[random_below(r, 7)] : number);
}

/* -9223372036854775808 is left out: as a rank Redis negates it, and finds nothing. */
static void put_count(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"9223372036854775807", "9223372036854775808", "x", "", "-1", "-100", "-3"};
    char number[32];
    snprintf(number, sizeof number, "%u", random_below(r, random_chance(r, 80) ? 4 : 200));
    word_put(words, random_chance(r, 20) ? odd[random_below(r, 7)] : number);
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    if (n == 1 && *kind == 'l')
        put_list_key(r, words);
    else if (n == 2 && !memcmp(kind, "l+", 2))
        for (unsigned i = 1 + random_below(r, 4); i > 0; i--) put_list_key(r, words);
    else if (n == 2 && !memcmp(kind, "le", 2))
        put_element(r, words);
    else if (n == 3 && !memcmp(kind, "le+", 3))
        for (unsigned i = 1 + random_below(r, random_chance(r, 90) ? 4 : 60); i > 0; i--) put_element(r, words);
    else if (n == 2 && !memcmp(kind, "li", 2))
        put_index(r, words);
    else if (n == 2 && !memcmp(kind, "lc", 2))
        put_count(r, words);
    else
        return false;
    return true;
}

const struct family list_family = {"list", rows, sizeof rows / sizeof rows[0], 0, put_kind};
