#include "exec/blocking.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "exec/executor_int.h"
#include "exec/saved.h"

#include <math.h>

struct key_wait { /* session.wait_arg; owner MEM_CLIENT */
    const struct key_wait_kind *kind;
    struct saved_request *request;
    struct list_node links; /* struct topic_link.in_session */
    void *state;
};

/* ---- scopes: database, whether loss matters, type ---- */
#define SCOPE_LOSS 8u
_Static_assert(TYPE_COUNT <= SCOPE_LOSS, "a type has three bits");

static unsigned scope_kind(const struct key_wait_kind *kind) {
    return (unsigned)kind->type | (kind->lost ? SCOPE_LOSS : 0);
}

static unsigned scope_of(unsigned db, unsigned kind) { return db * BLOCKING_SCOPES + kind; }

static unsigned scope_db(const struct topic *topic) { return topic->scope / BLOCKING_SCOPES; }

struct blocking *blocking_new(void) {
    struct blocking *b = mem_alloc_zeroed(MEM_CLIENT, sizeof *b);
    topics_init(&b->keys, MEM_CLIENT);
    list_init(&b->ready);
    return b;
}

void blocking_free(struct blocking *b) {
    proven(b->total == 0 && list_empty(&b->ready));
    topics_release(&b->keys);
    mem_free(MEM_CLIENT, b, sizeof *b);
}

/* ---- beginning and ending a wait ---- */
static void forget(struct session *s) {
    struct blocking *b = s->executor->blocking;
    struct key_wait *wait = s->wait_arg;
    topics_leave_all(&b->keys, &wait->links);
    b->waiting[scope_kind(wait->kind)]--;
    b->total--;
    if (wait->kind->release) wait->kind->release(wait->state);
    saved_request_free(wait->request);
    mem_free(MEM_CLIENT, wait, sizeof *wait);
    s->wait_arg = NULL;
    if (b->total == 0) executor_listen(s->executor);
}

static void timed_out(struct session *s) {
    const struct key_wait *wait = s->wait_arg;
    wait->kind->timed_out(s);
    forget(s);
}

static const struct session_wait key_wait_end = {.timed_out = timed_out, .cancelled = forget, .can_unblock = true};

void blocking_wait(struct context *c, const struct key_wait_kind *kind, int first, int count, void *state,
                   int64_t timeout_ms) {
    struct session *s = c->session;
    struct blocking *b = c->executor->blocking;
    proven(context_may_block(c) && kind->serve && kind->timed_out && first > 0 && first + count <= c->argc);
    struct saved_request *request = saved_request_try_new((struct command *)(uintptr_t)c->command, c->argv, c->argc);
    if (!request) {
        if (kind->release) kind->release(state);
        reply_error(c->reply, "OOM not enough memory to wait with this request");
        return;
    }
    struct key_wait *wait = mem_alloc(MEM_CLIENT, sizeof *wait);
    *wait = (struct key_wait){.kind = kind, .request = request, .state = state};
    list_init(&wait->links);
    unsigned scope = scope_of(s->db, scope_kind(kind));
    for (int i = first; i < first + count; i++) topics_join(&b->keys, scope, c->argv[i], s, &wait->links);
    b->waiting[scope_kind(kind)]++;
    if (b->total++ == 0) executor_listen(c->executor);
    session_block(s, &key_wait_end, wait, timeout_ms);
}

void *blocking_state(const struct session *s) {
    proven(s->wait == &key_wait_end);
    return ((const struct key_wait *)s->wait_arg)->state;
}

/* Rounded up before it is looked at: what is above -1 ms counts as 0, as in Redis. */
bool blocking_timeout(struct context *c, int i, int64_t *timeout_ms) {
    long double seconds, ms;
    if (!num_parse_long_double(c->argv[i], &seconds)) {
        reply_error(c->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    ms = ceill(seconds * 1000);
    if (ms >= (long double)(INT64_MAX - c->now_ms)) {
        reply_error(c->reply, "ERR timeout is out of range");
    } else if (ms < 0) {
        reply_error(c->reply, "ERR timeout is negative");
    } else {
        *timeout_ms = (int64_t)ms;
        return true;
    }
    return false;
}

/* ---- what becomes ready ---- */
static void mark(struct blocking *b, struct topic *topic) {
    if (list_empty(&topic->waiting)) list_append(&b->ready, &topic->waiting);
}

void blocking_key_changed(struct executor *x, unsigned db, struct slice key) {
    struct blocking *b = x->blocking;
    for (unsigned kind = 0; b->total > 0 && kind < BLOCKING_SCOPES; kind++) {
        if (b->waiting[kind] == 0) continue;
        struct topic *topic = topics_find(&b->keys, scope_of(db, kind), key);
        if (topic) mark(b, topic);
    }
}

void blocking_flushed(struct executor *x, int db) {
    list_each(node, &x->blocking->keys.all) {
        struct topic *topic = list_entry(node, struct topic, place);
        if (topic->scope & SCOPE_LOSS && (db < 0 || scope_db(topic) == (unsigned)db)) mark(x->blocking, topic);
    }
}

void blocking_swapped(struct executor *x, unsigned a, unsigned b) {
    list_each(node, &x->blocking->keys.all) {
        struct topic *topic = list_entry(node, struct topic, place);
        if (scope_db(topic) == a || scope_db(topic) == b) mark(x->blocking, topic);
    }
}

void blocking_replaced(struct executor *x) {
    list_each(node, &x->blocking->keys.all) mark(x->blocking, list_entry(node, struct topic, place));
}

/* ---- serving ---- */
static bool is_there(struct executor *x, const struct topic *topic) {
    struct slice name = topic_name(topic);
    struct key key = {name, dataset_hash(x->dataset, name)};
    struct db *db = dataset_db(x->dataset, scope_db(topic));
    const struct entry *e = db_view(db, key, VIEW_NO_TOUCH | VIEW_NO_STATS);
    return e && (unsigned)entry_type(e) == (topic->scope & (SCOPE_LOSS - 1));
}

/* One who is closing is destroyed at the end of the turn, and must not take anything with it. */
static void try_one(struct executor *x, const struct topic_link *link, bool there) {
    struct session *s = link->session;
    const struct key_wait *wait = s->wait_arg;
    if (s->flags & SESSION_CLOSING) return;
    bool (*attempt)(struct context * c, struct slice key) = there ? wait->kind->serve : wait->kind->lost;
    if (!executor_try(x, s, wait->request, attempt, topic_name(link->topic))) return;
    forget(s);
    session_unblock(s);
}

/* The topic goes with its last member, so it is not looked at after the last of those who were there. */
static void serve_topic(struct executor *x, struct topic *topic) {
    bool matters = topic->scope & SCOPE_LOSS;
    struct list_node *node = topic->members.next;
    for (size_t left = topic->member_count; left > 0; left--) {
        struct list_node *next = node->next;
        bool there = is_there(x, topic);
        if (!there && !matters) return;
        try_one(x, list_entry(node, struct topic_link, in_topic), there);
        node = next;
    }
}

void blocking_serve(struct executor *x) {
    struct list_node *node;
    if (x->loading) return; /* what is waited for may be in the file */
    while ((node = list_take_first(&x->blocking->ready))) serve_topic(x, list_entry(node, struct topic, waiting));
}

size_t blocking_keys_on_loss(const struct blocking *b) {
    size_t n = 0;
    list_each(node, &b->keys.all) n += (list_entry(node, struct topic, place)->scope & SCOPE_LOSS) != 0;
    return n;
}
