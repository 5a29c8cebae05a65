#include "facts.h"

#include "base/num.h"

/* Takes the next line without its end off the text. */
static bool next_line(struct slice *text, struct slice *line) {
    if (text->len == 0) return false;
    const char *end = memchr(text->ptr, '\n', text->len);
    size_t len = end ? (size_t)(end - text->ptr) : text->len, used = end ? len + 1 : len;
    *line = slice_of(text->ptr, len > 0 && text->ptr[len - 1] == '\r' ? len - 1 : len);
    *text = slice_of(text->ptr + used, text->len - used);
    return true;
}

static bool starts(struct slice line, const char *name, size_t len) {
    return line.len > len && line.ptr[len] == ':' && memcmp(line.ptr, name, len) == 0;
}

struct slice facts_text(struct slice info, const char *name) {
    struct slice line;
    size_t len = strlen(name);
    while (next_line(&info, &line))
        if (starts(line, name, len)) return slice_of(line.ptr + len + 1, line.len - len - 1);
    return SLICE("");
}

double facts_double(struct slice info, const char *name) {
    double value;
    return num_parse_double(facts_text(info, name), &value) ? value : 0;
}

int64_t facts_number(struct slice info, const char *name) {
    int64_t value;
    if (num_parse_i64(facts_text(info, name), &value)) return value;
    return (int64_t)facts_double(info, name);
}

/* "db<n>:keys=<count>,..." */
int64_t facts_keys(struct slice info) {
    static const char mark[] = "keys=";
    struct slice line;
    int64_t sum = 0, keys;
    while (next_line(&info, &line)) {
        const char *at = memmem(line.ptr, line.len, mark, sizeof mark - 1);
        if (line.len < 4 || memcmp(line.ptr, "db", 2) != 0 || !at) continue;
        at += sizeof mark - 1;
        size_t len = 0, rest = (size_t)(line.ptr + line.len - at);
        while (len < rest && at[len] >= '0' && at[len] <= '9') len++;
        if (num_parse_i64(slice_of(at, len), &keys)) sum += keys;
    }
    return sum;
}
