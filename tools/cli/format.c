#include "format.h"

#include "base/num.h"
#include "base/text.h"
#include "reply.h"

#include <stdio.h>

/* Every formatter walks the bytes of one reply, which link_read has found whole and not too deep. */
struct walk {
    struct reply in;
    struct buf *out;
    const struct options *options;
    bool ascii; /* JSON texts in quoted form first */
};

static struct resp_item walk_next(struct walk *w) { return reply_next(&w->in); }

static struct resp_item walk_peek(const struct walk *w) {
    struct reply ahead = w->in;
    return reply_next(&ahead);
}

static void put(struct walk *w, const char *text) { buf_append(w->out, text, strlen(text)); }

void format_quoted(struct buf *out, struct slice text) {
    buf_advance(out, text_quote(buf_reserve(out, 4 * text.len + 2), text));
}

void format_bar(char *dst, int width, double share) {
    int full = share <= 0 ? 0 : share >= 1 ? width : (int)(share * width + 0.5);
    *dst++ = '[';
    for (int i = 0; i < width; i++) *dst++ = i < full ? '#' : '-';
    *dst++ = ']';
    *dst = '\0';
}

static bool item_true(const struct resp_item *item) { return item->text.len > 0 && item->text.ptr[0] == 't'; }

/* ---- plain: types and numbering, for people ---- */
static void plain_scalar(struct walk *w, const struct resp_item *item) {
    if (item->null) {
        put(w, "(nil)");
        return;
    }
    switch (item->kind) {
    case RESP_BULK:
        format_quoted(w->out, item->text);
        return;
    case RESP_BOOL:
        put(w, item_true(item) ? "(true)" : "(false)");
        return;
    case RESP_ERROR:
    case RESP_BULK_ERROR:
        put(w, "(error) ");
        break;
    case RESP_INTEGER:
        put(w, "(integer) ");
        break;
    case RESP_DOUBLE:
        put(w, "(double) ");
        break;
    case RESP_BIGNUM:
        put(w, "(big number) ");
        break;
    default:
        break; /* simple and verbatim texts as they are */
    }
    buf_append_slice(w->out, item->text);
}

static const char *plain_empty(enum resp_kind kind) {
    switch (kind) {
    case RESP_MAP:
        return "(empty hash)";
    case RESP_SET:
        return "(empty set)";
    case RESP_PUSH:
        return "(empty push)";
    default:
        return "(empty array)";
    }
}

static void put_indent(struct walk *w, int indent) { buf_printf(w->out, "%*s", indent, ""); }

static void plain_value(struct walk *w, int indent);

/* Behind the key when it is one line, else below it. */
static void plain_map_value(struct walk *w, int indent) {
    struct buf value, *out = w->out;
    buf_init(&value, MEM_CLIENT_OUT);
    w->out = &value;
    plain_value(w, indent);
    w->out = out;
    if (value.len > 0 && memchr(value.ptr, '\n', value.len)) {
        put(w, "\n");
        put_indent(w, indent);
    }
    buf_append_slice(out, buf_slice(&value));
    buf_release(&value);
}

/* One value without a line end; lines after the first are indented. */
static void plain_value(struct walk *w, int indent) {
    struct resp_item item = walk_next(w);
    if (!reply_nests(&item) || item.count == 0) {
        if (reply_nests(&item))
            put(w, plain_empty(item.kind));
        else
            plain_scalar(w, &item);
        return;
    }
    char mark = item.kind == RESP_MAP ? '#' : item.kind == RESP_SET ? '~' : ')';
    int width = snprintf(NULL, 0, "%lld", (long long)item.count), inner = indent + width + 2;
    for (int64_t i = 0; i < item.count; i++) {
        if (i > 0) {
            put(w, "\n");
            put_indent(w, indent);
        }
        buf_printf(w->out, "%*lld%c ", width, (long long)i + 1, mark);
        plain_value(w, inner);
        if (item.kind != RESP_MAP) continue;
        put(w, " => ");
        plain_map_value(w, inner);
    }
}

/* ---- raw: the values alone, for scripts ---- */
static void raw_value(struct walk *w) {
    struct resp_item item = walk_next(w);
    if (item.null) return;
    if (!reply_nests(&item)) {
        if (item.kind == RESP_BOOL)
            put(w, item_true(&item) ? "(true)" : "(false)");
        else
            buf_append_slice(w->out, item.text);
        if (item.kind == RESP_ERROR || item.kind == RESP_BULK_ERROR) put(w, "\n");
        return;
    }
    for (int64_t i = 0; i < item.count; i++) {
        if (i > 0) put(w, w->options->delimiter);
        raw_value(w);
        if (item.kind != RESP_MAP) continue;
        put(w, " ");
        raw_value(w);
    }
}

/* ---- csv ---- */
static void csv_scalar(struct walk *w, const struct resp_item *item) {
    if (item->null)
        put(w, "NULL");
    else if (item->kind == RESP_BOOL)
        put(w, item_true(item) ? "true" : "false");
    else if (strchr(":,(", (char)item->kind))
        buf_append_slice(w->out, item->text);
    else {
        if (item->kind == RESP_ERROR || item->kind == RESP_BULK_ERROR) put(w, "ERROR,");
        format_quoted(w->out, item->text);
    }
}

static void csv_value(struct walk *w) {
    struct resp_item item = walk_next(w);
    if (!reply_nests(&item)) {
        csv_scalar(w, &item);
        return;
    }
    int64_t values = item.kind == RESP_MAP ? item.count * 2 : item.count;
    for (int64_t i = 0; i < values; i++) {
        if (i > 0) put(w, ",");
        csv_value(w);
    }
}

/* ---- json ---- */
static void json_text(struct walk *w, struct slice s) {
    static const char named[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        const char *at = c ? strchr(named, c) : NULL;
        if (at)
            buf_printf(w->out, "\\%c", letters[at - named]);
        else if ((unsigned char)c < 0x20)
            buf_printf(w->out, "\\u%04x", (unsigned)c);
        else
            buf_append(w->out, &c, 1);
    }
}

/* With ascii, the text as text_quote writes it, which is JSON whatever bytes it had. */
static void json_string(struct walk *w, struct slice s) {
    put(w, "\"");
    if (w->ascii) {
        size_t room = 4 * s.len + 2;
        char *quoted = mem_alloc(MEM_CLIENT_OUT, room);
        size_t len = text_quote(quoted, s);
        json_text(w, slice_of(quoted + 1, len - 2));
        mem_free(MEM_CLIENT_OUT, quoted, room);
    } else
        json_text(w, s);
    put(w, "\"");
}

static void json_scalar(struct walk *w, const struct resp_item *item) {
    bool error = item->kind == RESP_ERROR || item->kind == RESP_BULK_ERROR;
    if (item->null)
        put(w, "null");
    else if (item->kind == RESP_BOOL)
        put(w, item_true(item) ? "true" : "false");
    else if (strchr(":,(", (char)item->kind))
        buf_append_slice(w->out, item->text);
    else {
        if (error) put(w, "error:");
        json_string(w, item->text);
    }
}

static void json_value(struct walk *w);

/* A key of a JSON object is a string, whatever it was. */
static void json_key(struct walk *w) {
    struct resp_item key = walk_peek(w);
    bool string = !key.null && strchr("$+=", (char)key.kind);
    if (string) {
        json_value(w);
        return;
    }
    struct buf text;
    buf_init(&text, MEM_CLIENT_OUT);
    struct walk inner = *w;
    inner.out = &text;
    json_value(&inner);
    w->in = inner.in;
    json_string(w, buf_slice(&text));
    buf_release(&text);
}

static void json_value(struct walk *w) {
    struct resp_item item = walk_next(w);
    if (!reply_nests(&item)) {
        json_scalar(w, &item);
        return;
    }
    bool map = item.kind == RESP_MAP;
    put(w, map ? "{" : "[");
    for (int64_t i = 0; i < item.count; i++) {
        if (i > 0) put(w, ",");
        if (map) {
            json_key(w);
            put(w, ":");
        }
        json_value(w);
    }
    put(w, map ? "}" : "]");
}

/* ---- all ---- */
void format_reply(struct buf *out, struct slice reply, enum output output, const struct options *o) {
    struct walk w = {reply_of(reply), out, o, output == OUTPUT_QUOTED_JSON};
    switch (output) {
    case OUTPUT_RAW:
        raw_value(&w);
        break;
    case OUTPUT_CSV:
        csv_value(&w);
        break;
    case OUTPUT_JSON:
    case OUTPUT_QUOTED_JSON:
        json_value(&w);
        break;
    default:
        plain_value(&w, 0);
        break;
    }
    put(&w, output == OUTPUT_RAW ? o->separator : "\n");
    proven(w.in.at == w.in.end);
}
