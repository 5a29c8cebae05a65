/* Two pages: the one that is shown changes under the lock, the other is its writer's. */
#include "base/check.h"
#include "base/clock.h"
#include "keyspace/top.h"
#include "mem/mem.h"

#include <pthread.h>
#include <string.h>

struct board_key {
    struct top_key key; /* its slice points to bytes */
    char bytes[TOP_BOARD_KEY];
};

struct board_page {
    int64_t taken_us; /* 0: empty */
    size_t count, sure;
    struct board_key keys[TOP_SHOWN_MAX];
};

struct top_board {
    pthread_mutex_t lock;
    int64_t published_us; /* the writer's */
    unsigned shown;       /* under the lock */
    struct board_page pages[2];
};

struct top_board *top_board_new(void) {
    struct top_board *b = mem_alloc_zeroed(MEM_OBSERVE, sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    proven(b->pages[b->shown].taken_us == 0);
    return b;
}

void top_board_free(struct top_board *b) {
    if (!b) return;
    proven(b->shown < 2);
    pthread_mutex_destroy(&b->lock);
    mem_free(MEM_OBSERVE, b, sizeof *b);
}

void top_board_clear(struct top_board *b) {
    pthread_mutex_lock(&b->lock);
    b->pages[b->shown].taken_us = 0;
    b->pages[b->shown].count = 0;
    b->published_us = 0;
    pthread_mutex_unlock(&b->lock);
    proven(b->shown < 2);
}

static void copy_key(void *arg, const struct top_key *key) {
    struct board_page *page = arg;
    proven(page->count < TOP_SHOWN_MAX);
    struct board_key *to = &page->keys[page->count++];
    size_t n = key->key.len < TOP_BOARD_KEY ? key->key.len : TOP_BOARD_KEY;
    to->key = *key;
    if (n) memcpy(to->bytes, key->key.ptr, n);
    to->key.key = slice_of(to->bytes, n);
}

bool top_board_publish(struct top_board *b, const struct dataset *ds, int64_t interval_us) {
    int64_t now_us = clock_mono_us();
    if (now_us - b->published_us < interval_us) return false;
    b->published_us = now_us;
    struct board_page *page = &b->pages[!b->shown]; /* only a writer exchanges them, and there is one */
    page->count = 0;
    dataset_top(ds, TOP_SHOWN_MAX, copy_key, page);
    page->sure = dataset_top_sure(ds);
    page->taken_us = now_us;
    proven(page->count <= TOP_SHOWN_MAX);
    if (pthread_mutex_trylock(&b->lock)) return true; /* a reader is at it: the next time */
    b->shown = !b->shown;
    pthread_mutex_unlock(&b->lock);
    return true;
}

size_t top_board_read(struct top_board *b, size_t n, int64_t *age_us,
                      void (*visit)(void *arg, const struct top_key *key), void *arg) {
    proven(n <= TOP_SHOWN_MAX && visit);
    pthread_mutex_lock(&b->lock);
    const struct board_page *page = &b->pages[b->shown];
    *age_us = page->taken_us ? clock_mono_us() - page->taken_us : -1;
    for (size_t i = 0; i < n && i < page->count; i++) visit(arg, &page->keys[i].key);
    size_t sure = page->sure;
    pthread_mutex_unlock(&b->lock);
    return sure;
}
