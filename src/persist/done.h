/* How a load and a save end, for those who only wait for it. */
#ifndef TARN_PERSIST_DONE_H
#define TARN_PERSIST_DONE_H

#include <stdbool.h>

#define LOAD_ERROR_MAX 512 /* of a load's error text */

struct dataset;

/* error: NULL on success, else one sentence with file, offset, key (quoted, cut) and reason; dataset: the caller's from now
 * on, NULL on error or cancel. Called on the loop's thread, once, after the loader has ended; the job is freed after it. */
typedef void load_done(void *arg, struct dataset *dataset, const char *error, bool cancelled);

/* error: NULL on success, else a sentence (strerror and path). Called on the loop's thread after the walk has ended and the
 * dataset is thawed. */
typedef void snapshot_done(void *arg, const char *error, bool cancelled);

#endif
