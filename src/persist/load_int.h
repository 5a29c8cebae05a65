/* Private to persist/: what admission asks of a running load. Executor thread. */
#ifndef TARN_PERSIST_LOAD_INT_H
#define TARN_PERSIST_LOAD_INT_H

#include "persist/scout_int.h"

struct load_job;
/* Starts looking at once. */
struct scout_payload load_payload(struct load_job *job);

#endif
