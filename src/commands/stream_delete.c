#include "commands/stream_int.h"

#include "base/check.h"

/* ---- KEEPREF | DELREF | ACKED ---- */
bool stream_refs_word(struct slice word, enum stream_refs *refs) {
    static const char *const words[] = {"KEEPREF", "DELREF", "ACKED"};
    for (unsigned i = 0; i < countof(words); i++) {
        if (!slice_equal_nocase(word, slice_of_cstr(words[i]))) continue;
        *refs = (enum stream_refs)i;
        return true;
    }
    return false;
}

struct slice stream_refs_name(enum stream_refs refs) {
    proven(refs != STREAM_REFS_KEEP); /* which is not said */
    return refs == STREAM_REFS_DROP ? SLICE("DELREF") : SLICE("ACKED");
}

/* ---- arguments: [KEEPREF|DELREF|ACKED] IDS n id... in either order, from argument `at` on ---- */
struct deletion {
    enum stream_refs refs;
    int ids_at, ids;
};

/* IDS n id...; *i is then at the last ID. */
static bool id_block(struct context *c, int *i, struct deletion *d) {
    int64_t n;
    if (!num_parse_i64(c->argv[*i + 1], &n) || n <= 0) {
        reply_error(c->reply, "ERR Number of IDs must be a positive integer");
        return false;
    }
    if (n > c->argc - *i - 2) {
        reply_error(c->reply, "ERR The `numids` parameter must match the number of arguments");
        return false;
    }
    *d = (struct deletion){.refs = d->refs, .ids_at = *i + 2, .ids = (int)n};
    *i += 1 + d->ids;
    return true;
}

static bool deletion_arguments(struct context *c, int at, struct deletion *d) {
    bool chosen = false;
    struct stream_id id;
    *d = (struct deletion){.refs = STREAM_REFS_KEEP};
    for (int i = at; i < c->argc; i++) {
        if (!chosen && stream_refs_word(c->argv[i], &d->refs)) {
            chosen = true;
        } else if (d->ids == 0 && slice_is(c->argv[i], "IDS") && i + 1 < c->argc) {
            if (!id_block(c, &i, d)) return false;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    if (d->ids == 0) context_syntax_error(c);
    for (int i = 0; i < d->ids; i++)
        if (!stream_arg_id(c, d->ids_at + i, 0, &id)) return false;
    return d->ids > 0;
}

/* ---- XDELEX and XACKDEL ---- */
struct deleting {
    struct db_edit e;
    struct stream_group *group; /* XACKDEL: who acknowledges; NULL: XDELEX */
    enum stream_refs refs;
    uint64_t deleted, dropped; /* entries, pending ones */
};

/* XACKDEL is about what is pending in its group alone. An entry that has been deleted before is done with too. */
static enum stream_deletion delete_one(struct deleting *d, struct stream_id id) {
    if (d->group && !stream_pending_remove(&d->e.edit, d->group, id)) return STREAM_ABSENT;
    d->dropped += d->group != NULL;
    enum stream_deletion done = stream_delete_unless(&d->e.edit, id, d->refs, &d->dropped);
    d->deleted += done == STREAM_DELETED;
    return d->group && done == STREAM_ABSENT ? STREAM_DELETED : done;
}

static void delete_end(struct context *c, struct key key, struct deleting *d) {
    uint64_t changes = d->deleted + d->dropped;
    if (d->deleted)
        context_edit_end(c, key, &d->e, NOTIFY_STREAM, "xdel", changes);
    else
        stream_edit_end_quietly(c, key, &d->e, changes); /* nobody watches what is pending */
}

static void delete_ids(struct context *c, bool acknowledge) {
    struct key key = context_key(c, 1);
    struct deleting d = {.group = NULL};
    const struct stream *s;
    struct deletion args;
    struct stream_id id;
    if (!stream_view(c, key, &s) || !deletion_arguments(c, acknowledge ? 3 : 2, &args)) return;
    bool there = s && (!acknowledge || stream_group_find(s, c->argv[2]));
    if (there && !context_edit(c, key, TYPE_STREAM, &d.e)) return;
    if (there && acknowledge) d.group = stream_group_edit(&d.e.edit, c->argv[2]);
    d.refs = args.refs;
    reply_array(c->reply, args.ids);
    for (int i = 0; i < args.ids; i++) {
        bool read = stream_id_parse(c->argv[args.ids_at + i], 0, &id);
        proven(read);
        reply_integer(c->reply, there ? delete_one(&d, id) : STREAM_ABSENT);
    }
    if (there) delete_end(c, key, &d);
}

void stream_delete_extended_run(struct context *c) { delete_ids(c, false); }
void stream_acknowledge_delete_run(struct context *c) { delete_ids(c, true); }
