/* libFuzzer: a string that claims to be a HyperLogLog. Whatever its bytes are, reading stays inside, corrupt ones stay as they
 * are, and of the others every way of reading says the same. The first byte gives the elements to add and the limit of sparse
 * values. */
#include "base/check.h"
#include "values/hll.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of just this size: a step outside is seen. */
static struct buf copy_of(struct slice value) {
    struct buf b;
    buf_init(&b, MEM_SERVER);
    buf_append_slice(&b, value);
    buf_shrink(&b);
    return b;
}

static bool read_runs(struct slice value, unsigned *registers) {
    struct hll_run run;
    *registers = 0;
    for (size_t at = HLL_HEADER_BYTES; at < value.len; at += run.bytes) {
        if (!hll_run(value, at, &run)) return false;
        proven(run.count > 0 && run.bytes > 0 && run.rank <= 32);
        *registers += run.count;
    }
    return *registers == HLL_REGISTERS;
}

static void add_elements(struct buf *b, uint8_t choice, bool whole) {
    static const size_t limits[] = {0, 20, 200, 3000};
    struct slice before = {NULL, 0};
    for (unsigned i = 0; i < 4u + choice % 32; i++) {
        char text[2] = {(char)choice, (char)i};
        struct buf kept = copy_of(buf_slice(b));
        before = buf_slice(&kept);
        enum hll_result result = hll_raise(b, hll_mark(slice_of(text, 2)), limits[choice % 4]);
        proven(hll_is_valid(buf_slice(b)));
        if (whole) proven(result != HLL_CORRUPT);
        if (result != HLL_CHANGED) proven(slice_equal(before, buf_slice(b)));
        buf_release(&kept);
    }
}

static void check_whole(struct buf *b, const struct hll_union *u) {
    struct hll_union v = {{0}};
    uint64_t count, again = 0;
    bool counted = hll_count(buf_slice(b), &count);
    proven(hll_make_dense(b) && b->len == HLL_DENSE_BYTES);
    proven(hll_union_add(&v, buf_slice(b)));
    proven(memcmp(u, &v, sizeof v) == 0);
    proven(hll_count(buf_slice(b), &again) == counted && (!counted || count == again));
    for (unsigned i = 0; i < HLL_REGISTERS; i += 97) proven(hll_dense_get(buf_slice(b), i) == v.registers[i]);
    struct buf merged;
    buf_init(&merged, MEM_SERVER);
    hll_create(&merged);
    proven(hll_raise_all(&merged, &v, 3000) != HLL_CORRUPT);
    buf_release(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct slice value = slice_of((const char *)data + 1, size - 1);
    if (!hll_is_valid(value)) return 0;
    struct buf b = copy_of(value);
    struct hll_union u = {{0}};
    uint64_t count;
    unsigned registers;
    bool whole = hll_union_add(&u, buf_slice(&b));
    if (hll_is_sparse(value)) proven(read_runs(buf_slice(&b), &registers) == whole);
    if (!whole) proven(!hll_count(buf_slice(&b), &count) && !hll_make_dense(&b));
    proven(slice_equal(buf_slice(&b), value));
    add_elements(&b, data[0], whole);
    buf_release(&b);
    b = copy_of(value);
    if (whole) check_whole(&b, &u);
    buf_release(&b);
    return 0;
}
