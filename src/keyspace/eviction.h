/* Taking out keys to make room: which one, and its end. How much room is wanted, and when, is the caller's to say.
 *
 * Sampled, as the peers do it: every call looks at the next few keys in hash order, which no client can foresee, keeps the best
 * candidates of all that it has seen, and takes out the best of those. So it costs no memory a key and no list to keep in order.
 * See docs/design/eviction.md for what that is worth. Owner thread of the dataset. */
#ifndef TARN_KEYSPACE_EVICTION_H
#define TARN_KEYSPACE_EVICTION_H

#include <stdbool.h>

struct dataset;

enum eviction_order {
    EVICTION_OFF,
    EVICTION_IDLE, /* the longest without access (LRM: without change) first; the dataset's access policy is LRU or LRM */
    EVICTION_FREQUENCY, /* the least often used; LFU */
    EVICTION_TTL,       /* the first to expire */
    EVICTION_RANDOM,
};

struct eviction_rule {
    enum eviction_order order;
    bool only_expiring; /* only keys with a TTL */
    unsigned samples;   /* keys looked at for each that goes; more are closer to the true order */
};

/* Whether there is a key that may go. O(databases). */
bool dataset_may_evict(const struct dataset *ds, const struct eviction_rule *rule);
/* Takes out one key (hooks.evicted), or one that has expired (hooks.expired), or none when none is found: then there may still be
 * some, where few of very many keys have a TTL. O(samples), at most a few microseconds. */
bool dataset_evict(struct dataset *ds, const struct eviction_rule *rule);

#endif
