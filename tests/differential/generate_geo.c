/* Random commands on geo indexes: few keys g0..g3, places in clusters, at the poles and along the antimeridian; shapes of all sizes.
 * Not exactly at 180 or 85.05112878 degrees: the grid has no such cell, and from there the servers miss different places. What is sorted has no two places at the same distance, or their order would be anything: coordinates have many digits. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define WITH    "[WITHDIST] [WITHCOORD] [WITHHASH]"
#define FROM    "{FROMMEMBER <gm>|FROMLONLAT <gp>|FROMLONLAT <gp>}"
#define BY      "{BYRADIUS <gr> <gu>|BYBOX <gr> <gr> <gu>}"
#define OPTIONS "[{ASC|DESC|asc}] [COUNT <gn> [ANY]]"

static const struct row rows[] = {
    {40, SAME, "GEOADD <gk> [{NX|XX|NX XX}] [CH] <places>"},
    {12, SAME, "GEOPOS <gk> <gm> <gm> <gm>"},
    {12, SAME, "GEOHASH <gk> <gm> <gm> <gm>"},
    {16, SAME, "GEODIST <gk> <gm> <gm> [<gu>]"},
    {30, SAME, "GEOSEARCH <gk> " FROM " " BY " " OPTIONS " " WITH},
    {6, SAME,
     "GEOSEARCH <gk> " OPTIONS " " BY " " WITH " " FROM
     " [{ANY|STOREDIST|COUNT 0|COUNT x|BYRADIUS|FROMMEMBER|BYBOX 1 1}]"},
    {6, SAME, "GEOSEARCH <gk> [" FROM "] [" BY "] [" FROM "] [" BY "]"},
    {10, SAME,
     "GEOSEARCHSTORE {<gk> <gk> " FROM " " BY " " OPTIONS "|<gd> <gk> " FROM " " BY " " OPTIONS " STOREDIST}"},
    {12, SAME, "{GEORADIUS|GEORADIUS_RO} <gk> <gp> <gr> <gu> " WITH " " OPTIONS},
    {12, SAME, "{GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO} <gk> <gm> <gr> <gu> " WITH " " OPTIONS},
    {6, SAME,
     "GEORADIUS <gk> <gp> <gr> <gu> {STORE <gk>|STOREDIST <gd>|STORE <gk> STOREDIST <gd>|STORE <gk> WITHDIST}"},
    {4, SAME, "GEORADIUSBYMEMBER <gk> <gm> <gr> <gu> {STORE <gk>|STOREDIST <gd>} [COUNT <gn>] [ASC]"},
    {8, SAME, "ZRANGE {<gk>|<gd>} 0 -1 WITHSCORES"},
    {4, SAME, "ZREM <gk> <gm> <gm>"},
    {4, SAME, "ZADD <gk> <gs> <gm>"},
    {2, SAME, "DUMP <gk>"},
    {2, SAME, "OBJECT ENCODING <gk>"},
    {1, SAME, "DEL <gk>"},
    {1, SAME, "CONFIG SET zset-max-listpack-entries {4|128}"},
};

#define PICK(r, list) (list[random_below(r, (unsigned)(sizeof list / sizeof list[0]))])

static void put_geo_key(struct random *r, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "g%u", random_below(r, 4));
    if (random_chance(r, 97))
        word_put(words, key);
    else
        word_key(r, words);
}

static void put_place(struct random *r, struct text_list *words) {
    char name[16];
    snprintf(name, sizeof name, "p%u", random_below(r, 30));
    word_put(words, name);
}

static double share(struct random *r) { return (double)(random_next(r) >> 11) * 0x1p-53; }

static void put_number(struct text_list *words, double v) {
    char number[40];
    snprintf(number, sizeof number, "%.12g", v);
    word_put(words, number);
}

static void put_point(struct random *r, struct text_list *words) {
    static const double centers[][2] = {{13.36, 38.11}, {-0.1, 51.5}, {179.9, 0}, {-179.9, -10},
                                        {0, 84.9},      {30, -84.8},  {0, 0},     {-70, 67}};
    static const char *const odd[] = {"-180", "-85.05112878", "181", "86", "x", "", "nan", "inf", "1e400"};
    const double *center = PICK(r, centers);
    static const double spans[] = {0.001, 0.1, 3, 40};
    double span = PICK(r, spans), longitude = center[0] + (share(r) - 0.5) * span,
           latitude = center[1] + (share(r) - 0.5) * span;
    if (random_chance(r, 20)) {
        longitude = (share(r) - 0.5) * 360;
        latitude = (share(r) - 0.5) * 170;
    }
    if (random_chance(r, 3))
        word_put(words, PICK(r, odd));
    else
        put_number(words, longitude);
    if (random_chance(r, 3))
        word_put(words, PICK(r, odd));
    else
        put_number(words, latitude);
}

static void put_reach(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"0", "-1", "x", "", "inf", "1e300", "5000", "20000000", "0.0001"};
    double reach = 10;
    for (unsigned i = random_below(r, 22); i > 0; i--) reach *= 2;
    if (random_chance(r, 8))
        word_put(words, PICK(r, odd));
    else
        put_number(words, reach * share(r));
}

/* Any score that a place can have. */
static void put_raw_score(struct random *r, struct text_list *words) {
    char number[40];
    snprintf(number, sizeof number, "%llu", (unsigned long long)(random_next(r) >> 12));
    word_put(words, number);
}

static void put_unit(struct random *r, struct text_list *words) {
    static const char *const units[] = {"m", "m", "km", "KM", "ft", "mi", "Mi", "m"};
    word_put(words, random_chance(r, 2) ? "cm" : PICK(r, units));
}

static void put_count(struct random *r, struct text_list *words) {
    static const char *const counts[] = {"1", "2", "3", "5", "10", "1000", "0", "-1", "x"};
    word_put(words, PICK(r, counts));
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    static const struct {
        const char *name;
        void (*put)(struct random *r, struct text_list *words);
    } kinds[] = {{"gk", put_geo_key}, {"gm", put_place}, {"gp", put_point},    {"gr", put_reach},
                 {"gu", put_unit},    {"gn", put_count}, {"gs", put_raw_score}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (n != 2 || memcmp(kinds[i].name, kind, 2) != 0) continue;
        kinds[i].put(r, words);
        return true;
    }
    if (n == 2 && !memcmp(kind, "gd", 2)) {
        word_put(words, "gdistances"); /* its scores are all in one cell, so at one distance */
        return true;
    }
    if (n != 6 || memcmp(kind, "places", 6) != 0) return false;
    for (unsigned i = 1 + random_below(r, 4); i > 0; i--) {
        put_point(r, words);
        put_place(r, words);
    }
    return true;
}

const struct family geo_family = {"geo", rows, sizeof rows / sizeof rows[0], 1, put_kind};
