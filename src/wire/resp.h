/* RESP as it is written and as replies are read; requests are read by resp_parse.h. */
#ifndef TARN_WIRE_RESP_H
#define TARN_WIRE_RESP_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- writing requests ---- */
struct buf;
void resp_put_head(struct buf *out, char kind, uint64_t n); /* "*n" of a command, "$n" of an argument */
void resp_put_bulk(struct buf *out, struct slice s);

/* ---- replies, for tools and tests: a pull parser ---- */
#define RESP_LINE_MAX (64 * 1024)

enum resp_kind {
    RESP_SIMPLE = '+',
    RESP_ERROR = '-',
    RESP_INTEGER = ':',
    RESP_BULK = '$',
    RESP_ARRAY = '*',
    RESP_NULL = '_',
    RESP_BOOL = '#',
    RESP_DOUBLE = ',',
    RESP_BIGNUM = '(',
    RESP_BULK_ERROR = '!',
    RESP_VERBATIM = '=',
    RESP_MAP = '%',
    RESP_SET = '~',
    RESP_PUSH = '>',
    RESP_ATTRIBUTE = '|'
};

struct resp_item {
    enum resp_kind kind;
    bool null;         /* "$-1", "*-1", "_" */
    struct slice text; /* all scalar kinds; a verbatim text with its "txt:" in front */
    int64_t count;     /* elements that follow: arrays, sets, pushes; pairs for maps and attributes */
};
/* The next item header (with its bytes for a scalar). Returns bytes used, 0 for "more needed", -1 for a malformed reply. */
ssize_t resp_read_item(const char *buf, size_t len, struct resp_item *item);

#endif
