/* Private to persist/: reading an append-only folder. The base makes a dataset (rdb_parse_int.h, or commands), then the commands
 * of the increments run on it, through an executor of the loader's own: on the thread of the load, without sockets.
 *
 * What is held for true: in a file of Tarn's, groups whose checksum fits (aof_group_int.h), whole or not at all. In a file of
 * Redis's, whole commands; of a MULTI without its EXEC nothing. A file that another server has written on is both in turn.
 *
 * What is repaired (aof-load-truncated yes; logged; only at the end of the last file): what a crash can leave there. A group
 * that does not fit is such a tail unless a whole group behind it says that it had been on disk: that is damage. Damage is
 * refused, with file and offset. Nothing is written here: the cut is made by who takes the result. */
#ifndef TARN_PERSIST_AOF_LOAD_INT_H
#define TARN_PERSIST_AOF_LOAD_INT_H

#include "exec/command.h"
#include "persist/aof_manifest_int.h"
#include "persist/snapshot.h"

struct dataset;
struct load_options;
struct load_progress;

enum aof_found { AOF_NOTHING, AOF_FOLDER, AOF_OLD_FILE /* one file, as before Redis 7 */ };

struct aof_load {
    char folder[PATH_MAX], old_path[PATH_MAX]; /* absolute */
    char file_name[AOF_NAME_MAX];
    bool truncated_ok;        /* aof-load-truncated */
    int64_t corrupt_tail_max; /* aof-load-corrupt-tail-max-size */
    const struct command_list *lists;
    unsigned list_count;
    int64_t string_max;
    struct snapshot_options picture; /* how a base is written; path: NULL */
    /* results */
    enum aof_found found;
    struct aof_manifest manifest;
    int64_t base_size, total_size; /* bytes of the files, as far as they hold true */
    int64_t last_size, last_kept;  /* of the last file: as it is, and what of it holds true */
    bool last_annotated;           /* it has the first line of Tarn's files, and ends with a group or is empty */
    uint64_t last_id;
    struct buf gone;            /* names of keys that went for want of room (dropped_int.h): they are to get a DEL */
    bool renew;                 /* they are too many for that */
    char renewed[AOF_NAME_MAX]; /* so this is the base from now on, which is written already; "": no */
};

/* What there is. Files are looked for and not opened. */
enum aof_found aof_find(const struct aof_load *l);
/* A load_from (load.h). arg: struct aof_load. */
bool aof_load_run(void *arg, const struct load_options *options, struct load_progress *progress,
                  const _Atomic bool *cancelled, struct dataset *ds, char *why);
/* Writes ds as the base that takes the place of all files, once aof_start names it: l->renewed. False with the reason in why, or with
 * none when cancelled. On the loader's thread. */
bool aof_renew(struct aof_load *l, struct dataset *ds, const _Atomic bool *cancelled, char *why);
/* What ds holds into a file, onto the disk: 0 or errno. The owner of ds; O(keys). */
int aof_write_picture(struct dataset *ds, const struct snapshot_options *options, const _Atomic bool *cancelled);
/* The manifest of the folder into l->manifest. False with the reason in why (LOAD_ERROR_MAX). */
bool aof_read_manifest(struct aof_load *l, char *why);
/* Path of a file of the folder; dst: PATH_MAX. False when it is too long. */
bool aof_path(char *dst, const char *folder, const char *name);
bool aof_manifest_path(const struct aof_load *l, char *dst); /* the same of its manifest */
bool aof_is_rdb_name(const char *path);                      /* of a base, as Redis and Tarn name it */

#endif
