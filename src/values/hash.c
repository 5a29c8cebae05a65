#include "values/hash.h"

static const uint8_t rdb_types[] = {0xff};

const struct value_kind hash_kind = {.name = "hash", .type = TYPE_HASH, .owner = MEM_HASHES, .rdb_types = rdb_types};
