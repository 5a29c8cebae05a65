/* Private to persist/: whether a load may go on, by the memory there is. A full server's own file must always come back, a guess must never
 * refuse what would have fitted: so what counts is what is proven (docs/design/loading.md, remains_int.h). Executor thread only. */
#ifndef TARN_PERSIST_ADMISSION_INT_H
#define TARN_PERSIST_ADMISSION_INT_H

struct dataset;
struct load_options;

void admission_begin(struct load_options *options); /* before the load: they get their room */
/* Every 100 ms: refuses the load that cannot fit, and shares a limit that has changed. */
void admission_check(void);
/* Of what has been loaded: NULL, with a line in the log where it is over maxmemory all the same; or why it does not fit after all.
 * Then the dataset is gone. */
const char *admission_late(struct dataset *loaded);

#endif
