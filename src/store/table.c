#include "store/table_int.h"

void table_init(struct table *t, table_hash_fn *hash_of, const void *hash_arg, enum mem_owner owner) {
    proven(hash_of != NULL && owner < MEM_OWNER_COUNT);
    memset(t, 0, sizeof *t);
    t->hash_of = hash_of;
    t->hash_arg = hash_arg;
    t->owner = owner;
}

void table_release(struct table *t) {
    proven(!t->frozen && (t->directory || t->count == 0));
    if (t->directory) {
        t->bytes -= table_directory_bytes(t);
        for (size_t i = 0, n = table_directory_words(t->depth), span; i < n; i += span) {
            struct table_segment *s = table_word_segment(t->directory[i]);
            span = table_word_span(t->depth, t->directory[i]);
            t->segments--;
            t->count -= s->count;
            t->bytes -= mem_good_size(table_segment_bytes(s));
            mem_free_aligned(t->owner, s, table_segment_bytes(s), 64);
        }
        if (t->directory != &t->directory_of_one) mem_free(t->owner, t->directory, sizeof(uint64_t) << t->depth);
    }
    proven(t->segments == 0 && t->count == 0 && t->bytes == 0); /* what was counted is what was there */
    table_init(t, t->hash_of, t->hash_arg, t->owner);
}

void table_move(struct table *to, struct table *from) {
    proven(to != from);
    *to = *from;
    if (from->directory == &from->directory_of_one) to->directory = &to->directory_of_one;
    table_init(from, to->hash_of, to->hash_arg, to->owner);
}

/* ---- what a live snapshot still needs ---- */
/* The acquire pairs with the reader's release of `passed`: what the reader did before is over. */
static bool table_passed(const struct table *t, uint64_t last_hash) {
    debug_proven(t->frozen && !t->forked);
    uint64_t passed = atomic_load_explicit(&t->frozen->passed, memory_order_acquire);
    return passed == UINT64_MAX || last_hash < passed;
}

/* The snapshot that reads the head this table was forked from still lives. */
static bool table_forked(const struct table *t, const struct frozen *f) {
    debug_proven(!t->frozen);
    return t->forked && f && f->live && f->generation == t->forked;
}

bool table_segment_shared(const struct table *t, const struct frozen *f, const struct table_segment *s, uint64_t hash) {
    proven(s->epoch <= t->epoch);
    if (likely(s->epoch == t->epoch)) return false;
    return t->frozen ? !table_passed(t, table_range_last(hash, s->depth)) : table_forked(t, f);
}

static bool table_slot_fresh(const struct table *t, uint64_t hash, const table_slot *slot) {
    debug_proven(table_slot_belongs(t, hash, slot));
    bool fresh = atomic_load_explicit(slot, memory_order_relaxed) & TABLE_SLOT_FRESH;
    return fresh && table_segment_at(t, hash)->epoch == t->epoch;
}

bool table_entry_shared(const struct table *t, uint64_t hash, const table_slot *slot) {
    if (likely(!t->frozen)) return false;
    return !table_slot_fresh(t, hash, slot) && !table_passed(t, hash);
}

bool table_awaited(const struct table *t, uint64_t hash) {
    return unlikely(t->frozen != NULL) && !table_passed(t, hash);
}

bool table_forked_entry_shared(const struct table *t, const struct frozen *f, uint64_t hash, const table_slot *slot) {
    proven(!t->frozen);
    return unlikely(table_forked(t, f)) && !table_slot_fresh(t, hash, slot);
}

static void table_clear_fresh(struct table_segment *s) {
    proven(s->buckets >= 1 && s->buckets <= TABLE_SEGMENT_BUCKETS);
    for (struct table_bucket *b = s->bucket; b < s->bucket + s->buckets; b++)
        for (unsigned i = 0; i < TABLE_SLOTS; i++) {
            uint64_t word = atomic_load_explicit(&b->slots[i], memory_order_relaxed);
            atomic_store_explicit(&b->slots[i], word & ~TABLE_SLOT_FRESH, memory_order_relaxed);
        }
}

/* The segment at hash, replaced by a copy when a snapshot still needs it. */
static struct table_segment *table_segment_writable(struct table *t, struct frozen *f, uint64_t hash) {
    struct table_segment *s = table_segment_at(t, hash);
    if (likely(!t->frozen && !t->forked) || !table_segment_shared(t, f, s, hash)) return s;
    struct table_segment *copy = table_segment_new(t, s->depth, s->buckets);
    memcpy(copy->bucket, s->bucket, s->buckets * sizeof s->bucket[0]);
    copy->count = s->count;
    copy->tails = s->tails;
    table_clear_fresh(copy);
    table_segment_drop(t, f, hash, s);
    table_segment_install(t, hash, copy);
    proven(table_segment_at(t, hash) == copy && copy->epoch == t->epoch);
    return copy;
}

table_slot *table_writable(struct table *t, struct frozen *f, uint64_t hash, table_slot *slot) {
    if (likely(!t->frozen && !t->forked)) return slot;
    debug_proven(table_slot_belongs(t, hash, slot));
    const struct table_segment *before = table_segment_at(t, hash);
    size_t offset = (size_t)((const char *)slot - (const char *)before);
    proven(offset >= sizeof *before && offset < table_segment_bytes(before));
    struct table_segment *s = table_segment_writable(t, f, hash);
    return (table_slot *)(void *)((char *)s + offset);
}

/* ---- change ---- */
void table_slot_replace(struct table *t, table_slot *slot, void *entry) {
    uint64_t word = atomic_load_explicit(slot, memory_order_relaxed), pointer = (uint64_t)(uintptr_t)entry;
    proven(t->count > 0 && (pointer & ~TABLE_SLOT_POINTER) == 0 && (word & TABLE_SLOT_POINTER) != 0);
    debug_proven(table_slot_belongs(t, t->hash_of(entry, t->hash_arg), slot));
    atomic_store_explicit(slot, (word & ~TABLE_SLOT_POINTER) | pointer | TABLE_SLOT_FRESH, memory_order_relaxed);
}

static unsigned table_step(const struct table_segment *s, unsigned bucket, unsigned distance) {
    debug_proven(bucket < s->buckets && distance <= TABLE_DISPLACED_MAX);
    bucket += distance;
    return bucket >= s->buckets ? bucket - s->buckets : bucket;
}

/* Moves the entry of slot i of bucket b one or more buckets further, if its reach and a free slot allow it. */
static bool table_send_further(struct table_segment *s, unsigned b, unsigned i) {
    struct table_bucket *from = &s->bucket[b];
    unsigned displaced = table_displaced(&from->slots[i]);
    debug_proven(from->tags[i] != 0); /* only where no bucket in reach has a free slot */
    for (unsigned step = 1; displaced + step <= TABLE_DISPLACED_MAX && displaced + step < s->buckets; step++) {
        struct table_bucket *to = &s->bucket[table_step(s, b, step)];
        uint64_t free = table_tag_matches(to, 0);
        if (!free) continue;
        uint64_t word = atomic_load_explicit(&from->slots[i], memory_order_relaxed);
        table_bucket_put(to, free, from->tags[i], word + ((uint64_t)step << TABLE_SLOT_DISPLACED_SHIFT));
        if (displaced == 0) from->overflow++;
        debug_proven(from->overflow <= TABLE_OVERFLOW_MAX);
        from->tags[i] = 0;
        return true;
    }
    return false;
}

/* The distance from home to the first bucket in reach with a free slot, made free if need be; -1 when there is none. */
static int table_find_room(struct table_segment *s, unsigned home) {
    unsigned reach = s->buckets < TABLE_DISPLACED_MAX + 1 ? s->buckets : TABLE_DISPLACED_MAX + 1;
    for (unsigned distance = 0; distance < reach; distance++)
        if (table_tag_matches(&s->bucket[table_step(s, home, distance)], 0)) return (int)distance;
    for (unsigned distance = 0; distance < reach; distance++)
        for (unsigned i = 0; i < TABLE_SLOTS; i++)
            if (table_send_further(s, table_step(s, home, distance), i)) return (int)distance;
    return -1;
}

table_slot *table_place_displaced(struct table_segment *s, unsigned home, uint8_t tag, uint64_t word) {
    proven(home < s->buckets && tag != 0 && !(word & TABLE_DISPLACED_BITS));
    int distance = table_find_room(s, home);
    if (distance < 0) return NULL;
    struct table_bucket *b = &s->bucket[table_step(s, home, (unsigned)distance)];
    if (distance > 0) s->bucket[home].overflow++;
    s->count++;
    debug_proven(s->bucket[home].overflow <= TABLE_OVERFLOW_MAX && s->count <= s->buckets * TABLE_SLOTS);
    word |= (uint64_t)distance << TABLE_SLOT_DISPLACED_SHIFT;
    return table_bucket_put(b, table_tag_matches(b, 0), tag, word);
}

static void table_make_first_segment(struct table *t) {
    proven(t->count == 0 && t->segments == 0 && t->depth == 0);
    t->directory = &t->directory_of_one;
    table_segment_install(t, 0, table_segment_new(t, 0, 1));
}

table_slot *table_insert(struct table *t, struct frozen *f, uint64_t hash, void *entry, uint16_t user) {
    uint64_t pointer = (uint64_t)(uintptr_t)entry;
    proven(pointer != 0 && (pointer & ~TABLE_SLOT_POINTER) == 0);
    debug_proven(t->hash_of(entry, t->hash_arg) == hash);
    if (unlikely(!t->directory)) table_make_first_segment(t);
    uint64_t word = pointer | (uint64_t)user << TABLE_SLOT_USER_SHIFT | TABLE_SLOT_FRESH;
    for (;;) {
        /* home and tag from the directory's word: the segment's header is another line, wanted only for its count */
        uint64_t place = *table_word(t, hash);
        unsigned depth = table_word_depth(place), home = table_home(hash, depth, table_word_buckets(place));
        struct table_segment *s = table_segment_writable(t, f, hash);
        table_slot *slot = table_place(s, home, table_tag(hash, depth), word | table_tail(hash, depth));
        if (likely(slot != NULL)) {
            t->count++;
            debug_proven(table_slot_entry(slot) == entry && table_slot_belongs(t, hash, slot));
            return slot;
        }
        table_grow(t, f, hash);
    }
}

void *table_remove(struct table *t, struct frozen *f, uint64_t hash, table_slot *slot) {
    slot = table_writable(t, f, hash, slot);
    void *entry = table_slot_entry(slot);
    struct table_segment *s = table_segment_at(t, hash);
    unsigned at = (unsigned)((size_t)((char *)slot - (char *)s) / sizeof s->bucket[0]) - 1;
    struct table_bucket *b = &s->bucket[at];
    unsigned i = (unsigned)(slot - b->slots);
    proven(t->count > 0 && s->count > 0 && entry);
    proven(at < s->buckets && b->tags[i] == table_tag(hash, s->depth));
    if (table_displaced(slot) > 0) {
        struct table_bucket *home = &s->bucket[table_home(hash, s->depth, s->buckets)];
        proven(home->overflow > 0);
        home->overflow--;
    }
    b->tags[i] = 0;
    atomic_store_explicit(slot, 0, memory_order_relaxed);
    s->count--;
    t->count--;
    table_settle(t, f, hash);
    return entry;
}

/* ---- snapshot, the owner's side ---- */
void table_freeze(struct table *t, struct table_frozen *view) {
    proven(!t->frozen && !t->forked && t->epoch < UINT32_MAX);
    *view = (struct table_frozen){.depth = t->depth, .count = t->count};
    if (t->directory) {
        view->directory = mem_alloc(MEM_LIMBO, sizeof(uint64_t) << t->depth);
        memcpy(view->directory, t->directory, sizeof(uint64_t) << t->depth);
    }
    t->epoch++;
    t->frozen = view;
}

void table_thaw(struct table *t, struct table_frozen *view) {
    proven(view && t->frozen == view);
    t->frozen = NULL;
    if (view->directory) mem_free(MEM_LIMBO, view->directory, sizeof(uint64_t) << view->depth);
    view->directory = NULL;
}

void table_fork(struct table *copy, const struct table *old, struct frozen *f) {
    proven(f->live && !old->frozen && old->epoch < UINT32_MAX && copy != old);
    size_t n = sizeof(uint64_t) << old->depth;
    *copy = *old;
    copy->epoch++;
    copy->forked = f->generation;
    if (!old->directory) return;
    copy->directory = &copy->directory_of_one;
    if (old->directory == &old->directory_of_one) return;
    copy->directory = mem_alloc(old->owner, n);
    memcpy(copy->directory, old->directory, n);
    frozen_limbo(f, old->owner, old->directory, n, 0);
}
