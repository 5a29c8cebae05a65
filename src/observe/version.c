#include "observe/version.h"

#include "base/siphash.h"
#include "observe/observe_int.h"

#include <stdio.h>

const char *version_build_id(void) {
    static const char built_from[] = TARN_VERSION "\n" TARN_GIT_SHA1 "\n" __VERSION__;
    const struct siphash_seed seed = {0, 0};
    snprintf(observe.build_id, sizeof observe.build_id, "%016llx",
             (unsigned long long)siphash13(&seed, built_from, sizeof built_from));
    return observe.build_id;
}
