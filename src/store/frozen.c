#include "store/frozen.h"

#include "base/check.h"

#include <string.h>

/* 64 KiB a chunk: one allocation for every 4095 blocks. */
#define LIMBO_ITEMS 4095

struct limbo_item {
    void *ptr;
    uint64_t size : 48;  /* or where the function is */
    uint64_t align : 16; /* 0: mem_free, LIMBO_CALL: a function, else mem_free_aligned */
};

#define LIMBO_CALL 1

struct limbo {
    struct limbo *next;
    size_t count;
    struct limbo_item items[LIMBO_ITEMS];
};

_Static_assert(sizeof(struct limbo) == 65536, "a limbo chunk is one allocator size class");

void frozen_init(struct frozen *f) { memset(f, 0, sizeof *f); }

void frozen_begin(struct frozen *f) {
    proven(!f->live && !f->limbo);
    f->live = true;
    if (++f->generation == 0) f->generation = 1;
    f->count = f->bytes = 0;
}

struct limbo *frozen_end(struct frozen *f) {
    proven(f->live);
    struct limbo *limbo = f->limbo;
    f->live = false;
    f->limbo = NULL;
    f->count = f->bytes = 0;
    return limbo;
}

static struct limbo_item *next_item(struct limbo **list) {
    debug_proven(!*list || (*list)->count <= LIMBO_ITEMS);
    struct limbo *limbo = *list;
    if (!limbo || limbo->count == LIMBO_ITEMS) {
        limbo = mem_alloc(MEM_LIMBO, sizeof *limbo);
        limbo->next = *list;
        limbo->count = 0;
        *list = limbo;
    }
    return &limbo->items[limbo->count++];
}

static void add_block(struct limbo **list, enum mem_owner owner, void *p, size_t n, size_t align) {
    proven(p && n < UINT64_C(1) << 48 && align != LIMBO_CALL && align <= 4096);
    mem_move(owner, MEM_LIMBO, p, n);
    struct limbo_item *item = next_item(list);
    item->ptr = p;
    item->size = n & ((UINT64_C(1) << 48) - 1);
    item->align = align & 0xffff;
}

void limbo_add(struct limbo **list, enum mem_owner owner, void *p, size_t n) { add_block(list, owner, p, n, 0); }

void limbo_add_value(struct limbo **list, void (*release)(void *value), void *value) {
    uint64_t function = (uint64_t)(uintptr_t)release;
    proven(value && function && function < UINT64_C(1) << 48);
    struct limbo_item *item = next_item(list);
    item->ptr = value;
    item->size = function & ((UINT64_C(1) << 48) - 1);
    item->align = LIMBO_CALL;
}

void frozen_limbo(struct frozen *f, enum mem_owner owner, void *p, size_t n, size_t align) {
    proven(f->live);
    add_block(&f->limbo, owner, p, n, align);
    f->count++;
    f->bytes += mem_good_size(n);
    if (f->bytes > f->peak_bytes) f->peak_bytes = f->bytes;
}

void frozen_limbo_value(struct frozen *f, void (*release)(void *value), void *value) {
    proven(f->live);
    limbo_add_value(&f->limbo, release, value);
    f->count++;
}

static void limbo_item_free(const struct limbo_item *item) {
    debug_proven(item->ptr);
    if (item->align == LIMBO_CALL)
        ((void (*)(void *))(uintptr_t)item->size)(item->ptr);
    else if (item->align)
        mem_free_aligned(MEM_LIMBO, item->ptr, item->size, item->align);
    else
        mem_free(MEM_LIMBO, item->ptr, item->size);
}

void limbo_free(struct limbo *limbo) {
    while (limbo) {
        struct limbo *next = limbo->next;
        proven(limbo->count <= LIMBO_ITEMS);
        for (size_t i = 0; i < limbo->count; i++) limbo_item_free(&limbo->items[i]);
        mem_free(MEM_LIMBO, limbo, sizeof *limbo);
        limbo = next;
    }
}
