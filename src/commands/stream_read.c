#include "commands/stream_int.h"

#include "base/check.h"
#include "exec/blocking.h"

/* XREAD and XREADGROUP: keys[i] is read from ids[i] on, not included. */
struct reading {
    bool grouped, no_ack;
    uint64_t count;    /* 0: all */
    int64_t block_ms;  /* -1: not at all; 0: for ever */
    int keys_at, keys; /* the first key's argument, and how many */
    struct slice group, consumer;
};

/* Where to read from, of each key: what a waiting session keeps. */
struct read_from {
    size_t n;
    struct {
        struct stream_id id;
        bool undelivered; /* ">" */
    } of[];
};

static struct read_from *from_new(size_t n) {
    struct read_from *f = mem_alloc(MEM_CLIENT, sizeof *f + n * sizeof f->of[0]);
    f->n = n;
    return f;
}

static void from_free(void *state) {
    struct read_from *f = state;
    mem_free(MEM_CLIENT, f, sizeof *f + f->n * sizeof f->of[0]);
}

/* ---- arguments ---- */
static bool block_option(struct context *c, int i, struct reading *r) {
    if (!num_parse_i64(c->argv[i], &r->block_ms))
        reply_error(c->reply, "ERR timeout is not an integer or out of range");
    else if (r->block_ms < 0)
        reply_error(c->reply, "ERR timeout is negative");
    else if (r->block_ms > INT64_MAX - c->now_ms)
        reply_error(c->reply, "ERR timeout is out of range");
    else
        return true;
    return false;
}

static bool count_option(struct context *c, int i, struct reading *r) {
    int64_t count;
    if (!context_integer(c, i, &count)) return false;
    r->count = count < 0 ? 0 : (uint64_t)count;
    return true;
}

static bool only_grouped(struct context *c, const struct reading *r, const char *option) {
    if (!r->grouped)
        reply_error_format(c->reply, "ERR The %s option is only supported by XREADGROUP. You called XREAD instead.",
                           option);
    return r->grouped;
}

static bool streams_option(struct context *c, int i, struct reading *r) {
    int rest = c->argc - i - 1;
    r->keys_at = i + 1;
    r->keys = rest / 2;
    if (rest % 2 == 0) return true;
    reply_error_format(
        c->reply, "ERR Unbalanced %s list of streams: for each stream key an ID or '$' must be specified.", "XREAD");
    return false;
}

static bool read_arguments(struct context *c, bool grouped, struct reading *r) {
    *r = (struct reading){.grouped = grouped, .block_ms = -1};
    for (int i = 1; i < c->argc && r->keys_at == 0; i++) {
        struct slice word = c->argv[i];
        int more = c->argc - i - 1;
        if (slice_is(word, "BLOCK") && more) {
            if (!block_option(c, ++i, r)) return false;
        } else if (slice_is(word, "COUNT") && more) {
            if (!count_option(c, ++i, r)) return false;
        } else if (slice_is(word, "STREAMS") && more) {
            if (!streams_option(c, i, r)) return false;
        } else if (slice_is(word, "GROUP") && more >= 2) {
            if (!only_grouped(c, r, "GROUP")) return false;
            r->group = c->argv[i + 1];
            r->consumer = c->argv[i + 2];
            i += 2;
        } else if (slice_is(word, "NOACK")) {
            if (!only_grouped(c, r, "NOACK")) return false;
            r->no_ack = true;
        } else {
            break;
        }
    }
    if (r->keys_at == 0)
        context_syntax_error(c);
    else if (grouped && !r->group.ptr)
        reply_error(c->reply, "ERR Missing GROUP option for XREADGROUP");
    return r->keys_at > 0 && (!grouped || r->group.ptr);
}

/* Where key i is read from; false after the error reply. */
static bool from_argument(struct context *c, const struct reading *r, int i, struct read_from *from) {
    struct slice key = c->argv[r->keys_at + i], text = c->argv[r->keys_at + r->keys + i];
    const struct stream *s;
    from->of[i].id = STREAM_ID_MIN;
    from->of[i].undelivered = false;
    if (!stream_view(c, context_key(c, r->keys_at + i), &s)) return false;
    if (r->grouped && (!s || !stream_group_find(s, r->group))) {
        reply_error_format(c->reply,
                           "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP option",
                           (int)key.len, key.ptr, (int)r->group.len, r->group.ptr);
        return false;
    }
    bool newest = slice_equal(text, SLICE("$")), undelivered = slice_equal(text, SLICE(">"));
    if (r->grouped && newest) {
        reply_error(c->reply,
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
                    "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID "
                    "would just return an empty result set.");
        return false;
    }
    if (!r->grouped && undelivered) {
        reply_error(c->reply, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
                              "<consumer> option.");
        return false;
    }
    from->of[i].undelivered = undelivered;
    if (newest && s) from->of[i].id = s->last_id;
    return newest || undelivered || stream_arg_id(c, r->keys_at + r->keys + i, 0, &from->of[i].id);
}

/* ---- replies ---- */
struct served {
    size_t place; /* of the whole reply, once there is something */
    int64_t keys;
};

static void begin_key(struct context *c, struct served *served, struct slice key) {
    if (served->keys++ == 0) served->place = reply_deferred(c->reply);
    if (c->reply->resp == 2) reply_array(c->reply, 2);
    reply_bulk(c->reply, key);
}

static void end_keys(struct context *c, const struct served *served) {
    proven(served->keys > 0);
    stream_reply_end(c->reply, served->place, c->reply->resp > 2, served->keys);
}

/* ---- without a group ---- */
static void read_plain(struct context *c, const struct reading *r, struct key key, struct stream_id id,
                       struct served *served) {
    const struct entry *e = context_view(c, key);
    struct stream_reader reader;
    int64_t n = 0;
    if (!e || entry_type(e) != TYPE_STREAM || !stream_id_next(&id)) return;
    stream_read(&reader, stream_of(entry_object(e)), id, STREAM_ID_MAX, false);
    if (!stream_read_next(&reader)) return;
    begin_key(c, served, key.text);
    size_t place = reply_deferred(c->reply);
    do {
        stream_reply_entry(c->reply, &reader);
        n++;
    } while ((r->count == 0 || (uint64_t)n < r->count) && stream_read_next(&reader));
    stream_reply_end(c->reply, place, false, n);
}

/* ---- with one ---- */
struct delivery {
    struct context *c;
    const struct reading *r;
    struct key key;
    struct db_edit e;
    struct stream_group *group;
    struct stream_consumer *consumer;
    bool made;
    uint64_t changes;
};

static void delivery_begin(struct delivery *d) {
    d->consumer = stream_consumer_edit(&d->e.edit, d->group, d->r->consumer, true, &d->made);
    d->consumer->seen_ms = d->c->now_ms;
    d->changes = 1u + d->made;
    struct stream_delivery to = {d->key.text, d->r->group, d->r->consumer};
    stream_journal_delivery(d->c, &to, d->made);
}

static void deliver(struct delivery *d, struct stream_id id) {
    stream_group_advance(stream_of(d->e.edit.value), d->group, id);
    if (d->r->no_ack) return;
    stream_pending_put(&d->e.edit, d->group, d->consumer, id, d->c->now_ms, 1);
    struct stream_delivery to = {d->key.text, d->r->group, d->r->consumer};
    stream_journal_claim(d->c, &to, d->group, id);
}

static void read_undelivered(struct delivery *d, struct served *served) {
    struct context *c = d->c;
    struct stream_id id = d->group->last_id;
    struct stream_reader reader;
    int64_t n = 0;
    if (!stream_id_next(&id)) return;
    stream_read(&reader, stream_of(d->e.edit.value), id, STREAM_ID_MAX, false);
    if (!stream_read_next(&reader)) return;
    delivery_begin(d);
    d->consumer->active_ms = c->now_ms;
    begin_key(c, served, d->key.text);
    size_t place = reply_deferred(c->reply);
    do {
        stream_reply_entry(c->reply, &reader);
        deliver(d, reader.id);
        n++;
    } while ((d->r->count == 0 || (uint64_t)n < d->r->count) && stream_read_next(&reader));
    stream_reply_end(c->reply, place, false, n);
    stream_journal_group(c, d->key.text, d->group);
}

/* One that is pending for the consumer, delivered again; of one that is no longer in the stream only the ID is left. */
static void deliver_again(struct delivery *d, const struct stream_nack *nack) {
    struct stream_reader reader;
    struct stream_id id = nack->id;
    uint64_t count = stream_nack_count(nack);
    stream_read(&reader, stream_of(d->e.edit.value), id, id, false);
    if (!stream_read_next(&reader)) {
        reply_array(d->c->reply, 2);
        stream_reply_id(d->c->reply, id);
        reply_null_array(d->c->reply);
        return;
    }
    stream_reply_entry(d->c->reply, &reader);
    stream_pending_put(&d->e.edit, d->group, d->consumer, id, d->c->now_ms, count < INT64_MAX ? count + 1 : count);
}

static void read_history(struct delivery *d, struct stream_id id, struct served *served) {
    struct tree_cursor cursor;
    int64_t n = 0;
    bool more = stream_id_next(&id);
    if (!more) return;
    delivery_begin(d);
    begin_key(d->c, served, d->key.text);
    size_t place = reply_deferred(d->c->reply);
    while (more && (d->r->count == 0 || (uint64_t)n < d->r->count)) {
        const struct stream_nack *nack = stream_pending_from(&d->consumer->pending, id, &cursor);
        if (!nack) break;
        id = nack->id;
        deliver_again(d, nack);
        more = stream_id_next(&id);
        n++;
    }
    stream_reply_end(d->c->reply, place, false, n);
}

static void read_grouped(struct context *c, const struct reading *r, struct key key, struct stream_id id,
                         bool undelivered, struct served *served) {
    struct delivery d = {.c = c, .r = r, .key = key};
    if (!context_edit(c, key, TYPE_STREAM, &d.e)) return;
    d.group = stream_group_edit(&d.e.edit, r->group);
    if (d.group && undelivered)
        read_undelivered(&d, served);
    else if (d.group)
        read_history(&d, id, served);
    stream_edit_end_quietly(c, key, &d.e, d.changes);
    if (d.made) context_notify(c, NOTIFY_STREAM, "xgroup-createconsumer", key.text, db_index(c->db));
}

static void read_key(struct context *c, const struct reading *r, struct key key, const struct read_from *from, int i,
                     struct served *served) {
    if (r->grouped)
        read_grouped(c, r, key, from->of[i].id, from->of[i].undelivered, served);
    else
        read_plain(c, r, key, from->of[i].id, served);
}

/* ---- waiting ---- */
static bool is_group_call(const struct context *c) { return slice_is(c->argv[0], "XREADGROUP"); }

static bool serve(struct context *c, struct slice text) {
    struct read_from *from = blocking_state(c->session);
    struct key key = {text, dataset_hash(c->dataset, text)};
    struct served served = {0};
    struct reading r;
    const struct stream *s;
    bool read = read_arguments(c, is_group_call(c), &r) && stream_view(c, key, &s);
    proven(read && r.keys == (int)from->n);
    if (r.grouped && !stream_group_find(s, r.group)) {
        reply_error(c->reply, "NOGROUP the consumer group this client was blocked on no longer exists");
        return true;
    }
    for (int i = 0; i < r.keys && served.keys == 0; i++)
        if (slice_equal(c->argv[r.keys_at + i], text)) read_key(c, &r, key, from, i, &served);
    if (served.keys == 0) return false;
    end_keys(c, &served);
    return true;
}

static bool lost(struct context *c, struct slice text) {
    (void)text;
    reply_error(c->reply, "UNBLOCKED the stream key no longer exists");
    return true;
}

static void timed_out(struct session *s) { reply_null_array(&s->reply); }

static const struct key_wait_kind read_wait = {
    .type = TYPE_STREAM, .serve = serve, .timed_out = timed_out, .release = from_free};
static const struct key_wait_kind read_group_wait = {
    .type = TYPE_STREAM, .serve = serve, .timed_out = timed_out, .lost = lost, .release = from_free};

static void run(struct context *c, bool grouped) {
    struct served served = {0};
    struct reading r;
    bool ok = true;
    if (!read_arguments(c, grouped, &r)) return;
    struct read_from *from = from_new((size_t)r.keys);
    for (int i = 0; ok && i < r.keys; i++) ok = from_argument(c, &r, i, from);
    for (int i = 0; ok && i < r.keys; i++) read_key(c, &r, context_key(c, r.keys_at + i), from, i, &served);
    if (ok && served.keys == 0 && r.block_ms >= 0 && context_may_block(c)) {
        blocking_wait(c, grouped ? &read_group_wait : &read_wait, r.keys_at, r.keys, from, r.block_ms);
        return;
    }
    from_free(from);
    if (ok && served.keys == 0) reply_null_array(c->reply);
    if (served.keys > 0) end_keys(c, &served);
}

void stream_read_run(struct context *c) { run(c, false); }
void stream_read_group_run(struct context *c) { run(c, true); }
