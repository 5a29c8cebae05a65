/* What this is, which Redis it can stand in for, and which build. */
#ifndef TARN_OBSERVE_VERSION_H
#define TARN_OBSERVE_VERSION_H

#include "base/version.h"

/* Set by a build that knows its commit. */
#ifndef TARN_GIT_SHA1
#define TARN_GIT_SHA1 "00000000"
#endif
#ifndef TARN_GIT_DIRTY
#define TARN_GIT_DIRTY 0 /* 1: with changes beyond that commit */
#endif

/* 16 hex digits that tell builds of different versions, commits and compilers apart; the same for the same three. Lives as
 * long as the process; one thread. */
const char *version_build_id(void);

#endif
