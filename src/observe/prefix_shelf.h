/* Where the last prefixes stand for whoever wants to read them: the executor puts, the observer takes. Neither holds the lock for
 * longer than a pointer takes. Owner MEM_OBSERVE. */
#ifndef TARN_OBSERVE_PREFIX_SHELF_H
#define TARN_OBSERVE_PREFIX_SHELF_H

#include <stdbool.h>

struct prefix_report;
struct prefix_shelf;

struct prefix_shelf *prefix_shelf_new(void);
void prefix_shelf_free(struct prefix_shelf *s);                         /* may be NULL */
void prefix_shelf_put(struct prefix_shelf *s, struct prefix_report *r); /* takes over the caller's hold */
struct prefix_report *prefix_shelf_take(struct prefix_shelf *s);        /* NULL, or held once more: drop it */
/* Somebody looked at the shelf; and whether so since prefix_shelf_wanted was last called. */
void prefix_shelf_want(struct prefix_shelf *s);
bool prefix_shelf_wanted(struct prefix_shelf *s);

#endif
