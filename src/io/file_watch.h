/* For tests: what becomes of the files. */
#ifndef TARN_IO_FILE_WATCH_H
#define TARN_IO_FILE_WATCH_H

#include <stddef.h>

/* Recording seam: the witness is told of every call that changes what a disk holds, when it has succeeded, on the thread that
 * made it. Of a sync it is also told before: what is written meanwhile need not be covered. NULL: nobody looks. */
enum file_act {
    FILE_ACT_CREATE,        /* path, fd: truncated, created when absent */
    FILE_ACT_OPEN_APPEND,   /* path, fd: created when absent */
    FILE_ACT_WRITE,         /* fd, bytes, n: at the end of the file */
    FILE_ACT_TRUNCATE,      /* fd, n */
    FILE_ACT_SYNC_BEGINS,   /* fd */
    FILE_ACT_SYNC_ENDS,     /* fd */
    FILE_ACT_FOLDER_BEGINS, /* path, of the folder */
    FILE_ACT_FOLDER_ENDS,
    FILE_ACT_RENAME,   /* path, to */
    FILE_ACT_LINK,     /* path, to */
    FILE_ACT_REMOVE,   /* path */
    FILE_ACT_MAKE_DIR, /* path */
};
struct file_event {
    enum file_act act;
    int fd; /* -1: none */
    const char *path, *to;
    const void *bytes;
    size_t n;
};
typedef void file_witness(const struct file_event *event);
void file_watch(file_witness *witness);

#endif
