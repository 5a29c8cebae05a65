#include "base/check.h"
#include "base/num.h"
#include "commands/list_int.h"
#include "wire/resp.h"

/* ---- LSET ---- */
void list_lset_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct value v;
    struct db_edit e;
    int64_t index;
    uint64_t place;
    if (!list_target(c, key, &v)) return;
    if (!v.ptr) {
        reply_error(c->reply, ERROR_NO_KEY);
        return;
    }
    if (!context_integer(c, 2, &index)) return;
    if (!list_index(index, list_length(v), &place)) {
        reply_error(c->reply, ERROR_OUT_OF_RANGE);
        return;
    }
    if (!list_element(c, c->argv[3])) return;
    proven(context_edit(c, key, TYPE_LIST, &e));
    list_replace(&e.edit, place, c->argv[3]);
    reply_ok(c->reply);
    context_edit_end(c, key, &e, NOTIFY_LIST, "lset", 1);
}

/* ---- LINSERT ---- */
static bool find(struct value v, struct slice text, uint64_t *place) {
    struct list_sought sought = list_sought_of(text);
    struct list_cursor at;
    list_seek(v, 0, &at);
    for (*place = 0; !list_matches(&at, &sought); ++*place)
        if (!list_next(&at)) return false;
    return true;
}

void list_linsert_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct value v;
    struct db_edit e;
    uint64_t place;
    bool after = slice_is(c->argv[2], "AFTER");
    if (!after && !slice_is(c->argv[2], "BEFORE")) {
        context_syntax_error(c);
        return;
    }
    if (!list_element(c, c->argv[4]) || !list_target(c, key, &v)) return;
    if (!v.ptr || !find(v, c->argv[3], &place)) {
        reply_integer(c->reply, v.ptr ? -1 : 0);
        return;
    }
    proven(context_edit(c, key, TYPE_LIST, &e));
    list_insert(&e.edit, place + after, c->argv[4]);
    reply_integer(c->reply, (int64_t)list_length(e.edit.value));
    context_edit_end(c, key, &e, NOTIFY_LIST, "linsert", 1);
}

/* ---- LREM and LTRIM ---- */
void list_lrem_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    int64_t count;
    uint64_t deleted = 0;
    if (!context_integer(c, 2, &count) || !context_edit(c, key, TYPE_LIST, &e)) return;
    if (e.edit.value.ptr) {
        struct list_sought sought = list_sought_of(c->argv[3]);
        uint64_t most = count < 0 ? -(uint64_t)count : (uint64_t)count;
        deleted = list_delete_equal(&e.edit, &sought, most, count < 0 ? LIST_TAIL : LIST_HEAD);
    }
    context_edit_end(c, key, &e, NOTIFY_LIST, deleted ? "lrem" : NULL, deleted);
    reply_integer(c->reply, (int64_t)deleted);
}

/* Told also when there was nothing to trim; then it counts no change. */
void list_ltrim_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    int64_t start, stop;
    uint64_t from;
    if (!context_integer(c, 2, &start) || !context_integer(c, 3, &stop) || !context_edit(c, key, TYPE_LIST, &e)) return;
    if (!e.edit.value.ptr) {
        context_edit_end(c, key, &e, NOTIFY_LIST, NULL, 0);
        reply_ok(c->reply);
        return;
    }
    uint64_t length = list_length(e.edit.value), left = list_range(start, stop, length, &from);
    if (left == 0) from = 0;
    list_delete(&e.edit, from + left, length - from - left);
    if (e.edit.value.ptr) list_delete(&e.edit, 0, from);
    list_edit_end(c, key, &e, "ltrim", length - left);
    reply_ok(c->reply);
}

/* ---- LPOS ---- */
struct search {
    int64_t rank, count /* -1: not given */, most /* elements looked at; 0: all */;
};

static bool search_option(struct context *c, int i, struct search *s) {
    if (i + 1 < c->argc && slice_is(c->argv[i], "RANK")) {
        if (!context_integer_between(c, i + 1, -INT64_MAX, INT64_MAX, NULL, &s->rank)) return false;
        if (s->rank != 0) return true;
        reply_error(c->reply,
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
                    "negative to start from the end of the list");
        return false;
    }
    if (i + 1 < c->argc && slice_is(c->argv[i], "COUNT"))
        return context_integer_between(c, i + 1, 0, INT64_MAX, "ERR COUNT can't be negative", &s->count);
    if (i + 1 < c->argc && slice_is(c->argv[i], "MAXLEN"))
        return context_integer_between(c, i + 1, 0, INT64_MAX, "ERR MAXLEN can't be negative", &s->most);
    context_syntax_error(c);
    return false;
}

static void search_run(struct context *c, struct value v, const struct search *s) {
    struct list_sought sought = list_sought_of(c->argv[2]);
    uint64_t length = list_length(v), steps = length, skip = (uint64_t)(s->rank < 0 ? -s->rank : s->rank) - 1;
    int64_t found = 0, most = s->count < 0 ? 1 : s->count ? s->count : INT64_MAX;
    bool forward = s->rank > 0;
    struct list_cursor at;
    if (s->most > 0 && (uint64_t)s->most < length) steps = (uint64_t)s->most;
    size_t place = s->count < 0 ? 0 : reply_deferred(c->reply);
    list_seek(v, forward ? 0 : length - 1, &at);
    for (uint64_t i = 0; found < most; forward ? list_next(&at) : list_prev(&at)) {
        if (list_matches(&at, &sought) && (skip == 0 || skip-- == 0)) {
            reply_integer(c->reply, (int64_t)(forward ? i : length - 1 - i));
            found++;
        }
        if (++i == steps) break;
    }
    if (s->count >= 0)
        reply_deferred_set(c->reply, place, RESP_ARRAY, found);
    else if (found == 0)
        reply_null(c->reply);
}

void list_lpos_run(struct context *c) {
    struct search s = {.rank = 1, .count = -1};
    struct value v;
    for (int i = 3; i < c->argc; i += 2)
        if (!search_option(c, i, &s)) return;
    if (!list_view(c, context_key(c, 1), &v)) return;
    if (v.ptr)
        search_run(c, v, &s);
    else if (s.count >= 0)
        reply_array(c->reply, 0);
    else
        reply_null(c->reply);
}
