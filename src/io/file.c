#include "io/file.h"

#include "base/check.h"
#include "io/io_int.h"
#include "io/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct io_state io_state;

/* ---- the fault seam ---- */

void file_fail_after(enum file_fault kind, unsigned nth, int error, size_t short_count) {
    proven(kind == FILE_FAULT_NONE || (nth > 0 && error > 0));
    atomic_store(&io_state.fault_kind, FILE_FAULT_NONE);
    atomic_store(&io_state.fault_countdown, nth);
    atomic_store(&io_state.fault_error, error);
    atomic_store(&io_state.fault_short_count, short_count);
    atomic_store_explicit(&io_state.fault_kind, (unsigned)kind, memory_order_release);
}

/* The error this call must fail with, or 0. */
static int fault_due(enum file_fault kind) {
    if (likely(atomic_load_explicit(&io_state.fault_kind, memory_order_acquire) != (unsigned)kind)) return 0;
    if (atomic_fetch_sub(&io_state.fault_countdown, 1) != 1) return 0;
    atomic_store(&io_state.fault_kind, FILE_FAULT_NONE);
    return atomic_load(&io_state.fault_error);
}

void file_slow_sync(int64_t us) { atomic_store(&io_state.sync_delay_us, us); }

/* ---- the recording seam ---- */
void file_watch(file_witness *witness) { atomic_store(&io_state.witness, witness); }

static void tell(struct file_event event) {
    file_witness *witness = atomic_load_explicit(&io_state.witness, memory_order_relaxed);
    if (unlikely(witness != NULL)) witness(&event);
}

static int told(int result, struct file_event event) {
    if (result >= 0) tell(event);
    return result;
}

/* ---- opening and closing ---- */

static int open_retrying(const char *path, int flags, mode_t mode) {
    int error = fault_due(FILE_FAULT_OPEN);
    if (error) return -error;
    int fd;
    do fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd >= 0 ? fd : -errno;
}

int file_open_read(const char *path) { return open_retrying(path, O_RDONLY, 0); }

/* O_NONBLOCK: the open of a FIFO would wait for somebody who writes into it. */
int file_open_regular(const char *path) {
    int fd = open_retrying(path, O_RDONLY | O_NONBLOCK, 0);
    int64_t size = fd >= 0 ? file_size(fd) : fd;
    if (size >= 0) return fd;
    if (fd >= 0) file_close(fd);
    return (int)size;
}

int file_create(const char *path, int mode) {
    int fd = open_retrying(path, O_WRONLY | O_CREAT | O_TRUNC, (mode_t)mode);
    return told(fd, (struct file_event){.act = FILE_ACT_CREATE, .fd = fd, .path = path});
}

int file_open_append(const char *path, int mode) {
    int fd = open_retrying(path, O_WRONLY | O_CREAT | O_APPEND, (mode_t)mode);
    return told(fd, (struct file_event){.act = FILE_ACT_OPEN_APPEND, .fd = fd, .path = path});
}

int file_truncate(int fd, int64_t size) {
    if (ftruncate(fd, size) != 0) return -errno;
    return told(0, (struct file_event){.act = FILE_ACT_TRUNCATE, .fd = fd, .n = (size_t)size});
}

int file_make_dir(const char *path, int mode) {
    if (mkdir(path, (mode_t)mode) != 0) return errno == EEXIST ? 0 : -errno;
    return told(0, (struct file_event){.act = FILE_ACT_MAKE_DIR, .fd = -1, .path = path});
}

int file_link(const char *from, const char *to) {
    struct stat a, b;
    if (link(from, to) == 0)
        return told(0, (struct file_event){.act = FILE_ACT_LINK, .fd = -1, .path = from, .to = to});
    int error = errno;
    bool same = stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return same ? 0 : -error;
}

/* Linux releases the descriptor even when close is interrupted: never repeat it. */
int file_close(int fd) { return close(fd) == 0 || errno == EINTR ? 0 : -errno; }

int64_t file_size(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return -errno;
    return S_ISREG(st.st_mode) ? (int64_t)st.st_size : -EINVAL;
}

int file_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

/* ---- reading and writing ---- */

/* offset negative: at the descriptor's own place. */
static ssize_t read_fully(int fd, char *dst, size_t n, int64_t offset) {
    int error = fault_due(FILE_FAULT_READ);
    if (error) return -error;
    size_t done = 0;
    while (done < n) {
        ssize_t got =
            offset < 0 ? read(fd, dst + done, n - done) : pread(fd, dst + done, n - done, offset + (int64_t)done);
        if (got == 0) break;
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)done;
}

ssize_t file_read(int fd, void *dst, size_t n) { return read_fully(fd, dst, n, -1); }

ssize_t file_read_at(int fd, void *dst, size_t n, int64_t offset) {
    proven(offset >= 0);
    return read_fully(fd, dst, n, offset);
}

static int write_fully(int fd, const char *src, size_t n) {
    while (n > 0) {
        ssize_t put = write(fd, src, n);
        if (put < 0 && errno != EINTR) return -errno;
        if (put > 0) {
            tell((struct file_event){.act = FILE_ACT_WRITE, .fd = fd, .bytes = src, .n = (size_t)put});
            src += put;
            n -= (size_t)put;
        }
    }
    return 0;
}

int file_write(int fd, const void *src, size_t n) {
    int error = fault_due(FILE_FAULT_WRITE);
    if (likely(error == 0)) return write_fully(fd, src, n);
    size_t first = atomic_load(&io_state.fault_short_count);
    int written = write_fully(fd, src, first < n ? first : n);
    return written < 0 ? written : -error;
}

int file_write_pair(int fd, const void *a, size_t a_len, const void *b, size_t b_len) {
    int error = fault_due(FILE_FAULT_WRITE);
    if (unlikely(error)) {
        size_t first = atomic_load(&io_state.fault_short_count);
        int written = write_fully(fd, a, first < a_len ? first : a_len);
        return written < 0 ? written : -error;
    }
    struct iovec both[2] = {{(void *)(uintptr_t)a, a_len}, {(void *)(uintptr_t)b, b_len}};
    ssize_t put;
    do put = writev(fd, both, 2);
    while (put < 0 && errno == EINTR);
    if (put < 0) return -errno;
    size_t done = (size_t)put, of_a = done < a_len ? done : a_len;
    tell((struct file_event){.act = FILE_ACT_WRITE, .fd = fd, .bytes = a, .n = of_a});
    if (done > of_a) tell((struct file_event){.act = FILE_ACT_WRITE, .fd = fd, .bytes = b, .n = done - of_a});
    if (likely(done == a_len + b_len)) return 0;
    if (done < a_len) {
        error = write_fully(fd, (const char *)a + done, a_len - done);
        if (error) return error;
        done = a_len;
    }
    return write_fully(fd, (const char *)b + (done - a_len), b_len - (done - a_len));
}

/* ---- towards the disk ---- */

static int sync_descriptor(int fd) {
    int64_t delay_us = atomic_load_explicit(&io_state.sync_delay_us, memory_order_relaxed);
    if (unlikely(delay_us > 0)) thread_sleep_us(delay_us);
    int error = fault_due(FILE_FAULT_SYNC);
    if (error) return -error;
    while (fdatasync(fd) != 0) {
        if (errno != EINTR) return -errno;
    }
    return 0;
}

int file_sync(int fd) {
    tell((struct file_event){.act = FILE_ACT_SYNC_BEGINS, .fd = fd});
    return told(sync_descriptor(fd), (struct file_event){.act = FILE_ACT_SYNC_ENDS, .fd = fd});
}

int file_sync_range(int fd, int64_t offset, int64_t n) {
    return sync_file_range(fd, offset, n, SYNC_FILE_RANGE_WRITE) == 0 ? 0 : -errno;
}

int file_map(int fd, int64_t size, void **bytes) {
    proven(size > 0);
    int error = fault_due(FILE_FAULT_OPEN);
    if (error) return -error;
    void *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED) return -errno;
    *bytes = p;
    return 0;
}

void file_unmap(void *bytes, int64_t size) {
    proven(bytes && size > 0);
    munmap(bytes, (size_t)size);
}

int file_drop_cache(int fd, int64_t offset, int64_t n) { return -posix_fadvise(fd, offset, n, POSIX_FADV_DONTNEED); }

int file_will_read(int fd, int64_t offset, int64_t n) { return -posix_fadvise(fd, offset, n, POSIX_FADV_WILLNEED); }

/* The folder part of path into dst. */
static int folder_of(const char *path, char *dst, size_t cap) {
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= cap) return -ENAMETOOLONG;
    memcpy(dst, slash == NULL ? "." : path, len);
    dst[len] = '\0';
    return 0;
}

int file_sync_dir(const char *path_of_a_file_in_it) {
    char folder[PATH_MAX];
    int error = folder_of(path_of_a_file_in_it, folder, sizeof folder);
    if (error) return error;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    tell((struct file_event){.act = FILE_ACT_FOLDER_BEGINS, .fd = -1, .path = folder});
    error = told(sync_descriptor(fd), (struct file_event){.act = FILE_ACT_FOLDER_ENDS, .fd = -1, .path = folder});
    file_close(fd);
    return error;
}

/* ---- names ---- */

int file_rename(const char *from, const char *to) {
    int error = fault_due(FILE_FAULT_RENAME);
    if (error) return -error;
    if (rename(from, to) != 0) return -errno;
    return told(0, (struct file_event){.act = FILE_ACT_RENAME, .fd = -1, .path = from, .to = to});
}

int file_remove(const char *path) {
    if (unlink(path) != 0) return -errno;
    return told(0, (struct file_event){.act = FILE_ACT_REMOVE, .fd = -1, .path = path});
}

bool file_exists(const char *path) { return access(path, F_OK) == 0 || errno != ENOENT; }

ssize_t file_read_whole(const char *path, char *dst, size_t cap) {
    int fd = file_open_read(path);
    if (fd < 0) return fd;
    ssize_t n = file_read(fd, dst, cap);
    char beyond;
    if (n == (ssize_t)cap) {
        ssize_t more = read_fully(fd, &beyond, 1, -1);
        if (more != 0) n = more > 0 ? -EFBIG : more;
    }
    file_close(fd);
    return n;
}

int file_absolute(const char *path, char *dst, size_t cap) {
    char folder[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(folder, sizeof folder)) return -errno;
    int n = snprintf(dst, cap, "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
    return n >= 0 && (size_t)n < cap ? n : -ENAMETOOLONG;
}

/* Whoever holds the lock is still writing it. */
static bool is_abandoned(int folder, const char *name) {
    int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    bool abandoned = file_lock(fd) != -EWOULDBLOCK;
    file_close(fd);
    return abandoned;
}

int file_remove_abandoned(const char *dir, bool (*chosen)(const char *name)) {
    DIR *d = opendir(dir);
    if (d == NULL) return -errno;
    int removed = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[PATH_MAX];
        if (!chosen(e->d_name) || !is_abandoned(dirfd(d), e->d_name)) continue;
        int n = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (n > 0 && (size_t)n < sizeof path && file_remove(path) == 0) removed++;
    }
    closedir(d);
    return removed;
}
