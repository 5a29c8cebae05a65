/* libFuzzer: requests arriving in pieces. The first byte seeds the piece sizes; the rest is the stream. Whatever the cuts, the
 * commands must be the same as those of one piece, and where the fast parser takes a command it must agree with the slow one. */
#include "base/check.h"
#include "base/random.h"
#include "wire/resp.h"
#include "wire/resp_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fast(const struct resp_parser *p, enum resp_status status, const char *buf, size_t len) {
    struct slice argv[8];
    int argc;
    size_t used = resp_parse_fast(buf, len, argv, 8, &argc);
    if (used == 0) return;
    proven(status == RESP_READY && used == p->consumed && argc == p->argc);
    for (int i = 0; i < argc; i++) proven(slice_equal(argv[i], p->argv[i]));
}

/* One command whose bytes come in pieces, each time in a buffer of exactly their size, so that a read past it is seen. */
static enum resp_status parse_in_pieces(struct resp_parser *p, const char *buf, size_t len, struct random *r) {
    enum resp_status status = RESP_MORE;
    size_t n = 0;
    while (status == RESP_MORE && n < len) {
        size_t step = 1 + random_below(r, 1 + len / 8);
        n = n + step > len ? len : n + step;
        char *copy = malloc(n);
        proven(copy);
        memcpy(copy, buf, n);
        status = resp_parse(p, copy, n);
        free(copy);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct random r;
    random_init(&r, data[0]);
    bool unauthenticated = data[0] & 1;
    struct resp_parser whole = {.unauthenticated = unauthenticated}, pieces = whole;
    const char *at = (const char *)data + 1, *end = (const char *)data + size;
    while (at < end) {
        size_t len = (size_t)(end - at);
        enum resp_status status = resp_parse(&whole, at, len);
        if (!unauthenticated) check_fast(&whole, status, at, len);
        proven(parse_in_pieces(&pieces, at, len, &r) == status);
        if (status != RESP_READY) break;
        proven(whole.consumed == pieces.consumed && whole.argc == pieces.argc && whole.consumed > 0);
        at += whole.consumed;
    }
    struct resp_item item;
    (void)resp_read_item((const char *)data + 1, size - 1, &item);
    resp_parser_release(&whole);
    resp_parser_release(&pieces);
    return 0;
}
