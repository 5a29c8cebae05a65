#include "observe/prefix_shelf.h"

#include "mem/mem.h"
#include "observe/prefixes.h"

#include <pthread.h>

struct prefix_shelf {
    pthread_mutex_t lock;
    struct prefix_report *last;
    atomic_bool wanted;
};

struct prefix_shelf *prefix_shelf_new(void) {
    struct prefix_shelf *s = mem_alloc_zeroed(MEM_OBSERVE, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void prefix_shelf_free(struct prefix_shelf *s) {
    if (!s) return;
    prefix_report_drop(s->last);
    pthread_mutex_destroy(&s->lock);
    mem_free(MEM_OBSERVE, s, sizeof *s);
}

void prefix_shelf_put(struct prefix_shelf *s, struct prefix_report *r) {
    pthread_mutex_lock(&s->lock);
    struct prefix_report *old = s->last;
    s->last = r;
    pthread_mutex_unlock(&s->lock);
    prefix_report_drop(old);
}

struct prefix_report *prefix_shelf_take(struct prefix_shelf *s) {
    pthread_mutex_lock(&s->lock);
    struct prefix_report *r = s->last;
    if (r) atomic_fetch_add(&r->holders, 1);
    pthread_mutex_unlock(&s->lock);
    return r;
}

void prefix_shelf_want(struct prefix_shelf *s) { atomic_store_explicit(&s->wanted, true, memory_order_relaxed); }

bool prefix_shelf_wanted(struct prefix_shelf *s) {
    return atomic_exchange_explicit(&s->wanted, false, memory_order_relaxed);
}
