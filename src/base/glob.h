/* Redis glob patterns: * ? [abc] [^a] [a-z] \x. Bytes, not characters. */
#ifndef TARN_BASE_GLOB_H
#define TARN_BASE_GLOB_H

#include "base/slice.h"

/* Linear memory-free matcher: at most O(pattern * text) steps, so no pattern is exponential. nocase folds ASCII. */
bool glob_match(struct slice pattern, struct slice text, bool nocase);
/* True when the pattern has no special character: it matches only itself. */
bool glob_is_literal(struct slice pattern);

#endif
