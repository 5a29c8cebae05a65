#include "keyspace/calendar.h"

#include "base/check.h"
#include "base/random.h"
#include "mem/mem.h"

#define LEVELS           8
#define DIGIT_BITS       8
#define SLOTS            256
#define CHUNK_REFS_FIRST 6   /* 64 bytes */
#define CHUNK_REFS_MAX   510 /* 4 KiB */

struct chunk {
    struct chunk *next; /* older and full */
    uint32_t count, capacity;
    uint64_t refs[];
};

struct level {
    uint64_t used[SLOTS / 64]; /* a bit for every slot that holds something */
    struct chunk *slots[SLOTS];
};

struct calendar {
    calendar_wanted_fn *wanted;
    void *arg;
    int64_t hand;
    size_t count, bytes;
    struct level *levels[LEVELS]; /* made when first needed */
};

static unsigned digit(int64_t at, unsigned level) {
    debug_proven(at >= 0 && level < LEVELS);
    return (unsigned)(at >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* The cheap part of what holds between calls; that all lies in the right slots, next_ms asks. */
static bool calendar_sound(const struct calendar *c) {
    return c->hand >= 0 && c->bytes >= sizeof *c && c->bytes / sizeof(uint64_t) >= c->count;
}

static size_t chunk_bytes(uint32_t capacity) {
    debug_proven(capacity >= CHUNK_REFS_FIRST && capacity <= CHUNK_REFS_MAX);
    return sizeof(struct chunk) + capacity * sizeof(uint64_t);
}

struct calendar *calendar_new(calendar_wanted_fn *wanted, void *arg, int64_t now_ms) {
    struct calendar *c = mem_alloc_zeroed(MEM_EXPIRY, sizeof *c);
    c->wanted = wanted;
    c->arg = arg;
    c->hand = now_ms < 0 ? 0 : now_ms;
    c->bytes = mem_good_size(sizeof *c);
    proven(calendar_sound(c));
    return c;
}

static struct chunk *chunk_new(struct calendar *c, struct chunk *older) {
    debug_proven(!older || older->count == older->capacity);
    uint32_t capacity = older ? older->capacity * 2 + 2 : CHUNK_REFS_FIRST;
    if (capacity > CHUNK_REFS_MAX) capacity = CHUNK_REFS_MAX;
    struct chunk *k = mem_alloc(MEM_EXPIRY, chunk_bytes(capacity));
    *k = (struct chunk){.next = older, .capacity = capacity};
    c->bytes += mem_good_size(chunk_bytes(capacity));
    return k;
}

/* Returns the next one. */
static struct chunk *chunk_free(struct calendar *c, struct chunk *k) {
    proven(k->count <= k->capacity);
    struct chunk *next = k->next;
    c->bytes -= mem_good_size(chunk_bytes(k->capacity));
    mem_free(MEM_EXPIRY, k, chunk_bytes(k->capacity));
    return next;
}

void calendar_free(struct calendar *c) {
    proven(calendar_sound(c));
    for (unsigned level = 0; level < LEVELS; level++) {
        if (!c->levels[level]) continue;
        for (unsigned i = 0; i < SLOTS; i++)
            for (struct chunk *k = c->levels[level]->slots[i]; k;) k = chunk_free(c, k);
        c->bytes -= mem_good_size(sizeof(struct level));
        mem_free(MEM_EXPIRY, c->levels[level], sizeof(struct level));
    }
    proven(c->bytes == mem_good_size(sizeof *c));
    mem_free(MEM_EXPIRY, c, sizeof *c);
}

void calendar_rebind(struct calendar *c, void *arg) {
    debug_proven(calendar_sound(c));
    c->arg = arg;
}

static struct level *level_of(struct calendar *c, unsigned level) {
    proven(level < LEVELS);
    if (likely(c->levels[level] != NULL)) return c->levels[level];
    c->bytes += mem_good_size(sizeof(struct level));
    return c->levels[level] = mem_alloc_zeroed(MEM_EXPIRY, sizeof(struct level));
}

void calendar_file(struct calendar *c, int64_t at_ms, uint64_t ref) {
    debug_proven(calendar_sound(c));
    if (at_ms < c->hand) at_ms = c->hand;
    uint64_t differ = (uint64_t)(at_ms ^ c->hand);
    unsigned level = differ ? (63 - (unsigned)__builtin_clzll(differ)) / DIGIT_BITS : 0, i = digit(at_ms, level);
    struct level *l = level_of(c, level);
    struct chunk *k = l->slots[i];
    if (!k || k->count == k->capacity) k = l->slots[i] = chunk_new(c, k);
    k->refs[k->count++] = ref;
    l->used[i / 64] |= UINT64_C(1) << (i % 64);
    c->count++;
}

/* proven: the slot is not empty. */
static uint64_t slot_pop(struct calendar *c, struct level *l, unsigned i) {
    struct chunk *k = l->slots[i];
    proven(k && k->count > 0);
    uint64_t ref = k->refs[--k->count];
    c->count--;
    if (k->count == 0) {
        l->slots[i] = chunk_free(c, k);
        if (!l->slots[i]) l->used[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
    return ref;
}

/* The first used slot, or SLOTS. */
static unsigned level_first(const struct level *l) {
    for (unsigned i = 0; l && i < SLOTS / 64; i++)
        if (l->used[i]) return i * 64 + (unsigned)__builtin_ctzll(l->used[i]);
    return SLOTS;
}

/* The highest level above 0 whose slot under the hand still holds references: they come down before time goes on. 0: none. */
static unsigned level_to_cascade(const struct calendar *c) {
    debug_proven(c->hand >= 0);
    for (unsigned level = LEVELS - 1; level > 0; level--) {
        unsigned i = digit(c->hand, level);
        if (c->levels[level] && c->levels[level]->slots[i]) return level;
    }
    return 0;
}

int64_t calendar_next_ms(const struct calendar *c) {
    if (level_to_cascade(c) > 0) return c->hand;
    for (unsigned level = 0; level < LEVELS; level++) {
        unsigned i = level_first(c->levels[level]);
        if (i == SLOTS) continue;
        debug_proven(i > digit(c->hand, level) || (level == 0 && i == digit(c->hand, 0)));
        unsigned shift = level * DIGIT_BITS;
        uint64_t upper =
            shift + DIGIT_BITS < 64 ? (uint64_t)c->hand >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS) : 0;
        return (int64_t)(upper | (uint64_t)i << shift);
    }
    return INT64_MAX;
}

static size_t slot_take(struct calendar *c, struct level *l, unsigned i, uint64_t *refs, size_t max) {
    size_t n = 0;
    while (n < max && l->slots[i]) refs[n++] = slot_pop(c, l, i);
    proven(n <= max && !(n < max && l->slots[i]));
    return n;
}

/* Moves at most a batch of references from the slot under the hand to lower levels. Returns how many. */
static size_t cascade(struct calendar *c, unsigned level) {
    proven(level > 0 && level < LEVELS);
    uint64_t refs[CALENDAR_BATCH];
    int64_t at[CALENDAR_BATCH];
    size_t n = slot_take(c, c->levels[level], digit(c->hand, level), refs, CALENDAR_BATCH);
    c->wanted(c->arg, refs, at, n);
    for (size_t i = 0; i < n; i++)
        if (at[i] >= 0) calendar_file(c, at[i], refs[i]);
    return n;
}

size_t calendar_take_due(struct calendar *c, int64_t now_ms, uint64_t *refs, size_t max, size_t work, bool *more) {
    proven(max > 0 && work > 0);
    size_t taken = 0;
    *more = true;
    while (taken < max && work > 0) {
        unsigned level = level_to_cascade(c);
        if (level > 0) {
            size_t moved = cascade(c, level);
            work -= moved < work ? moved : work;
            continue;
        }
        int64_t next = calendar_next_ms(c);
        if (c->count == 0 || next > now_ms) {
            if (now_ms > c->hand) c->hand = now_ms;
            *more = false;
            return taken;
        }
        c->hand = next;
        if (level_to_cascade(c) == 0) taken += slot_take(c, c->levels[0], digit(c->hand, 0), refs + taken, max - taken);
    }
    return taken;
}

/* The first used slot from `from` on, around the end; SLOTS when none is used. */
static unsigned level_around(const struct level *l, unsigned from) {
    for (unsigned n = 0; l && n < SLOTS; n++) {
        unsigned i = (from + n) % SLOTS;
        if (l->used[i / 64] >> (i % 64) & 1) return i;
    }
    return SLOTS;
}

size_t calendar_draw(struct calendar *c, struct random *r, uint64_t *refs, size_t max) {
    unsigned level = (unsigned)random_below(r, LEVELS), from = (unsigned)random_below(r, SLOTS), i = SLOTS;
    if (c->count == 0) return 0;
    while ((i = level_around(c->levels[level], from)) == SLOTS) level = (level + 1) % LEVELS;
    struct level *l = c->levels[level];
    size_t n = 0;
    while (n < max && l->slots[i]) {
        struct chunk *k = l->slots[i];
        uint32_t at = (uint32_t)random_below(r, k->count);
        uint64_t ref = k->refs[at];
        k->refs[at] = k->refs[k->count - 1];
        k->refs[k->count - 1] = ref;
        refs[n++] = slot_pop(c, l, i);
    }
    proven(n > 0 && n <= max);
    return n;
}

int64_t calendar_hand_ms(const struct calendar *c) {
    debug_proven(calendar_sound(c));
    return c->hand;
}

size_t calendar_count(const struct calendar *c) {
    debug_proven(calendar_sound(c));
    return c->count;
}

size_t calendar_bytes(const struct calendar *c) {
    debug_proven(calendar_sound(c));
    return c->bytes;
}
