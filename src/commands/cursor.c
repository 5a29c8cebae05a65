#include "commands/cursor.h"

#include "base/glob.h"
#include "base/num.h"

#define COUNT_DEFAULT   10
#define STEPS_PER_COUNT 10 /* buckets walked at most, for each element asked for: a sparse table ends a call early */

/* A cursor as clients may send it: what C's strtoul takes, without leading space. So "" is 0, and a sign may stand before
 * the digits. */
static bool parse_cursor(struct slice text, uint64_t *cursor) {
    bool sign = text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-');
    uint64_t n = 0;
    for (size_t i = sign; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, digit, &n)) return false;
    }
    *cursor = sign && text.ptr[0] == '-' ? 0 - n : n;
    return !(sign && text.len == 1);
}

bool cursor_matches_any(struct slice pattern) { return pattern.len == 1 && pattern.ptr[0] == '*'; }

bool cursor_begin(struct context *c, int i, struct cursor_walk *w) {
    *w = (struct cursor_walk){.any = true, .count = COUNT_DEFAULT};
    w->found.resp = c->reply->resp;
    w->found.out = &w->bytes;
    buf_init(&w->bytes, MEM_CLIENT_OUT);
    if (parse_cursor(c->argv[i], &w->cursor)) return true;
    reply_error(c->reply, "ERR invalid cursor");
    return false;
}

/* Of MATCH and COUNT: 2, 0 when it is neither, -1 after the error reply. */
static int common_option(struct context *c, int i, struct cursor_walk *w) {
    if (i + 1 == c->argc) return 0;
    if (slice_is(c->argv[i], "COUNT")) {
        if (!context_integer(c, i + 1, &w->count)) return -1;
        return w->count < 1 ? 0 : 2;
    }
    if (!slice_is(c->argv[i], "MATCH")) return 0;
    w->pattern = c->argv[i + 1];
    w->any = cursor_matches_any(w->pattern);
    return 2;
}

bool cursor_options(struct context *c, int i, struct cursor_walk *w, int (*own)(struct context *c, int i, void *arg),
                    void *arg) {
    while (i < c->argc) {
        int taken = own ? own(c, i, arg) : 0;
        if (taken == 0) taken = common_option(c, i, w);
        if (taken < 0) return false;
        if (taken == 0) {
            context_syntax_error(c);
            return false;
        }
        i += taken;
    }
    return true;
}

bool cursor_wants(struct cursor_walk *w, struct slice name) {
    w->seen++;
    return w->any || glob_match(w->pattern, name, false);
}

void cursor_put(struct cursor_walk *w, struct slice word) {
    reply_bulk(&w->found, word);
    w->words++;
}

bool cursor_goes_on(struct cursor_walk *w) {
    w->steps++;
    return w->cursor != 0 && w->seen < w->count && w->steps / STEPS_PER_COUNT < w->count;
}

void cursor_reply(struct context *c, struct cursor_walk *w) {
    char text[NUM_TEXT_MAX];
    reply_array(c->reply, 2);
    reply_bulk(c->reply, slice_of(text, num_format_u64(text, w->cursor)));
    reply_array(c->reply, w->words);
    buf_append_slice(c->reply->out, buf_slice(&w->bytes));
    buf_release(&w->bytes);
}
