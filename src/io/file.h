/* Files, through one seam so that tests can fail the nth call. Every function returns 0 or a positive count, or -errno. */
#ifndef TARN_IO_FILE_H
#define TARN_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int file_open_read(const char *path);             /* descriptor; O_CLOEXEC */
int file_open_regular(const char *path);          /* the same; -EINVAL for what is no regular file, without waiting */
int file_create(const char *path, int mode);      /* write, truncated */
int file_open_append(const char *path, int mode); /* write at the end, created when absent */
int file_truncate(int fd, int64_t size);
int file_make_dir(const char *path, int mode);   /* 0 also when it is there already */
int file_link(const char *from, const char *to); /* a second name; 0 also when it is one already */
int file_lock(int fd);     /* until it is closed; -EWOULDBLOCK while another descriptor of the file holds the lock */
int64_t file_size(int fd); /* regular files; -EINVAL for others */
ssize_t file_read(int fd, void *dst, size_t n); /* short only at the end of the file */
ssize_t file_read_at(int fd, void *dst, size_t n, int64_t offset);
/* The whole file in memory, size > 0; changes stay in memory. 0 or -errno. A file that others cut short meanwhile ends the process
 * (SIGBUS), and so does a part of it that cannot be read: read it before. */
int file_map(int fd, int64_t size, void **bytes);
void file_unmap(void *bytes, int64_t size);
int file_write(int fd, const void *src, size_t n); /* all or -errno */
/* a, then b, as one write; all or -errno, when any part may have been written. */
int file_write_pair(int fd, const void *a, size_t a_len, const void *b, size_t b_len);
int file_sync(int fd);                                  /* fdatasync */
int file_sync_range(int fd, int64_t offset, int64_t n); /* start writeback of a range, for incremental fsync */
int file_drop_cache(int fd, int64_t offset, int64_t n); /* n 0: to the end */
int file_will_read(int fd, int64_t offset, int64_t n);  /* read-ahead hint */
int file_close(int fd);
int file_rename(const char *from, const char *to);
int file_remove(const char *path);
int file_sync_dir(const char *path_of_a_file_in_it);
bool file_exists(const char *path); /* also true of what is there and cannot be looked at */
/* path as it would be called from anywhere: what later changes of the working folder do not change. Returns its length. */
int file_absolute(const char *path, char *dst, size_t cap);
/* Whole small file into dst (at most cap bytes; -EFBIG beyond). */
ssize_t file_read_whole(const char *path, char *dst, size_t cap);
/* Removes the chosen files of dir that nobody holds locked (file_lock); returns how many. */
int file_remove_abandoned(const char *dir, bool (*chosen)(const char *name));

/* Fault seam: the nth call from now of the given kind, by any thread, fails with error (short_count > 0: writes only that many
 * bytes first). FILE_FAULT_NONE clears. */
enum file_fault {
    FILE_FAULT_NONE,
    FILE_FAULT_OPEN,
    FILE_FAULT_READ,
    FILE_FAULT_WRITE,
    FILE_FAULT_SYNC,
    FILE_FAULT_RENAME
};
void file_fail_after(enum file_fault kind, unsigned nth, int error, size_t short_count);
/* A slow disk, for tests: every file_sync takes this much longer. */
void file_slow_sync(int64_t us);

#endif
