#include "observe/memory_facts.h"

#include "exec/executor.h"
#include "exec/limit.h"
#include "io/process.h"

/* The owners whose bytes are values; all others are overhead. */
static bool owns_values(enum mem_owner owner) { return owner <= MEM_STREAMS; }

static double ratio(int64_t a, int64_t b) { return b > 0 ? (double)a / (double)b : 0; }

static double percent(int64_t part, int64_t whole) {
    double p = 100 * ratio(part, whole);
    return p < 0 ? 0 : p > 100 ? 100 : p;
}

static void take_owners(struct memory_facts *f) {
    f->used = f->dataset = f->overhead = 0;
    for (int i = 0; i < MEM_OWNER_COUNT; i++) {
        int64_t bytes = mem_owner_bytes((enum mem_owner)i);
        f->owners[i] = bytes;
        f->used += bytes;
        if (owns_values((enum mem_owner)i))
            f->dataset += bytes;
        else
            f->overhead += bytes;
    }
    f->clients = f->owners[MEM_CLIENT] + f->owners[MEM_CLIENT_IN] + f->owners[MEM_CLIENT_OUT];
}

static void take_samples(struct memory_facts *f) {
    f->rss = process_rss_bytes();
    f->machine = process_total_memory_bytes();
    mem_stats_read(&f->heap);
    if (mem_allocator_has_stats()) return;
    f->heap.allocated = (uint64_t)f->used;
    f->heap.active = f->heap.resident = (uint64_t)f->rss;
}

static bool samples_are_old(const struct memory_facts *f, int64_t now_ms) {
    return f->sampled_ms == 0 || now_ms < f->sampled_ms || now_ms >= f->sampled_ms + MEMORY_SAMPLE_MS;
}

void memory_facts_take(struct memory_facts *f, const struct executor *executor, bool fresh) {
    mem_note_peak();
    take_owners(f);
    f->startup = mem_startup();
    f->peak = mem_peak() > f->used ? mem_peak() : f->used; /* a loader may have allocated since */
    f->peak_time_s = mem_peak_time_s();
    f->limit = executor->used_memory_limit;
    f->not_counted = limit_not_counted(executor);
    if (fresh || samples_are_old(f, executor->now_ms)) {
        take_samples(f);
        f->sampled_ms = executor->now_ms;
    }
    int64_t allocated = (int64_t)f->heap.allocated, active = (int64_t)f->heap.active;
    int64_t resident = (int64_t)f->heap.resident;
    f->dataset_percent = percent(f->dataset, f->used - f->startup);
    f->peak_percent = percent(f->used, f->peak);
    f->heap_fragmentation = ratio(active, allocated);
    f->heap_rss = ratio(resident, active);
    f->rss_overhead = ratio(f->rss, resident);
    f->fragmentation = ratio(f->rss, f->used);
    f->keys = (int64_t)dataset_keys(executor->dataset);
    f->bytes_per_key = f->keys > 0 && f->used > f->startup ? (f->used - f->startup) / f->keys : 0;
}
