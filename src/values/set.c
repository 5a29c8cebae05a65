#include "values/set.h"

static const uint8_t rdb_types[] = {0xff};

const struct value_kind set_kind = {.name = "set", .type = TYPE_SET, .owner = MEM_SETS, .rdb_types = rdb_types};
