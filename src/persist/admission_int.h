/* Private to persist/: whether a load may go on, by the memory there is. A full server's own file must always come back, and a guess
 * must never refuse what would have fitted; so what counts is what is proven (docs/design/loading.md). Executor thread only. */
#ifndef TARN_PERSIST_ADMISSION_INT_H
#define TARN_PERSIST_ADMISSION_INT_H

#include "persist/load.h"
#include "persist/room_int.h"

struct admission { /* of the running load */
    bool refused;
    int64_t bytes_before;    /* of data that was there: DEBUG RELOAD keeps it until it has loaded */
    int64_t rss_before;      /* of the process */
    int64_t container_bytes; /* its limit; 0: none */
    struct load_room room;
    bool limited; /* the room is kept */
    char why[LOAD_ERROR_MAX];
};

/* Before the load: options get their room. */
void admission_begin(struct load_options *options);
/* Every 100 ms: refuses the load that cannot fit, and shares a limit that has changed. */
void admission_check(void);
/* Of a load that was too quick to be looked at meanwhile: NULL, or why not. Then the dataset is gone. */
const char *admission_late(struct dataset *loaded);

#endif
