/* Whole bases, written here and now: of an empty dataset at the first start, and of one whose load has let so many keys go that the
 * files would bring a part of them back with the next write. */
#include "base/check.h"
#include "base/log.h"
#include "io/file.h"
#include "persist/aof_base_int.h"
#include "persist/aof_files_int.h"
#include "persist/aof_load_int.h"
#include "persist/aof_steps_int.h"
#include "persist/rdb_write_int.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MODE   0644
#define FOLDER_MODE 0755

int aof_write_picture(struct dataset *ds, const struct snapshot_options *options, const _Atomic bool *cancelled) {
    struct snapshot_progress progress = {.total_keys = (int64_t)dataset_keys(ds)};
    char why[RDB_WRITE_WHY] = "";
    int fd = file_create(options->path, FILE_MODE);
    if (fd < 0) return -fd;
    struct rdb_write w = {.options = options, .progress = &progress, .cancelled = cancelled, .fd = fd, .why = why};
    struct dataset_frozen *frozen = dataset_freeze(ds);
    int error = options->commands ? aof_base_write(&w, frozen) : rdb_write_frozen(&w, frozen);
    dataset_thaw(ds, frozen);
    if (!error) error = -file_sync(fd);
    proven(error >= 0);
    file_close(fd);
    return error;
}

bool aof_renew(struct aof_load *l, struct dataset *ds, const _Atomic bool *cancelled, char *why) {
    char path[PATH_MAX];
    int64_t seq = l->manifest.base_seq + 1;
    l->picture.commands = l->picture.commands && aof_base_can_hold(ds);
    l->picture.path = path;
    aof_name(l->renewed, seq, AOF_BASE, !l->picture.commands);
    proven(l->renewed[0]);
    log_notice("A new base of the append-only file is written, without the keys that went");
    int error = aof_path(path, l->folder, l->renewed) ? -file_make_dir(l->folder, FOLDER_MODE) : ENAMETOOLONG;
    if (!error) error = aof_write_picture(ds, &l->picture, cancelled);
    if (!error) error = -file_sync_dir(path);
    l->picture.path = NULL;
    if (!error) return true;
    l->renewed[0] = '\0';
    file_remove(path);
    if (error != ECANCELED)
        snprintf(why, LOAD_ERROR_MAX,
                 "%.250s: keys went for want of room, and the new base without them cannot be written: %s", path,
                 strerror(error));
    return false;
}
