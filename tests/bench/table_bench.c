/* What the table costs: nanoseconds for insert, hit, miss and remove with random keys, with and without prefetch in
 * batches, and bytes an entry from small to large. Entries are 48 bytes, as `key:1234567` with a 32-byte value is.
 *
 *   table_bench [entries, default 5000000]
 *
 * Build: gcc -O3 -std=c17 -D_GNU_SOURCE -DTARN_JEMALLOC -Isrc tests/bench/table_bench.c build/libtarn.a -ljemalloc -lpthread */
#include "base/siphash.h"
#include "store/table_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 32

struct entry {
    char key[16];
    char value[32];
};

/* CPU time of this thread: other work on the machine distorts it less than the clock on the wall. */
static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const struct siphash_seed seed = {1, 2};

static uint64_t entry_hash(const void *entry, const void *arg) {
    return siphash13(arg, ((const struct entry *)entry)->key, 11);
}

static bool entry_matches(const void *entry, const void *key) { return memcmp(entry, key, 11) == 0; }

static void key_write(char *key, uint64_t number) {
    memcpy(key, "key:", 4);
    for (int i = 10; i >= 4; i--, number /= 10) key[i] = (char)('0' + number % 10);
    key[3] = number ? 'x' : ':'; /* beyond 9,999,999: another key */
}

/* A random permutation of 0..n-1. */
static uint32_t *shuffled(size_t n, struct random *r) {
    uint32_t *order = malloc(n * sizeof *order);
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = random_below(r, i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
    return order;
}

static void report(const char *what, size_t n, int64_t since_ns) {
    printf("%-34s %7.1f ns\n", what, (double)(cpu_ns() - since_ns) / (double)n);
}

static void bench_insert(struct table *t, struct entry **entries, size_t n) {
    int64_t start = cpu_ns(), worst = 0;
    for (size_t i = 0; i < n; i++) table_insert(t, NULL, entry_hash(entries[i], &seed), entries[i], 0);
    report("insert (hash, insert, splits)", n, start);
    table_release(t);
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = entry_hash(entries[i], &seed);
        int64_t before = cpu_ns();
        table_insert(t, NULL, hash, entries[i], 0);
        int64_t took = cpu_ns() - before;
        if (took > worst) worst = took;
    }
    printf("%-34s %7.1f us\n", "slowest single insert", (double)worst / 1000);
}

/* The way of a loader or a pipeline: a batch of keys at a time, its lines asked for before. */
static void bench_insert_batched(struct table *t, struct entry **entries, size_t n) {
    uint64_t hashes[BATCH];
    int64_t start = cpu_ns();
    for (size_t i = 0; i + BATCH <= n; i += BATCH) {
        for (size_t k = 0; k < BATCH; k++) hashes[k] = entry_hash(entries[i + k], &seed);
        for (int stage = 0; stage < 2; stage++)
            for (size_t k = 0; k < BATCH; k++) table_prefetch(t, hashes[k], stage);
        for (size_t k = 0; k < BATCH; k++) table_insert(t, NULL, hashes[k], entries[i + k], 0);
    }
    report("insert, prefetch by 32", n, start);
}

static void bench_find(const struct table *t, const uint32_t *order, size_t n, size_t first, const char *what) {
    size_t found = 0;
    char key[16];
    int64_t start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        key_write(key, first + order[i]);
        found += (size_t)key[10] & 1;
    }
    int64_t overhead = cpu_ns() - start;
    start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        key_write(key, first + order[i]);
        found += table_find(t, siphash13(&seed, key, 11), entry_matches, key) != NULL;
    }
    report(what, n, start + overhead);
    if (found == 0) puts("");
}

static void bench_find_batched(const struct table *t, const uint32_t *order, size_t n, size_t first, const char *what) {
    static char keys[BATCH][16];
    uint64_t hashes[BATCH];
    size_t found = 0;
    int64_t took = 0;
    for (size_t i = 0; i + BATCH <= n; i += BATCH) {
        for (size_t k = 0; k < BATCH; k++) key_write(keys[k], first + order[i + k]);
        int64_t start = cpu_ns();
        for (size_t k = 0; k < BATCH; k++) hashes[k] = siphash13(&seed, keys[k], 11);
        for (int stage = 0; stage < 3; stage++)
            for (size_t k = 0; k < BATCH; k++) table_prefetch(t, hashes[k], stage);
        for (size_t k = 0; k < BATCH; k++) found += table_find(t, hashes[k], entry_matches, keys[k]) != NULL;
        took += cpu_ns() - start;
    }
    report(what, n, cpu_ns() - took);
    if (found == 1) puts("");
}

static void nothing_each(void *arg, table_slot *slot) { *(size_t *)arg += table_slot_entry(slot) != NULL; }

static void bench_walks(const struct table *t, size_t n, struct random *r) {
    size_t seen = 0;
    int64_t start = cpu_ns();
    table_each(t, nothing_each, &seen);
    report("each", n, start);
    start = cpu_ns();
    for (uint64_t cursor = 0; (cursor = table_scan(t, cursor, nothing_each, &seen)) != 0;) {
    }
    report("scan", n, start);
    start = cpu_ns();
    for (int i = 0; i < 1000000; i++) seen += table_random(t, r) != NULL;
    report("random", 1000000, start);
}

static void bench_remove(struct table *t, struct entry **entries, const uint32_t *order, size_t n) {
    int64_t start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = entries[order[i]];
        uint64_t hash = entry_hash(e, &seed);
        table_remove(t, NULL, hash, table_find(t, hash, entry_matches, e->key));
    }
    report("find and remove, down to none", n, start);
}

/* Bytes an entry at many sizes, and how full a segment is when it splits. */
static void bench_bytes(struct entry **entries, size_t n) {
    struct table t;
    double splits = 0, fill = 0, worst = 0, least = 1e9, sum = 0;
    size_t samples = 0;
    table_init(&t, entry_hash, &seed, MEM_TABLE);
    for (size_t i = 0, next = 100; i < n; i++) {
        uint64_t hash = entry_hash(entries[i], &seed);
        size_t before = t.segments;
        table_insert(&t, NULL, hash, entries[i], 0);
        if (t.segments == before + 1 && i > 1000) {
            const struct table_segment *s = table_segment_at(&t, hash);
            const struct table_segment *o = table_segment_at(&t, hash ^ UINT64_C(1) << (64 - s->depth));
            fill += (double)(s->count + o->count - 1) / TABLE_SEGMENT_ENTRIES;
            splits++;
        }
        if (i + 1 < 20000 || i + 1 != next) next = i + 1 < 20000 ? i + 2 : next;
        if (i + 1 == next) {
            double bytes = (double)t.bytes / (double)(i + 1);
            if (bytes > worst) worst = bytes;
            if (bytes < least) least = bytes;
            sum += bytes;
            samples++;
            next = next * 51 / 50;
        }
        for (size_t mark = 1000; mark <= n; mark *= 10)
            for (size_t part = 1; part < 10; part += part == 1 ? 1 : 3)
                if (i + 1 == mark * part)
                    printf("%10zu entries %6.2f bytes each\n", i + 1, (double)t.bytes / (double)(i + 1));
    }
    struct table_stats stats;
    table_stats_read(&t, &stats);
    printf("above 20000: %.2f to %.2f bytes an entry, %.2f on average over growth\n", least, worst,
           sum / (double)samples);
    printf("fill at split %.1f %%, displaced at the end %.1f %%\n", 100 * fill / splits,
           100.0 * (double)stats.displaced / (double)t.count);
    table_release(&t);
}

int main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    struct random r;
    struct table t;
    random_init(&r, 1);
    uint32_t *order = shuffled(n, &r);
    struct entry **entries = malloc(n * sizeof(struct entry *));
    for (size_t i = 0; i < n; i++) {
        entries[i] = mem_alloc(MEM_STRINGS, sizeof(struct entry));
        key_write(entries[i]->key, i);
    }
    table_init(&t, entry_hash, &seed, MEM_TABLE);
    printf("%zu entries\n", n);
    bench_insert(&t, entries, n);
    table_release(&t);
    bench_insert_batched(&t, entries, n);
    bench_find(&t, order, n, 0, "hit");
    bench_find(&t, order, n, n, "miss");
    bench_find_batched(&t, order, n, 0, "hit, prefetch by 32");
    bench_find_batched(&t, order, n, n, "miss, prefetch by 32");
    bench_walks(&t, n, &r);
    bench_remove(&t, entries, order, n / BATCH * BATCH);
    table_release(&t);
    bench_bytes(entries, n);
    return 0;
}
