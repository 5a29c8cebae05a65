/* Replies: RESP2 and RESP3 bytes into a buffer. The caller speaks RESP3 in meaning (map, set, null, double ...); a RESP2
 * client gets the classic form. An aggregate's header comes first, then exactly so many replies. */
#ifndef TARN_WIRE_REPLY_H
#define TARN_WIRE_REPLY_H

#include "mem/buf.h"

#include <stdint.h>

struct reply {
    struct buf *out;
    uint8_t resp;      /* 2 or 3 */
    uint64_t errors;   /* errors written: exec looks whether a command failed */
    size_t last_error; /* offset in out of the last error's '-' */
};

void reply_ok(struct reply *r);                       /* +OK */
void reply_simple(struct reply *r, const char *text); /* +text */
/* "-text": text starts with its code ("ERR ...", "WRONGTYPE ..."); line ends inside become spaces. */
void reply_error(struct reply *r, const char *text);
void reply_error_format(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_integer(struct reply *r, int64_t v);
void reply_bulk(struct reply *r, struct slice s);
void reply_bulk_cstr(struct reply *r, const char *s);
void reply_bulk_integer(struct reply *r, int64_t v);                    /* the number as a bulk string */
void reply_field_integer(struct reply *r, const char *name, int64_t v); /* one pair of a map: name and number */
/* A bulk of n bytes that the caller fills in; returns where (complete with its trailing CRLF). */
char *reply_bulk_space(struct reply *r, size_t n);
void reply_null(struct reply *r);       /* $-1 or _ */
void reply_null_array(struct reply *r); /* *-1 or _ */
void reply_array(struct reply *r, int64_t n);
void reply_map(struct reply *r, int64_t pairs);                                        /* *2n or %n */
void reply_set(struct reply *r, int64_t n);                                            /* *n or ~n */
void reply_push(struct reply *r, int64_t n);                                           /* *n or >n */
void reply_attribute(struct reply *r, int64_t pairs);                                  /* RESP3 only: proven */
void reply_bool(struct reply *r, bool v);                                              /* :1 :0 or #t #f */
void reply_double(struct reply *r, double v);                                          /* bulk or , */
void reply_bignum(struct reply *r, const char *digits);                                /* bulk or ( */
void reply_verbatim(struct reply *r, const char *format3 /* "txt" */, struct slice s); /* bulk or = */
/* An aggregate whose length is known only later: note the place, reply the elements, then set the length. Costs a move
 * of the elements' bytes (at most 24 bytes further). kind: RESP_ARRAY, RESP_SET, RESP_MAP (n pairs). */
size_t reply_deferred(struct reply *r);
void reply_deferred_set(struct reply *r, size_t place, char kind, int64_t n);

#endif
