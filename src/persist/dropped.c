#include "persist/dropped_int.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/executor.h"
#include "keyspace/db.h"
#include "mem/mem.h"
#include "persist/load.h"

#define FIRST_CAPACITY 1024
#define NAMES_MAX      ((size_t)64 << 10)

struct hashes { /* open addressing; 0: free */
    uint64_t *slots;
    size_t capacity, count; /* a power of two, at most three quarters in use */
};

struct dropped {
    struct executor *executor;
    struct load_progress *progress;
    struct hashes *of; /* of each database */
    unsigned databases;
    size_t count;     /* in all of them */
    struct buf names; /* of all that ever went, some of them twice; empty when they were too many */
    bool too_many;
    /* what waits for the end of a command, or of a MULTI, whose commands are judged before any of them has run */
    struct buf doomed;        /* names of keys that are to go then, unless they have been made anew */
    struct hashes *doomed_of; /* those that still are */
    unsigned *stands_in;      /* of each database as the commands see it: which it is until then. SWAPDB */
    bool waits;               /* something may */
    bool torn;                /* a MULTI did not come to its end: what it would have made anew was taken off the list */
    unsigned queued_db;
    struct key_position *positions; /* room for them */
    size_t position_capacity;
};

/* ---- the hashes of one database ---- */
static uint64_t *place_of(const struct hashes *h, uint64_t hash) {
    size_t i = hash & (h->capacity - 1);
    debug_proven(hash != 0 && h->count < h->capacity);
    while (h->slots[i] != 0 && h->slots[i] != hash) i = (i + 1) & (h->capacity - 1);
    return &h->slots[i];
}

static void grow(struct hashes *h) {
    struct hashes old = *h;
    h->capacity = old.capacity ? 2 * old.capacity : FIRST_CAPACITY;
    h->slots = mem_alloc_zeroed(MEM_PERSIST, h->capacity * sizeof *h->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i]) *place_of(h, old.slots[i]) = old.slots[i];
    mem_free(MEM_PERSIST, old.slots, old.capacity * sizeof *old.slots);
    proven(h->count < h->capacity);
}

/* False: it is there. */
static bool add(struct hashes *h, uint64_t hash) {
    hash += hash == 0;
    if (4 * (h->count + 1) > 3 * h->capacity) grow(h);
    uint64_t *place = place_of(h, hash);
    debug_proven(h->capacity > h->count);
    if (*place) return false;
    *place = hash;
    h->count++;
    return true;
}

static bool has(const struct hashes *h, uint64_t hash) {
    debug_proven(h->count <= h->capacity);
    return h->count > 0 && *place_of(h, hash + (hash == 0)) != 0;
}

/* What stands behind it in a row moves up, where its own place is not passed by that. */
static void take(struct hashes *h, uint64_t hash) {
    size_t mask = h->capacity - 1, hole = (size_t)(place_of(h, hash + (hash == 0)) - h->slots);
    proven(h->slots[hole] != 0);
    for (size_t i = (hole + 1) & mask; h->slots[i] != 0; i = (i + 1) & mask) {
        if (((i - h->slots[i]) & mask) < ((i - hole) & mask)) continue;
        h->slots[hole] = h->slots[i];
        hole = i;
    }
    h->slots[hole] = 0;
    h->count--;
}

static void release(struct hashes *h) {
    mem_free(MEM_PERSIST, h->slots, h->capacity * sizeof *h->slots);
    *h = (struct hashes){0};
    proven(h->count == 0);
}

/* ---- names ---- */
struct name_head {
    uint32_t db, len;
};

static void put_name(struct buf *b, unsigned db, struct slice key) {
    struct name_head head = {db, (uint32_t)key.len};
    proven(key.len <= ENTRY_KEY_MAX);
    buf_append(b, (const char *)&head, sizeof head);
    buf_append_slice(b, key);
}

/* The next of the names from *at on, which moves behind it. */
bool dropped_next_name(const struct buf *b, size_t *at, unsigned *db, struct slice *key) {
    struct name_head head;
    if (*at == b->len) return false;
    memcpy(&head, b->ptr + *at, sizeof head);
    *db = head.db;
    *key = slice_of(b->ptr + *at + sizeof head, head.len);
    *at += sizeof head + head.len;
    proven(*at <= b->len);
    return true;
}

static void keep_name(struct dropped *d, unsigned db, struct slice key) {
    proven(db < d->databases);
    if (d->too_many) return;
    put_name(&d->names, db, key);
    d->too_many = d->names.len > NAMES_MAX;
    if (d->too_many) buf_release(&d->names);
}

/* ---- keys that go ---- */
static void note(struct dropped *d, unsigned db, struct slice key) {
    proven(db < d->databases);
    if (!add(&d->of[db], dataset_hash(d->executor->dataset, key))) return;
    d->count++;
    keep_name(d, db, key);
}

static void on_evicted(void *arg, unsigned class, const char *event, struct slice key, unsigned db) {
    (void)event;
    if (class == NOTIFY_EVICTED) note(arg, db, key); /* commands tell of all events */
}

/* Nothing waits any more. */
static void end_queue(struct dropped *d) {
    for (unsigned i = 0; i < d->databases; i++) {
        release(&d->doomed_of[i]);
        d->stands_in[i] = i;
    }
    d->waits = false;
    buf_clear(&d->doomed);
    proven(d->doomed.len == 0);
}

struct dropped *dropped_new(struct executor *x, struct load_progress *progress) {
    struct dropped *d = mem_alloc_zeroed(MEM_PERSIST, sizeof *d);
    proven(!x->hooks.notify && progress);
    d->executor = x;
    d->progress = progress;
    d->databases = dataset_databases(x->dataset);
    d->of = mem_alloc_zeroed(MEM_PERSIST, d->databases * sizeof *d->of);
    d->doomed_of = mem_alloc_zeroed(MEM_PERSIST, d->databases * sizeof *d->doomed_of);
    d->stands_in = mem_alloc(MEM_PERSIST, d->databases * sizeof *d->stands_in);
    end_queue(d);
    buf_init(&d->names, MEM_PERSIST);
    buf_init(&d->doomed, MEM_PERSIST);
    x->hooks.arg = d;
    x->hooks.notify = on_evicted;
    x->notify_classes = NOTIFY_EVICTED;
    executor_listen(x);
    return d;
}

void dropped_clear(struct dropped *d) {
    for (unsigned i = 0; i < d->databases; i++) release(&d->of[i]);
    end_queue(d);
    buf_release(&d->names);
    d->count = 0;
    d->too_many = d->torn = false;
    proven(d->names.len == 0);
}

void dropped_free(struct dropped *d) {
    dropped_clear(d);
    mem_free(MEM_PERSIST, d->positions, d->position_capacity * sizeof *d->positions);
    buf_release(&d->doomed);
    mem_free(MEM_PERSIST, d->of, d->databases * sizeof *d->of);
    mem_free(MEM_PERSIST, d->doomed_of, d->databases * sizeof *d->doomed_of);
    mem_free(MEM_PERSIST, d->stands_in, d->databases * sizeof *d->stands_in);
    proven(d->count == 0);
    mem_free(MEM_PERSIST, d, sizeof *d);
}

size_t dropped_count(const struct dropped *d) {
    debug_proven(d != NULL);
    return d->count;
}

int64_t dropped_bytes(const struct dropped *d) {
    size_t bytes = d->names.cap + d->doomed.cap;
    debug_proven(d->databases > 0);
    for (unsigned i = 0; i < d->databases; i++) bytes += d->of[i].capacity * sizeof *d->of[i].slots;
    return (int64_t)bytes;
}

/* ---- what a command does with them ---- */
static bool is_there(struct dropped *d, unsigned db, struct key key) {
    proven(db < d->databases);
    db = d->stands_in[db];
    return db_view(dataset_db(d->executor->dataset, db), key, VIEW_NO_TOUCH | VIEW_NO_STATS) != NULL;
}

static void forget(struct dropped *d, unsigned db, uint64_t hash) {
    if (has(&d->doomed_of[db], hash)) take(&d->doomed_of[db], hash);
    if (!has(&d->of[db], hash)) return;
    proven(d->count > 0);
    take(&d->of[db], hash);
    d->count--;
}

static bool is_doomed(const struct dropped *d, unsigned db, struct slice text) {
    debug_proven(db < d->databases);
    return has(&d->doomed_of[db], dataset_hash(d->executor->dataset, text));
}

/* Or will be, when what is queued has run. */
static bool is_gone(struct dropped *d, unsigned db, struct slice text) {
    struct key key = {text, dataset_hash(d->executor->dataset, text)};
    if (has(&d->doomed_of[db], key.hash)) return true;
    if (!has(&d->of[db], key.hash)) return false;
    proven(d->count > 0);
    if (!is_there(d, db, key)) return true;
    forget(d, db, key.hash); /* made by a way that nobody sees here, of keys that were there */
    return false;
}

static void doom(struct dropped *d, unsigned db, struct slice key) {
    proven(db < d->databases);
    if (add(&d->doomed_of[db], dataset_hash(d->executor->dataset, key))) put_name(&d->doomed, db, key);
}

static bool is_command(const struct request *q, const char *name) {
    debug_proven(q->command && name);
    return strcmp(q->command->full_name, name) == 0;
}

static bool number_of(const struct request *q, int i, unsigned limit, unsigned *out) {
    int64_t n;
    debug_proven(i > 0);
    if (i >= q->argc || !num_parse_i64(q->argv[i], &n) || n < 0 || n >= limit) return false;
    *out = (unsigned)n;
    return true;
}

static void forget_database(struct dropped *d, unsigned db) {
    d->count -= d->of[db].count;
    release(&d->of[db]);
    release(&d->doomed_of[db]);
    proven(d->count <= SIZE_MAX / 2);
}

static void swap_hashes(struct hashes *a, struct hashes *b) {
    struct hashes was = *a;
    *a = *b;
    *b = was;
    debug_proven(a != b || a->count == was.count);
}

/* SWAPDB, which is yet to run. */
static void swap_databases(struct dropped *d, unsigned a, unsigned b) {
    unsigned was = d->stands_in[a];
    proven(a < d->databases && b < d->databases);
    d->stands_in[a] = d->stands_in[b];
    d->stands_in[b] = was;
    d->waits = true;
    swap_hashes(&d->of[a], &d->of[b]);
    swap_hashes(&d->doomed_of[a], &d->doomed_of[b]);
    for (size_t at = 0; at < d->doomed.len;) {
        struct name_head head;
        memcpy(&head, d->doomed.ptr + at, sizeof head);
        head.db = head.db == a ? b : head.db == b ? a : head.db;
        memcpy(d->doomed.ptr + at, &head, sizeof head);
        at += sizeof head + head.len;
    }
    d->too_many = true; /* the names are of other databases now */
    buf_release(&d->names);
}

/* Of whole databases. False: none of these. */
static bool concerns_databases(struct dropped *d, unsigned db, const struct request *q) {
    unsigned a, b;
    proven(db < d->databases);
    if (is_command(q, "flushdb")) {
        forget_database(d, db);
    } else if (is_command(q, "flushall")) {
        for (unsigned i = 0; i < d->databases; i++) forget_database(d, i);
    } else if (is_command(q, "swapdb")) {
        if (number_of(q, 1, d->databases, &a) && number_of(q, 2, d->databases, &b)) swap_databases(d, a, b);
    } else {
        return false;
    }
    return true;
}

static int find_keys(struct dropped *d, const struct request *q) {
    proven(q->argc > 0);
    if (d->position_capacity < (size_t)q->argc) {
        mem_free(MEM_PERSIST, d->positions, d->position_capacity * sizeof *d->positions);
        d->position_capacity = (size_t)q->argc;
        d->positions = mem_alloc(MEM_PERSIST, d->position_capacity * sizeof *d->positions);
    }
    return command_keys(q->command, q->argv, q->argc, d->positions, q->argc);
}

static unsigned flags_of(const struct request *q, const struct key_position *p) {
    bool varies = p->flags & KEY_VARIABLE_FLAGS && q->command->row->key_flags;
    debug_proven(p->index > 0 && p->index < q->argc);
    return varies ? q->command->row->key_flags(q->argv, q->argc) : p->flags;
}

/* SET and MSETEX with a condition, or that keep a TTL, look at what is there, whatever their rows say. */
static bool is_plain_set(const struct request *q) {
    if (is_command(q, "msetex")) return false;
    if (!is_command(q, "set") || q->argc == 3) return true;
    static const char *const times[] = {"PX", "EX", "PXAT", "EXAT"};
    for (unsigned i = 0; q->argc == 5 && i < countof(times); i++)
        if (slice_equal_nocase(q->argv[3], slice_of(times[i], strlen(times[i])))) return true;
    proven(q->argc > 3);
    return false;
}

/* Makes a key only where there is none: one that is doomed still is, when it runs. */
static bool wants_absence(const struct request *q) {
    static const char *const always[] = {"setnx", "msetnx", "renamenx"}, *const unless_told[] = {"copy", "restore"};
    debug_proven(q->argc > 1);
    for (unsigned i = 0; i < countof(always); i++)
        if (is_command(q, always[i])) return true;
    bool may = is_command(q, unless_told[0]) || is_command(q, unless_told[1]);
    for (int i = 3; may && i < q->argc; i++) may = !slice_is(q->argv[i], "REPLACE");
    return may;
}

/* COPY's second key may be one of another database. */
static unsigned key_database(const struct dropped *d, unsigned db, const struct request *q, int index) {
    if (index != 2 || !is_command(q, "copy")) return db;
    for (int i = 3; i < q->argc - 1; i++)
        if (slice_is(q->argv[i], "DB") && !number_of(q, i + 1, d->databases, &db)) break;
    proven(db < d->databases);
    return db;
}

/* MOVE's is nowhere among its keys. */
static void doom_far(struct dropped *d, const struct request *q) {
    unsigned db;
    debug_proven(d->count > 0 || d->doomed.len > 0);
    if (is_command(q, "move") && number_of(q, 2, d->databases, &db)) doom(d, db, q->argv[1]);
}

/* It is passed over, and what it would have written is not known. */
static void pass_over(struct dropped *d, unsigned db, const struct request *q, int keys) {
    proven(keys >= 0 && keys <= q->argc);
    for (int i = 0; i < keys; i++) {
        struct slice key = q->argv[d->positions[i].index];
        unsigned in = key_database(d, db, q, d->positions[i].index);
        if (!(flags_of(q, &d->positions[i]) & KEY_RO) && !is_gone(d, in, key)) doom(d, in, key);
    }
    doom_far(d, q);
}

static void forget_all(struct dropped *d, unsigned db, const struct request *q, int keys) {
    for (int i = 0; i < keys; i++) {
        struct slice key = q->argv[d->positions[i].index];
        unsigned in = key_database(d, db, q, d->positions[i].index);
        if (is_gone(d, in, key)) forget(d, in, dataset_hash(d->executor->dataset, key));
    }
    proven(d->executor != NULL);
}

/* A MULTI is judged as it is queued, and so is a SELECT in it. */
static unsigned database_of(struct dropped *d, unsigned db, const struct request *q, bool queued) {
    if (queued && !d->waits) d->queued_db = db;
    d->waits |= queued;
    if (queued && is_command(q, "select")) number_of(q, 1, d->databases, &d->queued_db);
    proven(d->queued_db < d->databases);
    return queued ? d->queued_db : db;
}

bool dropped_lets_run(struct dropped *d, unsigned db, const struct request *q, bool queued) {
    proven(q->command && db < d->databases);
    db = database_of(d, db, q, queued);
    if (likely(d->count == 0 && d->doomed.len == 0) || concerns_databases(d, db, q)) return true;
    int keys = find_keys(d, q), gone = 0;
    bool whole = true; /* of those that are gone, all is made, or they are removed */
    for (int i = 0; i < keys; i++) {
        int index = d->positions[i].index;
        unsigned in = key_database(d, db, q, index);
        if (!is_gone(d, in, q->argv[index])) continue;
        gone++;
        whole &= (flags_of(q, &d->positions[i]) & (KEY_OW | KEY_RM)) != 0;
        whole &= !is_doomed(d, in, q->argv[index]) || !wants_absence(q);
    }
    bool patterns = keys > 1 && is_command(q, "sort"); /* with BY and GET it reads keys that it does not name */
    if (gone == 0 && !patterns) return true;
    if (whole && !patterns && is_plain_set(q)) {
        forget_all(d, db, q, keys);
        return true;
    }
    pass_over(d, db, q, keys);
    return false;
}

void dropped_settle(struct dropped *d) {
    struct dataset *ds = d->executor->dataset;
    struct slice text;
    unsigned db;
    size_t at = 0;
    if (likely(d->doomed.len == 0 && !d->waits)) return;
    while (dropped_next_name(&d->doomed, &at, &db, &text)) {
        uint64_t hash = dataset_hash(ds, text);
        if (!has(&d->doomed_of[db], hash)) continue;
        take(&d->doomed_of[db], hash);
        bool was = db_delete(dataset_db(ds, db), (struct key){text, hash});
        dataset_stats(ds)->evicted_keys += was;
        atomic_fetch_add_explicit(&d->progress->evicted_keys, was, memory_order_relaxed);
        note(d, db, text);
    }
    end_queue(d);
}

void dropped_discard(struct dropped *d) {
    d->torn |= d->waits;
    end_queue(d);
    proven(!d->waits);
}

/* ---- the end ---- */
bool dropped_names(struct dropped *d, struct buf *out) {
    struct slice text;
    unsigned db;
    size_t at = 0;
    if (d->torn) return false;
    if (d->too_many) return d->count == 0;
    while (dropped_next_name(&d->names, &at, &db, &text)) {
        if (!is_gone(d, db, text)) continue;
        put_name(out, db, text);
        forget(d, db, dataset_hash(d->executor->dataset, text));
    }
    proven(d->count == 0);
    return true;
}
