#include "persist/room_int.h"

#include "base/check.h"
#include "base/log.h"
#include "exec/limit.h"
#include "io/thread.h"
#include "persist/batch_int.h"
#include "persist/dropped_int.h"
#include "persist/source_int.h"

/* Keys that are measured to know what a key takes. */
#define MEASURED 256
/* What a key's place in a table takes, about. */
#define PLACE_BYTES 11
/* Keys between two looks at whether the load is still wanted, ~1 ms. */
#define KEYS_PER_LOOK 1024
/* Searches in a row that find nothing, where few of very many keys may go. */
#define SEARCHES_MAX 1000
/* The executor may be busy. */
#define HELD_MAX_MS 500

/* Keys that are remembered to have gone take room themselves. */
static int64_t own(const struct load_room *r) {
    proven(r->progress != NULL);
    return limit_counted_here() + (r->dropped ? dropped_bytes(r->dropped) : 0);
}

static int64_t counted(const struct load_room *r) {
    proven(r->progress != NULL);
    return limit_counted_of_all() - r->others + (r->dropped ? dropped_bytes(r->dropped) : 0);
}

static int64_t bound(const struct load_room *r) {
    int64_t limit = atomic_load_explicit(&r->limit_bytes, memory_order_relaxed), wall = r->wall_bytes;
    proven(limit >= 0 && wall >= 0);
    return limit > 0 && (wall == 0 || limit < wall) ? limit : wall > 0 ? wall : INT64_MAX;
}

void room_begin(struct load_room *r, struct load_progress *progress, const _Atomic bool *cancelled) {
    proven(progress && cancelled && r->others >= 0);
    r->progress = progress;
    r->cancelled = cancelled;
    r->step = 0;
    r->here = limit_counted_here();
    r->was = counted(r);
    r->offset = 0;
    r->held = 0;
    r->most = 0;
    r->near = bound(r) < INT64_MAX;
    r->full = false;
}

static void note(struct load_room *r, uint64_t keys, int64_t bytes) {
    struct load_progress *p = r->progress;
    atomic_fetch_add_explicit(&p->evicted_keys, (int64_t)keys, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->evicted_bytes, bytes > 0 ? bytes : 0, memory_order_relaxed);
    proven(p->evicted_keys >= 0);
}

/* False: there is no key that may go. */
static bool evict(struct load_room *r, struct dataset *ds) {
    for (int searches = 0; searches < SEARCHES_MAX; searches++)
        if (dataset_evict(ds, &r->rule)) return true;
    proven(r->rule.order != EVICTION_OFF);
    return false;
}

static void make_room(struct load_room *r, struct dataset *ds, int64_t wanted) {
    const int64_t before = own(r);
    const uint64_t evicted = dataset_stats(ds)->evicted_keys;
    bool found = true;
    proven(wanted > 0);
    for (unsigned keys = 1; found && before - own(r) < wanted; keys++) {
        if (keys % KEYS_PER_LOOK == 0 && atomic_load_explicit(r->cancelled, memory_order_relaxed)) break;
        found = dataset_may_evict(ds, &r->rule) && evict(r, ds);
    }
    note(r, dataset_stats(ds)->evicted_keys - evicted, before - own(r));
    atomic_store_explicit(&r->full, !found, memory_order_relaxed);
}

/* Where too little has been read to tell, the next look does. */
static void note_growth(struct load_room *r, int64_t now) {
    int64_t offset = atomic_load_explicit(&r->progress->loaded_bytes, memory_order_relaxed),
            passed = offset - r->offset;
    if (passed >= 0 && passed < ROOM_STEP / 2) return;
    double ratio = passed > 0 && now > r->was ? (double)(now - r->was) / (double)passed : 0;
    if (ratio > r->most) r->most = ratio;
    proven(r->most >= 0);
    r->was = now;
    r->offset = offset;
}

bool room_is_plenty(const struct load_room *r) {
    if (!r || bound(r) == INT64_MAX) return true;
    return !room_is_near(r) && bound(r) - (limit_counted_of_all() - r->others) >= ROOM_NEAR;
}

/* Once for each 32nd of the wall: not for long where all fits after all. */
static void hold_at_wall(struct load_room *r, int64_t now) {
    if (r->wall_bytes == 0 || now < r->wall_bytes / 4 * 3 || now - r->held < r->wall_bytes / 32) return;
    unsigned before = atomic_load_explicit(&r->judged, memory_order_relaxed);
    for (int ms = 0; ms < HELD_MAX_MS; ms++) {
        if (atomic_load_explicit(&r->judged, memory_order_relaxed) != before) break;
        if (atomic_load_explicit(r->cancelled, memory_order_relaxed)) break;
        thread_sleep_us(1000);
    }
    r->held = now;
    proven(r->held > 0);
}

void room_keep(struct load_room *r, struct dataset *ds) {
    if (!r) return;
    int64_t limit = atomic_load_explicit(&r->limit_bytes, memory_order_relaxed), now = counted(r), left = limit - now;
    note_growth(r, now);
    bool near = bound(r) < INT64_MAX &&
                (r->most == 0 || bound(r) - now - ROOM_NEAR < ROOM_BATCHES * (int64_t)(r->most * SOURCE_BLOCK));
    hold_at_wall(r, now);
    atomic_store_explicit(&r->near, near, memory_order_relaxed);
    if (limit > 0 && left < 0) make_room(r, ds, -left);
    if (limit == 0 || left >= 0) atomic_store_explicit(&r->full, false, memory_order_relaxed);
    r->here = own(r);
    r->step = left / 4 > ROOM_STEP ? left / 4 : ROOM_STEP;
    proven(r->step > 0);
}

void room_watch(struct load_room *r, struct dataset *ds) {
    if (!room_limited(r)) return;
    debug_proven(r->step >= 0);
    if (own(r) - r->here >= r->step) room_keep(r, ds);
}

static size_t bytes_of_key(const struct batch *b) {
    size_t every = b->count / MEASURED + 1, keys = 0, bytes = 0;
    for (size_t i = 0; i < b->count; i += every) {
        if (!b->keys[i].made.entry) continue;
        bytes += entry_memory(b->keys[i].made.entry) + PLACE_BYTES;
        keys++;
    }
    proven(keys <= MEASURED);
    return keys ? bytes / keys : PLACE_BYTES;
}

size_t room_for_keys(const struct load_room *r, size_t expected, const struct batch *b) {
    if (!room_limited(r)) return expected;
    int64_t left = r->limit_bytes - counted(r);
    size_t fit = b->count + (left > 0 ? (size_t)left / bytes_of_key(b) : 0);
    proven(b->count > 0);
    return fit < expected ? fit : expected;
}

void room_tell(const struct load_progress *p) {
    proven(p->evicted_keys >= 0);
    if (p->evicted_keys > 0)
        log_warning(
            "The files hold more than maxmemory: %lld keys of %lld bytes went by maxmemory-policy while they were "
            "loaded",
            (long long)p->evicted_keys, (long long)p->evicted_bytes);
}
