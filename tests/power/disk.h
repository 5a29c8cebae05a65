/* What a disk may hold when the power goes: a model of the files of one folder and the folders in it, fed with the calls that
 * the recording seam (io/file_watch.h) tells of.
 *
 *   call ---> pending ---its sync has ended---> durable
 *
 * A file's pending writes and cuts may be on disk or not, in part, as zeros, or as what the blocks held before. Of a folder's
 * pending entries (creations, renames, removals, links) any may be there. A sync makes durable what was done before it began: of
 * a file its bytes and its length, of a folder its entries; a file's own sync does nothing for its name. */
#ifndef TARN_TESTS_POWER_DISK_H
#define TARN_TESTS_POWER_DISK_H

#include "io/file_watch.h"
#include "mem/buf.h"

#include <stdint.h>

#define DISK_NAME_MAX    96
#define DISK_FILES_MAX   256
#define DISK_FOLDERS_MAX 4
#define DISK_ENTRIES_MAX 64
#define DISK_FDS_MAX     256
#define DISK_SYNCS_MAX   16
#define DISK_ROOT        0

struct disk_event {
    enum file_act act;
    int fd, thread;
    char path[DISK_NAME_MAX], to[DISK_NAME_MAX]; /* from the root on; "": the root */
    void *bytes;                                 /* owned by who made the event */
    size_t n;
};

struct disk_change { /* of a file */
    bool is_cut;     /* to n bytes; else n bytes at the end */
    const void *bytes;
    size_t n;
};

struct disk_file {
    struct buf durable; /* content after the first `synced` changes */
    struct disk_change *changes;
    unsigned count, capacity, synced;
};

struct disk_entry {
    char name[DISK_NAME_MAX];
    int file; /* index; folders: -1 - index; gone: DISK_NONE */
};
#define DISK_NONE INT32_MAX

struct disk_move { /* of a folder's entries: `gone` (may be empty) goes, `set` (may be empty) is set */
    char gone[DISK_NAME_MAX];
    struct disk_entry set;
};

struct disk_folder {
    char name[DISK_NAME_MAX];
    struct disk_entry durable[DISK_ENTRIES_MAX];
    unsigned durable_count;
    struct disk_move *moves;
    unsigned count, capacity, synced;
};

struct disk_sync { /* one that has begun */
    int thread, file, folder;
    unsigned upto;
};

struct disk {
    struct disk_file files[DISK_FILES_MAX];
    struct disk_folder folders[DISK_FOLDERS_MAX];
    unsigned file_count, folder_count;
    int fds[DISK_FDS_MAX]; /* file index; -1 */
    struct disk_sync syncs[DISK_SYNCS_MAX];
    unsigned sync_count;
};

void disk_init(struct disk *d);
void disk_release(struct disk *d);
/* What is there, and durable, before anything is recorded. */
void disk_add_file(struct disk *d, const char *path, struct slice content);
void disk_add_folder(struct disk *d, const char *path);
void disk_apply(struct disk *d, const struct disk_event *e);

/* How what was pending is found again. */
enum disk_data {
    DISK_LOST,       /* nothing of it */
    DISK_KEPT,       /* all of it */
    DISK_ZERO,       /* the length is there, the bytes are zeros */
    DISK_STALE,      /* the length is there, the bytes are those of another file */
    DISK_TORN,       /* all up to some byte */
    DISK_TORN_BLOCK, /* all up to a multiple of 512 */
    DISK_ZERO_TAIL,  /* all up to some byte, then zeros up to the length */
    DISK_ZERO_HOLES, /* blocks of 512 here and there are zeros */
    DISK_STALE_HOLES,
    DISK_DATA_KINDS
};
enum disk_names { DISK_NAMES_LOST, DISK_NAMES_KEPT, DISK_NAMES_ORDERED, DISK_NAMES_ANY, DISK_NAMES_KINDS };
#define DISK_MIXED DISK_DATA_KINDS /* another one for each file */

struct disk_choice {
    unsigned data; /* enum disk_data or DISK_MIXED */
    enum disk_names names;
    uint64_t seed;
};

/* Writes the state into the empty folder dir, and returns a hash of it. */
uint64_t disk_write(const struct disk *d, const struct disk_choice *choice, const char *dir);

#endif
