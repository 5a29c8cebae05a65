#include "commands/stream_int.h"

#include "base/check.h"
#include "exec/journal.h"
#include "wire/resp.h"

static int64_t idle_ms(const struct context *c, int64_t since) { return since < c->now_ms ? c->now_ms - since : 0; }

/* ---- XPENDING ---- */
static void pending_summary(struct context *c, const struct stream_group *g) {
    const struct stream_consumer *consumer;
    struct tree_cursor at;
    int64_t n = 0;
    bool any = tree_first(&g->pending, &at);
    reply_array(c->reply, 4);
    reply_integer(c->reply, (int64_t)g->pending.count);
    if (!any) {
        for (int i = 0; i < 2; i++) reply_null(c->reply);
        reply_null_array(c->reply);
        return;
    }
    stream_reply_id(c->reply, ((const struct stream_nack *)(uintptr_t)tree_word(&at))->id);
    tree_last(&g->pending, &at);
    stream_reply_id(c->reply, ((const struct stream_nack *)(uintptr_t)tree_word(&at))->id);
    size_t place = reply_deferred(c->reply);
    for (bool more = stream_consumers_first(g, &at, &consumer); more; more = stream_consumers_next(&at, &consumer)) {
        if (consumer->pending.count == 0) continue;
        reply_array(c->reply, 2);
        reply_bulk(c->reply, stream_consumer_text(consumer));
        reply_bulk_integer(c->reply, (int64_t)consumer->pending.count);
        n++;
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, n);
}

struct pending_query {
    struct stream_id first, last;
    int64_t count, idle;
    int consumer_at; /* 0: any */
};

static bool pending_arguments(struct context *c, struct pending_query *q) {
    int at = 3;
    *q = (struct pending_query){0};
    if (c->argc < 6 || c->argc > 9) {
        context_syntax_error(c);
        return false;
    }
    if (slice_is(c->argv[3], "IDLE")) {
        if (!context_integer(c, 4, &q->idle)) return false;
        if (c->argc < 8) {
            context_syntax_error(c);
            return false;
        }
        at = 5;
    }
    if (!context_integer(c, at + 2, &q->count) || !stream_arg_first(c, at, &q->first) ||
        !stream_arg_last(c, at + 1, &q->last))
        return false;
    q->consumer_at = at + 3 < c->argc ? at + 3 : 0;
    return true;
}

static void pending_list(struct context *c, const struct stream_group *g, const struct pending_query *q) {
    const struct stream_consumer *consumer = q->consumer_at ? stream_consumer_find(g, c->argv[q->consumer_at]) : NULL;
    struct tree_cursor at;
    int64_t n = 0;
    if (q->consumer_at && !consumer) {
        reply_array(c->reply, 0);
        return;
    }
    size_t place = reply_deferred(c->reply);
    const struct stream_nack *nack = stream_pending_from(consumer ? &consumer->pending : &g->pending, q->first, &at);
    for (; nack && n < q->count && stream_id_compare(nack->id, q->last) <= 0; nack = stream_pending_next(&at)) {
        if (q->idle && c->now_ms - stream_nack_time(nack) < q->idle) continue;
        const struct stream_consumer_name *owner = stream_nack_owner(nack);
        reply_array(c->reply, 4);
        stream_reply_id(c->reply, nack->id);
        reply_bulk(c->reply, slice_of(owner->text, owner->len));
        reply_integer(c->reply, idle_ms(c, stream_nack_time(nack)));
        reply_integer(c->reply, (int64_t)stream_nack_count(nack));
        n++;
    }
    reply_deferred_set(c->reply, place, RESP_ARRAY, n);
}

static const struct stream_group *view_group(struct context *c, const struct stream **s) {
    const struct stream_group *g = NULL;
    if (!stream_view(c, context_key(c, 1), s)) return NULL;
    if (*s) g = stream_group_find(*s, c->argv[2]);
    if (!g) stream_reply_no_group(c, c->argv[1], c->argv[2]);
    return g;
}

void stream_pending_run(struct context *c) {
    const struct stream_group *g;
    const struct stream *s;
    struct pending_query q;
    bool summary = c->argc == 3;
    if (!summary && !pending_arguments(c, &q)) return;
    if (!(g = view_group(c, &s))) return;
    if (summary)
        pending_summary(c, g);
    else
        pending_list(c, g, &q);
}

/* ---- claiming ---- */
struct claim {
    struct context *c;
    struct key key;
    struct db_edit e;
    struct stream_group *group;
    struct stream_consumer *consumer;
    int64_t min_idle, time, retries; /* retries -1: counted on */
    struct stream_id last_id;
    bool force, just_id, made;
    uint64_t changes;
    int64_t claimed;
};

static bool claim_min_idle(struct context *c, int i, const char *error, int64_t *out) {
    if (!num_parse_i64(c->argv[i], out)) {
        reply_error(c->reply, error);
        return false;
    }
    if (*out < 0) *out = 0;
    return true;
}

static bool claim_option(struct context *c, struct claim *claim, int *i) {
    struct slice word = c->argv[*i];
    bool more = *i + 1 < c->argc;
    if (slice_is(word, "FORCE")) {
        claim->force = true;
    } else if (slice_is(word, "JUSTID")) {
        claim->just_id = true;
    } else if (more && slice_is(word, "IDLE")) {
        if (!num_parse_i64(c->argv[++*i], &claim->time)) {
            reply_error(c->reply, "ERR Invalid IDLE option argument for XCLAIM");
            return false;
        }
        claim->time = (int64_t)((uint64_t)c->now_ms - (uint64_t)claim->time);
    } else if (more && slice_is(word, "TIME")) {
        if (num_parse_i64(c->argv[++*i], &claim->time)) return true;
        reply_error(c->reply, "ERR Invalid TIME option argument for XCLAIM");
        return false;
    } else if (more && slice_is(word, "RETRYCOUNT")) {
        if (num_parse_i64(c->argv[++*i], &claim->retries)) return true;
        reply_error(c->reply, "ERR Invalid RETRYCOUNT option argument for XCLAIM");
        return false;
    } else if (more && slice_is(word, "LASTID")) {
        return stream_arg_id(c, ++*i, 0, &claim->last_id);
    } else {
        reply_error_format(c->reply, "ERR Unrecognized XCLAIM option '%.*s'", (int)word.len, word.ptr);
        return false;
    }
    return true;
}

/* The one who claims, made when there is something for it. */
static void claim_consumer(struct claim *claim, bool make) {
    struct context *c = claim->c;
    if (claim->consumer) return;
    claim->consumer = stream_consumer_edit(&claim->e.edit, claim->group, c->argv[3], make, &claim->made);
    if (claim->consumer) claim->consumer->seen_ms = c->now_ms;
    claim->changes += claim->made;
    if (claim->made) journal_put(c, SLICE("XGROUP"), SLICE("CREATECONSUMER"), c->argv[1], c->argv[2], c->argv[3]);
}

static void claim_begin(struct claim *claim) {
    claim->group = stream_group_edit(&claim->e.edit, claim->c->argv[2]);
    proven(claim->group != NULL);
    claim_consumer(claim, false);
}

static void claim_end(struct claim *claim) {
    stream_edit_end_quietly(claim->c, claim->key, &claim->e, claim->changes);
    if (claim->made)
        context_notify(claim->c, NOTIFY_STREAM, "xgroup-createconsumer", claim->key.text, db_index(claim->c->db));
}

/* One whose entry is gone: nobody can claim it. */
static void claim_forget(struct claim *claim, struct stream_id id) {
    char text[STREAM_ID_TEXT_MAX];
    stream_pending_remove(&claim->e.edit, claim->group, id);
    claim->changes++;
    journal_put(claim->c, SLICE("XACK"), claim->c->argv[1], claim->c->argv[2],
                slice_of(text, stream_id_format(text, id)));
}

/* The entry, which the reader has just read, is claimed. nack NULL: nobody had it. */
static void claim_one(struct claim *claim, const struct stream_nack *nack, struct stream_reader *reader) {
    struct context *c = claim->c;
    struct stream_id id = reader->id;
    uint64_t count = nack ? stream_nack_count(nack) : 1;
    if (claim->retries >= 0)
        count = (uint64_t)claim->retries;
    else if (!claim->just_id && count < INT64_MAX)
        count++;
    claim_consumer(claim, true);
    stream_pending_put(&claim->e.edit, claim->group, claim->consumer, id, claim->time, count);
    claim->consumer->active_ms = c->now_ms;
    if (claim->just_id)
        stream_reply_id(c->reply, id);
    else
        stream_reply_entry(c->reply, reader);
    claim->claimed++;
    claim->changes++;
    struct stream_delivery to = {c->argv[1], c->argv[2], c->argv[3]};
    stream_journal_claim(c, &to, claim->group, id);
}

static bool idle_enough(const struct claim *claim, const struct stream_nack *nack) {
    return claim->min_idle == 0 || claim->c->now_ms - stream_nack_time(nack) >= claim->min_idle;
}

static void claim_id(struct claim *claim, struct stream_id id) {
    const struct stream_nack *nack = stream_pending_find(claim->group, id);
    struct stream_reader reader;
    stream_read(&reader, stream_of(claim->e.edit.value), id, id, false);
    bool there = stream_read_next(&reader);
    if (!there && nack)
        claim_forget(claim, id);
    else if (there && (nack ? idle_enough(claim, nack) : claim->force))
        claim_one(claim, nack, &reader);
}

/* XCLAIM key group consumer min-idle id... options */
static bool claim_arguments(struct context *c, struct claim *claim, int *ids_end) {
    struct stream_id id;
    int i = 5;
    if (!claim_min_idle(c, 4, "ERR Invalid min-idle-time argument for XCLAIM", &claim->min_idle)) return false;
    while (i < c->argc && stream_id_parse(c->argv[i], 0, &id)) i++;
    *ids_end = i;
    for (; i < c->argc; i++)
        if (!claim_option(c, claim, &i)) return false;
    if (claim->time < 0 || claim->time > c->now_ms) claim->time = c->now_ms;
    return true;
}

void stream_claim_run(struct context *c) {
    struct claim claim = {.c = c, .key = context_key(c, 1), .time = -1, .retries = -1};
    const struct stream *s;
    struct stream_id id;
    int ids_end;
    if (!view_group(c, &s) || !claim_arguments(c, &claim, &ids_end) ||
        !context_edit(c, claim.key, TYPE_STREAM, &claim.e))
        return;
    claim_begin(&claim);
    if (stream_id_compare(claim.last_id, claim.group->last_id) > 0) {
        claim.group->last_id = claim.last_id;
        claim.changes++;
        stream_journal_group(c, claim.key.text, claim.group);
    }
    size_t place = reply_deferred(c->reply);
    for (int i = 5; i < ids_end; i++)
        if (stream_id_parse(c->argv[i], 0, &id)) claim_id(&claim, id);
    reply_deferred_set(c->reply, place, RESP_ARRAY, claim.claimed);
    claim_end(&claim);
}

/* ---- XAUTOCLAIM ---- */
#define TRIES_EACH 10

static bool autoclaim_arguments(struct context *c, struct claim *claim, struct stream_id *first, int64_t *count) {
    *count = 100;
    if (!claim_min_idle(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM", &claim->min_idle) ||
        !stream_arg_first(c, 5, first))
        return false;
    for (int i = 6; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (more && slice_is(c->argv[i], "COUNT")) {
            if (!context_integer_between(c, ++i, 1, INT64_MAX / 16, "ERR COUNT must be > 0", count)) return false;
        } else if (slice_is(c->argv[i], "JUSTID")) {
            claim->just_id = true;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* Goes over pending entries from *at on; *at is then where to go on, 0-0 at the end. IDs without an entry gather in gone. */
static void autoclaim_walk(struct claim *claim, struct stream_id *at, int64_t count, struct buf *gone) {
    struct stream_reader reader;
    struct tree_cursor cursor;
    const struct stream_nack *nack = stream_pending_from(&claim->group->pending, *at, &cursor);
    for (int64_t tries = count * TRIES_EACH; nack && tries > 0 && count > 0; tries--) {
        struct stream_id id = nack->id;
        stream_read(&reader, stream_of(claim->e.edit.value), id, id, false);
        if (!stream_read_next(&reader)) {
            claim_forget(claim, id);
            buf_append(gone, &id, sizeof id);
            count--;
        } else if (idle_enough(claim, nack)) {
            claim_one(claim, nack, &reader);
            count--;
        }
        nack = stream_id_next(&id) ? stream_pending_from(&claim->group->pending, id, &cursor) : NULL;
    }
    *at = nack ? nack->id : STREAM_ID_MIN;
}

void stream_autoclaim_run(struct context *c) {
    struct claim claim = {.c = c, .key = context_key(c, 1), .time = c->now_ms, .retries = -1};
    const struct stream *s;
    struct stream_id at;
    struct buf gone, entries;
    int64_t count;
    if (!autoclaim_arguments(c, &claim, &at, &count) || !view_group(c, &s) ||
        !context_edit(c, claim.key, TYPE_STREAM, &claim.e))
        return;
    claim_begin(&claim);
    buf_init(&gone, MEM_CLIENT_OUT);
    buf_init(&entries, MEM_CLIENT_OUT);
    /* Where to go on stands first in the reply, and is known last. */
    struct reply *real = c->reply, aside = {.out = &entries, .resp = real->resp};
    c->reply = &aside;
    size_t place = reply_deferred(&aside);
    autoclaim_walk(&claim, &at, count, &gone);
    reply_deferred_set(&aside, place, RESP_ARRAY, claim.claimed);
    c->reply = real;
    reply_array(real, 3);
    stream_reply_id(real, at);
    buf_append_slice(real->out, buf_slice(&entries));
    const struct stream_id *ids = (const struct stream_id *)(const void *)gone.ptr;
    reply_array(real, (int64_t)(gone.len / sizeof *ids));
    for (size_t i = 0; i < gone.len / sizeof *ids; i++) stream_reply_id(real, ids[i]);
    buf_release(&gone);
    buf_release(&entries);
    claim_end(&claim);
}
