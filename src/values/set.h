/* Set values. */
#ifndef TARN_VALUES_SET_H
#define TARN_VALUES_SET_H

#include "values/value.h"

extern const struct value_kind set_kind;

#endif
