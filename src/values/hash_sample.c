/* Random fields. A table is asked for slots until enough are good; where that does not promise to end soon (most fields are
 * wanted, or due), and in a pack, all are listed first. */
#include "values/hash_int.h"

#define TRIES_MAX 1000 /* slots in a row that were due or taken already */

/* Every field that is not due, by its place. */
struct listing {
    int64_t now_ms;
    size_t count, room;
    const struct pack *pack; /* NULL: items */
    union {
        pack_pos *at;
        const struct hash_item **items;
    } of;
};

static size_t listing_bytes(const struct listing *l) {
    proven(l->count <= l->room);
    return l->room * (l->pack ? sizeof *l->of.at : sizeof *l->of.items);
}

static void list_slot(void *arg, table_slot *slot) {
    struct listing *l = arg;
    const struct hash_item *item = table_slot_entry(slot);
    if (item_due(item, l->now_ms)) return;
    proven(l->count < l->room);
    l->of.items[l->count++] = item;
}

static void listing_init(struct listing *l, struct value v, int64_t now_ms) {
    *l = (struct listing){.now_ms = now_ms, .room = hash_length(v, now_ms)};
    proven(l->room > 0);
    if (v.form == VALUE_PACK) {
        l->pack = v.ptr;
        l->of.at = mem_alloc(MEM_HASHES, listing_bytes(l));
        for (pack_pos at = pack_first(l->pack); at; at = pack_next(l->pack, pack_next(l->pack, at))) {
            proven(l->count < l->room);
            l->of.at[l->count++] = at;
        }
    } else {
        l->of.items = mem_alloc(MEM_HASHES, listing_bytes(l));
        table_each(&value_hash_head(v)->table, list_slot, l);
    }
    proven(l->count == l->room);
}

static void listing_release(struct listing *l) {
    proven(l->room > 0);
    mem_free(MEM_HASHES, l->pack ? (void *)l->of.at : (void *)l->of.items, listing_bytes(l));
}

static void listing_tell(const struct listing *l, size_t i, hash_visit *visit, void *arg) {
    char scratch[2 * NUM_TEXT_MAX];
    debug_proven(i < l->count);
    struct hash_field f = l->pack ? hash_pack_pair(l->pack, l->of.at[i], scratch) : item_parts(l->of.items[i]);
    visit(arg, &f);
}

static void listing_swap(struct listing *l, size_t a, size_t b) {
    debug_proven(a < l->count && b < l->count);
    if (l->pack) {
        pack_pos at = l->of.at[a];
        l->of.at[a] = l->of.at[b];
        l->of.at[b] = at;
    } else {
        const struct hash_item *item = l->of.items[a];
        l->of.items[a] = l->of.items[b];
        l->of.items[b] = item;
    }
}

/* NULL when so many in a row were due. */
static const struct hash_item *random_item(const struct hash *h, int64_t now_ms, struct random *r) {
    proven(h->table.count > 0);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        const struct hash_item *item = table_slot_entry(table_random(&h->table, r));
        if (!item_due(item, now_ms)) return item;
    }
    return NULL;
}

void hash_sample(struct value v, int64_t now_ms, struct random *r, size_t count, hash_visit *visit, void *arg) {
    struct listing l;
    proven(v.type == TYPE_HASH && hash_length(v, now_ms) > 0);
    if (v.form == VALUE_HEAD) {
        const struct hash_item *item;
        for (; count > 0 && (item = random_item(value_hash_head(v), now_ms, r)); count--) {
            struct hash_field f = item_parts(item);
            visit(arg, &f);
        }
    }
    if (count == 0) return;
    listing_init(&l, v, now_ms);
    for (; count > 0; count--) listing_tell(&l, random_below(r, l.count), visit, arg);
    listing_release(&l);
}

/* ---- different ones ---- */

/* The first `count` of a shuffle. */
static size_t sample_listed(struct value v, int64_t now_ms, struct random *r, size_t count, hash_visit *visit,
                            void *arg) {
    struct listing l;
    listing_init(&l, v, now_ms);
    if (count > l.count) count = l.count;
    for (size_t i = 0; i < count; i++) {
        listing_swap(&l, i, i + random_below(r, l.count - i));
        listing_tell(&l, i, visit, arg);
    }
    listing_release(&l);
    return count;
}

/* Items seen, by address: open addressing, at most half full. */
struct seen {
    uint64_t mask;
    const struct hash_item **items;
};

static size_t seen_bytes(const struct seen *s) { return (size_t)(s->mask + 1) * sizeof *s->items; }

static bool seen_add(struct seen *s, const struct hash_item *item) {
    uint64_t i = (uint64_t)(uintptr_t)item * UINT64_C(0x9e3779b97f4a7c15) >> 20 & s->mask;
    proven(item != NULL);
    for (; s->items[i]; i = (i + 1) & s->mask)
        if (s->items[i] == item) return false;
    s->items[i] = item;
    return true;
}

/* False, and nobody has been told, when it was not quick. */
static bool seen_fill(struct seen *s, const struct hash *h, int64_t now_ms, struct random *r, size_t count) {
    unsigned again = 0;
    proven(count <= h->table.count / 2);
    while (count > 0) {
        const struct hash_item *item = random_item(h, now_ms, r);
        if (!item || again > TRIES_MAX) return false;
        bool is_new = seen_add(s, item);
        again = is_new ? 0 : again + 1;
        count -= is_new;
    }
    return true;
}

static bool sample_tried(const struct hash *h, int64_t now_ms, struct random *r, size_t count, hash_visit *visit,
                         void *arg) {
    struct seen s = {.mask = 7};
    while (s.mask < 2 * count) s.mask = 2 * s.mask + 1;
    s.items = mem_alloc_zeroed(MEM_HASHES, seen_bytes(&s));
    proven((s.mask & (s.mask + 1)) == 0 && s.mask >= 2 * count);
    bool filled = seen_fill(&s, h, now_ms, r, count);
    for (uint64_t i = 0; filled && i <= s.mask; i++) {
        if (!s.items[i]) continue;
        struct hash_field f = item_parts(s.items[i]);
        visit(arg, &f);
    }
    mem_free(MEM_HASHES, s.items, seen_bytes(&s));
    return filled;
}

size_t hash_sample_distinct(struct value v, int64_t now_ms, struct random *r, size_t count, hash_visit *visit,
                            void *arg) {
    size_t length = hash_length(v, now_ms);
    proven(v.type == TYPE_HASH);
    if (count == 0 || length == 0) return 0;
    if (count >= length) {
        hash_each(v, now_ms, visit, arg);
        return length;
    }
    if (v.form == VALUE_HEAD && count <= length / 3 && sample_tried(value_hash_head(v), now_ms, r, count, visit, arg))
        return count;
    return sample_listed(v, now_ms, r, count, visit, arg);
}
