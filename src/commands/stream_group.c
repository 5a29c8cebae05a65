#include "commands/stream_int.h"

#include "base/check.h"
#include "exec/blocking.h"

/* ---- arguments ---- */
struct group_options {
    bool make;
    int64_t entries_read;
};

static bool group_arguments(struct context *c, bool create, struct group_options *o) {
    *o = (struct group_options){.entries_read = STREAM_UNKNOWN};
    for (int i = 5; i < c->argc; i++) {
        if (create && slice_is(c->argv[i], "MKSTREAM")) {
            o->make = true;
        } else if (slice_is(c->argv[i], "ENTRIESREAD") && i + 1 < c->argc) {
            if (!context_integer(c, ++i, &o->entries_read)) return false;
            if (o->entries_read >= STREAM_UNKNOWN) continue;
            reply_error(c->reply, "ERR value for ENTRIESREAD must be positive or -1");
            return false;
        } else {
            context_unknown_subcommand(c);
            return false;
        }
    }
    return true;
}

/* The key, which must be there unless it will be made. */
static bool group_key(struct context *c, bool make, const struct stream **s) {
    if (!stream_view(c, context_key(c, 2), s)) return false;
    if (*s || make) return true;
    reply_error(c->reply,
                "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the "
                "MKSTREAM option to create an empty stream automatically.");
    return false;
}

static bool group_there(struct context *c, const struct stream *s) {
    if (stream_group_find(s, c->argv[3])) return true;
    reply_error_format(c->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)c->argv[3].len,
                       c->argv[3].ptr, (int)c->argv[2].len, c->argv[2].ptr);
    return false;
}

/* Where the group begins. How many arguments there may be is looked at only now; - and + are IDs for SETID alone. */
static bool group_id(struct context *c, bool create, const struct stream *s, struct stream_id *id) {
    if (c->argc > (create ? 8 : 7)) {
        context_unknown_subcommand(c);
        return false;
    }
    if (!slice_equal(c->argv[4], SLICE("$")))
        return create ? stream_arg_id(c, 4, 0, id) : stream_arg_id_or_edge(c, 4, 0, id);
    *id = s ? s->last_id : STREAM_ID_MIN;
    return true;
}

/* What WATCH and tracking are told of is the entries: not that a group has changed. */
static void group_edit_end(struct context *c, struct key key, struct db_edit *e, const char *event) {
    stream_edit_end_quietly(c, key, e, event != NULL);
    if (event) context_notify(c, NOTIFY_STREAM, event, key.text, db_index(c->db));
}

/* ---- XGROUP ---- */
void stream_group_create_run(struct context *c) {
    struct key key = context_key(c, 2);
    const struct stream *s;
    struct group_options o;
    struct stream_id id;
    struct db_edit e;
    if (!group_arguments(c, true, &o) || !group_key(c, o.make, &s)) return;
    bool exists = s && stream_group_find(s, c->argv[3]);
    if (!group_id(c, true, s, &id)) return;
    if (exists) {
        reply_error(c->reply, "BUSYGROUP Consumer Group name already exists");
        return;
    }
    if (!context_edit(c, key, TYPE_STREAM, &e)) return;
    bool added = stream_group_create(&e.edit, c->argv[3], id, o.entries_read);
    proven(added);
    reply_ok(c->reply);
    if (s)
        group_edit_end(c, key, &e, "xgroup-create");
    else
        context_edit_end(c, key, &e, NOTIFY_STREAM, "xgroup-create", 1);
}

void stream_group_set_id_run(struct context *c) {
    struct key key = context_key(c, 2);
    const struct stream *s;
    struct group_options o;
    struct stream_id id;
    struct db_edit e;
    if (!group_arguments(c, false, &o) || !group_key(c, false, &s) || !group_there(c, s) ||
        !group_id(c, false, s, &id) || !context_edit(c, key, TYPE_STREAM, &e))
        return;
    stream_group_set_id(stream_group_edit(&e.edit, c->argv[3]), id, o.entries_read);
    reply_ok(c->reply);
    group_edit_end(c, key, &e, "xgroup-setid");
}

void stream_group_destroy_run(struct context *c) {
    struct key key = context_key(c, 2);
    const struct stream *s;
    struct db_edit e;
    if (!group_key(c, false, &s)) return;
    bool there = stream_group_find(s, c->argv[3]);
    if (there && context_edit(c, key, TYPE_STREAM, &e)) {
        stream_group_destroy(&e.edit, c->argv[3]);
        group_edit_end(c, key, &e, "xgroup-destroy");
        blocking_key_changed(c->executor, db_index(c->db), key.text); /* who waits in the group is told */
    }
    reply_integer(c->reply, there);
}

void stream_group_create_consumer_run(struct context *c) {
    struct key key = context_key(c, 2);
    const struct stream *s;
    struct db_edit e;
    bool made;
    if (!group_key(c, false, &s) || !group_there(c, s) || !context_edit(c, key, TYPE_STREAM, &e)) return;
    struct stream_consumer *consumer =
        stream_consumer_edit(&e.edit, stream_group_edit(&e.edit, c->argv[3]), c->argv[4], true, &made);
    if (made) consumer->seen_ms = c->now_ms;
    reply_integer(c->reply, made);
    group_edit_end(c, key, &e, made ? "xgroup-createconsumer" : NULL);
}

void stream_group_delete_consumer_run(struct context *c) {
    struct key key = context_key(c, 2);
    const struct stream *s;
    struct db_edit e;
    uint64_t pending;
    if (!group_key(c, false, &s) || !group_there(c, s) || !context_edit(c, key, TYPE_STREAM, &e)) return;
    bool gone = stream_consumer_delete(&e.edit, stream_group_edit(&e.edit, c->argv[3]), c->argv[4], &pending);
    reply_integer(c->reply, (int64_t)pending);
    group_edit_end(c, key, &e, gone ? "xgroup-delconsumer" : NULL);
}

/* ---- XACK ---- */
void stream_acknowledge_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct stream *s;
    struct stream_id id;
    struct db_edit e;
    uint64_t done = 0;
    if (!stream_view(c, key, &s)) return;
    bool there = s && stream_group_find(s, c->argv[2]);
    for (int i = 3; there && i < c->argc; i++)
        if (!stream_arg_id(c, i, 0, &id)) return;
    if (there && context_edit(c, key, TYPE_STREAM, &e)) {
        struct stream_group *g = stream_group_edit(&e.edit, c->argv[2]);
        for (int i = 3; i < c->argc; i++)
            if (stream_id_parse(c->argv[i], 0, &id)) done += stream_pending_remove(&e.edit, g, id);
        stream_edit_end_quietly(c, key, &e, done);
    }
    reply_integer(c->reply, (int64_t)done);
}
