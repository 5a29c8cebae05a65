#include "persist/aof_group_int.h"

#include "base/check.h"
#include "base/num.h"
#include "wire/crc64.h"

#include <inttypes.h>
#include <stdio.h>

#define HEAD  "#TARN-AOF 1 "
#define GROUP "#TARN "
#define END   "#TARN-END "
#define HEX   16

uint64_t aof_group_sum(uint64_t id, int64_t offset, uint64_t len, uint64_t lag) {
    char text[4 * NUM_TEXT_MAX];
    int n = snprintf(text, sizeof text, "%016" PRIx64 " %" PRId64 " %" PRIu64 " %" PRIu64, id, offset, len, lag);
    proven(n > 0 && (size_t)n < sizeof text);
    return crc64(0, text, (size_t)n);
}

size_t aof_head_format(char *dst, uint64_t id) {
    int n = snprintf(dst, AOF_LINE_MAX, HEAD "%016" PRIx64 " %016" PRIx64 "\r\n", id, aof_group_sum(id, 0, 0, 0));
    proven(n > 0 && n < AOF_LINE_MAX);
    return (size_t)n;
}

size_t aof_end_format(char *dst, uint64_t id, int64_t offset) {
    int n = snprintf(dst, AOF_LINE_MAX, END "%016" PRIx64 "\r\n", aof_group_sum(id, offset, 0, 0));
    proven(n > 0 && n < AOF_LINE_MAX);
    return (size_t)n;
}

uint64_t aof_group_add(uint64_t crc, struct slice bytes) {
    debug_proven(bytes.ptr || bytes.len == 0);
    return bytes.len ? crc64(crc, bytes.ptr, bytes.len) : crc;
}

size_t aof_group_line(char *dst, uint64_t len, uint64_t lag, uint64_t crc) {
    int n = snprintf(dst, AOF_LINE_MAX, GROUP "%" PRIu64 " %" PRIu64 " %016" PRIx64 "\r\n", len, lag, crc);
    proven(n > 0 && n < AOF_LINE_MAX);
    return (size_t)n;
}

size_t aof_group_format(char *dst, uint64_t id, int64_t offset, struct slice bytes, uint64_t lag) {
    proven(offset > 0 && bytes.len > 0 && lag <= (uint64_t)offset);
    return aof_group_line(dst, bytes.len, lag, aof_group_add(aof_group_sum(id, offset, bytes.len, lag), bytes));
}

static bool begins(struct slice line, struct slice with) {
    debug_proven(line.ptr || line.len == 0);
    return line.len >= with.len && memcmp(line.ptr, with.ptr, with.len) == 0;
}

bool aof_is_head(struct slice line) {
    debug_proven(line.ptr || line.len == 0);
    return begins(line, SLICE("#TARN-AOF"));
}

bool aof_is_group(struct slice line) {
    debug_proven(line.ptr || line.len == 0);
    return begins(line, SLICE(GROUP));
}

/* Exactly 16 digits, lower case, as they were written. */
static bool take_hex(struct slice *s, uint64_t *out) {
    uint64_t v = 0;
    debug_proven(s->ptr || s->len == 0);
    if (s->len < HEX) return false;
    for (int i = 0; i < HEX; i++) {
        char c = s->ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *s = slice_of(s->ptr + HEX, s->len - HEX);
    *out = v;
    return true;
}

/* A number and the space behind it. */
static bool take_number(struct slice *s, uint64_t *out) {
    const char *space = s->len ? memchr(s->ptr, ' ', s->len) : NULL;
    debug_proven(s->ptr || s->len == 0);
    if (!space) return false;
    size_t n = (size_t)(space - s->ptr);
    if (!num_parse_u64(slice_of(s->ptr, n), out)) return false;
    *s = slice_of(space + 1, s->len - n - 1);
    return true;
}

bool aof_is_end(struct slice line, uint64_t id, int64_t offset) {
    uint64_t crc;
    proven(offset > 0);
    if (!begins(line, SLICE(END))) return false;
    struct slice rest = slice_of(line.ptr + sizeof(END) - 1, line.len - (sizeof(END) - 1));
    return take_hex(&rest, &crc) && rest.len == 0 && crc == aof_group_sum(id, offset, 0, 0);
}

bool aof_head_parse(struct slice line, uint64_t *id) {
    uint64_t crc;
    proven(id != NULL);
    if (!begins(line, SLICE(HEAD))) return false;
    struct slice rest = slice_of(line.ptr + sizeof(HEAD) - 1, line.len - (sizeof(HEAD) - 1));
    if (!take_hex(&rest, id) || rest.len != 1 + HEX || rest.ptr[0] != ' ') return false;
    rest = slice_of(rest.ptr + 1, HEX);
    return take_hex(&rest, &crc) && crc == aof_group_sum(*id, 0, 0, 0);
}

bool aof_group_parse(struct slice line, struct aof_group *g) {
    proven(g != NULL);
    if (!aof_is_group(line)) return false;
    struct slice rest = slice_of(line.ptr + sizeof(GROUP) - 1, line.len - (sizeof(GROUP) - 1));
    return take_number(&rest, &g->len) && take_number(&rest, &g->lag) && take_hex(&rest, &g->crc) && rest.len == 0 &&
           g->len > 0 && g->len <= INT64_MAX;
}

bool aof_group_fits(const struct aof_group *g, uint64_t id, int64_t offset, const char *bytes) {
    proven(g->len > 0 && offset >= 0);
    return crc64(aof_group_sum(id, offset, g->len, g->lag), bytes, (size_t)g->len) == g->crc;
}

bool aof_group_here(const char *p, size_t n, uint64_t id, int64_t offset, struct aof_group *g, size_t *line) {
    const char *end = n ? memchr(p, '\n', n < AOF_LINE_MAX ? n : AOF_LINE_MAX) : NULL;
    proven(offset >= 0);
    if (!end || end == p || end[-1] != '\r') return false;
    *line = (size_t)(end - p) + 1;
    if (!aof_group_parse(slice_of(p, *line - 2), g) || g->len > n - *line) return false;
    return aof_group_fits(g, id, offset, p + *line);
}

bool aof_group_was_on_disk(const char *p, size_t n, uint64_t id, int64_t offset, int64_t damage) {
    const char *end = p + n;
    proven(offset >= damage);
    for (const char *at = p; at < end && (at = memmem(at, (size_t)(end - at), GROUP, sizeof GROUP - 1)); at++) {
        struct aof_group g;
        size_t line;
        int64_t place = offset + (at - p);
        if (aof_group_here(at, (size_t)(end - at), id, place, &g, &line) && place - (int64_t)g.lag > damage)
            return true;
    }
    return false;
}
