/* INFO memory. Each row reads the facts that info_print has taken. */
#include "base/check.h"
#include "exec/limit.h"
#include "keyspace/dataset.h"
#include "keyspace/top.h"
#include "observe/observe_int.h"

#include <stdio.h>

#define FACTS  (&observe.memory)
#define UNUSED (void)scope

#define READ_INTEGER(name, expression)                                                    \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        UNUSED;                                                                           \
        metric_int(out, (int64_t)(expression));                                           \
    }
#define READ_REAL(name, real_kind, expression)                                            \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        UNUSED;                                                                           \
        metric_real(out, real_kind, (expression));                                        \
    }
/* The number, and the same for people. */
#define READ_BYTES(name, expression)                                                              \
    READ_INTEGER(name, expression)                                                                \
    static void read_##name##_human(const struct metric_scope *scope, struct metric_value *out) { \
        read_##name(scope, out);                                                                  \
        out->kind = METRIC_HUMAN;                                                                 \
    }

READ_INTEGER(zero, 0)
READ_BYTES(used, FACTS->used)
READ_BYTES(rss, FACTS->rss)
READ_BYTES(peak, FACTS->peak)
READ_INTEGER(peak_time, FACTS->peak_time_s)
READ_REAL(peak_percent, METRIC_PERCENT, FACTS->peak_percent)
READ_INTEGER(overhead, FACTS->overhead)
READ_INTEGER(startup, FACTS->startup)
READ_INTEGER(dataset, FACTS->dataset)
READ_REAL(dataset_percent, METRIC_PERCENT, FACTS->dataset_percent)
READ_INTEGER(heap_allocated, FACTS->heap.allocated)
READ_INTEGER(heap_active, FACTS->heap.active)
READ_INTEGER(heap_resident, FACTS->heap.resident)
READ_INTEGER(heap_muzzy, FACTS->heap.muzzy)
READ_BYTES(machine, FACTS->machine)
READ_BYTES(scripts, FACTS->owners[MEM_SCRIPTS])
READ_BYTES(nothing, 0)
READ_BYTES(limit, FACTS->limit)
READ_REAL(heap_fragmentation, METRIC_RATIO, FACTS->heap_fragmentation)
READ_INTEGER(heap_fragmentation_bytes, FACTS->heap.active - FACTS->heap.allocated)
READ_REAL(heap_rss, METRIC_RATIO, FACTS->heap_rss)
READ_INTEGER(heap_rss_bytes, FACTS->heap.resident - FACTS->heap.active)
READ_REAL(rss_overhead, METRIC_RATIO, FACTS->rss_overhead)
READ_INTEGER(rss_overhead_bytes, FACTS->rss - (int64_t)FACTS->heap.resident)
READ_REAL(fragmentation, METRIC_RATIO, FACTS->fragmentation)
READ_INTEGER(fragmentation_bytes, FACTS->rss - FACTS->used)
READ_INTEGER(not_counted, limit_not_counted(scope->executor))
READ_INTEGER(replication, FACTS->owners[MEM_REPLICATION])
READ_INTEGER(clients, FACTS->clients)
READ_INTEGER(aof, FACTS->owners[MEM_AOF])

static void read_allocator(const struct metric_scope *scope, struct metric_value *out) {
    UNUSED;
    metric_text(out, mem_allocator_name());
}

static void read_lazyfreed(const struct metric_scope *scope, struct metric_value *out) {
    metric_int(out, (int64_t)dataset_stats_const(scope->dataset)->lazyfreed);
}

static void read_top_sure(const struct metric_scope *scope, struct metric_value *out) {
    size_t sure = dataset_top_sure(scope->dataset);
    metric_int(out, sure < TOP_SHOWN_MAX ? (int64_t)sure : TOP_SHOWN_MAX);
}

/* Tarn's own: where every byte of used_memory belongs. */
static void owner_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    char name[64], text[32];
    UNUSED;
    for (int i = 0; i < MEM_OWNER_COUNT; i++) {
        snprintf(name, sizeof name, "used_memory_owner_%s", mem_owner_name((enum mem_owner)i));
        snprintf(text, sizeof text, "%lld", (long long)FACTS->owners[i]);
        emit(arg, name, text);
    }
}

static void block_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    char name[64], text[32];
    UNUSED;
    for (int i = 0; i < MEM_OWNER_COUNT; i++) {
        snprintf(name, sizeof name, "mem_blocks_owner_%s", mem_owner_name((enum mem_owner)i));
        snprintf(text, sizeof text, "%lld", (long long)mem_owner_blocks((enum mem_owner)i));
        emit(arg, name, text);
    }
}

#define GAUGE(field, reader, text) \
    { .section = "memory", .name = field, .class = METRIC_GAUGE, .help = text, .read = reader }
#define COUNTER(field, reader, text) \
    { .section = "memory", .name = field, .class = METRIC_COUNTER, .help = text, .read = reader }

static const struct metric rows[] = {
    GAUGE("used_memory", read_used, "Bytes allocated, the sum over all owners"),
    GAUGE("used_memory_human", read_used_human, "used_memory for people"),
    GAUGE("used_memory_rss", read_rss, "Bytes of the process that are in memory"),
    GAUGE("used_memory_rss_human", read_rss_human, "used_memory_rss for people"),
    GAUGE("used_memory_peak", read_peak, "Highest used_memory seen"),
    GAUGE("used_memory_peak_time", read_peak_time, "When used_memory_peak was reached, seconds since 1970"),
    GAUGE("used_memory_peak_human", read_peak_human, "used_memory_peak for people"),
    GAUGE("used_memory_peak_perc", read_peak_percent, "used_memory as a share of its peak"),
    GAUGE("used_memory_overhead", read_overhead, "Bytes of all owners that hold no values"),
    GAUGE("used_memory_startup", read_startup, "used_memory right after the start"),
    GAUGE("used_memory_dataset", read_dataset, "Bytes of keys and values"),
    GAUGE("used_memory_dataset_perc", read_dataset_percent,
          "Keys and values as a share of what is used beyond startup"),
    GAUGE("allocator_allocated", read_heap_allocated, "Bytes the allocator has handed out"),
    GAUGE("allocator_active", read_heap_active, "Bytes of pages with something allocated in them"),
    GAUGE("allocator_resident", read_heap_resident, "Bytes of the allocator's pages that are in memory"),
    GAUGE("allocator_muzzy", read_heap_muzzy, "Bytes given back that the kernel has not taken yet"),
    GAUGE("total_system_memory", read_machine, "Memory of the machine"),
    GAUGE("total_system_memory_human", read_machine_human, "total_system_memory for people"),
    GAUGE("used_memory_lua", read_zero, "Heap of the script interpreter; old name of used_memory_vm_eval"),
    GAUGE("used_memory_vm_eval", read_zero, "Heap of the script interpreter"),
    GAUGE("used_memory_lua_human", read_nothing_human, "used_memory_lua for people"),
    GAUGE("used_memory_scripts_eval", read_scripts, "Bytes of cached scripts"),
    GAUGE("number_of_cached_scripts", read_zero, "Cached scripts"),
    GAUGE("number_of_functions", read_zero, "Functions loaded"),
    GAUGE("number_of_libraries", read_zero, "Function libraries loaded"),
    GAUGE("used_memory_vm_functions", read_zero, "Heap of the interpreter of functions"),
    GAUGE("used_memory_vm_total", read_nothing, "Heaps of both interpreters"),
    GAUGE("used_memory_vm_total_human", read_nothing_human, "used_memory_vm_total for people"),
    GAUGE("used_memory_functions", read_zero, "Bytes of function code"),
    GAUGE("used_memory_scripts", read_scripts, "Bytes of scripts and functions"),
    GAUGE("used_memory_scripts_human", read_scripts_human, "used_memory_scripts for people"),
    GAUGE("maxmemory", read_limit, "The configured limit of used_memory, 0 for none"),
    GAUGE("maxmemory_human", read_limit_human, "maxmemory for people"),
    GAUGE("allocator_frag_ratio", read_heap_fragmentation, "Active over allocated bytes"),
    GAUGE("allocator_frag_bytes", read_heap_fragmentation_bytes, "Active minus allocated bytes"),
    GAUGE("allocator_rss_ratio", read_heap_rss, "Resident over active bytes"),
    GAUGE("allocator_rss_bytes", read_heap_rss_bytes, "Resident minus active bytes"),
    GAUGE("rss_overhead_ratio", read_rss_overhead, "Memory of the process over that of the allocator"),
    GAUGE("rss_overhead_bytes", read_rss_overhead_bytes, "Memory of the process minus that of the allocator"),
    GAUGE("mem_fragmentation_ratio", read_fragmentation, "Memory of the process over used_memory"),
    GAUGE("mem_fragmentation_bytes", read_fragmentation_bytes, "Memory of the process minus used_memory"),
    GAUGE("mem_not_counted_for_evict", read_not_counted, "Bytes that maxmemory does not count"),
    GAUGE("mem_replication_backlog", read_zero, "Bytes of the replication backlog"),
    GAUGE("mem_total_replication_buffers", read_replication, "Bytes of all replication buffers"),
    GAUGE("mem_clients_slaves", read_zero, "Bytes of replicas' connections"),
    GAUGE("mem_clients_normal", read_clients, "Bytes of clients, their input and their output"),
    GAUGE("mem_cluster_links", read_zero, "Bytes of cluster links"),
    GAUGE("mem_aof_buffer", read_aof, "Bytes of AOF buffers"),
    {.section = "memory",
     .name = "mem_allocator",
     .class = METRIC_STATE,
     .help = "Name and version of the allocator",
     .read = read_allocator},
    GAUGE("top_keys_sure", read_top_sure,
          "So many of the biggest keys are known for sure; fewer than MEMORY TOP is asked for while they are sought"),
    GAUGE("mem_overhead_db_hashtable_rehashing", read_zero, "Tables split one segment at a time: always 0"),
    COUNTER("lazyfreed_objects", read_lazyfreed, "Values whose memory was freed aside"),
    {.section = "memory",
     .name = "used_memory_owner_*",
     .class = METRIC_GAUGE,
     .help = "Bytes of used_memory by owner",
     .lines = owner_lines},
    {.section = "memory",
     .name = "mem_blocks_owner_*",
     .class = METRIC_GAUGE,
     .help = "Allocations of used_memory by owner",
     .lines = block_lines},
};
const struct metric_list memory_metrics = {rows, countof(rows)};
