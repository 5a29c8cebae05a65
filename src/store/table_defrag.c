#include "store/table_int.h"

#include "mem/defrag.h"

void table_relocated(struct table *t) {
    if (t->directory && t->depth == 0) t->directory = &t->directory_of_one;
    proven(!t->directory == (t->segments == 0));
}

void table_defrag_directory(struct table *t, struct mem_defrag *d) {
    proven(!t->frozen);
    if (table_directory_bytes(t) == 0) return;
    t->directory = mem_defrag(d, t->owner, t->directory, sizeof(uint64_t) << t->depth);
}

/* The segment at hash; its directory words follow. Epoch, tails and slots are copied as they are. */
static void segment_defrag(struct table *t, uint64_t hash, struct mem_defrag *d) {
    struct table_segment *s = table_segment_at(t, hash), *moved;
    if (!mem_defrag_wanted(d, s)) return;
    moved = mem_defrag_move(d, t->owner, s, table_segment_bytes(s), 64);
    uint64_t *words = table_word(t, table_range_first(hash, moved->depth));
    uint64_t word = words[0], rest = (uint64_t)moved->depth << 56 | moved->buckets;
    for (size_t i = 0, span = table_word_span(t->depth, word); i < span; i++)
        words[i] = (uint64_t)(uintptr_t)moved | rest;
    proven(table_segment_at(t, hash) == moved);
}

static void visit_none(void *arg, table_slot *slot) {
    (void)arg, (void)slot;
    debug_proven(table_slot_entry(slot) != NULL);
}

uint64_t table_defrag(struct table *t, uint64_t cursor, struct mem_defrag *d,
                      void (*visit)(void *arg, table_slot *slot), void *arg) {
    proven(!t->frozen);
    if (t->count == 0) return 0;
    uint64_t hash = cursor << (64 - TABLE_POSITION_BITS);
    const struct table_segment *s = table_segment_at(t, hash);
    if (table_home(hash, s->depth, s->buckets) == 0) segment_defrag(t, hash, d);
    return table_scan(t, cursor, visit ? visit : visit_none, arg);
}
