/* Hash values. */
#ifndef TARN_VALUES_HASH_H
#define TARN_VALUES_HASH_H

#include "values/value.h"

extern const struct value_kind hash_kind;

#endif
