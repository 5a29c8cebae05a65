/* MEMORY PURGE: the kernel takes its time over gigabytes of pages, so the reaper does it and the asker waits; nobody else does. Who
 * asks while it runs is served by the next run. */
#include "observe/memory_purge.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "exec/context.h"
#include "exec/executor.h"
#include "io/loop.h"
#include "mem/stats.h"
#include "observe/observe_int.h"

struct purge {
    struct loop_message ended;
    struct loop *loop;
    struct list_node line, served; /* who waits for the next run, and for this one */
    bool running, again;
    uint64_t resident; /* before this run */
    /* of the last run, written by the reaper while one runs */
    uint64_t bytes;
    int64_t duration_us;
    /* of all */
    uint64_t count, total_bytes;
};

struct waiter { /* session.wait_arg; owner MEM_CLIENT */
    struct list_node place;
    struct session *session;
};

static void note(struct purge *p) {
    p->count++;
    p->total_bytes += p->bytes;
    observe.memory.sampled_ms = 0;
    log_notice("MEMORY PURGE gave %llu bytes back to the system in %lld us", (unsigned long long)p->bytes,
               (long long)p->duration_us);
}

/* ---- on the reaper ---- */
static void job(void *arg) {
    struct purge *p = arg;
    struct mem_stats after;
    int64_t begun_us = clock_mono_us();
    mem_purge();
    mem_stats_read(&after);
    p->duration_us = clock_mono_us() - begun_us;
    p->bytes = p->resident > after.resident ? p->resident - after.resident : 0;
    loop_send(p->loop, &p->ended);
}

/* ---- on the executor ---- */
static void leave(struct session *s) {
    struct waiter *w = s->wait_arg;
    list_remove(&w->place);
    mem_free(MEM_CLIENT, w, sizeof *w);
    s->wait_arg = NULL;
}

static void answer_all(struct list_node *served) {
    while (!list_empty(served)) {
        struct session *s = list_entry(served->next, struct waiter, place)->session;
        leave(s);
        session_begin_reply(s);
        reply_ok(&s->reply);
        session_end_reply(s);
        session_unblock(s);
    }
}

static void start(struct purge *p) {
    const struct keyspace_hooks *hooks = &observe.executor->keyspace;
    struct list_node *node;
    struct mem_stats before;
    proven(!p->running);
    while ((node = list_take_first(&p->line))) list_append(&p->served, node);
    p->running = true;
    p->again = false;
    /* Asked here: when the reaper is new to jemalloc, that alone may give pages back. */
    mem_stats_read(&before);
    p->resident = before.resident;
    hooks->defer(hooks->arg, job, p);
}

static void on_ended(struct loop_message *message) {
    struct purge *p = observe.purge;
    proven(message == &p->ended && p->running);
    p->running = false;
    note(p);
    answer_all(&p->served);
    if (p->again) start(p);
}

static const struct session_wait wait_kind = {.timed_out = leave, .cancelled = leave};

static void wait_for_it(struct purge *p, struct session *s) {
    struct waiter *w = mem_alloc_zeroed(MEM_CLIENT, sizeof *w);
    w->session = s;
    list_append(&p->line, &w->place);
    session_block(s, &wait_kind, w, 0);
}

void memory_run_purge(struct context *c) {
    struct purge *p = observe.purge;
    if (!p) { /* a test without a server around it */
        mem_purge();
        reply_ok(c->reply);
        return;
    }
    if (context_may_block(c))
        wait_for_it(p, c->session);
    else
        reply_ok(c->reply); /* within EXEC: it is done soon */
    if (p->running)
        p->again = true;
    else
        start(p);
}

void memory_purge_init(struct loop *loop) {
    struct purge *p = mem_alloc_zeroed(MEM_OBSERVE, sizeof *p);
    proven(!observe.purge && observe.executor->keyspace.defer);
    p->ended.call = on_ended;
    p->loop = loop;
    list_init(&p->line);
    list_init(&p->served);
    observe.purge = p;
}

void memory_purge_end(void) {
    struct purge *p = observe.purge;
    if (!p) return;
    proven(list_empty(&p->line) && list_empty(&p->served));
    observe.purge = NULL;
    mem_free(MEM_OBSERVE, p, sizeof *p);
}

/* ---- INFO ---- */
static void read_count(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    if (observe.purge) metric_int(out, (int64_t)observe.purge->count);
}

static void read_bytes(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    if (observe.purge) metric_int(out, (int64_t)observe.purge->total_bytes);
}

static void read_last_bytes(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    if (observe.purge) metric_int(out, observe.purge->running ? 0 : (int64_t)observe.purge->bytes);
}

static const struct metric rows[] = {
    {.section = "memory",
     .name = "mem_purges",
     .class = METRIC_COUNTER,
     .help = "How often MEMORY PURGE has run",
     .read = read_count},
    {.section = "memory",
     .name = "mem_purged_bytes",
     .class = METRIC_COUNTER,
     .help = "Bytes that MEMORY PURGE has given back to the system",
     .read = read_bytes},
    {.section = "memory",
     .name = "mem_purged_last_bytes",
     .class = METRIC_GAUGE,
     .help = "Bytes that the last MEMORY PURGE gave back; 0 while one runs",
     .read = read_last_bytes},
};
const struct metric_list memory_purge_metrics = {rows, countof(rows)};
