#include "base/check.h"
#include "base/num.h"
#include "values/set_int.h"

struct slice set_random(struct value v, struct random *r, char *scratch) {
    size_t n = v.form == VALUE_HEAD ? 0 : set_count(v);
    proven(v.ptr && v.type == TYPE_SET);
    switch (v.form) {
    case VALUE_INTS:
        return slice_of(scratch, num_format_i64(scratch, intset_at(v.ptr, (uint32_t)random_below(r, n))));
    case VALUE_PACK:
        return pack_text(v.ptr, pack_at(v.ptr, (int64_t)random_below(r, n)), scratch);
    default:
        return set_member_text(table_slot_entry(table_random(&((const struct set *)v.ptr)->members, r)));
    }
}

/* ---- different members, by a walk over all (Knuth's algorithm S) ---- */
struct selection {
    struct random *random;
    size_t left, wanted;
    set_visit *visit;
    void *arg;
};

static void select_member(void *arg, struct slice member) {
    struct selection *s = arg;
    debug_proven(s->wanted <= s->left);
    if (s->wanted > 0 && random_below(s->random, s->left) < s->wanted) {
        s->visit(s->arg, member);
        s->wanted--;
    }
    s->left--;
}

static void sample_by_walk(struct value v, size_t n, struct random *r, set_visit *visit, void *arg) {
    struct selection s = {r, set_count(v), n, visit, arg};
    set_each(v, select_member, &s);
    proven(s.left == 0 && s.wanted == 0);
}

/* ---- different members, by throwing again what has been seen ---- */
/* Blocks of members that have been taken: open addressing, at most half full. */
struct seen {
    const void **blocks; /* NULL: none */
    size_t mask;
};

static bool seen_init(struct seen *s, size_t n) {
    size_t room = 4;
    while (room < 2 * n) room *= 2;
    s->mask = room - 1;
    s->blocks = mem_try_alloc(MEM_SERVER, room * sizeof *s->blocks);
    if (s->blocks) memset(s->blocks, 0, room * sizeof *s->blocks);
    return s->blocks;
}

/* False when it has been seen. */
static bool seen_add(struct seen *s, const void *block) {
    size_t at = (size_t)((uintptr_t)block * UINT64_C(0x9e3779b97f4a7c15) >> 20) & s->mask;
    proven(block != NULL);
    for (; s->blocks[at]; at = (at + 1) & s->mask)
        if (s->blocks[at] == block) return false;
    s->blocks[at] = block;
    return true;
}

/* Of a table, at most a third of it: then two of three throws hit something new. False: no memory, nothing visited. */
static bool sample_by_throws(const struct set *set, size_t n, struct random *r, set_visit *visit, void *arg) {
    struct seen seen;
    proven(n <= set->members.count / 3);
    if (!seen_init(&seen, n)) return false;
    while (n > 0) {
        const unsigned char *member = table_slot_entry(table_random(&set->members, r));
        if (!seen_add(&seen, member)) continue;
        visit(arg, set_member_text(member));
        n--;
    }
    mem_free(MEM_SERVER, seen.blocks, (seen.mask + 1) * sizeof *seen.blocks);
    return true;
}

void set_sample(struct value v, size_t n, struct random *r, set_visit *visit, void *arg) {
    size_t count = set_count(v);
    char scratch[NUM_TEXT_MAX];
    proven(v.ptr && n <= count);
    if (n == 1)
        visit(arg, set_random(v, r, scratch));
    else if (v.form != VALUE_HEAD || n > count / 3 || !sample_by_throws(v.ptr, n, r, visit, arg))
        sample_by_walk(v, n, r, visit, arg);
}

/* ---- any members ---- */
#define DRAWS_WITHOUT_INDEX 4

/* Where each element stands, so that a draw need not walk. */
static void draw_from_pack(const struct pack *p, size_t n, struct random *r, set_visit *visit, void *arg) {
    size_t count = pack_count(p), i = 0;
    char scratch[NUM_TEXT_MAX];
    pack_pos *places = mem_alloc(MEM_SERVER, count * sizeof *places);
    for (pack_pos at = pack_first(p); at; at = pack_next(p, at)) places[i++] = at;
    proven(i == count);
    for (; n > 0; n--) visit(arg, pack_text(p, places[random_below(r, count)], scratch));
    mem_free(MEM_SERVER, places, count * sizeof *places);
}

void set_draw(struct value v, size_t n, struct random *r, set_visit *visit, void *arg) {
    char scratch[NUM_TEXT_MAX];
    proven(v.ptr && v.type == TYPE_SET);
    if (v.form == VALUE_PACK && n > DRAWS_WITHOUT_INDEX)
        draw_from_pack(v.ptr, n, r, visit, arg);
    else
        for (; n > 0; n--) visit(arg, set_random(v, r, scratch));
}

/* ---- taking members out ---- */
static void take_each(struct value_edit *e, size_t n, struct random *r, set_visit *gone, void *arg) {
    char scratch[NUM_TEXT_MAX];
    for (; n > 0; n--) {
        struct slice member = set_random(e->value, r, scratch);
        gone(arg, member);
        bool removed = set_remove(e, member);
        proven(removed && e->value.ptr);
    }
}

static void keep(void *arg, struct slice member) {
    enum set_added added = set_add(arg, member);
    proven(added == SET_ADDED); /* or memory ran out */
}

struct leaving {
    struct value kept;
    set_visit *gone;
    void *arg;
};

static void leave(void *arg, struct slice member) {
    struct leaving *l = arg;
    debug_proven(l->kept.ptr != NULL);
    if (!set_has(l->kept, member)) l->gone(l->arg, member);
}

/* What stays makes a new value, and the old one goes whole. */
static void take_all_but(struct value_edit *e, size_t stay, struct random *r, set_visit *gone, void *arg) {
    struct value_edit kept = {.value = SET_EMPTY, .f = e->f, .limits = e->limits, .now_ms = e->now_ms};
    set_sample(e->value, stay, r, keep, &kept);
    struct leaving leaving = {kept.value, gone, arg};
    set_each(e->value, leave, &leaving);
    proven(!kept.doomed && set_count(kept.value) == stay);
    value_drop_whole(e);
    e->value = kept.value;
}

/* As Redis: below one in six the members that stay are chosen instead. */
#define STAYING_COST 5

void set_take(struct value_edit *e, size_t n, struct random *r, set_visit *gone, void *arg) {
    size_t count = set_count(e->value);
    proven(n < count);
    if ((count - n) * STAYING_COST > n)
        take_each(e, n, r, gone, arg);
    else
        take_all_but(e, count - n, r, gone, arg);
}
