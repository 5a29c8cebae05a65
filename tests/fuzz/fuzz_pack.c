/* libFuzzer: packs and their older forms as untrusted bytes. The first byte chooses the form and seeds the changes. What the
 * verifier lets pass is read in both directions and changed at random places, and must stay right; each input lies in a block
 * of exactly its size, so that a step outside is seen. */
#include "base/check.h"
#include "base/random.h"
#include "store/pack.h"
#include "store/pack_legacy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWNER MEM_LISTS

static void use_text(struct slice s) {
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < s.len; i++) sum = (unsigned char)(sum + (unsigned char)s.ptr[i]);
}

static void check_pack(const struct pack *p) {
    char scratch[NUM_TEXT_MAX];
    size_t count = 0;
    proven(pack_verify(p, pack_bytes(p), true));
    for (pack_pos at = pack_first(p); at; at = pack_next(p, at), count++) {
        struct slice text = pack_text(p, at, scratch);
        use_text(text);
        proven(pack_equal(p, at, text));
    }
    proven(count == pack_count(p));
    for (pack_pos at = pack_last(p); at; at = pack_prev(p, at)) count--;
    proven(count == 0);
}

static struct pack *change_pack(struct pack *p, struct random *r) {
    static const char bytes[] = "12345678901234567890 some text of at most one hundred and thirty-nine bytes, so that "
                                "both lengths of the back occur in what is inserted here";
    size_t count = pack_count(p);
    struct slice text = slice_of(bytes + random_below(r, 20), random_below(r, random_below(r, 4) ? 20 : 140 - 20));
    pack_pos at = count ? pack_at(p, (int64_t)random_below(r, count)) : 0;
    struct pack *tail;
    switch (at ? random_below(r, 6) : 0) {
    case 0:
        return pack_insert(OWNER, p, at, text);
    case 1:
        return pack_replace(OWNER, p, at, text);
    case 2:
        return pack_delete(OWNER, p, at, random_below(r, 4));
    case 3:
        return pack_insert_after(OWNER, p, at, text);
    case 4:
        (void)pack_find(p, at, text, (unsigned)random_below(r, 3));
        return p;
    default:
        p = pack_split(OWNER, p, at, &tail);
        return pack_merge(OWNER, p, tail);
    }
}

static void fuzz_pack(const uint8_t *data, size_t size, uint64_t seed) {
    (void)pack_verify(data, size, false);
    if (!pack_verify(data, size, true)) return;
    struct random r;
    random_init(&r, seed);
    struct pack *p = pack_try_copy(OWNER, data, size);
    proven(p);
    check_pack(p);
    for (int i = 0; i < 12; i++) {
        p = change_pack(p, &r);
        check_pack(p);
    }
    pack_free(OWNER, p);
    proven(mem_owner_bytes(OWNER) == 0);
}

/* Conversion, as loading does it. */
static bool add_to_pack(void *arg, const struct pack_item *item) {
    struct pack **p = arg;
    *p = item->is_integer ? pack_append_integer(OWNER, *p, item->integer) : pack_append(OWNER, *p, item->text);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    typedef bool each_fn(const void *, size_t, pack_legacy_visit *, void *);
    static each_fn *const each[] = {ziplist_each, zipmap_each, intset_each};
    if (size < 1) return 0;
    uint8_t first = data[0];
    size_t n = size - 1;
    uint8_t *copy = malloc(n ? n : 1);
    proven(copy);
    memcpy(copy, data + 1, n);
    if (first % 4 == 3) {
        fuzz_pack(copy, n, first);
    } else {
        struct pack *p = pack_new(OWNER);
        bool right = each[first % 4](copy, n, add_to_pack, &p);
        proven(right || pack_empty(p));
        check_pack(p);
        pack_free(OWNER, p);
    }
    free(copy);
    return 0;
}
