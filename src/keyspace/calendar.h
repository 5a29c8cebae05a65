/* The expiry calendar: 8-byte references filed under a time, taken out when that time has come. A reference is opaque
 * (the keyspace files the key's hash). Hierarchical timing wheel (Varghese, Lauck 1987): a time is a number in base 256,
 * and a reference lies on the level of the highest digit in which its time differs from the calendar's hand, in the slot
 * of its own digit there:
 *
 *   level 0: 256 slots of 1 ms   1: of 256 ms   2: of 65.5 s   3: of 4.7 h   4: of 49.7 days   5: of 34.8 years ...
 *
 * When the hand enters a slot of a level above 0, its references move down, asking `wanted` for their times anew: so each
 * is moved at most once a level, and dead ones go. All of a lower level is due before anything of a higher one. A slot is
 * a list of chunks that grow from 6 to 510 references (4 KiB): nothing is ever copied to grow.
 *
 * Lazy re-arm: a TTL that moves later keeps its reference, which is filed again when it fires; one that moves earlier is
 * filed again and the old reference finds nothing when its time comes. What this leaves behind is the caller's to
 * bound: see expiry.c, which now and then fills a new calendar from the keys.
 *
 * Filing is O(1). Owner MEM_EXPIRY; one thread. */
#ifndef TARN_KEYSPACE_CALENDAR_H
#define TARN_KEYSPACE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calendar;

/* Writes the times under which n references are now wanted, -1 for a dead one. Several at once, so that the caller can
 * overlap its cache misses. */
#define CALENDAR_BATCH 32
typedef void calendar_wanted_fn(void *arg, const uint64_t *refs, int64_t *at_ms, size_t n);

struct calendar *calendar_new(calendar_wanted_fn *wanted, void *arg, int64_t now_ms);
void calendar_free(struct calendar *c);                              /* any thread; O(chunks) */
void calendar_rebind(struct calendar *c, void *arg);                 /* after SWAPDB or a hand-over */
void calendar_file(struct calendar *c, int64_t at_ms, uint64_t ref); /* a time that has passed is due at once */
/* Moves the calendar's hand towards now and writes at most max references whose time has come (never early, by the time
 * they are filed under). Does at most about `work` reference moves; sets *more when due work is left for another call. */
size_t calendar_take_due(struct calendar *c, int64_t now_ms, uint64_t *refs, size_t max, size_t work, bool *more);
/* Takes out up to max references chosen at random from one of the slots, for who wants to see some: those that live are to be
 * filed again. O(max). */
struct random;
size_t calendar_draw(struct calendar *c, struct random *r, uint64_t *refs, size_t max);
/* When the next reference may be due (a lower bound), INT64_MAX when empty. O(levels). */
int64_t calendar_next_ms(const struct calendar *c);
/* Everything before is done. A clock that is far behind it has been set back: what is filed meanwhile comes late. */
int64_t calendar_hand_ms(const struct calendar *c);
size_t calendar_count(const struct calendar *c);
size_t calendar_bytes(const struct calendar *c);

#endif
