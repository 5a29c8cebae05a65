#include "survey.h"

#include "base/num.h"
#include "base/text.h"
#include "format.h"
#include "prompt.h"
#include "reply.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPES_MAX    32 /* of keys; modules may bring some */
#define TYPE_MAX     32 /* bytes of a type's name */
#define HOTTEST      16
#define PAGES_A_WAIT 100

/* ---- pages of SCAN ---- */
struct pages {
    struct session *session;
    struct buf pattern, keys; /* keys: the bytes of a page's keys, one after the other */
    char cursor[NUM_TEXT_MAX];
    size_t cursor_len;
    struct slice *page; /* into keys */
    size_t count, cap;
    uint64_t seen; /* keys so far */
    int turns;
    bool failed, ended;
};

static bool pages_begin(struct pages *p, struct session *s) {
    const struct options *o = s->options;
    *p = (struct pages){.session = s, .cursor = "0", .cursor_len = 1};
    buf_init(&p->pattern, MEM_CLIENT_OUT);
    buf_init(&p->keys, MEM_CLIENT_IN);
    if (o->pattern) buf_append_slice(&p->pattern, slice_of_cstr(o->pattern));
    if (o->quoted_pattern && !input_unquote(slice_of_cstr(o->quoted_pattern), &p->pattern)) {
        fputs("Invalid quoted string specified for --quoted-pattern.\n", stderr);
        return false;
    }
    return session_connect(s);
}

static void pages_end(struct pages *p) {
    buf_release(&p->pattern);
    buf_release(&p->keys);
    mem_free(MEM_CLIENT_IN, p->page, p->cap * sizeof *p->page);
}

static void pages_keep(struct pages *p, struct slice reply) {
    struct reply r = reply_of(reply);
    reply_next(&r);
    struct slice cursor = reply_next(&r).text;
    p->cursor_len = cursor.len < sizeof p->cursor ? cursor.len : 0;
    memcpy(p->cursor, cursor.ptr, p->cursor_len);
    struct resp_item keys = reply_next(&r);
    p->count = (size_t)reply_children(&keys);
    if (p->count > p->cap) {
        p->page = mem_realloc(MEM_CLIENT_IN, p->page, p->cap * sizeof *p->page, p->count * sizeof *p->page);
        p->cap = p->count;
    }
    buf_clear(&p->keys);
    buf_reserve(&p->keys, reply.len); /* the page points into it: it must not move */
    for (size_t i = 0; i < p->count; i++) {
        struct slice key = reply_next(&r).text;
        p->page[i] = slice_of(p->keys.ptr + p->keys.len, key.len);
        buf_append_slice(&p->keys, key);
    }
    p->seen += p->count;
}

static bool is_page(struct slice reply) {
    struct reply r = reply_of(reply);
    struct resp_item outer = reply_next(&r);
    if (reply_children(&outer) != 2 || reply_nests(&outer) != true) return false;
    struct resp_item cursor = reply_next(&r);
    if (reply_nests(&cursor)) return false;
    struct resp_item keys = reply_next(&r);
    if (!reply_nests(&keys)) return false;
    for (int64_t i = reply_children(&keys); i > 0; i--) {
        struct resp_item key = reply_next(&r);
        if (reply_nests(&key)) return false;
    }
    return true;
}

static bool pages_fail(struct pages *p, struct slice reply) {
    struct slice text = reply_is_error(reply) ? reply_text(reply) : SLICE("not what SCAN answers");
    fprintf(stderr, "Error: %.*s\n", (int)text.len, text.ptr);
    p->failed = true;
    return false;
}

/* The next page, which may be empty. False at the end, or when the server fails us. */
static bool pages_next(struct pages *p) {
    char number[NUM_TEXT_MAX];
    struct slice words[6] = {SLICE("SCAN"), slice_of(p->cursor, p->cursor_len)}, reply;
    int count = 2;
    if (p->ended) return false;
    if (p->turns++ > 0 && (p->session->options->mode == survey_list || p->turns % PAGES_A_WAIT == 0))
        session_wait(p->session, 0);
    if (p->pattern.len > 0) {
        words[count++] = SLICE("MATCH");
        words[count++] = buf_slice(&p->pattern);
    }
    if (p->session->options->scan_count > 0) {
        words[count++] = SLICE("COUNT");
        words[count++] = slice_of(number, num_format_i64(number, p->session->options->scan_count));
    }
    p->failed = !session_ask(p->session, words, count, &reply);
    if (p->failed) return false;
    if (!is_page(reply)) return pages_fail(p, reply);
    pages_keep(p, reply);
    p->ended = p->cursor_len == 1 && p->cursor[0] == '0';
    return true;
}

/* Percent of the keyspace walked before this page, as it has always been told. */
static double share_before(const struct pages *p, uint64_t total) {
    double share = total ? 100.0 * (double)(p->seen - p->count) / (double)total : 100;
    return share > 100 ? 100 : share;
}

/* ---- --scan ---- */
static void list_key(struct session *s, struct slice key) {
    struct buf text;
    buf_init(&text, MEM_CLIENT_OUT);
    if (s->output == OUTPUT_PLAIN)
        format_quoted(&text, key);
    else
        buf_append_slice(&text, key);
    buf_append(&text, "\n", 1);
    fwrite(text.ptr, 1, text.len, stdout);
    buf_release(&text);
}

int survey_list(struct session *s) {
    struct pages p;
    bool ok = pages_begin(&p, s);
    while (ok && pages_next(&p))
        for (size_t i = 0; i < p.count; i++) list_key(s, p.page[i]);
    ok = ok && !p.failed;
    pages_end(&p);
    return ok ? 0 : 1;
}

/* ---- --bigkeys, --memkeys ---- */
struct type {
    char name[TYPE_MAX];
    const char *question, *unit; /* what tells its size, and in which unit; NULL: no command does */
    uint64_t keys, size;
    int64_t biggest; /* -1: none yet */
    struct buf biggest_key;
};

struct census {
    struct pages pages;
    struct type types[TYPES_MAX];
    int type_count;
    struct type **of_key; /* the types of a page's keys */
    size_t cap;
    bool by_memory;
    uint64_t total, key_bytes;
};

static const struct {
    const char *name, *question, *unit;
} known_types[] = {
    {"string", "STRLEN", "bytes"}, {"list", "LLEN", "items"},    {"set", "SCARD", "members"},
    {"hash", "HLEN", "fields"},    {"zset", "ZCARD", "members"}, {"stream", "XLEN", "entries"},
};

static struct type *census_type(struct census *c, struct slice name) {
    for (int i = 0; i < c->type_count; i++)
        if (slice_equal(name, slice_of_cstr(c->types[i].name))) return &c->types[i];
    if (c->type_count == TYPES_MAX || name.len >= TYPE_MAX) return NULL;
    struct type *t = &c->types[c->type_count++];
    *t = (struct type){.biggest = -1};
    memcpy(t->name, name.ptr, name.len);
    buf_init(&t->biggest_key, MEM_CLIENT_IN);
    for (size_t i = 0; i < countof(known_types); i++) {
        if (!slice_equal(name, slice_of_cstr(known_types[i].name))) continue;
        t->question = known_types[i].question;
        t->unit = known_types[i].unit;
    }
    if (c->by_memory) t->unit = "bytes";
    return t;
}

static bool ask_types(struct census *c) {
    struct pages *p = &c->pages;
    struct slice reply;
    if (p->count > c->cap) {
        c->of_key = mem_realloc(MEM_CLIENT_IN, c->of_key, c->cap * sizeof *c->of_key, p->count * sizeof *c->of_key);
        c->cap = p->count;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct slice words[2] = {SLICE("TYPE"), p->page[i]};
        if (!session_send(p->session, words, 2)) return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (!session_receive(p->session, &reply)) return false;
        if (reply_is_error(reply)) return pages_fail(p, reply);
        struct slice name = reply_text(reply);
        c->of_key[i] = slice_is(name, "none") ? NULL : census_type(c, name); /* gone in the meantime */
    }
    return true;
}

static bool send_size(struct census *c, const struct type *t, struct slice key) {
    const struct options *o = c->pages.session->options;
    char number[NUM_TEXT_MAX];
    struct slice words[5] = {SLICE("MEMORY"), SLICE("USAGE"), key, SLICE("SAMPLES")};
    if (!c->by_memory) {
        struct slice question[2] = {slice_of_cstr(t->question), key};
        return session_send(c->pages.session, question, 2);
    }
    words[4] = slice_of(number, num_format_i64(number, o->samples));
    return session_send(c->pages.session, words, o->samples >= 0 ? 5 : 3);
}

static void print_quoted(struct slice key) {
    size_t room = 4 * key.len + 2;
    char *text = mem_alloc(MEM_CLIENT_OUT, room);
    printf("%.*s", (int)text_quote(text, key), text);
    mem_free(MEM_CLIENT_OUT, text, room);
}

static void note_size(struct census *c, struct type *t, struct slice key, int64_t size, double percent) {
    t->keys++;
    t->size += (uint64_t)size;
    c->key_bytes += key.len;
    if (size <= t->biggest) return;
    t->biggest = size;
    buf_clear(&t->biggest_key);
    buf_append_slice(&t->biggest_key, key);
    printf("[%05.2f%%] Biggest %-6s found so far '", percent, t->name);
    print_quoted(key);
    printf("' with %lld %s\n", (long long)size, t->unit ? t->unit : "?");
    fflush(stdout);
}

static bool ask_sizes(struct census *c, double percent) {
    struct pages *p = &c->pages;
    struct slice reply;
    for (size_t i = 0; i < p->count; i++) {
        struct type *t = c->of_key[i];
        if (t && (c->by_memory || t->question) && !send_size(c, t, p->page[i])) return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct type *t = c->of_key[i];
        if (!t) continue;
        int64_t size = 0;
        if (c->by_memory || t->question) {
            if (!session_receive(p->session, &reply)) return false;
            size = reply_number(reply); /* 0 for an error: the key has got another type */
        }
        note_size(c, t, p->page[i], size, percent);
    }
    return true;
}

static void print_summary(const struct census *c) {
    uint64_t keys = c->pages.seen;
    printf("\n-------- summary -------\n\nSampled %llu keys in the keyspace!\n", (unsigned long long)keys);
    printf("Total key length in bytes is %llu (avg len %.2f)\n\n", (unsigned long long)c->key_bytes,
           keys ? (double)c->key_bytes / (double)keys : 0);
    for (int i = 0; i < c->type_count; i++) {
        const struct type *t = &c->types[i];
        if (t->biggest < 0) continue;
        printf("Biggest %6s found '", t->name);
        print_quoted(buf_slice(&t->biggest_key));
        printf("' has %lld %s\n", (long long)t->biggest, t->unit ? t->unit : "?");
    }
    puts("");
    for (int i = 0; i < c->type_count; i++) {
        const struct type *t = &c->types[i];
        printf("%llu %ss with %llu %s (%05.2f%% of keys, avg size %.2f)\n", (unsigned long long)t->keys, t->name,
               (unsigned long long)t->size, t->unit ? t->unit : "?", keys ? 100.0 * (double)t->keys / (double)keys : 0,
               t->keys ? (double)t->size / (double)t->keys : 0);
    }
}

static bool ask_total(struct session *s, uint64_t *total) {
    struct slice dbsize = SLICE("DBSIZE"), reply;
    if (!session_ask(s, &dbsize, 1, &reply)) return false;
    *total = reply_is_error(reply) ? 0 : (uint64_t)reply_number(reply);
    return true;
}

static void print_heading(const char *looked_for) {
    printf("\n# Scanning the entire keyspace to find %s keys as well as\n"
           "# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n"
           "# per 100 SCAN commands (not usually needed).\n\n",
           looked_for);
}

static int census_run(struct session *s, bool by_memory) {
    struct census c = {.by_memory = by_memory};
    bool ok = pages_begin(&c.pages, s) && ask_total(s, &c.total);
    for (size_t i = 0; i < countof(known_types); i++) census_type(&c, slice_of_cstr(known_types[i].name));
    if (ok) print_heading("biggest");
    while (ok && pages_next(&c.pages)) ok = ask_types(&c) && ask_sizes(&c, share_before(&c.pages, c.total));
    ok = ok && !c.pages.failed;
    if (ok) print_summary(&c);
    for (int i = 0; i < c.type_count; i++) buf_release(&c.types[i].biggest_key);
    mem_free(MEM_CLIENT_IN, c.of_key, c.cap * sizeof *c.of_key);
    pages_end(&c.pages);
    return ok ? 0 : 1;
}

int survey_big(struct session *s) { return census_run(s, false); }

int survey_memory(struct session *s) { return census_run(s, true); }

/* ---- --hotkeys ---- */
struct hot {
    int64_t counter;
    struct buf key;
};

/* The list is kept by counter, the hottest first; its buffers only change places. */
static bool note_hot(struct hot *list, int64_t counter, struct slice key) {
    struct hot *last = &list[HOTTEST - 1], kept;
    if (counter <= last->counter) return false;
    last->counter = counter;
    buf_clear(&last->key);
    buf_append_slice(&last->key, key);
    for (; last > list && last[-1].counter < counter; last--) {
        kept = last[-1];
        last[-1] = last[0];
        last[0] = kept;
    }
    return true;
}

static bool ask_heat(struct pages *p, struct hot *list, double percent) {
    struct slice reply;
    for (size_t i = 0; i < p->count; i++) {
        struct slice words[3] = {SLICE("OBJECT"), SLICE("FREQ"), p->page[i]};
        if (!session_send(p->session, words, 3)) return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (!session_receive(p->session, &reply)) return false;
        bool gone = reply_is_error(reply) && slice_equal(reply_text(reply), SLICE("ERR no such key"));
        if (reply_is_error(reply) && !gone) return pages_fail(p, reply);
        int64_t counter = gone ? 0 : reply_number(reply);
        if (!note_hot(list, counter, p->page[i])) continue;
        printf("[%05.2f%%] Hot key '", percent);
        print_quoted(p->page[i]);
        printf("' found so far with counter %lld\n", (long long)counter);
    }
    return true;
}

int survey_hot(struct session *s) {
    struct pages p;
    struct hot list[HOTTEST];
    uint64_t total = 0;
    bool ok = pages_begin(&p, s) && ask_total(s, &total);
    for (int i = 0; i < HOTTEST; i++) {
        list[i].counter = 0;
        buf_init(&list[i].key, MEM_CLIENT_IN);
    }
    if (ok) print_heading("hot");
    while (ok && pages_next(&p)) ok = ask_heat(&p, list, share_before(&p, total));
    ok = ok && !p.failed;
    if (ok) printf("\n-------- summary -------\n\nSampled %llu keys in the keyspace!\n", (unsigned long long)p.seen);
    for (int i = 0; i < HOTTEST; i++) {
        if (ok && list[i].counter > 0) {
            printf("hot key found with counter: %lld\tkeyname: ", (long long)list[i].counter);
            print_quoted(buf_slice(&list[i].key));
            puts("");
        }
        buf_release(&list[i].key);
    }
    pages_end(&p);
    return ok ? 0 : 1;
}
