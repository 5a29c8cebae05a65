/* What was lost of a file that is damaged: told piece by piece to whoever saves the rest of it. */
#ifndef TARN_PERSIST_LOSS_H
#define TARN_PERSIST_LOSS_H

#include "base/slice.h"

#include <stdint.h>

struct loss {
    int64_t from,
        to;     /* bytes of the file, to is behind the last; equal: something is missing that should stand there */
    int64_t db; /* -1: of no database, or unknown */
    struct slice key; /* as far as it could be read; ptr NULL: no key, or unknown which */
    const char *why;
    bool kept; /* nothing is lost: what was wrong could be put right, or is told for the reader's sake */
};

#define LOSS_TEXT_MAX 768
/* "offset 17 to 40 (23 bytes), database 0, key "k": why". Returns the length. */
size_t loss_text(char dst[LOSS_TEXT_MAX], const struct loss *l);

#endif
