/* A file that lies in memory as a whole, for who must look at it from several places: checking and salvaging. It is read once from
 * end to end before, so that a part which cannot be read is an error and no signal, and its checksum is taken on the way.
 * Memory: of the page cache, but for pages that are changed, which stay in memory. One thread. */
#ifndef TARN_PERSIST_WHOLE_H
#define TARN_PERSIST_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

struct whole {
    unsigned char *bytes; /* not NULL */
    int64_t size;
    uint64_t crc; /* CRC-64 of all but the last 8 bytes; 0 when there are not so many */
    bool mapped;
};

#define WHOLE_WHY 256
/* progress (may be NULL) is told how many bytes were read; false: stop. False with the reason in why, which is empty after a stop. */
bool whole_open(struct whole *w, const char *path, bool (*progress)(void *arg, int64_t done), void *arg,
                char why[WHOLE_WHY]);
/* The caller's bytes, which stay the caller's. */
void whole_of(struct whole *w, void *bytes, int64_t size);
void whole_close(struct whole *w);

/* When one byte is wrong, the sum over the others says which, and what it was: true, and it is put right in memory. Any other damage
 * is taken for this with a probability of size * 255 / 2^64. *at: its place, *was: what stood there. O(size), about 2 ns a byte. */
bool whole_repair(struct whole *w, int64_t *at, unsigned char *was);

#endif
