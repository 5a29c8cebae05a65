/* Random commands on streams: few keys, small IDs that collide, nodes of few entries by many fields, groups of few consumers.
 * IDs from the clock are left out, as the two servers' clocks differ by what the way takes. */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#define LIMIT     " [LIMIT {0|1|10|100|-1|x}]"
#define TRIM      "{MAXLEN [{=|~}] <xn>|MAXLEN {=|~} <xi>|MINID ~ <xi>|MINID ~ <xn>}" LIMIT
#define RANGE_END "{-|+|<xi>|<xi>|(<xi>}"

static const struct row rows[] = {
    {60, SAME, "XADD <x> <xi> <xf>"},
    {10, SAME, "XADD <x> [NOMKSTREAM] [" TRIM "] <xi> <xf>"},
    {4, SAME, "XADD <x> {<xn>-*|<xn>} <xf>"},
    {6, SAME, "XLEN <x>"},
    {12, SAME, "{XRANGE|XREVRANGE} <x> " RANGE_END " " RANGE_END " [COUNT {1|2|10|0|-1|x}]"},
    {8, SAME, "XREAD [COUNT {1|3|0|-1}] STREAMS <x> <x> {<xi>|$} <xi>"},
    {6, SAME, "XREAD [COUNT <xn>] STREAMS <x> {<xi>|$|>|x}"},
    {20, SAME, "XREADGROUP GROUP <xg> <xc> [COUNT {1|3|10}] [NOACK] STREAMS <x> {>|>|>|0|<xi>|$|x}"},
    {8, SAME, "XACK <x> <xg> <xi> [<xi>] [<xi>]"},
    {4, SAME, "XPENDING <x> <xg>"},
    {6, KIND, "XPENDING <x> <xg> [IDLE {0|x|100000}] " RANGE_END " " RANGE_END " {1|10|0|-1|x} [<xc>]"},
    {10, SAME, "XCLAIM <x> <xg> <xc> 0 <xi> [<xi>] [RETRYCOUNT {0|7|x}] [FORCE] [JUSTID] [LASTID <xi>]"},
    {2, SAME, "XCLAIM <x> <xg> <xc> {100000|x|-1} {<xi>|x} [{IDLE 5|TIME x|IDLE x|NONSENSE}]"},
    {8, SAME, "XAUTOCLAIM <x> <xg> <xc> 0 {-|<xi>|(<xi>|x} [COUNT {1|3|0|x}] [JUSTID]"},
    {14, SAME, "XDEL <x> <xi> [<xi>] [<xi>]"},
    {6, SAME, "XTRIM <x> " TRIM},
    /* Exactly by ID only where nothing is deleted: Redis then keeps nodes without an entry (docs/design/streams.md). */
    {12, SAME, "XADD <xt> [MINID [=] {<xi>|<xn>}] <xi> <xf>"},
    {6, SAME, "XTRIM <xt> {MINID|MAXLEN} [{=|~}] {<xi>|<xn>}" LIMIT},
    {3, SAME, "{XINFO STREAM|XLEN} <xt>"},
    {3, SAME, "XRANGE <xt> - + [COUNT 3]"},
    {1, SAME, "DEL <xt>"},
    {3, SAME, "XSETID <x> <xi> [ENTRIESADDED <xn>] [MAXDELETEDID <xi>]"},
    {8, SAME, "XGROUP CREATE <x> <xg> {<xi>|0|$} [MKSTREAM] [ENTRIESREAD {<xn>|-1|-2|x}]"},
    {4, SAME, "XGROUP SETID <x> <xg> {<xi>|$|0} [ENTRIESREAD <xn>]"},
    {1, SAME, "XGROUP DESTROY <x> <xg>"},
    {3, SAME, "XGROUP CREATECONSUMER <x> <xg> <xc>"},
    {2, SAME, "XGROUP DELCONSUMER <x> <xg> <xc>"},
    {8, SAME, "XINFO STREAM <x>"},
    {2, KIND, "XINFO STREAM <x> FULL [COUNT {1|0|-1|x}]"},
    {8, SAME, "XINFO GROUPS <x>"},
    {2, KIND, "XINFO CONSUMERS <x> <xg>"},
    {2, SAME, "{TYPE|OBJECT ENCODING} <x>"},
    {2, SAME, "{DEL|UNLINK} <x>"},
    {2, SAME, "COPY <x> <x> REPLACE"},
    {1, SAME, "RENAME <x> <x>"},
};

static void put_format(struct random *r, const char *format, unsigned n, struct text_list *words) {
    char word[32];
    snprintf(word, sizeof word, format, random_below(r, n));
    word_put(words, word);
}

static void put_id(struct random *r, struct text_list *words) {
    static const char *const odd[] = {"x", "", "1-x", "-1", "0-0", "18446744073709551616", "5-", "01"};
    char word[48];
    unsigned ms = random_below(r, 400), seq = random_below(r, 4);
    if (random_chance(r, 2))
        word_put(words, odd[random_below(r, 8)]);
    else if (snprintf(word, sizeof word, random_chance(r, 80) ? "%u-%u" : "%u", ms, seq) > 0)
        word_put(words, word);
}

static void put_fields(struct random *r, struct text_list *words) {
    unsigned pairs = random_chance(r, 80) ? 1 + random_below(r, 2) : 1 + random_below(r, 30);
    bool other = random_chance(r, 20);
    for (unsigned i = 0; i < pairs; i++) {
        char word[32];
        snprintf(word, sizeof word, "f%u", other ? random_below(r, 100) : i);
        word_put(words, word);
        snprintf(word, sizeof word, random_chance(r, 50) ? "%u" : "value %u", random_below(r, 100000));
        word_put(words, word);
    }
}

static bool put_kind(struct random *r, const char *kind, size_t n, struct text_list *words) {
    if (n == 1 && *kind == 'x') {
        if (random_chance(r, 96))
            put_format(r, "x%u", 5, words);
        else
            word_key(r, words);
    } else if (n == 2 && !memcmp(kind, "xt", 2))
        put_format(r, "xt%u", 2, words);
    else if (n == 2 && !memcmp(kind, "xi", 2))
        put_id(r, words);
    else if (n == 2 && !memcmp(kind, "xn", 2))
        put_format(r, "%u", 300, words);
    else if (n == 2 && !memcmp(kind, "xg", 2))
        put_format(r, "g%u", 3, words);
    else if (n == 2 && !memcmp(kind, "xc", 2))
        put_format(r, "c%u", 4, words);
    else if (n == 2 && !memcmp(kind, "xf", 2))
        put_fields(r, words);
    else
        return false;
    return true;
}

const struct family stream_family = {"stream", rows, sizeof rows / sizeof rows[0], 0, put_kind};
