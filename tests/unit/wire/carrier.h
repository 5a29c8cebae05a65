/* Who owns a parser, without a socket: holds the input, gives the stream's bytes to where the parser wants them. The input is in a
 * block of exactly its size whenever it is parsed, so that a read past it is seen. */
#ifndef TARN_TESTS_WIRE_CARRIER_H
#define TARN_TESTS_WIRE_CARRIER_H

#include "base/check.h"
#include "wire/resp_parse.h"

#include <stdlib.h>
#include <string.h>

struct carrier {
    struct resp_parser parser;
    char *input;
    size_t len;
};

static inline void carrier_resize(struct carrier *c, size_t len) {
    char *copy = malloc(len + 1); /* so that it is never for nothing */
    proven(copy);
    memcpy(copy + 1, c->input ? c->input + 1 : "", len < c->len ? len : c->len);
    free(c->input);
    c->input = copy;
    c->len = len;
}

/* At most n bytes of the stream; returns how many were taken. */
static inline size_t carrier_give(struct carrier *c, const char *bytes, size_t n) {
    size_t had = c->len, room = n;
    char *to = NULL;
    if (resp_bulk_missing(&c->parser)) {
        to = resp_bulk_space(&c->parser, &room);
        proven(room > 0);
        if (room > n) room = n;
        memcpy(to, bytes, room);
        resp_bulk_filled(&c->parser, room);
        return room;
    }
    carrier_resize(c, had + n);
    memcpy(c->input + 1 + had, bytes, n);
    return n;
}

static inline enum resp_status carrier_parse(struct carrier *c) {
    if (c->len == 0) return RESP_MORE;
    enum resp_status status = resp_parse(&c->parser, c->input + 1, c->len);
    if (status == RESP_MORE && resp_bulk_missing(&c->parser)) carrier_resize(c, c->parser.position);
    return status;
}

/* What was READY has run. */
static inline void carrier_done(struct carrier *c) {
    size_t used = c->parser.consumed;
    resp_parser_done(&c->parser);
    memmove(c->input + 1, c->input + 1 + used, c->len - used);
    carrier_resize(c, c->len - used);
}

static inline void carrier_release(struct carrier *c) {
    resp_parser_release(&c->parser);
    free(c->input);
    c->input = NULL;
    c->len = 0;
}

#endif
