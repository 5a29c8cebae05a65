/* JSON, written into a buffer: RFC 8259. A writer puts the commas; the caller opens and closes in pairs. */
#ifndef TARN_OBSERVE_JSON_H
#define TARN_OBSERVE_JSON_H

#include "mem/buf.h"

struct json {
    struct buf *out;
    bool comma; /* something stands before, on this level */
};

void json_open(struct json *j, const char *name, char bracket); /* name NULL: an element; '{' or '[' */
void json_close(struct json *j, char bracket);                  /* '}' or ']' */
void json_integer(struct json *j, const char *name, int64_t v);
void json_number(struct json *j, const char *name, double v); /* not finite: null */
void json_bool(struct json *j, const char *name, bool v);
void json_cstr(struct json *j, const char *name, const char *text);
/* Any bytes. What is valid UTF-8 stays as it is; control characters are escaped, and every byte that is no part of valid
 * UTF-8 becomes \u00XX, so that no input makes the output invalid. */
void json_text(struct json *j, const char *name, struct slice bytes);

#endif
