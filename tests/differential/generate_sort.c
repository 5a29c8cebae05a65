/* Random SORTs of lists, sets and sorted sets of their own keys, whose elements are numbers, nearly numbers and words; BY and GET
 * look at strings and hashes whose names end in such elements. Two weaknesses of redis-server are kept out of the way:
 * where ALPHA BY finds equal texts, the order is its sort algorithm's from seven elements on, so that is asked for in any order, or
 * of the short lists so_x; and after any number out of range it takes sound ones of a SORT for such too, until something sets
 * errno, so only integers (so_i, si_*), which it does not parse, are stored by their numbers: differences.txt knows of the replies. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define FETCHES "[GET {<sp>|#}] [GET <sp>]"
#define LIMIT   "[LIMIT <sl> <sl>]"

static const struct row rows[] = {
    {14, SAME, "{LPUSH|RPUSH} <sy> <se+>"},
    {6, SAME, "LTRIM <sy> 0 {3|10|40}"},
    {10, SAME, "SADD <ss> <se+>"},
    {8, SAME, "SREM <ss> <se+>"},
    {10, SAME, "ZADD <sz> <sn> <se> <sn> <se>"},
    {6, SAME, "ZREM <sz> <se+>"},
    {12, SAME, "SET <sw> <sv>"},
    {4, SAME, "DEL <sw> <sw>"},
    {12, SAME, "HSET <sh> {f|g} <sv> {f|g} <sv>"},
    {3, SAME, "HDEL <sh> {f|g}"},
    {2, SAME, "EXPIRE <sw> {1000|-1}"},
    {2, SAME, "RPUSH <sw> x"},
    {20, SAME, "RPUSH <si> <sn> <sn> <sn>"},
    {3, SAME, "LTRIM <si> 0 {5|20}"},
    {10, SAME, "SET <sj> <sn>"},
    {2, SAME, "DEL <sj>"},
    {8, SAME, "SORT <sy> BY nosort LIMIT 0 5 STORE {so_x0|so_x1}"},
    {2, SAME, "{DEL|UNLINK} {<sy>|<ss>|<sz>}"},

    {20, SAME, "{SORT|SORT_RO|sort} <sk> [ALPHA] [{ASC|DESC|desc}] " LIMIT},
    {16, SAME, "{SORT|SORT_RO} <sk> ALPHA " FETCHES " " LIMIT " [{ASC|DESC}]"},
    {16, SAME, "{SORT|SORT_RO} <sk> BY <sp> " LIMIT " [{ASC|DESC}] " FETCHES},
    {10, SAME, "{SORT|SORT_RO} <sz> BY {nosort|#|} [{ASC|DESC}] " LIMIT " " FETCHES " [ALPHA]"},
    {10, SAME, "{SORT|SORT_RO} <sy> BY {nosort|#|} [{ASC|DESC}] " LIMIT " " FETCHES " [ALPHA]"},
    {6, SORTED, "{SORT|SORT_RO} <ss> BY {nosort|#|} [{ASC|DESC}] " FETCHES " [ALPHA]"},
    {8, SORTED, "{SORT|SORT_RO} <sk> ALPHA BY <sp> [{ASC|DESC}] " FETCHES},
    {10, SAME, "{SORT|SORT_RO} {so_x0|so_x1} ALPHA BY <sp> [{ASC|DESC}] " FETCHES " " LIMIT},
    {8, SAME, "SORT {so_x0|so_x1} ALPHA BY <sp> [{ASC|DESC}] " FETCHES " LIMIT 0 2 STORE {so_x0|so_x1}"},
    {14, SAME, "SORT <sk> ALPHA [{ASC|DESC}] " LIMIT " STORE <st>"},
    {12, SAME, "SORT <si> [{ASC|DESC}] " LIMIT " " FETCHES " STORE <st>"},
    {12, SAME, "SORT <si> BY si_* [{ASC|DESC}] " LIMIT " " FETCHES " STORE <st>"},
    {10, SAME, "SORT <sk> ALPHA [{ASC|DESC}] [LIMIT <sl> <sl>] " FETCHES " STORE <st>"},
    {10, SAME, "SORT <sk> STORE <st> BY {nosort|#} [{ASC|DESC}] " LIMIT " " FETCHES},
    {3, SAME, "SORT {<sk>|<sw>|<sh>} ALPHA STORE {<st>|<sw>|none}"},
    {3, SAME, "SORT {<sw>|<sh>|none} {ALPHA|BY nosort|LIMIT 0 1|GET #|DESC}"},
    {3, SAME,
     "{SORT|SORT_RO} {<sy>|<sz>} {STORE|LIMIT|LIMIT 1|LIMIT x 1|LIMIT 1 x|BY|GET|NONSENSE|ALPHA DESC BY|LIMIT 1 "
     "9223372036854775808}"},
    {2, SAME, "SORT <sk> BY {nosort BY <sp>|<sp> BY nosort} STORE <st> STORE <st>"},
    {2, SAME, "SORT_RO <sk> STORE <st>"},
    {2, SAME,
     "COMMAND GETKEYS {SORT|SORT_RO} <sk> {BY <sp>|ALPHA|LIMIT store store|GET store} [STORE <st>] [GET <sp>] [STORE]"},
    {2, SAME, "COMMAND GETKEYSANDFLAGS {SORT|SORT_RO} <sk> [STORE <st>] [DESC]"},
    {4, SAME, "LRANGE {<st>|<sy>} 0 -1"},
    {2, SAME, "{TYPE|TTL} <st>"},
    {3, SAME, "DEBUG DIGEST-VALUE <st> <sy> <ss> <sz>"},
    {2, SAME, "OBJECT ENCODING {<ss>|<st>}"},
    {2, SAME, "CONFIG SET list-max-listpack-size {4|-2|-2|32}"},
};

static void put_numbered(struct random *r, struct text_list *words, const char *prefix, unsigned n) {
    char key[16];
    snprintf(key, sizeof key, "%s%u", prefix, random_below(r, n));
    word_put(words, key);
}

/* Elements that meet again in the names of keys. */
static const char *const elements[] = {"0",
                                       "1",
                                       "2",
                                       "3",
                                       "10",
                                       "-1",
                                       "7",
                                       "12",
                                       "1.5",
                                       "-0.25",
                                       "1e2",
                                       "0x10",
                                       "00",
                                       "1.0",
                                       "-0",
                                       "+1",
                                       " 5",
                                       "inf",
                                       "-inf",
                                       "a",
                                       "b",
                                       "B",
                                       "ab",
                                       "ba",
                                       "",
                                       "z z",
                                       "nan",

                                       "5 ",
                                       "9223372036854775807",
                                       "-9223372036854775808",

                                       "3.0e0"};
#define NUMBERS 19 /* of them, at the front */

static const char *element(struct random *r) {
    unsigned all = sizeof elements / sizeof elements[0];
    return elements[random_below(r, random_chance(r, 88) ? NUMBERS : all)];
}

static void put_element(struct random *r, struct text_list *words) {
    char number[24];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 60) - 20);
    word_put(words, random_chance(r, 45) ? number : element(r));
}

static void put_elements(struct random *r, struct text_list *words) {
    for (unsigned i = 1 + random_below(r, random_chance(r, 92) ? 4 : 60); i > 0; i--) put_element(r, words);
}

static void put_weight(struct random *r, struct text_list *words) {
    static const char *const some[] = {"word", "other", "",     " 1",    "1 ",   "inf",
                                       "nan",  "0x1p3", "1.25", "-1.25", "1.250"};
    char number[24];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 12));
    word_put(words, random_chance(r, 93) ? number : some[random_below(r, sizeof some / sizeof some[0])]);
}

static void put_score(struct random *r, struct text_list *words) {
    char number[24];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 20) - 5);
    word_put(words, number);
}

static void put_limit(struct random *r, struct text_list *words) {
    static const char *const some[] = {
        "-1", "-5", "100", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", ""};
    char number[24];
    snprintf(number, sizeof number, "%u", random_below(r, 9));
    word_put(words, random_chance(r, 88) ? number : some[random_below(r, random_chance(r, 80) ? 5 : 8)]);
}

/* None that comes upon keys of the common commands. */
static void put_pattern(struct random *r, struct text_list *words) {
    static const char *const some[] = {"sw_*",    "sw_*",   "sw_*",     "si_*", "sh_*->f",  "sh_*->f",
                                       "sh_*->g", "sh_*->", "sw_*->f",  "sh_*", "*->f",     "sh_*->f->g",
                                       "->*",     "sw->*",  "sh_*x->f", "so_*", "sh->*->f", "sw_**"};
    word_put(words, some[random_below(r, sizeof some / sizeof some[0])]);
}

static void put_name(struct random *r, struct text_list *words, const char *prefix) {
    char name[64], number[24];
    snprintf(number, sizeof number, "%d", (int)random_below(r, 24) - 4);
    snprintf(name, sizeof name, "%s%s", prefix, random_chance(r, 70) ? number : element(r));
    word_put(words, name);
}

static void put_list(struct random *r, struct text_list *words) { put_numbered(r, words, "so_l", 3); }
static void put_integers(struct random *r, struct text_list *words) { put_numbered(r, words, "so_i", 3); }
static void put_integer_weight(struct random *r, struct text_list *words) { put_numbered(r, words, "si_", 15); }
static void put_set(struct random *r, struct text_list *words) { put_numbered(r, words, "so_s", 3); }
static void put_zset(struct random *r, struct text_list *words) { put_numbered(r, words, "so_z", 3); }
static void put_stored(struct random *r, struct text_list *words) { put_numbered(r, words, "so_t", 2); }
static void put_string(struct random *r, struct text_list *words) { put_name(r, words, "sw_"); }
static void put_hash(struct random *r, struct text_list *words) { put_name(r, words, "sh_"); }

static void put_sorted(struct random *r, struct text_list *words) {
    static void (*const puts[])(struct random * r, struct text_list * words) = {put_list, put_set, put_zset,
                                                                                put_stored};
    puts[random_below(r, 4)](r, words);
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    static const struct {
        const char *name;
        void (*put)(struct random *r, struct text_list *words);
    } kinds[] = {{"si", put_integers}, {"sj", put_integer_weight}, {"sy", put_list},      {"ss", put_set},
                 {"sz", put_zset},     {"st", put_stored},         {"sk", put_sorted},    {"sw", put_string},
                 {"sh", put_hash},     {"se", put_element},        {"se+", put_elements}, {"sv", put_weight},
                 {"sn", put_score},    {"sl", put_limit},          {"sp", put_pattern}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) != n || memcmp(kinds[i].name, kind, n)) continue;
        kinds[i].put(r, words);
        return true;
    }
    return false;
}

const struct family sort_family = {"sort", rows, sizeof rows / sizeof rows[0], 3, put_kind};
