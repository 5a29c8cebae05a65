#include "values/intset.h"

struct intset {
    uint32_t width, count;
    unsigned char integers[];
};

size_t intset_bytes(const struct intset *s) {
    uint32_t width, count; /* a view's may lie anywhere */
    memcpy(&width, &s->width, 4);
    memcpy(&count, &s->count, 4);
    return sizeof *s + (size_t)width * count;
}
