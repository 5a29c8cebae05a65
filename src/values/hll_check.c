/* What PFSELFTEST runs: the dense packing against a plain array, both encodings against each other, estimates against truth. */
#include "values/hll.h"

#include "base/check.h"
#include "base/num.h"

#include <math.h>

/* Every register set, in an order that meets all neighbours, reads back as itself and leaves the others alone. */
static bool packing_holds(void) {
    static const unsigned stride = 4099; /* has no divisor in common with the number of registers */
    char value[HLL_DENSE_BYTES] = {0};
    uint8_t plain[HLL_REGISTERS] = {0};
    proven(HLL_REGISTERS % stride != 0);
    for (unsigned i = 0, at = 0; i < 2 * HLL_REGISTERS; i++, at = (at + stride) % HLL_REGISTERS) {
        plain[at] = (uint8_t)((i * 7 + at) % (HLL_RANK_MAX + 1));
        hll_dense_set(value, at, plain[at]);
    }
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        if (hll_dense_get(slice_of(value, sizeof value), i) != plain[i]) return false;
    return true;
}

static struct hll_mark numbered_mark(unsigned n) {
    char text[NUM_TEXT_MAX];
    size_t len = num_format_u64(text, n);
    proven(len < sizeof text);
    return hll_mark(slice_of(text, len));
}

/* Five standard errors, and a few elements at small counts: fails for one sequence in millions, and ours is fixed. */
static bool estimate_is_near(struct slice value, unsigned truth) {
    uint64_t count;
    proven(hll_is_valid(value));
    if (!hll_count(value, &count)) return false;
    double error = fabs((double)count - truth);
    return error <= 5 * 1.04 / sqrt(HLL_REGISTERS) * truth + 3;
}

static bool encodings_agree(struct slice a, struct slice b) {
    struct hll_union u = {{0}}, v = {{0}};
    proven(hll_is_valid(a) && hll_is_valid(b));
    return hll_union_add(&u, a) && hll_union_add(&v, b) && memcmp(&u, &v, sizeof u) == 0;
}

/* The sparse value is never made to turn dense, so it stands for a while beside the dense one; then only the dense one. */
#define SPARSE_ELEMENTS 1000

static const char *adding_holds(struct buf *sparse, struct buf *dense, unsigned n) {
    unsigned next_look = 1;
    proven(hll_is_sparse(buf_slice(sparse)) && !hll_is_sparse(buf_slice(dense)));
    for (unsigned i = 1; i <= n; i++) {
        struct hll_mark mark = numbered_mark(i);
        if (hll_raise(dense, mark, 0) == HLL_CORRUPT) return "a dense value became corrupt";
        if (i <= SPARSE_ELEMENTS && hll_raise(sparse, mark, SIZE_MAX) == HLL_CORRUPT)
            return "a sparse value became corrupt";
        if (i != next_look) continue;
        next_look *= 2;
        if (i <= SPARSE_ELEMENTS && !encodings_agree(buf_slice(sparse), buf_slice(dense))) return "encodings differ";
        if (!estimate_is_near(buf_slice(dense), i)) return "an estimate is too far off";
    }
    return NULL;
}

const char *hll_self_test(unsigned n) {
    struct buf sparse, dense;
    if (!packing_holds()) return "dense registers do not read back";
    buf_init(&sparse, MEM_SERVER);
    buf_init(&dense, MEM_SERVER);
    hll_create(&sparse);
    hll_create(&dense);
    proven(hll_make_dense(&dense));
    const char *wrong = adding_holds(&sparse, &dense, n);
    buf_release(&sparse);
    buf_release(&dense);
    return wrong;
}
