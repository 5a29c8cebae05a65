/* What others declared, shown: INFO, MEMORY, LATENCY, SLOWLOG, COMMANDLOG. Owns nothing but rings of what was slow or large.
 * Its private state is the room's one struct (observe_int.h). Executor thread only. */
#ifndef TARN_OBSERVE_OBSERVE_H
#define TARN_OBSERVE_OBSERVE_H

#include "base/config.h"
#include "base/metric.h"
#include "exec/command.h"
#include "observe/version.h"

struct context;
struct executor;

/* lists: the rows of the other rooms, in the order in which their fields stand within a section; this room's own rows come
 * first. They must outlive the room. Call it when the directives have their start values: what they ask of the executor
 * (latency-tracking, its percentiles) is passed on here. */
void observe_init(struct executor *executor, const struct metric_list *lists, unsigned count);
void observe_release(void); /* frees the rings; harmless before observe_init */

/* After every command that ran (executor_hooks.ran): a few ns when nothing about it is slow or large. */
void observe_ran(const struct context *c, uint64_t duration_ns);

/* Something other than a command took this long: LATENCY's events ("eventloop", "expire-cycle"). event: a static text of at
 * most LATENCY_EVENT_MAX characters. Kept only from latency-monitor-threshold on. */
void observe_latency(const char *event, uint64_t duration_ns);

/* Says which directives' values must not be shown: CONFIG SET of one is logged without its value. */
void observe_set_sensitive(bool (*is_sensitive)(struct slice directive));

/* INFO, MEMORY, LATENCY, SLOWLOG, COMMANDLOG. */
extern const struct command_row observe_commands[];
/* commandlog-*, slowlog-*, latency-monitor-threshold, latency-tracking, latency-tracking-info-percentiles; hotkeys-*. */
extern const struct directive_list observe_directives, hotkeys_directives;

#endif
