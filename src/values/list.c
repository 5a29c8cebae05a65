#include "values/list.h"

static const uint8_t rdb_types[] = {0xff};

const struct value_kind list_kind = {.name = "list", .type = TYPE_LIST, .owner = MEM_LISTS, .rdb_types = rdb_types};
