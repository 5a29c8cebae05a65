/* Texts, lists of texts, chance. */
#include "differ.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *grow(void *p, size_t size) {
    void *grown = realloc(p, size);
    if (!grown) {
        fputs("differ: out of memory\n", stderr);
        exit(2);
    }
    return grown;
}

void text_put(struct text *t, const void *data, size_t n) {
    if (t->length + n + 1 > t->room) {
        t->room = (t->length + n + 1) * 2;
        t->data = grow(t->data, t->room);
    }
    memcpy(t->data + t->length, data, n);
    t->length += n;
    t->data[t->length] = 0;
}

void text_puts(struct text *t, const char *s) { text_put(t, s, strlen(s)); }

void text_printf(struct text *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_puts(t, line);
}

void text_set(struct text *t, const void *data, size_t n) {
    t->length = 0;
    text_put(t, data, n);
}

void text_clear(struct text *t) {
    free(t->data);
    *t = (struct text){0};
}

bool text_equal(const struct text *a, const struct text *b) {
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

void text_print(const char *label, const struct text *t) {
    fputs(label, stdout);
    for (size_t i = 0; i < t->length && i < 400; i++) {
        unsigned char c = (unsigned char)t->data[i];
        if (c == '\r')
            fputs("\\r", stdout);
        else if (c == '\n')
            fputs("\\n", stdout);
        else if (c < 32 || c > 126)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    if (t->length > 400) printf("... (%zu bytes)", t->length);
    putchar('\n');
}

bool text_matches(const char *pattern, const char *data, size_t n) {
    while (*pattern) {
        if (*pattern == '*') {
            for (size_t i = 0; i <= n; i++) {
                if (text_matches(pattern + 1, data + i, n - i)) return true;
            }
            return false;
        }
        if (n == 0 || (*pattern != '?' && *pattern != *data)) return false;
        pattern++, data++, n--;
    }
    return n == 0;
}

void text_list_add(struct text_list *l, const void *data, size_t n) {
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 16;
        l->items = grow(l->items, l->room * sizeof l->items[0]);
    }
    l->items[l->count] = (struct text){0};
    text_put(&l->items[l->count++], data, n);
}

void text_list_clear(struct text_list *l) {
    for (size_t i = 0; i < l->count; i++) text_clear(&l->items[i]);
    l->count = 0;
}

static int text_order(const void *x, const void *y) {
    const struct text *a = x, *b = y;
    size_t n = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->data, b->data, n);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

void text_list_sort_unique(struct text_list *l) {
    if (l->count == 0) return;
    qsort(l->items, l->count, sizeof l->items[0], text_order);
    size_t kept = 1;
    for (size_t i = 1; i < l->count; i++) {
        if (text_equal(&l->items[i], &l->items[kept - 1]))
            text_clear(&l->items[i]);
        else
            l->items[kept++] = l->items[i];
    }
    l->count = kept;
}

bool text_list_equal(const struct text_list *a, const struct text_list *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!text_equal(&a->items[i], &b->items[i])) return false;
    }
    return true;
}

/* Both sorted. */
void text_list_print_difference(const struct text_list *a, const struct text_list *b) {
    size_t i = 0, k = 0;
    while (i < a->count || k < b->count) {
        int order = i == a->count ? 1 : k == b->count ? -1 : text_order(&a->items[i], &b->items[k]);
        if (order < 0) text_print("  only in tarn    ", &a->items[i]);
        if (order > 0) text_print("  only in oracle  ", &b->items[k]);
        i += order <= 0;
        k += order >= 0;
    }
}

struct command *command_list_add(struct command_list *l) {
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 1024;
        l->items = grow(l->items, l->room * sizeof l->items[0]);
    }
    l->items[l->count] = (struct command){0};
    return &l->items[l->count++];
}

void command_list_drop(struct command_list *l, size_t at, size_t n) {
    memmove(l->items + at, l->items + at + n, (l->count - at - n) * sizeof l->items[0]);
    l->count -= n;
}

struct command_list command_list_copy(const struct command_list *l) {
    struct command_list copy = {
        .items = grow(NULL, l->count * sizeof l->items[0]), .count = l->count, .room = l->count};
    memcpy(copy.items, l->items, l->count * sizeof l->items[0]);
    return copy;
}

void command_list_clear(struct command_list *l) {
    free(l->items);
    *l = (struct command_list){0};
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* splitmix64 */
uint64_t random_next(struct random *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned random_below(struct random *r, unsigned n) { return (unsigned)(random_next(r) >> 33) % n; }
bool random_chance(struct random *r, unsigned percent) { return random_below(r, 100) < percent; }
