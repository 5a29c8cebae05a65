#include "values/hll.h"

#include "base/check.h"

#include <inttypes.h>
#include <math.h>

/* Bits of the hash: the low ones choose the register, the rank is counted in the others. */
#define INDEX_BITS  14
#define RANK_BITS   (64 - INDEX_BITS)
#define HASH_SEED   UINT64_C(0xadc83b19)

#define ENCODING_AT 4
#define CACHE_AT    8
#define STALE       (UINT64_C(1) << 63)

enum encoding { DENSE = 0, SPARSE = 1 };

/* The longest run and highest rank that one code holds. */
#define ZERO_MAX      64
#define XZERO_MAX     16384
#define VAL_MAX       4
#define RANK_CODE_MAX 32

_Static_assert(HLL_REGISTERS == 1 << INDEX_BITS && HLL_RANK_MAX == RANK_BITS + 1, "what the format says");
_Static_assert(HLL_REGISTERS == XZERO_MAX, "an empty value is one code");

/* ---- header ---- */

static enum encoding encoding_of(struct slice value) {
    proven(value.len >= HLL_HEADER_BYTES);
    return (enum encoding)(unsigned char)value.ptr[ENCODING_AT];
}

bool hll_is_valid(struct slice value) {
    if (value.len < HLL_HEADER_BYTES || memcmp(value.ptr, "HYLL", 4) != 0) return false;
    enum encoding e = encoding_of(value);
    return e == SPARSE || (e == DENSE && value.len == HLL_DENSE_BYTES);
}

bool hll_is_sparse(struct slice value) {
    proven(hll_is_valid(value));
    return encoding_of(value) == SPARSE;
}

bool hll_cached(struct slice value, uint64_t *count) {
    proven(value.len >= HLL_HEADER_BYTES);
    memcpy(count, value.ptr + CACHE_AT, sizeof *count);
    return !(*count & STALE);
}

void hll_set_cached(char *value, uint64_t count) {
    proven(!(count & STALE) && memcmp(value, "HYLL", 4) == 0);
    memcpy(value + CACHE_AT, &count, sizeof count);
}

void hll_drop_cached(char *value) {
    proven(memcmp(value, "HYLL", 4) == 0);
    value[CACHE_AT + 7] = (char)((unsigned char)value[CACHE_AT + 7] | 0x80);
}

/* ---- elements ---- */

/* MurmurHash64A: words of eight bytes, little-endian, mixed in one after the other. */
static uint64_t murmur(struct slice s) {
    proven(s.len == 0 || s.ptr);
    static const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    const int r = 47;
    uint64_t h = HASH_SEED ^ s.len * m, k;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        memcpy(&k, s.ptr + i, 8);
        k *= m;
        k ^= k >> r;
        h = (h ^ k * m) * m;
    }
    if (i < s.len) {
        k = 0;
        debug_proven(s.len - i < 8);
        memcpy(&k, s.ptr + i, s.len - i);
        h = (h ^ k) * m;
    }
    h = (h ^ h >> r) * m;
    return h ^ h >> r;
}

struct hll_mark hll_mark(struct slice element) {
    uint64_t hash = murmur(element);
    uint64_t others = hash >> INDEX_BITS | UINT64_C(1) << RANK_BITS; /* a 1 where the search ends */
    struct hll_mark mark = {(uint16_t)(hash & (HLL_REGISTERS - 1)), (uint8_t)(__builtin_ctzll(others) + 1)};
    proven(mark.rank >= 1 && mark.rank <= HLL_RANK_MAX);
    return mark;
}

/* ---- dense registers ---- */

/* Where a register's bits start; they reach into the next byte from the third bit on, which the last register does not. */
static inline size_t register_byte(unsigned index, unsigned *shift) {
    debug_proven(index < HLL_REGISTERS);
    *shift = index * 6 % 8;
    return HLL_HEADER_BYTES + index * 6 / 8;
}

uint8_t hll_dense_get(struct slice value, unsigned index) {
    proven(value.len == HLL_DENSE_BYTES && index < HLL_REGISTERS);
    unsigned shift;
    size_t at = register_byte(index, &shift);
    unsigned bits = (unsigned)(unsigned char)value.ptr[at] >> shift;
    if (shift > 2) bits |= (unsigned)(unsigned char)value.ptr[at + 1] << (8 - shift);
    return bits & 63;
}

void hll_dense_set(char *value, unsigned index, uint8_t rank) {
    proven(index < HLL_REGISTERS && rank <= 63);
    unsigned shift;
    unsigned char *p = (unsigned char *)value + register_byte(index, &shift);
    p[0] = (unsigned char)((p[0] & ~(63u << shift)) | (unsigned)rank << shift);
    debug_proven(shift <= 6 && shift % 2 == 0);
    if (shift > 2) p[1] = (unsigned char)((p[1] & ~(63u >> (8 - shift))) | (unsigned)rank >> (8 - shift));
}

/* Four registers are three bytes. */
static void unpack_four(const char *p, uint8_t four[4]) {
    unsigned bits =
        (unsigned)(unsigned char)p[0] | (unsigned)(unsigned char)p[1] << 8 | (unsigned)(unsigned char)p[2] << 16;
    debug_proven(bits >> 24 == 0);
    for (int i = 0; i < 4; i++) four[i] = bits >> (6 * i) & 63;
}

static void dense_unpack(struct slice value, uint8_t registers[HLL_REGISTERS]) {
    proven(value.len == HLL_DENSE_BYTES);
    const char *p = value.ptr + HLL_HEADER_BYTES;
    for (size_t i = 0; i < HLL_REGISTERS / 4; i++) unpack_four(p + 3 * i, registers + 4 * i);
}

/* ---- sparse runs ---- */

/* With branches rather than by computing: they are guessed well, and the next code is looked at meanwhile. */
static inline bool run_at(struct slice value, size_t at, struct hll_run *run) {
    debug_proven(at >= HLL_HEADER_BYTES && at < value.len);
    unsigned code = (unsigned char)value.ptr[at];
    if (code & 0x80) {
        *run = (struct hll_run){(uint8_t)((code >> 2 & 31) + 1), 1, (uint16_t)((code & 3) + 1)};
    } else if (code & 0x40) {
        if (at + 1 == value.len) return false;
        unsigned low = (unsigned char)value.ptr[at + 1];
        *run = (struct hll_run){0, 2, (uint16_t)(((code & 63) << 8 | low) + 1)};
    } else {
        *run = (struct hll_run){0, 1, (uint16_t)(code + 1)};
    }
    return true;
}

bool hll_run(struct slice value, size_t at, struct hll_run *run) {
    proven(at >= HLL_HEADER_BYTES && at < value.len);
    return run_at(value, at, run);
}

static unsigned char val_code(unsigned rank, unsigned count) {
    proven(rank >= 1 && rank <= RANK_CODE_MAX && count >= 1 && count <= VAL_MAX);
    return (unsigned char)(0x80 | (rank - 1) << 2 | (count - 1));
}

/* Appends the code of a run, none for an empty one; returns how many bytes. */
static size_t put_run(unsigned char *dst, unsigned rank, unsigned count) {
    proven(count <= XZERO_MAX && rank <= RANK_CODE_MAX);
    if (count == 0) return 0;
    if (rank > 0 || count <= ZERO_MAX) {
        dst[0] = rank > 0 ? val_code(rank, count) : (unsigned char)(count - 1);
        return 1;
    }
    dst[0] = (unsigned char)(0x40 | (count - 1) >> 8);
    dst[1] = (unsigned char)(count - 1);
    return 2;
}

struct run_place {
    size_t at;      /* byte of the code */
    unsigned first; /* register of the run */
};

/* Runs one after the other. When walk_start or walk_next has said false, walk_was_whole tells whether they are well-formed and
 * add up to all registers. */
struct run_walk {
    struct slice value;
    struct run_place here, before, older; /* the two codes before this one; the start where there are none */
    struct hll_run run;
};

static const struct run_place first_run = {HLL_HEADER_BYTES, 0};

static inline bool walk_read(struct run_walk *w) {
    debug_proven(w->here.first <= HLL_REGISTERS && w->here.at >= HLL_HEADER_BYTES);
    return w->here.at < w->value.len && run_at(w->value, w->here.at, &w->run) &&
           w->here.first + w->run.count <= HLL_REGISTERS;
}

static inline bool walk_start(struct run_walk *w, struct slice value, struct run_place from) {
    proven(from.at >= HLL_HEADER_BYTES && from.first <= HLL_REGISTERS);
    *w = (struct run_walk){.value = value, .here = from, .before = from, .older = from};
    return walk_read(w);
}

static inline bool walk_next(struct run_walk *w) {
    debug_proven(w->run.bytes > 0 && w->run.count > 0);
    w->older = w->before;
    w->before = w->here;
    w->here.at += w->run.bytes;
    w->here.first += w->run.count;
    return walk_read(w);
}

static bool walk_was_whole(const struct run_walk *w) {
    proven(w->here.at <= w->value.len && w->here.first <= HLL_REGISTERS);
    return w->here.at == w->value.len && w->here.first == HLL_REGISTERS;
}

/* ---- counting ---- */

struct histogram {
    uint32_t with[64]; /* registers of each rank */
};

static void dense_histogram(struct slice value, struct histogram *h) {
    uint8_t registers[HLL_REGISTERS];
    proven(value.len == HLL_DENSE_BYTES);
    dense_unpack(value, registers);
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        debug_proven(registers[i] < countof(h->with));
        h->with[registers[i]]++;
    }
}

static bool sparse_histogram(struct slice value, struct histogram *h) {
    struct run_walk w;
    for (bool more = walk_start(&w, value, first_run); more; more = walk_next(&w)) {
        debug_proven(w.run.rank <= RANK_CODE_MAX);
        h->with[w.run.rank] += w.run.count;
    }
    return walk_was_whole(&w);
}

/* sigma(x) = x + sum over k >= 1 of x^(2^k) * 2^(k-1): what the registers that are 0 contribute. */
static double sigma(double x) {
    proven(x >= 0 && x <= 1);
    if (x == 1) return INFINITY;
    double sum = x, last, weight = 1;
    do {
        x *= x;
        last = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != last);
    proven(sum >= x);
    return sum;
}

/* tau(x) = (1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 * 2^-k) / 3: what the registers at the highest rank contribute. */
static double tau(double x) {
    proven(x >= 0 && x <= 1);
    if (x == 0 || x == 1) return 0;
    double sum = 1 - x, last, weight = 1;
    do {
        x = sqrt(x);
        last = sum;
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != last);
    proven(sum >= 0 && sum <= 1);
    return sum / 3;
}

/* Registers above the highest rank that can be count for nothing; when they are all that there is, no estimate is possible and
 * the value is corrupt. */
static bool estimate(const struct histogram *h, uint64_t *count) {
    static const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    const double m = HLL_REGISTERS;
    double z = m * tau((m - h->with[HLL_RANK_MAX]) / m);
    for (int rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + h->with[rank]);
    z += m * sigma(h->with[0] / m);
    proven(z >= 0); /* infinite when nothing was added, 0 when there is no rank that can be */
    double e = alpha * m * m / z;
    if (!(e < 0x1p63)) return false;
    *count = (uint64_t)llround(e);
    proven(!(*count & STALE));
    return true;
}

bool hll_count(struct slice value, uint64_t *count) {
    struct histogram h = {{0}};
    proven(hll_is_valid(value));
    if (!hll_is_sparse(value))
        dense_histogram(value, &h);
    else if (!sparse_histogram(value, &h))
        return false;
    return estimate(&h, count);
}

static bool sparse_union_add(struct hll_union *u, struct slice value) {
    struct run_walk w;
    for (bool more = walk_start(&w, value, first_run); more; more = walk_next(&w)) {
        if (w.run.rank == 0) continue;
        debug_proven(w.here.first + w.run.count <= HLL_REGISTERS);
        uint8_t *r = u->registers + w.here.first;
        for (unsigned i = 0; i < w.run.count; i++)
            if (r[i] < w.run.rank) r[i] = w.run.rank;
    }
    return walk_was_whole(&w);
}

bool hll_union_add(struct hll_union *u, struct slice value) {
    proven(hll_is_valid(value));
    if (hll_is_sparse(value)) return sparse_union_add(u, value);
    uint8_t registers[HLL_REGISTERS];
    dense_unpack(value, registers);
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        if (u->registers[i] < registers[i]) u->registers[i] = registers[i];
    return true;
}

bool hll_union_count(const struct hll_union *u, uint64_t *count) {
    struct histogram h = {{0}};
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        debug_proven(u->registers[i] <= 63);
        h.with[u->registers[i]]++;
    }
    return estimate(&h, count);
}

/* ---- changing ---- */

void hll_create(struct buf *value) {
    proven(value->len == 0);
    static const char header[HLL_HEADER_BYTES] = {'H', 'Y', 'L', 'L', SPARSE};
    unsigned char zeros[2];
    buf_append(value, header, sizeof header);
    proven(put_run(zeros, 0, HLL_REGISTERS) == sizeof zeros);
    buf_append(value, zeros, sizeof zeros);
}

static void dense_fill(char *dense, const struct hll_union *u) {
    proven(dense[ENCODING_AT] == DENSE);
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        if (u->registers[i]) hll_dense_set(dense, i, u->registers[i]);
}

bool hll_make_dense(struct buf *value) {
    struct hll_union u = {{0}};
    if (!hll_is_sparse(buf_slice(value))) return true;
    if (!sparse_union_add(&u, buf_slice(value))) return false;
    size_t old = value->len;
    if (old < HLL_DENSE_BYTES) buf_reserve(value, HLL_DENSE_BYTES - old);
    value->len = HLL_DENSE_BYTES;
    memset(value->ptr + HLL_HEADER_BYTES, 0, HLL_DENSE_BYTES - HLL_HEADER_BYTES);
    value->ptr[ENCODING_AT] = DENSE;
    dense_fill(value->ptr, &u);
    proven(hll_is_valid(buf_slice(value)));
    return true;
}

/* Puts n bytes in the place of old_n. */
static void splice(struct buf *value, size_t at, size_t old_n, const unsigned char *bytes, size_t n) {
    proven(at + old_n <= value->len);
    buf_reserve(value, n);
    memmove(value->ptr + at + n, value->ptr + at + old_n, value->len - at - old_n);
    memcpy(value->ptr + at, bytes, n);
    value->len = value->len + n - old_n;
    proven(value->len <= value->cap);
}

/* Joins neighbouring runs of one rank where a code can hold both, from a run on. How many codes are looked at is part of the
 * format, as equal additions must give equal bytes: the one before the change and the at most three of it, and one more. */
static void join_runs(struct buf *value, size_t at) {
    struct hll_run a, b;
    proven(at >= HLL_HEADER_BYTES);
    for (int looked = 0; looked < 5 && at < value->len; looked++) {
        if (!hll_run(buf_slice(value), at, &a)) return;
        size_t next = at + a.bytes;
        if (a.rank && next < value->len && hll_run(buf_slice(value), next, &b) && b.rank == a.rank &&
            a.count + b.count <= VAL_MAX) {
            unsigned char code = val_code(a.rank, (unsigned)a.count + b.count);
            splice(value, at, 2, &code, 1);
        } else {
            at = next;
        }
    }
}

static enum hll_result promote(struct buf *value, struct hll_mark mark) {
    if (!hll_make_dense(value)) return HLL_CORRUPT;
    proven(hll_dense_get(buf_slice(value), mark.index) < mark.rank);
    hll_dense_set(value->ptr, mark.index, mark.rank);
    return HLL_CHANGED;
}

/* The run splits in up to three: what comes before the register, the register, what comes after it. */
static size_t split_run(const struct run_walk *w, struct hll_mark mark, unsigned char codes[5]) {
    proven(mark.index >= w->here.first && mark.index < w->here.first + w->run.count);
    unsigned before = mark.index - w->here.first, after = w->run.count - before - 1u;
    size_t n = put_run(codes, w->run.rank, before);
    n += put_run(codes + n, mark.rank, 1);
    n += put_run(codes + n, w->run.rank, after);
    proven(n >= 1 && n <= 5);
    return n;
}

/* Finds the run of a register, from a place on that is not beyond it. Joining begins at the code before the run, so where the
 * place is that of the run itself, the code before is found out from the start. */
static bool sparse_find(struct run_walk *w, struct slice value, unsigned index, struct run_place from) {
    proven(index < HLL_REGISTERS);
    struct run_walk at; /* its own, to stay in registers */
    bool found = walk_start(&at, value, from);
    if (found && at.here.first + at.run.count > index) found = walk_start(&at, value, first_run);
    while (found && at.here.first + at.run.count <= index) found = walk_next(&at);
    *w = at;
    return found;
}

/* *from: where to begin to look; left at a place where the search for a register further on may begin. */
static enum hll_result sparse_raise(struct buf *value, struct hll_mark mark, size_t max_bytes, struct run_place *from) {
    unsigned char codes[5];
    struct run_walk w;
    proven(mark.rank >= 1);
    if (mark.rank > RANK_CODE_MAX) return promote(value, mark);
    if (!sparse_find(&w, buf_slice(value), mark.index, *from)) return HLL_CORRUPT;
    if (w.run.rank >= mark.rank) return HLL_SAME;
    size_t n = split_run(&w, mark, codes);
    if (n > w.run.bytes && value->len + n - w.run.bytes > max_bytes) return promote(value, mark);
    splice(value, w.here.at, w.run.bytes, codes, n);
    join_runs(value, w.before.at);
    proven(w.older.at <= w.before.at && w.before.at <= w.here.at);
    *from = w.older;
    return HLL_CHANGED;
}

static enum hll_result dense_raise(char *value, struct hll_mark mark) {
    debug_proven(value[ENCODING_AT] == DENSE);
    if (hll_dense_get(slice_of(value, HLL_DENSE_BYTES), mark.index) >= mark.rank) return HLL_SAME;
    hll_dense_set(value, mark.index, mark.rank);
    return HLL_CHANGED;
}

static enum hll_result raise_from(struct buf *value, struct hll_mark mark, size_t max_bytes, struct run_place *from) {
    proven(mark.index < HLL_REGISTERS && mark.rank <= 63);
    proven(from->at >= HLL_HEADER_BYTES && from->first <= mark.index);
    if (hll_is_sparse(buf_slice(value))) return sparse_raise(value, mark, max_bytes, from);
    return dense_raise(value->ptr, mark);
}

enum hll_result hll_raise(struct buf *value, struct hll_mark mark, size_t sparse_max_bytes) {
    struct run_place from = first_run;
    proven(mark.rank >= 1);
    return raise_from(value, mark, sparse_max_bytes, &from);
}

enum hll_result hll_raise_all(struct buf *value, const struct hll_union *u, size_t sparse_max_bytes) {
    struct hll_union own = {{0}};
    struct run_place from = first_run;
    enum hll_result all = HLL_SAME;
    if (!hll_union_add(&own, buf_slice(value))) return HLL_CORRUPT;
    for (unsigned i = 0; i < HLL_REGISTERS; i++) {
        if (u->registers[i] <= own.registers[i]) continue;
        struct hll_mark mark = {(uint16_t)i, u->registers[i]};
        proven(raise_from(value, mark, sparse_max_bytes, &from) == HLL_CHANGED); /* it was whole, and is lower */
        all = HLL_CHANGED;
    }
    return all;
}
