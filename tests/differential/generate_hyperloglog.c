/* Random commands on HyperLogLogs. Keys h0 to h7 hold what PFADD and PFMERGE make, seldom any other string; keys x0 to
 * x3 hold what somebody has made up: wrong headers, odd runs, runs that are missing. What is made up gets one element at a time,
 * because Redis leaves the elements before one that finds the value corrupt, and Tarn does not. The common commands know
 * neither, or they would make up values too. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

static const struct row rows[] = {
    {30, SAME, "PFADD <h> <e+>"},
    {12, SAME, "PFADD <h> <e++>"},
    {3, SAME, "PFADD <h>"},
    {25, SAME, "PFCOUNT <h>"},
    {12, SAME, "PFCOUNT <h+>"},
    {12, SAME, "PFMERGE <h> <h+>"},
    {2, SAME, "PFMERGE <h>"},
    {8, SAME, "GET <h>"},
    {4, SAME, "STRLEN <h>"},
    {4, SAME, "OBJECT ENCODING <h>"},
    {2, SAME, "DUMP <h>"},
    {6, SAME, "PFDEBUG {ENCODING|DECODE|encoding|decode|NONSENSE} <h>"},
    {2, SAME, "PFDEBUG {TODENSE|GETREG} <h>"},
    {4, SAME, "CONFIG SET hll-sparse-max-bytes {3000|3000|0|100|500|1kb|16000|-1|x}"},
    {4, SAME, "DEL <h>"},
    {2, SAME, "COPY <h> <h> REPLACE"},
    {1, SAME, "RENAME <h> <h>"},
    {2, SAME, "EXPIRE <h> {100|1000}"},
    {3, NEAR_S, "TTL <h>"},
    {1, SAME, "APPEND <x> \x80"},
    {1, SAME, "SETBIT <h> 120 1"},
    {1, SAME, "SET <h> <v>"},
    {10, SAME, "SET <x> <made>"},
    {6, SAME, "PFADD <x> <e>"},
    {2, SAME, "PFADD <x>"},
    {6, SAME, "PFCOUNT <x>"},
    {2, SAME, "PFCOUNT <x> <h>"},
    {2, SAME, "PFMERGE <h> <x>"},
    {2, SAME, "PFMERGE <x> <h>"},
    {4, SAME, "PFDEBUG {ENCODING|DECODE} <x>"},
    {1, SAME, "PFDEBUG {TODENSE|GETREG} <x>"},
    {3, SAME, "GET <x>"},
    {3, SAME, "OBJECT ENCODING <x>"},
};

static void put_element(struct random *r, struct text_list *words) {
    static const unsigned spans[] = {10, 100, 3000, 100000, 1u << 31};
    char element[300];
    unsigned n = random_below(r, spans[random_below(r, 5)]);
    int length = snprintf(element, sizeof element, "%u", n);
    if (random_chance(r, 10)) { /* of any length, and any bytes */
        length = (int)random_below(r, sizeof element);
        for (int i = 0; i < length; i++) element[i] = (char)random_below(r, 256);
    }
    text_list_add(words, element, (size_t)length);
}

/* Runs as they are nowhere made, but may be: not joined, zeros in long codes. */
static size_t put_runs(struct random *r, char *body, size_t room, unsigned registers) {
    size_t n = 0;
    while (registers > 0 && n + 2 <= room) {
        unsigned most = registers < 4 ? registers : 4, count;
        switch (random_below(r, 3)) {
        case 0:
            count = 1 + random_below(r, most);
            body[n++] = (char)(0x80 | random_below(r, random_chance(r, 90) ? 3 : 32) << 2 | (count - 1));
            break;
        case 1:
            count = 1 + random_below(r, registers < 64 ? registers : 64);
            body[n++] = (char)(count - 1);
            break;
        default:
            count = 1 + random_below(r, registers < 4000 ? registers : 4000);
            if (random_chance(r, 30)) count = registers;
            body[n++] = (char)(0x40 | (count - 1) >> 8);
            body[n++] = (char)((count - 1) & 0xff);
        }
        registers -= count;
    }
    return n;
}

static void put_made(struct random *r, struct text_list *words) {
    char value[12304] = {'H', 'Y', 'L', 'L', 1};
    size_t n = 16;
    if (random_chance(r, 30)) value[15] = (char)0x80;
    if (random_chance(r, 20)) value[8] = 7;
    if (random_chance(r, 20)) value[5 + random_below(r, 3)] = (char)random_below(r, 256);
    if (random_chance(r, 15)) {
        value[4] = 0;
        for (n = sizeof value; n > 16; n--) value[n - 1] = 0;
        n = random_chance(r, 70) ? sizeof value : 16 + random_below(r, 100);
    } else {
        n += put_runs(r, value + n, sizeof value - n, random_chance(r, 75) ? 16384 : random_below(r, 16384));
    }
    if (random_chance(r, 6)) value[random_below(r, 5)] ^= (char)(1 + random_below(r, 255));
    if (random_chance(r, 4)) n = random_below(r, 17);
    text_list_add(words, value, n);
}

static void put_key(struct random *r, char letter, unsigned count, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "%c%u", letter, random_below(r, count));
    word_put(words, key);
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    if (n == 1 && *kind == 'h')
        put_key(r, 'h', 8, words);
    else if (n == 2 && !memcmp(kind, "h+", 2))
        for (unsigned i = 1 + random_below(r, 4); i > 0; i--) put_key(r, 'h', 8, words);
    else if (n == 1 && *kind == 'x')
        put_key(r, 'x', 4, words);
    else if (n == 1 && *kind == 'e')
        put_element(r, words);
    else if (n == 2 && !memcmp(kind, "e+", 2))
        for (unsigned i = 1 + random_below(r, 4); i > 0; i--) put_element(r, words);
    else if (n == 3 && !memcmp(kind, "e++", 3))
        for (unsigned i = 1 + random_below(r, 300); i > 0; i--) put_element(r, words);
    else if (n == 4 && !memcmp(kind, "made", 4))
        put_made(r, words);
    else
        return false;
    return true;
}

const struct family hyperloglog_family = {"hyperloglog", rows, sizeof rows / sizeof rows[0], 2, put_kind};
