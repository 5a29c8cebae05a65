#include "base/check.h"
#include "base/num.h"
#include "commands/list_int.h"

/* ---- keys ---- */
static bool list_found(struct context *c, const struct entry *e, struct value *v) {
    *v = (struct value){.type = TYPE_LIST, .form = VALUE_PACK};
    if (unlikely(e && entry_type(e) != TYPE_LIST)) {
        reply_error(c->reply, ERROR_WRONGTYPE);
        return false;
    }
    if (e) *v = entry_object(e);
    return true;
}

bool list_target(struct context *c, struct key key, struct value *v) {
    return list_found(c, db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS), v);
}

bool list_view(struct context *c, struct key key, struct value *v) { return list_found(c, context_view(c, key), v); }

bool list_element(struct context *c, struct slice text) {
    if (likely(list_holds(text))) return true;
    reply_error(c->reply, text.len > LIST_ELEMENT_MAX ? "ERR Element too large"
                                                      : "ERR not enough memory for an element of this length");
    return false;
}

void list_edit_end(struct context *c, struct key key, struct db_edit *e, const char *event, uint64_t changes) {
    enum db_edited end = db_edit_end(c->db, key, e, true);
    context_count_changes(c, changes);
    context_notify(c, NOTIFY_LIST, event, key.text, db_index(c->db));
    if (end == DB_EDIT_REMOVED) context_notify(c, NOTIFY_GENERIC, "del", key.text, db_index(c->db));
}

bool list_index(int64_t index, uint64_t length, uint64_t *out) {
    if (index < 0) index += (int64_t)length;
    *out = (uint64_t)index;
    return index >= 0 && *out < length;
}

uint64_t list_range(int64_t start, int64_t stop, uint64_t length, uint64_t *from) {
    int64_t n = (int64_t)length;
    if (start < 0) start = start + n < 0 ? 0 : start + n;
    if (stop < 0) stop += n;
    if (stop >= n) stop = n - 1;
    *from = (uint64_t)start;
    return start > stop ? 0 : (uint64_t)(stop - start) + 1;
}

/* ---- pushing ---- */
static void push_run(struct context *c, enum list_end end, bool only_present) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    size_t bytes = 0;
    for (int i = 2; i < c->argc; i++) {
        bytes += c->argv[i].len;
        if (!list_element(c, c->argv[i])) return;
    }
    if (!context_edit(c, key, TYPE_LIST, &e)) return;
    bool pushes = !only_present || e.edit.value.ptr;
    if (pushes) {
        list_expect(&e.edit, bytes, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++) list_push(&e.edit, end, c->argv[i]);
    }
    reply_integer(c->reply, (int64_t)list_length(e.edit.value));
    context_edit_end(c, key, &e, NOTIFY_LIST, pushes ? list_push_event(end) : NULL, pushes ? (uint64_t)c->argc - 2 : 0);
}

void list_lpush_run(struct context *c) { push_run(c, LIST_HEAD, false); }

void list_rpush_run(struct context *c) { push_run(c, LIST_TAIL, false); }

void list_lpushx_run(struct context *c) { push_run(c, LIST_HEAD, true); }

void list_rpushx_run(struct context *c) { push_run(c, LIST_TAIL, true); }

/* ---- popping ---- */
bool list_end_argument(struct context *c, int i, enum list_end *end) {
    bool is_left = slice_is(c->argv[i], "LEFT");
    *end = is_left ? LIST_HEAD : LIST_TAIL;
    if (is_left || slice_is(c->argv[i], "RIGHT")) return true;
    context_syntax_error(c);
    return false;
}

void list_reply(struct context *c, struct value v, enum list_end end, uint64_t n) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor at;
    proven(n > 0 && n <= list_length(v));
    list_seek(v, end == LIST_HEAD ? 0 : list_length(v) - 1, &at);
    for (;;) {
        reply_bulk(c->reply, list_text(&at, scratch));
        if (--n == 0) return;
        proven(end == LIST_HEAD ? list_next(&at) : list_prev(&at));
    }
}

static uint64_t pop_of(struct context *c, struct key key, struct db_edit *e, enum list_end end, uint64_t n,
                       bool is_array) {
    uint64_t length = list_length(e->edit.value);
    if (n > length) n = length;
    if (is_array) reply_array(c->reply, (int64_t)n);
    list_reply(c, e->edit.value, end, n);
    list_delete(&e->edit, end == LIST_HEAD ? 0 : length - n, n);
    context_edit_end(c, key, e, NOTIFY_LIST, list_pop_event(end), n);
    return n;
}

uint64_t list_pop(struct context *c, struct key key, enum list_end end, uint64_t n, bool is_array) {
    struct db_edit e;
    proven(context_edit(c, key, TYPE_LIST, &e) && e.edit.value.ptr);
    return pop_of(c, key, &e, end, n, is_array);
}

static void pop_run(struct context *c, enum list_end end) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    int64_t n = 1;
    bool counted = c->argc == 3;
    if (c->argc > 3) {
        reply_error_format(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
        return;
    }
    if (counted && !context_integer_between(c, 2, 0, INT64_MAX, "ERR value is out of range, must be positive", &n))
        return;
    if (!context_edit(c, key, TYPE_LIST, &e)) return;
    if (e.edit.value.ptr && n > 0) {
        pop_of(c, key, &e, end, (uint64_t)n, counted);
        return;
    }
    if (!e.edit.value.ptr && counted)
        reply_null_array(c->reply);
    else if (counted)
        reply_array(c->reply, 0);
    else
        reply_null(c->reply);
    context_edit_end(c, key, &e, NOTIFY_LIST, NULL, 0);
}

void list_lpop_run(struct context *c) { pop_run(c, LIST_HEAD); }

void list_rpop_run(struct context *c) { pop_run(c, LIST_TAIL); }

/* ---- reading ---- */
void list_llen_run(struct context *c) {
    struct value v;
    if (list_view(c, context_key(c, 1), &v)) reply_integer(c->reply, (int64_t)list_length(v));
}

void list_lindex_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor at;
    struct value v;
    int64_t index;
    uint64_t place;
    if (!list_view(c, context_key(c, 1), &v)) return;
    if (v.ptr && !context_integer(c, 2, &index)) return;
    if (!v.ptr || !list_index(index, list_length(v), &place)) {
        reply_null(c->reply);
        return;
    }
    list_seek(v, place, &at);
    reply_bulk(c->reply, list_text(&at, scratch));
}

void list_lrange_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor at;
    struct value v;
    int64_t start, stop;
    uint64_t from;
    if (!context_integer(c, 2, &start) || !context_integer(c, 3, &stop) || !list_view(c, context_key(c, 1), &v)) return;
    uint64_t n = list_range(start, stop, list_length(v), &from);
    reply_array(c->reply, (int64_t)n);
    if (n == 0) return;
    list_seek(v, from, &at);
    for (;;) {
        reply_bulk(c->reply, list_text(&at, scratch));
        if (--n == 0) return;
        proven(list_next(&at));
    }
}
