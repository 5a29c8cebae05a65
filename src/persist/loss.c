#include "persist/loss.h"

#include "base/check.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

#define KEY_SHOWN 64

size_t loss_text(char dst[LOSS_TEXT_MAX], const struct loss *l) {
    char key[4 * KEY_SHOWN + 2], db[48] = "", where[96];
    proven(l->from >= 0 && l->to >= l->from && l->why);
    bool cut = l->key.len > KEY_SHOWN;
    size_t n = l->key.ptr ? text_quote(key, slice_of(l->key.ptr, cut ? KEY_SHOWN : l->key.len)) : 0;
    if (l->db >= 0) snprintf(db, sizeof db, ", database %" PRId64, l->db);
    if (l->to > l->from)
        snprintf(where, sizeof where, "offset %" PRId64 " to %" PRId64 " (%" PRId64 " bytes)", l->from, l->to,
                 l->to - l->from);
    else
        snprintf(where, sizeof where, "offset %" PRId64, l->from);
    int len = snprintf(dst, LOSS_TEXT_MAX, "%s%s%s%.*s%s: %s", where, db, n ? ", key " : "", (int)n, key,
                       cut ? "..." : "", l->why);
    proven(len > 0);
    return len < LOSS_TEXT_MAX ? (size_t)len : LOSS_TEXT_MAX - 1;
}
