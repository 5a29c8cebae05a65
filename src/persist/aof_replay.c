#include "persist/aof_replay_int.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "exec/transaction.h"
#include "keyspace/db.h"
#include "keyspace/top.h"
#include "persist/dropped_int.h"
#include "persist/room_int.h"

#include <stdio.h>

/* Replies are looked at for errors only. */
#define REPLIES_KEPT_MAX ((size_t)64 << 10)
#define REFILL_US        1000 /* of each LOAD_TOP_INTERVAL_US */

static void describe(struct session *s, struct session_link *out) {
    (void)s;
    *out = (struct session_link){.fd = -1, .peer = "", .local = "", .events = ""};
    proven(out->fd == -1);
}

static void resume(struct session *s) { proven(!(s->flags & SESSION_BLOCKED)); }

static void attend(struct session *s) { proven(s->flags & SESSION_INTERNAL); }

static const struct session_transport no_transport = {describe, resume, attend};

void replay_init(struct replay *r, struct dataset *ds, const struct command_list *lists, unsigned count,
                 int64_t string_max) {
    memset(r, 0, sizeof *r);
    executor_init(&r->executor, lists, count, ds);
    r->executor.loading = true; /* nothing has ended, whatever its time: who wrote the file has said so if it had */
    r->executor.latency_tracking = false;
    r->executor.string_max = string_max;
    dataset_set_keep_expired(ds, true);
    executor_listen(&r->executor);
    session_init(&r->session, &r->executor, &no_transport);
    r->session.flags |= SESSION_INTERNAL;
    r->session.authenticated = true;
    r->parser.max_bulk = string_max;
    r->parser.blocks = (struct resp_blocks){.front = sizeof(struct string_body), .owner = MEM_PERSIST};
    proven(r->session.db == 0);
}

void replay_limit(struct replay *r, struct load_room *room) {
    proven(r->progress && !r->dropped);
    if (!room || room->rule.order == EVICTION_OFF) return;
    r->room = room;
    r->dropped = room->dropped = dropped_new(&r->executor, r->progress);
}

void replay_release(struct replay *r) {
    static const struct keyspace_hooks none;
    struct dataset *ds = r->executor.dataset;
    if (r->dropped) dropped_free(r->dropped);
    if (r->room) r->room->dropped = NULL;
    session_release(&r->session);
    resp_parser_release(&r->parser);
    executor_release(&r->executor);
    dataset_set_hooks(ds, &none);
    dataset_set_keep_expired(ds, false);
    dataset_stats(ds)->changes = 0;
    proven(r->count == 0);
}

/* ---- one command ---- */
static enum replay_result refuse(struct replay *r, struct slice name, const char *what) {
    char shown[TEXT_SHOWN_ROOM];
    proven(r->why && what[0]);
    snprintf(r->why, LOAD_ERROR_MAX, "the command %s %s", text_show(shown, name), what);
    return REPLAY_REFUSED;
}

static enum replay_result refuse_reply(struct replay *r, struct slice name) {
    char text[160];
    const struct buf *out = r->session.reply.out;
    size_t at = r->session.reply.last_error, left = out->len - at, n = 0;
    const char *end = left ? memchr(out->ptr + at, '\r', left) : NULL;
    proven(r->session.reply.errors > 0);
    if (end) n = (size_t)(end - (out->ptr + at));
    snprintf(text, sizeof text, "fails: %.*s", n < 140 ? (int)n : 140, n ? out->ptr + at : "");
    return refuse(r, name, text);
}

enum special { SPECIAL_NONE, SPECIAL_ALLOWED, SPECIAL_MULTI, SPECIAL_EXEC, SPECIAL_FUNCTION };
static enum special special_of(struct slice name) {
    debug_proven(name.ptr || name.len == 0);
    if (name.len == 6 && slice_is(name, "select")) return SPECIAL_ALLOWED;
    if (name.len == 5 && slice_is(name, "multi")) return SPECIAL_MULTI;
    if (name.len == 4 && slice_is(name, "exec")) return SPECIAL_EXEC;
    if (name.len == 8 && slice_is(name, "function")) return SPECIAL_FUNCTION;
    return SPECIAL_NONE;
}

/* False: nothing is to be run. */
static bool wanted(struct replay *r, const struct request *q) {
    proven(q->argc > 0);
    switch (special_of(q->argv[0])) {
    case SPECIAL_MULTI:
        r->queued = true;
        r->multi_at = r->at;
        return !r->whole;
    case SPECIAL_EXEC:
        r->queued = false;
        return !r->whole;
    case SPECIAL_FUNCTION:
        if (!q->command) r->functions++;
        return q->command != NULL;
    default:
        return true;
    }
}

static enum replay_result run_one(struct replay *r, const struct request *q) {
    struct session *s = &r->session;
    uint64_t errors = s->reply.errors;
    if (!q->command || !(q->command->flags & (CMD_WRITE | CMD_MAY_REPLICATE))) {
        if (!wanted(r, q)) return REPLAY_MORE;
        if (q->command && special_of(q->argv[0]) == SPECIAL_NONE)
            return refuse(r, q->argv[0], "does not change data, and has no place here");
    }
    bool held = r->queued && !r->whole;
    if (unlikely(r->dropped != NULL) && q->command && !dropped_lets_run(r->dropped, s->db, q, held)) {
        if (!held) dropped_settle(r->dropped);
        return REPLAY_MORE;
    }
    executor_run(&r->executor, s, q);
    if (unlikely(r->dropped != NULL) && !held) dropped_settle(r->dropped);
    if (unlikely(s->reply.errors != errors)) return refuse_reply(r, q->argv[0]);
    proven(!(s->flags & (SESSION_BLOCKED | SESSION_POSTPONED)));
    if (unlikely(s->out.len > REPLIES_KEPT_MAX)) buf_release(&s->out);
    return REPLAY_MORE;
}

/* ---- batches ---- */
static void prefetch(const struct replay *r) {
    const struct db *db = dataset_db(r->executor.dataset, r->session.db);
    proven(r->count <= REPLAY_BATCH);
    for (int stage = 0; stage < 3; stage++)
        for (unsigned i = 0; i < r->count; i++)
            if (r->requests[i].key_index) db_prefetch(db, r->requests[i].key_hash, stage);
}

static void show_top(struct replay *r) {
    struct dataset *ds = r->executor.dataset;
    proven(r->executor.loading);
    if (r->top && top_board_publish(r->top, ds, LOAD_TOP_INTERVAL_US)) dataset_top_refill(ds, REFILL_US);
}

static void publish(const struct replay *r, size_t used) {
    debug_proven(r->place >= 0);
    atomic_store_explicit(&r->progress->loaded_bytes, r->place + (int64_t)(used + r->apart), memory_order_relaxed);
}

static void slow_down(struct replay *r, size_t used) {
    proven(r->pace.cancelled != NULL);
    publish(r, used);
    show_top(r);
    pace_key(&r->pace);
}

/* *used: the end of the last that ran. */
static enum replay_result run_batch(struct replay *r, size_t *used) {
    enum replay_result result = REPLAY_MORE;
    unsigned count = r->count;
    proven(count <= REPLAY_BATCH);
    executor_begin_batch(&r->executor);
    for (unsigned i = 0; i < count; i++) executor_prepare(&r->executor, &r->requests[i]);
    if (count > 1) prefetch(r);
    for (unsigned i = 0; i < count && result == REPLAY_MORE; i++) {
        r->at = *used + r->apart;
        result = run_one(r, &r->requests[i]);
        if (result == REPLAY_MORE) *used = r->ends[i];
        if (unlikely(r->pace.delay_us && pace_on(&r->pace))) slow_down(r, *used);
    }
    buf_clear(&r->session.out);
    r->count = 0;
    r->slices_used = 0;
    publish(r, *used);
    atomic_store_explicit(&r->progress->loaded_keys, (int64_t)dataset_keys(r->executor.dataset), memory_order_relaxed);
    show_top(r);
    if (unlikely(r->room != NULL) && (!r->queued || r->whole)) room_watch(r->room, r->executor.dataset);
    return result;
}

static void add(struct replay *r, const struct slice *argv, int argc, size_t end) {
    proven(r->count < REPLAY_BATCH && argc > 0);
    r->requests[r->count] = (struct request){.argv = argv, .argc = argc};
    r->ends[r->count++] = end;
}

/* Takes as many plain commands as lie there and fit in a batch. Returns where the first that was not taken begins. */
static size_t gather(struct replay *r, const char *p, size_t n, size_t at) {
    while (at < n && p[at] == '*' && r->count < REPLAY_BATCH && REPLAY_SLICES - r->slices_used >= 16) {
        int argc;
        struct slice *argv = r->slices + r->slices_used;
        size_t bytes = resp_parse_fast(p + at, n - at, argv, (int)(REPLAY_SLICES - r->slices_used), &argc);
        if (bytes == 0) break;
        r->slices_used += (unsigned)argc;
        at += bytes;
        add(r, argv, argc, at);
    }
    proven(at <= n);
    return at;
}

/* Alone: what it has in blocks may become values, and goes else. */
static enum replay_result run_parsed(struct replay *r, size_t *used) {
    proven(r->count == 0 && r->parser.argc > 0);
    add(r, r->parser.argv, r->parser.argc, *used + r->parser.consumed);
    if (r->parser.blocks.count) r->requests[0].blocks = &r->parser.blocks;
    r->apart += r->parser.apart;
    enum replay_result result = run_batch(r, used);
    if (result == REPLAY_MORE) resp_parser_done(&r->parser);
    return result;
}

/* One command that is long, or not all there. */
static enum replay_result take_slow(struct replay *r, const char *p, size_t n, size_t *used) {
    proven(*used < n);
    if (p[*used] != '*') {
        snprintf(r->why, LOAD_ERROR_MAX, "not the beginning of a command");
        return REPLAY_BAD;
    }
    switch (resp_parse(&r->parser, p + *used, n - *used)) {
    case RESP_MORE:
        return REPLAY_MORE;
    case RESP_INVALID:
        snprintf(r->why, LOAD_ERROR_MAX, "%s", r->parser.error);
        return REPLAY_BAD;
    case RESP_NO_MEMORY:
        snprintf(r->why, LOAD_ERROR_MAX, "%s", r->parser.error);
        return REPLAY_REFUSED;
    case RESP_READY:
        break;
    }
    if (r->parser.argc == 0) {
        snprintf(r->why, LOAD_ERROR_MAX, "a command without words");
        return REPLAY_BAD;
    }
    return run_parsed(r, used);
}

static bool is_cancelled(const struct replay *r) {
    proven(r->cancelled && r->progress && r->why);
    return atomic_load_explicit(r->cancelled, memory_order_relaxed);
}

enum replay_result replay_feed(struct replay *r, const char *p, size_t n, size_t *used) {
    proven(r->count == 0);
    *used = r->apart = 0;
    r->multi_at = SIZE_MAX;
    while (*used < n) {
        if (is_cancelled(r)) return REPLAY_CANCELLED;
        if (p[*used] == '#') return REPLAY_MARK;
        if (resp_parser_fresh(&r->parser)) gather(r, p, n, *used);
        size_t before = *used;
        enum replay_result result = r->count ? run_batch(r, used) : take_slow(r, p, n, used);
        if (result != REPLAY_MORE || *used == before) return result;
    }
    return REPLAY_MORE;
}

void replay_forget(struct replay *r) {
    proven(r->count == 0);
    resp_parser_release(&r->parser);
}

void replay_discard(struct replay *r) {
    if (r->session.flags & SESSION_MULTI) transaction_discard(&r->session);
    if (r->dropped) dropped_discard(r->dropped);
    r->queued = false;
    proven(!(r->session.flags & SESSION_MULTI));
}
