/* Private to persist/: when a load will be done.
 *
 * Two things are known: what work lies where in the files (persist/scout_int.h), and how long what has been done took. Each kind
 * of work begins with a cost that was measured on some machine; while the load runs, the costs are fitted to what this one
 * really takes, a second or so after a kind has first been met:
 *
 *     time of a tick  =  sum over kinds ( work of the kind * usual cost * factor of the kind )  +  time slept for key-load-delay
 *
 * The factors are those of least squares over the recent past (each tick divided by its usual time, so that a kind alone gets
 * the sum of the times over the sum of the work), held to the factor of all work together lightly, so that a kind that has not
 * come yet is believed to be as much slower or faster than usual as the others are. While nothing is known of the files, the rest is
 * taken to be like what has been read.
 *
 * What the loader's thread waited for a processor that others had is no cost of the work: it is left out of the fit, and the rest is taken to
 * be held up as much as all before was.
 *
 * Executor thread only. */
#ifndef TARN_PERSIST_FORECAST_INT_H
#define TARN_PERSIST_FORECAST_INT_H

#include "persist/load.h"
#include "persist/scout_int.h"

struct forecast {
    struct scout *scout;                                      /* lent */
    double matrix[WORK_KINDS][WORK_KINDS], right[WORK_KINDS]; /* the normal equations; what is old fades */
    double usual, took;                                       /* the same for all kinds together */
    double factors[WORK_KINDS];
    struct work done; /* before the place of the last tick */
    int64_t tick_us, place, slept_us, waited_us;
    double ran, waited; /* seconds; what is old fades, but slowly */
    double bytes_per_s; /* in the last tick */
    double percent;     /* the most that has been said: it never falls */
};

void forecast_init(struct forecast *f, struct scout *scout, int64_t now_us);
/* Every 100 ms or so. Starts the scout when the load will last. ~5 us. */
void forecast_tick(struct forecast *f, const struct load_progress *p, int64_t now_us);
/* Seconds that are left, and how much of the time has passed, in percent: never less than it said before, 100 when done. */
struct load_forecast forecast_now(struct forecast *f, const struct load_progress *p, int64_t now_us);

/* Starts the scout at once: the caller has a question that does not wait. */
void forecast_ask(struct forecast *f, const struct load_progress *p);

#endif
