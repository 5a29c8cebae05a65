#include "observe/latency.h"

#include "base/check.h"

#include <stdio.h>

#define GRAPH_COLUMNS 80
#define GRAPH_ROWS    4
#define AGE_MAX       8

/* ---- events and samples ---- */

static unsigned event_index(const struct latency_monitor *m, struct slice name) {
    unsigned i = 0;
    while (i < m->count && !slice_equal(name, slice_of_cstr(m->events[i]->name))) i++;
    return i;
}

struct latency_event *latency_find(const struct latency_monitor *m, struct slice name) {
    unsigned i = event_index(m, name);
    return i < m->count ? m->events[i] : NULL;
}

static struct latency_event *event_new(struct latency_monitor *m, const char *name) {
    if (m->count == LATENCY_EVENTS_MAX) return NULL;
    proven(strlen(name) <= LATENCY_EVENT_MAX);
    struct latency_event *e = mem_alloc_zeroed(MEM_OBSERVE, sizeof *e);
    e->name = name;
    m->events[m->count++] = e;
    return e;
}

void latency_add(struct latency_monitor *m, const char *event, int64_t time_s, uint32_t ms) {
    struct latency_event *e = latency_find(m, slice_of_cstr(event));
    if (ms == 0) return;
    if (e == NULL) e = event_new(m, event);
    if (e == NULL) return;
    if (ms > e->max_ms) e->max_ms = ms;
    struct latency_sample *latest = &e->samples[(e->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (latest->ms && latest->time_s == time_s) {
        if (ms > latest->ms) latest->ms = ms;
        return;
    }
    e->samples[e->next] = (struct latency_sample){time_s, ms};
    e->next = (e->next + 1) % LATENCY_SAMPLES;
}

unsigned latency_samples(const struct latency_event *e) { return e->samples[e->next].ms ? LATENCY_SAMPLES : e->next; }

const struct latency_sample *latency_sample_at(const struct latency_event *e, unsigned i) {
    unsigned oldest = e->samples[e->next].ms ? e->next : 0;
    return &e->samples[(oldest + i) % LATENCY_SAMPLES];
}

static void forget_at(struct latency_monitor *m, unsigned i) {
    mem_free(MEM_OBSERVE, m->events[i], sizeof *m->events[i]);
    m->count--;
    memmove(&m->events[i], &m->events[i + 1], (m->count - i) * sizeof *m->events);
}

bool latency_forget(struct latency_monitor *m, struct slice name) {
    unsigned i = event_index(m, name);
    if (i == m->count) return false;
    forget_at(m, i);
    return true;
}

void latency_clear(struct latency_monitor *m) {
    while (m->count > 0) forget_at(m, m->count - 1);
}

/* ---- the graph ---- */

struct latency_range {
    uint32_t low, high;
};

static struct latency_range range_of(const struct latency_event *e) {
    struct latency_range r = {UINT32_MAX, 0};
    for (unsigned i = 0; i < latency_samples(e); i++) {
        uint32_t ms = latency_sample_at(e, i)->ms;
        if (ms < r.low) r.low = ms;
        if (ms > r.high) r.high = ms;
    }
    return r;
}

/* A sample's height: 0 (the lowest) to GRAPH_ROWS. */
static unsigned height_of(uint32_t ms, struct latency_range r) {
    return r.high > r.low ? (unsigned)((uint64_t)(ms - r.low) * GRAPH_ROWS / (r.high - r.low)) : 0;
}

/* row counts from the top. '#' crowns a bar of '|'; the lowest samples are a '_' on the ground. */
static char cell(unsigned height, unsigned row) {
    unsigned level = GRAPH_ROWS - row;
    if (height == level) return '#';
    if (height > level) return '|';
    return height == 0 && level == 1 ? '_' : ' ';
}

/* "3s", "12m", "5h", "2d". */
static void age_text(int64_t seconds, char dst[AGE_MAX]) {
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    if (seconds < 0) seconds = 0;
    while (i + 1 < countof(units) && seconds < units[i].seconds) i++;
    int64_t n = seconds / units[i].seconds;
    snprintf(dst, AGE_MAX, "%d%c", n < 9999 ? (int)n : 9999, units[i].unit);
}

/* The ages of the samples from first on, standing upright below the chart. */
static void append_ages(const struct latency_event *e, unsigned first, int64_t now_s, struct buf *out) {
    char ages[GRAPH_COLUMNS][AGE_MAX];
    unsigned count = latency_samples(e) - first;
    size_t longest = 0;
    for (unsigned i = 0; i < count; i++) {
        age_text(now_s - latency_sample_at(e, first + i)->time_s, ages[i]);
        if (strlen(ages[i]) > longest) longest = strlen(ages[i]);
    }
    for (size_t line = 0; line < longest; line++) {
        for (unsigned i = 0; i < count; i++) buf_append(out, line < strlen(ages[i]) ? &ages[i][line] : " ", 1);
        buf_append(out, "\n", 1);
    }
}

void latency_graph(const struct latency_event *e, int64_t now_s, struct buf *out) {
    struct latency_range r = range_of(e);
    unsigned count = latency_samples(e), first = count > GRAPH_COLUMNS ? count - GRAPH_COLUMNS : 0;
    buf_printf(out, "%s - high %u ms, low %u ms (all time high %u ms)\n", e->name, r.high, r.low, e->max_ms);
    for (int i = 0; i < GRAPH_COLUMNS; i++) buf_append(out, "-", 1);
    buf_append(out, "\n", 1);
    for (unsigned row = 0; row < GRAPH_ROWS; row++) {
        for (unsigned i = first; i < count; i++) {
            char c = cell(height_of(latency_sample_at(e, i)->ms, r), row);
            buf_append(out, &c, 1);
        }
        buf_append(out, "\n", 1);
    }
    buf_append(out, "\n", 1);
    append_ages(e, first, now_s, out);
}

/* ---- the doctor ---- */

struct event_summary {
    unsigned count;
    double mean_ms, deviation_ms, period_s;
};

static struct event_summary summarise(const struct latency_event *e) {
    struct event_summary s = {.count = latency_samples(e)};
    for (unsigned i = 0; i < s.count; i++) s.mean_ms += latency_sample_at(e, i)->ms;
    s.mean_ms /= s.count;
    for (unsigned i = 0; i < s.count; i++) {
        double off = (double)latency_sample_at(e, i)->ms - s.mean_ms;
        s.deviation_ms += off < 0 ? -off : off;
    }
    s.deviation_ms /= s.count;
    if (s.count > 1) {
        int64_t span = latency_sample_at(e, s.count - 1)->time_s - latency_sample_at(e, 0)->time_s;
        s.period_s = (double)span / (s.count - 1);
    }
    return s;
}

static void append_text(struct buf *out, const char *text) { buf_append(out, text, strlen(text)); }

static void advise(const struct latency_monitor *m, int64_t threshold_ms, int64_t slow_log_us, struct buf *out) {
    bool commands = latency_find(m, SLICE("command")) != NULL || latency_find(m, SLICE("fast-command")) != NULL;
    append_text(out, "\nWhat may help:\n\n");
    if (commands && (slow_log_us < 0 || slow_log_us / 1000 > threshold_ms)) {
        buf_printf(out,
                   "- The slow log does not reach down to these durations. Use 'CONFIG SET slowlog-log-slower-than "
                   "%lld'.\n",
                   (long long)threshold_ms * 1000);
    }
    if (commands) {
        append_text(out, "- SLOWLOG GET names the commands, with their arguments and clients. Commands over many "
                         "elements (KEYS, large ranges) are better split into SCAN-like steps.\n");
    }
    if (latency_find(m, SLICE("fast-command"))) {
        append_text(out, "- Commands that are O(1) were slow: look for a machine short of CPU or memory (swapping, a "
                         "noisy neighbour), and compare with 'redis-cli --intrinsic-latency 30'.\n");
    }
    append_text(out, "- INFO latencystats and LATENCY HISTOGRAM show how the durations of each command are spread.\n");
}

void latency_doctor(const struct latency_monitor *m, bool enabled, int64_t threshold_ms, int64_t slow_log_us,
                    struct buf *out) {
    if (!enabled && m->count == 0) {
        append_text(out, "I'm sorry, Dave, I can't do that: latency monitoring is off. 'CONFIG SET "
                         "latency-monitor-threshold <milliseconds>' turns it on.\n");
        return;
    }
    if (m->count == 0) {
        append_text(out, "Dave, no latency spike was observed since the start or the last LATENCY RESET.\n");
        return;
    }
    append_text(out, "Dave, I have observed latency spikes in this instance.\n\n");
    for (unsigned i = 0; i < m->count; i++) {
        const struct latency_event *e = m->events[i];
        struct event_summary s = summarise(e);
        buf_printf(out, "%u. %s: %u latency spikes (average %.0fms, mean deviation %.0fms, period %.2f sec). ", i + 1,
                   e->name, s.count, s.mean_ms, s.deviation_ms, s.period_s);
        buf_printf(out, "Worst all time event %ums.\n", e->max_ms);
    }
    advise(m, threshold_ms, slow_log_us, out);
}
