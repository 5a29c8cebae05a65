#include "base/check.h"
#include "commands/sort_int.h"
#include "values/kind.h"
#include "values/list.h"
#include "values/zset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- gathering ---- */

static bool no_memory(struct sort *s) {
    s->error = SORT_ERROR_MEMORY;
    return false;
}

static bool add_text(struct sort *s, struct slice text, size_t *at) {
    if (!buf_try_reserve(&s->texts, text.len + 1)) return no_memory(s);
    *at = s->texts.len;
    buf_append_slice(&s->texts, text);
    buf_append(&s->texts, "", 1);
    return true;
}

static bool add_item(struct sort *s, struct slice text) {
    struct sort_item item = {.text_len = (uint32_t)text.len};
    proven(s->count < s->room && text.len < UINT32_MAX);
    if (!add_text(s, text, &item.text_at)) return false;
    s->items[s->count++] = item;
    return true;
}

static void gather_list(struct sort *s, size_t from) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor at;
    uint64_t length = list_length(s->value);
    bool down = s->unsorted && s->descending;
    list_seek(s->value, down ? length - 1 - from : from, &at);
    while (add_item(s, list_text(&at, scratch)) && s->count < s->room && (down ? list_prev(&at) : list_next(&at))) {
    }
}

static void gather_zset(struct sort *s, size_t from) {
    struct zset_walk w;
    struct zset_item item;
    zset_walk_ranks(&w, s->value, 0, zset_count(s->value), s->unsorted && s->descending);
    zset_walk_limit(&w, from, s->room);
    while (zset_walk_next(&w, &item) && add_item(s, item.member)) {
    }
}

static void visit_member(void *arg, const struct value_element *element) {
    struct sort *s = arg;
    if (s->skipped > 0)
        s->skipped--;
    else if (s->count < s->room && !s->error)
        add_item(s, element->text);
}

/* The result's place among n elements. */
static void find_range(struct sort *s, size_t n) {
    uint64_t first = s->limit_offset > 0 ? (uint64_t)s->limit_offset : 0;
    s->first = first < n ? (size_t)first : n;
    s->wanted = n - s->first;
    if (s->limit_count >= 0 && (uint64_t)s->limit_count < s->wanted) s->wanted = (size_t)s->limit_count;
}

bool sort_gather(struct sort *s) {
    const struct value_kind *kind = value_kind(s->value.type);
    size_t n = s->value.ptr ? kind->count(s->value) : 0, from = 0;
    find_range(s, n);
    if (s->unsorted) {
        from = s->first;
        s->first = 0;
    }
    s->room = s->unsorted ? s->wanted : n; /* to be sorted, also for nothing: one that is no number is an error */
    if (s->room == 0) return true;
    s->items = mem_try_alloc(MEM_CLIENT_IN, s->room * sizeof *s->items);
    if (!s->items) return no_memory(s);
    if (s->value.type == TYPE_LIST) {
        gather_list(s, from);
    } else if (s->value.type == TYPE_ZSET) {
        gather_zset(s, from);
    } else {
        s->skipped = from;
        kind->each(s->value, dataset_now(s->c->dataset), visit_member, s);
    }
    proven(s->error || s->count == s->room);
    return !s->error;
}

void sort_release_items(struct sort *s) {
    mem_free(MEM_CLIENT_IN, s->items, s->room * sizeof *s->items);
    buf_release(&s->texts);
    buf_release(&s->name);
}

/* ---- weighing ---- */

/* All that strtod takes, space in front of it and nothing at all (0) included; nothing that is too large or too small. */
static bool parse_weight(const char *text, size_t len, double *weight) {
    int64_t integer;
    char *end;
    if (num_parse_i64(slice_of(text, len), &integer)) {
        *weight = (double)integer;
        return true;
    }
    errno = 0;
    *weight = strtod(text, &end);
    return *end == 0 && errno != ERANGE && !isnan(*weight);
}

/* texts is only borrowed for the NUL. */
static bool weigh_text(struct sort *s, struct slice text, double *weight) {
    size_t at;
    if (!add_text(s, text, &at)) return false;
    bool is_number = parse_weight(s->texts.ptr + at, text.len, weight);
    s->texts.len = at;
    return is_number;
}

static bool weigh_by_key(struct sort *s, struct sort_item *item, bool *is_number) {
    struct slice text;
    bool found;
    item->key_len = SORT_NO_KEY;
    item->weight = 0;
    if (!sort_look_up(s, &s->by, sort_item_text(s, item), &found, &text)) return false;
    if (found && s->alpha) {
        item->key_len = (uint32_t)text.len;
        return add_text(s, text, &item->key_at);
    }
    *is_number = !found || weigh_text(s, text, &item->weight);
    return !s->error;
}

static void weigh_by_itself(struct sort *s, struct sort_item *item, bool *is_number) {
    if (s->alpha) {
        item->key_at = item->text_at;
        item->key_len = item->text_len;
    } else {
        *is_number = parse_weight(s->texts.ptr + item->text_at, item->text_len, &item->weight);
    }
}

/* To the end also when an element is no number: every key asked for counts as looked up. */
bool sort_weigh(struct sort *s) {
    bool all_numbers = true;
    for (size_t i = 0; i < s->count; i++) {
        bool is_number = true;
        if (!s->by_key)
            weigh_by_itself(s, &s->items[i], &is_number);
        else if (!weigh_by_key(s, &s->items[i], &is_number))
            return false;
        all_numbers = all_numbers && is_number;
    }
    if (!all_numbers) s->error = "ERR One or more scores can't be converted into double";
    return all_numbers;
}

/* ---- arranging ---- */

static int compare_keys(const struct sort *s, const struct sort_item *a, const struct sort_item *b) {
    if (a->key_len == SORT_NO_KEY || b->key_len == SORT_NO_KEY)
        return (b->key_len == SORT_NO_KEY) - (a->key_len == SORT_NO_KEY);
    return slice_compare(slice_of(s->texts.ptr + a->key_at, a->key_len),
                         slice_of(s->texts.ptr + b->key_at, b->key_len));
}

/* Never equal: copies of one element keep their order. */
static bool goes_before(const struct sort *s, const struct sort_item *a, const struct sort_item *b) {
    int order = s->alpha ? compare_keys(s, a, b) : (a->weight > b->weight) - (a->weight < b->weight);
    if (order == 0 && !s->keeps_ties) order = slice_compare(sort_item_text(s, a), sort_item_text(s, b));
    if (order == 0) return a->text_at < b->text_at;
    return s->descending ? order > 0 : order < 0;
}

/* The item at i of the heap of n, whose root goes last, sinks to its place. */
static void sink(struct sort *s, size_t i, size_t n) {
    struct sort_item item = s->items[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && goes_before(s, &s->items[child], &s->items[child + 1])) child++;
        if (!goes_before(s, &item, &s->items[child])) break;
        s->items[i] = s->items[child];
    }
    s->items[i] = item;
}

/* The n items that go first come first, in no order. O(count log n). */
static void keep_first(struct sort *s, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sink(s, i, n);
    for (size_t i = n; i < s->count; i++) {
        if (!goes_before(s, &s->items[i], &s->items[0])) continue;
        s->items[0] = s->items[i];
        sink(s, 0, n);
    }
    s->count = n;
}

static void merge(const struct sort *s, struct sort_item *items, size_t half, size_t n, struct sort_item *scratch) {
    size_t left = 0, right = half, to = 0;
    memcpy(scratch, items, half * sizeof *items);
    while (left < half) {
        if (right < n && goes_before(s, &items[right], &scratch[left]))
            items[to++] = items[right++];
        else
            items[to++] = scratch[left++];
    }
}

#define INSERTED_MAX 8

static void insert_each(const struct sort *s, struct sort_item *items, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct sort_item item = items[i];
        size_t to = i;
        for (; to > 0 && goes_before(s, &item, &items[to - 1]); to--) items[to] = items[to - 1];
        items[to] = item;
    }
}

/* Merge sort, at most 64 deep; scratch holds n / 2 items. */
static void merge_sort(const struct sort *s, struct sort_item *items, size_t n, struct sort_item *scratch) {
    size_t half = n / 2;
    if (n <= INSERTED_MAX) {
        insert_each(s, items, n);
        return;
    }
    merge_sort(s, items, half, scratch);
    merge_sort(s, items + half, n - half, scratch);
    if (goes_before(s, &items[half], &items[half - 1])) merge(s, items, half, n, scratch);
}

bool sort_arrange(struct sort *s) {
    size_t end = s->first + s->wanted;
    if (s->wanted == 0) return true;
    if (end < s->count / 4) keep_first(s, end);
    size_t scratch_size = (s->count / 2 + 1) * sizeof *s->items;
    struct sort_item *scratch = mem_try_alloc(MEM_CLIENT_IN, scratch_size);
    if (!scratch) return no_memory(s);
    merge_sort(s, s->items, s->count, scratch);
    mem_free(MEM_CLIENT_IN, scratch, scratch_size);
    return true;
}
