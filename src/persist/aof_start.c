/* From what was loaded to a file that is written on. */
#include "base/check.h"
#include "base/log.h"
#include "exec/journal.h"
#include "io/file.h"
#include "persist/aof_base_int.h"
#include "persist/aof_files_int.h"
#include "persist/aof_load_int.h"
#include "persist/aof_steps_int.h"
#include "persist/dropped_int.h"
#include "persist/persist_int.h"
#include "persist/snapshot.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MODE   0644
#define FOLDER_MODE 0755

static struct aof *self(void) {
    debug_proven(persist_state.aof.file.synced <= persist_state.aof.file.size);
    return &persist_state.aof;
}

void aof_describe_load(struct aof_load *l) {
    const struct persist_settings *s = &persist_state.settings;
    aof_manifest_release(&l->manifest);
    buf_release(&l->gone);
    memset(l, 0, sizeof *l);
    aof_manifest_init(&l->manifest);
    buf_init(&l->gone, MEM_PERSIST);
    l->picture = (struct snapshot_options){.commands = !s->aof.use_rdb,
                                           .version = persist_state.settings.version,
                                           .compress = persist_state.settings.compress,
                                           .checksum = persist_state.settings.checksum,
                                           .incremental_sync = s->aof.incremental_sync};
    /* Where the working folder has no name any more, the names are tried as they are. */
    if (file_absolute(s->aof.folder_name, l->folder, sizeof l->folder) < 0)
        snprintf(l->folder, sizeof l->folder, "%s", s->aof.folder_name);
    if (file_absolute(s->aof.file_name, l->old_path, sizeof l->old_path) < 0)
        snprintf(l->old_path, sizeof l->old_path, "%s", s->aof.file_name);
    snprintf(l->file_name, sizeof l->file_name, "%s", s->aof.file_name);
    l->truncated_ok = s->aof.load_truncated;
    l->corrupt_tail_max = s->aof.corrupt_tail_max;
    l->lists = persist_state.lists;
    l->list_count = persist_state.list_count;
    l->string_max = persist_state.executor->string_max;
    proven(l->folder[0] && l->file_name[0]);
}

/* ---- repairs ---- */
static int cut_file(const char *path, int64_t keep) {
    int fd = file_open_append(path, FILE_MODE);
    if (fd < 0) return -fd;
    int error = -file_truncate(fd, keep);
    if (!error) error = -file_sync(fd);
    proven(error >= 0);
    file_close(fd);
    return error;
}

static int cut_last(const struct aof *a) {
    const struct aof_load *l = a->load;
    char path[PATH_MAX];
    if (l->last_kept == l->last_size) return 0;
    if (l->found == AOF_OLD_FILE) return cut_file(l->old_path, l->last_kept);
    const struct aof_file *last = aof_manifest_last(&l->manifest);
    proven(last != NULL);
    return aof_path(path, a->folder, last->name) ? cut_file(path, l->last_kept) : ENAMETOOLONG;
}

/* ---- the increment that is written ---- */
/* A new one after what m names, which becomes the manifest. */
static int begin_increment(struct aof *a, struct aof_manifest *m) {
    char name[AOF_NAME_MAX];
    struct aof_increment file;
    int64_t seq = m->incr_seq + 1;
    int error = aof_create_increment(&file, seq);
    if (error) {
        aof_manifest_release(m);
        return error;
    }
    aof_name(name, seq, AOF_INCR, false);
    aof_manifest_add(m, name, seq, AOF_INCR);
    error = aof_put_manifest(m);
    if (error) {
        file_close(file.fd);
        return error;
    }
    aof_use_file(&file);
    proven(a->file.fd == file.fd);
    return 0;
}

static int go_on(struct aof *a) {
    struct aof_load *l = a->load;
    struct aof_increment file;
    const struct aof_file *last = aof_manifest_last(&l->manifest);
    proven(last && l->total_size >= l->last_kept);
    a->other_bytes = l->total_size;
    int error = cut_last(a);
    if (error) return error;
    if (last->kind != AOF_INCR || !l->last_annotated) return begin_increment(a, &l->manifest);
    error = aof_open_increment(&file, last->name, last->seq, l->last_id, l->last_kept);
    if (error) return error;
    a->other_bytes -= file.size;
    a->manifest = l->manifest;
    aof_manifest_init(&l->manifest);
    aof_use_file(&file);
    return 0;
}

/* The one file of before Redis 7 becomes the base. It has both names until the manifest is there. */
static int move_in(struct aof *a) {
    char path[PATH_MAX];
    struct aof_load *l = a->load;
    int error = cut_last(a);
    proven(l->manifest.count == 0);
    if (!error && !aof_path(path, a->folder, l->file_name)) error = ENAMETOOLONG;
    if (!error) error = -file_link(l->old_path, path);
    if (!error) error = -file_sync_dir(path);
    if (error) return error;
    aof_manifest_add(&l->manifest, l->file_name, 1, AOF_BASE);
    a->other_bytes = l->total_size;
    error = begin_increment(a, &l->manifest);
    if (error) return error;
    log_notice("The append-only file %s was moved into %s", l->file_name, a->folder);
    return -file_remove(l->old_path);
}

/* ---- nothing was there ---- */
static int begin_folder(struct aof *a) {
    char name[AOF_NAME_MAX], path[PATH_MAX];
    struct aof_manifest m;
    proven(dataset_keys(persist_state.executor->dataset) == 0);
    static const _Atomic bool never = false;
    struct snapshot_options options = a->load->picture;
    aof_name(name, 1, AOF_BASE, !options.commands);
    if (!aof_path(path, a->folder, name)) return ENAMETOOLONG;
    options.path = path;
    int error = aof_write_picture(persist_state.executor->dataset, &options, &never);
    if (error) return error;
    aof_manifest_init(&m);
    aof_manifest_add(&m, name, 1, AOF_BASE);
    return begin_increment(a, &m);
}

/* ---- the load has made a base ---- */
static int64_t bytes_of(const char *path) {
    int fd = file_open_regular(path);
    int64_t size = fd < 0 ? 0 : file_size(fd);
    if (fd >= 0) file_close(fd);
    proven(path[0]);
    return size > 0 ? size : 0;
}

/* It takes the place of all that was loaded, as a rewrite's does. */
static int begin_renewed(struct aof *a) {
    char path[PATH_MAX];
    struct aof_load *l = a->load;
    struct aof_manifest *m = &l->manifest;
    proven(l->renewed[0]);
    aof_manifest_replace_base(m, l->renewed, m->base_seq + 1, m->incr_seq);
    a->other_bytes = aof_path(path, a->folder, l->renewed) ? bytes_of(path) : 0;
    int error = begin_increment(a, m);
    if (error || l->found != AOF_OLD_FILE) return error;
    return -file_remove(l->old_path);
}

/* ---- the start ---- */
static int open_files(struct aof *a, bool loaded) {
    int error = -file_make_dir(a->folder, FOLDER_MODE);
    proven(a->folder[0] && a->file.fd < 0);
    if (!error) error = -file_sync_dir(a->folder);
    if (error) return error;
    if (!loaded) return begin_folder(a);
    if (a->load->renewed[0]) return begin_renewed(a);
    return a->load->found == AOF_FOLDER ? go_on(a) : move_in(a);
}

bool aof_start(bool loaded, char *why) {
    struct aof *a = self();
    proven(a->state == AOF_OFF && a->file.fd < 0);
    if (!loaded) aof_describe_load(a->load);
    memcpy(a->folder, a->load->folder, sizeof a->folder);
    aof_begin_journal();
    int error = open_files(a, loaded);
    if (error) {
        aof_end_journal();
        snprintf(why, LOAD_ERROR_MAX, "%.250s: the append-only file cannot be written on: %s", a->folder,
                 strerror(error));
        return false;
    }
    a->state = AOF_ON;
    a->rewrite_base_size = aof_total_size();
    aof_remove_strays();
    aof_delete_history();
    return true;
}

void aof_journal_gone(void) {
    struct executor *x = persist_state.executor;
    struct buf *gone = &self()->load->gone;
    struct slice key;
    unsigned db;
    size_t at = 0;
    proven(x->journal != NULL);
    while (dropped_next_name(gone, &at, &db, &key)) journal_removed(x->journal, db, key, x->now_ms);
    buf_release(gone);
}
