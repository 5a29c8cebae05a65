/* Replies as text, in the forms that scripts and people know from redis-cli. */
#ifndef TARN_CLI_FORMAT_H
#define TARN_CLI_FORMAT_H

#include "mem/buf.h"
#include "options.h"

/* Appends the reply, a whole one as link_read gives it, in the chosen form (not OUTPUT_BY_TERMINAL), with the line end or
 * separator that belongs to it. Attributes are left out. */
void format_reply(struct buf *out, struct slice reply, enum output output, const struct options *o);

/* Appends the text as text_quote writes it. */
void format_quoted(struct buf *out, struct slice text);
/* "[#####-----]", share of 1 filled: width + 3 bytes with the NUL. */
void format_bar(char *dst, int width, double share);

#endif
