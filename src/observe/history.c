#include "observe/history.h"

#include "base/check.h"

#include <pthread.h>
#include <string.h>

#define CHUNK 60 /* samples */

static const unsigned span_chunks[HISTORY_SPANS] = {[HISTORY_SECONDS] = 60, [HISTORY_MINUTES] = 24};
#define CHUNKS_MAX 60

struct ring {
    struct history_sample *chunks[CHUNKS_MAX]; /* NULL: not needed so far */
    unsigned cap, count, next;                 /* samples; next: where the next one goes */
};

struct history {
    pthread_mutex_t lock;
    struct ring rings[HISTORY_SPANS];
    struct history_sample minute; /* the fullest second of the minute that runs; time_s 0: none yet */
};

struct history *history_new(void) {
    struct history *h = mem_alloc_zeroed(MEM_OBSERVE, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    for (int i = 0; i < HISTORY_SPANS; i++) h->rings[i].cap = span_chunks[i] * CHUNK;
    return h;
}

void history_free(struct history *h) {
    if (!h) return;
    for (int i = 0; i < HISTORY_SPANS; i++) {
        for (int k = 0; k < CHUNKS_MAX; k++) {
            mem_free(MEM_OBSERVE, h->rings[i].chunks[k], CHUNK * sizeof(struct history_sample));
        }
    }
    pthread_mutex_destroy(&h->lock);
    mem_free(MEM_OBSERVE, h, sizeof *h);
}

const char *history_series_name(unsigned series) {
    static const char *const names[] = {"used",    "rss",     "heap_active", "heap_resident", "keys",
                                        "expires", "clients", "operations",  "busy_us",       "slowest_us"};
    _Static_assert(countof(names) == HISTORY_SERIES - MEM_OWNER_COUNT, "a series without a name");
    proven(series < HISTORY_SERIES);
    return series < MEM_OWNER_COUNT ? mem_owner_name((enum mem_owner)series) : names[series - MEM_OWNER_COUNT];
}

static void ring_add(struct ring *r, const struct history_sample *sample) {
    struct history_sample **chunk = &r->chunks[r->next / CHUNK];
    if (!*chunk) *chunk = mem_alloc(MEM_OBSERVE, CHUNK * sizeof **chunk);
    (*chunk)[r->next % CHUNK] = *sample;
    r->next = (r->next + 1) % r->cap;
    if (r->count < r->cap) r->count++;
}

unsigned history_count(const struct history *h, enum history_span span) { return h->rings[span].count; }

const struct history_sample *history_at(const struct history *h, enum history_span span, unsigned i) {
    const struct ring *r = &h->rings[span];
    proven(i < r->count);
    unsigned place = (r->next + r->cap - r->count + i) % r->cap;
    return &r->chunks[place / CHUNK][place % CHUNK];
}

unsigned history_after(const struct history *h, enum history_span span, int64_t time_s) {
    unsigned low = 0, high = history_count(h, span);
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (history_at(h, span, middle)->time_s > time_s)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The wall clock may be set back; times must rise for history_after. */
static int64_t rising_time(const struct history *h, int64_t time_s) {
    unsigned count = history_count(h, HISTORY_SECONDS);
    if (count == 0) return time_s;
    int64_t last_s = history_at(h, HISTORY_SECONDS, count - 1)->time_s;
    return time_s > last_s ? time_s : last_s + 1;
}

void history_add(struct history *h, const struct history_sample *sample) {
    struct history_sample s = *sample;
    history_lock(h);
    s.time_s = rising_time(h, s.time_s);
    ring_add(&h->rings[HISTORY_SECONDS], &s);
    if (h->minute.time_s && h->minute.time_s / 60 != s.time_s / 60) {
        ring_add(&h->rings[HISTORY_MINUTES], &h->minute);
        h->minute.time_s = 0;
    }
    if (h->minute.time_s == 0 || s.values[HISTORY_USED] > h->minute.values[HISTORY_USED]) h->minute = s;
    history_unlock(h);
}

void history_lock(struct history *h) { pthread_mutex_lock(&h->lock); }

void history_unlock(struct history *h) { pthread_mutex_unlock(&h->lock); }
