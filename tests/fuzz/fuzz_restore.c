/* libFuzzer: a value as RESTORE and the loader get it, of every type. The first byte says whose numbering it is; then the type
 * and the bytes after the key. Refused, with nothing left behind, or a sound value: counted, walked, copied, written for every
 * version and read again as the same. */
#include "../unit/values/record_check.h"
#include "values/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct value v;
    struct slice bytes = slice_of((const char *)data + 1, size - 1);
    bool right = record_read(bytes, data[0] & 1, &v);
    proven(right || !v.ptr);
    if (!v.ptr) return 0;
    record_check_value(v);
    value_free(v);
    return 0;
}
