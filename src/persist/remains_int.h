/* Private to persist/: what an append-only file leaves at least, known before it has been loaded. Its commands are looked at in order, not
 * run, and a sketch is kept of what must be there behind them: one number for all keys whose hash falls on it.
 *
 *   base, a key of 100 bytes           + 100     all keys of a base are there at one time
 *   RPUSH, SADD, APPEND, ...                     nothing gets smaller
 *   SET key value, MSET                = value   what else falls on the number may have been this key: it is forgotten
 *   DEL, HSET, EXPIRE, RENAME, ...     = 0       the same, and nothing is known of the key
 *   FLUSHALL, EVAL, what is not known  all = 0   and soon too dear to go on with: then nothing is proven
 *
 * The sum of the numbers is there in the end: keys that fall on one number and SETs of one key make it too small, nothing makes it too
 * large. So a base is proven but for the keys that commands name, and of 10 M SETs some 4 M. Databases are not told apart. A tail
 * that a crash has torn counts as if it were whole: it was in the memory of who wrote it.
 *
 * A 16th of the bytes of the files, at most 16 MiB. One thread. */
#ifndef TARN_PERSIST_REMAINS_INT_H
#define TARN_PERSIST_REMAINS_INT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* What a key takes beside its bytes and its value's, at least: an entry's head, its place in a full segment. */
#define KEY_BYTES_MIN 12

/* A number that is to change: its line is on the way while those before it are changed. */
struct remains_put {
    uint32_t place, bytes;
    bool adds;
};
#define REMAINS_QUEUED 16

struct remains {
    uint32_t *least; /* by hash; NULL: nothing is known any more */
    uint64_t mask;
    int64_t bytes; /* the sum, without what is queued */
    unsigned forgotten, queued;
    struct remains_put queue[REMAINS_QUEUED]; /* a ring */
    /* the command whose words come */
    const struct remains_row *row;
    int64_t words, at;
    uint64_t place;
    size_t key_len;
};

/* For files of so many bytes. */
void remains_init(struct remains *r, int64_t file_bytes);
void remains_release(struct remains *r);
uint64_t remains_hash(struct slice key);
/* A key of the base. */
void remains_base(struct remains *r, uint64_t hash, int64_t bytes);
/* A command of so many words, then each of them; ptr NULL: too long to be seen, of that length. */
void remains_begin(struct remains *r, int64_t words);
void remains_word(struct remains *r, struct slice word);
/* The sum. */
int64_t remains_bytes(struct remains *r);
/* Something that cannot be read: from here on nothing is known. */
void remains_lose(struct remains *r);

#endif
