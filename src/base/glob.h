/* Redis glob patterns: * ? [abc] [^a] [a-z] \x. Bytes, not characters. */
#ifndef TARN_BASE_GLOB_H
#define TARN_BASE_GLOB_H

#include "base/slice.h"

/* No memory, at most pattern * text steps, so no pattern is exponential. nocase folds ASCII. Bytes are compared unsigned: a
 * range from ASCII to a byte above 127, which Redis takes as signed on x86-64 (and not on arm64), holds what lies between.
 * A star matches the empty text too. All else as redis-server 7.0.15 answers KEYS. */
bool glob_match(struct slice pattern, struct slice text, bool nocase);
/* True when the pattern has no special character: it matches only itself. */
bool glob_is_literal(struct slice pattern);

#endif
