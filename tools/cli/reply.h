/* Walking over the bytes of one reply, a whole one as link_read gives it: item by item, attributes left out. */
#ifndef TARN_CLI_REPLY_H
#define TARN_CLI_REPLY_H

#include "wire/resp.h"

struct reply {
    const char *at, *end;
};

struct reply reply_of(struct slice bytes);
/* The next item; a verbatim text comes without its "txt:". There must be one. O(item). */
struct resp_item reply_next(struct reply *r);
/* Over whole values, with all they nest. */
void reply_skip(struct reply *r, int64_t values);
bool reply_nests(const struct resp_item *item);
/* Values nested in the item: pairs of a map count twice. 0 for scalars and nulls. */
int64_t reply_children(const struct resp_item *item);

/* The kind of a reply, and its text when it is a scalar. */
char reply_kind(struct slice bytes);
struct slice reply_text(struct slice bytes);
bool reply_is_error(struct slice bytes);
/* Its number, from an integer or a text; 0 for what is none. */
int64_t reply_number(struct slice bytes);

#endif
