#include "persist/aof.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/journal.h"
#include "io/file.h"
#include "io/thread.h"
#include "persist/aof_change_int.h"
#include "persist/aof_files_int.h"
#include "persist/aof_group_int.h"
#include "persist/aof_load_int.h"
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"
#include "persist/snapshot.h"

#include <errno.h>
#include <stdio.h>

#define SYNC_EVERY_MS 1000
#define SYNC_LATE_MS  2000
#define STALL_MS      1850 /* of the two seconds that power may take; the cron looks every 100 ms */
#define RETRY_MS      500
#define NO_FILE       -1

static struct aof *self(void) {
    debug_proven(persist_state.aof.file.synced <= persist_state.aof.file.size);
    return &persist_state.aof;
}

static enum aof_fsync policy(void) { return (enum aof_fsync)persist_state.settings.aof.fsync; }

void aof_init(void) {
    struct aof *a = self();
    proven(!a->syncer && !a->rewrite.job);
    *a = (struct aof){.abandoned = a->load};
    a->journal = mem_alloc(MEM_AOF, sizeof *a->journal);
    a->load = mem_alloc_zeroed(MEM_AOF, sizeof *a->load);
    journal_init(a->journal);
    aof_manifest_init(&a->manifest);
    aof_manifest_init(&a->load->manifest);
    a->file.fd = a->rewrite.next.fd = NO_FILE;
    list_init(&a->held);
    a->rewrite.last_seconds = -1;
    a->rewrite.last_ok = true;
}

void aof_release(void) {
    struct aof *a = self();
    proven(self()->journal && self()->load);
    if (a->rewrite.job) snapshot_end(a->rewrite.job);
    a->rewrite.job = NULL;
    if (a->syncer) reaper_free(a->syncer);
    a->syncer = NULL;
    aof_change_release();
    if (a->rewrite.next.fd != NO_FILE) file_close(a->rewrite.next.fd);
    a->rewrite.next.fd = NO_FILE;
    if (a->file.fd != NO_FILE) file_close(a->file.fd);
    a->file.fd = NO_FILE;
    journal_release(a->journal);
    mem_free(MEM_AOF, a->journal, sizeof *a->journal);
    a->journal = NULL;
    aof_manifest_release(&a->manifest);
    if (!persist_state.load.abandoned) { /* else its thread may look at it until the process ends */
        aof_manifest_release(&a->load->manifest);
        mem_free(MEM_AOF, a->load, sizeof *a->load);
        a->load = NULL;
    }
    a->state = AOF_OFF;
}

bool aof_is_on(void) {
    debug_proven(self()->state == AOF_OFF || self()->journal);
    return self()->state != AOF_OFF;
}

int64_t aof_total_size(void) {
    const struct aof *a = self();
    proven(a->file.size >= 0 && a->other_bytes >= 0);
    return a->state == AOF_OFF ? 0 : a->other_bytes + a->file.size;
}

/* ---- what may leave ---- */
void aof_wake_held(void) {
    struct list_node woken, *node;
    proven(persist_state.executor != NULL);
    list_init(&woken);
    /* Aside first: one whose reply is still not safe is held again at once. */
    while ((node = list_take_first(&self()->held))) list_append(&woken, node);
    while ((node = list_take_first(&woken))) {
        struct session *s = list_entry(node, struct session, held);
        s->transport->attend(s);
    }
}

/* How far replies may go, by what is written and what is on disk. */
static void move_safe(struct aof *a) {
    uint64_t safe = policy() == AOF_FSYNC_ALWAYS && a->state == AOF_ON ? a->durable : a->journal->start;
    proven(safe <= a->journal->start);
    if (safe > a->journal->safe) a->journal->safe = safe;
}

void aof_lose(int error) {
    struct aof *a = self();
    proven(a->state != AOF_OFF || a->file.fd != NO_FILE);
    if (a->lost) return;
    a->lost = true;
    a->error = error ? error : EIO;
    log_warning("The append-only file could not be synced: %s. What of it is on disk is not known: writes are refused "
                "until a new base is complete",
                strerror(a->error));
}

/* ---- syncing ---- */
bool aof_sync_now(void) {
    struct aof *a = self();
    proven(self()->file.synced <= self()->file.size);
    if (a->lost || a->file.fd == NO_FILE) return !a->lost;
    if (a->file.synced < a->file.size) {
        int error = -file_sync(a->file.fd);
        if (error) {
            aof_lose(error);
            return false;
        }
        a->file.synced = a->file.size;
        a->unsynced_ms = 0;
    }
    a->durable = a->journal->start;
    move_safe(a);
    return true;
}

static void run_sync(void *arg) {
    struct aof_sync *s = arg;
    proven(s->busy && s->fd >= 0);
    int64_t begun_us = clock_mono_us();
    s->error = -file_sync(s->fd);
    s->took_us = clock_mono_us() - begun_us;
    loop_send(persist_state.loop, &s->ended);
}

static void end_stall(struct aof *a) {
    proven(persist_state.executor != NULL);
    if (!a->stalled) return;
    a->stalled = false;
    log_notice("The sync of the append-only file has ended: writes go on");
    executor_unpause(persist_state.executor, PAUSE_OF_AOF);
}

/* An error counts while anything in use depends on the file; a file that a rewrite has replaced may end as it likes. */
static bool is_needed(const struct aof *a, int64_t seq) {
    proven(seq > 0);
    if (seq == a->file.seq) return true;
    for (unsigned i = 0; i < a->manifest.count; i++)
        if (a->manifest.files[i].kind == AOF_INCR && a->manifest.files[i].seq == seq) return true;
    return false;
}

static void finish_sync(struct aof *a) {
    struct aof_sync *s = &a->sync;
    proven(s->busy && !s->handled);
    s->handled = true;
    if (a->state == AOF_OFF) return;
    if (policy() == AOF_FSYNC_ALWAYS) persist_note_latency("aof-fsync-always", s->took_us);
    if (s->error) {
        if (is_needed(a, s->seq)) aof_lose(s->error);
        return;
    }
    if (s->seq != a->file.seq) return;
    if (s->size > a->file.synced) a->file.synced = s->size;
    if (s->stream > a->durable) a->durable = s->stream;
    move_safe(a);
    aof_wake_held();
}

static void sync_always(struct aof *a);

static void on_synced(struct loop_message *message) {
    struct aof *a = self();
    proven(message == &a->sync.ended && a->sync.busy);
    if (!a->sync.handled) finish_sync(a);
    a->sync.busy = false;
    sync_always(a);
}

static void start_sync(struct aof *a, int64_t now_ms) {
    proven(!a->sync.busy && a->syncer);
    a->sync = (struct aof_sync){.ended.call = on_synced,
                                .busy = true,
                                .fd = a->file.fd,
                                .size = a->file.size,
                                .stream = a->journal->start,
                                .seq = a->file.seq,
                                .oldest_ms = a->unsynced_ms,
                                .begun_ms = now_ms};
    a->last_sync_ms = now_ms;
    a->unsynced_ms = 0;
    reaper_post(a->syncer, run_sync, &a->sync);
}

/* One sync at a time: what is written while it runs is for the next. */
static void sync_always(struct aof *a) {
    proven(a->file.synced <= a->file.size);
    if (policy() != AOF_FSYNC_ALWAYS || a->state != AOF_ON || a->lost || a->sync.busy) return;
    if (a->file.fd == NO_FILE || aof_switching()) return;
    if (a->file.synced < a->file.size) start_sync(a, clock_mono_us() / 1000);
}

/* A power loss takes what was written since the oldest byte that is not on disk: before that is two seconds, writes wait. */
static void mind_late_sync(struct aof *a, int64_t now_ms, bool spared) {
    int64_t oldest_ms = a->sync.busy && a->sync.oldest_ms ? a->sync.oldest_ms : a->unsynced_ms;
    proven(now_ms >= 0);
    if (a->sync.busy && !a->sync.late && now_ms - a->sync.begun_ms >= SYNC_LATE_MS) {
        a->sync.late = true;
        a->delayed_syncs++;
    }
    if (policy() != AOF_FSYNC_EVERYSEC || a->lost || spared || !oldest_ms || now_ms - oldest_ms < STALL_MS) {
        end_stall(a);
        return;
    }
    if (!a->stalled) log_notice("The sync of the append-only file takes long (a busy disk?): writes wait for it");
    a->stalled = true;
    executor_pause(persist_state.executor, PAUSE_OF_AOF, PAUSE_WRITE, INT64_MAX);
}

static void sync_each_second(struct aof *a) {
    int64_t now_ms = clock_mono_us() / 1000;
    bool spared = persist_state.settings.aof.no_sync_on_rewrite && (aof_rewriting() || persist_saving());
    proven(a->state != AOF_OFF);
    mind_late_sync(a, now_ms, spared);
    if (policy() != AOF_FSYNC_EVERYSEC || a->lost || a->sync.busy || spared || aof_switching()) return;
    if (a->file.fd == NO_FILE || a->file.synced == a->file.size || now_ms - a->last_sync_ms < SYNC_EVERY_MS) return;
    start_sync(a, now_ms);
}

/* ---- writing ---- */
static void note_write_time(const struct aof *a, int64_t us) {
    proven(us >= 0);
    persist_note_latency("aof-write", us);
    persist_note_latency(a->sync.busy                          ? "aof-write-pending-fsync"
                         : aof_rewriting() || persist_saving() ? "aof-write-active-child"
                                                               : "aof-write-alone",
                         us);
}

static int write_group(struct aof *a, struct slice bytes) {
    char line[AOF_LINE_MAX];
    struct aof_increment *f = &a->file;
    proven(f->synced <= f->size);
    size_t n = aof_group_format(line, f->id, f->size, bytes, (uint64_t)(f->size - f->synced));
    int64_t begun_us = clock_mono_us();
    int error = -file_write_pair(f->fd, line, n, bytes.ptr, bytes.len);
    note_write_time(a, clock_mono_us() - begun_us);
    if (!error) {
        f->size += (int64_t)(n + bytes.len);
        if (!a->unsynced_ms) a->unsynced_ms = begun_us / 1000;
        return 0;
    }
    int back = -file_truncate(f->fd, f->size);
    if (back) aof_lose(back); /* half a group stands where the next would go */
    return error;
}

static void note_write_error(struct aof *a, int error) {
    proven(error > 0);
    if (a->error != error) log_warning("Cannot write to the append-only file: %s. Writes are refused", strerror(error));
    a->error = error;
    a->retry_at_ms = clock_mono_us() / 1000 + RETRY_MS;
}

static void note_written(struct aof *a, size_t n) {
    proven(n > 0 && !a->lost);
    journal_take(a->journal, n);
    journal_stand_alone(a->journal);
    if (!a->error) return;
    a->error = 0;
    log_notice("The append-only file can be written again");
    aof_wake_held();
}

bool aof_flush(void) {
    struct aof *a = self();
    size_t n = journal_whole(a->journal);
    proven(self()->journal != NULL);
    if (a->state == AOF_OFF || n == 0) return true;
    if (a->file.fd == NO_FILE || a->lost || aof_switching()) return false;
    if (a->error && clock_mono_us() / 1000 < a->retry_at_ms) return false;
    int error = write_group(a, slice_of(a->journal->out.ptr, n));
    if (error) {
        note_write_error(a, error);
        return false;
    }
    note_written(a, n);
    move_safe(a);
    sync_always(a);
    return true;
}

void aof_go_on(void) {
    struct aof *a = self();
    proven(!aof_switching());
    aof_flush();
    if (a->state == AOF_ON && !a->lost) move_safe(a); /* else only a complete base is safe */
    sync_always(a);
    aof_wake_held();
}

bool aof_may_reply(struct session *s) {
    struct aof *a = self();
    proven(s != NULL);
    if (likely(a->state == AOF_OFF || s->journal_end <= a->journal->safe)) return true;
    aof_flush();
    if (s->journal_end <= a->journal->safe) return true;
    list_remove(&s->held);
    list_append(&a->held, &s->held);
    return false;
}

bool aof_is_durable(const struct session *s) {
    const struct aof *a = self();
    proven(a->durable <= journal_end(a->journal));
    return a->state == AOF_ON && !a->lost && s->journal_end <= a->durable;
}

void aof_turn(void) {
    struct aof *a = self();
    proven(persist_state.executor != NULL);
    if (unlikely(a->rewrite.scheduled)) aof_rewrite_cron(clock_mono_us() / 1000);
    if (likely(a->state == AOF_OFF)) return;
    a->journal->timestamps = persist_state.settings.aof.timestamps;
    aof_flush();
    sync_each_second(a);
    if (unlikely(a->waiters > 0)) aof_serve_waiters();
}

/* Nothing is under way on the aof thread any more, and what it did has been looked at. */
static void aof_settle(void) {
    struct aof *a = self();
    proven(a->state != AOF_OFF);
    a->rewrite.cancelled = a->rewrite.phase == REWRITE_PREPARES || a->rewrite.cancelled;
    aof_change_settle();
    if (!a->sync.busy || a->sync.handled) return;
    reaper_drain(a->syncer);
    finish_sync(a);
}

const char *aof_finish(void) {
    struct aof *a = self();
    proven(persist_state.executor != NULL);
    if (a->state == AOF_OFF) return NULL;
    aof_settle();
    if (a->state == AOF_WAITING && !a->lost) return "the first append-only file is still being written";
    a->retry_at_ms = 0;
    if (aof_flush() && aof_sync_now()) return NULL;
    return strerror(a->error ? a->error : EIO);
}

const char *aof_refuse_write(void) {
    struct aof *a = self();
    proven(!self()->lost || self()->error);
    if (likely(!a->error) || a->state == AOF_OFF) return NULL;
    snprintf(a->refusal, sizeof a->refusal, "MISCONF Errors writing to the AOF file: %s", strerror(a->error));
    return a->refusal;
}

/* ---- which file ---- */
void aof_use_file(const struct aof_increment *file) {
    struct aof *a = self();
    proven(file->fd >= 0 && file->synced <= file->size);
    if (a->file.fd != NO_FILE) {
        a->other_bytes += a->file.size;
        aof_close_later(a->file.fd);
    }
    a->file = *file;
    a->unsynced_ms = 0;
    journal_forget_database(a->journal, file->size <= AOF_LINE_MAX);
}

void aof_begin_journal(void) {
    struct aof *a = self();
    proven(a->journal->depth == 0);
    if (!a->syncer) a->syncer = reaper_new("aof");
    journal_take(a->journal, journal_whole(a->journal));
    a->journal->safe = a->durable = a->journal->start;
    journal_forget_database(a->journal, true);
    a->error = 0;
    a->lost = false;
    a->unsynced_ms = 0;
    a->last_sync_ms = clock_mono_us() / 1000;
    executor_set_journal(persist_state.executor, a->journal);
}

void aof_end_journal(void) {
    struct aof *a = self();
    proven(persist_state.executor->journal == self()->journal);
    executor_set_journal(persist_state.executor, NULL);
    a->state = AOF_OFF;
    a->error = 0;
    a->lost = false;
    a->other_bytes = 0;
    if (a->file.fd != NO_FILE) aof_close_later(a->file.fd);
    a->file = (struct aof_increment){.fd = NO_FILE};
    end_stall(a);
    aof_wake_held();
}

void aof_cron(void) {
    struct aof *a = self();
    proven(persist_state.executor != NULL);
    if (a->state == AOF_OFF && !a->rewrite.scheduled) return;
    aof_rewrite_cron(clock_mono_us() / 1000);
}
