/* The observer: a thread with a loop of its own that samples the history once a second and serves HTTP (http-port). It reads
 * what any thread may read and what the executor publishes, and never waits for it; so it answers while the executor is busy
 * and while a dataset loads. All functions: executor thread. */
#ifndef TARN_OBSERVE_OBSERVER_H
#define TARN_OBSERVE_OBSERVER_H

#include "base/config.h"

#include <stdbool.h>

struct history;
struct loop;
struct published;

/* After observe_init and with the directives read. loop: the executor's, for walks (analysis.h). False: the HTTP port cannot be
 * had; the reason has been logged. */
bool observer_start(struct loop *loop);
/* Harmless when not started. The executor's loop must not run afterwards; before the dataset and persist/ are taken down. */
void observer_stop(void);
void observer_cron(void); /* every 100 ms: publishes; ~2 us, once a second with HTTP on ~60 us */
/* A static text. */
void observer_enter(const char *phase, bool ready);
/* What is published, brought up to date; NULL when not started. */
const struct published *observer_published(void);
/* NULL when not started. Others than the observer read it under its lock. */
struct history *observer_history(void);

/* http-port, http-bind, http-hosts, http-token. */
extern const struct directive_list observer_directives;

#endif
