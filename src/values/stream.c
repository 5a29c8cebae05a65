#include "values/stream.h"

static const uint8_t rdb_types[] = {0xff};

const struct value_kind stream_kind = {
    .name = "stream", .type = TYPE_STREAM, .owner = MEM_STREAMS, .rdb_types = rdb_types};
