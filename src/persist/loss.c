#include "persist/loss.h"

#include "base/check.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

size_t loss_text(char dst[LOSS_TEXT_MAX], const struct loss *l) {
    char key[TEXT_SHOWN_ROOM] = "", db[48] = "", where[96];
    proven(l->from >= 0 && l->to >= l->from && l->why);
    if (l->key.ptr) text_show(key, l->key);
    if (l->db >= 0) snprintf(db, sizeof db, ", database %" PRId64, l->db);
    if (l->to > l->from)
        snprintf(where, sizeof where, "offset %" PRId64 " to %" PRId64 " (%" PRId64 " bytes)", l->from, l->to,
                 l->to - l->from);
    else
        snprintf(where, sizeof where, "offset %" PRId64, l->from);
    int len = snprintf(dst, LOSS_TEXT_MAX, "%s%s%s%s: %s", where, db, key[0] ? ", key " : "", key, l->why);
    proven(len > 0);
    return len < LOSS_TEXT_MAX ? (size_t)len : LOSS_TEXT_MAX - 1;
}
