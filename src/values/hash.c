#include "values/hash_int.h"
#include "values/kind.h"

#include "values/defrag.h"
#include "wire/rdb.h"

/* From here on the memory for an item may be refused; below, it is as likely to be missing anywhere else. */
#define ITEM_LONG ((size_t)64 << 10)

/* ---- items ---- */

static uint64_t item_hash(const void *item, const void *arg) {
    (void)arg;
    return value_hash(item_field(item));
}

static bool item_matches(const void *item, const void *field) {
    debug_proven(item && field);
    return slice_equal(item_field(item), *(const struct slice *)field);
}

static bool item_is(const void *item, const void *other) { return item == other; }

/* A smaller block would not be aligned as a slot's entry must be. */
static size_t block_size(size_t n) { return n < 16 ? 16 : n; }

static size_t item_size(const struct hash_item *item) {
    struct hash_field f = item_parts(item);
    debug_proven(f.value.ptr == f.field.ptr + f.field.len);
    return block_size((size_t)(f.value.ptr + f.value.len - (const char *)item));
}

static bool is_wide(size_t field_len, size_t value_len) {
    return field_len > ITEM_FIELD_MAX || value_len > ITEM_VALUE_MAX;
}

static size_t size_of(size_t field_len, size_t value_len, bool expires) {
    proven(field_len < UINT64_C(1) << 48 && value_len < UINT64_C(1) << 48);
    size_t head = (is_wide(field_len, value_len) ? ITEM_WIDE_HEAD : ITEM_NARROW_HEAD) + (expires ? 8 : 0);
    return block_size(head + field_len + value_len);
}

static void item_set_value(struct hash_item *item, struct slice value) {
    debug_proven((item->head & ITEM_WIDE) || value.len <= ITEM_VALUE_MAX);
    uint64_t len = value.len;
    struct slice field = item_field(item);
    if (item->head & ITEM_WIDE)
        memcpy((char *)item + 8, &len, 8);
    else
        item->value_len = (uint8_t)len;
    if (len) memmove((char *)item + item_head_size(item) + field.len, value.ptr, len);
}

static void item_set_time(struct hash_item *item, int64_t at) {
    proven((item->head & ITEM_EXPIRES) && at != HASH_NO_TIME);
    memcpy((char *)item + item_head_size(item) - 8, &at, 8);
}

/* NULL when there is no memory for a long one. */
static struct hash_item *item_new(struct slice field, struct slice value, int64_t at) {
    bool expires = at != HASH_NO_TIME, wide = is_wide(field.len, value.len);
    size_t n = size_of(field.len, value.len, expires);
    struct hash_item *item = n < ITEM_LONG ? mem_alloc(MEM_HASHES, n) : mem_try_alloc(MEM_HASHES, n);
    if (!item) return NULL;
    uint64_t head = (wide ? ITEM_WIDE : (uint64_t)field.len << ITEM_LEN_SHIFT) | (expires ? ITEM_EXPIRES : 0);
    if (wide) {
        head |= (uint64_t)field.len << 8;
        memcpy(item, &head, 8);
    } else {
        item->head = (uint8_t)head;
    }
    if (expires) item_set_time(item, at);
    if (field.len) memcpy((char *)item + item_head_size(item), field.ptr, field.len);
    item_set_value(item, value);
    debug_proven((uintptr_t)item % 16 == 0 && item_size(item) == n); /* what frees it asks the item for n */
    return item;
}

/* Whether these fit into the item's block as it is laid out. */
static bool item_holds(const struct hash_item *item, struct slice field, struct slice value, int64_t at) {
    debug_proven(at >= HASH_NO_TIME); /* HASH_SAME_TIME has been replaced by what it stands for */
    bool expires = at != HASH_NO_TIME;
    return !(item->head & ITEM_EXPIRES) == !expires && !(item->head & ITEM_WIDE) == !is_wide(field.len, value.len) &&
           mem_good_size(item_size(item)) == mem_good_size(size_of(field.len, value.len, expires));
}

/* ---- times ---- */

static uint64_t time_key(int64_t at) { return (uint64_t)at ^ UINT64_C(1) << 63; }

static uint64_t word_of(const struct hash_item *item) {
    debug_proven(item && (item->head & ITEM_EXPIRES));
    return (uint64_t)(uintptr_t)item;
}

static const struct hash_item *item_of(uint64_t word) {
    debug_proven(word != 0);
    return (const struct hash_item *)(uintptr_t)word;
}

static uint64_t word_key(uint64_t word) { return time_key(item_time(item_of(word))); }

static bool word_below(uint64_t word, const void *arg) { return word < *(const uint64_t *)arg; }

static bool always(uint64_t word, const void *arg) {
    (void)word;
    (void)arg;
    return true;
}

/* At the item when it is there, else where it belongs. */
static void times_seek(const struct tree *times, const struct hash_item *item, struct tree_cursor *c) {
    uint64_t word = word_of(item);
    struct tree_bound bound = {word_key(word), word_below, &word};
    proven(item->head & ITEM_EXPIRES);
    tree_seek(times, c, &bound);
}

static void times_add(struct hash *h, struct frozen *f, const struct hash_item *item) {
    struct tree_cursor c;
    if (!(item->head & ITEM_EXPIRES)) return;
    if (!h->times) {
        h->times = mem_alloc(MEM_HASHES, sizeof *h->times);
        tree_init(h->times, word_key, false, MEM_HASHES);
    }
    times_seek(h->times, item, &c);
    tree_insert(h->times, f, &c, word_of(item), 1);
    debug_proven(h->times->count <= h->table.count);
}

static void times_remove(struct hash *h, struct frozen *f, const struct hash_item *item) {
    struct tree_cursor c;
    if (!(item->head & ITEM_EXPIRES)) return;
    proven(h->times != NULL);
    times_seek(h->times, item, &c);
    proven(tree_valid(&c) && tree_word(&c) == word_of(item));
    tree_remove(h->times, f, &c);
    if (h->times->count > 0) return;
    tree_release(h->times); /* empty: no node is left */
    mem_free(MEM_HASHES, h->times, sizeof *h->times);
    h->times = NULL;
}

static size_t times_due(const struct hash *h, int64_t now_ms) {
    struct tree_cursor c;
    if (likely(!h->times)) return 0;
    debug_proven(h->times->count > 0);
    struct tree_bound bound = {time_key(now_ms), always, NULL};
    return tree_seek(h->times, &c, &bound) ? (size_t)c.position : h->times->count;
}

static int64_t next_due(const void *head) {
    const struct hash *h = head;
    struct tree_cursor c;
    if (!h->times) return INT64_MAX;
    proven(tree_first(h->times, &c));
    return item_time(item_of(tree_word(&c)));
}

/* ---- the table ---- */

static struct hash *head_new(const struct frozen *f) {
    struct hash *h = mem_alloc(MEM_HASHES, sizeof *h);
    proven(sizeof *h < 256); /* beside a table it is small */
    h->head.birth = frozen_birth(f);
    h->times = NULL;
    h->item_bytes = 0;
    table_init(&h->table, item_hash, NULL, MEM_HASHES);
    return h;
}

static table_slot *find_slot(const struct hash *h, uint64_t hash, struct slice field) {
    debug_proven(hash == value_hash(field));
    return table_find(&h->table, hash, item_matches, &field);
}

static void add_item(struct hash *h, struct frozen *f, uint64_t hash, struct hash_item *item) {
    debug_proven(!find_slot(h, hash, item_field(item)));
    table_insert(&h->table, f, hash, item, 0);
    h->item_bytes += mem_good_size(item_size(item));
    times_add(h, f, item);
}

static void drop_item(struct value_edit *e, struct hash *h, struct hash_item *item, bool shared) {
    size_t n = item_size(item);
    proven(h->item_bytes >= mem_good_size(n));
    h->item_bytes -= mem_good_size(n);
    value_drop(e, item, n, shared);
}

/* Value and time of the item in this slot; value may be its own. False: no memory, nothing has changed. */
static bool change_item(struct value_edit *e, struct hash *h, uint64_t hash, table_slot *slot, struct slice value,
                        int64_t at) {
    struct hash_item *item = table_slot_entry(slot), *fresh;
    bool shared = table_forked_entry_shared(&h->table, e->f, hash, slot);
    int64_t old_at = item_time(item);
    if (!shared && item_holds(item, item_field(item), value, at)) {
        if (unlikely(at != old_at)) times_remove(h, e->f, item);
        item_set_value(item, value);
        if (likely(at == old_at)) return true;
        item_set_time(item, at);
        times_add(h, e->f, item);
        return true;
    }
    fresh = item_new(item_field(item), value, at);
    debug_proven(!shared || e->f);
    if (!fresh) return false;
    times_remove(h, e->f, item);
    table_slot_replace(&h->table, table_writable(&h->table, e->f, hash, slot), fresh);
    h->item_bytes += mem_good_size(item_size(fresh));
    times_add(h, e->f, fresh);
    drop_item(e, h, item, shared);
    return true;
}

static void remove_item(struct value_edit *e, struct hash *h, uint64_t hash, table_slot *slot) {
    struct hash_item *item = table_slot_entry(slot);
    bool shared = table_forked_entry_shared(&h->table, e->f, hash, slot);
    debug_proven(!shared || e->f);
    times_remove(h, e->f, item);
    proven(table_remove(&h->table, e->f, hash, slot) == item);
    drop_item(e, h, item, shared);
}

/* ---- packs ---- */

struct hash_field hash_pack_pair(const struct pack *p, pack_pos at, char scratch[2 * NUM_TEXT_MAX]) {
    pack_pos value = pack_next(p, at);
    debug_proven(value != 0);
    return (struct hash_field){pack_text(p, at, scratch), pack_text(p, value, scratch + NUM_TEXT_MAX), HASH_NO_TIME};
}

void hash_start_table(struct value_edit *e) {
    proven(!e->value.ptr);
    e->value = (struct value){head_new(e->f), TYPE_HASH, VALUE_HEAD};
}

static void convert(struct value_edit *e) {
    struct pack *p = e->value.ptr;
    struct hash *h = head_new(e->f);
    char scratch[2 * NUM_TEXT_MAX];
    proven(e->value.form == VALUE_PACK);
    for (pack_pos at = pack_first(p); at; at = pack_next(p, pack_next(p, at))) {
        struct hash_field f = hash_pack_pair(p, at, scratch);
        struct hash_item *item = item_new(f.field, f.value, HASH_NO_TIME);
        if (unlikely(!item)) unreachable("no memory for a text that lay in a pack");
        add_item(h, e->f, value_hash(f.field), item);
    }
    proven(h->table.count == pack_count(p) / 2 && !h->times);
    value_drop_whole(e);
    e->value = (struct value){h, TYPE_HASH, VALUE_HEAD};
}

static pack_pos pack_field(const struct pack *p, struct slice field) {
    pack_pos first = pack_first(p);
    debug_proven(!first || pack_next(p, first) != 0);
    return first ? pack_find(p, first, field, 1) : 0;
}

/* Also after a change in place: the limit may have become lower. */
static enum hash_put put_in_pack(struct value_edit *e, struct slice field, struct slice value) {
    struct pack *p = e->value.ptr;
    pack_pos at = pack_field(p, field);
    if (at) {
        p = pack_replace(MEM_HASHES, p, pack_next(p, at), value);
    } else {
        p = pack_append(MEM_HASHES, p, field);
        p = pack_append(MEM_HASHES, p, value);
    }
    e->value.ptr = p;
    proven(pack_count(p) % 2 == 0);
    if ((int64_t)(pack_count(p) / 2) > e->limits->hash_max_listpack_entries) convert(e);
    return at ? HASH_REPLACED : HASH_ADDED;
}

static bool pack_takes(const struct value_edit *e, struct slice field, struct slice value) {
    int64_t longest = e->limits->hash_max_listpack_value;
    proven(e->value.form == VALUE_PACK);
    if ((int64_t)field.len > longest || (int64_t)value.len > longest) return false;
    return pack_fits(e->value.ptr, field.len + value.len + 2 * PACK_ELEMENT_MAX);
}

/* ---- changing ---- */

static enum hash_put put_in_table(struct value_edit *e, struct slice field, struct slice value, int64_t at) {
    struct hash *h = value_hash_head(e->value);
    debug_proven(!frozen_shared(e->f, h->head.birth));
    uint64_t hash = value_hash(field);
    table_slot *slot = find_slot(h, hash, field);
    if (slot) {
        const struct hash_item *item = table_slot_entry(slot);
        bool due = item_due(item, e->now_ms);
        if (at == HASH_SAME_TIME) at = due ? HASH_NO_TIME : item_time(item);
        if (!change_item(e, h, hash, slot, value, at)) return HASH_NO_MEMORY;
        return due ? HASH_ADDED : HASH_REPLACED;
    }
    struct hash_item *item = item_new(field, value, at == HASH_SAME_TIME ? HASH_NO_TIME : at);
    if (!item) return HASH_NO_MEMORY;
    add_item(h, e->f, hash, item);
    return HASH_ADDED;
}

/* The one that came first. False: its field is there already, and it is freed. */
static bool arrive(struct hash *h, struct table_coming *c) {
    uint64_t hash;
    struct hash_item *item = table_coming_take(c, &hash);
    debug_proven(item != NULL);
    if (likely(!find_slot(h, hash, item_field(item)))) {
        add_item(h, NULL, hash, item);
        return true;
    }
    mem_free(MEM_HASHES, item, item_size(item));
    return false;
}

enum hash_put hash_come(struct hash *h, struct table_coming *c, struct slice field, struct slice value, int64_t at) {
    proven(at == HASH_NO_TIME || at >= 0);
    if (table_coming_full(c) && !arrive(h, c)) return HASH_REPLACED;
    struct hash_item *item = item_new(field, value, at);
    if (!item) return HASH_NO_MEMORY;
    table_coming_add(c, &h->table, value_hash(field), item);
    return HASH_ADDED;
}

bool hash_arrive(struct hash *h, struct table_coming *c) {
    bool good = true;
    while (c->came != c->gone) good = arrive(h, c) && good;
    proven(!table_coming_full(c));
    return good;
}

enum hash_put hash_put(struct value_edit *e, struct slice field, struct slice value, int64_t at) {
    bool was_empty = !e->value.ptr;
    proven(e->value.type == TYPE_HASH);
    if (was_empty) e->value = (struct value){pack_new(MEM_HASHES), TYPE_HASH, VALUE_PACK};
    if (e->value.form == VALUE_PACK && at < 0 && pack_takes(e, field, value)) return put_in_pack(e, field, value);
    if (e->value.form == VALUE_PACK) convert(e);
    enum hash_put done = put_in_table(e, field, value, at);
    if (done == HASH_NO_MEMORY && was_empty) value_drop_whole(e);
    return done;
}

static bool remove_from_pack(struct value_edit *e, struct slice field) {
    struct pack *p = e->value.ptr;
    pack_pos at = pack_field(p, field);
    proven(e->value.form == VALUE_PACK);
    if (!at) return false;
    e->value.ptr = p = pack_delete(MEM_HASHES, p, at, 2);
    if (pack_empty(p)) value_drop_whole(e);
    return true;
}

bool hash_remove(struct value_edit *e, struct slice field) {
    proven(e->value.type == TYPE_HASH);
    if (!e->value.ptr) return false;
    if (e->value.form == VALUE_PACK) return remove_from_pack(e, field);
    struct hash *h = value_hash_head(e->value);
    debug_proven(!frozen_shared(e->f, h->head.birth));
    uint64_t hash = value_hash(field);
    table_slot *slot = find_slot(h, hash, field);
    if (!slot || item_due(table_slot_entry(slot), e->now_ms)) return false;
    remove_item(e, h, hash, slot);
    if (h->table.count == 0) value_drop_whole(e);
    return true;
}

bool hash_set_time(struct value_edit *e, struct slice field, int64_t at) {
    proven(at != HASH_SAME_TIME && e->value.type == TYPE_HASH);
    if (!e->value.ptr) return false;
    if (e->value.form == VALUE_PACK) {
        if (!pack_field(e->value.ptr, field)) return false;
        if (at == HASH_NO_TIME) return true;
        convert(e);
    }
    struct hash *h = value_hash_head(e->value);
    debug_proven(!frozen_shared(e->f, h->head.birth));
    uint64_t hash = value_hash(field);
    table_slot *slot = find_slot(h, hash, field);
    if (!slot || item_due(table_slot_entry(slot), e->now_ms)) return false;
    return change_item(e, h, hash, slot, item_parts(table_slot_entry(slot)).value, at);
}

static size_t expire_due(struct value_edit *e, size_t max, void (*gone)(void *arg, struct slice element), void *arg) {
    struct hash *h = value_hash_head(e->value);
    struct tree_cursor c;
    size_t n = 0;
    for (; n < max && h->times && tree_first(h->times, &c); n++) {
        const struct hash_item *item = item_of(tree_word(&c));
        if (!item_due(item, e->now_ms)) break;
        uint64_t hash = value_hash(item_field(item));
        table_slot *slot = table_find(&h->table, hash, item_is, item);
        proven(slot != NULL);
        if (gone) gone(arg, item_field(item));
        remove_item(e, h, hash, slot);
    }
    proven(n <= max && (!h->times || h->times->count <= h->table.count));
    if (h->table.count == 0) value_drop_whole(e);
    return n;
}

/* ---- reading ---- */

static bool find_in_pack(const struct pack *p, struct slice field, char *scratch, struct hash_field *out) {
    debug_proven(pack_count(p) % 2 == 0);
    pack_pos at = pack_field(p, field);
    if (!at) return false;
    *out = (struct hash_field){field, pack_text(p, pack_next(p, at), scratch), HASH_NO_TIME};
    return true;
}

bool hash_find(struct value v, struct slice field, int64_t now_ms, char *scratch, struct hash_field *out) {
    proven(v.type == TYPE_HASH);
    if (!v.ptr) return false;
    if (v.form == VALUE_PACK) return find_in_pack(v.ptr, field, scratch, out);
    const struct hash *h = value_hash_head(v);
    table_slot *slot = find_slot(h, value_hash(field), field);
    if (!slot || item_due(table_slot_entry(slot), now_ms)) return false;
    *out = item_parts(table_slot_entry(slot));
    return true;
}

static size_t count(struct value v) {
    proven(v.ptr && v.type == TYPE_HASH);
    return v.form == VALUE_PACK ? pack_count(v.ptr) / 2 : value_hash_head(v)->table.count;
}

size_t hash_length(struct value v, int64_t now_ms) {
    proven(v.type == TYPE_HASH);
    if (!v.ptr) return 0;
    return count(v) - (v.form == VALUE_HEAD ? times_due(value_hash_head(v), now_ms) : 0);
}

struct walk {
    hash_visit *visit;
    void *arg;
    int64_t now_ms;
};

static void walk_slot(void *arg, table_slot *slot) {
    const struct walk *w = arg;
    const struct hash_item *item = table_slot_entry(slot);
    debug_proven(item != NULL);
    if (item_due(item, w->now_ms)) return;
    struct hash_field f = item_parts(item);
    w->visit(w->arg, &f);
}

static void each_in_pack(const struct pack *p, hash_visit *visit, void *arg) {
    char scratch[2 * NUM_TEXT_MAX];
    proven(p != NULL);
    for (pack_pos at = pack_first(p); at;) {
        pack_pos value = pack_next(p, at);
        struct hash_field f = {pack_text(p, at, scratch), pack_text(p, value, scratch + NUM_TEXT_MAX), HASH_NO_TIME};
        visit(arg, &f);
        at = pack_next(p, value);
    }
}

void hash_each(struct value v, int64_t now_ms, hash_visit *visit, void *arg) {
    struct walk w = {visit, arg, now_ms};
    proven(v.type == TYPE_HASH);
    if (!v.ptr) return;
    if (v.form == VALUE_PACK)
        each_in_pack(v.ptr, visit, arg);
    else
        table_each(&value_hash_head(v)->table, walk_slot, &w);
}

uint64_t hash_scan(struct value v, int64_t now_ms, uint64_t cursor, hash_visit *visit, void *arg) {
    struct walk w = {visit, arg, now_ms};
    proven(v.type == TYPE_HASH);
    if (v.ptr && v.form == VALUE_HEAD) return table_scan(&value_hash_head(v)->table, cursor, walk_slot, &w);
    hash_each(v, now_ms, visit, arg);
    return 0;
}

struct element_walk {
    void (*visit)(void *arg, const struct value_element *element);
    void *arg;
};

static void tell_element(void *arg, const struct hash_field *f) {
    const struct element_walk *w = arg;
    debug_proven(f->expire_at >= HASH_NO_TIME);
    struct value_element element = {.text = f->field, .second = f->value, .expire_at = f->expire_at};
    w->visit(w->arg, &element);
}

static void each_element(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                         void *arg) {
    struct element_walk w = {visit, arg};
    proven(v.ptr != NULL);
    hash_each(v, now_ms, tell_element, &w);
}

/* ---- heads ---- */

static void free_item(void *arg, table_slot *slot) {
    struct hash_item *item = table_slot_entry(slot);
    (void)arg;
    mem_free(MEM_HASHES, item, item_size(item));
}

static void head_free(void *head) {
    struct hash *h = head;
    proven(!h->times || h->times->count <= h->table.count);
    table_each(&h->table, free_item, NULL);
    table_release(&h->table);
    if (h->times) {
        tree_release(h->times);
        mem_free(MEM_HASHES, h->times, sizeof *h->times);
    }
    mem_free(MEM_HASHES, h, sizeof *h);
}

static size_t head_blocks(const void *head) {
    const struct hash *h = head;
    debug_proven(!h->times || h->times->count > 0); /* an empty tree is not there */
    return 2 + h->table.count + h->table.segments + (h->times ? 2 + h->times->count / 16 : 0);
}

static size_t head_memory(const void *head) {
    const struct hash *h = head;
    size_t times = h->times ? mem_good_size(sizeof *h->times) + h->times->bytes : 0;
    debug_proven(h->item_bytes >= h->table.count * 16 && (!h->times || h->times->count <= h->table.count));
    return mem_good_size(sizeof *h) + h->item_bytes + h->table.bytes + times;
}

static void *head_fork(void *head, struct frozen *f) {
    struct hash *old = head, *h = mem_alloc(MEM_HASHES, sizeof *h);
    proven(frozen_shared(f, old->head.birth));
    h->head.birth = frozen_birth(f);
    h->item_bytes = old->item_bytes;
    h->times = NULL;
    table_fork(&h->table, &old->table, f);
    if (old->times) {
        h->times = mem_alloc(MEM_HASHES, sizeof *h->times);
        tree_copy_head(h->times, old->times);
        frozen_limbo(f, MEM_HASHES, old->times, sizeof *old->times, 0);
    }
    frozen_limbo(f, MEM_HASHES, old, sizeof *old, 0);
    proven(h->table.count == old->table.count && !h->times == !old->times);
    return h;
}

static void copy_item(void *arg, table_slot *slot) {
    struct hash *h = arg;
    const struct hash_item *item = table_slot_entry(slot);
    size_t n = item_size(item);
    struct hash_item *copy = mem_alloc(MEM_HASHES, n);
    memcpy(copy, item, n);
    add_item(h, NULL, value_hash(item_field(item)), copy);
}

static void *head_copy(const void *head) {
    struct hash *h = head_new(NULL);
    const struct hash *from = head;
    table_each(&from->table, copy_item, h);
    proven(h->table.count == from->table.count && h->item_bytes == from->item_bytes);
    return h;
}

/* ---- defragmentation ---- */

struct hash_defrag {
    struct hash *hash;
    struct mem_defrag *mem;
};

/* An item's address is part of its place in the order of times. */
static void defrag_slot(void *arg, table_slot *slot) {
    const struct hash_defrag *d = arg;
    struct hash_item *item = table_slot_entry(slot);
    if (!mem_defrag_wanted(d->mem, item)) return;
    times_remove(d->hash, NULL, item);
    item = mem_defrag_move(d->mem, MEM_HASHES, item, item_size(item), 0);
    table_slot_moved(slot, item);
    times_add(d->hash, NULL, item);
    debug_proven(!d->hash->times || d->hash->times->count <= d->hash->table.count);
}

static struct hash *defrag_head(struct hash *h, struct mem_defrag *d) {
    h = mem_defrag(d, MEM_HASHES, h, sizeof *h);
    table_relocated(&h->table);
    table_defrag_directory(&h->table, d);
    if (h->times) h->times = mem_defrag(d, MEM_HASHES, h->times, sizeof *h->times);
    debug_proven(h->table.hash_arg == NULL);
    return h;
}

static void *head_defrag(void *head, struct value_defrag *d) {
    struct hash *h = head;
    struct hash_defrag items = {h, d->mem};
    proven(h->table.count > 0);
    switch (d->stage) {
    case 0:
        d->stage = 1;
        return defrag_head(h, d->mem);
    case 1:
        d->cursor = table_defrag(&h->table, d->cursor, d->mem, defrag_slot, &items);
        if (d->cursor == 0) d->stage = 2;
        return h;
    default:
        d->cursor = h->times ? tree_defrag(h->times, d->cursor, d->mem, NULL, NULL) : 0;
        d->done = d->cursor == 0;
        return h;
    }
}

/* ---- the kind ---- */

static const char *encoding(struct value v) {
    proven(v.form == VALUE_PACK || v.form == VALUE_HEAD);
    return v.form == VALUE_PACK ? "listpack" : "hashtable";
}

static const uint8_t rdb_types[] = {RDB_TYPE_HASH,
                                    RDB_TYPE_HASH_ZIPMAP,
                                    RDB_TYPE_HASH_ZIPLIST,
                                    RDB_TYPE_HASH_LISTPACK,
                                    RDB_TYPE_HASH_2,
                                    RDB_TYPE_HASH_METADATA,
                                    RDB_TYPE_HASH_LISTPACK_EXPIRE,
                                    RDB_TYPE_HASH_TEMPLATE_PACK,
                                    RDB_TYPE_HASH_TEMPLATE_PACK_REF,
                                    RDB_TYPE_HASH_TEMPLATE,
                                    RDB_TYPE_HASH_TEMPLATE_REF,
                                    0xff};

const struct value_kind hash_kind = {
    .name = "hash",
    .type = TYPE_HASH,
    .owner = MEM_HASHES,
    .rdb_types = rdb_types,
    .head_free = head_free,
    .head_blocks = head_blocks,
    .head_memory = head_memory,
    .head_fork = head_fork,
    .head_copy = head_copy,
    .head_defrag = head_defrag,
    .count = count,
    .encoding = encoding,
    .rdb_type = hash_rdb_type,
    .rdb_write = hash_rdb_write,
    .rdb_read = hash_rdb_read,
    .head_next_due = next_due,
    .expire_due = expire_due,
    .each = each_element,
};
