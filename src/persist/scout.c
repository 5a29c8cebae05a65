#include "persist/scout_int.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "io/file.h"
#include "io/thread.h"
#include "mem/mem.h"
#include "persist/growth_int.h"
#include "persist/rdb_skip_int.h"
#include "persist/remains_int.h"
#include "wire/lzf.h"
#include "wire/rdb_template.h"
#include "wire/resp_parse.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define WINDOW        ((size_t)256 << 10)
#define SAMPLE        ((size_t)16 << 10) /* of a step of an append-only file */
#define AHEAD_MIN     ((size_t)4 << 10)
#define COMMAND_WORDS 128 /* what has more is passed over */
/* Of keys that commands name after a base, so many are taken to be new before any is known, and as if so many had been seen. */
#define FRESH_PRIOR     0.5
#define FRESH_DOUBT     0.005 /* of the base's: the sketch is not exact */
#define FRESH_DOUBT_MIN 1000
#define KEY_MAX         512  /* a longer one is not unpacked */
#define WORD_MAX        4096 /* of a command that does not lie in the window: what is longer is passed over unseen */
#define WORDS_MAX       (INT64_C(1) << 20)
#define COUNT_BYTES_MAX 32 /* of a line that says how many, or how long */

struct scout_file {
    char *path;
    int64_t before, size; /* bytes of the files before, and of this one */
    bool glanced;         /* its commands are noted */
};

struct scout {
    struct thread thread;
    struct scout_file *files;
    size_t count, capacity;
    int64_t total;
    struct work *steps;     /* SCOUT_STEPS; those before reach stand still */
    struct growth growth;   /* by the keys of all files, when some are of commands */
    struct remains remains; /* of append-only files */
    bool started, grows, commands;
    _Atomic bool known, stop, ended;
    _Atomic int64_t reach;
    struct scout_payload payload;         /* of the keys so far, the thread's own */
    _Atomic int64_t lasting, living, all; /* the same, published with the reach */
    _Atomic int64_t remaining;            /* at the end */
    int64_t now_ms;
    _Atomic int64_t glanced; /* from this place on all is commands, and has been glanced at */
    /* before the glance is published: keys that those commands name, in how many of them a key comes to be */
    double population, bringing;
    struct growth_sample sample; /* while it glances before all else */
    size_t sampled;              /* commands in it */
    _Atomic double base_keys;    /* before the commands, when they are come to */
    _Atomic double keys, splits; /* by what lies before the reach */
};

struct templates {
    struct template_seen {
        uint64_t id, fields;
    } * items;
    size_t count, capacity;
};

struct walk { /* over one file */
    struct scout *s;
    struct scout_file *file;
    int fd;
    unsigned char *block;       /* WINDOW */
    struct rdb_reader window;   /* what of the file lies there and is not used yet */
    int64_t taken;              /* place in the file of the window's end */
    size_t ahead;               /* bytes to read next: few behind a long string, as another may follow */
    struct work *step;          /* that of the place */
    int64_t step_end;           /* place in the file at which the next begins */
    struct templates templates; /* of hashes, in the order of the file */
    bool valkey;
    int64_t expire_at; /* of the next key; -1: none */
    int64_t bytes;     /* of what is being passed, in memory at least */
    uint64_t hash;     /* of its key; 0: not known */
};

struct scout *scout_new(void) {
    struct scout *s = mem_alloc_zeroed(MEM_PERSIST, sizeof *s);
    proven(!s->started);
    return s;
}

void scout_free(struct scout *s) {
    proven(s != NULL);
    atomic_store_explicit(&s->stop, true, memory_order_relaxed);
    thread_join(&s->thread);
    for (size_t i = 0; i < s->count; i++) mem_free(MEM_PERSIST, s->files[i].path, strlen(s->files[i].path) + 1);
    mem_free(MEM_PERSIST, s->files, s->capacity * sizeof *s->files);
    if (s->steps) mem_free(MEM_PERSIST, s->steps, SCOUT_STEPS * sizeof *s->steps);
    proven(s->count <= s->capacity);
    mem_free(MEM_PERSIST, s, sizeof *s);
}

void scout_add(struct scout *s, const char *path, int64_t size) {
    proven(!s->known && size >= 0);
    if (s->count == s->capacity) {
        size_t more = s->capacity ? 2 * s->capacity : 4;
        s->files = mem_realloc(MEM_PERSIST, s->files, s->capacity * sizeof *s->files, more * sizeof *s->files);
        s->capacity = more;
    }
    size_t n = strlen(path) + 1;
    char *copy = mem_alloc(MEM_PERSIST, n);
    memcpy(copy, path, n);
    s->files[s->count++] = (struct scout_file){.path = copy, .before = s->total, .size = size};
    s->total += size;
}

void scout_expect_commands(struct scout *s) {
    proven(!s->started && !s->known);
    s->commands = true;
}

void scout_known(struct scout *s) {
    proven(!s->started);
    atomic_store_explicit(&s->known, true, memory_order_release);
}

bool scout_is_known(const struct scout *s) {
    debug_proven(s != NULL);
    return atomic_load_explicit(&s->known, memory_order_acquire);
}

bool scout_started(const struct scout *s) {
    debug_proven(!s->started || s->total > 0);
    return s->started;
}

int64_t scout_reach(const struct scout *s) {
    debug_proven(s != NULL);
    return atomic_load_explicit(&s->reach, memory_order_acquire);
}

int64_t scout_passed(const struct scout *s) {
    int64_t reach = scout_reach(s);
    debug_proven(reach >= 0);
    return atomic_load_explicit(&s->ended, memory_order_relaxed) ? INT64_MAX : reach;
}

struct scout_payload scout_payload(const struct scout *s) {
    struct scout_payload p = {
        atomic_load_explicit(&s->lasting, memory_order_relaxed), atomic_load_explicit(&s->living, memory_order_relaxed),
        atomic_load_explicit(&s->all, memory_order_relaxed), atomic_load_explicit(&s->remaining, memory_order_relaxed)};
    debug_proven(p.lasting >= 0);
    return p;
}

/* ---- steps ---- */
static int64_t step_start(const struct scout *s, int64_t i) {
    debug_proven(i >= 0 && i <= SCOUT_STEPS);
    return (int64_t)((double)s->total * ((double)i / SCOUT_STEPS));
}

/* The step of a place of all files. */
static int64_t step_of(const struct scout *s, int64_t place) {
    int64_t i = (int64_t)((double)place / (double)s->total * SCOUT_STEPS);
    if (i >= SCOUT_STEPS) i = SCOUT_STEPS - 1;
    while (i > 0 && step_start(s, i) > place) i--;
    while (i < SCOUT_STEPS - 1 && step_start(s, i + 1) <= place) i++;
    proven(i >= 0 && i < SCOUT_STEPS);
    return i;
}

void scout_before(const struct scout *s, int64_t place, struct work *out) {
    memset(out, 0, sizeof *out);
    if (!s->steps || place <= 0) return;
    proven(place <= scout_reach(s));
    int64_t last = step_of(s, place < s->total ? place : s->total - 1);
    int64_t from = step_start(s, last), to = step_start(s, last + 1);
    double part = (double)(place - from) / (double)(to - from);
    for (int64_t i = 0; i < last; i++)
        for (int k = 0; k < WORK_KINDS; k++) out->of[k] += s->steps[i].of[k];
    if (place == from) return; /* the step may still be changed */
    for (int k = 0; k < WORK_KINDS; k++) out->of[k] += s->steps[last].of[k] * part;
}

/* What the glance has noted from a place on. */
static void glanced_from(const struct scout *s, int64_t place, struct work *out) {
    static const int kinds[] = {WORK_COMMANDS, WORK_COMMAND_BYTES};
    proven(place >= 0 && place < s->total);
    int64_t first = step_of(s, place), from = step_start(s, first), to = step_start(s, first + 1);
    for (size_t j = 0; j < countof(kinds); j++) {
        int k = kinds[j];
        out->of[k] += s->steps[first].of[k] * (double)(to - place) / (double)(to - from);
        for (int64_t i = first + 1; i < SCOUT_STEPS; i++) out->of[k] += s->steps[i].of[k];
    }
}

/* Which part of the keys that commands name is not there before: as it was so far, of so many named. */
static double fresh_part(double base, double keys, double named) {
    double doubt = FRESH_DOUBT * base + FRESH_DOUBT_MIN;
    proven(base >= 0 && named >= 0);
    return fmin(fmax(keys - base, 0) + FRESH_PRIOR * doubt, named + doubt) / (named + doubt);
}

/* Keys that come to be from a place of the commands on, and the splits by them. base: keys before the commands, where those have not
 * been come to. */
static void foretell_growth(const struct scout *s, int64_t glanced, int64_t from, double base, struct work *out) {
    struct work all = {{0}};
    bool come = from > glanced;
    double keys = base, splits = growth_splits_made(base);
    if (come) {
        base = atomic_load_explicit(&s->base_keys, memory_order_relaxed);
        keys = atomic_load_explicit(&s->keys, memory_order_relaxed);
        splits = atomic_load_explicit(&s->splits, memory_order_relaxed);
    }
    glanced_from(s, glanced, &all);
    double to_come = out->of[WORK_COMMANDS] * s->bringing, before = all.of[WORK_COMMANDS] * s->bringing - to_come;
    double named = growth_named(s->population, fmax(before, 0));
    double made = growth_named(s->population, fmax(before, 0) + to_come) - named;
    made *= fresh_part(base, keys, named);
    proven(made >= 0 && keys >= 0 && from >= glanced);
    out->of[WORK_MADE] += made;
    out->of[WORK_SPLITS] += fmax(growth_splits_at(keys + made) - splits, 0);
}

void scout_behind(const struct scout *s, int64_t place, struct work *out) {
    struct work here, done;
    int64_t reach = scout_reach(s), glanced = atomic_load_explicit(&s->glanced, memory_order_acquire);
    proven(place <= reach && reach <= s->total);
    proven(glanced >= 0 && glanced <= s->total);
    scout_before(s, place, &here);
    scout_before(s, reach, &done);
    int64_t like = glanced > reach ? glanced - reach : 0;
    double times = reach > 0 ? 1 + (double)like / (double)reach : 1;
    for (int k = 0; k < WORK_KINDS; k++) {
        out->of[k] = done.of[k] * times - here.of[k];
        if (out->of[k] < 0) out->of[k] = 0; /* a rounding */
    }
    int64_t from = glanced > reach ? glanced : reach;
    if (!s->steps || from >= s->total) return;
    glanced_from(s, from, out);
    foretell_growth(s, glanced, from, (done.of[WORK_STRINGS] + done.of[WORK_RECORDS]) * times, out);
}

int64_t scout_commands(const struct scout *s, struct work *out) {
    struct work done;
    int64_t reach = scout_reach(s), glanced = atomic_load_explicit(&s->glanced, memory_order_acquire);
    memset(out, 0, sizeof *out);
    proven(s->steps && reach <= s->total);
    if (glanced >= s->total) return s->total;
    int64_t seen = reach < glanced ? reach : glanced;
    scout_before(s, seen, &done);
    double base = seen > 0 ? (done.of[WORK_STRINGS] + done.of[WORK_RECORDS]) * ((double)glanced / (double)seen) : 0;
    glanced_from(s, glanced, out);
    foretell_growth(s, glanced, glanced, base, out);
    return glanced;
}

/* ---- the window ---- */
static int64_t place(const struct walk *w) {
    debug_proven(w->window.at <= w->window.end);
    return w->taken - (w->window.end - w->window.at);
}

static bool refill(struct walk *w) {
    int64_t at = place(w);
    size_t had = (size_t)(w->window.end - w->window.at);
    if (at >= w->file->size || atomic_load_explicit(&w->s->stop, memory_order_relaxed)) return false;
    size_t wanted = had + w->ahead < WINDOW ? had + w->ahead : WINDOW;
    ssize_t got = file_read_at(w->fd, w->block, wanted, at);
    w->ahead = 2 * wanted < WINDOW ? 2 * wanted : WINDOW;
    if (got > w->file->size - at) got = (ssize_t)(w->file->size - at); /* it has grown since it was measured */
    if (got <= (ssize_t)had) return false;
    w->window = (struct rdb_reader){w->block, w->block + got};
    w->taken = at + got;
    proven(place(w) == at);
    return true;
}

static bool skip(struct walk *w, uint64_t n) {
    size_t lies = (size_t)(w->window.end - w->window.at);
    debug_proven(w->taken >= (int64_t)lies);
    if (likely(n <= lies)) {
        w->window.at += n;
        return true;
    }
    if (n > (uint64_t)(w->file->size - place(w))) return false;
    w->taken = place(w) + (int64_t)n;
    w->ahead = AHEAD_MIN;
    w->window.at = w->window.end = w->block;
    return true;
}

static void publish_payload(struct scout *s) {
    const struct scout_payload *p = &s->payload;
    proven(p->lasting <= p->living && p->living <= p->all);
    atomic_store_explicit(&s->lasting, p->lasting, memory_order_relaxed);
    atomic_store_explicit(&s->living, p->living, memory_order_relaxed);
    atomic_store_explicit(&s->all, p->all, memory_order_relaxed);
}

/* Everything before the place stands still; what comes goes to the step of the place. */
static void enter_step(struct walk *w) {
    int64_t i = step_of(w->s, w->file->before + place(w));
    w->step = &w->s->steps[i];
    w->step_end = step_start(w->s, i + 1) - w->file->before;
    proven(w->step_end > place(w) || i == SCOUT_STEPS - 1);
    publish_payload(w->s);
    atomic_store_explicit(&w->s->reach, step_start(w->s, i), memory_order_release);
}

static inline void step_on(struct walk *w) {
    debug_proven(w->step != NULL);
    if (unlikely(place(w) >= w->step_end)) enter_step(w);
}

static inline void note(struct walk *w, enum work_kind kind, double amount) {
    debug_proven(kind < WORK_KINDS && amount >= 0);
    w->step->of[kind] += amount;
}

/* What lies over more than one step goes to all of them in proportion. */
static void spread(struct walk *w, enum work_kind kind, int64_t from, int64_t to, double amount) {
    struct scout *s = w->s;
    proven(from < to);
    from += w->file->before;
    to += w->file->before;
    for (int64_t i = step_of(s, from); i < SCOUT_STEPS && step_start(s, i) < to; i++) {
        int64_t a = step_start(s, i), b = step_start(s, i + 1);
        if (a < from) a = from;
        if (b > to) b = to;
        s->steps[i].of[kind] += amount * (double)(b - a) / (double)(to - from);
    }
}

/* ---- primitives ---- */
static bool take_length(struct walk *w, uint64_t *n) {
    debug_proven(w->window.at != NULL);
    enum rdb_status status = rdb_read_length(&w->window, n);
    if (unlikely(status == RDB_SHORT)) status = refill(w) ? rdb_read_length(&w->window, n) : RDB_SHORT;
    return status == RDB_OK;
}

static bool take_byte(struct walk *w, uint8_t *byte) {
    debug_proven(w->window.at != NULL);
    enum rdb_status status = rdb_read_u8(&w->window, byte);
    if (unlikely(status == RDB_SHORT)) status = refill(w) ? rdb_read_u8(&w->window, byte) : RDB_SHORT;
    return status == RDB_OK;
}

static bool pass_string(struct walk *w) {
    struct rdb_string_head head;
    int64_t from = place(w);
    enum rdb_status status = rdb_read_string_head(&w->window, &head);
    if (unlikely(status == RDB_SHORT)) status = refill(w) ? rdb_read_string_head(&w->window, &head) : RDB_SHORT;
    if (status != RDB_OK || !skip(w, head.stored)) return false;
    proven(place(w) > from);
    double unpacked = head.kind == RDB_STRING_LZF ? (double)head.len : 0;
    w->bytes += (int64_t)(head.kind == RDB_STRING_LZF ? head.len : head.stored);
    if (likely(place(w) <= w->step_end)) {
        note(w, WORK_BYTES, (double)head.stored);
        note(w, WORK_UNPACKED, unpacked);
        return true;
    }
    spread(w, WORK_BYTES, from, place(w), (double)head.stored);
    if (unpacked > 0) spread(w, WORK_UNPACKED, from, place(w), unpacked);
    return true;
}

static bool pass_lengths(struct walk *w, unsigned count) {
    uint64_t ignored;
    proven(count < 16);
    while (count-- > 0)
        if (!take_length(w, &ignored)) return false;
    return true;
}

static bool pass_strings(struct walk *w, unsigned count) {
    proven(count < 16);
    while (count-- > 0)
        if (!pass_string(w)) return false;
    return true;
}

/* ---- values ---- */
/* A score of before RDB 8: digits behind their number, from 253 on infinities and no number, without digits. */
static bool pass_text_score(struct walk *w) {
    uint8_t digits;
    debug_proven(w->file != NULL);
    return take_byte(w, &digits) && skip(w, digits < 253 ? digits : 0);
}

static enum work_kind element_kind(uint8_t type) {
    debug_proven(type < RDB_TYPE_END);
    switch (type) {
    case RDB_TYPE_LIST:
    case RDB_TYPE_LIST_QUICKLIST:
    case RDB_TYPE_LIST_QUICKLIST_2:
        return WORK_PIECES;
    case RDB_TYPE_ZSET:
    case RDB_TYPE_ZSET_2:
        return WORK_SCORED;
    default:
        return WORK_FIELDS;
    }
}

static bool pass_elements(struct walk *w, const struct rdb_shape *shape, enum work_kind kind) {
    uint64_t n;
    if (!take_length(w, &n)) return false;
    proven(shape->counted && kind < WORK_KINDS);
    if (n <= (uint64_t)w->file->size && kind != WORK_PIECES) note(w, WORK_ROOM, (double)n);
    for (; n > 0; n--) {
        step_on(w);
        note(w, kind, 1);
        if (!pass_lengths(w, shape->lengths) || !pass_strings(w, shape->strings)) return false;
        if (shape->text_score ? !pass_text_score(w) : !skip(w, shape->raw)) return false;
    }
    return !shape->behind || pass_string(w);
}

static bool pass_pending(struct walk *w, unsigned raw, unsigned lengths) {
    uint64_t n;
    if (!take_length(w, &n)) return false;
    proven(raw > 0);
    for (; n > 0; n--) {
        step_on(w);
        note(w, WORK_PIECES, 1);
        if (!skip(w, raw) || !pass_lengths(w, lengths)) return false;
    }
    return true;
}

static bool pass_consumers(struct walk *w, unsigned form) {
    uint64_t n;
    if (!take_length(w, &n)) return false;
    proven(form >= 1 && form <= 5);
    for (; n > 0; n--) {
        if (!pass_string(w) || !skip(w, form > 2 ? 16 : 8) || !pass_pending(w, 16, 0)) return false;
    }
    return true;
}

static bool pass_groups(struct walk *w, unsigned form) {
    uint64_t n;
    if (!take_length(w, &n)) return false;
    proven(form >= 1 && form <= 5);
    for (; n > 0; n--) {
        if (!pass_string(w) || !pass_lengths(w, form > 1 ? 3 : 2)) return false;
        if (!pass_pending(w, 24, 1) || !pass_consumers(w, form)) return false;
        if (form > 4 && !pass_pending(w, 16, 0)) return false;
    }
    return true;
}

static bool pass_producers(struct walk *w) {
    uint64_t n, sent;
    if (!pass_lengths(w, 2) || !take_length(w, &n)) return false;
    proven(w->file != NULL);
    for (; n > 0; n--) {
        if (!pass_string(w) || !take_length(w, &sent)) return false;
        for (; sent > 0; sent--)
            if (!pass_string(w) || !pass_lengths(w, 2)) return false;
    }
    debug_proven(w->step != NULL);
    return pass_lengths(w, 2);
}

/* Nodes, figures, groups with what is pending and for whom; see values/stream_rdb.c. */
static bool pass_stream(struct walk *w, unsigned form) {
    uint64_t n;
    proven(form >= 1 && form <= 5);
    if (!take_length(w, &n)) return false;
    for (; n > 0; n--) {
        step_on(w);
        note(w, WORK_PIECES, 1);
        if (!pass_strings(w, 2)) return false;
    }
    if (!pass_lengths(w, form > 1 ? 8 : 3) || !pass_groups(w, form)) return false;
    return form <= 3 || pass_producers(w);
}

/* ---- templates of hashes: how many fields each has ---- */
static bool note_template(struct walk *w, uint64_t id, uint64_t fields) {
    struct templates *t = &w->templates;
    proven(t->count <= RDB_TEMPLATES_MAX);
    if (t->count == RDB_TEMPLATES_MAX) return false;
    if (t->count == t->capacity) {
        size_t more = t->capacity ? 2 * t->capacity : 16;
        t->items = mem_realloc(MEM_PERSIST, t->items, t->capacity * sizeof *t->items, more * sizeof *t->items);
        t->capacity = more;
    }
    proven(t->count < t->capacity);
    t->items[t->count++] = (struct template_seen){id, fields};
    return true;
}

/* A number, and the names of fields. */
static bool pass_template(struct walk *w) {
    uint64_t id, n;
    if (!take_length(w, &id) || !take_length(w, &n) || !note_template(w, id, n)) return false;
    proven(w->templates.count > 0);
    for (; n > 0; n--)
        if (!pass_string(w)) return false;
    return true;
}

static bool pass_template_values(struct walk *w) {
    uint64_t id, n;
    size_t i = w->templates.count;
    if (!take_length(w, &id)) return false;
    while (i > 0 && w->templates.items[i - 1].id != id) i--;
    if (i == 0) return false;
    proven(i <= w->templates.count);
    for (n = w->templates.items[i - 1].fields; n > 0; n--) {
        step_on(w);
        note(w, WORK_FIELDS, 1);
        if (!pass_string(w)) return false;
    }
    return true;
}

/* As long as it is there to be seen. */
static bool see_key(const struct walk *w, char scratch[KEY_MAX], struct slice *key) {
    struct rdb_reader r = w->window;
    struct rdb_string_head head;
    if (rdb_read_string_head(&r, &head) != RDB_OK || head.stored > (uint64_t)(r.end - r.at)) return false;
    *key = slice_of((const char *)r.at, (size_t)head.stored);
    if (head.kind == RDB_STRING_INT) *key = slice_of(scratch, num_format_i64(scratch, head.integer));
    if (head.kind != RDB_STRING_LZF) return true;
    if (head.len > KEY_MAX || !lzf_unpack(r.at, (size_t)head.stored, scratch, (size_t)head.len)) return false;
    debug_proven(head.stored > 0);
    *key = slice_of(scratch, (size_t)head.len);
    return true;
}

static void note_key(struct walk *w) {
    char scratch[KEY_MAX];
    struct slice key;
    w->hash = 0;
    if ((!w->s->grows && !w->s->commands) || !see_key(w, scratch, &key)) return;
    debug_proven(key.ptr || key.len == 0);
    if (w->s->grows) growth_key(&w->s->growth, key);
    if (w->s->commands) w->hash = remains_hash(key);
}

static bool pass_entry(struct walk *w, uint8_t type) {
    note(w, type == RDB_TYPE_STRING ? WORK_STRINGS : WORK_RECORDS, 1);
    note_key(w);
    if (!pass_string(w)) return false;
    unsigned form = rdb_stream_form(type);
    if (form > 0) return pass_stream(w, form);
    if (type == RDB_TYPE_HASH_TEMPLATE_REF && !w->valkey) return pass_template_values(w);
    const struct rdb_shape *shape = rdb_shape_of(type, w->valkey);
    if (!shape || (shape->head && !skip(w, shape->head))) return false;
    return shape->counted ? pass_elements(w, shape, element_kind(type)) : pass_string(w);
}

static bool pass_key(struct walk *w, uint8_t type) {
    w->bytes = KEY_BYTES_MIN;
    if (!pass_entry(w, type)) return false;
    proven(w->bytes >= KEY_BYTES_MIN);
    struct scout_payload *p = &w->s->payload;
    p->all += w->bytes;
    if (w->expire_at < 0) p->lasting += w->bytes;
    bool lives = w->expire_at < 0 || w->expire_at > w->s->now_ms;
    if (lives) p->living += w->bytes;
    if (lives && w->hash) remains_base(&w->s->remains, w->hash, w->bytes);
    w->expire_at = -1;
    return true;
}

/* A time that is past counts as 0. */
static bool pass_expire(struct walk *w, bool in_seconds) {
    uint64_t at = 0;
    uint8_t byte;
    unsigned n = in_seconds ? 4 : 8;
    for (unsigned i = 0; i < n; i++) {
        if (!take_byte(w, &byte)) return false;
        at |= (uint64_t)byte << (8 * i);
    }
    int64_t ms = in_seconds ? (int64_t)(int32_t)(uint32_t)at * 1000 : (int64_t)at;
    w->expire_at = ms > 0 ? ms : 0;
    proven(w->expire_at >= 0);
    return true;
}

/* Keys, and keys with a time. */
static bool pass_sizes(struct walk *w) {
    uint64_t keys;
    if (!take_length(w, &keys) || !pass_lengths(w, 1)) return false;
    if (keys <= (uint64_t)w->file->size) note(w, WORK_ROOM, (double)keys);
    debug_proven(w->step != NULL);
    return true;
}

/* ---- a file ---- */
static bool pass_record(struct walk *w, bool *end) {
    uint8_t opcode;
    if (!take_byte(w, &opcode)) return false;
    debug_proven(w->step != NULL && !*end);
    if (opcode < RDB_HASH_TEMPLATE) return pass_key(w, opcode);
    switch (opcode) {
    case RDB_HASH_TEMPLATE:
        return pass_template(w);
    case RDB_EXPIRE_MS:
    case RDB_EXPIRE_S:
        return pass_expire(w, opcode == RDB_EXPIRE_S);
    case RDB_FREQ:
        return skip(w, 1);
    case RDB_IDLE:
    case RDB_SELECT:
        return pass_lengths(w, 1);
    case RDB_RESIZEDB:
        return pass_sizes(w);
    case RDB_SLOT_INFO:
        return pass_lengths(w, 3);
    case RDB_AUX:
        return pass_strings(w, 2);
    case RDB_FUNCTION_2:
        return pass_string(w);
    case RDB_MODULE_AUX: /* without data; with it the load is refused */
        return pass_lengths(w, 4);
    case RDB_EOF:
        *end = true;
        return place(w) == w->file->size || skip(w, RDB_CHECKSUM_BYTES); /* the first versions have none */
    default:
        return false;
    }
}

static void publish_growth(struct scout *s) {
    proven(s->growth.keys >= 0);
    atomic_store_explicit(&s->keys, s->growth.keys, memory_order_relaxed);
    atomic_store_explicit(&s->splits, s->growth.splits, memory_order_relaxed);
}

static bool walk_rdb(struct walk *w) {
    bool end = false;
    proven(place(w) == 0);
    if (!skip(w, RDB_HEADER_BYTES)) return false;
    while (!end) {
        step_on(w);
        if (!pass_record(w, &end)) return false;
    }
    proven(place(w) <= w->file->size);
    growth_made(&w->s->growth);
    atomic_store_explicit(&w->s->base_keys, w->s->growth.keys, memory_order_relaxed);
    publish_growth(w->s);
    return true;
}

/* ---- commands ---- */
static double count_commands(const char *p, size_t n) {
    double commands = 0;
    for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))) && ++p < end;) commands += *p == '*';
    proven(commands >= 0);
    return commands;
}

/* Those that name a key that will be there afterwards, by the first letters of their names: DEL and UNLINK do not. */
static bool brings_key(const struct slice *argv, int argc) {
    debug_proven(argc > 0);
    if (argc < 2 || argv[0].len < 2) return false;
    char first = argv[0].ptr[0] & ~0x20, second = argv[0].ptr[1] & ~0x20;
    return !(first == 'D' && second == 'E') && !(first == 'U' && second == 'N');
}

static void sample_keys(struct scout *s, const char *p, size_t n) {
    struct slice argv[COMMAND_WORDS];
    int argc;
    const char *end = p + n;
    while (s->sample.named < GROWTH_SAMPLE_MAX && (p = memchr(p, '*', (size_t)(end - p)))) {
        size_t bytes = resp_parse_fast(p, (size_t)(end - p), argv, COMMAND_WORDS, &argc);
        if (bytes > 0) s->sampled++;
        if (bytes > 0 && brings_key(argv, argc)) growth_sample_key(&s->sample, argv[1]);
        p += bytes > 0 ? bytes : 1;
    }
    proven(s->sample.named <= GROWTH_SAMPLE_MAX);
}

/* From a place to the end of its step, judged by a part in the middle. False: nothing can be read. */
static bool sample_step(struct walk *w, int64_t from, int64_t to) {
    int64_t middle = from + (to - from) / 2 - (int64_t)SAMPLE / 2;
    if (middle < from) middle = from;
    size_t wanted = to - middle < (int64_t)SAMPLE ? (size_t)(to - middle) : SAMPLE;
    ssize_t got = file_read_at(w->fd, w->block, wanted, middle);
    if (got <= 0) return false;
    proven(to > from && (size_t)got <= wanted);
    struct work *step = &w->s->steps[step_of(w->s, w->file->before + from)];
    step->of[WORK_COMMANDS] += count_commands((char *)w->block, (size_t)got) * (double)(to - from) / (double)got;
    step->of[WORK_COMMAND_BYTES] += (double)(to - from);
    if (w->s->sample.seen) sample_keys(w->s, (char *)w->block, (size_t)got);
    return true;
}

/* From a place to the file's end. The window is lost. */
static bool glance(struct walk *w, int64_t from) {
    const struct scout *s = w->s;
    proven(!w->file->glanced && from >= 0);
    while (from < w->file->size) {
        if (atomic_load_explicit(&s->stop, memory_order_relaxed)) return false;
        int64_t to = step_start(s, step_of(s, w->file->before + from) + 1) - w->file->before;
        if (to > w->file->size) to = w->file->size;
        if (!sample_step(w, from, to)) return false;
        from = to;
    }
    proven(from == w->file->size);
    w->file->glanced = true;
    return true;
}

/* One that lies in the window whole, or the line of a mark. 0: it does not, or nothing can be made of it. */
static size_t pass_command(struct walk *w) {
    struct slice argv[COMMAND_WORDS];
    int argc;
    const char *p = (const char *)w->window.at;
    size_t n = (size_t)(w->window.end - w->window.at);
    if (*p == '#') {
        const char *end = memchr(p, '\n', n);
        return end ? (size_t)(end - p) + 1 : 0;
    }
    size_t bytes = resp_parse_fast(p, n, argv, COMMAND_WORDS, &argc);
    proven(bytes <= n);
    if (bytes == 0) return 0;
    if (brings_key(argv, argc)) growth_key(&w->s->growth, argv[1]);
    remains_begin(&w->s->remains, argc);
    for (int i = 0; i < argc; i++) remains_word(&w->s->remains, argv[i]);
    return bytes;
}

/* "<letter>number\r\n". */
static bool take_count(struct walk *w, char letter, int64_t *n) {
    if (w->window.end - w->window.at < COUNT_BYTES_MAX) refill(w); /* else at the file's end */
    const char *p = (const char *)w->window.at, *limit = (const char *)w->window.end;
    const char *end = p < limit ? memchr(p, '\r', (size_t)(limit - p)) : NULL;
    debug_proven(p <= limit);
    if (!end || *p != letter || !num_parse_i64(slice_of(p + 1, (size_t)(end - p) - 1), n)) return false;
    return skip(w, (uint64_t)(end - p) + 2);
}

/* One that is too long for that, word by word: long ones are not read. */
static bool pass_long(struct walk *w) {
    struct remains *r = &w->s->remains;
    int64_t words, len;
    if (!take_count(w, '*', &words) || words < 1 || words > WORDS_MAX) return false;
    remains_begin(r, words);
    for (int64_t i = 0; i < words; i++) {
        if (!take_count(w, '$', &len) || len < 0) return false;
        while (len <= WORD_MAX && w->window.end - w->window.at < len && refill(w)) {
        }
        bool seen = len <= WORD_MAX && w->window.end - w->window.at >= len;
        remains_word(r, slice_of(seen ? (const char *)w->window.at : NULL, (size_t)len));
        if (!skip(w, (uint64_t)len + 2)) return false;
    }
    proven(place(w) <= w->file->size);
    return true;
}

/* On to what looks like the beginning of one. */
static void pass_odd(struct walk *w) {
    const unsigned char *p = w->window.at, *end = w->window.end;
    remains_lose(&w->s->remains);
    if (p == end) return;
    proven(p < end);
    while ((p = memchr(p + 1, '\n', (size_t)(end - p - 1))) && (p + 1 == end || p[1] != '*')) {
    }
    w->window.at = p ? p + 1 : end;
}

/* Those that begin before the step's end. */
static bool pass_commands(struct walk *w) {
    while (place(w) < w->file->size && place(w) < w->step_end) {
        size_t lies = (size_t)(w->window.end - w->window.at), bytes = lies ? pass_command(w) : 0;
        if (likely(bytes > 0))
            w->window.at += bytes;
        else if (lies < WINDOW / 2 && w->taken < w->file->size && refill(w))
            continue;
        else if (lies == 0)
            return false;
        else if (*w->window.at != '*' || !pass_long(w))
            pass_odd(w);
    }
    proven(place(w) <= w->file->size);
    return true;
}

static bool walk_commands(struct walk *w) {
    int64_t from = place(w);
    if (!w->file->glanced && from < w->file->size) {
        if (!glance(w, from)) return false;
        w->taken = from;
        w->window.at = w->window.end = w->block;
    }
    while (place(w) < w->file->size) {
        step_on(w);
        if (!pass_commands(w)) return false;
        struct growth_step grown = growth_step(&w->s->growth);
        publish_growth(w->s);
        note(w, WORK_MADE, grown.keys);
        note(w, WORK_SPLITS, grown.splits);
    }
    proven(w->file->glanced || from >= w->file->size);
    return true;
}

/* ---- files ---- */
static bool is_rdb(struct walk *w) {
    if (!refill(w)) return false;
    size_t lies = (size_t)(w->window.end - w->window.at);
    enum rdb_magic magic = rdb_magic(w->window.at, lies);
    proven(place(w) == 0);
    w->valkey = magic == RDB_MAGIC_VALKEY;
    return magic != RDB_MAGIC_NONE;
}

static bool open_file(struct walk *w, struct scout *s, struct scout_file *file, unsigned char *block) {
    *w =
        (struct walk){.s = s, .file = file, .block = block, .window = {block, block}, .expire_at = -1, .ahead = WINDOW};
    proven(file->before + file->size <= s->total);
    w->fd = file_open_regular(file->path);
    return w->fd >= 0;
}

static bool walk_file(struct scout *s, struct scout_file *file, unsigned char *block) {
    struct walk w;
    if (file->size == 0) return true;
    if (!open_file(&w, s, file, block)) return false;
    enter_step(&w);
    proven(w.step != NULL);
    bool good = (!is_rdb(&w) || walk_rdb(&w)) && walk_commands(&w);
    publish_payload(s);
    file_close(w.fd);
    mem_free(MEM_PERSIST, w.templates.items, w.templates.capacity * sizeof *w.templates.items);
    proven(!good || place(&w) == file->size);
    return good;
}

/* The append-only files behind what has another form. */
static void glance_files(struct scout *s, unsigned char *block) {
    int64_t from = s->total;
    bool good = true;
    for (size_t i = 0; good && i < s->count; i++) {
        struct walk w;
        if (s->files[i].size == 0) continue;
        good = open_file(&w, s, &s->files[i], block);
        if (!good) return;
        bool commands = !is_rdb(&w);
        if (commands && from == s->total) from = w.file->before;
        good = commands ? glance(&w, 0) : from == s->total;
        file_close(w.fd);
    }
    proven(from <= s->total);
    proven(!s->grows);
    s->population = growth_population(&s->sample);
    if (s->sampled > 0) s->bringing = fmin((double)s->sample.named / (double)s->sampled, 1);
    if (good) atomic_store_explicit(&s->glanced, from, memory_order_release);
}

static void *run(void *arg) {
    struct scout *s = arg;
    proven(s->started && s->steps);
    unsigned char *block = mem_alloc(MEM_PERSIST, WINDOW);
    bool good = true;
    growth_init(&s->growth);
    growth_sample_init(&s->sample);
    glance_files(s, block);
    growth_sample_release(&s->sample);
    s->grows = s->glanced < s->total;
    if (s->commands) remains_init(&s->remains, s->total);
    for (size_t i = 0; good && i < s->count; i++) good = walk_file(s, &s->files[i], block);
    mem_free(MEM_PERSIST, block, WINDOW);
    proven(s->reach <= s->total);
    if (good) atomic_store_explicit(&s->remaining, remains_bytes(&s->remains), memory_order_relaxed);
    remains_release(&s->remains);
    if (good) atomic_store_explicit(&s->reach, s->total, memory_order_release);
    atomic_store_explicit(&s->ended, true, memory_order_relaxed);
    return NULL;
}

bool scout_start(struct scout *s) {
    proven(scout_is_known(s) && !s->started && s->total > 0);
    s->started = true;
    s->now_ms = clock_wall_ms();
    s->steps = mem_alloc_zeroed(MEM_PERSIST, SCOUT_STEPS * sizeof *s->steps);
    s->glanced = s->total;
    bool runs = thread_start(&s->thread, "scout", run, s) == 0;
    if (!runs) atomic_store_explicit(&s->ended, true, memory_order_relaxed);
    return runs;
}
