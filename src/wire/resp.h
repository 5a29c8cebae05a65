/* Requests in RESP and as inline commands. Two parsers of one grammar: resp_parse_fast takes whole multibulk commands that
 * lie in the buffer, with no state and no allocation (the way of nearly every request); resp_parse takes everything else:
 * pieces, inline commands, thousands of arguments, errors, with state that makes each byte be looked at once.
 * Arguments are slices into the input. Neither reads past buf + len. */
#ifndef TARN_WIRE_RESP_H
#define TARN_WIRE_RESP_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RESP_INLINE_MAX           (64 * 1024)
#define RESP_MULTIBULK_MAX        INT32_MAX
#define RESP_UNAUTHENTICATED_ARGS 10
#define RESP_UNAUTHENTICATED_BULK 16384

/* One whole "*n\r\n$len\r\n..." command with 1 <= n <= cap, every bulk at most 64 KiB: returns the bytes it takes and sets
 * *argc; else 0: ask resp_parse. It knows no limits of the unauthenticated: they go to resp_parse. ~10 ns an argument. */
size_t resp_parse_fast(const char *buf, size_t len, struct slice *argv, int cap, int *argc);

enum resp_status {
    RESP_MORE,    /* incomplete; `wanted` more bytes would surely be needed */
    RESP_READY,   /* argv, argc, consumed; argc may be 0 (an empty line, "*0", "*-1"): nothing to run */
    RESP_INVALID, /* error: the text after "-ERR Protocol error: "; the connection is to be closed after it is sent */
};

struct resp_parser {   /* zeroed memory is a fresh parser */
    int64_t args_left; /* of the current multibulk; 0: between commands */
    int64_t bulk_len;  /* -1: its header is still to come */
    size_t position;   /* parsed so far, from the start of the current command */
    size_t scanned;    /* looked at so far in search of the end of a line */
    struct resp_span {
        size_t at, len;
    } * spans; /* arguments so far, relative to the command; owner MEM_CLIENT_IN */
    int argc, capacity;
    struct slice *argv; /* built when ready */
    char *inline_words; /* unescaped words of an inline command */
    size_t inline_capacity;
    size_t consumed, wanted;
    char error[64];
    int64_t max_bulk; /* proto-max-bulk-len; set by the owner, 0: 512 MB */
    bool unauthenticated;
};

/* buf: from the first byte of the current command; the same bytes (and more) at every call until READY. */
enum resp_status resp_parse(struct resp_parser *p, const char *buf, size_t len);
/* Between two commands, with nothing of the next one looked at: resp_parse_fast may be asked. */
static inline bool resp_parser_fresh(const struct resp_parser *p) { return p->position == 0 && p->scanned == 0; }
void resp_parser_release(struct resp_parser *p); /* frees; fresh again, limits kept */

/* ---- writing requests ---- */
struct buf;
void resp_put_head(struct buf *out, char kind, uint64_t n); /* "*n" of a command, "$n" of an argument */
void resp_put_bulk(struct buf *out, struct slice s);

/* ---- replies, for tools and tests: a pull parser ---- */
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
