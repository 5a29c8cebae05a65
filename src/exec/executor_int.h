/* Private to exec/: running a request from within another. */
#ifndef TARN_EXEC_EXECUTOR_INT_H
#define TARN_EXEC_EXECUTOR_INT_H

#include "exec/executor.h"

/* Runs a request that names a command with fitting arguments, without asking whether it may: EXEC has asked. Counted and
 * shown as any other. */
void executor_call(struct executor *x, struct session *s, const struct request *r);

#endif
