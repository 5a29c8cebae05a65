#include "wire/resp.h"

#include "base/check.h"
#include "base/num.h"
#include "mem/buf.h"

/* ---- writing requests ---- */
void resp_put_head(struct buf *out, char kind, uint64_t n) {
    char *at = buf_reserve(out, NUM_TEXT_MAX + 3);
    proven(kind == '*' || kind == '$');
    at[0] = kind;
    size_t len = 1 + num_format_u64(at + 1, n);
    memcpy(at + len, "\r\n", 2);
    buf_advance(out, len + 2);
}

void resp_put_bulk(struct buf *out, struct slice s) {
    resp_put_head(out, '$', s.len);
    char *at = buf_reserve(out, s.len + 2);
    proven(s.ptr || s.len == 0);
    if (s.len) memcpy(at, s.ptr, s.len);
    memcpy(at + s.len, "\r\n", 2);
    buf_advance(out, s.len + 2);
}

/* ---- replies ---- */
static ssize_t read_line(const char *buf, size_t len, struct slice *line) {
    proven(buf && len > 0);
    size_t limit = len > RESP_LINE_MAX ? RESP_LINE_MAX : len;
    const char *newline = memchr(buf, '\n', limit);
    if (!newline) return len >= RESP_LINE_MAX ? -1 : 0;
    size_t n = (size_t)(newline - buf);
    if (n < 2 || buf[n - 1] != '\r') return -1;
    *line = slice_of(buf + 1, n - 2);
    proven(n < len && line->ptr + line->len < newline);
    return (ssize_t)n + 1;
}

/* A length of -1 is null, where the kind has such a null. */
static bool read_count(struct slice line, bool can_be_null, struct resp_item *item, int64_t *n) {
    if (!num_parse_i64(line, n) || *n < -1) return false;
    item->null = *n == -1;
    return *n >= 0 || can_be_null;
}

static ssize_t read_bytes(const char *buf, size_t len, size_t used, struct resp_item *item, struct slice line) {
    proven(used >= sizeof("$0\r\n") - 2 && used <= len);
    int64_t n;
    if (!read_count(line, item->kind == RESP_BULK, item, &n)) return -1;
    if (item->null) return (ssize_t)used;
    if ((uint64_t)n > INT64_MAX - used - 2) return -1;
    size_t size = (size_t)n;
    if (len - used < size + 2) return 0;
    if (memcmp(buf + used + size, "\r\n", 2) != 0) return -1;
    item->text = slice_of(buf + used, size);
    proven(item->text.ptr + item->text.len + 2 <= buf + len);
    return (ssize_t)(used + size + 2);
}

static ssize_t read_scalar_line(size_t used, struct resp_item *item, struct slice line) {
    proven(used == line.len + 3); /* type and CRLF around it */
    int64_t ignored;
    if (item->kind == RESP_INTEGER && !num_parse_i64(line, &ignored)) return -1;
    if (item->kind == RESP_BOOL && !slice_equal(line, SLICE("t")) && !slice_equal(line, SLICE("f"))) return -1;
    item->null = item->kind == RESP_NULL;
    item->text = line;
    return (ssize_t)used;
}

ssize_t resp_read_item(const char *buf, size_t len, struct resp_item *item) {
    if (len == 0) return 0;
    *item = (struct resp_item){.kind = (enum resp_kind)buf[0]};
    if (!strchr("+-:$*_#,(!=%~>|", buf[0]) || buf[0] == '\0') return -1;
    struct slice line;
    ssize_t used = read_line(buf, len, &line);
    if (used <= 0) return used;
    proven((size_t)used <= len);
    switch (item->kind) {
    case RESP_BULK:
    case RESP_BULK_ERROR:
    case RESP_VERBATIM:
        return read_bytes(buf, len, (size_t)used, item, line);
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
    case RESP_ATTRIBUTE:
        return read_count(line, item->kind == RESP_ARRAY, item, &item->count) ? used : -1;
    default:
        return read_scalar_line((size_t)used, item, line);
    }
}
