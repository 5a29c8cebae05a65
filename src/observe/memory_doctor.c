#include "observe/memory_facts.h"

#include "base/num.h"

#include <string.h>

/* Below this, no figure says anything: most of what is used is the server itself. */
#define TOO_LITTLE_BYTES (5 * 1024 * 1024)
/* A ratio counts as a finding only when this much memory is behind it. */
#define WORTH_TELLING_BYTES (10 * 1024 * 1024)
#define PEAK_RATIO          1.5
#define HEAP_RATIO          1.2
#define RESIDENT_RATIO      1.3
#define OVERHEAD_RATIO      1.3
#define CLIENTS_SHARE       0.25
#define LIMIT_SHARE         0.95

struct finding {
    bool (*found)(const struct memory_facts *f);
    const char *what, *advice;
};

static bool above(double ratio, double limit, int64_t bytes) { return ratio > limit && bytes > WORTH_TELLING_BYTES; }

static bool high_peak(const struct memory_facts *f) {
    return above((double)f->peak / (double)f->used, PEAK_RATIO, f->peak - f->used);
}

static bool fragmented(const struct memory_facts *f) {
    return above(f->heap_fragmentation, HEAP_RATIO, (int64_t)(f->heap.active - f->heap.allocated));
}

static bool not_given_back(const struct memory_facts *f) {
    return above(f->heap_rss, RESIDENT_RATIO, (int64_t)(f->heap.resident - f->heap.active));
}

static bool outside_the_heap(const struct memory_facts *f) {
    return above(f->rss_overhead, OVERHEAD_RATIO, f->rss - (int64_t)f->heap.resident);
}

static bool much_for_clients(const struct memory_facts *f) {
    return above((double)f->clients / (double)f->used, CLIENTS_SHARE, f->clients);
}

static bool much_in_limbo(const struct memory_facts *f) {
    return above((double)f->owners[MEM_LIMBO] / (double)f->used, CLIENTS_SHARE, f->owners[MEM_LIMBO]);
}

static bool near_the_limit(const struct memory_facts *f) {
    return f->limit > 0 && (double)f->used > LIMIT_SHARE * (double)f->limit;
}

static const struct finding findings[] = {
    {high_peak, "High peak",
     "much more memory was in use once than is now. The allocator may still hold pages of that time; MEMORY PURGE "
     "gives "
     "them back, and so will the next large load of data use them."},
    {fragmented, "Fragmentation",
     "the allocator's pages are only partly filled. That is what remains when many values were deleted or replaced by "
     "ones of another size; it shrinks as new values fill the gaps, and a restart removes it at once."},
    {not_given_back, "Memory not given back",
     "the allocator holds pages that it does not use. Freed memory is returned after a few seconds; MEMORY PURGE "
     "returns "
     "it now."},
    {outside_the_heap, "Memory outside the allocator",
     "the process is much larger than what its allocator accounts for: threads' stacks, mapped files or the program "
     "itself. Worth a look when it grows."},
    {much_for_clients, "Large client buffers",
     "a good part of the memory belongs to connections. CLIENT LIST shows whose input (qbuf) or output (omem) it is; "
     "clients that do not read their replies are bounded by client-output-buffer-limit."},
    {much_in_limbo, "A snapshot keeps old values",
     "values replaced since the running save began are kept until it ends. It ends by itself; a faster disk or fewer "
     "writes make it smaller."},
    {near_the_limit, "Close to maxmemory",
     "writes will soon be refused or keys evicted. Raise maxmemory, or see with MEMORY STATS what takes the room."},
};

static void append_text(struct buf *out, const char *text) { buf_append(out, text, strlen(text)); }

static void append_human(struct buf *out, int64_t bytes) {
    buf_advance(out, num_format_human(buf_reserve(out, NUM_TEXT_MAX), bytes > 0 ? (uint64_t)bytes : 0));
}

static void append_figures(const struct memory_facts *f, struct buf *out) {
    append_human(out, f->used);
    append_text(out, " are in use, ");
    append_human(out, f->dataset);
    append_text(out, " of that for keys and values; the process takes ");
    append_human(out, f->rss);
    append_text(out, ".\n");
}

void memory_doctor(const struct memory_facts *f, struct buf *out) {
    size_t count = 0;
    if (f->used < TOO_LITTLE_BYTES) {
        append_text(out, "Hi Sam, this instance is empty or is using very little memory: there is nothing to diagnose "
                         "yet. Ask again when it holds some data.\n");
        return;
    }
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
        if (!findings[i].found(f)) continue;
        if (count++ == 0) append_text(out, "Sam, I detected a few issues in this instance's memory:\n\n");
        buf_printf(out, " * %s: %s\n\n", findings[i].what, findings[i].advice);
    }
    if (count == 0) append_text(out, "Hi Sam, I can't find any memory issue in your instance. ");
    append_figures(f, out);
}
