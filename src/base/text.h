/* Splitting and quoting of words, as config files, inline commands and the cli write them. */
#ifndef TARN_BASE_TEXT_H
#define TARN_BASE_TEXT_H

#include "base/slice.h"

#include <stdint.h>

/* Splits one line into words by the rule of redis.conf and inline commands: white space separates; "..." with
 * \n \r \t \b \a \\ \" \xHH escapes; '...' with \' only; a closing quote must be followed by white space or the end.
 * Unescaped bytes go to scratch (at least line.len bytes); words point into scratch. Returns the number of words,
 * at most max; -1 for unbalanced quotes; -2 for more than max words. O(line). */
int text_split_words(struct slice line, char *scratch, struct slice *words, int max);

/* The quoted form: "..." with escapes, every byte printable ASCII. dst holds at least 4 * s.len + 2. Returns length. */
size_t text_quote(char *dst, struct slice s);
/* For messages: the quoted form of the first TEXT_SHOWN_MAX bytes, with "..." behind it when there are more. dst is returned and ends
 * with a NUL. */
#define TEXT_SHOWN_MAX  64
#define TEXT_SHOWN_ROOM (4 * TEXT_SHOWN_MAX + sizeof "\"\"...")
const char *text_show(char dst[TEXT_SHOWN_ROOM], struct slice s);
/* True when s must be quoted to survive text_split_words (empty, white space, quotes, backslash, non-printable). */
bool text_needs_quotes(struct slice s);

/* 0 to 15; -1: no hex digit. */
int text_hex_value(char c);

/* Levenshtein distance bounded by limit (returns limit + 1 when larger): for "did you mean". Both at most 64 bytes. */
int text_distance(struct slice a, struct slice b, int limit);

#endif
