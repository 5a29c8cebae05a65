/* HyperLogLog: how many different elements were added, within 0.81 %, in at most 12 KiB. The value is a string in Redis's
 * representation, byte for byte, so that GET, SET, DUMP and RDB files carry it between servers:
 *
 *   0      4       5          8                      16
 *   +------+-------+----------+----------------------+-----------------------------
 *   | HYLL | enc:8 | unused:24| cached count:64 (LE) | registers
 *   +------+-------+----------+----------------------+-----------------------------
 *   The top bit of the cached count says that it is stale. enc 0, dense: 16384 registers of 6 bits, from the low bits of each
 *   byte on, 12288 bytes. enc 1, sparse: runs of equal registers, which add up to 16384:
 *     00nnnnnn            ZERO:  n + 1 registers of 0
 *     01nnnnnn nnnnnnnn   XZERO: n + 1 registers of 0 (high byte first)
 *     1rrrrrnn            VAL:   n + 1 registers of r + 1
 *
 * An element's MurmurHash64A (A. Appleby, public domain; seed below) gives in its low 14 bits the register, and in the others
 * the rank: the place of the lowest 1 among 50 bits, from 1 on, 51 when there is none. A register holds the highest rank.
 * P. Flajolet, E. Fusy, O. Gandouet, F. Meunier: HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm,
 * 2007. The estimator is O. Ertl's: New cardinality estimation algorithms for HyperLogLog sketches, 2017 (arXiv:1702.01284),
 * algorithm 6. A sparse value turns dense when a rank is above 32 or it would grow beyond a limit.
 *
 * The bytes come from clients (SET, RESTORE) and are believed to be nothing: every function checks what it reads and says
 * when a value is corrupt. */
#ifndef TARN_VALUES_HLL_H
#define TARN_VALUES_HLL_H

#include "mem/buf.h"

#include <stdint.h>

#define HLL_REGISTERS    16384
#define HLL_RANK_MAX     51
#define HLL_HEADER_BYTES 16
#define HLL_DENSE_BYTES  (HLL_HEADER_BYTES + HLL_REGISTERS * 6 / 8)

/* Header, encoding, and of a dense value the length. What comes after a sparse header is looked at by those who read it.
 * All others here want it true: proven. */
bool hll_is_valid(struct slice value);
bool hll_is_sparse(struct slice value);

/* ---- counting ---- */

/* The count kept in the value; false when it is stale. */
bool hll_cached(struct slice value, uint64_t *count);
void hll_set_cached(char *value, uint64_t count);
void hll_drop_cached(char *value);
/* Estimates anew: ~10 us. False: corrupt. */
bool hll_count(struct slice value, uint64_t *count);

/* The registers of several values, each the highest that any of them has. Zero at the start. */
struct hll_union {
    uint8_t registers[HLL_REGISTERS];
};
/* False: corrupt, then u has some of it. O(HLL_REGISTERS) */
bool hll_union_add(struct hll_union *u, struct slice value);
bool hll_union_count(const struct hll_union *u, uint64_t *count);

/* ---- changing ---- */

/* What an element says: the register, and the rank that it must have at least. ~10 ns for a short element. */
struct hll_mark {
    uint16_t index;
    uint8_t rank;
};
struct hll_mark hll_mark(struct slice element);

uint8_t hll_dense_get(struct slice value, unsigned index);
void hll_dense_set(char *value, unsigned index, uint8_t rank);

/* Changes of a working copy, which grows and may turn dense. */
void hll_create(struct buf *value); /* into an empty buffer: an empty one, sparse, 18 bytes */
enum hll_result { HLL_SAME, HLL_CHANGED, HLL_CORRUPT };
/* The cached count is the caller's to drop. A corrupt value stays as it is. O(bytes) when sparse. */
enum hll_result hll_raise(struct buf *value, struct hll_mark mark, size_t sparse_max_bytes);
/* Raises every register to that of u. */
enum hll_result hll_raise_all(struct buf *value, const struct hll_union *u, size_t sparse_max_bytes);
/* False: corrupt, and as it was. */
bool hll_make_dense(struct buf *value);

/* ---- looking inside ---- */

struct hll_run {
    uint8_t rank, bytes; /* bytes of its code */
    uint16_t count;
};
/* The run at this byte of a sparse value; false when it is cut off. proven: at is inside, after the header. */
bool hll_run(struct slice value, size_t at, struct hll_run *run);

/* Adds n known elements to a value of each encoding and compares registers and estimate with what they must be. NULL, or what
 * is wrong. ~n * 30 ns. */
const char *hll_self_test(unsigned n);

#endif
