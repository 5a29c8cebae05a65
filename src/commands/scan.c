/* Walks over the keys of a database. */
#include "base/glob.h"
#include "commands/cursor.h"
#include "commands/generic_int.h"
#include "wire/resp.h"

/* ---- KEYS ---- */
struct listing {
    struct reply *reply;
    struct slice pattern;
    bool any; /* every name matches */
    int64_t replied;
};

static void list_key(void *arg, const struct entry *e) {
    struct listing *l = arg;
    struct slice key = entry_key(e);
    if (!l->any && !glob_match(l->pattern, key, false)) return;
    reply_bulk(l->reply, key);
    l->replied++;
}

void generic_keys_run(struct context *c) {
    struct listing l = {.reply = c->reply, .pattern = c->argv[1], .any = cursor_matches_any(c->argv[1])};
    size_t place = reply_deferred(c->reply);
    if (glob_is_literal(l.pattern)) {
        const struct entry *e = db_view(c->db, context_key(c, 1), VIEW_NO_TOUCH | VIEW_NO_STATS);
        if (e) list_key(&l, e);
    } else {
        db_each(c->db, list_key, &l);
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, l.replied);
}

void generic_randomkey_run(struct context *c) {
    const struct entry *e = db_random(c->db);
    if (e)
        reply_bulk(c->reply, entry_key(e));
    else
        reply_null(c->reply);
}

/* ---- SCAN ---- */
struct scan {
    struct cursor_walk walk;
    bool typed; /* only values of the type of this name */
    struct slice type;
};

static bool type_fits(const struct scan *s, const struct entry *e) {
    return !s->typed || slice_equal_nocase(s->type, slice_of_cstr(entry_type_name(entry_type(e))));
}

static void visit(void *arg, const struct entry *e) {
    struct scan *s = arg;
    if (cursor_wants(&s->walk, entry_key(e)) && type_fits(s, e)) cursor_put(&s->walk, entry_key(e));
}

static int type_option(struct context *c, int i, void *arg) {
    struct scan *s = arg;
    if (i + 1 == c->argc || !slice_is(c->argv[i], "TYPE")) return 0;
    s->type = c->argv[i + 1];
    s->typed = true;
    return 2;
}

void generic_scan_run(struct context *c) {
    struct scan s = {.typed = false};
    if (!cursor_begin(c, 1, &s.walk) || !cursor_options(c, 2, &s.walk, type_option, &s)) return;
    do s.walk.cursor = db_scan(c->db, s.walk.cursor, visit, &s);
    while (cursor_goes_on(&s.walk));
    cursor_reply(c, &s.walk);
}
