/* List values. */
#ifndef TARN_VALUES_LIST_H
#define TARN_VALUES_LIST_H

#include "values/value.h"

extern const struct value_kind list_kind;

#endif
