#include "reply.h"

#include "base/check.h"
#include "base/num.h"

struct reply reply_of(struct slice bytes) {
    return (struct reply){bytes.ptr, bytes.ptr + bytes.len};
}

struct resp_item reply_next(struct reply *r) {
    for (;;) {
        struct resp_item item;
        ssize_t used = resp_read_item(r->at, (size_t)(r->end - r->at), &item);
        proven(used > 0);
        r->at += used;
        if (item.kind == RESP_VERBATIM && item.text.len >= 4)
            item.text = slice_of(item.text.ptr + 4, item.text.len - 4);
        if (item.kind != RESP_ATTRIBUTE) return item;
        reply_skip(r, item.count * 2);
    }
}

bool reply_nests(const struct resp_item *item) { return !item->null && strchr("*%~>", (char)item->kind) != NULL; }

int64_t reply_children(const struct resp_item *item) {
    if (!reply_nests(item)) return 0;
    return item->kind == RESP_MAP ? item->count * 2 : item->count;
}

void reply_skip(struct reply *r, int64_t values) {
    while (values-- > 0) {
        struct resp_item item = reply_next(r);
        reply_skip(r, reply_children(&item));
    }
}

static struct resp_item first_item(struct slice bytes) {
    struct reply r = reply_of(bytes);
    return reply_next(&r);
}

char reply_kind(struct slice bytes) { return (char)first_item(bytes).kind; }

struct slice reply_text(struct slice bytes) {
    return first_item(bytes).text;
}

bool reply_is_error(struct slice bytes) { return reply_kind(bytes) == '-' || reply_kind(bytes) == '!'; }

int64_t reply_number(struct slice bytes) {
    int64_t number;
    return num_parse_i64(reply_text(bytes), &number) ? number : 0;
}
