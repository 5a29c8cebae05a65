#include "exec/transaction.h"

#include "base/check.h"
#include "exec/context.h"
#include "exec/executor_int.h"
#include "exec/saved.h"

struct transaction {
    struct saved_request *first, **end;
    int count;
    size_t bytes;
    unsigned any_flags, all_flags; /* of what is queued: in any of them, in all of them */
    struct list_node watches;      /* struct topic_link.in_session */
    size_t watch_count;
    struct list_node watching; /* in watchers.sessions while watch_count > 0 */
    struct session *session;
};

struct watchers *watchers_new(void) {
    struct watchers *w = mem_alloc_zeroed(MEM_CLIENT_IN, sizeof *w);
    topics_init(&w->keys, MEM_CLIENT_IN);
    list_init(&w->sessions);
    return w;
}

void watchers_free(struct watchers *w) {
    topics_release(&w->keys);
    mem_free(MEM_CLIENT_IN, w, sizeof *w);
}

static struct transaction *obtain(struct session *s) {
    if (s->transaction) return s->transaction;
    struct transaction *t = mem_alloc_zeroed(MEM_CLIENT_IN, sizeof *t);
    t->end = &t->first;
    t->all_flags = ~0u;
    t->session = s;
    list_init(&t->watches);
    list_init(&t->watching);
    s->transaction = t;
    return t;
}

static void drop_when_empty(struct session *s) {
    struct transaction *t = s->transaction;
    if (!t || t->watch_count > 0 || s->flags & SESSION_MULTI) return;
    proven(!t->first);
    mem_free(MEM_CLIENT_IN, t, sizeof *t);
    s->transaction = NULL;
}

/* ---- the queue ---- */
void transaction_begin(struct session *s) {
    obtain(s);
    s->flags |= SESSION_MULTI;
}

void transaction_queue(struct session *s, const struct request *r) {
    struct transaction *t = s->transaction;
    struct saved_request *saved = saved_request_try_take(r->command, r->argv, r->argc, r->blocks);
    if (!saved) {
        s->flags |= SESSION_BROKEN;
        reply_error(&s->reply, "OOM not enough memory to queue the command");
        return;
    }
    *t->end = saved;
    t->end = &saved->next;
    t->count++;
    t->bytes += saved_request_bytes(saved);
    t->any_flags |= r->command->flags;
    t->all_flags &= r->command->flags;
    reply_simple(&s->reply, "QUEUED");
}

static void drop_queue(struct transaction *t) {
    for (struct saved_request *r = t->first, *next; r; r = next) {
        next = r->next;
        saved_request_free(r);
    }
    t->first = NULL;
    t->end = &t->first;
    t->count = 0;
    t->bytes = 0;
    t->any_flags = 0;
    t->all_flags = ~0u;
}

void transaction_discard(struct session *s) {
    if (s->transaction) drop_queue(s->transaction);
    s->flags &= ~(unsigned)(SESSION_MULTI | SESSION_BROKEN);
    transaction_unwatch(s);
    drop_when_empty(s);
}

unsigned transaction_flags(const struct session *s, unsigned exec_flags) {
    const struct transaction *t = s->transaction;
    if (!t || !(s->flags & SESSION_MULTI)) return exec_flags;
    const unsigned granted = CMD_LOADING | CMD_STALE,
                   inherited = CMD_WRITE | CMD_DENYOOM | CMD_MAY_REPLICATE | CMD_NO_ASYNC_LOADING;
    return (exec_flags & (t->all_flags | ~granted)) | (t->any_flags & inherited);
}

/* ---- EXEC ---- */
static struct key key_of(const struct dataset *ds, struct slice name) {
    return (struct key){name, dataset_hash(ds, name)};
}

static bool is_present(struct dataset *ds, unsigned db, struct slice name) {
    return db < dataset_databases(ds) &&
           db_view(dataset_db(ds, db), key_of(ds, name), VIEW_NO_TOUCH | VIEW_NO_STATS) != NULL;
}

/* A key whose time has come counts as changed, though nobody has noticed yet: looking at it removes it, and that is told. */
static void notice_expiry(struct executor *x, struct session *s) {
    list_each(node, &s->transaction->watches) {
        const struct topic *topic = list_entry(node, struct topic_link, in_session)->topic;
        is_present(x->dataset, topic->scope, topic_name(topic));
        if (s->flags & SESSION_DIRTY) return; /* it watches nothing any more: there is no next node */
    }
}

static void run_queue(struct executor *x, struct session *s) {
    s->flags |= SESSION_EXEC;
    for (struct saved_request *saved = s->transaction->first; saved; saved = saved->next) {
        const struct request r = {
            .argv = saved->argv, .argc = saved->argc, .command = saved->command, .blocks = &saved->blocks};
        executor_call(x, s, &r);
    }
    s->flags &= ~(unsigned)SESSION_EXEC;
}

void transaction_exec(struct context *c) {
    struct session *s = c->session;
    proven(s->flags & SESSION_MULTI && s->transaction);
    notice_expiry(c->executor, s);
    if (s->flags & SESSION_BROKEN) {
        reply_error(c->reply, "EXECABORT Transaction discarded because of previous errors.");
    } else if (s->flags & SESSION_DIRTY) {
        reply_null_array(c->reply);
    } else {
        transaction_unwatch(s); /* what it does itself is no reason to be told */
        reply_array(c->reply, s->transaction->count);
        run_queue(c->executor, s);
    }
    transaction_discard(s);
}

void transaction_abort(struct session *s, const char *why) {
    transaction_discard(s);
    if (strncmp(why, "ERR ", 4) == 0) why += 4;
    reply_error_format(&s->reply, "EXECABORT Transaction discarded because of: %s", why);
}

/* ---- WATCH ---- */
void transaction_watch(struct context *c, struct slice key) {
    struct session *s = c->session;
    struct watchers *w = c->executor->watchers;
    if (s->flags & SESSION_DIRTY) return; /* lost already */
    bool present = is_present(c->dataset, s->db, key);
    struct transaction *t = obtain(s);
    struct topic_link *link = topics_join(&w->keys, s->db, key, s, &t->watches);
    if (!link) return;
    link->mark = present;
    if (t->watch_count++ > 0) return;
    list_append(&w->sessions, &t->watching);
    w->session_count++;
    executor_listen(c->executor);
}

/* Without a word about SESSION_DIRTY. */
static void forget_watches(struct session *s) {
    struct transaction *t = s->transaction;
    struct watchers *w = s->executor->watchers;
    if (!t || t->watch_count == 0) return;
    topics_leave_all(&w->keys, &t->watches);
    t->watch_count = 0;
    list_remove(&t->watching);
    w->session_count--;
    if (w->session_count == 0) executor_listen(s->executor);
}

void transaction_unwatch(struct session *s) {
    forget_watches(s);
    s->flags &= ~(unsigned)SESSION_DIRTY;
    drop_when_empty(s);
}

static void spoil(struct session *s) {
    s->flags |= SESSION_DIRTY;
    forget_watches(s);
    drop_when_empty(s);
}

/* ---- what happens to keys ---- */
void transaction_key_changed(struct executor *x, unsigned db, struct slice key) {
    struct topic *topic;
    if (x->watchers->judging) return;
    while ((topic = topics_find(&x->watchers->keys, db, key))) { /* gone with the last that watched it */
        spoil(list_entry(topic->members.next, struct topic_link, in_topic)->session);
    }
}

/* Spoils every session with a watched key that fits. Looking at a key may remove it because its time has come: that is part of
 * what is judged here, and no change of its own. */
static void spoil_where(struct executor *x, bool (*fits)(const struct topic_link *link, void *arg), void *arg) {
    x->watchers->judging = true;
    list_each_safe(node, &x->watchers->sessions) {
        const struct transaction *t = list_entry(node, struct transaction, watching);
        bool found = false;
        list_each(it, &t->watches) {
            found = fits(list_entry(it, struct topic_link, in_session), arg);
            if (found) break;
        }
        if (found) spoil(t->session);
    }
    x->watchers->judging = false;
}

static bool is_flushed(const struct topic_link *link, void *arg) {
    int db = *(const int *)arg;
    return link->mark && (db < 0 || link->topic->scope == (unsigned)db);
}

void transaction_flushed(struct executor *x, int db) { spoil_where(x, is_flushed, &db); }

struct swap {
    struct dataset *dataset;
    unsigned a, b;
};

static bool is_swapped(const struct topic_link *link, void *arg) {
    const struct swap *swap = arg;
    unsigned db = link->topic->scope;
    if (db != swap->a && db != swap->b) return false;
    return link->mark || is_present(swap->dataset, db, topic_name(link->topic));
}

void transaction_swapped(struct executor *x, unsigned a, unsigned b) {
    struct swap swap = {x->dataset, a, b};
    if (a != b) spoil_where(x, is_swapped, &swap);
}

static bool is_replaced(const struct topic_link *link, void *dataset) {
    return link->mark || is_present(dataset, link->topic->scope, topic_name(link->topic));
}

void transaction_replaced(struct executor *x) { spoil_where(x, is_replaced, x->dataset); }

/* ---- CLIENT LIST ---- */
int transaction_queued(const struct session *s) { return s->flags & SESSION_MULTI ? s->transaction->count : -1; }

size_t transaction_bytes(const struct session *s) { return s->transaction ? s->transaction->bytes : 0; }

size_t transaction_watched(const struct session *s) { return s->transaction ? s->transaction->watch_count : 0; }
