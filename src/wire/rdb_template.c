#include "wire/rdb_template.h"

#include "base/check.h"
#include "wire/rdb_io.h"

void rdb_template_init(struct rdb_template *t) {
    *t = (struct rdb_template){0};
    buf_init(&t->fields, MEM_PERSIST);
    proven(t->fields.len == 0);
}

void rdb_template_release(struct rdb_template *t) {
    proven(t->fields.owner == MEM_PERSIST);
    buf_release(&t->fields);
}

bool rdb_template_read(struct rdb_template *t, struct rdb_input *in) {
    struct slice field;
    proven(t->count == 0 && t->fields.len == 0);
    if (!rdb_input_count(in, 1, &t->count)) return false;
    if (t->count == 0) return rdb_input_fail(in, "a template without fields");
    for (uint64_t i = 0; i < t->count; i++) {
        if (!rdb_input_string(in, &field)) return false;
        uint32_t len = (uint32_t)field.len;
        if (len != field.len || !buf_try_reserve(&t->fields, sizeof len + field.len))
            return rdb_input_fail(in, "no memory for a template's field");
        buf_append(&t->fields, &len, sizeof len);
        buf_append_slice(&t->fields, field);
    }
    return true;
}

struct slice rdb_template_fields(const struct rdb_template *t) {
    proven(t->count > 0);
    return buf_slice(&t->fields);
}

bool rdb_template_next(struct slice *rest, struct slice *field) {
    uint32_t len;
    if (rest->len == 0) return false;
    proven(rest->len >= sizeof len);
    memcpy(&len, rest->ptr, sizeof len);
    proven(rest->len - sizeof len >= len);
    *field = slice_of(rest->ptr + sizeof len, len);
    *rest = slice_of(rest->ptr + sizeof len + len, rest->len - sizeof len - len);
    return true;
}

void rdb_templates_init(struct rdb_templates *t) {
    *t = (struct rdb_templates){0};
    proven(t->count == 0);
}

void rdb_templates_release(struct rdb_templates *t) {
    proven(t->count <= t->capacity);
    for (size_t i = 0; i < t->count; i++) rdb_template_release(&t->items[i]);
    mem_free(MEM_PERSIST, t->items, t->capacity * sizeof *t->items);
    rdb_templates_init(t);
}

void rdb_templates_forget(struct rdb_templates *t) {
    proven(t->count > 0);
    rdb_template_release(&t->items[--t->count]);
}

const struct rdb_template *rdb_templates_find(const struct rdb_templates *t, uint64_t id) {
    if (!t) return NULL;
    proven(t->count <= t->capacity);
    for (size_t i = t->count; i-- > 0;)
        if (t->items[i].id == id) return &t->items[i];
    return NULL;
}

bool rdb_templates_read(struct rdb_templates *t, struct rdb_input *in) {
    uint64_t id;
    if (!rdb_input_length(in, &id)) return false;
    if (rdb_templates_find(t, id)) return rdb_input_fail(in, "a template of this number stands in the file before");
    if (t->count == RDB_TEMPLATES_MAX) return rdb_input_fail(in, "more templates than this version holds");
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 4;
        t->items = mem_realloc(MEM_PERSIST, t->items, t->capacity * sizeof *t->items, capacity * sizeof *t->items);
        t->capacity = capacity;
    }
    struct rdb_template *item = &t->items[t->count];
    rdb_template_init(item);
    item->id = id;
    if (rdb_template_read(item, in)) {
        t->count++;
        return true;
    }
    rdb_template_release(item);
    proven(in->why);
    return false;
}
