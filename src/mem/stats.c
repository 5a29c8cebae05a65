#include "mem/stats.h"

#include "base/check.h"
#include "mem/mem.h"
#include "mem/mem_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef MEM_JEMALLOC

/* metadata_thp: jemalloc's own tables on huge pages spare TLB misses on every allocation. narenas: there are few
 * allocating threads (executor, loader's builders, reaper); more arenas only scatter free pages. dirty_decay: freed
 * pages go back within five seconds, as smoothly as jemalloc does it. */
const char *malloc_conf = "metadata_thp:auto,narenas:4,dirty_decay_ms:5000,muzzy_decay_ms:0";

uint16_t heap_sizes[HEAP_TABLE_MAX / HEAP_STEP + 1];

__attribute__((constructor)) static void heap_sizes_init(void) {
    for (size_t i = 0; i < countof(heap_sizes); i++)
        heap_sizes[i] = (uint16_t)nallocx(i ? i * HEAP_STEP : HEAP_STEP, 0);
}

#define ALL_ARENAS_TEXT "4096" /* MALLCTL_ARENAS_ALL */
_Static_assert(MALLCTL_ARENAS_ALL == 4096, "the name of all arenas");

static uint64_t read_size(const char *name) {
    size_t value = 0, n = sizeof value;
    return mallctl(name, &value, &n, NULL, 0) == 0 ? value : 0;
}

/* Statistics stand still until the epoch is advanced. */
static void advance_epoch(void) {
    uint64_t epoch = 1;
    size_t n = sizeof epoch;
    mallctl("epoch", &epoch, &n, &epoch, n);
}

void mem_stats_read(struct mem_stats *out) {
    advance_epoch();
    out->allocated = read_size("stats.allocated");
    out->active = read_size("stats.active");
    out->resident = read_size("stats.resident");
    out->retained = read_size("stats.retained");
    out->metadata = read_size("stats.metadata");
    out->muzzy = read_size("stats.arenas." ALL_ARENAS_TEXT ".pmuzzy") * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define STRING_OF(x) #x
#define TEXT_OF(x)   STRING_OF(x)

const char *mem_allocator_name(void) {
    return "jemalloc-" TEXT_OF(JEMALLOC_VERSION_MAJOR) "." TEXT_OF(JEMALLOC_VERSION_MINOR) "." TEXT_OF(
        JEMALLOC_VERSION_BUGFIX);
}

bool mem_allocator_has_stats(void) { return true; }

struct report {
    void (*write)(void *arg, const char *text, size_t n);
    void *arg;
};

static void report_piece(void *opaque, const char *text) {
    const struct report *report = opaque;
    report->write(report->arg, text, strlen(text));
}

void mem_stats_report(void (*write)(void *arg, const char *text, size_t n), void *arg) {
    struct report report = {write, arg};
    advance_epoch();
    malloc_stats_print(report_piece, &report, NULL);
}

uint64_t mem_purge(void) {
    advance_epoch();
    uint64_t before = read_size("stats.resident");
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl("arena." ALL_ARENAS_TEXT ".purge", NULL, NULL, NULL, 0);
    advance_epoch();
    uint64_t after = read_size("stats.resident");
    return before > after ? before - after : 0;
}

bool mem_background_thread(bool on) { return mallctl("background_thread", NULL, NULL, &on, sizeof on) == 0; }

#else

void mem_stats_read(struct mem_stats *out) { *out = (struct mem_stats){.allocated = (uint64_t)mem_used()}; }

const char *mem_allocator_name(void) { return "libc"; }

bool mem_allocator_has_stats(void) { return false; }

void mem_stats_report(void (*write)(void *arg, const char *text, size_t n), void *arg) {
    static const char text[] =
        "This server was built with the C library's allocator, which keeps no such statistics.\n";
    write(arg, text, sizeof text - 1);
}

uint64_t mem_purge(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    return 0;
}

bool mem_background_thread(bool on) {
    (void)on;
    return false;
}

#endif
