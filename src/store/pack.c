#include "store/pack.h"

#include "base/check.h"

#define HEAD_BYTES    6
#define END_BYTE      0xFF
#define COUNT_UNKNOWN 65535
#define ELEMENT_MIN   2 /* encoding and back, one byte each */

_Static_assert(sizeof(struct pack) == HEAD_BYTES && _Alignof(struct pack) == 1, "a pack is its bytes");

/* ---- head ---- */
static uint32_t read_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static const uint8_t *bytes_of(const struct pack *p) { return p->head; }

size_t pack_bytes(const struct pack *p) { return read_u32(p->head); }

static uint16_t head_count(const struct pack *p) {
    debug_proven(pack_bytes(p) >= PACK_BYTES_EMPTY);
    uint16_t v;
    memcpy(&v, p->head + 4, sizeof v);
    return v;
}

static void head_set(struct pack *p, size_t bytes, size_t count) {
    debug_proven(bytes >= PACK_BYTES_EMPTY && bytes <= PACK_BYTES_MAX);
    uint32_t total = (uint32_t)bytes;
    uint16_t n = (uint16_t)(count < COUNT_UNKNOWN ? count : COUNT_UNKNOWN);
    memcpy(p->head, &total, sizeof total);
    memcpy(p->head + 4, &n, sizeof n);
}

/* ---- encoding ---- */
/* An element about to be written. */
struct plan {
    uint8_t head[9], back[5];
    uint8_t head_len, back_len;
    struct slice text;
    size_t total;
};

static unsigned back_size(size_t n) {
    debug_proven(n > 0);
    return n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

static void plan_back(struct plan *e) {
    debug_proven(e->head_len >= 1 && e->head_len <= sizeof e->head);
    size_t n = e->head_len + e->text.len;
    e->back_len = (uint8_t)back_size(n);
    for (unsigned i = e->back_len; i-- > 0; n >>= 7) e->back[i] = (uint8_t)((n & 127) | (i ? 128 : 0));
    e->total = e->head_len + e->text.len + e->back_len;
}

static bool fits_bits(int64_t v, unsigned bits) {
    debug_proven(bits > 0 && bits < 64);
    return v >= -(INT64_C(1) << (bits - 1)) && v < INT64_C(1) << (bits - 1);
}

static void plan_integer(struct plan *e, int64_t v) {
    static const uint8_t codes[] = {0xF1, 0xF2, 0xF3, 0xF4}, widths[] = {2, 3, 4, 8};
    e->text = (struct slice){NULL, 0};
    if (v >= 0 && v <= 127) {
        e->head[0] = (uint8_t)v;
        e->head_len = 1;
    } else if (fits_bits(v, 13)) {
        e->head[0] = (uint8_t)(0xC0 | (v >> 8 & 0x1F));
        e->head[1] = (uint8_t)v;
        e->head_len = 2;
    } else {
        unsigned i = fits_bits(v, 16) ? 0 : fits_bits(v, 24) ? 1 : fits_bits(v, 32) ? 2 : 3;
        e->head[0] = codes[i];
        memcpy(e->head + 1, &v, widths[i]);
        e->head_len = (uint8_t)(1 + widths[i]);
    }
    plan_back(e);
}

static void plan_string(struct plan *e, struct slice text) {
    proven(text.len <= PACK_BYTES_MAX);
    e->text = text;
    if (text.len <= 63) {
        e->head[0] = (uint8_t)(0x80 | text.len);
        e->head_len = 1;
    } else if (text.len <= 4095) {
        e->head[0] = (uint8_t)(0xE0 | text.len >> 8);
        e->head[1] = (uint8_t)text.len;
        e->head_len = 2;
    } else {
        uint32_t len = (uint32_t)text.len;
        e->head[0] = 0xF0;
        memcpy(e->head + 1, &len, sizeof len);
        e->head_len = 5;
    }
    plan_back(e);
}

static void plan_text(struct plan *e, struct slice text) {
    debug_proven(text.ptr || text.len == 0);
    int64_t v;
    if (num_parse_i64(text, &v))
        plan_integer(e, v);
    else
        plan_string(e, text);
}

/* ---- decoding ---- */
/* Bytes of encoding and string, 0 for a byte that starts no element. Reads the length bytes behind the first. */
static size_t element_size(const uint8_t *e) {
    static const uint8_t sizes[16] = {[1] = 3, [2] = 4, [3] = 5, [4] = 9};
    unsigned b = e[0];
    if (b < 0x80) return 1;
    if (b < 0xC0) return 1 + (size_t)(b & 63);
    if (b < 0xE0) return 2;
    if (b < 0xF0) return 2 + ((size_t)(b & 15) << 8 | e[1]);
    if (b == 0xF0) return 5 + (size_t)read_u32(e + 1);
    return sizes[b & 15];
}

static size_t element_total(const uint8_t *e) {
    debug_proven(e[0] != END_BYTE);
    size_t n = element_size(e);
    return n + back_size(n);
}

static bool element_is_string(uint8_t b) { return (b & 0xC0) == 0x80 || (b & 0xF0) == 0xE0 || b == 0xF0; }

static int64_t element_integer(const uint8_t *e) {
    debug_proven(!element_is_string(e[0]) && e[0] <= 0xF4);
    uint64_t v = 0;
    if (e[0] < 0x80) return e[0];
    if (e[0] < 0xE0) return (int64_t)((uint64_t)(e[0] & 0x1F) << 59 | (uint64_t)e[1] << 51) >> 51;
    size_t width = element_size(e) - 1;
    debug_proven(width == 2 || width == 3 || width == 4 || width == 8);
    memcpy(&v, e + 1, width);
    unsigned spare = (unsigned)(64 - 8 * width);
    return (int64_t)(v << spare) >> spare;
}

static struct slice element_string(const uint8_t *e) {
    debug_proven(element_is_string(e[0]));
    size_t head = e[0] < 0xC0 ? 1 : e[0] < 0xF0 ? 2 : 5;
    return slice_of((const char *)e + head, element_size(e) - head);
}

/* ---- untrusted bytes ---- */
/* Bytes that must be there to know the size of an element that starts with b; 0: none starts so. */
static size_t element_prefix(uint8_t b) {
    if (b < 0xE0) return 1;
    if (b < 0xF0) return 2;
    return b == 0xF0 ? 5 : b <= 0xF4 ? 1 : 0;
}

/* The whole of the element at e, of which `left` bytes are there; 0 when it is not right. */
static size_t element_verify(const uint8_t *e, size_t left) {
    debug_proven(left <= PACK_BYTES_MAX);
    size_t prefix = left ? element_prefix(e[0]) : 0;
    if (prefix == 0 || prefix > left) return 0;
    size_t n = element_size(e), back = back_size(n);
    if (n > PACK_BYTES_MAX || n + back > left) return 0;
    struct plan expected = {.head_len = 1, .text = {NULL, n - 1}};
    plan_back(&expected);
    return memcmp(e + n, expected.back, back) == 0 ? n + back : 0;
}

bool pack_verify(const void *bytes, size_t n, bool deep) {
    proven(bytes || n == 0);
    const uint8_t *at = bytes, *end = at + n;
    if (n < PACK_BYTES_EMPTY || n > PACK_BYTES_MAX) return false;
    const struct pack *p = bytes;
    if (pack_bytes(p) != n || end[-1] != END_BYTE) return false;
    if (!deep) return true;
    size_t count = 0;
    for (at += HEAD_BYTES; at < end - 1; count++) {
        size_t total = element_verify(at, (size_t)(end - 1 - at));
        if (total == 0) return false;
        at += total;
    }
    return head_count(p) == COUNT_UNKNOWN || head_count(p) == count;
}

/* ---- whole packs ---- */
struct pack *pack_new(enum mem_owner owner) {
    struct pack *p = mem_alloc(owner, PACK_BYTES_EMPTY);
    head_set(p, PACK_BYTES_EMPTY, 0);
    p->body[0] = END_BYTE;
    debug_proven(pack_empty(p));
    return p;
}

void pack_free(enum mem_owner owner, struct pack *p) {
    if (!p) return;
    proven(pack_bytes(p) >= PACK_BYTES_EMPTY && bytes_of(p)[pack_bytes(p) - 1] == END_BYTE);
    mem_free(owner, p, pack_bytes(p));
}

struct pack *pack_try_copy(enum mem_owner owner, const void *bytes, size_t n) {
    proven(n == pack_bytes(bytes) && n <= PACK_BYTES_MAX);
    struct pack *p = mem_try_alloc(owner, n);
    if (p) memcpy(p, bytes, n);
    return p;
}

/* Elements from the one at `at` on. */
static size_t count_from(const struct pack *p, size_t at) {
    debug_proven(at >= HEAD_BYTES);
    size_t n = 0, end = pack_bytes(p) - 1;
    for (; at < end; n++) at += element_total(bytes_of(p) + at);
    proven(at == end);
    return n;
}

size_t pack_count(const struct pack *p) {
    uint16_t n = head_count(p);
    return likely(n != COUNT_UNKNOWN) ? n : count_from(p, HEAD_BYTES);
}

bool pack_empty(const struct pack *p) {
    debug_proven(pack_bytes(p) >= PACK_BYTES_EMPTY);
    return pack_bytes(p) == PACK_BYTES_EMPTY;
}

bool pack_fits(const struct pack *p, size_t more_bytes) {
    debug_proven(pack_bytes(p) <= PACK_BYTES_MAX);
    return more_bytes <= PACK_BYTES_MAX - pack_bytes(p);
}

/* ---- positions ---- */
static const uint8_t *element(const struct pack *p, pack_pos at) {
    debug_proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1);
    return bytes_of(p) + at;
}

pack_pos pack_standing(const struct pack *p, pack_pos at) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p));
    return at == pack_bytes(p) - 1 ? 0 : at;
}

pack_pos pack_first(const struct pack *p) {
    debug_proven(p->body[pack_bytes(p) - PACK_BYTES_EMPTY] == END_BYTE);
    return pack_standing(p, HEAD_BYTES);
}

pack_pos pack_next(const struct pack *p, pack_pos at) {
    at += (pack_pos)element_total(element(p, at));
    proven(at < pack_bytes(p));
    return at == pack_bytes(p) - 1 ? 0 : at;
}

pack_pos pack_prev(const struct pack *p, pack_pos at) {
    debug_proven(at == 0 || (at >= HEAD_BYTES && at < pack_bytes(p)));
    if (at == 0) at = (pack_pos)pack_bytes(p) - 1;
    if (at == HEAD_BYTES) return 0;
    size_t n = 0;
    unsigned shift = 0;
    const uint8_t *b = bytes_of(p) + at;
    do {
        b--;
        n |= (size_t)(*b & 127) << shift;
        shift += 7;
    } while (*b & 128 && shift < 35);
    proven(n + shift / 7 <= at - HEAD_BYTES);
    return at - (pack_pos)n - shift / 7;
}

pack_pos pack_last(const struct pack *p) {
    debug_proven(p->body[pack_bytes(p) - PACK_BYTES_EMPTY] == END_BYTE);
    return pack_prev(p, 0);
}

pack_pos pack_skip(const struct pack *p, pack_pos at, size_t n) {
    debug_proven(at < pack_bytes(p));
    while (n-- > 0 && at) at = pack_next(p, at);
    return at;
}

pack_pos pack_at(const struct pack *p, int64_t index) {
    int64_t count = head_count(p);
    if (count != COUNT_UNKNOWN) {
        if (index >= count || index < -count) return 0;
        if (index >= 0 && index > count / 2) index -= count;
        if (index < 0 && -index > count / 2) index += count;
    }
    if (index >= 0) return pack_skip(p, pack_first(p), (size_t)index);
    pack_pos at = pack_last(p);
    while (++index < 0 && at) at = pack_prev(p, at);
    return at;
}

/* ---- reading ---- */
struct pack_item pack_get(const struct pack *p, pack_pos at) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1);
    const uint8_t *e = element(p, at);
    if (element_is_string(*e)) return (struct pack_item){.text = element_string(e)};
    return (struct pack_item){.is_integer = true, .integer = element_integer(e)};
}

struct slice pack_text(const struct pack *p, pack_pos at, char *scratch) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1 && scratch);
    const uint8_t *e = element(p, at);
    if (element_is_string(*e)) return element_string(e);
    return slice_of(scratch, num_format_i64(scratch, element_integer(e)));
}

/* What is sought, as text and, if it is one, as an integer. */
struct sought {
    struct slice text;
    bool is_integer;
    int64_t integer;
};

static struct sought sought_of(struct slice text) {
    debug_proven(text.ptr || text.len == 0);
    struct sought s = {.text = text};
    s.is_integer = num_parse_i64(text, &s.integer);
    return s;
}

static bool element_equal(const uint8_t *e, const struct sought *s) {
    debug_proven(e[0] != END_BYTE);
    if (element_is_string(*e)) return slice_equal(element_string(e), s->text);
    return s->is_integer && element_integer(e) == s->integer;
}

bool pack_equal(const struct pack *p, pack_pos at, struct slice text) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1);
    struct sought s = sought_of(text);
    return element_equal(element(p, at), &s);
}

pack_pos pack_find(const struct pack *p, pack_pos from, struct slice text, unsigned skip) {
    if (from == 0) return 0;
    struct sought s = sought_of(text);
    const uint8_t *e = element(p, from), *end = bytes_of(p) + pack_bytes(p) - 1;
    while (e < end) {
        if (element_equal(e, &s)) return (pack_pos)(e - bytes_of(p));
        e += element_total(e);
        for (unsigned i = 0; i < skip && e < end; i++) e += element_total(e);
    }
    proven(e == end);
    return 0;
}

/* ---- changing ---- */
/* Replaces old_n bytes at `at` by a gap of new_n bytes. The head is stale afterwards. */
static struct pack *pack_open(enum mem_owner owner, struct pack *p, size_t at, size_t old_n, size_t new_n) {
    size_t bytes = pack_bytes(p), want = bytes - old_n + new_n;
    proven(at >= HEAD_BYTES && at + old_n < bytes && want <= PACK_BYTES_MAX);
    if (new_n > old_n) p = mem_realloc(owner, p, bytes, want);
    uint8_t *b = (uint8_t *)p + at;
    if (new_n != old_n) memmove(b + new_n, b + old_n, bytes - at - old_n);
    return new_n < old_n ? mem_realloc(owner, p, bytes, want) : p;
}

static void plan_write(const struct plan *e, uint8_t *dst) {
    debug_proven(e->total == e->head_len + e->text.len + e->back_len);
    memcpy(dst, e->head, e->head_len);
    dst += e->head_len;
    if (e->text.len) memcpy(dst, e->text.ptr, e->text.len);
    memcpy(dst + e->text.len, e->back, e->back_len);
}

/* The count in the head after a change by delta; one that is unknown stays so. */
static size_t count_after(const struct pack *p, size_t added) {
    debug_proven(added <= PACK_BYTES_MAX);
    size_t n = head_count(p);
    return n == COUNT_UNKNOWN ? COUNT_UNKNOWN : n + added;
}

static struct pack *pack_insert_plan(enum mem_owner owner, struct pack *p, pack_pos at, const struct plan *e) {
    debug_proven(at == 0 || *element(p, at) != END_BYTE);
    size_t bytes = pack_bytes(p), where = at ? at : bytes - 1, count = count_after(p, 1);
    p = pack_open(owner, p, where, 0, e->total);
    plan_write(e, (uint8_t *)p + where);
    head_set(p, bytes + e->total, count);
    return p;
}

static struct pack *pack_replace_plan(enum mem_owner owner, struct pack *p, pack_pos at, const struct plan *e) {
    debug_proven(*element(p, at) != END_BYTE);
    size_t bytes = pack_bytes(p), old_n = element_total(element(p, at)), count = head_count(p);
    p = pack_open(owner, p, at, old_n, e->total);
    plan_write(e, (uint8_t *)p + at);
    head_set(p, bytes - old_n + e->total, count);
    return p;
}

struct pack *pack_insert(enum mem_owner owner, struct pack *p, pack_pos at, struct slice text) {
    proven(at < pack_bytes(p) - 1 && pack_fits(p, PACK_ELEMENT_MAX + text.len));
    struct plan e;
    plan_text(&e, text);
    return pack_insert_plan(owner, p, at, &e);
}

struct pack *pack_insert_integer(enum mem_owner owner, struct pack *p, pack_pos at, int64_t integer) {
    proven(at < pack_bytes(p) - 1 && pack_fits(p, PACK_ELEMENT_MAX));
    struct plan e;
    plan_integer(&e, integer);
    return pack_insert_plan(owner, p, at, &e);
}

struct pack *pack_replace(enum mem_owner owner, struct pack *p, pack_pos at, struct slice text) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1);
    struct plan e;
    plan_text(&e, text);
    return pack_replace_plan(owner, p, at, &e);
}

struct pack *pack_replace_integer(enum mem_owner owner, struct pack *p, pack_pos at, int64_t integer) {
    proven(at >= HEAD_BYTES && at < pack_bytes(p) - 1);
    struct plan e;
    plan_integer(&e, integer);
    return pack_replace_plan(owner, p, at, &e);
}

/* The count of a pack that was too large to have one is learned again once its bytes rule out that many elements. */
static void pack_learn_count(struct pack *p) {
    debug_proven(p->body[pack_bytes(p) - PACK_BYTES_EMPTY] == END_BYTE);
    size_t bytes = pack_bytes(p);
    if (head_count(p) == COUNT_UNKNOWN && (bytes - PACK_BYTES_EMPTY) / ELEMENT_MIN < COUNT_UNKNOWN)
        head_set(p, bytes, count_from(p, HEAD_BYTES));
}

struct pack *pack_delete(enum mem_owner owner, struct pack *p, pack_pos at, size_t n) {
    const uint8_t *b = element(p, at), *to = b, *end = bytes_of(p) + pack_bytes(p) - 1;
    size_t bytes = pack_bytes(p), count = head_count(p), removed = 0;
    for (; removed < n && to < end; removed++) to += element_total(to);
    proven(to <= end && (count == COUNT_UNKNOWN || removed <= count));
    size_t gone = (size_t)(to - b);
    p = pack_open(owner, p, at, gone, 0);
    head_set(p, bytes - gone, count == COUNT_UNKNOWN ? count : count - removed);
    pack_learn_count(p);
    return p;
}

/* ---- several packs ---- */
struct pack *pack_merge(enum mem_owner owner, struct pack *a, struct pack *b) {
    proven(a != b);
    size_t a_bytes = pack_bytes(a), body = pack_bytes(b) - PACK_BYTES_EMPTY;
    size_t count = head_count(b) == COUNT_UNKNOWN ? COUNT_UNKNOWN : count_after(a, head_count(b));
    a = pack_open(owner, a, a_bytes - 1, 0, body);
    memcpy((uint8_t *)a + a_bytes - 1, b->body, body);
    head_set(a, a_bytes + body, count);
    pack_free(owner, b);
    return a;
}

struct pack *pack_split(enum mem_owner owner, struct pack *p, pack_pos at, struct pack **tail) {
    size_t bytes = pack_bytes(p), moved = bytes - 1 - at, count = head_count(p), moved_count = count_from(p, at);
    proven(at >= HEAD_BYTES && at < bytes);
    struct pack *t = mem_alloc(owner, PACK_BYTES_EMPTY + moved);
    memcpy(t->body, bytes_of(p) + at, moved + 1);
    head_set(t, PACK_BYTES_EMPTY + moved, moved_count);
    p = pack_open(owner, p, at, moved, 0);
    head_set(p, bytes - moved, count == COUNT_UNKNOWN ? count : count - moved_count);
    pack_learn_count(p);
    *tail = t;
    return p;
}
