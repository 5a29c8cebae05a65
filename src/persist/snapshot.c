#include "persist/snapshot.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/thread.h"
#include "mem/mem.h"
#include "persist/aof_base_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define ERROR_MAX RDB_WRITE_WHY
#define FILE_MODE 0666 /* less the umask, as every file of the server */

struct snapshot_job {
    struct loop_message ended;
    struct thread thread;
    struct dataset *dataset;
    struct dataset_frozen *frozen;
    struct snapshot_options options;
    struct snapshot_progress progress;
    _Atomic bool cancelled;
    struct loop *loop;
    snapshot_done *done;
    void *arg;
    char *path, *aside; /* absolute; of path_size and path_size + ASIDE_EXTRA bytes */
    size_t path_size;
    size_t shown_from; /* of path and aside in errors: what comes before is the working folder */
    bool failed;
    char error[ERROR_MAX];
};

#define ASIDE_EXTRA 64 /* for "temp-<pid>-<n>.rdb" */

/* In the folder of path, so that the rename stays in one file system. The number keeps two of one process apart. */
static void name_aside(struct snapshot_job *job) {
    const char *slash = strrchr(job->path, '/');
    int folder = slash ? (int)(slash - job->path) + 1 : 0;
    int len = snprintf(job->aside, job->path_size + ASIDE_EXTRA, "%.*stemp-%d-%llu.rdb", folder, job->path,
                       (int)getpid(), (unsigned long long)clock_mono_us() % 1000000000);
    proven(len > 0 && (size_t)len < job->path_size + ASIDE_EXTRA);
}

static const char *skip_digits(const char *at) { return at + strspn(at, "0123456789"); }

bool snapshot_is_aside(const char *name) {
    if (strncmp(name, "temp-", 5) != 0) return false;
    const char *pid_end = skip_digits(name + 5);
    if (pid_end == name + 5 || *pid_end != '-') return false;
    const char *end = skip_digits(pid_end + 1);
    return end > pid_end + 1 && strcmp(end, ".rdb") == 0;
}

static bool failed(struct snapshot_job *job, const char *what, const char *path, int error) {
    proven(error > 0 && !job->failed);
    job->failed = true;
    if (error != ECANCELED)
        snprintf(job->error, sizeof(job->error), "%s %.120s: %s", what, path + job->shown_from, strerror(error));
    return false;
}

static bool write_aside(struct snapshot_job *job, int fd) {
    struct rdb_write w = {.options = &job->options,
                          .progress = &job->progress,
                          .cancelled = &job->cancelled,
                          .fd = fd,
                          .why = job->error};
    int error = job->options.commands ? aof_base_write(&w, job->frozen) : rdb_write_frozen(&w, job->frozen);
    proven(error >= 0);
    if (job->error[0]) {
        job->failed = true;
        return false;
    }
    if (error) return failed(job, "cannot write", job->aside, error);
    error = -file_sync(fd);
    if (error) return failed(job, "cannot sync", job->aside, error);
    file_drop_cache(fd, 0, 0); /* nobody reads it before the next start */
    return true;
}

static bool put_in_place(struct snapshot_job *job) {
    proven(!job->failed);
    int error = -file_rename(job->aside, job->path);
    if (error) return failed(job, "cannot rename the new file to", job->path, error);
    error = -file_sync_dir(job->path);
    return error ? failed(job, "cannot sync the folder of", job->path, error) : true;
}

static void write_file(struct snapshot_job *job) {
    int fd = file_create(job->aside, FILE_MODE);
    if (fd < 0) {
        failed(job, "cannot create", job->aside, -fd);
        return;
    }
    /* Held until it has its name: another server that starts in this folder must not take it for a stray. Where the file
     * system knows no locks, there is none. */
    (void)file_lock(fd);
    bool placed = write_aside(job, fd) && put_in_place(job);
    proven(placed == !job->failed);
    if (!placed) file_remove(job->aside);
    file_close(fd); /* what it could lose has been synced */
}

static void *run(void *arg) {
    struct snapshot_job *job = arg;
    proven(job->frozen && job->ended.call);
    write_file(job);
    proven(job->failed || job->error[0] == '\0');
    loop_send(job->loop, &job->ended);
    return NULL;
}

static void job_free(struct snapshot_job *job) {
    proven(!job->thread.running);
    mem_free(MEM_PERSIST, job->path, job->path_size);
    mem_free(MEM_PERSIST, job->aside, job->path_size + ASIDE_EXTRA);
    mem_free(MEM_PERSIST, job, sizeof(*job));
}

static void on_ended(struct loop_message *message) {
    struct snapshot_job *job = (struct snapshot_job *)(void *)((char *)message - offsetof(struct snapshot_job, ended));
    thread_join(&job->thread);
    job->progress.limbo_bytes = (int64_t)dataset_limbo_bytes(job->dataset); /* it only grows until the thaw */
    dataset_thaw(job->dataset, job->frozen);
    bool cancelled = job->failed && job->error[0] == '\0';
    proven(job->failed || job->progress.saved_keys == job->progress.total_keys);
    job->done(job->arg, job->failed && !cancelled ? job->error : NULL, cancelled);
    job_free(job);
}

/* The folder is the one of now, whatever CONFIG SET dir says while the file is written. */
static void name_files(struct snapshot_job *job, const char *path) {
    char whole[PATH_MAX];
    int n = file_absolute(path, whole, sizeof(whole));
    const char *used = n > 0 ? whole : path; /* a folder that has no name any more will be refused by the system */
    job->path_size = strlen(used) + 1;
    job->shown_from = job->path_size - 1 - strlen(path);
    job->path = mem_alloc(MEM_PERSIST, job->path_size);
    job->aside = mem_alloc(MEM_PERSIST, job->path_size + ASIDE_EXTRA);
    memcpy(job->path, used, job->path_size);
    name_aside(job);
}

static struct snapshot_job *job_new(struct loop *loop, struct dataset *ds, const struct snapshot_options *options) {
    struct snapshot_job *job = mem_alloc_zeroed(MEM_PERSIST, sizeof(*job));
    proven(loop && options->path && options->path[0]);
    name_files(job, options->path);
    job->ended.call = on_ended;
    job->loop = loop;
    job->dataset = ds;
    job->options = *options;
    job->options.path = job->path;
    job->progress.total_keys = (int64_t)dataset_keys(ds);
    job->progress.start_ms = clock_wall_ms();
    return job;
}

struct snapshot_job *snapshot_start(struct loop *loop, struct dataset *ds, const struct snapshot_options *options,
                                    snapshot_done *done, void *arg, const char **why) {
    proven(!dataset_is_frozen(ds) && done);
    struct snapshot_job *job = job_new(loop, ds, options);
    job->done = done;
    job->arg = arg;
    job->frozen = dataset_freeze(ds);
    if (thread_start(&job->thread, "snapshot", run, job) == 0) return job;
    proven(!job->thread.running);
    *why = "cannot start a thread for the save";
    dataset_thaw(ds, job->frozen);
    job_free(job);
    return NULL;
}

const struct snapshot_progress *snapshot_progress(const struct snapshot_job *job) {
    proven(job != NULL);
    return &job->progress;
}

void snapshot_cancel(struct snapshot_job *job) {
    proven(job != NULL);
    atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
}

void snapshot_end(struct snapshot_job *job) {
    snapshot_cancel(job);
    thread_join(&job->thread);
    proven(dataset_is_frozen(job->dataset));
    dataset_thaw(job->dataset, job->frozen);
    job_free(job);
}
