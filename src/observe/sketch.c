#include "observe/sketch.h"

#include "base/check.h"
#include "base/random.h"
#include "base/siphash.h"
#include "mem/mem.h"

#include <stdlib.h>

#define NOWHERE UINT32_MAX

struct sketch {
    struct siphash_seed seed;
    unsigned places, len;
    size_t text_max;
    uint64_t added;
    uint32_t mask;                /* of index */
    uint32_t *index;              /* open addressing, linear probing: hash -> entry, NOWHERE: empty */
    uint32_t *heap;               /* entries, the lightest first */
    struct sketch_entry *entries; /* len of places in use */
};

static size_t index_bytes(const struct sketch *s) { return ((size_t)s->mask + 1) * sizeof *s->index; }

struct sketch *sketch_new(unsigned places, size_t text_max) {
    struct sketch *s = mem_alloc_zeroed(MEM_OBSERVE, sizeof *s);
    uint32_t slots = 2;
    proven(places > 0 && places < 1u << 24 && text_max > 0);
    while (slots < 2 * places) slots *= 2;
    random_system_bytes(&s->seed, sizeof s->seed);
    s->places = places;
    s->text_max = text_max;
    s->mask = slots - 1;
    s->index = mem_alloc(MEM_OBSERVE, index_bytes(s));
    memset(s->index, 0xff, index_bytes(s));
    s->heap = mem_alloc(MEM_OBSERVE, places * sizeof *s->heap);
    s->entries = mem_alloc_zeroed(MEM_OBSERVE, places * sizeof *s->entries);
    return s;
}

void sketch_clear(struct sketch *s) {
    for (unsigned i = 0; i < s->len; i++)
        s->entries[i] = (struct sketch_entry){.text = s->entries[i].text, .cap = s->entries[i].cap};
    memset(s->index, 0xff, index_bytes(s));
    s->len = 0;
    s->added = 0;
}

void sketch_free(struct sketch *s) {
    if (!s) return;
    for (unsigned i = 0; i < s->places; i++) mem_free(MEM_OBSERVE, s->entries[i].text, s->entries[i].cap);
    mem_free(MEM_OBSERVE, s->index, index_bytes(s));
    mem_free(MEM_OBSERVE, s->heap, s->places * sizeof *s->heap);
    mem_free(MEM_OBSERVE, s->entries, s->places * sizeof *s->entries);
    mem_free(MEM_OBSERVE, s, sizeof *s);
}

/* ---- the index ---- */

static uint32_t *index_find(const struct sketch *s, uint64_t hash) {
    uint32_t at = (uint32_t)hash & s->mask;
    while (s->index[at] != NOWHERE && s->entries[s->index[at]].hash != hash) at = (at + 1) & s->mask;
    return &s->index[at];
}

/* Those behind it that would not be found across the gap move up. */
static void index_remove(struct sketch *s, uint64_t hash) {
    uint32_t gap = (uint32_t)(index_find(s, hash) - s->index);
    proven(s->index[gap] != NOWHERE);
    for (uint32_t at = (gap + 1) & s->mask; s->index[at] != NOWHERE; at = (at + 1) & s->mask) {
        uint32_t home = (uint32_t)s->entries[s->index[at]].hash & s->mask;
        if (((at - home) & s->mask) < ((at - gap) & s->mask)) continue;
        s->index[gap] = s->index[at];
        gap = at;
    }
    s->index[gap] = NOWHERE;
}

/* ---- the heap ---- */

static uint64_t weight_at(const struct sketch *s, unsigned place) { return s->entries[s->heap[place]].weight; }

static void heap_put(struct sketch *s, unsigned place, uint32_t entry) {
    s->heap[place] = entry;
    s->entries[entry].heap_place = place;
}

static void heap_sink(struct sketch *s, unsigned place) {
    uint32_t entry = s->heap[place];
    for (;;) {
        unsigned child = 2 * place + 1;
        if (child >= s->len) break;
        if (child + 1 < s->len && weight_at(s, child + 1) < weight_at(s, child)) child++;
        if (s->entries[entry].weight <= weight_at(s, child)) break;
        heap_put(s, place, s->heap[child]);
        place = child;
    }
    heap_put(s, place, entry);
}

static void heap_rise(struct sketch *s, unsigned place) {
    uint32_t entry = s->heap[place];
    while (place > 0 && weight_at(s, (place - 1) / 2) > s->entries[entry].weight) {
        heap_put(s, place, s->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_put(s, place, entry);
}

/* ---- adding ---- */

static void name_entry(const struct sketch *s, struct sketch_entry *e, uint64_t hash, uint32_t tag, struct slice name) {
    size_t len = name.len < s->text_max ? name.len : s->text_max;
    if (len > e->cap) {
        size_t cap = mem_good_size(len);
        mem_free(MEM_OBSERVE, e->text, e->cap);
        e->text = mem_alloc(MEM_OBSERVE, cap);
        e->cap = (uint32_t)cap;
    }
    if (len) memcpy(e->text, name.ptr, len);
    e->len = (uint32_t)len;
    e->hash = hash;
    e->tag = tag;
}

/* The place of a new name, with what it inherits. */
static struct sketch_entry *make_place(struct sketch *s) {
    if (s->len < s->places) {
        heap_put(s, s->len, s->len);
        return &s->entries[s->len++];
    }
    struct sketch_entry *lightest = &s->entries[s->heap[0]];
    index_remove(s, lightest->hash);
    lightest->error = lightest->weight;
    lightest->count = 0;
    return lightest;
}

void sketch_add(struct sketch *s, uint32_t tag, struct slice name, uint64_t weight) {
    uint64_t hash = siphash13(&s->seed, name.ptr, name.len) ^ (uint64_t)tag * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t *found = index_find(s, hash);
    struct sketch_entry *e = *found == NOWHERE ? NULL : &s->entries[*found];
    bool fresh = !e;
    debug_proven(weight > 0);
    if (fresh) {
        e = make_place(s);
        name_entry(s, e, hash, tag, name);
        *index_find(s, hash) = (uint32_t)(e - s->entries);
    }
    e->weight += weight;
    e->count++;
    s->added++;
    if (fresh) heap_rise(s, e->heap_place);
    heap_sink(s, e->heap_place);
}

/* ---- looking ---- */

unsigned sketch_places(const struct sketch *s) { return s->places; }

unsigned sketch_len(const struct sketch *s) { return s->len; }

uint64_t sketch_added(const struct sketch *s) { return s->added; }

static int heavier_first(const void *a, const void *b) {
    const struct sketch_entry *x = *(const struct sketch_entry *const *)a, *y = *(const struct sketch_entry *const *)b;
    return x->weight > y->weight ? -1 : x->weight < y->weight;
}

void sketch_sorted(const struct sketch *s, const struct sketch_entry **out) {
    for (unsigned i = 0; i < s->len; i++) out[i] = &s->entries[i];
    qsort(out, s->len, sizeof(const struct sketch_entry *), heavier_first);
}
