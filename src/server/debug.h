/* DEBUG: what tests and people in trouble need of a server's inside. The forms that make no sense here (they name parts that
 * do not exist yet: AOF, cluster, scripts) answer as unknown. Executor thread only. */
#ifndef TARN_SERVER_DEBUG_H
#define TARN_SERVER_DEBUG_H

#include "exec/command.h"

#include <stdbool.h>

struct context;

extern const struct command_row debug_commands[];

/* Why a CMD_PROTECTED command is refused for this session (enable-debug-command), or NULL: for executor_hooks. */
const char *debug_refuse(const struct context *c);
/* DEBUG PAUSE-CRON 1 holds: the cron should do nothing but start itself again. */
bool debug_cron_paused(void);

#endif
