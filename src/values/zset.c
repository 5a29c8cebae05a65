#include "values/zset.h"

static const uint8_t rdb_types[] = {0xff};

const struct value_kind zset_kind = {.name = "zset", .type = TYPE_ZSET, .owner = MEM_ZSETS, .rdb_types = rdb_types};
