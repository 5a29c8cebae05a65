/* Private to persist/: loading what is undamaged of a file that was refused (load-salvage yes). Reads files (rdb_walk.h, aof_walk.h) and
 * writes none; each loss is logged and counted in the progress. What has no damage but cannot be loaded (no memory, a version of
 * the future, databases that the directive does not allow) is refused all the same, and so is an RDB file whose checksum does not fit
 * while nothing in it is damaged by itself: any value could be the wrong one. */
#ifndef TARN_PERSIST_SALVAGE_INT_H
#define TARN_PERSIST_SALVAGE_INT_H

#include "persist/load.h"

struct aof_load;

/* After a load of these options has failed with why, which is logged: empties ds and fills it again. False with the reason in why
 * (LOAD_ERROR_MAX), empty when cancelled. On the loader's thread. */
bool salvage_load(const struct load_options *options, struct load_progress *progress, const _Atomic bool *cancelled,
                  struct dataset *ds, char *why);

/* Executor thread, after such a load: the damaged file gets a second name, "NAME.damaged" (or with a number behind), which no save
 * touches. aof: the files of its folder, or NULL for the RDB file of path. False with the reason in why. */
bool salvage_keep(const char *path, const struct aof_load *aof, char *why);

#endif
