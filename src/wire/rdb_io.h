/* Values' records as they come and go: what stands between a type's RDB code (values/) and a file, a DUMP payload or a batch of
 * records in memory. The type asks for lengths, strings and numbers, and never learns where the bytes come from. */
#ifndef TARN_WIRE_RDB_IO_H
#define TARN_WIRE_RDB_IO_H

#include "base/source_line.h"
#include "mem/buf.h"
#include "wire/rdb.h"

struct rdb_templates;

/* ---- reading ---- */
/* more and read NULL: all there is lies in the window. Reading functions return false on failure, with the first reason in
 * why (static text); afterwards nothing more is read. */
struct rdb_input {
    struct rdb_reader *window;
    bool (*more)(struct rdb_input *in);                        /* brings more bytes behind the window; false: none */
    bool (*read)(struct rdb_input *in, void *dst, uint64_t n); /* n bytes to dst, past the window */
    uint64_t (*left)(const struct rdb_input *in);              /* bytes to the end, those of the window included */
    void *source;                                              /* for those three */
    const char *why;                                           /* NULL: all is well */
    const char *noticed;                                       /* SOURCE_LINE of why */
    bool ended;                                                /* why is that the data ends early */
    const struct rdb_templates *templates; /* fields that values refer to; NULL: none can be referred to */
    uint64_t passed_over;                  /* values of which something was read that no value here can hold */
    struct buf text[2], packed;
};

/* Over bytes that all lie in the window. */
void rdb_input_init(struct rdb_input *in, struct rdb_reader *window);
void rdb_input_release(struct rdb_input *in); /* the buffers */
/* For the caller's own reasons ("a member stands there twice"). Always false. The first reason stays. */
bool rdb_input_fail_at(struct rdb_input *in, const char *why, const char *noticed);
#define rdb_input_fail(in, why) rdb_input_fail_at((in), (why), SOURCE_LINE)

bool rdb_input_u8(struct rdb_input *in, uint8_t *out);
bool rdb_input_u32(struct rdb_input *in, uint32_t *out); /* little endian */
bool rdb_input_u64(struct rdb_input *in, uint64_t *out);
#define RDB_INPUT_BYTES_MAX 255
bool rdb_input_bytes(struct rdb_input *in, void *dst, size_t n); /* n small and fixed: a stream's raw IDs */
bool rdb_input_length(struct rdb_input *in, uint64_t *out);
/* A number of things that take at least bytes_each bytes: more than the rest can hold is corrupt. Still no number to
 * allocate by, as LZF gives more than it takes. */
bool rdb_input_count(struct rdb_input *in, unsigned bytes_each, uint64_t *out);
bool rdb_input_double(struct rdb_input *in, double *out);      /* 8 bytes */
bool rdb_input_double_text(struct rdb_input *in, double *out); /* the form of before RDB 8: a length byte and digits */
/* Any string, an integer as its text. Valid until the next call on this input. Memory follows the bytes that are there. */
bool rdb_input_string(struct rdb_input *in, struct slice *out);
/* Two in a row, both valid until the next call. */
bool rdb_input_pair(struct rdb_input *in, struct slice *first, struct slice *second);
/* One that is short and right; false, and nothing is read or wrong yet, when it is not. */
bool rdb_input_short(struct rdb_input *in, struct slice *out);
/* A string in two steps, for one that goes straight to its place. A head that is returned tells the truth: of a compressed one
 * the bytes have been read and measured. Then head->len bytes to dst (NULL: nowhere); not for RDB_STRING_INT. */
bool rdb_input_string_head(struct rdb_input *in, struct rdb_string_head *head);
bool rdb_input_string_to(struct rdb_input *in, const struct rdb_string_head *head, char *dst);
/* Or into a buffer, of any kind: valid until the next call. */
bool rdb_input_string_of(struct rdb_input *in, const struct rdb_string_head *head, struct slice *out);

/* ---- writing ---- */
/* Bytes gather in out; flush takes them away when there are many. flush NULL: all stays in out (DUMP). */
struct rdb_sink {
    struct buf *out;
    bool (*flush)(struct rdb_sink *sink); /* empties out; false: the sink wants no more */
    void *target;                         /* for flush */
    bool compress;
    int version; /* of the file: what forms it may hold */
};

#define RDB_SINK_BYTES ((size_t)256 << 10) /* from here on flush is called */

/* True: go on. To be asked now and then by who writes into sink->out by itself. */
static inline bool rdb_sink_ready(struct rdb_sink *sink) {
    return likely(sink->out->len < RDB_SINK_BYTES) || !sink->flush || sink->flush(sink);
}

bool rdb_sink_string(struct rdb_sink *sink, struct slice s);
bool rdb_sink_length(struct rdb_sink *sink, uint64_t n);
bool rdb_sink_double(struct rdb_sink *sink, double v);

#endif
