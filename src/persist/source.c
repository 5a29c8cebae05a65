#include "persist/source_int.h"

#include "base/check.h"
#include "io/file.h"
#include "mem/mem.h"
#include "persist/scout_int.h"
#include "wire/crc64.h"

#include <errno.h>

#define READ_AHEAD (8 * (int64_t)SOURCE_BLOCK)
#define DROP_STEP  (16 * (int64_t)SOURCE_BLOCK)
#define REST_PART  32 /* of the file: as long as they may be, two or three records lie beside what is made of them */

static void reset(struct source *s, int fd, int64_t size) {
    proven(s->progress && s->cancelled && size >= 0);
    s->fd = fd;
    s->size = size;
    s->taken = 0;
    s->crc = 0;
    s->error = 0;
    s->dropped = 0;
    s->block = NULL;
    size_t part = (size_t)size / REST_PART;
    s->rest_max = part < SOURCE_SEAM ? SOURCE_SEAM : part > SOURCE_REST ? SOURCE_REST : part;
    s->window = (struct rdb_reader){NULL, NULL};
    s->summed = NULL;
    atomic_store_explicit(&s->progress->total_bytes, size, memory_order_relaxed);
}

static struct source_block *block_new(size_t size) {
    struct source_block *b = mem_alloc(MEM_PERSIST, sizeof *b + size);
    proven(size >= SOURCE_SEAM + SOURCE_BLOCK);
    b->size = size;
    return b;
}

int source_open(struct source *s, const char *path) {
    proven(path && path[0]);
    int fd = file_open_regular(path);
    if (fd < 0) return -fd;
    reset(s, fd, file_size(fd));
    s->block = block_new(SOURCE_SEAM + SOURCE_BLOCK);
    s->window.at = s->window.end = s->summed = s->block->bytes + SOURCE_SEAM;
    proven(source_offset(s) == 0);
    return 0;
}

void source_from_memory(struct source *s, const void *data, size_t n) {
    proven((data || n == 0) && n <= INT64_MAX);
    reset(s, -1, (int64_t)n);
    s->window.at = s->summed = data;
    s->window.end = s->window.at + n;
    s->taken = (int64_t)n;
    proven(source_offset(s) == 0 && source_left(s) == n);
}

void source_block_free(struct source_block *block) {
    if (block) mem_free(MEM_PERSIST, block, sizeof *block + block->size);
}

void source_exchange_block(struct source *s, struct source_block **spare) {
    proven(s->fd >= 0 && s->block != *spare);
    struct source_block *lies = s->block;
    s->block = *spare ? *spare : block_new(SOURCE_SEAM + SOURCE_BLOCK);
    *spare = lies;
    proven(s->block && s->block != lies);
}

void source_close(struct source *s) {
    proven((s->fd >= 0) == (s->block != NULL));
    source_block_free(s->block);
    s->block = NULL;
    if (s->fd >= 0) {
        file_drop_cache(s->fd, 0, 0);
        file_close(s->fd);
    }
    s->fd = -1;
}

uint64_t source_crc(struct source *s) {
    proven(s->summed <= s->window.at && s->window.at <= s->window.end);
    if (s->checksum) s->crc = crc64(s->crc, s->summed, (size_t)(s->window.at - s->summed));
    s->summed = s->window.at;
    return s->crc;
}

static void drop_behind(struct source *s) {
    int64_t passed = s->scout ? scout_passed(s->scout) : INT64_MAX, to = s->taken < passed ? s->taken : passed;
    proven(s->dropped <= s->taken);
    if (to - s->dropped < DROP_STEP) return;
    file_drop_cache(s->fd, s->dropped, to - s->dropped);
    s->dropped = to;
}

/* At most n bytes from the file; fewer only at its end. A file that has become shorter meanwhile ends where it ends. */
static size_t read_file(struct source *s, void *dst, uint64_t n) {
    proven(s->taken <= s->size);
    uint64_t left = (uint64_t)(s->size - s->taken);
    if (s->fd < 0 || s->error || n == 0 || left == 0) return 0;
    if (atomic_load_explicit(s->cancelled, memory_order_relaxed)) {
        s->error = ECANCELED;
        return 0;
    }
    size_t wanted = n < left ? (size_t)n : (size_t)left;
    ssize_t got = file_read(s->fd, dst, wanted);
    if (got < 0) {
        s->error = (int)-got;
        return 0;
    }
    proven((size_t)got <= wanted);
    s->taken += got;
    if ((size_t)got < wanted) s->size = s->taken;
    file_will_read(s->fd, s->taken, READ_AHEAD);
    drop_behind(s);
    return (size_t)got;
}

/* The rest of the window to the beginning of the block, which becomes a longer one if n bytes have no room behind it. */
static unsigned char *move_rest(struct source *s, size_t rest, size_t n) {
    size_t before = rest < SOURCE_SEAM ? SOURCE_SEAM : rest;
    struct source_block *old = s->block, *b = before + n > old->size ? block_new(before + n) : old;
    unsigned char *front = b->bytes + before;
    if (rest) memmove(front - rest, s->window.at, rest);
    if (b != old) source_block_free(old);
    s->block = b;
    s->window.at = s->summed = front - rest;
    proven(before + n <= b->size);
    return front;
}

bool source_more(struct source *s) {
    size_t rest = source_lies(s);
    if (!source_has_more(s)) return false; /* nothing moves: records may lie in the block */
    int64_t offset = source_offset(s);
    source_crc(s);
    size_t n = rest / 2 < SOURCE_BLOCK ? SOURCE_BLOCK : rest / 2;
    unsigned char *front = move_rest(s, rest, n);
    size_t got = read_file(s, front, n);
    s->window.end = front + got;
    proven(source_offset(s) == offset && source_lies(s) == rest + got);
    return got > 0;
}

/* From the window: nothing to read. Returns how many. */
static size_t take_lying(struct source *s, unsigned char *dst, uint64_t n) {
    size_t lies = source_lies(s), take = n < lies ? (size_t)n : lies;
    if (dst && take) memcpy(dst, s->window.at, take);
    s->window.at += take;
    proven(s->window.at <= s->window.end && take <= n);
    return take;
}

/* One block straight to dst; the window is empty before and after. */
static size_t read_through(struct source *s, unsigned char *dst, uint64_t n) {
    proven(source_lies(s) == 0 && n > 0);
    source_crc(s);
    unsigned char *to = dst ? dst : s->block->bytes;
    size_t got = read_file(s, to, n < SOURCE_BLOCK ? n : SOURCE_BLOCK);
    proven(got <= SOURCE_BLOCK && s->summed == s->window.at);
    if (s->checksum) s->crc = crc64(s->crc, to, got);
    source_publish(s);
    return got;
}

bool source_read(struct source *s, void *dst, uint64_t n) {
    proven(n <= source_left(s) || n <= SOURCE_SEAM); /* a long run was held against the file before */
    unsigned char *to = dst;
    while (n > 0) {
        size_t got = take_lying(s, to, n);
        if (got == 0 && n < SOURCE_BLOCK / 2 && source_more(s)) continue;
        if (got == 0) got = read_through(s, to, n);
        if (got == 0) return false;
        proven(got <= n);
        n -= got;
        if (to) to += got;
    }
    return true;
}
