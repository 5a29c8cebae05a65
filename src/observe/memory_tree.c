#include "observe/memory_tree.h"

#include "base/check.h"
#include "base/num.h"
#include "io/file.h"
#include "observe/published.h"

#include <stdio.h>
#include <unistd.h>

enum special {
    NODE_SUM = -1, /* of its children */
    NODE_SLACK = -2,
    NODE_CACHES = -3,
    NODE_DIRTY = -4,
    NODE_METADATA = -5,
    NODE_CODE = -6,
    NODE_STACKS = -7,
};

#define NODE(name, meaning, depth, owner) \
    { name, meaning, depth, owner, NULL, MOMENT_COUNT }
#define COUNTED(name, meaning, depth, owner, things, moment) \
    { name, meaning, depth, owner, things, moment }

static const struct memory_node nodes[MEMORY_TREE_NODES] = {
    NODE("rss", "memory of the process", 0, NODE_SUM),
    NODE("used", "allocated: used_memory, the sum of its owners", 1, NODE_SUM),
    COUNTED("dataset", "keys and values", 2, NODE_SUM, "keys", MOMENT_KEYS),
    COUNTED("strings", "keys with strings", 3, MEM_STRINGS, "keys", MOMENT_STRINGS),
    COUNTED("lists", "keys with lists", 3, MEM_LISTS, "keys", MOMENT_LISTS),
    COUNTED("sets", "keys with sets", 3, MEM_SETS, "keys", MOMENT_SETS),
    COUNTED("hashes", "keys with hashes", 3, MEM_HASHES, "keys", MOMENT_HASHES),
    COUNTED("zsets", "keys with sorted sets", 3, MEM_ZSETS, "keys", MOMENT_ZSETS),
    COUNTED("streams", "keys with streams", 3, MEM_STREAMS, "keys", MOMENT_STREAMS),
    COUNTED("table", "what finds keys", 2, MEM_TABLE, "keys", MOMENT_KEYS),
    COUNTED("expiry", "what knows when keys end", 2, MEM_EXPIRY, "keys", MOMENT_EXPIRES),
    NODE("limbo", "old values that a running save still needs", 2, MEM_LIMBO),
    COUNTED("clients", "connections", 2, NODE_SUM, "clients", MOMENT_CLIENTS),
    COUNTED("client", "connections themselves", 3, MEM_CLIENT, "clients", MOMENT_CLIENTS),
    NODE("client_in", "requests being read", 3, MEM_CLIENT_IN),
    NODE("client_out", "replies not yet taken", 3, MEM_CLIENT_OUT),
    NODE("replication", "backlog and replicas", 2, MEM_REPLICATION),
    NODE("aof", "append-only file", 2, MEM_AOF),
    NODE("scripts", "cached scripts and functions", 2, MEM_SCRIPTS),
    COUNTED("pubsub", "subscriptions", 2, MEM_PUBSUB, "channels", MOMENT_TOPICS),
    COUNTED("tracking", "keys cached by clients", 2, MEM_TRACKING, "keys", MOMENT_TRACKED),
    NODE("persist", "buffers of load and save", 2, MEM_PERSIST),
    NODE("observe", "logs, statistics and history", 2, MEM_OBSERVE),
    NODE("server", "commands, configuration, all else", 2, MEM_SERVER),
    NODE("allocator", "the allocator's own", 1, NODE_SUM),
    NODE("slack", "free places in pages in use", 2, NODE_SLACK),
    NODE("caches", "freed places that threads keep, and the C library's blocks", 2, NODE_CACHES),
    NODE("dirty", "unused pages not yet given back", 2, NODE_DIRTY),
    NODE("metadata", "its tables", 2, NODE_METADATA),
    NODE("process", "outside the allocator", 1, NODE_SUM),
    NODE("code", "program and libraries", 2, NODE_CODE),
    NODE("stacks", "threads' stacks and static data", 2, NODE_STACKS),
};

/* The last place is not used: names may be added without counting. */
static unsigned node_count(void) {
    unsigned n = 0;
    while (n < MEMORY_TREE_NODES && nodes[n].name) n++;
    return n;
}

const struct memory_node *memory_tree_node(unsigned i) { return i < node_count() ? &nodes[i] : NULL; }

/* ---- taking ---- */

static int64_t positive(int64_t v) { return v > 0 ? v : 0; }

static int64_t cut(int64_t *from, int64_t bytes) {
    int64_t taken = *from < bytes ? *from : bytes;
    *from -= taken;
    return taken;
}

struct measured {
    int64_t special[8]; /* by -enum special */
};

/* Resident pages of the process, and those of them that are of files: two figures of one line, without a walk. */
static void read_statm(int64_t *rss, int64_t *files) {
    char text[128];
    long long size = 0, resident = 0, shared = 0;
    ssize_t n = file_read_whole("/proc/self/statm", text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%lld %lld %lld", &size, &resident, &shared) != 3) resident = shared = 0;
    *rss = resident * sysconf(_SC_PAGESIZE);
    *files = shared * sysconf(_SC_PAGESIZE);
}

/* What is allocated beyond the owners, what is free in used pages, and so on up to the allocator's resident pages. These count
 * pages that were never touched as resident; they lie where nothing has been written yet, in slack first. */
static void measure_heap(struct memory_tree *t, struct measured *m, int64_t anonymous) {
    int64_t active = (int64_t)t->heap.active, allocated = (int64_t)t->heap.allocated;
    int64_t resident = (int64_t)t->heap.resident;
    int64_t *slack = &m->special[-NODE_SLACK], *caches = &m->special[-NODE_CACHES];
    int64_t *dirty = &m->special[-NODE_DIRTY], *metadata = &m->special[-NODE_METADATA];
    if (!mem_allocator_has_stats()) { /* all that is not ours goes to one node */
        *caches = positive(anonymous - t->used);
        return;
    }
    int64_t filled = allocated > t->used ? allocated : t->used;
    *caches = filled - t->used;
    *slack = positive(active - filled);
    *metadata = (int64_t)t->heap.metadata;
    *dirty = positive(resident - t->used - *caches - *slack - *metadata);
    int64_t sum = t->used + *caches + *slack + *metadata + *dirty;
    m->special[-NODE_STACKS] = positive(anonymous - sum);
    int64_t untouched = positive(sum - anonymous);
    untouched -= cut(slack, untouched);
    untouched -= cut(metadata, untouched);
    untouched -= cut(dirty, untouched);
    cut(caches, untouched);
}

static void sum_children(struct memory_tree *t, unsigned parent) {
    t->bytes[parent] = t->blocks[parent] = 0;
    for (unsigned i = parent + 1; i < node_count() && nodes[i].depth > nodes[parent].depth; i++) {
        if (nodes[i].depth > nodes[parent].depth + 1) continue;
        t->bytes[parent] += t->bytes[i];
        bool all_owned = t->blocks[parent] >= 0 && t->blocks[i] >= 0;
        t->blocks[parent] = all_owned ? t->blocks[parent] + t->blocks[i] : -1;
    }
}

static void sum_parents(struct memory_tree *t) {
    for (unsigned i = node_count(); i-- > 0;) {
        if (nodes[i].owner == NODE_SUM) sum_children(t, i);
    }
}

/* What a load has made so far belongs to no dataset that the executor knows. */
static int64_t loading_count(const struct published *p, int moment) {
    if (published_moment(p, MOMENT_LOADING) == 0) return 0;
    if (moment == MOMENT_KEYS) return published_moment(p, MOMENT_LOAD_KEYS);
    if (moment < MOMENT_STRINGS || moment > MOMENT_STREAMS) return 0;
    return published_moment(p, (enum published_moment)(MOMENT_LOAD_STRINGS + (moment - MOMENT_STRINGS)));
}

static void take_counts(struct memory_tree *t, const struct published *p) {
    for (unsigned i = 0; i < node_count(); i++) {
        int owner = nodes[i].owner;
        t->blocks[i] = owner >= 0 ? mem_owner_blocks((enum mem_owner)owner) : -1;
        t->counts[i] = -1;
        if (p && nodes[i].counted) {
            t->counts[i] =
                published_moment(p, (enum published_moment)nodes[i].moment) + loading_count(p, nodes[i].moment);
        }
    }
}

void memory_tree_take(struct memory_tree *t, const struct published *p) {
    struct measured m = {0};
    int64_t files;
    *t = (struct memory_tree){0};
    mem_stats_read(&t->heap);
    for (unsigned i = 0; i < node_count(); i++) {
        if (nodes[i].owner >= 0) t->used += t->bytes[i] = mem_owner_bytes((enum mem_owner)nodes[i].owner);
    }
    read_statm(&t->rss, &files);
    measure_heap(t, &m, positive(t->rss - files));
    m.special[-NODE_CODE] = files;
    for (unsigned i = 0; i < node_count(); i++) {
        if (nodes[i].owner < NODE_SUM) t->bytes[i] = m.special[-nodes[i].owner];
    }
    take_counts(t, p);
    sum_parents(t);
    t->difference = t->bytes[0] - t->rss;
    t->retained = (int64_t)t->heap.retained;
}

/* ---- showing ---- */

static void append_human(struct buf *out, int64_t bytes) {
    char text[NUM_TEXT_MAX];
    size_t n = num_format_human(text, (uint64_t)positive(bytes));
    buf_printf(out, "%10.*s", (int)n, text);
}

void memory_tree_print(const struct memory_tree *t, struct buf *out) {
    for (unsigned i = 0; i < node_count(); i++) {
        if (t->bytes[i] == 0 && nodes[i].depth > 1) continue;
        double percent = t->bytes[0] ? 100 * (double)t->bytes[i] / (double)t->bytes[0] : 0;
        int indent = (int)(2 * nodes[i].depth);
        append_human(out, t->bytes[i]);
        buf_printf(out, " %5.1f%%  %*s%-*s %s", percent, indent, "", 20 - indent, nodes[i].name, nodes[i].meaning);
        if (t->counts[i] >= 0) buf_printf(out, " (%lld)", (long long)t->counts[i]);
        buf_append_slice(out, SLICE("\n"));
    }
    append_human(out, t->rss);
    buf_printf(out, "         says the kernel (difference %lld bytes)\n", (long long)t->difference);
    append_human(out, t->retained);
    buf_printf(out, "         of address space is kept by the allocator with no memory behind it\n");
}

void memory_tree_json(const struct memory_tree *t, struct json *j, const char *name) {
    unsigned n = node_count();
    for (unsigned i = 0; i < n; i++) {
        json_open(j, i == 0 ? name : NULL, '{');
        json_cstr(j, "name", nodes[i].name);
        json_integer(j, "bytes", t->bytes[i]);
        if (t->blocks[i] >= 0) json_integer(j, "blocks", t->blocks[i]);
        if (t->counts[i] >= 0) {
            json_integer(j, "count", t->counts[i]);
            json_cstr(j, "counted", nodes[i].counted);
        }
        json_cstr(j, "meaning", nodes[i].meaning);
        unsigned next = i + 1 < n ? nodes[i + 1].depth : 0;
        if (next > nodes[i].depth) {
            json_open(j, "children", '[');
            continue;
        }
        json_close(j, '}');
        for (unsigned depth = nodes[i].depth; depth > next; depth--) {
            json_close(j, ']');
            json_close(j, '}');
        }
    }
}
