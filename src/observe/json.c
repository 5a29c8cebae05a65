#include "observe/json.h"

#include "base/num.h"

#include <math.h>

static void begin(struct json *j, const char *name) {
    if (j->comma) buf_append(j->out, ",", 1);
    j->comma = true;
    if (name) buf_printf(j->out, "\"%s\":", name);
}

void json_open(struct json *j, const char *name, char bracket) {
    begin(j, name);
    buf_append(j->out, &bracket, 1);
    j->comma = false;
}

void json_close(struct json *j, char bracket) {
    buf_append(j->out, &bracket, 1);
    j->comma = true;
}

void json_integer(struct json *j, const char *name, int64_t v) {
    begin(j, name);
    buf_advance(j->out, num_format_i64(buf_reserve(j->out, NUM_TEXT_MAX), v));
}

void json_number(struct json *j, const char *name, double v) {
    begin(j, name);
    if (isfinite(v))
        buf_printf(j->out, "%.10g", v);
    else
        buf_append(j->out, "null", 4);
}

void json_bool(struct json *j, const char *name, bool v) {
    begin(j, name);
    buf_append_slice(j->out, v ? SLICE("true") : SLICE("false"));
}

void json_cstr(struct json *j, const char *name, const char *text) { json_text(j, name, slice_of_cstr(text)); }

/* Length of the valid UTF-8 sequence of two to four bytes at p, 0 when there is none: no overlong forms, no surrogates,
 * nothing beyond U+10FFFF. */
static size_t utf8_length(const unsigned char *p, size_t left) {
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] > 0x9f) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
    return n;
}

/* '<' and '&' too: the text may end up in a page. */
static bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '&'; }

void json_text(struct json *j, const char *name, struct slice bytes) {
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    begin(j, name);
    buf_append(j->out, "\"", 1);
    for (size_t i = 0; i < bytes.len;) {
        size_t n = is_plain(p[i]) ? 1 : p[i] >= 0x80 ? utf8_length(p + i, bytes.len - i) : 0;
        if (n)
            buf_append(j->out, p + i, n);
        else
            buf_printf(j->out, "\\u%04x", p[i]);
        i += n ? n : 1;
    }
    buf_append(j->out, "\"", 1);
}
