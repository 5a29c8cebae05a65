/* Requests in RESP and as inline commands. Two parsers of one grammar: resp_parse_fast takes whole multibulk commands that
 * lie in the buffer, with no state and no allocation (the way of nearly every request); resp_parse takes everything else:
 * pieces, inline commands, thousands of arguments, errors, with state that makes each byte be looked at once.
 * Arguments are slices into the input. Neither reads past buf + len.
 *
 * A long bulk of which the input holds only a part is taken out of the input, into a block of its own (resp_block.h), and the owner
 * of the parser puts what comes next of it straight there:
 *
 *   stream:  *3 $3 SET $1 k $1000000 <the bulk> \r\n *1 ...
 *   input:   *3 $3 SET $1 k $1000000            \r\n *1 ...      position, consumed and all else count these bytes alone
 *   block:                    <room> <the bulk>
 *
 * Its size is not believed at once: the block grows as bytes arrive, up to 64 times what is there (or 1 MiB), so that at most
 * a 64th of a long bulk is ever copied. */
#ifndef TARN_WIRE_RESP_PARSE_H
#define TARN_WIRE_RESP_PARSE_H

#include "base/slice.h"
#include "wire/resp_block.h"

#include <stdbool.h>
#include <stdint.h>

#define RESP_INLINE_MAX           (64 * 1024)
#define RESP_MULTIBULK_MAX        INT32_MAX
#define RESP_UNAUTHENTICATED_ARGS 10
#define RESP_UNAUTHENTICATED_BULK 16384
/* Up to this long a bulk may well lie whole in what one call receives, and resp_parse_fast takes it; a copy costs some us.
 * Beyond, it comes in pieces, which would have to be collected somewhere anyway. */
#define RESP_BLOCK_MIN (64 * 1024)

/* One whole "*n\r\n$len\r\n..." command with 1 <= n <= cap, every bulk at most 64 KiB: returns the bytes it takes and sets
 * *argc; else 0: ask resp_parse. It knows no limits of the unauthenticated: they go to resp_parse. ~10 ns an argument. */
size_t resp_parse_fast(const char *buf, size_t len, struct slice *argv, int cap, int *argc);

enum resp_status {
    RESP_MORE,      /* incomplete; `wanted` more bytes would surely be needed */
    RESP_READY,     /* argv, argc, consumed; argc may be 0 (an empty line, "*0", "*-1"): nothing to run */
    RESP_INVALID,   /* error: the text after "-ERR Protocol error: "; the connection is to be closed after it is sent */
    RESP_NO_MEMORY, /* for a long bulk: nothing more can be read of this stream */
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
    struct resp_blocks
        blocks;    /* of the current command, or of the one that was READY; front and owner set by the owner */
    size_t apart;  /* bytes of that command that are in blocks, not in the input */
    size_t filled; /* the same of the bulk that comes next, while in_block */
    bool in_block; /* the bulk that comes next has a block */
    bool again;    /* what was READY will be once more */
    char error[64];
    int64_t max_bulk; /* proto-max-bulk-len; set by the owner, 0: 512 MB */
    size_t block_min; /* shorter bulks never get a block; set by the owner, at any time, 0: none does */
    bool unauthenticated;
};

/* buf: from the first byte of the current command; the same bytes (and more) at every call until READY. */
enum resp_status resp_parse(struct resp_parser *p, const char *buf, size_t len);
/* > 0 after MORE: so many bytes are missing of a bulk that has a block. Then all of the input from p->position on is in the block;
 * the owner drops it, and gives the stream's next bytes to resp_bulk_space (at most *room of them, > 0), telling by resp_bulk_filled
 * how many; then calls resp_parse. When none are missing any more the bytes go to the input again. */
static inline size_t resp_bulk_missing(const struct resp_parser *p) {
    return p->in_block ? (size_t)p->bulk_len - p->filled : 0;
}
char *resp_bulk_space(const struct resp_parser *p, size_t *room);
void resp_bulk_filled(struct resp_parser *p, size_t n);
/* What was READY has been dealt with: its blocks go, as far as nobody has taken them. Else they go with the next command that
 * resp_parse looks at. */
void resp_parser_done(struct resp_parser *p);
/* What was READY is to be READY again: the input of it is kept, and so are its blocks. Or fresh, if it has none. */
void resp_parser_rewind(struct resp_parser *p);
size_t resp_parser_bytes(const struct resp_parser *p); /* all it holds */
/* Between two commands, with nothing of the next one looked at: resp_parse_fast may be asked. */
static inline bool resp_parser_fresh(const struct resp_parser *p) { return p->position == 0 && p->scanned == 0; }
void resp_parser_release(struct resp_parser *p); /* frees; fresh again, limits kept */

#endif
