/* MEMORY TREE and MEMORY HISTORY: allowed in every phase, since nothing in them reads the dataset. */
#include "base/check.h"
#include "exec/context.h"
#include "observe/history.h"
#include "observe/memory_tree.h"
#include "observe/observe_int.h"
#include "observe/observer.h"

static void reply_json(struct context *c, struct buf *text) {
    reply_bulk(c->reply, buf_slice(text));
    buf_release(text);
}

void memory_run_tree(struct context *c) {
    struct memory_tree tree;
    struct buf text;
    if (c->argc > 3 || (c->argc == 3 && !slice_is(c->argv[2], "json"))) {
        context_syntax_error(c);
        return;
    }
    buf_init(&text, MEM_OBSERVE);
    memory_tree_take(&tree, observer_published());
    if (c->argc == 3) {
        struct json j = {.out = &text};
        memory_tree_json(&tree, &j, NULL);
        reply_json(c, &text);
        return;
    }
    memory_tree_print(&tree, &text);
    reply_text(c->reply, &text);
}

static void reply_samples(struct reply *r, struct history *h, enum history_span span) {
    unsigned count = history_count(h, span);
    reply_array(r, (int64_t)count + 1);
    reply_array(r, HISTORY_SERIES + 1);
    reply_bulk_cstr(r, "time");
    for (unsigned i = 0; i < HISTORY_SERIES; i++) reply_bulk_cstr(r, history_series_name(i));
    for (unsigned i = 0; i < count; i++) {
        const struct history_sample *sample = history_at(h, span, i);
        reply_array(r, HISTORY_SERIES + 1);
        reply_integer(r, sample->time_s);
        for (unsigned k = 0; k < HISTORY_SERIES; k++) reply_integer(r, (int64_t)sample->values[k]);
    }
}

void memory_run_history(struct context *c) {
    bool minutes = c->argc > 2 && slice_is(c->argv[2], "minutes");
    bool known = c->argc == 2 || minutes || slice_is(c->argv[2], "seconds");
    struct history *h = observer_history();
    if (c->argc > 3 || !known) {
        context_syntax_error(c);
        return;
    }
    if (!h) {
        reply_array(c->reply, 0);
        return;
    }
    history_lock(h);
    reply_samples(c->reply, h, minutes ? HISTORY_MINUTES : HISTORY_SECONDS);
    history_unlock(h);
}
