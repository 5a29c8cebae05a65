/* Keys that change their name or their database, or are doubled. */
#include "base/check.h"
#include "commands/generic_int.h"

static bool exists(const struct context *c, struct db *db, struct key key) {
    return db_view(db, key, context_view_flags(c) | VIEW_NO_STATS) != NULL;
}

/* RENAME's and RENAMENX's common part: false after the reply, when nothing is to be done. */
static bool rename_ready(struct context *c, bool only_new) {
    if (!exists(c, c->db, context_key(c, 1))) {
        reply_error(c->reply, ERROR_NO_KEY);
        return false;
    }
    bool same = slice_equal(c->argv[1], c->argv[2]);
    if (!only_new && !same) return true;
    if (only_new && !same && !exists(c, c->db, context_key(c, 2))) return true;
    if (only_new)
        reply_integer(c->reply, 0);
    else
        reply_ok(c->reply);
    return false;
}

static void rename_now(struct context *c) {
    db_move_key(c->db, context_key(c, 1), c->db, context_key(c, 2));
    context_notify(c, NOTIFY_GENERIC, "rename_from", c->argv[1], db_index(c->db));
    context_changed(c, NOTIFY_GENERIC, "rename_to", c->argv[2]);
}

void generic_rename_run(struct context *c) {
    if (!rename_ready(c, false)) return;
    rename_now(c);
    reply_ok(c->reply);
}

void generic_renamenx_run(struct context *c) {
    if (!rename_ready(c, true)) return;
    rename_now(c);
    reply_integer(c->reply, 1);
}

void generic_move_run(struct context *c) {
    unsigned index;
    if (!generic_db_index(c, 2, &index)) return;
    struct db *to = dataset_db(c->dataset, index);
    struct key key = context_key(c, 1);
    if (to == c->db) {
        reply_error(c->reply, ERROR_SAME_OBJECT);
        return;
    }
    if (!exists(c, c->db, key) || exists(c, to, key)) {
        reply_integer(c->reply, 0);
        return;
    }
    db_move_key(c->db, key, to, key);
    context_notify(c, NOTIFY_GENERIC, "move_from", key.text, db_index(c->db));
    context_notify(c, NOTIFY_GENERIC, "move_to", key.text, index);
    context_count_changes(c, 1);
    reply_integer(c->reply, 1);
}

/* DB n and REPLACE, from argument 3 on; false after the error reply. */
static bool copy_options(struct context *c, struct db **to, bool *replace) {
    *to = c->db;
    *replace = false;
    for (int i = 3; i < c->argc; i++) {
        unsigned index;
        if (slice_is(c->argv[i], "REPLACE")) {
            *replace = true;
        } else if (slice_is(c->argv[i], "DB") && i + 1 < c->argc) {
            if (!generic_db_index(c, ++i, &index)) return false;
            *to = dataset_db(c->dataset, index);
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    return true;
}

void generic_copy_run(struct context *c) {
    struct db *to;
    bool replace;
    if (!copy_options(c, &to, &replace)) return;
    struct key source = context_key(c, 1), target = context_key(c, 2);
    if (to == c->db && slice_equal(source.text, target.text)) {
        reply_error(c->reply, ERROR_SAME_OBJECT);
        return;
    }
    if (!context_view(c, source) || (!replace && exists(c, to, target))) {
        reply_integer(c->reply, 0);
        return;
    }
    if (!db_copy_key(c->db, source, to, target)) {
        reply_error(c->reply, "ERR not enough memory for a value of this length");
        return;
    }
    context_notify(c, NOTIFY_GENERIC, "copy_to", target.text, db_index(to));
    context_count_changes(c, 1);
    reply_integer(c->reply, 1);
}
