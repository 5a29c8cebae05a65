#include "observe/doctor.h"

#include "base/check.h"
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
#define REPLICATION_SHARE   0.2
#define SCRIPTS_SHARE       0.1
#define TABLE_SHARE         0.25
#define KEY_SHARE           0.2
#define KEY_BYTES           (512 * INT64_C(1024) * 1024) /* bad whatever its share is */
#define LASTING_RATIO       1.1
#define LIMIT_SHARE         0.95
#define CONTAINER_SHARE     0.85

/* ---- figures as text ---- */

static void append_text(struct buf *out, const char *text) { buf_append(out, text, strlen(text)); }

static void append_human(struct buf *out, int64_t bytes) {
    buf_advance(out, num_format_human(buf_reserve(out, NUM_TEXT_MAX), bytes > 0 ? (uint64_t)bytes : 0));
}

static void append_age(struct buf *out, int64_t seconds) {
    if (seconds < 120)
        buf_printf(out, "%lld s", (long long)(seconds > 0 ? seconds : 0));
    else if (seconds < 7200)
        buf_printf(out, "%lld min", (long long)seconds / 60);
    else
        buf_printf(out, "%lld h", (long long)seconds / 3600);
}

/* What stands for an '@': bytes for people, a number, a share of 0..1 in percent, a time, a text. */
struct figure {
    enum { BYTES, NUMBER, SHARE, AGE, TEXT } kind;
    int64_t number;
    double share;
    const char *text;
};
#define BYTES_OF(v)  ((struct figure){.kind = BYTES, .number = (int64_t)(v)})
#define NUMBER_OF(v) ((struct figure){.kind = NUMBER, .number = (int64_t)(v)})
#define SHARE_OF(v)  ((struct figure){.kind = SHARE, .share = (v)})
#define AGE_OF(v)    ((struct figure){.kind = AGE, .number = (int64_t)(v)})
#define TEXT_OF(v)   ((struct figure){.kind = TEXT, .text = (v)})

static void append_figure(struct buf *out, const struct figure *f) {
    switch (f->kind) {
    case BYTES:
        append_human(out, f->number);
        return;
    case NUMBER:
        buf_printf(out, "%lld", (long long)f->number);
        return;
    case SHARE:
        buf_printf(out, "%.1f %%", 100 * f->share);
        return;
    case AGE:
        append_age(out, f->number);
        return;
    case TEXT:
        append_text(out, f->text);
        return;
    }
}

/* Every '@' of the text is one of the figures. */
static void tell(struct buf *out, const char *text, const struct figure *figures, size_t count) {
    size_t used = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '@')
            append_figure(out, &figures[used++]);
        else
            buf_append(out, p, 1);
    }
    proven(used == count);
}
#define TELL(out, text, ...)                              \
    tell(out, text, (const struct figure[]){__VA_ARGS__}, \
         sizeof((const struct figure[]){__VA_ARGS__}) / sizeof(struct figure))

/* ---- the rules: true, and the evidence told, when it is found ---- */

static bool above(double ratio, double limit, int64_t bytes) { return ratio > limit && bytes > WORTH_TELLING_BYTES; }

static double part(int64_t a, int64_t b) { return b > 0 ? (double)a / (double)b : 0; }

static bool old_peak(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    if (!above(part(f->peak, f->used), PEAK_RATIO, f->peak - f->used)) return false;
    TELL(out, "@ were in use @ ago, @ are now; the process takes @", BYTES_OF(f->peak),
         AGE_OF(d->now_s - f->peak_time_s), BYTES_OF(f->used), BYTES_OF(f->rss));
    return true;
}

static bool fragmented(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    int64_t bytes = (int64_t)(f->heap.active - f->heap.allocated);
    if (!above(f->heap_fragmentation, HEAP_RATIO, bytes)) return false;
    TELL(out, "pages of @ hold @ of data: @ of them, @, are gaps", BYTES_OF(f->heap.active),
         BYTES_OF(f->heap.allocated), SHARE_OF(part(bytes, (int64_t)f->heap.active)), BYTES_OF(bytes));
    return true;
}

static bool not_given_back(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    int64_t bytes = (int64_t)(f->heap.resident - f->heap.active);
    if (!above(f->heap_rss, RESIDENT_RATIO, bytes)) return false;
    TELL(out, "the allocator holds @ and uses pages of @; @ are dirty or kept for itself", BYTES_OF(f->heap.resident),
         BYTES_OF(f->heap.active), BYTES_OF(bytes));
    return true;
}

static bool outside_the_heap(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    int64_t bytes = f->rss - (int64_t)f->heap.resident;
    if (!above(f->rss_overhead, OVERHEAD_RATIO, bytes)) return false;
    TELL(out, "the process takes @, its allocator accounts for @", BYTES_OF(f->rss), BYTES_OF(f->heap.resident));
    return true;
}

static bool client_that_does_not_read(const struct doctor_facts *d, struct buf *out) {
    if (d->client.id == 0 || d->client.output_bytes <= WORTH_TELLING_BYTES) return false;
    TELL(out, "client id=@ addr=@ has not taken @ of replies; its last command was @ ago", NUMBER_OF(d->client.id),
         TEXT_OF(d->client.address), BYTES_OF(d->client.output_bytes), AGE_OF(d->client.idle_s));
    return true;
}

static bool tell_share(struct buf *out, const struct doctor_facts *d, int64_t bytes, double limit) {
    double share = part(bytes, d->memory.used);
    if (!above(share, limit, bytes)) return false;
    TELL(out, "@, which is @ of the memory in use", BYTES_OF(bytes), SHARE_OF(share));
    return true;
}

static bool much_for_clients(const struct doctor_facts *d, struct buf *out) {
    return tell_share(out, d, d->memory.clients, CLIENTS_SHARE);
}

static bool much_for_replication(const struct doctor_facts *d, struct buf *out) {
    return tell_share(out, d, d->memory.owners[MEM_REPLICATION], REPLICATION_SHARE);
}

static bool much_for_scripts(const struct doctor_facts *d, struct buf *out) {
    return tell_share(out, d, d->memory.owners[MEM_SCRIPTS], SCRIPTS_SHARE);
}

static bool much_in_limbo(const struct doctor_facts *d, struct buf *out) {
    return tell_share(out, d, d->memory.owners[MEM_LIMBO], CLIENTS_SHARE);
}

static bool giant_key(const struct doctor_facts *d, struct buf *out) {
    double share = part(d->key.bytes, d->memory.dataset);
    if (!above(share, KEY_SHARE, d->key.bytes) && d->key.bytes < KEY_BYTES) return false;
    TELL(out, "\"@\" in database @, a @", TEXT_OF(d->key.name), NUMBER_OF(d->key.db), TEXT_OF(d->key.type));
    if (d->key.elements > 0) TELL(out, " of @ elements", NUMBER_OF(d->key.elements));
    TELL(out, ", takes @: @ of all data", BYTES_OF(d->key.bytes), SHARE_OF(share));
    return true;
}

/* In every one of the spans, and by much in all of them. */
static bool lasting_keys_grow(const struct doctor_facts *d, struct buf *out) {
    int64_t first = d->lasting.keys[0], last = d->lasting.keys[DOCTOR_SPANS];
    int64_t bytes = (last - first) * d->memory.bytes_per_key;
    if (d->lasting.span_s < DOCTOR_SPAN_MIN_S) return false;
    for (int i = 0; i < DOCTOR_SPANS; i++) {
        if (d->lasting.keys[i + 1] <= d->lasting.keys[i]) return false;
    }
    if ((double)last < LASTING_RATIO * (double)first || bytes < WORTH_TELLING_BYTES) return false;
    TELL(out, "@ keys never expire, @ more than @ ago, which is some @ and goes on", NUMBER_OF(last),
         NUMBER_OF(last - first), AGE_OF(d->lasting.span_s), BYTES_OF(bytes));
    return true;
}

static bool table_overhead(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    int64_t table = f->owners[MEM_TABLE] + f->owners[MEM_EXPIRY];
    double share = part(table, table + f->dataset);
    if (!above(share, TABLE_SHARE, table) || f->keys == 0) return false;
    TELL(out, "finding keys takes @, the @ keys with their values @: @ and @ bytes a key", BYTES_OF(table),
         NUMBER_OF(f->keys), BYTES_OF(f->dataset), NUMBER_OF(table / f->keys), NUMBER_OF(f->dataset / f->keys));
    return true;
}

static bool near_the_limit(const struct doctor_facts *d, struct buf *out) {
    const struct memory_facts *f = &d->memory;
    int64_t counted = f->used - f->not_counted;
    double share = part(counted, f->limit);
    if (f->limit <= 0 || share <= LIMIT_SHARE) return false;
    TELL(out, "@ of the @ of maxmemory are in use, @", BYTES_OF(counted), BYTES_OF(f->limit), SHARE_OF(share));
    return true;
}

static bool container_near(const struct doctor_facts *d, struct buf *out) {
    double share = part(d->memory.rss, d->container.limit);
    if (d->container.limit <= 0 || share <= CONTAINER_SHARE) return false;
    TELL(out, "the process takes @ of the @ of its control group, @; with its files' pages the group has @",
         BYTES_OF(d->memory.rss), BYTES_OF(d->container.limit), SHARE_OF(share), BYTES_OF(d->container.used));
    return true;
}

static const struct rule {
    bool (*find)(const struct doctor_facts *d, struct buf *out);
    const char *what, *remedy;
} rules[] = {
    {container_near, "Container limit near",
     "Beyond it the kernel ends the process. Set maxmemory with room for clients and saves below the limit, or raise "
     "the "
     "limit."},
    {near_the_limit, "Close to maxmemory",
     "Writes will soon be refused or keys evicted. Raise maxmemory, or see with MEMORY STATS what takes the room."},
    {old_peak, "High peak",
     "The allocator may still hold pages of that time; MEMORY PURGE gives them back, and so will the next large load "
     "of "
     "data use them. MEMORY HISTORY MINUTES shows what it was."},
    {fragmented, "Fragmentation",
     "That is what remains when many values were deleted or replaced by ones of another size. It shrinks as new values "
     "fill "
     "the gaps; activedefrag moves values together, and a restart does it at once."},
    {not_given_back, "Memory not given back",
     "Freed memory is returned after some seconds; MEMORY PURGE returns it now."},
    {outside_the_heap, "Memory outside the allocator",
     "That is threads' stacks, mapped files or the program itself. Worth a look when it grows."},
    {client_that_does_not_read, "A client does not read its replies",
     "CLIENT KILL ID ends it; client-output-buffer-limit does so by itself from then on."},
    {much_for_clients, "Large client buffers",
     "CLIENT LIST shows whose input (qbuf) or output (omem) it is; maxmemory-clients bounds them all together."},
    {much_for_replication, "Large replication backlog",
     "repl-backlog-size sets how much is kept for replicas that come back; less is enough where they are seldom away "
     "for "
     "long."},
    {much_for_scripts, "Large script cache",
     "Scripts that differ in each call are all kept: pass what differs as KEYS and ARGV. SCRIPT FLUSH empties the "
     "cache."},
    {much_in_limbo, "A snapshot keeps old values",
     "Values replaced since the running save began are kept until it ends. It ends by itself; a faster disk or fewer "
     "writes "
     "make it smaller."},
    {giant_key, "One giant key",
     "It cannot be moved or expire in parts. Split it by a part of its members' names, or bound it (LTRIM, "
     "ZREMRANGEBYRANK, "
     "XTRIM); UNLINK deletes it without a stall."},
    {lasting_keys_grow, "Keys without a time to live grow",
     "MEMORY PREFIXES names the groups they belong to. Give them times (EXPIRE), or set maxmemory with an allkeys "
     "policy."},
    {table_overhead, "Much memory for finding keys",
     "The values are tiny. Gathered as fields of hashes of up to hash-max-listpack-entries they take a fraction."},
};

static void append_totals(const struct memory_facts *f, struct buf *out) {
    TELL(out, "@ are in use, @ of that for keys and values; the process takes @.\n", BYTES_OF(f->used),
         BYTES_OF(f->dataset), BYTES_OF(f->rss));
}

void doctor_report(const struct doctor_facts *d, struct buf *out) {
    struct buf evidence;
    size_t count = 0;
    if (d->memory.used < TOO_LITTLE_BYTES) {
        append_text(out, "Hi Sam, this instance is empty or is using very little memory: there is nothing to diagnose "
                         "yet. Ask again when it holds some data.\n");
        return;
    }
    buf_init(&evidence, MEM_OBSERVE);
    for (size_t i = 0; i < countof(rules); i++) {
        buf_clear(&evidence);
        if (!rules[i].find(d, &evidence)) continue;
        if (count++ == 0) append_text(out, "Sam, I detected a few issues in this instance's memory:\n\n");
        buf_printf(out, " * %s: ", rules[i].what);
        buf_append_slice(out, buf_slice(&evidence));
        buf_printf(out, ". %s\n\n", rules[i].remedy);
    }
    buf_release(&evidence);
    if (count == 0) append_text(out, "Hi Sam, I can't find any memory issue in your instance. ");
    append_totals(&d->memory, out);
}
