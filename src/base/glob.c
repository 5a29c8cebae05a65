#include "base/glob.h"

#include <stdint.h>

static inline unsigned char fold_if(char c, bool nocase) {
    unsigned char u = (unsigned char)c;
    return nocase && u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

/* Matches c against the class whose members start at p.ptr[at] (after the bracket) and sets *next to the place behind
 * it. A class that is not closed ends with the pattern; "-" is a range whenever two more bytes follow, "]" included;
 * a range given backwards is turned around. */
static bool class_match(struct slice p, size_t at, unsigned char c, bool nocase, size_t *next) {
    bool negated = at < p.len && p.ptr[at] == '^';
    bool found = false;
    if (negated) at++;
    while (at < p.len && p.ptr[at] != ']') {
        if (p.ptr[at] == '\\' && at + 1 < p.len) {
            found |= fold_if(p.ptr[at + 1], nocase) == c;
            at += 2;
        } else if (at + 2 < p.len && p.ptr[at + 1] == '-') {
            unsigned char low = fold_if(p.ptr[at], nocase), high = fold_if(p.ptr[at + 2], nocase);
            found |= low <= high ? c >= low && c <= high : c >= high && c <= low;
            at += 3;
        } else {
            found |= fold_if(p.ptr[at], nocase) == c;
            at++;
        }
    }
    *next = at < p.len ? at + 1 : at;
    return found != negated;
}

/* Matches one byte of text against the one-byte token at p.ptr[at] (anything but a star). */
static bool token_match(struct slice p, size_t at, char text, bool nocase, size_t *next) {
    unsigned char c = fold_if(text, nocase);
    char token = p.ptr[at];
    if (token == '[') return class_match(p, at + 1, c, nocase, next);
    if (token == '\\' && at + 1 < p.len)
        token = p.ptr[++at];
    else if (token == '?') {
        *next = at + 1;
        return true;
    }
    *next = at + 1;
    return fold_if(token, nocase) == c;
}

/* Every token but the star takes exactly one byte, so only the latest star can ever need to take one more: one place
 * to go back to is enough. */
bool glob_match(struct slice p, struct slice text, bool nocase) {
    size_t at = 0, pos = 0, next;
    size_t star_at = SIZE_MAX, star_pos = 0;
    while (pos < text.len) {
        if (at < p.len && p.ptr[at] == '*') {
            star_at = ++at;
            star_pos = pos;
            if (at == p.len) return true;
        } else if (at < p.len && token_match(p, at, text.ptr[pos], nocase, &next)) {
            at = next;
            pos++;
        } else if (star_at != SIZE_MAX) {
            at = star_at;
            pos = ++star_pos;
        } else {
            return false;
        }
    }
    while (at < p.len && p.ptr[at] == '*') at++;
    return at == p.len;
}

bool glob_is_literal(struct slice pattern) {
    for (size_t i = 0; i < pattern.len; i++)
        if (memchr("*?[\\", pattern.ptr[i], 4)) return false;
    return true;
}
