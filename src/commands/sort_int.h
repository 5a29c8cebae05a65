/* What the files of SORT share. Private to them.
 *
 *   sort.c          the rows, the arguments, the way through the parts below
 *   sort_items.c    the elements: gathered, weighed, put in order
 *   sort_pattern.c  BY and GET: which key or field an element stands for, and what it holds
 *   sort_result.c   the reply, or the list that STORE makes
 *
 * Looking up other keys may remove some that have expired, so no view of the sorted key or of another one outlives a look-up: the
 * elements are copied first, and what a look-up finds is used up before the next. */
#ifndef TARN_COMMANDS_SORT_INT_H
#define TARN_COMMANDS_SORT_INT_H

#include "base/num.h"
#include "exec/context.h"
#include "mem/buf.h"

/* What the patterns of one command may come to: bytes of the names that they make and of the values found there, and
 * SORT_FETCH_COST for each value of the result. More is an error: a few bytes of GET could ask for any number of copies of a value. */
#define SORT_FETCH_MAX  (UINT64_C(1) << 30)
#define SORT_FETCH_COST 16

/* prefix * suffix, or prefix * suffix -> field. */
struct sort_pattern {
    enum { SORT_NOTHING, SORT_ELEMENT, SORT_STRING, SORT_FIELD } kind; /* no star; "#"; a key; a field of a hash */
    struct slice prefix, suffix, field;
};
struct sort_pattern sort_pattern_of(struct slice text);

struct sort_item { /* offsets are into sort.texts, every text with a NUL behind it */
    size_t text_at;
    union {
        double weight;
        size_t key_at; /* ALPHA */
    };
    uint32_t text_len;
    uint32_t key_len; /* SORT_NO_KEY: there is none */
};
#define SORT_NO_KEY UINT32_MAX

struct sort {
    struct context *c;
    /* as asked for */
    bool unsorted; /* BY something without a star */
    bool by_key, alpha, descending;
    struct sort_pattern by; /* by_key */
    struct sort_pattern *gets;
    int get_count, get_room;
    int store_at; /* the argument of the key to store in, 0: none */
    int64_t limit_offset, limit_count;
    /* what it works on */
    struct value value;
    bool keeps_ties; /* elements of equal keys stay in the order in which they came */
    struct buf texts;
    struct sort_item *items;
    size_t count, room;   /* items */
    size_t first, wanted; /* of them, those that belong to the result */
    size_t skipped;       /* elements of a set before the first item */
    struct buf name;      /* of the key that is looked up */
    char digits[NUM_TEXT_MAX];
    uint64_t fetched;        /* against SORT_FETCH_MAX */
    struct value_edit *list; /* what STORE makes, while it is made */
    const char *error;
};

#define SORT_ERROR_MEMORY "ERR not enough memory to sort"

static inline struct slice sort_item_text(const struct sort *s, const struct sort_item *item) {
    return slice_of(s->texts.ptr + item->text_at, item->text_len);
}

/* All below: false with s->error set, where they are bool and not said otherwise. */

/* Counts n bytes more against the limit. */
bool sort_fetch_allowed(struct sort *s, size_t n);
/* Whether the values of the result alone, however short, are few enough: so that too many are refused before they are sorted. */
bool sort_result_allowed(struct sort *s);
/* *found: there is such a value, and it is in *value until the next look-up. */
bool sort_look_up(struct sort *s, const struct sort_pattern *p, struct slice element, bool *found, struct slice *value);

/* The elements of s->value that the rest needs, and where the result is among them. */
bool sort_gather(struct sort *s);
/* What each element is sorted by. */
bool sort_weigh(struct sort *s);
/* Items first .. first + wanted - 1 get their places; what lies behind is lost. O(n log n). */
bool sort_arrange(struct sort *s);
void sort_release_items(struct sort *s);

bool sort_reply(struct sort *s);
bool sort_store(struct sort *s);

#endif
