/* A new base, made from a frozen dataset while the next increment is written. What waits for the disk runs on the aof thread:
 *
 *   PREPARES  next increment made, empty                        writes go into the one before
 *   (freeze: the picture of the base, where the next increment begins)
 *   SWITCHES  the one before synced, the next in the manifest   writes wait, and their replies; others are served
 *   WRITES    base                                              writes go into the next
 *   ENDS      manifest: new base, later increments              the same
 *
 * Only the last file may be torn: so nothing is written into the next before all of the one before is on disk. Where no files count
 * yet (WAITING), or none can be relied on (a failed sync), there is no switch: the next increment gets into the manifest with
 * the base. A kill in between leaves the old manifest, whose files are complete: with a further increment, or without it. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/journal.h"
#include "io/file.h"
#include "io/thread.h"
#include "persist/aof_change_int.h"
#include "persist/aof_files_int.h"
#include "persist/aof_load_int.h"
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"
#include "persist/snapshot.h"

#include <errno.h>
#include <stdio.h>

#define FREE_FAILURES    3
#define BACKOFF_FIRST_MS (60 * 1000)
#define BACKOFF_MAX_MS   (60 * 60 * 1000)
#define HEAL_EVERY_MS    1000

static struct aof *self(void) {
    debug_proven(persist_state.aof.file.synced <= persist_state.aof.file.size);
    return &persist_state.aof;
}

bool aof_rewriting(void) {
    debug_proven(!self()->rewrite.job || self()->rewrite.phase >= REWRITE_SWITCHES);
    return self()->rewrite.phase != REWRITE_NONE;
}

bool aof_switching(void) {
    debug_proven(persist_state.executor != NULL);
    return self()->rewrite.phase == REWRITE_SWITCHES;
}

/* ---- the end ---- */
static void note_failure(struct aof *a, const char *error) {
    struct aof_rewrite *r = &a->rewrite;
    proven(!a->rewrite.job && error);
    r->phase = REWRITE_NONE;
    r->last_ok = false;
    r->failures++;
    int64_t wait_ms = BACKOFF_FIRST_MS;
    for (int64_t i = FREE_FAILURES; i < r->failures && wait_ms < BACKOFF_MAX_MS; i++) wait_ms *= 2;
    if (wait_ms > BACKOFF_MAX_MS) wait_ms = BACKOFF_MAX_MS;
    if (a->lost) wait_ms = HEAL_EVERY_MS;
    bool wait = a->lost || a->state == AOF_WAITING || r->failures >= FREE_FAILURES;
    if (wait && a->state == AOF_WAITING && !a->lost) wait_ms = HEAL_EVERY_MS;
    r->not_before_ms = clock_mono_us() / 1000 + (wait ? wait_ms : 0);
    log_warning("Background AOF rewrite failed: %s", error);
}

static int64_t size_of(const struct aof *a, const char *name) {
    char path[PATH_MAX];
    proven(a->folder[0] && name[0]);
    if (!aof_path(path, a->folder, name)) return 0;
    int fd = file_open_regular(path);
    int64_t size = fd < 0 ? 0 : file_size(fd);
    if (fd >= 0) file_close(fd);
    return size > 0 ? size : 0;
}

/* What the manifest names, less the increment that is written. */
static int64_t other_bytes(const struct aof *a) {
    int64_t sum = 0;
    for (unsigned i = 0; i < a->manifest.count; i++) {
        const struct aof_file *f = &a->manifest.files[i];
        bool current = f->kind == AOF_INCR && f->seq == a->file.seq;
        if (f->kind != AOF_HISTORY && !current) sum += size_of(a, f->name);
    }
    proven(sum >= 0);
    return sum;
}

/* What was refused and what waits is in the base: it is on disk with it. */
static void heal(struct aof *a) {
    bool was_lost = a->lost || a->error;
    proven(a->rewrite.stream <= journal_end(a->journal));
    if (a->rewrite.stream > a->durable) a->durable = a->rewrite.stream;
    if (a->durable > a->journal->safe) a->journal->safe = a->durable;
    if (was_lost) log_notice("The new base of the append-only file is complete: writes are accepted again");
    a->lost = false;
    a->error = 0;
    aof_wake_held();
}

static void on_published(struct aof *a, struct aof_change *c) {
    struct aof_rewrite *r = &a->rewrite;
    proven(!r->job && r->phase == REWRITE_ENDS);
    /* Numbers that a manifest on disk may know are not used again. */
    if (c->uncertain) a->manifest.base_seq = r->base_seq;
    if (c->unsynced && !a->lost) aof_lose(c->error);
    if (c->error) {
        note_failure(a, strerror(c->error));
        return;
    }
    bool fresh = a->state == AOF_WAITING;
    aof_manifest_release(&a->manifest);
    a->manifest = c->manifest;
    aof_manifest_init(&c->manifest);
    if (fresh) {
        a->file.synced = c->size;
        a->durable = c->stream;
        a->state = AOF_ON;
    }
    r->phase = REWRITE_NONE;
    r->last_ok = true;
    r->failures = 0;
    a->other_bytes = a->state == AOF_OFF ? 0 : other_bytes(a);
    a->rewrite_base_size = aof_total_size();
    if (fresh) heal(a);
    aof_delete_history();
    log_notice("Background AOF rewrite finished successfully");
}

/* The manifest that names the new base; where it names the increment for the first time, what that holds is synced before. */
static void publish(struct aof *a) {
    char name[AOF_NAME_MAX];
    struct aof_manifest m;
    struct aof_change *c = aof_change_new(on_published);
    proven(!a->rewrite.job && a->rewrite.base_seq > 0);
    aof_manifest_init(&m);
    aof_manifest_copy(&m, &a->manifest);
    aof_name(name, a->rewrite.base_seq, AOF_BASE, a->rewrite.rdb);
    aof_manifest_replace_base(&m, name, a->rewrite.base_seq, a->rewrite.from_seq - 1);
    if (a->state == AOF_WAITING) {
        aof_name(name, a->file.seq, AOF_INCR, false);
        aof_manifest_add(&m, name, a->file.seq, AOF_INCR);
        aof_flush();
        aof_change_sync(c);
    }
    c->parent = a->state != AOF_ON;
    a->rewrite.phase = REWRITE_ENDS;
    if (aof_change_publish(c, &m)) {
        aof_change_start(c);
        return;
    }
    aof_change_free(c);
    note_failure(a, strerror(ENAMETOOLONG));
}

static void finish(struct aof *a) {
    struct aof_rewrite *r = &a->rewrite;
    proven(!r->job && r->phase == REWRITE_WRITES);
    if (r->failure[0] && (r->alone || a->state != AOF_OFF)) {
        note_failure(a, r->failure);
    } else if (r->cancelled || (a->state == AOF_OFF && !r->alone)) {
        r->phase = REWRITE_NONE;
        log_notice("Background AOF rewrite was cancelled");
    } else {
        publish(a);
    }
}

static void on_rewritten(void *arg, const char *error, bool cancelled) {
    struct aof *a = self();
    struct aof_rewrite *r = &a->rewrite;
    proven(r->job && r->phase >= REWRITE_SWITCHES);
    (void)arg;
    r->last_limbo_bytes = snapshot_progress(r->job)->limbo_bytes;
    r->last_seconds = (clock_mono_us() / 1000 - r->begun_ms) / 1000;
    r->job = NULL;
    r->written = true;
    r->cancelled = r->cancelled || cancelled;
    if (error && !r->failure[0]) snprintf(r->failure, sizeof r->failure, "%s", error);
    if (r->phase == REWRITE_WRITES) finish(a);
}

/* ---- the start ---- */
static const char *cannot_freeze(void) {
    proven(persist_state.executor != NULL);
    if (persist_loading() || persist_state.executor->loading) return "Tarn is loading the dataset in memory";
    if (!executor_may_freeze(persist_state.executor)) return "Another snapshot is being read: can't rewrite now";
    return NULL;
}

static const char *cannot_start(const struct aof *a) {
    proven(persist_state.executor != NULL);
    if (a->rewrite.phase != REWRITE_NONE || a->change)
        return "Background append only file rewriting already in progress";
    return cannot_freeze();
}
/* The increment that was begun for a base which did not come about holds what nobody will read. What has gathered since the
 * picture goes with it. */
static void start_over(struct aof *a) {
    proven(a->state == AOF_WAITING || a->lost);
    a->state = AOF_WAITING;
    journal_take(a->journal, journal_whole(a->journal));
}

static struct snapshot_job *write_base(struct aof *a, const char **why) {
    const struct persist_settings *s = &persist_state.settings;
    char name[AOF_NAME_MAX], path[PATH_MAX];
    proven(a->folder[0] && a->rewrite.base_seq > 0);
    a->rewrite.rdb = s->aof.use_rdb || !aof_base_can_hold(persist_state.executor->dataset);
    aof_name(name, a->rewrite.base_seq, AOF_BASE, a->rewrite.rdb);
    if (!aof_path(path, a->folder, name)) {
        *why = "too long a path";
        return NULL;
    }
    struct snapshot_options options = {
        .path = path,
        .commands = !a->rewrite.rdb,
        .version = s->version,
        .compress = s->compress,
        .checksum = s->checksum,
        .incremental_sync = s->aof.incremental_sync,
        .key_delay_us = &persist_state.save_delay_us,
    };
    persist_share_delays();
    executor_make_way(persist_state.executor);
    return snapshot_start(persist_state.loop, persist_state.executor->dataset, &options, on_rewritten, NULL, why);
}

/* From here on what changes is for the next increment. False: there is no base to be. */
static bool freeze(struct aof *a, const char **why) {
    struct aof_rewrite *r = &a->rewrite;
    proven(a->journal->depth == 0 && !r->job);
    r->stream = journal_end(a->journal);
    r->written = r->cancelled = false;
    r->count++;
    r->failure[0] = '\0';
    r->job = write_base(a, why);
    return r->job != NULL;
}

static void drop_next(struct aof *a) {
    struct aof_rewrite *r = &a->rewrite;
    proven(a->syncer != NULL);
    if (r->next.seq > a->manifest.incr_seq) a->manifest.incr_seq = r->next.seq;
    aof_close_later(r->next.fd); /* the file goes as a stray at the next start */
    r->next = (struct aof_increment){.fd = -1};
}

static void give_up(struct aof *a, const char *why) {
    proven(a->rewrite.phase == REWRITE_PREPARES);
    drop_next(a);
    note_failure(a, why);
}

static void use_next(struct aof *a) {
    proven(a->rewrite.next.fd >= 0);
    a->rewrite.phase = REWRITE_WRITES;
    aof_use_file(&a->rewrite.next);
    a->rewrite.next.fd = -1;
    aof_go_on();
}

static void on_switched(struct aof *a, struct aof_change *c) {
    struct aof_rewrite *r = &a->rewrite;
    proven(r->phase == REWRITE_SWITCHES);
    r->phase = REWRITE_WRITES;
    if (!c->error) {
        a->file.synced = c->size;
        a->durable = c->stream;
        aof_manifest_release(&a->manifest);
        a->manifest = c->manifest;
        aof_manifest_init(&c->manifest);
        use_next(a);
    } else {
        /* With a manifest that may name the next one, nothing may go into this one any more. */
        if (c->unsynced || c->uncertain) aof_lose(c->error);
        snprintf(r->failure, sizeof r->failure, "%s", strerror(c->error));
        drop_next(a);
        if (r->job) snapshot_cancel(r->job);
        aof_go_on();
    }
    if (r->written) finish(a);
}

static void begin_switch(struct aof *a) {
    char name[AOF_NAME_MAX];
    struct aof_manifest m;
    struct aof_change *c = aof_change_new(on_switched);
    proven(a->journal->depth == 0 && a->rewrite.job);
    aof_manifest_init(&m);
    aof_manifest_copy(&m, &a->manifest);
    aof_name(name, a->rewrite.next.seq, AOF_INCR, false);
    aof_manifest_add(&m, name, a->rewrite.next.seq, AOF_INCR);
    aof_change_sync(c);
    bool fits = aof_change_publish(c, &m);
    proven(fits); /* as it did for the manifest before */
    a->rewrite.phase = REWRITE_SWITCHES;
    aof_change_start(c);
}

static void on_prepared(struct aof *a, struct aof_change *c) {
    struct aof_rewrite *r = &a->rewrite;
    const char *why;
    proven(r->phase == REWRITE_PREPARES && !r->job);
    r->next = c->file;
    if (r->cancelled || a->state == AOF_OFF || (!c->error && cannot_freeze())) {
        drop_next(a);
        r->phase = REWRITE_NONE;
        r->scheduled = a->state != AOF_OFF && !r->cancelled; /* somebody else reads the dataset: after that */
        return;
    }
    if (c->error) {
        give_up(a, strerror(c->error));
        return;
    }
    bool listed = a->state == AOF_ON && !a->lost;
    if (!listed) start_over(a);
    r->from_seq = r->next.seq;
    if (listed && !aof_flush())
        give_up(a, strerror(a->error ? a->error : EIO));
    else if (!freeze(a, &why))
        give_up(a, why);
    else if (listed)
        begin_switch(a);
    else
        use_next(a);
}

static bool prepare(struct aof *a, const char **why) {
    int64_t seq = (a->file.seq > a->manifest.incr_seq ? a->file.seq : a->manifest.incr_seq) + 1;
    struct aof_change *c = aof_change_new(on_prepared);
    proven(a->state != AOF_OFF);
    a->rewrite.phase = REWRITE_PREPARES;
    if (aof_change_create(c, seq)) {
        aof_change_start(c);
        return true;
    }
    aof_change_free(c);
    *why = strerror(ENAMETOOLONG);
    note_failure(a, *why);
    return false;
}

/* Nothing is written but a base. */
static bool start_alone(struct aof *a, const char **why) {
    struct aof_rewrite *r = &a->rewrite;
    proven(a->state == AOF_OFF);
    r->from_seq = a->manifest.incr_seq + 1;
    r->phase = REWRITE_WRITES;
    if (freeze(a, why)) return true;
    note_failure(a, *why);
    return false;
}

bool aof_rewrite_start(const char **why) {
    struct aof *a = self();
    struct aof_rewrite *r = &a->rewrite;
    if ((*why = cannot_start(a))) return false;
    proven(a->journal->depth == 0 && !r->job);
    r->alone = a->state == AOF_OFF;
    r->scheduled = r->cancelled = false;
    r->base_seq = a->manifest.base_seq + 1;
    r->begun_ms = clock_mono_us() / 1000;
    return r->alone ? start_alone(a, why) : prepare(a, why);
}

void aof_rewrite_cancel(void) {
    proven(persist_state.executor != NULL);
    self()->rewrite.cancelled = aof_rewriting();
    if (self()->rewrite.job) snapshot_cancel(self()->rewrite.job);
}

/* ---- on and off ---- */
/* What is in the folder already, so that new files get new names, and the old ones go when the new are complete. */
static const char *open_folder(struct aof *a) {
    int error = -file_make_dir(persist_state.settings.aof.folder_name, 0755);
    proven(a->state == AOF_OFF);
    if (error) return strerror(error);
    aof_change_settle();
    aof_describe_load(a->load);
    memcpy(a->folder, a->load->folder, sizeof a->folder);
    aof_manifest_release(&a->manifest);
    if (aof_find(a->load) == AOF_FOLDER) {
        if (!aof_read_manifest(a->load, a->why)) return a->why;
        a->manifest = a->load->manifest;
        aof_manifest_init(&a->load->manifest);
    }
    a->other_bytes = 0;
    if (!a->syncer) a->syncer = reaper_new("aof");
    return NULL;
}

const char *aof_rewrite_ask(void) {
    struct aof *a = self();
    const char *why = a->state == AOF_OFF ? open_folder(a) : NULL;
    proven(persist_state.executor != NULL);
    if (why) return why;
    a->rewrite.scheduled = true;
    return NULL;
}

const char *aof_turn_on(void) {
    struct aof *a = self();
    proven(persist_state.executor && !persist_loading());
    if (a->state != AOF_OFF) return NULL;
    aof_rewrite_cancel();
    const char *why = open_folder(a);
    if (why) {
        log_warning("Unable to turn on AOF: %s", why);
        return "Unable to turn on AOF. Check server logs.";
    }
    aof_begin_journal();
    a->state = AOF_WAITING;
    a->rewrite.scheduled = true;
    a->rewrite.not_before_ms = 0;
    return NULL;
}

const char *aof_turn_off(void) {
    struct aof *a = self();
    proven(persist_state.executor != NULL);
    if (a->state == AOF_OFF) return NULL;
    log_notice("AOF is turned off");
    a->rewrite.scheduled = false;
    aof_rewrite_cancel();
    aof_finish();
    aof_end_journal();
    return NULL;
}

/* ---- by themselves ---- */
static bool has_grown(const struct aof *a) {
    const struct aof_settings *s = &persist_state.settings.aof;
    int64_t size = aof_total_size(), base = a->rewrite_base_size > 0 ? a->rewrite_base_size : 1;
    proven(persist_state.settings.aof.rewrite_percent >= 0);
    if (a->state != AOF_ON || s->rewrite_percent == 0 || size <= s->rewrite_min_size) return false;
    return (double)(size - base) * 100 / (double)base >= (double)s->rewrite_percent;
}

void aof_rewrite_cron(int64_t now_ms) {
    struct aof *a = self();
    const char *why;
    proven(now_ms >= 0);
    if (cannot_start(a)) return;
    if (a->state == AOF_OFF && !a->rewrite.scheduled) return;
    bool needed = a->rewrite.scheduled || a->lost || a->state == AOF_WAITING;
    if (now_ms < a->rewrite.not_before_ms && !(a->rewrite.scheduled && a->state == AOF_ON)) return;
    if (!needed && !has_grown(a)) return;
    if (!needed) log_notice("Starting automatic rewriting of AOF");
    if (!aof_rewrite_start(&why)) log_warning("The append-only file could not be rewritten: %s", why);
}
