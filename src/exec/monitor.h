/* MONITOR: every command that has run, as a line to the sessions that asked for it. */
#ifndef TARN_EXEC_MONITOR_H
#define TARN_EXEC_MONITOR_H

#include <stdbool.h>

struct context;
struct executor;
struct session;

/* The session hears from the next command on; false when it does already. */
bool monitor_start(struct session *s);
/* After a command ran, while executor.monitors is not empty. Administrative commands and those whose row says so are not shown,
 * passwords not either. O(arguments + monitors). */
void monitor_feed(struct executor *x, const struct context *c);

#endif
