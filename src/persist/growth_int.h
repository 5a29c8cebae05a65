/* Private to persist/: how a table grows while keys come. A load that replays commands makes its table larger as it goes, and does so in
 * waves: with a good hash all segments of a table fill at the same pace, so nearly all split while the keys become half as many again, and
 * hardly any until they have doubled. A command costs up to three times as much in such a wave as between two. When a wave
 * comes, and how many commands make a key rather than change one, which costs twice as much, follow from the number of keys, and that from the files: of each key that they name a sketch is kept (values/hll.h),
 * which tells how many different ones there have been, within 1 %.
 *
 * What is deleted and made again is not looked at, nor in which database a key lies. One thread. 16 KiB. */
#ifndef TARN_PERSIST_GROWTH_INT_H
#define TARN_PERSIST_GROWTH_INT_H

#include "values/hll.h"

struct growth {
    struct hll_union sketch;
    double keys, splits; /* so far, when they were counted last */
};
struct growth_step {
    double keys, splits; /* that there had not been before */
};

void growth_init(struct growth *g);
/* ~10 ns */
void growth_key(struct growth *g, struct slice key);
/* Keys that have come, and segments that have split, since the last call. ~20 us. */
struct growth_step growth_step(struct growth *g);
/* The table was made for the keys so far in advance: what it has, it need not split (table_reserve). */
void growth_made(struct growth *g);
/* In a table that has got so many keys one by one; in one that was made for them. */
double growth_splits_at(double keys);
double growth_splits_made(double keys);

/* Before all commands have been looked at: of a part of them, spread over all, how many name a key that another has named. As if each
 * named one of a number of keys by chance, that number follows, and with it how many different ones all commands name. Commands
 * that never name a key twice need no chance: then there is no such number. 4 MiB while keys are added. */
#define GROWTH_SAMPLE_MAX ((size_t)1 << 18) /* more keys are passed over */
struct growth_sample {
    uint64_t *seen; /* hashes, by open addressing */
    size_t named, different;
};
void growth_sample_init(struct growth_sample *s);
void growth_sample_release(struct growth_sample *s);
void growth_sample_key(struct growth_sample *s, struct slice key);
/* The keys there are to be named; INFINITY. */
double growth_population(const struct growth_sample *s);
/* Of these, how many so many commands name. */
double growth_named(double population, double commands);

#endif
