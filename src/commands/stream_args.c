#include "commands/stream_int.h"

#include "base/check.h"
#include "exec/journal.h"
#include "wire/resp.h"

/* ---- IDs ---- */
static struct slice behind(struct slice text) { return slice_of(text.ptr + 1, text.len - 1); }
static bool is_blank(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

/* Unlike other numbers, these may begin with blanks, a plus and zeros. */
static bool id_number(struct slice text, uint64_t *out) {
    while (text.len > 1 && is_blank(text.ptr[0])) text = behind(text);
    if (text.len > 1 && text.ptr[0] == '+') text = behind(text);
    while (text.len > 1 && text.ptr[0] == '0') text = behind(text);
    return num_parse_u64(text, out);
}

bool stream_id_parse(struct slice text, uint64_t seq, struct stream_id *id) {
    const char *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
    if (!dash) {
        id->seq = seq;
        return id_number(text, &id->ms);
    }
    size_t n = (size_t)(dash - text.ptr);
    return id_number(slice_of(text.ptr, n), &id->ms) && id_number(slice_of(dash + 1, text.len - n - 1), &id->seq);
}

bool stream_arg_id(struct context *c, int i, uint64_t seq, struct stream_id *id) {
    if (stream_id_parse(c->argv[i], seq, id)) return true;
    reply_error(c->reply, ERROR_STREAM_ID);
    return false;
}

bool stream_arg_id_or_edge(struct context *c, int i, uint64_t seq, struct stream_id *id) {
    bool low = slice_equal(c->argv[i], SLICE("-")), high = slice_equal(c->argv[i], SLICE("+"));
    if (!low && !high) return stream_arg_id(c, i, seq, id);
    *id = low ? STREAM_ID_MIN : STREAM_ID_MAX;
    return true;
}

static bool exclusive(struct context *c, int i, uint64_t seq, struct stream_id *id) {
    struct slice text = c->argv[i];
    if (stream_id_parse(slice_of(text.ptr + 1, text.len - 1), seq, id)) return true;
    reply_error(c->reply, ERROR_STREAM_ID);
    return false;
}

static bool is_exclusive(struct slice text) { return text.len > 1 && text.ptr[0] == '('; }

bool stream_arg_first(struct context *c, int i, struct stream_id *id) {
    if (!is_exclusive(c->argv[i])) return stream_arg_id_or_edge(c, i, 0, id);
    if (!exclusive(c, i, 0, id)) return false;
    if (stream_id_next(id)) return true;
    reply_error(c->reply, "ERR invalid start ID for the interval");
    return false;
}

bool stream_arg_last(struct context *c, int i, struct stream_id *id) {
    if (!is_exclusive(c->argv[i])) return stream_arg_id_or_edge(c, i, UINT64_MAX, id);
    if (!exclusive(c, i, UINT64_MAX, id)) return false;
    if (stream_id_previous(id)) return true;
    reply_error(c->reply, "ERR invalid end ID for the interval");
    return false;
}

/* ---- trimming ---- */
static bool threshold(struct context *c, int i, struct stream_trim *t) {
    int64_t length;
    if (t->by == STREAM_TRIM_ID) return stream_arg_id(c, i, 0, &t->id);
    if (!context_integer(c, i, &length)) return false;
    t->length = (uint64_t)length;
    if (length >= 0) return true;
    reply_error(c->reply, "ERR The MAXLEN argument must be >= 0.");
    return false;
}

/* MAXLEN|MINID [=|~] threshold; *i is then at its last argument. */
static bool strategy(struct context *c, int *i, enum stream_trim_by by, struct stream_trim *t) {
    if (t->by != STREAM_TRIM_NONE) {
        reply_error(c->reply, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
        return false;
    }
    *t = (struct stream_trim){.by = by, .limit = t->limit, .refs = t->refs};
    bool nearly = slice_equal(c->argv[*i + 1], SLICE("~"));
    if (*i + 2 < c->argc && (nearly || slice_equal(c->argv[*i + 1], SLICE("=")))) {
        t->nearly = nearly;
        ++*i;
    }
    return threshold(c, ++*i, t);
}

static bool limit_option(struct context *c, int i, struct stream_trim *t) {
    int64_t limit;
    if (!context_integer(c, i, &limit)) return false;
    t->limit = (uint64_t)limit;
    if (limit >= 0) return true;
    reply_error(c->reply, "ERR The LIMIT argument must be >= 0.");
    return false;
}

/* Without a limit, what one command does is bounded all the same: by a hundred nodes' entries. */
bool stream_arg_limit(struct context *c, struct stream_options *o) {
    struct stream_trim *t = &o->trim;
    bool given = o->limited;
    const char *why = t->by == STREAM_TRIM_NONE
                          ? "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
                          : "ERR syntax error, LIMIT cannot be used without the special ~ option";
    if (given && !t->nearly) {
        reply_error(c->reply, why);
        return false;
    }
    if (given || !t->nearly) return true;
    int64_t entries = dataset_limits(c->dataset)->stream_node_max_entries;
    t->limit = entries <= 0 ? 10000 : entries > 10000 ? 1000000 : (uint64_t)entries * 100;
    return true;
}

bool stream_arg_options(struct context *c, bool adding, int *i, struct stream_options *o) {
    bool limited = false, ok = true;
    *o = (struct stream_options){.no_make = false};
    for (; ok && *i < c->argc; ++*i) {
        struct slice word = c->argv[*i];
        bool more = *i + 1 < c->argc;
        if (adding && slice_equal(word, SLICE("*"))) break;
        if (more && slice_is(word, "MAXLEN")) {
            ok = strategy(c, i, STREAM_TRIM_LENGTH, &o->trim);
        } else if (more && slice_is(word, "MINID")) {
            ok = strategy(c, i, STREAM_TRIM_ID, &o->trim);
        } else if (more && slice_is(word, "LIMIT")) {
            ok = limit_option(c, ++*i, &o->trim);
            limited = true;
        } else if (adding && slice_is(word, "NOMKSTREAM")) {
            o->no_make = true;
        } else if (!o->refs_given && stream_refs_word(word, &o->trim.refs)) {
            o->refs_given = true;
        } else {
            if (adding) break;
            context_syntax_error(c);
            return false;
        }
    }
    o->limited = limited;
    return ok;
}

/* ---- replies ---- */
void stream_reply_id(struct reply *r, struct stream_id id) {
    char text[STREAM_ID_TEXT_MAX];
    reply_bulk(r, slice_of(text, stream_id_format(text, id)));
}

void stream_reply_entry(struct reply *r, struct stream_reader *reader) {
    struct slice field, value;
    reply_array(r, 2);
    stream_reply_id(r, reader->id);
    reply_array(r, (int64_t)(reader->field_count * 2));
    while (stream_read_field(reader, &field, &value)) {
        reply_bulk(r, field);
        reply_bulk(r, value);
    }
}

void stream_reply_end(struct reply *r, size_t place, bool map, int64_t n) {
    reply_deferred_set(r, place, map ? RESP_MAP : RESP_ARRAY, n);
}

void stream_reply_range(struct reply *r, const struct stream *s, struct stream_id first, struct stream_id last,
                        uint64_t count, bool backward) {
    struct stream_reader reader;
    size_t place = reply_deferred(r);
    int64_t n = 0;
    stream_read(&reader, s, first, last, backward);
    while ((count == 0 || (uint64_t)n < count) && stream_read_next(&reader)) {
        stream_reply_entry(r, &reader);
        n++;
    }
    reply_deferred_set(r, place, RESP_ARRAY, n);
}

bool stream_view(struct context *c, struct key key, const struct stream **s) {
    const struct entry *e;
    *s = NULL;
    if (!context_view_type(c, key, TYPE_STREAM, &e)) return false;
    if (e) *s = stream_of(entry_object(e));
    return true;
}

void stream_reply_no_group(struct context *c, struct slice key, struct slice group) {
    reply_error_format(c->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'", (int)key.len, key.ptr,
                       (int)group.len, group.ptr);
}

/* ---- edits ---- */
void stream_edit_end_quietly(struct context *c, struct key key, struct db_edit *e, uint64_t changes) {
    db_edit_end(c->db, key, e, false);
    if (changes) context_count_changes(c, changes);
}

void stream_journal_delivery(struct context *c, const struct stream_delivery *d, bool consumer_made) {
    journal_silence(c);
    if (consumer_made) journal_put(c, SLICE("XGROUP"), SLICE("CREATECONSUMER"), d->key, d->group, d->consumer);
}

void stream_journal_claim(struct context *c, const struct stream_delivery *d, const struct stream_group *g,
                          struct stream_id pending) {
    char id[STREAM_ID_TEXT_MAX], last[STREAM_ID_TEXT_MAX], time[NUM_TEXT_MAX], count[NUM_TEXT_MAX];
    if (!journal_wanted(c)) return;
    const struct stream_nack *n = stream_pending_find(g, pending);
    journal_put(c, SLICE("XCLAIM"), d->key, d->group, d->consumer, SLICE("0"),
                slice_of(id, stream_id_format(id, n->id)), SLICE("TIME"),
                slice_of(time, num_format_i64(time, stream_nack_time(n))), SLICE("RETRYCOUNT"),
                slice_of(count, num_format_u64(count, stream_nack_count(n))), SLICE("FORCE"), SLICE("JUSTID"),
                SLICE("LASTID"), slice_of(last, stream_id_format(last, g->last_id)));
}

void stream_journal_group(struct context *c, struct slice key, const struct stream_group *g) {
    char id[STREAM_ID_TEXT_MAX], read[NUM_TEXT_MAX];
    if (!journal_wanted(c)) return;
    journal_put(c, SLICE("XGROUP"), SLICE("SETID"), key, stream_group_name(g),
                slice_of(id, stream_id_format(id, g->last_id)), SLICE("ENTRIESREAD"),
                slice_of(read, num_format_i64(read, g->entries_read)));
}
