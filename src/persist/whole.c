#include "persist/whole.h"

#include "base/check.h"
#include "io/file.h"
#include "mem/mem.h"
#include "wire/crc64.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BLOCK    ((int64_t)1 << 20)
#define SUM_SIZE 8

/* The sum of what lies from `from` on in the file, as far as it does not belong to the sum that is stored. */
static uint64_t sum_on(const struct whole *w, uint64_t crc, const unsigned char *block, int64_t from, int64_t n) {
    int64_t end = w->size - SUM_SIZE;
    proven(from >= 0 && n > 0);
    if (from >= end) return crc;
    return crc64(crc, block, (size_t)(from + n > end ? end - from : n));
}

static bool read_through(struct whole *w, int fd, bool (*progress)(void *arg, int64_t done), void *arg, char *why) {
    unsigned char *block = mem_alloc(MEM_PERSIST, (size_t)BLOCK);
    int64_t done = 0;
    bool going = true;
    proven(w->crc == 0 && !why[0]);
    while (going && done < w->size) {
        int64_t n = w->size - done < BLOCK ? w->size - done : BLOCK;
        ssize_t got = file_read_at(fd, block, (size_t)n, done);
        if (got < n) {
            snprintf(why, WHOLE_WHY, "offset %" PRId64 ": cannot be read: %s", done,
                     got < 0 ? strerror((int)-got) : "the file has become shorter meanwhile");
            break;
        }
        w->crc = sum_on(w, w->crc, block, done, n);
        done += n;
        going = !progress || progress(arg, done);
    }
    mem_free(MEM_PERSIST, block, (size_t)BLOCK);
    return going && done == w->size;
}

static bool open_file(struct whole *w, int fd, bool (*progress)(void *arg, int64_t done), void *arg, char *why) {
    void *bytes;
    proven(fd >= 0 && !w->mapped);
    w->size = file_size(fd);
    if (!read_through(w, fd, progress, arg, why)) return false;
    if (w->size == 0) return true;
    int error = -file_map(fd, w->size, &bytes);
    if (error) {
        snprintf(why, WHOLE_WHY, "cannot be mapped: %s", strerror(error));
        return false;
    }
    w->bytes = bytes;
    w->mapped = true;
    return true;
}

static const unsigned char nothing[1]; /* of files of 0 bytes: none of it is ever touched */

bool whole_open(struct whole *w, const char *path, bool (*progress)(void *arg, int64_t done), void *arg,
                char why[WHOLE_WHY]) {
    *w = (struct whole){.bytes = (unsigned char *)(uintptr_t)nothing};
    why[0] = '\0';
    int fd = file_open_regular(path);
    if (fd < 0) {
        snprintf(why, WHOLE_WHY, "cannot be opened: %s", fd == -EINVAL ? "not a regular file" : strerror(-fd));
        return false;
    }
    bool opened = open_file(w, fd, progress, arg, why);
    file_close(fd);
    proven(opened || !w->mapped);
    return opened;
}

void whole_of(struct whole *w, void *bytes, int64_t size) {
    proven(size >= 0 && (bytes || size == 0));
    *w = (struct whole){.bytes = size ? bytes : (void *)(uintptr_t)nothing, .size = size};
    if (size >= SUM_SIZE) w->crc = crc64(0, bytes, (size_t)(size - SUM_SIZE));
}

void whole_close(struct whole *w) {
    proven(w->bytes != NULL);
    if (w->mapped) file_unmap(w->bytes, w->size);
    *w = (struct whole){.bytes = (unsigned char *)(uintptr_t)nothing};
}

/* The last 8 bytes as an RDB file's checksum. */
static uint64_t stored_crc(const struct whole *w) {
    uint64_t sum = 0;
    proven(w->size >= SUM_SIZE);
    for (int i = SUM_SIZE; i-- > 0;) sum = sum << 8 | w->bytes[w->size - SUM_SIZE + i];
    return sum;
}

/* ---- which byte is wrong ----
 * The sum is linear: the right one and the one that was found differ by what the byte's error alone would give: T[error], the sum of
 * one byte, moved on over all bytes behind it. Going back from the difference, byte by byte, it is seen as T[error] at its place. A step
 * can be gone back because the top bytes of T are all different. */
struct steps {
    uint64_t sums[256];
    unsigned char by_top[256];
};

static void make_steps(struct steps *t) {
    for (unsigned i = 0; i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        t->sums[i] = crc64(0, &byte, 1);
        t->by_top[t->sums[i] >> 56] = byte;
    }
    for (unsigned i = 0; i < 256; i++) proven(t->by_top[t->sums[i] >> 56] == i);
}

static int64_t find_error(const struct steps *t, uint64_t difference, int64_t bytes, unsigned char *error) {
    uint64_t sum = difference;
    proven(difference != 0);
    for (int64_t at = bytes; at-- > 0;) {
        unsigned char index = t->by_top[sum >> 56];
        sum ^= t->sums[index];
        *error = index;
        if (sum == 0) return at;
        sum = sum << 8 | index;
    }
    return -1;
}

/* The stored sum itself: the difference is in one byte of it. */
static int64_t error_in_sum(const struct whole *w, uint64_t difference, unsigned char *error) {
    proven(difference != 0);
    for (int i = 0; i < SUM_SIZE; i++) {
        if (difference & ~((uint64_t)0xff << 8 * i)) continue;
        *error = (unsigned char)(difference >> 8 * i);
        return w->size - SUM_SIZE + i;
    }
    return -1;
}

bool whole_repair(struct whole *w, int64_t *at, unsigned char *was) {
    struct steps t;
    unsigned char error = 0;
    if (w->size <= SUM_SIZE) return false;
    uint64_t stored = stored_crc(w), difference = stored ^ w->crc;
    if (stored == 0 || difference == 0) return false;
    make_steps(&t);
    *at = error_in_sum(w, difference, &error);
    if (*at < 0) *at = find_error(&t, difference, w->size - SUM_SIZE, &error);
    if (*at < 0) return false;
    proven(*at < w->size && error != 0);
    *was = w->bytes[*at];
    w->bytes[*at] ^= error;
    if (*at < w->size - SUM_SIZE) w->crc = stored;
    return true;
}
