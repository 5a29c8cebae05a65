#include "base/text.h"

#include "base/check.h"

#include <ctype.h>

struct splitter {
    const char *at, *end; /* what is left of the line */
    char *out;            /* where the next byte of a word goes */
};

int text_hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static char escape_value(char c) {
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/* At a backslash inside "...": writes the byte that it stands for and steps behind it. */
static void take_escape(struct splitter *s) {
    int high = -1, low = -1;
    if (s->end - s->at >= 4 && s->at[1] == 'x') {
        high = text_hex_value(s->at[2]);
        low = text_hex_value(s->at[3]);
    }
    if (high >= 0 && low >= 0) {
        *s->out++ = (char)(high << 4 | low);
        s->at += 4;
    } else {
        *s->out++ = escape_value(s->at[1]);
        s->at += 2;
    }
}

/* Behind an opening quote: takes the bytes up to the closing one. False when it is missing or runs into more text. */
static bool take_quoted(struct splitter *s, char quote) {
    while (s->at < s->end && *s->at != quote) {
        bool more = s->end - s->at >= 2;
        if (quote == '"' && *s->at == '\\' && more)
            take_escape(s);
        else if (quote == '\'' && *s->at == '\\' && more && s->at[1] == '\'') {
            *s->out++ = '\'';
            s->at += 2;
        } else
            *s->out++ = *s->at++;
    }
    if (s->at == s->end) return false;
    s->at++;
    return s->at == s->end || isspace((unsigned char)*s->at);
}

static bool take_word(struct splitter *s) {
    while (s->at < s->end && !isspace((unsigned char)*s->at)) {
        char c = *s->at++;
        if (c == '"' || c == '\'') return take_quoted(s, c);
        *s->out++ = c;
    }
    return true;
}

int text_split_words(struct slice line, char *scratch, struct slice *words, int max) {
    /* A NUL ends the line: no word can hold one unless it is written \x00. */
    const char *nul = line.len ? memchr(line.ptr, '\0', line.len) : NULL;
    if (line.len == 0 || nul == line.ptr) return 0;
    struct splitter s = {line.ptr, nul ? nul : line.ptr + line.len, scratch};
    for (int count = 0;; count++) {
        while (s.at < s.end && isspace((unsigned char)*s.at)) s.at++;
        if (s.at == s.end) return count;
        if (count == max) return -2;
        char *word = s.out;
        if (!take_word(&s)) return -1;
        words[count] = slice_of(word, (size_t)(s.out - word));
    }
}

/* The letter that stands for c behind a backslash, or 0. */
static char escape_letter(char c) {
    switch (c) {
    case '\\':
    case '"':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\a':
        return 'a';
    case '\b':
        return 'b';
    default:
        return 0;
    }
}

static bool is_plain(char c) { return c >= ' ' && c <= '~'; }

size_t text_quote(char *dst, struct slice s) {
    char *p = dst;
    *p++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char letter = escape_letter(s.ptr[i]);
        if (letter) {
            *p++ = '\\';
            *p++ = letter;
        } else if (is_plain(s.ptr[i])) {
            *p++ = s.ptr[i];
        } else {
            *p++ = '\\';
            *p++ = 'x';
            *p++ = "0123456789abcdef"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
        }
    }
    *p++ = '"';
    return (size_t)(p - dst);
}

const char *text_show(char dst[TEXT_SHOWN_ROOM], struct slice s) {
    bool cut = s.len > TEXT_SHOWN_MAX;
    size_t n = text_quote(dst, slice_of(s.ptr, cut ? TEXT_SHOWN_MAX : s.len));
    memcpy(dst + n, cut ? "..." : "", cut ? 4 : 1);
    return dst;
}

bool text_needs_quotes(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_plain(s.ptr[i]) || memchr(" \\\"'", s.ptr[i], 4)) return true;
    return s.len == 0;
}

#define DISTANCE_MAX 64

static int least(int a, int b, int c) {
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* One row of the dynamic programme at a time: row[j] is the distance of what was read of a to b's first j bytes. */
int text_distance(struct slice a, struct slice b, int limit) {
    int row[DISTANCE_MAX + 1];
    proven(a.len <= DISTANCE_MAX && b.len <= DISTANCE_MAX);
    for (size_t j = 0; j <= b.len; j++) row[j] = (int)j;
    for (size_t i = 0; i < a.len; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < b.len; j++) {
            int above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a.ptr[i] != b.ptr[j]));
            diagonal = above;
        }
    }
    return row[b.len] > limit ? limit + 1 : row[b.len];
}
