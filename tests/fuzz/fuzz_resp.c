/* libFuzzer: requests arriving in pieces. The first byte seeds the piece sizes; the rest is the stream. Whatever the cuts, and
 * whichever bulks come in blocks of their own, the commands must be the same as those of one piece; and where the fast parser takes a command
 * it must agree with the slow one. */
#include "base/check.h"
#include "base/random.h"
#include "unit/wire/carrier.h"
#include "wire/resp.h"

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

static void check_carried(const struct resp_parser *p, const struct resp_parser *whole) {
    proven(p->argc == whole->argc && p->consumed + p->apart == whole->consumed);
    for (int i = 0; i < p->argc; i++) {
        proven(slice_equal(p->argv[i], whole->argv[i]));
        if (resp_block_find(&p->blocks, i)) proven(p->argv[i].len >= p->block_min);
    }
}

/* All of the stream, with bulks from a few bytes on in blocks; some requests do not run at once, of some a block is taken. */
static void carry(const char *at, size_t len, struct random *r, bool unauthenticated) {
    const size_t block_min = 1 + random_below(r, 12), front = 16 * random_below(r, 3);
    struct carrier c = {.parser = {.unauthenticated = unauthenticated,
                                   .block_min = block_min,
                                   .blocks = {.front = front, .owner = MEM_CLIENT_IN}}};
    struct resp_parser whole = {.unauthenticated = unauthenticated};
    enum resp_status status = RESP_MORE;
    size_t done = 0;
    for (size_t given = 0; given < len && status == RESP_MORE;) {
        size_t n = 1 + random_below(r, 1 + random_below(r, 40));
        given += carrier_give(&c, at + given, n < len - given ? n : len - given);
        while ((status = carrier_parse(&c)) == RESP_READY) {
            proven(resp_parse(&whole, at + done, len - done) == RESP_READY);
            check_carried(&c.parser, &whole);
            if (random_below(r, 4) == 0) {
                resp_parser_rewind(&c.parser);
                continue;
            }
            done += whole.consumed;
            const struct resp_block *first = c.parser.blocks.count ? c.parser.blocks.list : NULL;
            size_t size = first ? front + first->size : 0;
            if (first && random_below(r, 2))
                mem_free(MEM_CLIENT_IN, resp_block_take(&c.parser.blocks, first->arg), size);
            carrier_done(&c);
        }
    }
    if (status == RESP_INVALID) {
        proven(resp_parse(&whole, at + done, len - done) == RESP_INVALID);
        proven(strcmp(whole.error, c.parser.error) == 0);
    }
    resp_parser_release(&whole);
    carrier_release(&c);
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
    carry((const char *)data + 1, size - 1, &r, unauthenticated);
    struct resp_item item;
    (void)resp_read_item((const char *)data + 1, size - 1, &item);
    resp_parser_release(&whole);
    resp_parser_release(&pieces);
    return 0;
}
