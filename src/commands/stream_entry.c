#include "commands/stream_int.h"

#include "base/check.h"
#include "exec/journal.h"

/* ---- XADD ---- */
struct added {
    struct stream_options options;
    struct stream_id id;
    bool automatic, automatic_seq; /* "*"; "ms-*" */
    int id_at;
};

#define ERROR_TOO_LARGE "ERR Elements are too large to be stored"

static bool add_id(struct context *c, struct added *a) {
    struct slice text = c->argv[a->id_at];
    a->automatic = slice_equal(text, SLICE("*"));
    if (a->automatic) return true;
    size_t n = text.len;
    a->automatic_seq = n > 2 && text.ptr[n - 1] == '*' && text.ptr[n - 2] == '-';
    a->id.seq = 0;
    if (a->automatic_seq ? num_parse_u64(slice_of(text.ptr, n - 2), &a->id.ms) : stream_id_parse(text, 0, &a->id))
        return true;
    reply_error(c->reply, ERROR_STREAM_ID);
    return false;
}

static bool add_arguments(struct context *c, struct added *a) {
    *a = (struct added){.id_at = 2};
    if (!stream_arg_options(c, true, &a->id_at, &a->options)) return false;
    if (a->id_at < c->argc && !add_id(c, a)) return false;
    if (!stream_arg_limit(c, &a->options)) return false;
    int fields = c->argc - a->id_at - 1;
    if (fields < 2 || fields % 2) {
        reply_error(c->reply, "ERR wrong number of arguments for 'xadd' command");
        return false;
    }
    if (a->automatic || a->automatic_seq || !stream_id_is_zero(a->id)) return true;
    reply_error(c->reply, "ERR The ID specified in XADD must be greater than 0-0");
    return false;
}

/* The ID that it gets; false after the error reply. */
static bool add_choose(struct context *c, const struct stream *s, struct added *a) {
    struct stream_id last = s ? s->last_id : STREAM_ID_MIN;
    if (stream_id_compare(last, STREAM_ID_MAX) == 0) {
        reply_error(c->reply, "ERR The stream has exhausted the last possible ID, unable to add more items");
        return false;
    }
    if (a->automatic) {
        a->id = (struct stream_id){(uint64_t)c->now_ms, 0};
        if (a->id.ms > last.ms) return true;
        a->id = last;
        return stream_id_next(&a->id);
    }
    if (a->automatic_seq && a->id.ms == last.ms && last.seq < UINT64_MAX) a->id.seq = last.seq + 1;
    if (stream_id_compare(a->id, last) > 0) return true;
    if (a->automatic_seq && a->id.ms == last.ms)
        reply_error(c->reply, ERROR_TOO_LARGE); /* as clients know it: no sequence number is left in this millisecond */
    else
        reply_error(c->reply, "ERR The ID specified in XADD is equal or smaller than the target stream top item");
    return false;
}

/* What was taken off, exactly: whatever nodes the journal's reader has. With ACKED, too, the first entries that may go are those
 * that went. */
static void journal_trim(struct context *c, uint64_t length, enum stream_refs refs) {
    char text[NUM_TEXT_MAX];
    if (!journal_wanted(c)) return;
    struct slice left = slice_of(text, num_format_u64(text, length));
    if (refs == STREAM_REFS_KEEP)
        journal_put(c, SLICE("XTRIM"), c->argv[1], SLICE("MAXLEN"), SLICE("="), left);
    else
        journal_put(c, SLICE("XTRIM"), c->argv[1], SLICE("MAXLEN"), SLICE("="), left, stream_refs_name(refs));
}

#define JOURNAL_FIELDS_MAX 64
static void journal_add(struct context *c, const struct added *a) {
    struct slice few[JOURNAL_FIELDS_MAX], *words = few;
    char id[STREAM_ID_TEXT_MAX];
    int fields = c->argc - a->id_at - 1, n = fields + 3;
    if (!journal_wanted(c)) return;
    if (n > JOURNAL_FIELDS_MAX) words = mem_alloc(MEM_AOF, (size_t)n * sizeof *words);
    words[0] = SLICE("XADD");
    words[1] = c->argv[1];
    words[2] = slice_of(id, stream_id_format(id, a->id));
    memcpy(words + 3, c->argv + a->id_at + 1, (size_t)fields * sizeof *words);
    journal_effect(c, words, n);
    if (words != few) mem_free(MEM_AOF, words, (size_t)n * sizeof *words);
}

/* Without memory for it, or beyond what a node can hold, an entry is refused before anything happens. */
static bool add_allowed(struct context *c, const struct stream *s, struct added *a) {
    if (!add_choose(c, s, a)) return false;
    if (stream_fits(c->argv + a->id_at + 1, (size_t)(c->argc - a->id_at - 1))) return true;
    reply_error(c->reply, ERROR_TOO_LARGE);
    return false;
}

void stream_add_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct added a;
    struct db_edit e;
    uint64_t trimmed = 0;
    if (!add_arguments(c, &a) || !context_edit(c, key, TYPE_STREAM, &e)) return;
    const struct stream *s = stream_of(e.edit.value);
    bool refused = !s && a.options.no_make;
    if (refused) reply_null(c->reply);
    if (refused || !add_allowed(c, s, &a)) {
        context_edit_end(c, key, &e, NOTIFY_STREAM, NULL, 0);
        return;
    }
    stream_append(&e.edit, a.id, c->argv + a.id_at + 1, (size_t)(c->argc - a.id_at - 1));
    if (a.options.trim.by != STREAM_TRIM_NONE) trimmed = stream_trim(&e.edit, &a.options.trim);
    uint64_t length = stream_length(stream_of(e.edit.value));
    stream_reply_id(c->reply, a.id);
    context_edit_end(c, key, &e, NOTIFY_STREAM, "xadd", 1);
    journal_add(c, &a);
    if (trimmed == 0) return;
    context_notify(c, NOTIFY_STREAM, "xtrim", key.text, db_index(c->db));
    journal_trim(c, length, a.options.trim.refs);
}

/* ---- reading ---- */
void stream_length_run(struct context *c) {
    const struct stream *s;
    if (stream_view(c, context_key(c, 1), &s)) reply_integer(c->reply, s ? (int64_t)stream_length(s) : 0);
}

static bool range_count(struct context *c, int64_t *count) {
    *count = -1;
    for (int i = 4; i < c->argc; i += 2) {
        if (!slice_is(c->argv[i], "COUNT") || i + 1 >= c->argc) {
            context_syntax_error(c);
            return false;
        }
        if (!context_integer(c, i + 1, count)) return false;
        if (*count < 0) *count = 0;
    }
    return true;
}

static void range(struct context *c, bool backward) {
    const struct stream *s;
    struct stream_id first, last;
    int64_t count;
    if (!stream_arg_first(c, backward ? 3 : 2, &first) || !stream_arg_last(c, backward ? 2 : 3, &last) ||
        !range_count(c, &count) || !stream_view(c, context_key(c, 1), &s))
        return;
    if (!s)
        reply_array(c->reply, 0);
    else if (count == 0)
        reply_null_array(c->reply);
    else
        stream_reply_range(c->reply, s, first, last, count < 0 ? 0 : (uint64_t)count, backward);
}

void stream_range_run(struct context *c) { range(c, false); }
void stream_reverse_range_run(struct context *c) { range(c, true); }

/* ---- XDEL, XTRIM, XSETID ---- */
void stream_delete_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct stream *s;
    struct stream_id id;
    struct db_edit e;
    uint64_t deleted = 0;
    if (!stream_view(c, key, &s)) return;
    for (int i = 2; s && i < c->argc; i++)
        if (!stream_arg_id(c, i, 0, &id)) return;
    if (s && context_edit(c, key, TYPE_STREAM, &e)) {
        for (int i = 2; i < c->argc; i++)
            if (stream_id_parse(c->argv[i], 0, &id)) deleted += stream_delete(&e.edit, id);
        context_edit_end(c, key, &e, NOTIFY_STREAM, deleted ? "xdel" : NULL, deleted);
    }
    reply_integer(c->reply, (int64_t)deleted);
}

void stream_trim_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct stream_options o;
    const struct stream *s;
    struct db_edit e;
    int i = 2;
    if (!stream_arg_options(c, false, &i, &o) || !stream_arg_limit(c, &o)) return;
    if (o.trim.by == STREAM_TRIM_NONE) {
        reply_error(c->reply, "ERR syntax error, XTRIM must be called with a trimming strategy");
        return;
    }
    if (!stream_view(c, key, &s)) return;
    if (!s || !context_edit(c, key, TYPE_STREAM, &e)) {
        reply_integer(c->reply, 0);
        return;
    }
    uint64_t trimmed = stream_trim(&e.edit, &o.trim), length = stream_length(stream_of(e.edit.value));
    reply_integer(c->reply, (int64_t)trimmed);
    context_edit_end(c, key, &e, NOTIFY_STREAM, trimmed ? "xtrim" : NULL, trimmed);
    if (trimmed) journal_trim(c, length, o.trim.refs);
}

struct set_id {
    struct stream_id last, max_deleted;
    int64_t added; /* -1: not given */
};

static bool set_id_arguments(struct context *c, struct set_id *a) {
    *a = (struct set_id){.added = -1};
    if (!stream_arg_id(c, 2, 0, &a->last)) return false;
    for (int i = 3; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && slice_is(c->argv[i], "ENTRIESADDED")) {
            if (!context_integer(c, i + 1, &a->added)) return false;
            if (a->added >= 0) continue;
            reply_error(c->reply, "ERR entries_added must be positive");
            return false;
        }
        if (!more || !slice_is(c->argv[i], "MAXDELETEDID")) {
            context_syntax_error(c);
            return false;
        }
        if (!stream_arg_id(c, i + 1, 0, &a->max_deleted)) return false;
        if (stream_id_compare(a->last, a->max_deleted) >= 0) continue;
        reply_error(c->reply, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        return false;
    }
    return true;
}

static const char *set_id_refused(const struct stream *s, const struct set_id *a) {
    if (stream_length(s) == 0) return NULL;
    if (stream_id_compare(a->last, stream_edge(s, true)) < 0)
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    if (a->added >= 0 && stream_length(s) > (uint64_t)a->added)
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    return NULL;
}

void stream_set_id_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct stream *s;
    struct set_id a;
    struct db_edit e;
    if (!set_id_arguments(c, &a) || !stream_view(c, key, &s)) return;
    const char *refused = s ? set_id_refused(s, &a) : ERROR_NO_KEY;
    if (refused) {
        reply_error(c->reply, refused);
        return;
    }
    if (!context_edit(c, key, TYPE_STREAM, &e)) return;
    s = stream_of(e.edit.value);
    stream_set_last_id(&e.edit, a.last, stream_id_is_zero(a.max_deleted) ? s->max_deleted_id : a.max_deleted,
                       a.added < 0 ? s->entries_added : (uint64_t)a.added);
    reply_ok(c->reply);
    stream_edit_end_quietly(c, key, &e, 1);
    context_notify(c, NOTIFY_STREAM, "xsetid", key.text, db_index(c->db));
}
