/* A new base, made from a frozen dataset while the next increment is written.
 *
 *   ON:       next increment on disk and in the manifest | freeze | base written | manifest: new base, later increments
 *   WAITING:  next increment on disk                     | freeze | base written | manifest: new base, that increment
 *
 * In between a kill leaves the old manifest, whose files are complete: with its further increment, or without it. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/journal.h"
#include "io/file.h"
#include "io/thread.h"
#include "persist/aof_base_int.h"
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
    debug_proven(!self()->rewrite.job || self()->rewrite.base_seq > 0);
    return self()->rewrite.job != NULL;
}

/* ---- the end ---- */
static void note_failure(struct aof *a, const char *error) {
    struct aof_rewrite *r = &a->rewrite;
    proven(!a->rewrite.job && error);
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

static void put_manifest(struct aof *a) {
    char name[AOF_NAME_MAX];
    struct aof_manifest m;
    proven(!a->rewrite.job && a->rewrite.base_seq > 0);
    aof_manifest_init(&m);
    aof_manifest_copy(&m, &a->manifest);
    aof_name(name, a->rewrite.base_seq, AOF_BASE, a->rewrite.rdb);
    aof_manifest_replace_base(&m, name, a->rewrite.base_seq, a->rewrite.from_seq - 1);
    if (a->state == AOF_WAITING) {
        aof_name(name, a->file.seq, AOF_INCR, false);
        aof_manifest_add(&m, name, a->file.seq, AOF_INCR);
    }
    /* What the increment holds must be there when its name is. */
    bool synced = a->lost || a->state == AOF_OFF || (aof_flush() && aof_sync_now());
    int error = synced ? aof_put_manifest(&m) : a->error ? a->error : EIO;
    aof_manifest_release(&m);
    if (error) {
        note_failure(a, strerror(error));
        return;
    }
    bool fresh = a->state == AOF_WAITING;
    if (a->state != AOF_OFF) a->state = AOF_ON;
    a->other_bytes = a->state == AOF_OFF ? 0 : other_bytes(a);
    a->rewrite_base_size = aof_total_size();
    a->rewrite.last_ok = true;
    a->rewrite.failures = 0;
    if (fresh) heal(a);
    aof_delete_history();
    log_notice("Background AOF rewrite finished successfully");
}

static void on_rewritten(void *arg, const char *error, bool cancelled) {
    struct aof *a = self();
    struct aof_rewrite *r = &a->rewrite;
    proven(self()->rewrite.job != NULL);
    (void)arg;
    r->last_limbo_bytes = snapshot_progress(r->job)->limbo_bytes;
    r->last_seconds = (clock_mono_us() / 1000 - r->begun_ms) / 1000;
    r->job = NULL;
    if (cancelled || (a->state == AOF_OFF && !r->alone)) {
        log_notice("Background AOF rewrite was cancelled");
    } else if (error) {
        note_failure(a, error);
    } else {
        put_manifest(a);
    }
}

/* ---- the start ---- */
static const char *cannot_start(const struct aof *a) {
    proven(persist_state.executor != NULL);
    if (a->rewrite.job) return "Background append only file rewriting already in progress";
    if (persist_loading() || persist_state.executor->loading) return "Tarn is loading the dataset in memory";
    if (!executor_may_freeze(persist_state.executor)) return "Another snapshot is being read: can't rewrite now";
    return NULL;
}

/* The increment that goes on where the base will end. While everything is well it is in the manifest at once, and what the one
 * before holds is on disk by then, because only the last may end in the middle. */
static int next_increment(struct aof *a) {
    struct aof_increment next;
    struct aof_manifest m;
    char name[AOF_NAME_MAX];
    int64_t seq = (a->file.seq > a->manifest.incr_seq ? a->file.seq : a->manifest.incr_seq) + 1;
    bool listed = a->state == AOF_ON && !a->lost;
    proven(a->state != AOF_OFF && a->journal->depth == 0);
    if (listed && !(aof_flush() && aof_sync_now())) return a->error ? a->error : EIO;
    int error = aof_create_increment(&next, seq);
    if (error) return error;
    aof_manifest_init(&m);
    if (listed) {
        aof_manifest_copy(&m, &a->manifest);
        aof_name(name, seq, AOF_INCR, false);
        aof_manifest_add(&m, name, seq, AOF_INCR);
        error = aof_put_manifest(&m);
        if (error) {
            file_close(next.fd);
            return error;
        }
    }
    aof_use_file(&next);
    return 0;
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

bool aof_rewrite_start(const char **why) {
    struct aof *a = self();
    struct aof_rewrite *r = &a->rewrite;
    if ((*why = cannot_start(a))) return false;
    proven(a->journal->depth == 0);
    r->alone = a->state == AOF_OFF;
    if (a->state == AOF_WAITING || a->lost) start_over(a);
    int error = r->alone ? 0 : next_increment(a);
    if (error) {
        *why = strerror(error);
        note_failure(a, *why);
        return false;
    }
    r->scheduled = false;
    r->base_seq = a->manifest.base_seq + 1;
    r->from_seq = r->alone ? a->manifest.incr_seq + 1 : a->file.seq;
    r->stream = journal_end(a->journal);
    r->begun_ms = clock_mono_us() / 1000;
    r->count++;
    r->job = write_base(a, why);
    if (!r->job) note_failure(a, *why);
    return r->job != NULL;
}

void aof_rewrite_cancel(void) {
    proven(persist_state.executor != NULL);
    if (self()->rewrite.job) snapshot_cancel(self()->rewrite.job);
}

/* ---- on and off ---- */
/* What is in the folder already, so that new files get new names, and the old ones go when the new are complete. */
static const char *open_folder(struct aof *a) {
    int error = -file_make_dir(persist_state.settings.aof.folder_name, 0755);
    proven(a->state == AOF_OFF);
    if (error) return strerror(error);
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
    if (a->state == AOF_ON) aof_finish();
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
