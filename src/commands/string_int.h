/* What the files of the string commands share. Private to them and to the other commands on strings (bitmap*.c, hyperloglog*.c).
 *
 *   string.c         the rows, and the commands without options
 *   string_set.c     those that take expiry and conditions: SET, GETEX, MSETEX and their kin
 *   string_increx.c  INCREX
 *   string_lcs.c     LCS */
#ifndef TARN_COMMANDS_STRING_INT_H
#define TARN_COMMANDS_STRING_INT_H

#include "exec/context.h"
#include "exec/journal.h"

/* ---- values ---- */

/* The string that a command is about to change: as context_view_type, but neither a hit nor a miss. */
bool string_target(struct context *c, struct key key, const struct entry **entry);
/* The value as a bulk, null when entry is NULL. */
void string_reply(struct context *c, const struct entry *entry);
/* Stores, counts one change and tells "set"; at: NO_EXPIRE or absolute ms, then tells "expire" too. False when memory ran
 * out, after dropping what was replied from reply_start on and replying the error. */
bool string_put(struct context *c, struct key key, struct slice value, int64_t at_ms, unsigned put_flags,
                size_t reply_start);
/* The same with argument i, whose block becomes the value when it came in one (context_take_body). */
bool string_put_argument(struct context *c, struct key key, int i, int64_t at_ms, unsigned put_flags,
                         size_t reply_start);
/* The same with the pair of key and value at argument i, one of many up to `end`: a value that another of the same key follows is
 * copied, as it will be gone before the command has been written down. */
bool string_put_pair(struct context *c, int i, int end, int64_t at_ms, unsigned put_flags);
/* Where in the output the next reply starts (for string_put). */
static inline size_t string_reply_start(const struct context *c) { return c->reply->out->len; }
/* Replies that there is no memory for a value. */
void string_no_memory(struct context *c, size_t reply_start);
/* Deletes a key that is there: one change, "del". */
void string_delete(struct context *c, struct key key);
/* Gives the key its expiry, or deletes it when that has passed already; tells which. Counts no change for an expiry. */
void string_expire(struct context *c, struct key key, int64_t at_ms);

/* ---- options ---- */

enum string_option {
    OPT_NX = 1 << 0,
    OPT_XX = 1 << 1,
    OPT_IFEQ = 1 << 2,
    OPT_IFNE = 1 << 3,
    OPT_GET = 1 << 4,
    OPT_EX = 1 << 5,
    OPT_PX = 1 << 6,
    OPT_EXAT = 1 << 7,
    OPT_PXAT = 1 << 8,
    OPT_KEEPTTL = 1 << 9,
    OPT_PERSIST = 1 << 10,
    OPT_ENX = 1 << 11,
    OPT_BYINT = 1 << 12,
    OPT_BYFLOAT = 1 << 13,
    OPT_LBOUND = 1 << 14,
    OPT_UBOUND = 1 << 15,
    OPT_SATURATE = 1 << 16,
    OPT_IFDEQ = 1 << 17,
    OPT_IFDNE = 1 << 18,

    OPT_EXPIRY = OPT_EX | OPT_PX | OPT_EXAT | OPT_PXAT,
    OPT_COMPARE_DIGEST = OPT_IFDEQ | OPT_IFDNE,
    OPT_COMPARE = OPT_IFEQ | OPT_IFNE | OPT_COMPARE_DIGEST,
    OPT_INCREMENT = OPT_BYINT | OPT_BYFLOAT,
};

/* Options as given: which, and at what argument each one's value stands (0: none). */
struct string_options {
    unsigned given;
    int expiry, compare, increment, lower, upper;
};

/* Parses arguments from first on; those outside allowed are syntax errors. False after the error reply. */
bool string_options_parse(struct context *c, int first, unsigned allowed, struct string_options *o);
/* The expiry asked for, as absolute ms; NO_EXPIRE without one. False after the error reply. */
bool string_options_expire_at(struct context *c, const struct string_options *o, int64_t *at_ms);

/* ---- handlers and argument lists of the other files, for the rows ---- */

void string_set_run(struct context *c);
void string_setnx_run(struct context *c);
void string_setex_run(struct context *c);
void string_psetex_run(struct context *c);
void string_getex_run(struct context *c);
void string_delifeq_run(struct context *c);
void string_delex_run(struct context *c);
void string_digest_run(struct context *c);
void string_msetex_run(struct context *c);
unsigned string_set_key_flags(const struct slice *argv, int argc);
void string_increx_run(struct context *c);
void string_lcs_run(struct context *c);

extern const struct command_arg string_set_args[], string_getex_args[], string_delex_args[], string_msetex_args[];
extern const struct command_arg string_increx_args[], string_lcs_args[];
extern const struct command_history string_set_history[];

#endif
