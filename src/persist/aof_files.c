/* The append-only folder: names, manifests, increments. */
#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
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
#include <unistd.h>

#define FILE_MODE   0644
#define FOLDER_MODE 0755

static struct aof *self(void) {
    proven(persist_state.aof.journal->out.owner == MEM_AOF);
    return &persist_state.aof;
}

void aof_name(char *dst, int64_t seq, enum aof_kind kind, bool rdb) {
    const char *part = kind == AOF_BASE ? "base" : "incr";
    int n = snprintf(dst, AOF_NAME_MAX, "%s.%lld.%s.%s", persist_state.settings.aof.file_name, (long long)seq, part,
                     rdb ? "rdb" : "aof");
    proven(n > 0 && n < AOF_NAME_MAX); /* the directive's check leaves room */
}

/* ---- manifests ---- */
static int write_synced(const char *path, struct slice text) {
    int fd = file_create(path, FILE_MODE);
    if (fd < 0) return -fd;
    int error = -file_write(fd, text.ptr, text.len);
    if (!error) error = -file_sync(fd);
    proven(error >= 0);
    file_close(fd);
    return error;
}

bool aof_manifest_paths(char *name, char *aside) {
    char file[AOF_NAME_MAX + 16];
    const struct aof *a = self();
    proven(a->folder[0]);
    snprintf(file, sizeof file, "%s.manifest", persist_state.settings.aof.file_name);
    if (!aof_path(name, a->folder, file)) return false;
    snprintf(file, sizeof file, "temp-%s.manifest", persist_state.settings.aof.file_name);
    return aof_path(aside, a->folder, file);
}

int aof_write_manifest(const char *aside, const char *name, struct slice text, bool *uncertain) {
    proven(text.ptr && text.len > 0);
    int error = write_synced(aside, text);
    if (!error) error = -file_rename(aside, name);
    if (error) {
        file_remove(aside);
        return error;
    }
    error = -file_sync_dir(name);
    *uncertain = error != 0;
    return error;
}

static int put_text(struct slice text) {
    char name[PATH_MAX], aside[PATH_MAX];
    bool uncertain = false;
    proven(text.len > 0);
    return aof_manifest_paths(name, aside) ? aof_write_manifest(aside, name, text, &uncertain) : ENAMETOOLONG;
}

int aof_put_manifest(struct aof_manifest *m) {
    struct buf text;
    struct aof *a = self();
    buf_init(&text, MEM_AOF);
    aof_manifest_format(m, &text);
    int error = put_text(buf_slice(&text));
    buf_release(&text);
    proven(error >= 0);
    if (error) {
        aof_manifest_release(m);
        return error;
    }
    aof_manifest_release(&a->manifest);
    a->manifest = *m;
    aof_manifest_init(m);
    return 0;
}

/* ---- increments ---- */
static int write_head(struct aof_increment *file, const char *path) {
    char head[AOF_LINE_MAX];
    size_t n = aof_head_format(head, file->id);
    int error = -file_write(file->fd, head, n);
    if (!error) error = -file_sync(file->fd);
    if (!error) error = -file_sync_dir(path);
    proven(error >= 0);
    if (!error) file->size = file->synced = (int64_t)n;
    return error;
}

bool aof_describe_increment(struct aof_increment *file, char *path, int64_t seq) {
    char name[AOF_NAME_MAX];
    proven(seq > 0);
    aof_name(name, seq, AOF_INCR, false);
    *file = (struct aof_increment){.fd = -1, .seq = seq};
    random_system_bytes(&file->id, sizeof file->id);
    return aof_path(path, self()->folder, name);
}

int aof_make_increment(struct aof_increment *file, const char *path) {
    proven(file->fd == -1 && file->seq > 0);
    file_remove(path); /* of a try that came to nothing */
    file->fd = file_open_append(path, FILE_MODE);
    if (file->fd < 0) {
        int error = -file->fd;
        file->fd = -1;
        return error;
    }
    int error = write_head(file, path);
    if (!error) return 0;
    file_close(file->fd);
    file_remove(path);
    file->fd = -1;
    return error;
}

int aof_create_increment(struct aof_increment *file, int64_t seq) {
    char path[PATH_MAX];
    proven(seq > 0);
    return aof_describe_increment(file, path, seq) ? aof_make_increment(file, path) : ENAMETOOLONG;
}

int aof_sync_parent(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    proven(slash && slash - path < PATH_MAX);
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return -file_sync_dir(folder);
}

/* keep: what of the file holds true; the rest is cut off. */
int aof_open_increment(struct aof_increment *file, const char *name, int64_t seq, uint64_t id, int64_t keep) {
    char path[PATH_MAX];
    proven(seq > 0 && keep > 0);
    *file = (struct aof_increment){.fd = -1, .seq = seq, .id = id};
    if (!aof_path(path, self()->folder, name)) return ENAMETOOLONG;
    file->fd = file_open_append(path, FILE_MODE);
    if (file->fd < 0) return -file->fd;
    int error = -file_truncate(file->fd, keep);
    if (!error) error = -file_sync(file->fd);
    if (!error) {
        file->size = file->synced = keep;
        return 0;
    }
    file_close(file->fd);
    file->fd = -1;
    return error;
}

static void close_job(void *arg) {
    int fd = (int)(intptr_t)arg;
    proven(fd >= 0);
    file_close(fd);
}

/* Behind a sync of it that may be on its way. */
void aof_close_later(int fd) {
    proven(self()->syncer != NULL);
    if (fd >= 0) reaper_post(self()->syncer, close_job, (void *)(intptr_t)fd);
}

/* ---- what is not needed any more ---- */
static void remove_job(void *path) {
    proven(path != NULL);
    int error = file_remove(path);
    if (error && error != -ENOENT) log_warning("Cannot remove %s: %s", (const char *)path, strerror(-error));
    mem_free(MEM_AOF, path, PATH_MAX);
}

/* Only what a manifest on disk calls history is removed, so a kill in between leaves names without files, which nobody reads. */
static void remove_history_files(const struct aof *a) {
    proven(a->syncer && a->folder[0]);
    for (unsigned i = 0; i < a->manifest.count; i++) {
        const struct aof_file *f = &a->manifest.files[i];
        if (f->kind != AOF_HISTORY) continue;
        char *path = mem_alloc(MEM_AOF, PATH_MAX);
        if (aof_path(path, a->folder, f->name))
            reaper_post(a->syncer, remove_job, path); /* the unlink of what is big takes long */
        else
            mem_free(MEM_AOF, path, PATH_MAX);
    }
}

static void on_history_dropped(struct aof *a, struct aof_change *c) {
    proven(c->publishes);
    if (c->error) log_warning("Cannot write the manifest without its history: %s", strerror(c->error));
    if (c->error) return;
    aof_manifest_release(&a->manifest);
    a->manifest = c->manifest;
    aof_manifest_init(&c->manifest);
}

void aof_delete_history(void) {
    struct aof *a = self();
    struct aof_manifest m;
    proven(!a->change);
    if (persist_state.settings.aof.keep_history) return;
    aof_manifest_init(&m);
    aof_manifest_copy(&m, &a->manifest);
    aof_manifest_drop_history(&m);
    if (m.count < a->manifest.count) {
        remove_history_files(a);
        struct aof_change *c = aof_change_new(on_history_dropped);
        if (aof_change_publish(c, &m))
            aof_change_start(c);
        else
            aof_change_free(c);
    }
    aof_manifest_release(&m);
}

static bool skip(const char **at, const char *what) {
    size_t n = strlen(what);
    proven(*at && what);
    if (strncmp(*at, what, n) != 0) return false;
    *at += n;
    return true;
}

/* NAME.SEQ.base.rdb and its like. */
static bool is_part(const char *name) {
    proven(name != NULL);
    if (!skip(&name, persist_state.settings.aof.file_name) || !skip(&name, ".")) return false;
    size_t digits = strspn(name, "0123456789");
    name += digits;
    if (digits == 0) return false;
    return strcmp(name, ".base.rdb") == 0 || strcmp(name, ".base.aof") == 0 || strcmp(name, ".incr.aof") == 0;
}

static bool is_stray(const char *name) {
    const char *at = name;
    proven(name != NULL);
    if (snapshot_is_aside(name)) return true;
    if (skip(&at, "temp-") && skip(&at, persist_state.settings.aof.file_name) && strcmp(at, ".manifest") == 0)
        return true;
    return is_part(name) && !aof_manifest_names(&self()->manifest, name);
}

void aof_remove_strays(void) {
    proven(self()->folder[0] && !self()->rewrite.job);
    int removed = file_remove_abandoned(self()->folder, is_stray);
    if (removed > 0) log_notice("Removed %d files of rewrites that did not end", removed);
}
