#include "server/defrag.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/executor.h"
#include "keyspace/defrag.h"
#include "mem/stats.h"
#include "observe/observe.h"
#include "server/memory_plan.h"
#include "server/server.h"
#include "server/settings.h"

#define LOOK_US      1000000 /* between two questions to the allocator, ~50 us each */
#define SLICE_MIN_US 25      /* shorter ones would be mostly their own overhead */
#define REST_FIRST_S 10
#define REST_MAX_S   640
#define HASTE        75 /* percent of the time, before the pages that are not full are more than there is room for */
#define HELPED_PART  10 /* a pass has helped when it freed one part in so many of what was wasted */

struct defrag {
    struct dataset_defrag walk;
    bool works;        /* the allocator tells how its memory is used */
    int64_t effort;    /* share of time in percent, 0: not running */
    int64_t turned_us; /* when credit was last given */
    int64_t credit_ns;
    /* figures of the allocator: now, and when this pass began */
    int64_t wasted_bytes, used_bytes;
    int64_t pass_wasted_bytes, pass_used_bytes;
    /* giving up */
    int64_t rest_s;             /* how long the last rest was, 0: the last pass helped */
    int64_t rests_until_us;     /* not before this, */
    int64_t given_up_at_bytes;  /* unless the waste grows well beyond this */
    int64_t looked_us;          /* when the allocator was last asked */
    int64_t begun_us, total_us; /* of running: this stretch, and those before */
};

struct defrag *defrag_new(void) {
    struct defrag *d = mem_alloc_zeroed(MEM_SERVER, sizeof *d);
    d->works = mem_defrag_works(&d->walk.mem);
    if (server_settings()->active_defrag && !d->works)
        log_warning("activedefrag is set, but this allocator does not tell how well its memory is used: it stays off.");
    return d;
}

void defrag_free(struct defrag *d) { mem_free(MEM_SERVER, d, sizeof *d); }

const char *defrag_apply(void) {
    if (!server_settings()->active_defrag || server_defrag()->works) return NULL;
    return "Active defragmentation needs jemalloc, and this server runs with another allocator";
}

void defrag_force(struct defrag *d, bool on) {
    d->walk.mem.everything = on;
    d->rests_until_us = 0;
}

/* ---- when ---- */
/* Pages with something in them beyond what is used: what moving blocks may give back. */
static void look(struct defrag *d) {
    struct mem_stats s;
    mem_stats_read(&s);
    d->used_bytes = (int64_t)s.allocated;
    d->wasted_bytes = s.active > s.allocated ? (int64_t)(s.active - s.allocated) : 0;
}

static int64_t wasted_percent(const struct defrag *d) {
    return d->used_bytes > 0 ? (int64_t)((double)d->wasted_bytes * 100 / (double)d->used_bytes) : 0;
}

/* From `least` where the value is `from` to `most` where it is `to`. */
static int64_t between(int64_t value, int64_t from, int64_t to, int64_t least, int64_t most) {
    proven(from <= to);
    if (value < from) return 0;
    if (value >= to || most < least) return most < least ? least : most;
    return least + (int64_t)((double)(most - least) * (double)(value - from) / (double)(to - from));
}

/* From cycle-min at the lower threshold to cycle-max at the upper. */
static int64_t effort_for_thresholds(const struct defrag *d) {
    const struct server_settings *s = server_settings();
    if (d->wasted_bytes < s->defrag_ignore_bytes) return 0;
    int64_t lower = s->defrag_threshold_lower, upper = s->defrag_threshold_upper;
    return between(wasted_percent(d), lower, upper > lower ? upper : lower, s->defrag_cycle_min, s->defrag_cycle_max);
}

/* With maxmemory auto the room of pages that are not full is the slack, whatever the thresholds say: beyond it the process meets the
 * end of its container. Made to last from a quarter of it on, at three quarters before most else. */
static int64_t effort_for_slack(const struct defrag *d) {
    int64_t quarter = settings_memory_plan()->slack / 4;
    if (quarter == 0) return 0;
    return between(d->wasted_bytes, quarter, 3 * quarter, server_settings()->defrag_cycle_min, HASTE);
}

/* 0: nothing is to be done. */
static int64_t effort_wanted(const struct defrag *d) {
    const struct server_settings *s = server_settings();
    if (d->walk.mem.everything) return s->defrag_cycle_max;
    if (!s->active_defrag || !d->works) return 0;
    int64_t wanted = effort_for_thresholds(d), needed = effort_for_slack(d);
    return wanted > needed ? wanted : needed;
}

/* A snapshot reads the old places; a loader fills another dataset; a pause wants the process to stand still. */
static bool may_run(void) {
    const struct executor *x = server_executor();
    return server_phase() == PHASE_SERVING && !x->loading && x->pause != PAUSE_ALL && !dataset_is_frozen(x->dataset);
}

static bool rests(const struct defrag *d, int64_t now_us) {
    int64_t slack = settings_memory_plan()->slack;
    if (slack > 0 && d->wasted_bytes >= slack / 2) return false;
    return now_us < d->rests_until_us && d->wasted_bytes < d->given_up_at_bytes / 4 * 5;
}

static void start(struct defrag *d, int64_t effort, int64_t now_us) {
    if (d->effort == 0) {
        d->begun_us = d->turned_us = now_us;
        d->credit_ns = 0;
    }
    d->effort = effort;
    d->pass_wasted_bytes = d->wasted_bytes;
    d->pass_used_bytes = d->used_bytes;
}

static void stop(struct defrag *d, int64_t now_us) {
    d->total_us += now_us - d->begun_us;
    d->effort = 0;
}

/* A pass that freed little was not worth its time, and the next will not be either: rests double. While much is deleted, waste
 * grows whatever a pass does, and says nothing of it. */
static void judge(struct defrag *d, int64_t now_us) {
    bool deleted = d->used_bytes < d->pass_used_bytes - d->pass_used_bytes / 20;
    bool helped = d->wasted_bytes <= d->pass_wasted_bytes - d->pass_wasted_bytes / HELPED_PART;
    if (helped || deleted) {
        d->rest_s = 0;
        return;
    }
    d->rest_s = d->rest_s == 0 ? REST_FIRST_S : d->rest_s * 2 > REST_MAX_S ? REST_MAX_S : d->rest_s * 2;
    d->rests_until_us = now_us + d->rest_s * 1000000;
    d->given_up_at_bytes = d->wasted_bytes;
    log_verbose("Defragmentation: a pass freed little of %lld wasted bytes, resting for %lld s",
                (long long)d->wasted_bytes, (long long)d->rest_s);
}

static void pass_ended(struct defrag *d, int64_t now_us) {
    look(d);
    if (!d->walk.mem.everything) judge(d, now_us);
    int64_t effort = rests(d, now_us) ? 0 : effort_wanted(d);
    if (effort > 0)
        start(d, effort, now_us);
    else
        stop(d, now_us);
}

void defrag_cron(struct defrag *d, int64_t now_us) {
    if (!server_settings()->active_defrag && !d->walk.mem.everything) {
        if (d->effort > 0) stop(d, now_us);
        return;
    }
    if (now_us - d->looked_us < LOOK_US && !d->walk.mem.everything) return;
    d->looked_us = now_us;
    look(d);
    int64_t effort = effort_wanted(d);
    if (d->effort == 0 && effort > 0 && may_run() && !rests(d, now_us)) start(d, effort, now_us);
    /* Less is wasted as a pass goes on: it keeps its pace, so that it ends. */
    if (d->effort > 0 && effort > d->effort) d->effort = effort;
}

/* ---- slices ---- */
static int64_t slice_ns(void) {
    int64_t us = server_settings()->defrag_cycle_us;
    return (us > SLICE_MIN_US ? us : SLICE_MIN_US) * 1000;
}

/* Time that has passed gives credit by the effort; what was missed during a long command is not made up for at once. */
static void give_credit(struct defrag *d, int64_t now_us) {
    int64_t most = 2 * slice_ns();
    d->credit_ns += (now_us - d->turned_us) * d->effort * 10;
    if (d->credit_ns > most) d->credit_ns = most;
    d->turned_us = now_us;
}

static void run_slice(struct defrag *d, int64_t length_ns) {
    struct dataset *ds = server_executor()->dataset;
    int64_t begun = clock_mono_ns(), now = begun;
    bool more = true;
    d->walk.piece = (size_t)server_settings()->defrag_max_scan_fields;
    while (more && now - begun < length_ns) {
        more = dataset_defrag_step(ds, &d->walk);
        now = clock_mono_ns();
    }
    d->credit_ns -= now - begun;
    observe_latency("active-defrag-cycle", (uint64_t)(now - begun));
    if (!more) pass_ended(d, now / 1000);
}

int64_t defrag_turn(struct defrag *d, int64_t now_us) {
    if (likely(d->effort == 0) || !may_run()) {
        d->turned_us = now_us;
        return INT64_MAX;
    }
    give_credit(d, now_us);
    int64_t length = d->credit_ns < slice_ns() ? d->credit_ns : slice_ns();
    /* Busy turns follow each other closely and give little each: short slices, so that no request waits for a long one. */
    if (length >= SLICE_MIN_US * 1000) run_slice(d, length);
    if (d->effort == 0) return INT64_MAX;
    int64_t missing = slice_ns() - d->credit_ns;
    return missing > 0 ? missing / (d->effort * 10) + 1 : 0;
}

/* ---- INFO ---- */
#define READ(name, expression)                                                            \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        const struct defrag *d = server_defrag();                                         \
        (void)scope;                                                                      \
        metric_int(out, (int64_t)(expression));                                           \
    }

static int64_t running_us(const struct defrag *d) { return d->effort > 0 ? clock_mono_us() - d->begun_us : 0; }

READ(running, d->effort)
READ(hits, d->walk.mem.moved)
READ(misses, d->walk.mem.kept)
READ(key_hits, d->walk.keys_moved)
READ(key_misses, d->walk.keys_kept)
READ(moved_bytes, d->walk.mem.moved_bytes)
READ(passes, d->walk.passes)
READ(total_time, (d->total_us + running_us(d)) / 1000)
READ(current_time, running_us(d) / 1000)

#define ROW(section_, field, class_, reader, text) \
    { .section = section_, .name = field, .class = class_, .help = text, .read = reader }

static const struct metric rows[] = {
    ROW("memory", "active_defrag_running", METRIC_GAUGE, read_running,
        "Share of the executor's time that defragmentation takes now, percent"),
    ROW("stats", "active_defrag_hits", METRIC_COUNTER, read_hits, "Allocations moved by defragmentation"),
    ROW("stats", "active_defrag_misses", METRIC_COUNTER, read_misses, "Allocations looked at and left"),
    ROW("stats", "active_defrag_key_hits", METRIC_COUNTER, read_key_hits, "Keys with something moved"),
    ROW("stats", "active_defrag_key_misses", METRIC_COUNTER, read_key_misses, "Keys with nothing moved"),
    ROW("stats", "total_active_defrag_time", METRIC_COUNTER, read_total_time,
        "Time in which defragmentation was at work, ms"),
    ROW("stats", "current_active_defrag_time", METRIC_GAUGE, read_current_time, "The same of this stretch, ms"),
    ROW("stats", "active_defrag_moved_bytes", METRIC_COUNTER, read_moved_bytes, "Bytes moved by defragmentation"),
    ROW("stats", "active_defrag_passes", METRIC_COUNTER, read_passes, "Walks over the whole dataset that have ended"),
};
const struct metric_list defrag_metrics = {rows, countof(rows)};
