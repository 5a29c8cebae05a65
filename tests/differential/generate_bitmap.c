/* Random commands on bitmaps: few short strings, offsets at the edges of bytes, words and what is allowed. Big offsets only
 * where they are read or refused: a bit at 4294967295 makes a string of 512 MB. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define GET_OPERATION "GET <bf> <bo>"
#define WRITE_OPERATION                                                                         \
    "{SET <bf> <bo> <bi>|INCRBY <bf> <bo> <bi>|INCRBY <bf> <bo> -9223372036854775808|OVERFLOW " \
    "{WRAP|SAT|FAIL|fail|NEVER}}"
#define ANY_OPERATION "{" GET_OPERATION "|" WRITE_OPERATION "|" WRITE_OPERATION "}"

static const struct row rows[] = {
    {12, SAME, "SET <b> <bytes>"},
    {2, SAME, "SET <b> <bytes> EX 1000"},
    {4, SAME, "SET <b> <bi>"},
    {20, SAME, "SETBIT <b> <bo> {0|1|1|1}"},
    {2, SAME, "SETBIT <b> <bo> {2|-1|x|01|}"},
    {2, SAME, "SETBIT <b> {4294967296|-1|x||9223372036854775807|34359738368|1.5|01} {0|1|x}"},
    {10, SAME, "GETBIT <b> <bo>"},
    {3, SAME, "GETBIT <b> {4294967295|4294967296|-1|x||2147483648}"},
    {6, SAME, "BITCOUNT <b>"},
    {16, SAME, "BITCOUNT <b> <br> <br> [{BIT|BYTE|bit|BITS}]"},
    {1, SAME, "BITCOUNT <b> <br>"},
    {6, SAME, "BITPOS <b> {0|1}"},
    {6, SAME, "BITPOS <b> {0|1} <br>"},
    {20, SAME, "BITPOS <b> {0|1|1|2|x|-1} <br> <br> [{BIT|BYTE|byte|}]"},
    {20, SAME, "BITOP {AND|OR|XOR|and|or|Xor} <b> <b+>"},
    {6, SAME, "BITOP NOT <b> <b>"},
    {2, SAME, "BITOP {NOT|NAND||AND} <b> <b+>"},
    {16, SAME, "BITFIELD <b> [" ANY_OPERATION "] [" ANY_OPERATION "] [" ANY_OPERATION "] " WRITE_OPERATION},
    {8, SAME, "BITFIELD <b> [" GET_OPERATION "] [" GET_OPERATION "] [" GET_OPERATION "]"},
    {6, SAME, "BITFIELD_RO <b> [" GET_OPERATION "] [" GET_OPERATION "] [" ANY_OPERATION "]"},
    {2, SAME, "BITFIELD{|_RO} <b> {GET|SET|INCRBY|OVERFLOW|TAKE} <bf> <bo>"},
    {1, SAME, "BITFIELD <b> GET u8 {4294967288|4294967295|4294967296|#536870911|#536870912|#4611686018427387904}"},
    {8, SAME, "GET <b>"},
    {3, SAME, "STRLEN <b>"},
    {4, SAME, "OBJECT ENCODING <b>"},
    {4, NEAR_S, "TTL <b>"},
    {3, SAME, "APPEND <b> <bytes>"},
    {2, SAME, "SETRANGE <b> <n> <bytes>"},
    {4, SAME, "{DEL|UNLINK} <b>"},
    {2, SAME, "COPY <b> <b> REPLACE"},
    {2, SAME, "RENAME <b> <b>"},
};

/* Mostly runs, so that searches have a way to go and operations find something. */
static void put_bytes(struct random *r, struct text_list *words) {
    char bytes[20000];
    size_t most = random_chance(r, 90)   ? 40
                  : random_chance(r, 80) ? 700
                                         : sizeof bytes,
           n = random_below(r, (unsigned)most);
    for (size_t i = 0; i < n;) {
        static const int fills[] = {0, 0, 255, 255, 1, 128, -1};
        int fill = fills[random_below(r, 7)];
        size_t run = 1 + random_below(r, n > 100 ? 200 : 12);
        for (; run > 0 && i < n; run--) bytes[i++] = (char)(fill < 0 ? (int)random_below(r, 256) : fill);
    }
    text_list_add(words, bytes, n);
}

static void put_number(struct random *r, bool negative, struct text_list *words) {
    static const unsigned spans[] = {8, 32, 70, 400, 6000, 170000};
    char number[32];
    snprintf(number, sizeof number, "%s%u", negative ? "-" : "", random_below(r, spans[random_below(r, 6)]));
    word_put(words, number);
}

static void put_offset(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"-1", "x", "", "#", "#-1", "4294967296", " 1", "01", "#x"};
    char number[32];
    if (random_chance(r, 3)) {
        word_put(words, odd[random_below(r, 9)]);
    } else if (random_chance(r, 20)) {
        snprintf(number, sizeof number, "#%u", random_below(r, 40));
        word_put(words, number);
    } else {
        put_number(r, false, words);
    }
}

static void put_range_end(struct random *r, struct text_list *words) {
    static const char *const odd[] = {
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.5"};
    if (random_chance(r, 4))
        word_put(words, odd[random_below(r, 6)]);
    else
        put_number(r, random_chance(r, 50), words);
}

static void put_field(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"u64", "i65", "u0",  "i0",  "i", "u",   "x8",
                                      "I8",  "u-1", "i 8", "u08", "",  "u8x", "i99999999999999999999"};
    char field[16];
    bool is_signed = random_chance(r, 50);
    unsigned bits = 1 + random_below(r, is_signed ? 64 : 63);
    if (random_chance(r, 40))
        bits = (is_signed ? (unsigned[]){8, 16, 32, 64, 1, 2} : (unsigned[]){8, 16, 32, 63, 1, 4})[random_below(r, 6)];
    snprintf(field, sizeof field, "%c%u", is_signed ? 'i' : 'u', bits);
    word_put(words, random_chance(r, 3) ? odd[random_below(r, 14)] : field);
}

/* Redis computes the bounds of SET in 64 bits: below some -9.2e18 they overflow, and SAT takes the wrong end. */
static void put_integer(struct random *r, struct text_list *words) {
    static const char *const edges[] = {"9223372036854775807",
                                        "-9000000000000000000",
                                        "9223372036854775806",
                                        "-1",
                                        "0",
                                        "127",
                                        "-128",
                                        "255",
                                        "256",
                                        "x",
                                        "",
                                        "1.5",
                                        "9223372036854775808",
                                        "4294967296"};
    char number[32];
    if (random_chance(r, 25)) {
        word_put(words, edges[random_below(r, 14)]);
        return;
    }
    long long v = (long long)(random_next(r) >> random_below(r, 64));
    snprintf(number, sizeof number, "%lld", random_chance(r, 50) ? v : -(v / 2));
    word_put(words, number);
}

/* One of few, seldom any other key. */
static void put_bitmap_key(struct random *r, struct text_list *words) {
    char key[16];
    snprintf(key, sizeof key, "b%u", random_below(r, 8));
    if (random_chance(r, 94))
        word_put(words, key);
    else
        word_key(r, words);
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    if (n == 1 && *kind == 'b')
        put_bitmap_key(r, words);
    else if (n == 2 && !memcmp(kind, "b+", 2))
        for (unsigned i = 1 + random_below(r, 5); i > 0; i--) put_bitmap_key(r, words);
    else if (n == 5 && !memcmp(kind, "bytes", 5))
        put_bytes(r, words);
    else if (n == 2 && !memcmp(kind, "bo", 2))
        put_offset(r, words);
    else if (n == 2 && !memcmp(kind, "br", 2))
        put_range_end(r, words);
    else if (n == 2 && !memcmp(kind, "bf", 2))
        put_field(r, words);
    else if (n == 2 && !memcmp(kind, "bi", 2))
        put_integer(r, words);
    else if (n == 1 && *kind == 'n')
        put_number(r, false, words);
    else
        return false;
    return true;
}

const struct family bitmap_family = {"bitmap", rows, sizeof rows / sizeof rows[0], 0, put_kind};
