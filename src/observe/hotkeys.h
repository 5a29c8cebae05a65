/* Hot keys, as Valkey 9.2 documents them (valkey-doc, topics/hotkeys.md): while hotkeys-top-k is above 0, one in so many accesses
 * to keys (hotkeys-sampling-percentage) goes into a sketch; every hotkeys-window-seconds the sketch is frozen, and HOTKEYS GET
 * shows the last frozen one. Off, it costs a comparison with NULL a command; on, ~10 ns for an access that is not sampled and
 * ~100 ns for one that is. Executor thread. */
#ifndef TARN_OBSERVE_HOTKEYS_H
#define TARN_OBSERVE_HOTKEYS_H

#include "observe/sketch.h"

#include <stdbool.h>

struct context;
struct hotkeys;

struct hotkeys_settings {
    int64_t top, percent, window_s;
};

struct hotkeys *hotkeys_new(const struct hotkeys_settings *settings, int64_t now_us);
void hotkeys_free(struct hotkeys *h); /* may be NULL */
/* Ends the window that runs, without showing it; the last one stays. */
void hotkeys_configure(struct hotkeys *h, const struct hotkeys_settings *settings, int64_t now_us);
void hotkeys_clear(struct hotkeys *h, int64_t now_us); /* both windows */
/* A command has run: counts its keys. What empties a database or the dataset clears. */
void hotkeys_ran(struct hotkeys *h, const struct context *c);
/* Every 100 ms: freezes a window that is over. One that took more than twice its time is dropped: nobody looked in time. */
void hotkeys_cron(struct hotkeys *h, int64_t now_us);

/* The last window. At most hotkeys-top-k, the hottest first; returns their number. out has room for that many. */
unsigned hotkeys_last(const struct hotkeys *h, const struct sketch_entry **out);
/* Accesses a second, from the middle of what the entry may be. */
int64_t hotkeys_rate(const struct hotkeys *h, const struct sketch_entry *e);
uint64_t hotkeys_samples(const struct hotkeys *h);
int64_t hotkeys_duration_ms(const struct hotkeys *h); /* 0: there is no such window */

#endif
