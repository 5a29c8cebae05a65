#include "memory.h"

#include "base/check.h"
#include "base/num.h"
#include "base/text.h"
#include "reply.h"

#define DEPTH_MAX 16

/* ---- the tree: objects of texts, numbers and one list of children, as the server writes them ---- */
struct scan {
    const char *at, *end;
    struct memory_tree *tree;
    int depth;
    bool wrong;
};

static bool scan_char(struct scan *s, char c) {
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

static struct slice scan_text(struct scan *s) {
    s->wrong |= !scan_char(s, '"');
    const char *start = s->at;
    while (s->at < s->end && *s->at != '"') s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
    struct slice text = slice_of(start, (size_t)(s->at - start));
    s->wrong |= !scan_char(s, '"');
    return text;
}

static int64_t scan_number(struct scan *s) {
    const char *start = s->at;
    int64_t value = 0;
    while (s->at < s->end && ((*s->at >= '0' && *s->at <= '9') || *s->at == '-')) s->at++;
    s->wrong |= !num_parse_i64(slice_of(start, (size_t)(s->at - start)), &value);
    return value;
}

static void scan_node(struct scan *s);

static void scan_children(struct scan *s) {
    s->wrong |= !scan_char(s, '[') || ++s->depth > DEPTH_MAX;
    while (!s->wrong && s->at < s->end && *s->at == '{') {
        scan_node(s);
        if (!scan_char(s, ',')) break;
    }
    s->depth--;
    s->wrong |= !scan_char(s, ']');
}

static void scan_field(struct scan *s, struct memory_node *node) {
    struct slice name = scan_text(s);
    s->wrong |= !scan_char(s, ':');
    if (s->wrong || s->at == s->end) {
        s->wrong = true;
    } else if (*s->at == '[')
        scan_children(s);
    else if (*s->at == '"') {
        struct slice text = scan_text(s);
        size_t len = text.len < MEMORY_NAME_MAX ? text.len : MEMORY_NAME_MAX - 1;
        if (slice_is(name, "name")) memcpy(node->name, text.ptr, len);
    } else {
        int64_t value = scan_number(s);
        if (slice_is(name, "bytes")) node->bytes = value;
    }
}

/* A node takes its place before its children take theirs. */
static void scan_node(struct scan *s) {
    struct memory_node beyond, *node = s->tree->count < MEMORY_NODES_MAX ? &s->tree->nodes[s->tree->count++] : &beyond;
    *node = (struct memory_node){.depth = s->depth};
    s->wrong |= !scan_char(s, '{');
    do
        if (!s->wrong) scan_field(s, node);
    while (!s->wrong && scan_char(s, ','));
    s->wrong |= !scan_char(s, '}');
}

bool memory_tree_parse(struct memory_tree *t, struct slice json) {
    struct scan s = {json.ptr, json.ptr + json.len, t, 0, false};
    t->count = 0;
    scan_node(&s);
    if (s.wrong) t->count = 0;
    return !s.wrong;
}

/* ---- the biggest keys ---- */
static void key_field(struct memory_key *key, struct slice field, struct resp_item value) {
    char whole[4 * MEMORY_KEY_SHOWN + 2];
    int64_t number = 0;
    if (slice_is(field, "key")) {
        struct slice shown =
            slice_of(value.text.ptr, value.text.len < MEMORY_KEY_SHOWN ? value.text.len : MEMORY_KEY_SHOWN);
        size_t len = text_quote(whole, shown);
        memcpy(key->name, whole, len);
        key->name[len] = '\0';
    } else if (slice_is(field, "type")) {
        size_t len = value.text.len < sizeof key->type ? value.text.len : sizeof key->type - 1;
        memcpy(key->type, value.text.ptr, len);
        key->type[len] = '\0';
    } else if (num_parse_i64(value.text, &number)) {
        if (slice_is(field, "bytes")) key->bytes = number;
        if (slice_is(field, "db")) key->db = number;
    }
}

/* RESP3 names the fields, RESP2 has them in this order. */
static void key_parse(struct memory_key *key, struct reply *r) {
    static const char *const order[] = {"key", "db", "type", "elements", "bytes"};
    struct resp_item item = reply_next(r);
    bool named = item.kind == RESP_MAP;
    *key = (struct memory_key){.bytes = 0};
    for (int64_t i = 0; i < (reply_nests(&item) ? item.count : 0); i++) {
        struct slice field = SLICE("");
        if (named)
            field = reply_next(r).text;
        else if (i < (int64_t)countof(order))
            field = slice_of_cstr(order[i]);
        struct resp_item value = reply_next(r);
        if (reply_nests(&value))
            reply_skip(r, reply_children(&value));
        else
            key_field(key, field, value);
    }
}

bool memory_keys_parse(struct memory_keys *k, struct slice reply) {
    struct reply r = reply_of(reply);
    struct resp_item list = reply_next(&r);
    k->count = 0;
    if (list.kind != RESP_ARRAY || list.null) return false;
    for (int64_t i = 0; i < list.count && k->count < MEMORY_KEYS_MAX; i++) key_parse(&k->keys[k->count++], &r);
    return true;
}
