#include "base/check.h"
#include "commands/sort_int.h"
#include "exec/journal.h"
#include "values/list.h"

/* ---- the result, value by value: replied, or put into the list that STORE makes ---- */

#define FRAME_MAX 64 /* bytes around a bulk, or an array's head */

static bool no_memory(struct sort *s) {
    s->error = SORT_ERROR_MEMORY;
    return false;
}

static bool put_value(struct sort *s, bool found, struct slice text) {
    struct reply *r = s->c->reply;
    if (s->list) {
        if (!found) text = SLICE("");
        if (!list_holds(text)) return no_memory(s);
        list_push(s->list, LIST_TAIL, text);
        return true;
    }
    if (!buf_try_reserve(r->out, text.len + FRAME_MAX)) return no_memory(s);
    if (found)
        reply_bulk(r, text);
    else
        reply_null(r);
    return true;
}

static bool put_item(struct sort *s, struct slice element) {
    struct slice text;
    bool found;
    if (s->get_count == 0) return put_value(s, true, element);
    for (int i = 0; i < s->get_count; i++) {
        if (!sort_fetch_allowed(s, SORT_FETCH_COST) || !sort_look_up(s, &s->gets[i], element, &found, &text) ||
            !put_value(s, found, text))
            return false;
    }
    return true;
}

static bool put_all(struct sort *s) {
    for (size_t i = s->first; i < s->first + s->wanted; i++)
        if (!put_item(s, sort_item_text(s, &s->items[i]))) return false;
    return true;
}

/* ---- reply ---- */

bool sort_reply(struct sort *s) {
    int64_t each = s->get_count > 0 ? s->get_count : 1, n;
    if (__builtin_mul_overflow((int64_t)s->wanted, each, &n)) n = INT64_MAX; /* too many: an error follows */
    reply_array(s->c->reply, n);
    if (put_all(s)) return true;
    s->c->reply->out->len = s->c->reply_start;
    return false;
}

/* ---- STORE ---- */

static bool reads_fields(const struct sort *s) {
    for (int i = 0; i < s->get_count; i++)
        if (s->gets[i].kind == SORT_FIELD) return true;
    return s->by_key && s->by.kind == SORT_FIELD;
}

#define JOURNAL_CHUNK 128

/* Fields end by the clock, unseen by whoever reads the journal. So what has been made of them goes there, not the command. */
static void put_journal(struct sort *s, struct slice key, struct value v) {
    char digits[JOURNAL_CHUNK][NUM_TEXT_MAX];
    struct slice argv[2 + JOURNAL_CHUNK] = {SLICE("RPUSH"), key};
    struct list_cursor at;
    bool more = true;
    if (likely(!journal_wanted(s->c)) || !reads_fields(s)) return;
    journal_put(s->c, SLICE("DEL"), key);
    list_seek(v, 0, &at);
    while (more) {
        int n = 0;
        do argv[2 + n] = list_text(&at, digits[n]);
        while ((more = list_next(&at)) && ++n < JOURNAL_CHUNK);
        journal_effect(s->c, argv, more ? 2 + n : 3 + n);
    }
}

static void adopt(struct sort *s, struct value v) {
    struct context *c = s->c;
    struct key key = context_key(c, s->store_at);
    uint64_t n = list_length(v);
    if (v.ptr) {
        put_journal(s, key.text, v);
        db_put_value(c->db, key, v, NO_EXPIRE);
        context_changed(c, NOTIFY_LIST, "sortstore", key.text);
        context_count_changes(c, n - 1);
    } else if (db_delete(c->db, key)) {
        context_changed(c, NOTIFY_GENERIC, "del", key.text);
    }
    reply_integer(c->reply, (int64_t)n);
}

bool sort_store(struct sort *s) {
    struct value_edit list = value_edit_alone((struct value){NULL, TYPE_LIST, VALUE_PACK},
                                              dataset_limits(s->c->dataset), dataset_now(s->c->dataset));
    s->list = &list;
    bool made = put_all(s);
    s->list = NULL;
    dataset_settle(s->c->dataset, &list);
    if (made)
        adopt(s, list.value);
    else
        dataset_discard(s->c->dataset, list.value);
    return made;
}
