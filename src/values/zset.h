/* Sorted set values. */
#ifndef TARN_VALUES_ZSET_H
#define TARN_VALUES_ZSET_H

#include "values/value.h"

extern const struct value_kind zset_kind;

#endif
