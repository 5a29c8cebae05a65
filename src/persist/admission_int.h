/* Private to persist/: whether a load may go on, by the memory there is. A full server's own file must always come back, and a guess
 * must never refuse what would have fitted; so what counts is what is proven (docs/design/loading.md). Executor thread only. */
#ifndef TARN_PERSIST_ADMISSION_INT_H
#define TARN_PERSIST_ADMISSION_INT_H

struct dataset;
struct load_options;

/* Before the load: options get their room. */
void admission_begin(struct load_options *options);
/* Every 100 ms: refuses the load that cannot fit, and shares a limit that has changed. */
void admission_check(void);
/* Of a load that was too quick to be looked at meanwhile: NULL, or why not. Then the dataset is gone. */
const char *admission_late(struct dataset *loaded);

#endif
