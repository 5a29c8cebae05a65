#include "wire/resp_parse.h"

#include "base/check.h"
#include "base/num.h"
#include "base/text.h"

#include <stdio.h>

/* ---- the fast way ---- */
#define FAST_BULK_MAX (64 * 1024)

/* A canonical number below 100,000, its CR and the byte behind it; NULL for anything else. Like Redis, nobody looks at
 * what the byte behind the CR is. */
static inline const char *fast_number(const char *p, const char *end, size_t *out) {
    debug_proven(p <= end);
    if (unlikely(end - p < 3)) return NULL;
    unsigned first = (unsigned)(unsigned char)p[0] - '0';
    if (unlikely(first > 9)) return NULL;
    if (likely(p[1] == '\r')) {
        *out = first;
        return p + 3;
    }
    if (unlikely(first == 0)) return NULL;
    size_t value = first;
    const char *limit = end - p > 7 ? p + 5 : end - 2;
    for (p++; p < limit && (unsigned)(unsigned char)*p - '0' <= 9; p++)
        value = value * 10 + ((unsigned)(unsigned char)*p - '0');
    if (unlikely(*p != '\r')) return NULL;
    debug_proven(value >= 10 && value < 100000 && p + 2 <= end);
    *out = value;
    return p + 2;
}

size_t resp_parse_fast(const char *buf, size_t len, struct slice *argv, int cap, int *argc) {
    debug_proven((buf || len == 0) && argv && cap > 0);
    const char *end = buf + len, *p = buf;
    size_t count, size;
    if (unlikely(len == 0 || *p != '*')) return 0;
    p = fast_number(p + 1, end, &count);
    if (unlikely(!p || count == 0 || count > (size_t)cap)) return 0;
    for (size_t i = 0; i < count; i++) {
        if (unlikely(p == end || *p != '$')) return 0;
        p = fast_number(p + 1, end, &size);
        if (unlikely(!p || size > FAST_BULK_MAX || (size_t)(end - p) < size + 2)) return 0;
        argv[i] = slice_of(p, size);
        p += size + 2;
    }
    debug_proven(p <= end && (size_t)(p - buf) >= sizeof("*1\r\n") - 1 + count * (sizeof("$0\r\n\r\n") - 1));
    *argc = (int)count;
    return (size_t)(p - buf);
}

/* ---- the way of everything else ---- */
static enum resp_status invalid(struct resp_parser *p, const char *text) {
    int n = snprintf(p->error, sizeof(p->error), "%s", text);
    proven(n > 0 && (size_t)n < sizeof(p->error));
    return RESP_INVALID;
}

static enum resp_status more(struct resp_parser *p, size_t wanted) {
    proven(wanted > 0); /* else the caller would wait for nothing */
    p->wanted = wanted;
    return RESP_MORE;
}

static enum resp_status no_memory(struct resp_parser *p) {
    proven(p->block_min > 0 && p->bulk_len > 0);
    snprintf(p->error, sizeof p->error, "no memory for an argument of %lld bytes", (long long)p->bulk_len);
    return RESP_NO_MEMORY;
}

static enum resp_status ready(struct resp_parser *p, size_t consumed) {
    proven(consumed > 0 && p->argc <= p->capacity && p->args_left == 0);
    p->consumed = consumed;
    p->position = p->scanned = 0;
    return RESP_READY;
}

/* Room for n arguments. The count that a client declares is not believed: room grows with what has arrived. */
static void reserve_arguments(struct resp_parser *p, int n) {
    proven(n > 0 && p->argc <= p->capacity);
    if (n <= p->capacity) return;
    int capacity = p->capacity ? p->capacity : 8;
    while (capacity < n) capacity = capacity > INT32_MAX / 2 ? INT32_MAX : 2 * capacity;
    size_t had = (size_t)p->capacity, have = (size_t)capacity;
    p->spans = mem_realloc(MEM_CLIENT_IN, p->spans, had * sizeof(*p->spans), have * sizeof(*p->spans));
    p->argv = mem_realloc(MEM_CLIENT_IN, p->argv, had * sizeof(*p->argv), have * sizeof(*p->argv));
    p->capacity = capacity;
    proven(p->capacity >= n);
}

/* The byte `stop` at or behind the position, not looking twice at what was looked at in an earlier call. NULL while it
 * has not come; *too_long when it cannot come within RESP_INLINE_MAX any more. */
static const char *find_stop(struct resp_parser *p, const char *buf, size_t len, char stop, bool *too_long) {
    proven(p->position <= len && p->scanned <= len);
    size_t from = p->scanned > p->position ? p->scanned : p->position;
    size_t limit = p->position + RESP_INLINE_MAX + 1;
    if (limit > len) limit = len;
    const char *found = from < limit ? memchr(buf + from, stop, limit - from) : NULL;
    p->scanned = found ? (size_t)(found - buf) : limit;
    proven(p->scanned >= from); /* no byte is looked at twice */
    *too_long = !found && limit - p->position > RESP_INLINE_MAX;
    return found;
}

static enum resp_status parse_inline(struct resp_parser *p, const char *buf, size_t len) {
    proven(p->position == 0 && p->argc == 0);
    bool too_long;
    const char *newline = find_stop(p, buf, len, '\n', &too_long);
    if (too_long) return invalid(p, "too big inline request");
    if (!newline) return more(p, 1);
    struct slice line = slice_of(buf, (size_t)(newline - buf));
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    int most = (int)(line.len / 2 + 1);
    reserve_arguments(p, most);
    if (p->inline_capacity < line.len + 1) {
        p->inline_words = mem_realloc(MEM_CLIENT_IN, p->inline_words, p->inline_capacity, line.len + 1);
        p->inline_capacity = line.len + 1;
    }
    p->argc = text_split_words(line, p->inline_words, p->argv, most);
    proven(p->argc >= -1 && p->argc <= most); /* words and what is between them: there was room */
    if (p->argc < 0) {
        p->argc = 0;
        return invalid(p, "unbalanced quotes in request");
    }
    return ready(p, (size_t)(newline - buf) + 1);
}

/* The number of a header line "Xnnn\r?" at the position, whose type byte the caller has looked at. Moves the position
 * behind it. RESP_READY: *out holds it. */
static enum resp_status parse_header(struct resp_parser *p, const char *buf, size_t len, const char *too_long_text,
                                     const char *invalid_text, int64_t *out) {
    proven(p->position < len);
    bool too_long;
    const char *cr = find_stop(p, buf, len, '\r', &too_long);
    if (too_long) return invalid(p, too_long_text);
    if (!cr) return more(p, 2);
    size_t at = (size_t)(cr - buf);
    if (len - at < 2) return more(p, 1);
    proven(at > p->position); /* the type byte is no CR */
    if (!num_parse_i64(slice_of(buf + p->position + 1, at - p->position - 1), out)) return invalid(p, invalid_text);
    p->position = at + 2;
    proven(p->position <= len && p->scanned < p->position);
    return RESP_READY;
}

static enum resp_status parse_count(struct resp_parser *p, const char *buf, size_t len) {
    proven(p->argc == 0 && p->args_left == 0 && p->bulk_len == -1);
    int64_t count;
    enum resp_status status =
        parse_header(p, buf, len, "too big mbulk count string", "invalid multibulk length", &count);
    if (status != RESP_READY) return status;
    if (count > RESP_MULTIBULK_MAX) return invalid(p, "invalid multibulk length");
    if (p->unauthenticated && count > RESP_UNAUTHENTICATED_ARGS) return invalid(p, "unauthenticated multibulk length");
    p->args_left = count > 0 ? count : 0;
    return RESP_READY;
}

/* Not a '$': waits for the end of the line first, as Redis does, so that the error does not depend on how the bytes came. */
static enum resp_status refuse_bulk_type(struct resp_parser *p, const char *buf, size_t len) {
    proven(p->position < len && buf[p->position] != '$');
    bool too_long;
    const char *cr = find_stop(p, buf, len, '\r', &too_long);
    if (too_long) return invalid(p, "too big bulk count string");
    if (!cr) return more(p, 2);
    size_t at = (size_t)(cr - buf);
    if (len - at < 2) return more(p, 1);
    snprintf(p->error, sizeof(p->error), "expected '$', got '%c'", buf[p->position]);
    return RESP_INVALID;
}

static enum resp_status parse_bulk_header(struct resp_parser *p, const char *buf, size_t len) {
    proven(p->bulk_len < 0 && p->args_left > 0);
    if (p->position >= len) return more(p, 1);
    if (buf[p->position] != '$') return refuse_bulk_type(p, buf, len);
    int64_t size, limit = p->max_bulk ? p->max_bulk : 512 * 1024 * 1024;
    enum resp_status status = parse_header(p, buf, len, "too big bulk count string", "invalid bulk length", &size);
    if (status != RESP_READY) return status;
    if (size < 0 || size > limit) return invalid(p, "invalid bulk length");
    if (p->unauthenticated && size > RESP_UNAUTHENTICATED_BULK) return invalid(p, "unauthenticated bulk length");
    p->bulk_len = size;
    return RESP_READY;
}

/* ---- bulks in blocks of their own ---- */
#define BLOCK_TRUSTED ((size_t)1 << 20)
#define BLOCK_STEP    64

/* How long a block is for a bulk of which `have` bytes are there: all of it, or less by powers of the step. */
static size_t block_size(size_t size, size_t have) {
    proven(have < size);
    while (size > BLOCK_TRUSTED && size / BLOCK_STEP > have) size /= BLOCK_STEP;
    proven(size > have);
    return size;
}

static enum resp_status begin_block(struct resp_parser *p, const char *buf, size_t len) {
    size_t size = (size_t)p->bulk_len, have = len - p->position;
    proven(!p->in_block && have < size);
    if (!resp_block_try_add(&p->blocks, p->argc, block_size(size, have))) return no_memory(p);
    p->in_block = true;
    p->filled = 0;
    size_t room;
    char *at = resp_bulk_space(p, &room);
    proven(room > have);
    if (have) memcpy(at, buf + p->position, have);
    resp_bulk_filled(p, have);
    return more(p, size + 2 - have);
}

static enum resp_status continue_block(struct resp_parser *p, size_t len) {
    size_t missing = resp_bulk_missing(p), room;
    proven(p->in_block && (missing == 0 || p->position == len));
    resp_bulk_space(p, &room);
    if (missing == 0) return RESP_READY;
    if (room == 0 && !resp_block_try_grow(&p->blocks, block_size((size_t)p->bulk_len, p->filled))) return no_memory(p);
    return more(p, missing + 2);
}

char *resp_bulk_space(const struct resp_parser *p, size_t *room) {
    proven(p->in_block && p->blocks.count > 0);
    const struct resp_block *block = &p->blocks.list[p->blocks.count - 1];
    proven(p->filled <= block->size);
    *room = block->size - p->filled;
    return resp_block_text(&p->blocks, block) + p->filled;
}

void resp_bulk_filled(struct resp_parser *p, size_t n) {
    proven(p->in_block && n <= resp_bulk_missing(p));
    p->filled += n;
    p->apart += n;
}

/* ---- arguments ---- */
static enum resp_status parse_argument(struct resp_parser *p, const char *buf, size_t len) {
    enum resp_status status = RESP_READY;
    if (p->bulk_len < 0) status = parse_bulk_header(p, buf, len);
    if (status == RESP_READY && p->in_block) status = continue_block(p, len);
    if (status != RESP_READY) return status;
    proven(p->bulk_len >= 0 && p->position <= len && p->argc + p->args_left <= RESP_MULTIBULK_MAX);
    size_t size = (size_t)p->bulk_len, have = len - p->position;
    if (p->block_min && !p->in_block && size >= p->block_min && have < size) return begin_block(p, buf, len);
    if (p->in_block) size = 0; /* here, only its end is left */
    if (have < size + 2) return more(p, size + 2 - have);
    reserve_arguments(p, p->argc + 1);
    p->spans[p->argc++] = (struct resp_span){p->position, size};
    p->position += size + 2;
    p->bulk_len = -1;
    p->in_block = false;
    p->args_left--;
    proven(p->position <= len && p->argc <= p->capacity);
    return RESP_READY;
}

static void build_arguments(struct resp_parser *p, const char *buf) {
    for (int i = 0; i < p->argc; i++) {
        debug_proven(i == 0 || p->spans[i].at > p->spans[i - 1].at);
        p->argv[i] = slice_of(buf + p->spans[i].at, p->spans[i].len);
    }
    for (unsigned i = 0; i < p->blocks.count; i++) {
        const struct resp_block *block = &p->blocks.list[i];
        proven(block->arg < p->argc);
        p->argv[block->arg] = slice_of(resp_block_text(&p->blocks, block), block->size);
    }
}

static enum resp_status parse_multibulk(struct resp_parser *p, const char *buf, size_t len) {
    enum resp_status status = RESP_READY;
    if (p->position == 0) status = parse_count(p, buf, len);
    while (status == RESP_READY && p->args_left > 0) status = parse_argument(p, buf, len);
    if (status != RESP_READY) return status;
    build_arguments(p, buf);
    return ready(p, p->position);
}

static enum resp_status offer_again(struct resp_parser *p, const char *buf, size_t len) {
    proven(p->position == 0 && p->consumed > 0 && p->consumed <= len && p->blocks.count > 0);
    build_arguments(p, buf);
    p->again = false;
    return ready(p, p->consumed);
}

enum resp_status resp_parse(struct resp_parser *p, const char *buf, size_t len) {
    if (unlikely(p->again)) return offer_again(p, buf, len);
    if (resp_parser_fresh(p)) {
        p->argc = 0;
        p->bulk_len = -1;
        resp_parser_done(p);
    }
    proven(p->position <= len && p->scanned <= len && p->max_bulk >= 0);
    if (len == 0) return more(p, 1);
    return buf[0] == '*' ? parse_multibulk(p, buf, len) : parse_inline(p, buf, len);
}

void resp_parser_done(struct resp_parser *p) {
    proven(resp_parser_fresh(p) && !p->in_block && !p->again);
    p->apart = 0;
    if (unlikely(p->blocks.capacity > 0)) resp_blocks_clear(&p->blocks);
}

void resp_parser_rewind(struct resp_parser *p) {
    if (p->blocks.count == 0) {
        resp_parser_release(p);
        return;
    }
    proven(resp_parser_fresh(p) && p->consumed > 0 && p->argc > 0);
    p->again = true;
    p->scanned = p->consumed;
}

size_t resp_parser_bytes(const struct resp_parser *p) {
    proven(p->capacity >= 0);
    return (size_t)p->capacity * (sizeof *p->spans + sizeof *p->argv) + p->inline_capacity + p->blocks.bytes +
           p->blocks.capacity * sizeof *p->blocks.list;
}

void resp_parser_release(struct resp_parser *p) {
    proven(p->argc <= p->capacity && (p->capacity == 0) == (p->spans == NULL) && !p->spans == !p->argv);
    mem_free(MEM_CLIENT_IN, p->spans, (size_t)p->capacity * sizeof(*p->spans));
    mem_free(MEM_CLIENT_IN, p->argv, (size_t)p->capacity * sizeof(*p->argv));
    mem_free(MEM_CLIENT_IN, p->inline_words, p->inline_capacity);
    resp_blocks_clear(&p->blocks);
    *p = (struct resp_parser){.max_bulk = p->max_bulk,
                              .unauthenticated = p->unauthenticated,
                              .block_min = p->block_min,
                              .blocks = {.front = p->blocks.front, .owner = p->blocks.owner}};
    proven(resp_parser_fresh(p));
}
