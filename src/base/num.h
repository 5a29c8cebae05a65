/* Numbers to text and back, strict, locale-free, allocation-free. */
#ifndef TARN_BASE_NUM_H
#define TARN_BASE_NUM_H

#include "base/slice.h"

#include <stdint.h>

#define NUM_TEXT_MAX             24 /* longest int64 with sign and NUL, rounded up */
#define NUM_DOUBLE_TEXT_MAX      40
#define NUM_LONG_DOUBLE_TEXT_MAX (5 * 1024) /* 17 decimals of LDBL_MAX in plain notation, NUL included */

/* Canonical decimal only: no spaces, no '+', no leading zeros, no "-0". The rule by which a string
 * value is an integer. ~5 ns. */
bool num_parse_i64(struct slice s, int64_t *out);
/* The same for unsigned. */
bool num_parse_u64(struct slice s, uint64_t *out);
/* What strtod takes, entire slice, no leading space, no NaN, "inf"/"+inf"/"-inf"/"infinity" in any case accepted,
 * overflow to infinity refused as the range error it is. */
bool num_parse_double(struct slice s, double *out);
/* The same with long double, as INCRBYFLOAT needs. */
bool num_parse_long_double(struct slice s, long double *out);

/* Write without NUL, return the length. dst holds at least NUM_TEXT_MAX bytes. */
size_t num_format_i64(char *dst, int64_t v);
size_t num_format_u64(char *dst, uint64_t v);
/* As Redis 7.0 prints doubles in replies: %.17g, which reads back as the same double; inf, -inf, nan. Integers below 2^53
 * take the short way. dst: NUM_DOUBLE_TEXT_MAX. */
size_t num_format_double(char *dst, double v);
/* %.17Lf without trailing zeros, never exponent notation: INCRBYFLOAT's text. dst: NUM_LONG_DOUBLE_TEXT_MAX. */
size_t num_format_long_double(char *dst, long double v);
/* "1.50G" style of *_human fields: B below 1024, then K M G T P with two decimals. dst: NUM_TEXT_MAX. */
size_t num_format_human(char *dst, uint64_t bytes);

/* Config memory units: "100", "1k"=1000, "1kb"=1024, m, mb, g, gb, b; any case. Negative refused, overflow refused. */
bool num_parse_memory(struct slice s, uint64_t *out);

#endif
