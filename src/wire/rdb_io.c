#include "wire/rdb_io.h"

#include "base/num.h"
#include "wire/lzf.h"

#include <math.h>

/* Strings up to this are taken from the window where they may lie whole, longer ones go straight to their buffer. */
#define SHORT_MAX ((size_t)64 << 10)
/* A buffer beyond this is given back with the next string. */
#define BUFFER_KEEP ((size_t)1 << 20)

void rdb_input_init(struct rdb_input *in, struct rdb_reader *window) {
    proven(window->at <= window->end);
    *in = (struct rdb_input){.window = window};
    buf_init(&in->text[0], MEM_PERSIST);
    buf_init(&in->text[1], MEM_PERSIST);
    buf_init(&in->packed, MEM_PERSIST);
}

void rdb_input_release(struct rdb_input *in) {
    proven(in->window != NULL);
    buf_release(&in->text[0]);
    buf_release(&in->text[1]);
    buf_release(&in->packed);
}

bool rdb_input_fail_at(struct rdb_input *in, const char *why, const char *noticed) {
    proven(why && why[0] && noticed);
    if (!in->why) {
        in->why = why;
        in->noticed = noticed;
    }
    return false;
}

static bool ends_early(struct rdb_input *in) {
    debug_proven(!in->why);
    in->ended = true;
    return rdb_input_fail(in, "the data ends in the middle of this value");
}

static bool corrupt(struct rdb_input *in) { return rdb_input_fail(in, "no length or string looks like this"); }

/* For loops of the form: do status = rdb_read_x(window, ...); while (again(in, status)); */
static bool again(struct rdb_input *in, enum rdb_status status) {
    debug_proven(in->window->at <= in->window->end);
    if (likely(status == RDB_OK)) return false;
    if (status == RDB_CORRUPT) return corrupt(in);
    if (in->more && in->more(in)) return true;
    return ends_early(in);
}

static uint64_t bytes_left(const struct rdb_input *in) {
    debug_proven(!in->left == !in->more);
    return in->left ? in->left(in) : (uint64_t)(in->window->end - in->window->at);
}

bool rdb_input_u8(struct rdb_input *in, uint8_t *out) {
    enum rdb_status status;
    if (in->why) return false;
    do status = rdb_read_u8(in->window, out);
    while (again(in, status));
    return status == RDB_OK;
}

bool rdb_input_u32(struct rdb_input *in, uint32_t *out) {
    enum rdb_status status;
    if (in->why) return false;
    do status = rdb_read_u32_le(in->window, out);
    while (again(in, status));
    return status == RDB_OK;
}

bool rdb_input_u64(struct rdb_input *in, uint64_t *out) {
    enum rdb_status status;
    if (in->why) return false;
    do status = rdb_read_u64_le(in->window, out);
    while (again(in, status));
    return status == RDB_OK;
}

bool rdb_input_length(struct rdb_input *in, uint64_t *out) {
    enum rdb_status status;
    if (in->why) return false;
    do status = rdb_read_length(in->window, out);
    while (again(in, status));
    return status == RDB_OK;
}

bool rdb_input_count(struct rdb_input *in, unsigned bytes_each, uint64_t *out) {
    proven(bytes_each > 0);
    if (!rdb_input_length(in, out)) return false;
    debug_proven(!in->why);
    if (*out <= bytes_left(in) / bytes_each) return true;
    return rdb_input_fail(in, "more elements are announced than the rest of the data can hold");
}

/* From the window, or past it. */
static bool take(struct rdb_input *in, void *dst, uint64_t n) {
    size_t lies = (size_t)(in->window->end - in->window->at);
    if (n > bytes_left(in)) return ends_early(in);
    if (n > lies) return in->read(in, dst, n) || ends_early(in);
    if (n && dst) memcpy(dst, in->window->at, (size_t)n);
    in->window->at += n;
    proven(in->window->at <= in->window->end);
    return true;
}

bool rdb_input_bytes(struct rdb_input *in, void *dst, size_t n) {
    proven(n <= RDB_INPUT_BYTES_MAX);
    return !in->why && take(in, dst, n);
}

bool rdb_input_double(struct rdb_input *in, double *out) {
    uint64_t bits;
    _Static_assert(sizeof bits == sizeof *out, "IEEE 754 binary64");
    if (!rdb_input_u64(in, &bits)) return false;
    debug_proven(!in->why);
    memcpy(out, &bits, sizeof bits);
    return true;
}

bool rdb_input_double_text(struct rdb_input *in, double *out) {
    enum { NOT_A_NUMBER = 253, PLUS_INFINITY, MINUS_INFINITY };
    char text[NOT_A_NUMBER];
    uint8_t n;
    if (!rdb_input_u8(in, &n)) return false;
    if (n == NOT_A_NUMBER)
        *out = NAN;
    else if (n >= PLUS_INFINITY)
        *out = n == PLUS_INFINITY ? INFINITY : -INFINITY;
    else if (!rdb_input_bytes(in, text, n))
        return false;
    else if (!num_parse_double(slice_of(text, n), out))
        return rdb_input_fail(in, "a score that is no number");
    return true;
}

/* ---- strings ---- */
static void trim(struct buf *b) {
    debug_proven(b->owner == MEM_PERSIST);
    if (unlikely(b->cap > BUFFER_KEEP)) buf_release(b);
    buf_clear(b);
}

/* A string of which everything lies in the reader's slice and which is short. */
static bool peek_short(struct rdb_reader *r, struct buf *scratch, struct slice *out) {
    struct rdb_reader ahead = *r;
    struct rdb_string_head head;
    debug_proven(ahead.at <= ahead.end);
    if (rdb_read_string_head(&ahead, &head) != RDB_OK || head.len > SHORT_MAX) return false;
    if (likely(head.kind == RDB_STRING_PLAIN && head.stored <= (size_t)(ahead.end - ahead.at))) {
        *out = slice_of((const char *)ahead.at, (size_t)head.len);
        ahead.at += head.stored;
    } else if (rdb_read_string_of(&ahead, &head, scratch, out) != RDB_OK) {
        return false;
    }
    r->at = ahead.at;
    return true;
}

static bool no_memory(struct rdb_input *in) { return rdb_input_fail(in, "no memory for a string of this length"); }

/* The compressed bytes are read and measured before memory is asked for what they claim. */
static bool take_packed(struct rdb_input *in, const struct rdb_string_head *head) {
    size_t found;
    proven(head->kind == RDB_STRING_LZF && head->stored <= bytes_left(in));
    trim(&in->packed);
    if (!buf_try_reserve(&in->packed, (size_t)head->stored)) return no_memory(in);
    if (!take(in, in->packed.ptr, head->stored)) return false;
    buf_advance(&in->packed, (size_t)head->stored);
    return (lzf_length(in->packed.ptr, in->packed.len, &found) && found == head->len) ||
           rdb_input_fail(in, "compressed data that does not give what it claims");
}

bool rdb_input_string_head(struct rdb_input *in, struct rdb_string_head *head) {
    enum rdb_status status;
    if (in->why) return false;
    do status = rdb_read_string_head(in->window, head);
    while (again(in, status));
    if (status != RDB_OK) return false;
    if (head->stored > bytes_left(in))
        return rdb_input_fail(in, "a string longer than the rest of the data: corrupt or truncated");
    return head->kind != RDB_STRING_LZF || take_packed(in, head);
}

bool rdb_input_string_to(struct rdb_input *in, const struct rdb_string_head *head, char *dst) {
    proven(head->kind != RDB_STRING_INT && !in->why);
    if (head->kind == RDB_STRING_PLAIN) return take(in, dst, head->stored);
    proven(in->packed.len == head->stored);
    bool unpacked = !dst || lzf_unpack(in->packed.ptr, in->packed.len, dst, (size_t)head->len);
    trim(&in->packed);
    return unpacked || rdb_input_fail(in, "compressed data that cannot be unpacked");
}

/* The string of this head, into b. */
static bool take_string(struct rdb_input *in, const struct rdb_string_head *head, struct buf *b, struct slice *out) {
    trim(b);
    if (head->kind == RDB_STRING_INT) {
        num_format_i64(buf_reserve(b, NUM_TEXT_MAX), head->integer);
    } else {
        if (!buf_try_reserve(b, (size_t)head->len + 1)) return no_memory(in);
        if (!rdb_input_string_to(in, head, b->ptr)) return false;
    }
    buf_advance(b, (size_t)head->len);
    *out = buf_slice(b);
    proven(out->len == head->len);
    return true;
}

bool rdb_input_string_of(struct rdb_input *in, const struct rdb_string_head *head, struct slice *out) {
    proven(!in->why);
    return take_string(in, head, &in->text[0], out);
}

static bool read_long(struct rdb_input *in, struct buf *b, struct slice *out) {
    struct rdb_string_head head;
    return rdb_input_string_head(in, &head) && take_string(in, &head, b, out);
}

/* More bytes for a window that may be short of a whole short string. */
static bool refill(struct rdb_input *in) {
    debug_proven(in->window->at <= in->window->end);
    return (size_t)(in->window->end - in->window->at) < SHORT_MAX && in->more && in->more(in);
}

bool rdb_input_short(struct rdb_input *in, struct slice *out) {
    debug_proven(!in->why);
    do
        if (likely(peek_short(in->window, &in->text[0], out))) return true;
    while (refill(in));
    return false;
}

bool rdb_input_string(struct rdb_input *in, struct slice *out) {
    if (unlikely(in->why != NULL)) return false;
    return likely(rdb_input_short(in, out)) || read_long(in, &in->text[0], out);
}

static bool short_pair(struct rdb_input *in, struct slice *first, struct slice *second) {
    debug_proven(!in->why);
    do {
        struct rdb_reader ahead = *in->window;
        if (likely(peek_short(&ahead, &in->text[0], first) && peek_short(&ahead, &in->text[1], second))) {
            in->window->at = ahead.at;
            return true;
        }
    } while (refill(in));
    return false;
}

bool rdb_input_pair(struct rdb_input *in, struct slice *first, struct slice *second) {
    if (unlikely(in->why != NULL)) return false;
    if (likely(short_pair(in, first, second))) return true;
    return read_long(in, &in->text[0], first) && read_long(in, &in->text[1], second);
}

/* ---- writing ---- */
bool rdb_sink_string(struct rdb_sink *sink, struct slice s) {
    rdb_write_string(sink->out, s, sink->compress);
    debug_proven(sink->out->len > 0);
    return rdb_sink_ready(sink);
}

bool rdb_sink_length(struct rdb_sink *sink, uint64_t n) {
    rdb_write_length(sink->out, n);
    debug_proven(sink->out->len > 0);
    return rdb_sink_ready(sink);
}

bool rdb_sink_double(struct rdb_sink *sink, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    rdb_write_u64_le(sink->out, bits);
    debug_proven(sink->out->len >= sizeof bits);
    return rdb_sink_ready(sink);
}
