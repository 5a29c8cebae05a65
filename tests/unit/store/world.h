/* A table beside a plain model of it, for the tests of the store: keys are small integers, the model an array. */
#ifndef TARN_TESTS_STORE_WORLD_H
#define TARN_TESTS_STORE_WORLD_H

#include "store/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

struct item {
    uint64_t key, value;
};

typedef uint64_t hash_kind(uint64_t key);

struct world {
    struct table table;
    struct frozen frozen;
    struct random random;
    hash_kind *hash;
    struct item **model; /* by key; NULL: absent */
    uint16_t *user;
    size_t keys, count;
    uint64_t next_value;
};

/* ---- hashes: all are one to one, so that a found item is the right one ---- */
static inline uint64_t hash_good(uint64_t key) { /* a bijection with good spread (multiply, shift, twice) */
    key = (key + 1) * UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ key >> 32) * UINT64_C(0xd6e8feb86659fd93);
    key = (key ^ key >> 29) * UINT64_C(0xd6e8feb86659fd93);
    return key ^ key >> 32;
}

/* Clumps of 20 keys with one position: more than two buckets each. */
static inline uint64_t hash_clumped(uint64_t key) {
    return (hash_good(key / 20) & ~UINT64_C(0xffff)) | (key % 20 * 257 & 0xffff);
}

/* All keys in 2^-12 of the range, so the first splits leave one side empty. */
static inline uint64_t hash_narrow(uint64_t key) { return UINT64_C(0xabc) << 52 | hash_good(key) >> 12; }

/* Few tags: many slots of a bucket are candidates. */
static inline uint64_t hash_few_tags(uint64_t key) { return (key * UINT64_C(0x9e3779b1) & 0x1ffff) << 47 | key; }

/* Runs of keys in neighbouring buckets. */
static inline uint64_t hash_sequential(uint64_t key) { return key << 40 | key; }

static hash_kind *const hash_kinds[] = {hash_good, hash_clumped, hash_narrow, hash_few_tags, hash_sequential};

static inline uint64_t world_hash_of(const void *entry, const void *arg) {
    return ((const struct world *)arg)->hash(((const struct item *)entry)->key);
}

static inline uint64_t test_seed(void) {
    const char *text = getenv("TARN_SEED");
    uint64_t seed = 1;
    if (text)
        seed = strtoull(text, NULL, 10);
    else
        random_system_bytes(&seed, 4);
    seed &= UINT32_MAX;
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline void world_init(struct world *w, hash_kind *hash, size_t keys, uint64_t seed) {
    memset(w, 0, sizeof *w);
    w->hash = hash;
    w->keys = keys;
    w->model = calloc(keys, sizeof *w->model);
    w->user = calloc(keys, sizeof *w->user);
    random_init(&w->random, seed);
    frozen_init(&w->frozen);
    table_init(&w->table, world_hash_of, w, MEM_TABLE);
}

/* Frees everything and holds the accounts of the owners against it. */
static inline void world_release(struct world *w) {
    for (size_t key = 0; key < w->keys; key++)
        if (w->model[key]) mem_free(MEM_STRINGS, w->model[key], sizeof(struct item));
    table_release(&w->table);
    free(w->model);
    free(w->user);
    assert_true(mem_owner_bytes(MEM_TABLE) == 0 && mem_owner_blocks(MEM_TABLE) == 0);
    assert_true(mem_owner_bytes(MEM_LIMBO) == 0 && mem_owner_blocks(MEM_LIMBO) == 0);
    assert_true(mem_owner_bytes(MEM_STRINGS) == 0 && mem_owner_blocks(MEM_STRINGS) == 0);
}

static inline bool item_matches(const void *entry, const void *key) {
    return ((const struct item *)entry)->key == *(const uint64_t *)key;
}

static inline table_slot *world_find(struct world *w, uint64_t key) {
    return table_find(&w->table, w->hash(key), item_matches, &key);
}

static inline struct item *item_new(struct world *w, uint64_t key) {
    struct item *item = mem_alloc(MEM_STRINGS, sizeof *item);
    *item = (struct item){key, w->next_value++};
    return item;
}

static inline void world_insert(struct world *w, uint64_t key) {
    struct item *item = item_new(w, key);
    w->user[key] = (uint16_t)random_next(&w->random);
    table_slot *slot = table_insert(&w->table, &w->frozen, w->hash(key), item, w->user[key]);
    assert_ptr_equal(table_slot_entry(slot), item);
    w->model[key] = item;
    w->count++;
}

static inline void world_drop_item(struct world *w, struct item *item, bool shared) {
    if (shared)
        frozen_limbo(&w->frozen, MEM_STRINGS, item, sizeof *item, 0);
    else
        mem_free(MEM_STRINGS, item, sizeof *item);
}

static inline void world_remove(struct world *w, uint64_t key, table_slot *slot) {
    bool shared = table_entry_shared(&w->table, w->hash(key), slot);
    struct item *item = table_remove(&w->table, &w->frozen, w->hash(key), slot);
    assert_ptr_equal(item, w->model[key]);
    world_drop_item(w, item, shared);
    w->model[key] = NULL;
    w->count--;
}

/* A new value: in place when nobody else reads the item, else in another item. */
static inline void world_change(struct world *w, uint64_t key, table_slot *slot, bool always_replace) {
    bool shared = table_entry_shared(&w->table, w->hash(key), slot);
    if (!shared && !always_replace) {
        w->model[key]->value = w->next_value++;
        return;
    }
    struct item *old = w->model[key], *item = item_new(w, key);
    slot = table_writable(&w->table, &w->frozen, w->hash(key), slot);
    table_slot_replace(&w->table, slot, item);
    assert_int_equal(table_slot_user(slot), w->user[key]);
    w->model[key] = item;
    world_drop_item(w, old, shared);
}

/* One random operation on a random key; `lean` of 256 are insertions where there is a choice. */
static inline void world_step(struct world *w, unsigned lean) {
    uint64_t key = random_below(&w->random, w->keys);
    unsigned dice = (unsigned)random_below(&w->random, 256);
    table_slot *slot = world_find(w, key);
    assert_true((slot != NULL) == (w->model[key] != NULL));
    if (!slot) {
        if (dice < lean) world_insert(w, key);
        return;
    }
    assert_ptr_equal(table_slot_entry(slot), w->model[key]);
    assert_int_equal(table_slot_user(slot), w->user[key]);
    if (dice >= lean)
        world_remove(w, key, slot);
    else if (dice < lean / 3)
        world_change(w, key, slot, dice & 1);
    else if (dice < lean / 2)
        table_slot_set_user(slot, w->user[key] = (uint16_t)random_next(&w->random));
}

static inline void world_check(const struct world *w) {
    table_verify(&w->table);
    assert_true(w->table.count == w->count);
    assert_true((int64_t)w->table.bytes == mem_owner_bytes(MEM_TABLE));
}

#endif
