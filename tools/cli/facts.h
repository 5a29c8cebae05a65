/* What INFO says: its text, and figures out of it by name. */
#ifndef TARN_CLI_FACTS_H
#define TARN_CLI_FACTS_H

#include "base/slice.h"

#include <stdint.h>

/* The text behind "\n<name>:"; empty when INFO has no such field. O(text). */
struct slice facts_text(struct slice info, const char *name);
/* 0 for what is absent or no number; parts of a number are cut. */
int64_t facts_number(struct slice info, const char *name);
double facts_double(struct slice info, const char *name);
/* Keys of all databases. */
int64_t facts_keys(struct slice info);

#endif
