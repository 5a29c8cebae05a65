#include "docs.h"

#include <stdlib.h>

#define ARGUMENTS_MAX 64 /* of one command at its top level; hints leave out what is beyond */

void docs_init(struct docs *d) {
    *d = (struct docs){.docs = NULL};
    buf_init(&d->bytes, MEM_CLIENT_IN);
}

void docs_release(struct docs *d) {
    mem_free(MEM_CLIENT_IN, d->docs, d->cap * sizeof *d->docs);
    buf_release(&d->bytes);
    *d = (struct docs){.docs = NULL};
    buf_init(&d->bytes, MEM_CLIENT_IN);
}

/* ---- reading the reply: maps, or arrays of names and values ---- */
static struct doc *docs_add(struct docs *d) {
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 256;
        d->docs = mem_realloc(MEM_CLIENT_IN, d->docs, d->cap * sizeof *d->docs, cap * sizeof *d->docs);
        d->cap = cap;
    }
    d->docs[d->count] = (struct doc){.argument_count = 0};
    return &d->docs[d->count++];
}

static void take_commands(struct docs *d, struct reply *r, struct resp_item list);

/* Where a value begins, with the item read and all it nests left behind. */
static struct reply take_list(struct reply *r, int64_t *count) {
    struct resp_item item = reply_next(r);
    struct reply inside = *r;
    *count = reply_children(&item);
    reply_skip(r, *count);
    return inside;
}

static void take_command(struct docs *d, struct reply *r, struct slice name, struct resp_item fields) {
    struct doc doc = {.name = name};
    for (int64_t left = reply_children(&fields); left > 1; left -= 2) {
        struct slice field = reply_next(r).text;
        if (slice_is(field, "arguments"))
            doc.arguments = take_list(r, &doc.argument_count);
        else if (slice_is(field, "subcommands"))
            take_commands(d, r, reply_next(r));
        else {
            struct resp_item value = reply_next(r);
            reply_skip(r, reply_children(&value));
            if (slice_is(field, "summary")) doc.summary = value.text;
            if (slice_is(field, "since")) doc.since = value.text;
            if (slice_is(field, "group")) doc.group = value.text;
        }
    }
    *docs_add(d) = doc;
}

static void take_commands(struct docs *d, struct reply *r, struct resp_item list) {
    for (int64_t left = reply_children(&list); left > 1; left -= 2) {
        struct slice name = reply_next(r).text;
        take_command(d, r, name, reply_next(r));
    }
}

static int by_name(const void *a, const void *b) {
    return slice_compare(((const struct doc *)a)->name, ((const struct doc *)b)->name);
}

void docs_take(struct docs *d, struct slice reply) {
    docs_release(d);
    buf_append_slice(&d->bytes, reply);
    struct reply r = reply_of(buf_slice(&d->bytes));
    struct resp_item list = reply_next(&r);
    take_commands(d, &r, list);
    if (d->count > 0) qsort(d->docs, d->count, sizeof *d->docs, by_name);
    for (size_t i = 0; i < d->count; i++) { /* the bytes are ours: "config|get" is what people type with a space */
        char *bar = memchr(d->bytes.ptr + (d->docs[i].name.ptr - d->bytes.ptr), '|', d->docs[i].name.len);
        if (bar) *bar = ' ';
    }
}

static const struct doc *find_name(const struct docs *d, const struct slice *words, int count) {
    for (size_t i = 0; i < d->count; i++) {
        struct slice name = d->docs[i].name;
        if (count == 1 && slice_equal_nocase(name, words[0])) return &d->docs[i];
        if (count == 2 && name.len == words[0].len + 1 + words[1].len && name.ptr[words[0].len] == ' ' &&
            slice_equal_nocase(slice_of(name.ptr, words[0].len), words[0]) &&
            slice_equal_nocase(slice_of(name.ptr + words[0].len + 1, words[1].len), words[1]))
            return &d->docs[i];
    }
    return NULL;
}

const struct doc *docs_find(const struct docs *d, const struct slice *words, int count, int *name_words) {
    for (*name_words = count < 2 ? count : 2; *name_words > 0; --*name_words) {
        const struct doc *doc = find_name(d, words, *name_words);
        if (doc) return doc;
    }
    return NULL;
}

/* ---- arguments ---- */
struct argument {
    struct slice name, type, token, display;
    bool optional, multiple, multiple_token;
    struct reply children;
    int64_t child_count;
};

static struct argument argument_next(struct reply *r) {
    struct argument a = {.optional = false};
    struct resp_item fields = reply_next(r);
    for (int64_t left = reply_children(&fields); left > 1; left -= 2) {
        struct slice field = reply_next(r).text;
        struct reply value = *r;
        struct resp_item item = reply_next(r);
        reply_skip(r, reply_children(&item));
        if (slice_is(field, "name")) a.name = item.text;
        if (slice_is(field, "type")) a.type = item.text;
        if (slice_is(field, "token")) a.token = item.text;
        if (slice_is(field, "display_text")) a.display = item.text;
        if (slice_is(field, "arguments")) a.children = take_list(&value, &a.child_count);
        if (!slice_is(field, "flags")) continue;
        int64_t flags;
        for (struct reply f = take_list(&value, &flags); flags > 0; flags--) {
            struct slice flag = reply_next(&f).text;
            a.optional |= slice_is(flag, "optional");
            a.multiple |= slice_is(flag, "multiple") || slice_is(flag, "multiple_token");
            a.multiple_token |= slice_is(flag, "multiple_token");
        }
    }
    return a;
}

static void put(struct buf *out, const char *text) { buf_append(out, text, strlen(text)); }

static void put_argument(struct buf *out, const struct argument *a);

static void put_children(struct buf *out, const struct argument *a, const char *between) {
    struct reply r = a->children;
    for (int64_t i = 0; i < a->child_count; i++) {
        struct argument child = argument_next(&r);
        if (i > 0) put(out, between);
        put_argument(out, &child);
    }
}

static void put_value(struct buf *out, const struct argument *a) {
    if (slice_is(a->type, "oneof"))
        put_children(out, a, "|");
    else if (slice_is(a->type, "block"))
        put_children(out, a, " ");
    else
        buf_append_slice(out, a->display.len ? a->display : a->name);
}

static void put_once(struct buf *out, const struct argument *a, bool with_token) {
    bool pure = slice_is(a->type, "pure-token");
    if (a->token.len > 0 && (with_token || pure)) {
        buf_append_slice(out, a->token);
        if (!pure) put(out, " ");
    }
    if (!pure) put_value(out, a);
}

static void put_argument(struct buf *out, const struct argument *a) {
    if (a->optional) put(out, "[");
    put_once(out, a, true);
    if (a->multiple) {
        put(out, " [");
        put_once(out, a, a->multiple_token);
        put(out, " ...]");
    }
    if (a->optional) put(out, "]");
}

void docs_syntax(const struct doc *doc, struct buf *out) {
    struct reply r = doc->arguments;
    for (int64_t i = 0; i < doc->argument_count; i++) {
        struct argument a = argument_next(&r);
        if (i > 0) put(out, " ");
        put_argument(out, &a);
    }
}

/* ---- hints ---- */
/* Words that one occurrence takes; of alternatives, what the first takes. */
static int argument_width(const struct argument *a) {
    bool block = slice_is(a->type, "block"), pure = slice_is(a->type, "pure-token");
    int width = a->token.len > 0 && !pure;
    if (!block && !slice_is(a->type, "oneof")) return width + 1;
    struct reply r = a->children;
    for (int64_t i = 0; i < a->child_count && (block || i == 0); i++) {
        struct argument child = argument_next(&r);
        if (!child.optional) width += argument_width(&child);
    }
    return width;
}

/* Finds what the word is the token of: the argument, one of its alternatives, or the first of a block. */
static bool argument_has_token(const struct argument *a, struct slice word, struct argument *found) {
    *found = *a;
    if (a->token.len > 0) return slice_equal_nocase(a->token, word);
    struct reply r = a->children;
    bool block = slice_is(a->type, "block");
    for (int64_t i = 0; i < a->child_count && (!block || i == 0); i++) {
        struct argument child = argument_next(&r), inner;
        if (!argument_has_token(&child, word, &inner)) continue;
        *found = block ? *a : inner;
        return true;
    }
    return false;
}

/* Whether words of its own stand for it, without a token before them. */
static bool argument_is_free(const struct argument *a) {
    if (a->token.len > 0) return false;
    struct reply r = a->children;
    for (int64_t i = 0; i < a->child_count; i++) {
        struct argument child = argument_next(&r);
        if (argument_is_free(&child)) return true;
    }
    return a->child_count == 0;
}

struct matcher {
    struct argument list[ARGUMENTS_MAX];
    bool used[ARGUMENTS_MAX];
    int count;
    struct argument last; /* what the last word belongs to */
    int taken, width;     /* its words so far, and all */
};

static void matcher_begin(struct matcher *m, struct argument a, int at) {
    m->used[at] = true;
    m->last = a;
    m->taken = 1;
    m->width = argument_width(&a);
    m->last.multiple |= m->list[at].multiple;
}

/* A token is taken wherever it stands; else the word is the next that must come, or may. */
static void matcher_word(struct matcher *m, struct slice word) {
    struct argument found;
    if (m->taken < m->width) {
        m->taken++;
        return;
    }
    for (int i = 0; i < m->count; i++) {
        if (m->used[i] || !argument_has_token(&m->list[i], word, &found)) continue;
        matcher_begin(m, found, i);
        return;
    }
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < m->count; i++) {
            if (m->used[i] || !argument_is_free(&m->list[i]) || (pass == 0 && m->list[i].optional)) continue;
            matcher_begin(m, m->list[i], i);
            return;
        }
    if (m->last.multiple) m->taken = 1;
}

/* The words of an argument that are still to come, and that it may come again. */
static void put_rest(struct matcher *m, struct buf *out) {
    struct buf text;
    buf_init(&text, MEM_CLIENT_OUT);
    put_once(&text, &m->last, true);
    size_t at = 0;
    for (int i = 0; i < m->taken && at < text.len; i++) {
        const char *space = memchr(text.ptr + at, ' ', text.len - at);
        at = space ? (size_t)(space - text.ptr) + 1 : text.len;
    }
    if (m->taken < m->width) buf_append(out, text.ptr + at, text.len - at);
    if (m->last.multiple) {
        put(out, out->len ? " [" : "[");
        put_once(out, &m->last, m->last.multiple_token);
        put(out, " ...]");
    }
    buf_release(&text);
}

void docs_hint(const struct doc *doc, const struct slice *arguments, int count, struct buf *out) {
    struct matcher m = {.count = 0};
    struct reply r = doc->arguments;
    size_t start = out->len;
    for (; m.count < doc->argument_count && m.count < ARGUMENTS_MAX; m.count++) m.list[m.count] = argument_next(&r);
    for (int i = 0; i < count; i++) matcher_word(&m, arguments[i]);
    if (count > 0 && m.width > 0) put_rest(&m, out);
    for (int i = 0; i < m.count; i++) {
        if (m.used[i]) continue;
        if (out->len > start) put(out, " ");
        put_argument(out, &m.list[i]);
    }
}
