/* Private to exec/: running a request from within another; the figures of the last seconds. */
#ifndef TARN_EXEC_EXECUTOR_INT_H
#define TARN_EXEC_EXECUTOR_INT_H

#include "exec/executor.h"

/* A rate over the last EXECUTOR_RATE_SAMPLES calls of executor_sample. */
#define EXECUTOR_RATE_SAMPLES 16
struct executor_rate {
    uint64_t last_total;
    double samples[EXECUTOR_RATE_SAMPLES];
};

/* What executor_sample keeps. */
#define EXECUTOR_PEAK_SECONDS 8
struct executor_sampler {
    int64_t last_us, last_second_us;
    unsigned next, next_second;
    struct executor_rate ops, in, out;
    uint64_t peaks_in[EXECUTOR_PEAK_SECONDS], peaks_out[EXECUTOR_PEAK_SECONDS];
};

/* Runs a request that names a command with fitting arguments, without asking whether it may: EXEC has asked. Counted and
 * shown as any other. */
void executor_call(struct executor *x, struct session *s, const struct request *r);

/* A session that waits tries again: the attempt's context is that of the saved request. Returns what it says. Between
 * commands. */
struct saved_request;
bool executor_try(struct executor *x, struct session *s, const struct saved_request *saved,
                  bool (*attempt)(struct context *c, struct slice key), struct slice key);

#endif
