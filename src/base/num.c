#include "base/num.h"

#include "base/check.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Digits without sign, spaces or leading zeros; false also when the number is larger than 64 bits. */
static bool parse_digits(const char *p, size_t n, uint64_t *out) {
    if (n == 0 || n > 20) return false;
    if (p[0] == '0') {
        *out = 0;
        return n == 1;
    }
    uint64_t v = 0;
    size_t safe = n < 20 ? n : 19; /* 19 digits always fit */
    for (size_t i = 0; i < safe; i++) {
        unsigned digit = (unsigned char)p[i] - (unsigned)'0';
        if (digit > 9) return false;
        v = v * 10 + digit;
    }
    if (n == 20) {
        unsigned digit = (unsigned char)p[19] - (unsigned)'0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool num_parse_u64(struct slice s, uint64_t *out) { return parse_digits(s.ptr, s.len, out); }

bool num_parse_i64(struct slice s, int64_t *out) {
    uint64_t magnitude;
    if (s.len == 0) return false; /* and no arithmetic on its pointer, which may be NULL */
    bool negative = s.ptr[0] == '-';
    if (!parse_digits(s.ptr + negative, s.len - negative, &magnitude)) return false;
    if (negative) {
        if (magnitude == 0 || magnitude > (uint64_t)1 << 63) return false;
        *out = (int64_t)(0 - magnitude);
    } else {
        if (magnitude > INT64_MAX) return false;
        *out = (int64_t)magnitude;
    }
    return true;
}

/* strtod wants a terminator: the text is copied, up to what an honest number can need. */
static bool float_text(char dst[NUM_LONG_DOUBLE_TEXT_MAX], struct slice s) {
    if (s.len == 0 || s.len >= NUM_LONG_DOUBLE_TEXT_MAX || isspace((unsigned char)s.ptr[0])) return false;
    memcpy(dst, s.ptr, s.len);
    dst[s.len] = '\0';
    return true;
}

/* Out of range is an error where the value is lost (infinity, zero), not where it is only denormal. */
bool num_parse_double(struct slice s, double *out) {
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    char *end;
    if (!float_text(text, s)) return false;
    errno = 0;
    double v = strtod(text, &end);
    if (end != text + s.len || isnan(v)) return false;
    if (errno == ERANGE && (isinf(v) || v == 0)) return false;
    *out = v;
    return true;
}

bool num_parse_long_double(struct slice s, long double *out) {
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    char *end;
    if (!float_text(text, s)) return false;
    errno = 0;
    long double v = strtold(text, &end);
    if (end != text + s.len || isnan(v)) return false;
    if (errno == ERANGE && (isinf(v) || v == 0)) return false;
    *out = v;
    return true;
}

static const char digit_pairs[200] = "00010203040506070809"
                                     "10111213141516171819"
                                     "20212223242526272829"
                                     "30313233343536373839"
                                     "40414243444546474849"
                                     "50515253545556575859"
                                     "60616263646566676869"
                                     "70717273747576777879"
                                     "80818283848586878889"
                                     "90919293949596979899";

size_t num_format_u64(char *dst, uint64_t v) {
    char text[20];
    char *p = text + sizeof text;
    while (v >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, digit_pairs + v * 2, 2);
    } else {
        *--p = (char)('0' + v);
    }
    size_t n = (size_t)(text + sizeof text - p);
    memcpy(dst, p, n);
    return n;
}

size_t num_format_i64(char *dst, int64_t v) {
    if (v >= 0) return num_format_u64(dst, (uint64_t)v);
    dst[0] = '-';
    return 1 + num_format_u64(dst + 1, 0 - (uint64_t)v);
}

size_t num_format_double(char *dst, double v) {
    if (isnan(v)) return (size_t)snprintf(dst, NUM_DOUBLE_TEXT_MAX, "nan");
    if (fabs(v) < 0x1p53 && v == (double)(int64_t)v && (v != 0 || !signbit(v))) return num_format_i64(dst, (int64_t)v);
    return (size_t)snprintf(dst, NUM_DOUBLE_TEXT_MAX, "%.17g", v);
}

size_t num_format_long_double(char *dst, long double v) {
    if (isnan(v)) return (size_t)snprintf(dst, NUM_LONG_DOUBLE_TEXT_MAX, "nan");
    if (isinf(v)) return (size_t)snprintf(dst, NUM_LONG_DOUBLE_TEXT_MAX, v > 0 ? "inf" : "-inf");
    int written = snprintf(dst, NUM_LONG_DOUBLE_TEXT_MAX, "%.17Lf", v);
    proven(written > 0 && written < NUM_LONG_DOUBLE_TEXT_MAX);
    size_t n = (size_t)written;
    while (dst[n - 1] == '0') n--;
    if (dst[n - 1] == '.') n--;
    if (n == 2 && dst[0] == '-' && dst[1] == '0') {
        dst[0] = '0'; /* what rounds to zero has no sign */
        n = 1;
    }
    return n;
}

size_t num_format_human(char *dst, uint64_t bytes) {
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        size_t n = num_format_u64(dst, bytes);
        dst[n] = 'B';
        return n + 1;
    }
    double scaled = (double)bytes / 1024;
    size_t unit = 0;
    while (scaled >= 1024 && unit < 4) {
        scaled /= 1024;
        unit++;
    }
    return (size_t)snprintf(dst, NUM_TEXT_MAX, "%.2f%c", scaled, units[unit]);
}

static bool memory_unit(struct slice s, uint64_t *factor) {
    static const struct {
        struct slice name;
        uint64_t factor;
    } units[] = {
        {SLICE(""), 1},        {SLICE("b"), 1},           {SLICE("k"), 1000},       {SLICE("kb"), 1024},
        {SLICE("m"), 1000000}, {SLICE("mb"), 1024 << 10}, {SLICE("g"), 1000000000}, {SLICE("gb"), 1024 << 20},
    };
    for (size_t i = 0; i < countof(units); i++)
        if (slice_equal_nocase(s, units[i].name)) {
            *factor = units[i].factor;
            return true;
        }
    return false;
}

bool num_parse_memory(struct slice s, uint64_t *out) {
    size_t digits = 0;
    uint64_t v = 0, factor;
    while (digits < s.len && isdigit((unsigned char)s.ptr[digits])) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.ptr[digits] - '0'), &v))
            return false;
        digits++;
    }
    if (digits == 0 || !memory_unit(slice_of(s.ptr + digits, s.len - digits), &factor)) return false;
    return !__builtin_mul_overflow(v, factor, out);
}
