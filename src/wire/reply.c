#include "wire/reply.h"

#include "base/num.h"
#include "wire/resp.h"

#include <stdarg.h>
#include <stdio.h>

/* Type byte, a number of at most 20 characters, CRLF. */
#define HEADER_MAX 24

static bool reply_sound(const struct reply *r) {
    return r->out && r->out->len <= r->out->cap && (r->resp == 2 || r->resp == 3);
}

/* What is copied into the buffer must not lie in it: growing moves it. */
static bool reply_outside(const struct reply *r, struct slice s) {
    return s.len == 0 || (s.ptr && (s.ptr + s.len <= r->out->ptr || s.ptr >= r->out->ptr + r->out->cap));
}

static inline char *put_crlf(char *p) {
    memcpy(p, "\r\n", 2);
    return p + 2;
}

/* Most counts and lengths have one or two digits: written without a call. */
static inline char *put_number(char *p, int64_t v) {
    if (likely((uint64_t)v < 10)) {
        *p = (char)('0' + v);
        return p + 1;
    }
    if (likely((uint64_t)v < 100)) {
        p[0] = (char)('0' + v / 10);
        p[1] = (char)('0' + v % 10);
        return p + 2;
    }
    size_t n = num_format_i64(p, v);
    debug_proven(n >= 2 && n <= 20);
    return p + n;
}

static inline char *put_header(char *p, char type, int64_t v) {
    debug_proven(strchr(":$*%~>|=", type) && (v >= 0 || type == RESP_INTEGER));
    *p = type;
    char *end = put_crlf(put_number(p + 1, v));
    debug_proven(end - p <= HEADER_MAX);
    return end;
}

static inline void write_header(struct reply *r, char type, int64_t v) {
    debug_proven(reply_sound(r));
    char *start = buf_reserve(r->out, HEADER_MAX);
    buf_advance(r->out, (size_t)(put_header(start, type, v) - start));
}

static void write_line(struct reply *r, char type, struct slice text) {
    debug_proven(reply_sound(r) && strchr("+-,(", type));
    char *p = buf_reserve(r->out, text.len + 3);
    *p++ = type;
    if (text.len) memcpy(p, text.ptr, text.len);
    put_crlf(p + text.len);
    buf_advance(r->out, text.len + 3);
}

void reply_ok(struct reply *r) {
    debug_proven(reply_sound(r));
    memcpy(buf_reserve(r->out, 5), "+OK\r\n", 5);
    buf_advance(r->out, 5);
}

void reply_simple(struct reply *r, const char *text) {
    debug_proven(!strpbrk(text, "\r\n")); /* it would end the reply, and the client lose its place */
    write_line(r, '+', slice_of_cstr(text));
}

void reply_error(struct reply *r, const char *text) {
    size_t start = r->out->len;
    write_line(r, '-', slice_of_cstr(text));
    for (size_t i = start; i < r->out->len - 2; i++)
        if (r->out->ptr[i] == '\r' || r->out->ptr[i] == '\n') r->out->ptr[i] = ' ';
    debug_proven(memchr(r->out->ptr + start, '\n', r->out->len - start) == r->out->ptr + r->out->len - 1);
    r->errors++;
    r->last_error = start;
}

void reply_error_format(struct reply *r, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    proven(n >= 0);
    reply_error(r, text);
}

void reply_integer(struct reply *r, int64_t v) { write_header(r, ':', v); }

void reply_bulk(struct reply *r, struct slice s) {
    debug_proven(reply_sound(r) && reply_outside(r, s));
    char *start = buf_reserve(r->out, s.len + HEADER_MAX + 2);
    char *p = put_header(start, '$', (int64_t)s.len);
    if (likely(s.len)) memcpy(p, s.ptr, s.len);
    buf_advance(r->out, (size_t)(put_crlf(p + s.len) - start));
    debug_proven(r->out->ptr[r->out->len - 1] == '\n' && r->out->len >= s.len + sizeof("$0\r\n\r\n") - 1);
}

void reply_bulk_cstr(struct reply *r, const char *s) { reply_bulk(r, slice_of_cstr(s)); }

void reply_bulk_integer(struct reply *r, int64_t v) {
    char text[NUM_TEXT_MAX];
    reply_bulk(r, slice_of(text, num_format_i64(text, v)));
}

void reply_field_integer(struct reply *r, const char *name, int64_t v) {
    reply_bulk_cstr(r, name);
    reply_integer(r, v);
}

char *reply_bulk_space(struct reply *r, size_t n) {
    proven(reply_sound(r) && n <= INT64_MAX);
    char *start = buf_reserve(r->out, n + HEADER_MAX + 2);
    char *p = put_header(start, '$', (int64_t)n);
    buf_advance(r->out, (size_t)(put_crlf(p + n) - start));
    proven(p + n + 2 == r->out->ptr + r->out->len); /* the caller's bytes end where the CRLF begins */
    return p;
}

void reply_null(struct reply *r) {
    debug_proven(reply_sound(r));
    if (r->resp >= 3)
        buf_append(r->out, "_\r\n", 3);
    else
        buf_append(r->out, "$-1\r\n", 5);
}

void reply_null_array(struct reply *r) {
    debug_proven(reply_sound(r));
    if (r->resp >= 3)
        buf_append(r->out, "_\r\n", 3);
    else
        buf_append(r->out, "*-1\r\n", 5);
}

/* Pairs count twice where an array stands for a map. */
static int64_t classic_count(char kind, int64_t n) {
    proven(n <= INT64_MAX / 2);
    return kind == RESP_MAP || kind == RESP_ATTRIBUTE ? 2 * n : n;
}

static bool is_aggregate(char kind) {
    return kind == RESP_ARRAY || kind == RESP_MAP || kind == RESP_SET || kind == RESP_PUSH || kind == RESP_ATTRIBUTE;
}

static void write_aggregate(struct reply *r, char kind, int64_t n) {
    proven(n >= 0 && is_aggregate(kind));
    if (r->resp >= 3)
        write_header(r, kind, n);
    else
        write_header(r, RESP_ARRAY, classic_count(kind, n));
}

void reply_array(struct reply *r, int64_t n) { write_aggregate(r, RESP_ARRAY, n); }

void reply_map(struct reply *r, int64_t pairs) { write_aggregate(r, RESP_MAP, pairs); }

void reply_set(struct reply *r, int64_t n) { write_aggregate(r, RESP_SET, n); }

void reply_push(struct reply *r, int64_t n) { write_aggregate(r, RESP_PUSH, n); }

void reply_attribute(struct reply *r, int64_t pairs) {
    proven(r->resp >= 3);
    write_aggregate(r, RESP_ATTRIBUTE, pairs);
}

void reply_bool(struct reply *r, bool v) {
    debug_proven(reply_sound(r));
    if (r->resp >= 3)
        buf_append(r->out, v ? "#t\r\n" : "#f\r\n", 4);
    else
        reply_integer(r, v);
}

void reply_double(struct reply *r, double v) {
    char text[NUM_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, num_format_double(text, v));
    proven(s.len > 0 && s.len < NUM_DOUBLE_TEXT_MAX); /* not cut off */
    if (r->resp >= 3)
        write_line(r, ',', s);
    else
        reply_bulk(r, s);
}

void reply_bignum(struct reply *r, const char *digits) {
    size_t sign = digits[0] == '-', n = strspn(digits + sign, "0123456789");
    proven(n > 0 && digits[sign + n] == '\0');
    if (r->resp >= 3)
        write_line(r, '(', slice_of_cstr(digits));
    else
        reply_bulk_cstr(r, digits);
}

void reply_verbatim(struct reply *r, const char *format3, struct slice s) {
    proven(strlen(format3) == 3 && reply_outside(r, s));
    if (r->resp < 3) {
        reply_bulk(r, s);
        return;
    }
    char *start = buf_reserve(r->out, s.len + HEADER_MAX + 6);
    char *p = put_header(start, '=', (int64_t)s.len + 4);
    memcpy(p, format3, 3);
    p[3] = ':';
    if (s.len) memcpy(p + 4, s.ptr, s.len);
    char *end = put_crlf(p + 4 + s.len);
    proven((size_t)(end - start) <= s.len + HEADER_MAX + 6);
    buf_advance(r->out, (size_t)(end - start));
}

size_t reply_deferred(struct reply *r) {
    debug_proven(reply_sound(r));
    return r->out->len;
}

void reply_deferred_set(struct reply *r, size_t place, char kind, int64_t n) {
    proven(place <= r->out->len && n >= 0 && is_aggregate(kind));
    char header[HEADER_MAX];
    bool classic = r->resp < 3;
    char *end = put_header(header, classic ? (char)RESP_ARRAY : kind, classic ? classic_count(kind, n) : n);
    size_t size = (size_t)(end - header), moved = r->out->len - place;
    proven((uint64_t)classic_count(kind, n) <= moved / (sizeof("_\r\n") - 1)); /* no reply is shorter than "_\r\n" */
    buf_reserve(r->out, size);
    char *at = r->out->ptr + place;
    memmove(at + size, at, moved);
    memcpy(at, header, size);
    buf_advance(r->out, size);
    if (r->errors && r->last_error >= place) r->last_error += size;
    debug_proven(at[size - 1] == '\n' && (moved == 0 || strchr("+-:$*_#,(!=%~>|", at[size])));
}
