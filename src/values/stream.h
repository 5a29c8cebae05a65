/* Stream values. */
#ifndef TARN_VALUES_STREAM_H
#define TARN_VALUES_STREAM_H

#include "values/value.h"

extern const struct value_kind stream_kind;

#endif
