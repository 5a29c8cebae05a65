/* What the server says of its commands (COMMAND DOCS): names for completion, the syntax for hints, the text of `help`. */
#ifndef TARN_CLI_DOCS_H
#define TARN_CLI_DOCS_H

#include "mem/buf.h"
#include "reply.h"

struct doc {
    struct slice name; /* "config get", as the server spells it otherwise; lower case */
    struct slice summary, since, group;
    struct reply arguments; /* the maps of its arguments, argument_count of them */
    int64_t argument_count;
};

/* All slices point into bytes; one reply of some hundred KiB. */
struct docs {
    struct buf bytes;
    struct doc *docs; /* by name */
    size_t count, cap;
};

void docs_init(struct docs *d);
void docs_release(struct docs *d);
/* Takes the reply of COMMAND DOCS, copied. One that is an error or not as documented leaves d empty. */
void docs_take(struct docs *d, struct slice reply);
/* The command that the words begin with, a subcommand before its container, and how many words its name takes. NULL: unknown. */
const struct doc *docs_find(const struct docs *d, const struct slice *words, int count, int *name_words);
/* Appends "key value [NX|XX] ...". */
void docs_syntax(const struct doc *doc, struct buf *out);
/* Appends what of the syntax is still to come behind these arguments, without a leading space. */
void docs_hint(const struct doc *doc, const struct slice *arguments, int count, struct buf *out);

#endif
