/* An intrusive doubly linked ring. The head is a struct list_node of its own; an unlinked node points to
 * itself, so list_remove twice is harmless. All operations O(1); no allocation; not thread-safe. */
#ifndef TARN_BASE_LIST_H
#define TARN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next;
};

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define list_each(it, head)            for (struct list_node *it = (head)->next; it != (head); it = it->next)
/* Safe against removal of the current node only. */
#define list_each_safe(it, head) \
    for (struct list_node *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list_node *n) { n->prev = n->next = n; }

static inline bool list_empty(const struct list_node *head) { return head->next == head; }

static inline void list_append(struct list_node *head, struct list_node *n) {
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}

static inline void list_prepend(struct list_node *head, struct list_node *n) { list_append(head->next, n); }

static inline void list_remove(struct list_node *n) {
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

static inline struct list_node *list_take_first(struct list_node *head) {
    struct list_node *n = head->next;
    if (n == head) return NULL;
    list_remove(n);
    return n;
}

#endif
