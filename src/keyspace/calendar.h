/* The expiry calendar: 8-byte references filed under a time, taken out when that time has come. A reference is opaque
 * (the keyspace files the key's hash); the calendar never looks it up. Hierarchical timing wheel (Varghese, Lauck 1987)
 * of growing vectors; filing is O(1), a reference is moved at most once per level.
 *
 * Lazy re-arm: a TTL that moves later keeps its reference, which is re-filed when it fires; one that moves earlier is
 * filed again and the old reference finds nothing when its time comes. To bound what repeated re-filing can leave behind, a
 * vector that is about to grow past CALENDAR_PRUNE references first asks `alive` for each and drops the dead and the double:
 * so memory stays within a small factor of the live TTLs, amortised O(1).
 *
 * Owner MEM_EXPIRY; one thread. */
#ifndef TARN_KEYSPACE_CALENDAR_H
#define TARN_KEYSPACE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calendar;

/* The time under which a reference is now wanted, or -1 when it is dead. */
typedef int64_t calendar_alive_fn(void *arg, uint64_t ref);

struct calendar *calendar_new(calendar_alive_fn *alive, void *arg);
void calendar_free(struct calendar *c);
void calendar_rebind(struct calendar *c, void *arg); /* after SWAPDB or a hand-over */
void calendar_file(struct calendar *c, int64_t at_ms, uint64_t ref);
/* Moves the calendar's hand towards now and writes at most max references whose time (1 ms resolution near, never early)
 * has come. Does at most about `work` reference moves; sets *more when due work is left for another call. */
size_t calendar_take_due(struct calendar *c, int64_t now_ms, uint64_t *refs, size_t max, size_t work, bool *more);
/* When the next reference may be due (a lower bound), INT64_MAX when empty. O(levels). */
int64_t calendar_next_ms(const struct calendar *c);
size_t calendar_count(const struct calendar *c);
size_t calendar_bytes(const struct calendar *c);

#endif
