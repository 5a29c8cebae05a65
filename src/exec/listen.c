/* What the executor hears of its dataset, and whom it tells. A hook that nobody needs is NULL, so that a SET without watchers,
 * waiters and listeners pays one test. */
#include "exec/blocking.h"
#include "exec/executor.h"
#include "exec/journal.h"
#include "exec/tracking.h"
#include "exec/transaction.h"

#include "keyspace/db.h"

static void key_changed(struct executor *x, unsigned db, struct slice key) {
    transaction_key_changed(x, db, key);
    blocking_key_changed(x, db, key);
    if (x->tracking->session_count > 0) tracking_key_changed(x, key);
}

static void on_changed(void *arg, struct db *db, struct slice key) {
    struct executor *x = arg;
    key_changed(x, db_index(db), key);
}

static void tell(const struct executor *x, enum notify_class class, const char *event, struct slice key, unsigned db) {
    if (x->notify_classes & class) x->hooks.notify(x->hooks.arg, class, event, key, db);
}

static void on_expired(void *arg, struct db *db, struct slice key) {
    struct executor *x = arg;
    if (x->journal) journal_removed(x->journal, db_index(db), key, x->now_ms);
    key_changed(x, db_index(db), key);
    tell(x, NOTIFY_EXPIRED, "expired", key, db_index(db));
}

static void on_element_expired(void *arg, struct db *db, struct slice key, struct slice element) {
    struct executor *x = arg;
    journal_field_removed(x->journal, db_index(db), key, element, x->now_ms);
}

static void on_elements_expired(void *arg, struct db *db, struct slice key, bool emptied) {
    tell(arg, NOTIFY_HASH, "hexpired", key, db_index(db));
    if (emptied) tell(arg, NOTIFY_GENERIC, "del", key, db_index(db));
}

static void on_evicted(void *arg, struct db *db, struct slice key) {
    struct executor *x = arg;
    if (x->journal) journal_removed(x->journal, db_index(db), key, x->now_ms);
    key_changed(x, db_index(db), key);
    tell(x, NOTIFY_EVICTED, "evicted", key, db_index(db));
}

static void on_added(void *arg, struct db *db, struct slice key) { tell(arg, NOTIFY_NEW, "new", key, db_index(db)); }

static void on_missed(void *arg, struct db *db, struct slice key) {
    tell(arg, NOTIFY_MISS, "keymiss", key, db_index(db));
}

static void on_flushed(void *arg, int db) {
    transaction_flushed(arg, db);
    blocking_flushed(arg, db);
    tracking_flushed(arg);
}

void executor_listen(struct executor *x) {
    bool watched = x->watchers->session_count > 0 || x->blocking->total > 0 || x->tracking->session_count > 0;
    unsigned told = x->hooks.notify ? x->notify_classes : 0;
    struct keyspace_hooks *hooks = &x->keyspace;
    hooks->arg = x;
    hooks->changed = watched ? on_changed : NULL;
    hooks->expired = watched || x->journal || told & NOTIFY_EXPIRED ? on_expired : NULL;
    hooks->evicted = watched || x->journal || told & NOTIFY_EVICTED ? on_evicted : NULL;
    hooks->element_expired = x->journal ? on_element_expired : NULL;
    hooks->elements_expired = told & (NOTIFY_HASH | NOTIFY_GENERIC) ? on_elements_expired : NULL;
    hooks->added = told & NOTIFY_NEW ? on_added : NULL;
    hooks->missed = told & NOTIFY_MISS ? on_missed : NULL;
    hooks->flushed = watched ? on_flushed : NULL;
    dataset_set_hooks(x->dataset, hooks);
}

void executor_set_journal(struct executor *x, struct journal *j) {
    x->journal = j;
    executor_listen(x);
}

void executor_swapped(struct executor *x, unsigned a, unsigned b) {
    transaction_swapped(x, a, b);
    blocking_swapped(x, a, b);
}
