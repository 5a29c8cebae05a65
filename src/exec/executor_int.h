/* Private to exec/: running a request from within another. */
#ifndef TARN_EXEC_EXECUTOR_INT_H
#define TARN_EXEC_EXECUTOR_INT_H

#include "exec/executor.h"

/* Runs a request that names a command with fitting arguments, without asking whether it may: EXEC has asked. Counted and
 * shown as any other. */
void executor_call(struct executor *x, struct session *s, const struct request *r);

/* A session that waits tries again: the attempt's context is that of the saved request. Returns what it says. Between
 * commands. */
struct saved_request;
bool executor_try(struct executor *x, struct session *s, const struct saved_request *saved,
                  bool (*attempt)(struct context *c, struct slice key), struct slice key);

#endif
