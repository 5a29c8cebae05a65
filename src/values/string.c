#include "values/string.h"

#include "base/check.h"
#include "base/num.h"
#include "mem/mem.h"

/* ---- bodies ---- */

/* Bytes a growing body gets beyond what it needs: as much again while small, 1 MiB when big. */
#define SLACK_MAX ((size_t)1 << 20)

/* What no machine has memory for, though a client may ask for it where proto-max-bulk-len lets it. */
#define BODY_MAX ((size_t)1 << 47)

static size_t body_bytes(size_t capacity) {
    proven(capacity <= BODY_MAX);
    return sizeof(struct string_body) + capacity;
}

size_t string_body_size(const struct string_body *b) {
    proven(b->len <= b->capacity);
    return body_bytes(b->capacity);
}

struct string_body *string_body_try_new(size_t len, size_t capacity) {
    proven(len <= capacity);
    if (capacity > BODY_MAX) return NULL;
    struct string_body *b = mem_try_alloc(MEM_STRINGS, body_bytes(capacity));
    if (!b) return NULL;
    b->len = len;
    b->capacity = capacity;
    return b;
}

struct string_body *string_body_new(size_t len, size_t capacity) {
    struct string_body *b = string_body_try_new(len, capacity);
    proven(b != NULL);
    return b;
}

struct string_body *string_body_adopt(enum mem_owner from, void *block, size_t len) {
    struct string_body *b = block;
    proven(b != NULL && len > 0);
    mem_move(from, MEM_STRINGS, b, body_bytes(len));
    b->len = b->capacity = len;
    return b;
}

struct string_body *string_body_resize(struct string_body *b, size_t len) {
    proven(b->len <= b->capacity);
    if (len > b->capacity) {
        if (len > BODY_MAX - SLACK_MAX) return NULL;
        size_t capacity = len + (len < SLACK_MAX ? len : SLACK_MAX);
        struct string_body *moved = mem_try_realloc(MEM_STRINGS, b, string_body_size(b), body_bytes(capacity));
        if (!moved) return NULL;
        b = moved;
        b->capacity = capacity;
    }
    proven(len <= b->capacity);
    if (len > b->len) memset(b->bytes + b->len, 0, len - b->len);
    b->len = len;
    return b;
}

void string_body_free(struct string_body *b) {
    if (b) mem_free(MEM_STRINGS, b, string_body_size(b));
}

/* ---- numbers and ranges ---- */

bool string_is_integer(struct slice s, int64_t *out) { return num_parse_i64(s, out); }

struct slice string_range(struct slice s, int64_t start, int64_t end) {
    proven(s.len <= INT64_MAX);
    int64_t len = (int64_t)s.len;
    /* Both before the beginning and crossed: empty, though clamping would meet at 0. */
    if (start < 0 && end < 0 && start > end) return slice_of(NULL, 0);
    if (start < 0) start = start < -len ? 0 : start + len;
    if (end < 0) end = end < -len ? 0 : end + len;
    if (end >= len) end = len - 1;
    if (len == 0 || start > end) return slice_of(NULL, 0);
    proven(start >= 0 && end < len);
    return slice_of(s.ptr + start, (size_t)(end - start + 1));
}

/* ---- longest common subsequence ---- */

/* Length for the first i bytes of a and the first j of b. */
static inline uint32_t *cell(const struct string_lcs *l, size_t i, size_t j) {
    debug_proven(i <= l->a.len && j <= l->b.len);
    return &l->cells[i * (l->b.len + 1) + j];
}

static bool cell_count(struct slice a, struct slice b, uint64_t *count) {
    return a.len < UINT32_MAX && b.len < UINT32_MAX &&
           !__builtin_mul_overflow((uint64_t)a.len + 1, (uint64_t)b.len + 1, count) && *count <= STRING_LCS_CELLS_MAX;
}

static void fill_cells(struct string_lcs *l) {
    proven(l->cells != NULL);
    for (size_t j = 0; j <= l->b.len; j++) *cell(l, 0, j) = 0;
    for (size_t i = 1; i <= l->a.len; i++) {
        const uint32_t *above = cell(l, i - 1, 0);
        uint32_t *row = cell(l, i, 0);
        row[0] = 0;
        for (size_t j = 1; j <= l->b.len; j++) {
            uint32_t longer = above[j] > row[j - 1] ? above[j] : row[j - 1];
            row[j] = l->a.ptr[i - 1] == l->b.ptr[j - 1] ? above[j - 1] + 1 : longer;
        }
        proven(row[l->b.len] <= i); /* i bytes of a share at most i with anything */
    }
}

bool string_lcs_init(struct string_lcs *l, struct slice a, struct slice b) {
    uint64_t count = 0;
    *l = (struct string_lcs){.a = a, .b = b};
    if (!cell_count(a, b, &count)) return false;
    l->cells = mem_try_alloc(MEM_SERVER, count * sizeof *l->cells);
    if (!l->cells) return false;
    fill_cells(l);
    l->length = *cell(l, a.len, b.len);
    proven(l->length <= a.len && l->length <= b.len);
    return true;
}

void string_lcs_release(struct string_lcs *l) {
    if (l->cells) mem_free(MEM_SERVER, l->cells, (l->a.len + 1) * (l->b.len + 1) * sizeof *l->cells);
    l->cells = NULL;
}

/* Steps from (*i, *j) back to the next pair of bytes that belongs to the subsequence, and onto it; false at the start.
 * Where both ways are as long it shortens b, which decides between equally long results. */
static bool step_back(const struct string_lcs *l, size_t *i, size_t *j) {
    proven(*i <= l->a.len && *j <= l->b.len);
    while (*i > 0 && *j > 0) {
        if (l->a.ptr[*i - 1] == l->b.ptr[*j - 1]) {
            --*i;
            --*j;
            return true;
        }
        if (*cell(l, *i - 1, *j) > *cell(l, *i, *j - 1))
            --*i;
        else
            --*j;
    }
    return false;
}

void string_lcs_text(const struct string_lcs *l, char *dst) {
    size_t i = l->a.len, j = l->b.len, at = l->length;
    while (step_back(l, &i, &j)) {
        proven(at > 0);
        dst[--at] = l->a.ptr[i];
    }
    proven(at == 0);
}

void string_lcs_matches(const struct string_lcs *l,
                        void (*match)(void *arg, uint32_t a_start, uint32_t a_end, uint32_t b_start, uint32_t b_end),
                        void *arg) {
    size_t i = l->a.len, j = l->b.len;
    size_t run = 0, run_i = 0, run_j = 0; /* bytes of the run at hand, and where it starts */
    size_t total = 0;
    while (step_back(l, &i, &j)) {
        if (run > 0 && (i + 1 != run_i || j + 1 != run_j)) {
            match(arg, (uint32_t)run_i, (uint32_t)(run_i + run - 1), (uint32_t)run_j, (uint32_t)(run_j + run - 1));
            run = 0;
        }
        run_i = i;
        run_j = j;
        run++;
        total++;
    }
    proven(total == l->length);
    if (run > 0) match(arg, (uint32_t)run_i, (uint32_t)(run_i + run - 1), (uint32_t)run_j, (uint32_t)(run_j + run - 1));
}
