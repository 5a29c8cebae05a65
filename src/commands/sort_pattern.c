#include "base/check.h"
#include "commands/hash_int.h"
#include "commands/sort_int.h"

/* An arrow counts behind the star, and with a field behind it. */
struct sort_pattern sort_pattern_of(struct slice text) {
    struct sort_pattern p = {.kind = SORT_NOTHING};
    if (slice_equal(text, SLICE("#"))) p.kind = SORT_ELEMENT;
    const char *star = text.len ? memchr(text.ptr, '*', text.len) : NULL;
    if (!star) return p;
    p.kind = SORT_STRING;
    p.prefix = slice_of(text.ptr, (size_t)(star - text.ptr));
    p.suffix = slice_of(star + 1, text.len - p.prefix.len - 1);
    const char *arrow = p.suffix.len ? memmem(p.suffix.ptr, p.suffix.len, "->", 2) : NULL;
    size_t before = arrow ? (size_t)(arrow - p.suffix.ptr) : 0;
    if (!arrow || before + 2 == p.suffix.len) return p;
    p.kind = SORT_FIELD;
    p.field = slice_of(arrow + 2, p.suffix.len - before - 2);
    p.suffix.len = before;
    return p;
}

static bool fail(struct sort *s, const char *error) {
    s->error = error;
    return false;
}

bool sort_fetch_allowed(struct sort *s, size_t n) {
    s->fetched += n;
    if (likely(s->fetched <= SORT_FETCH_MAX)) return true;
    return fail(s, "ERR the names and values of BY and GET come to more than 1 GB");
}

bool sort_result_allowed(struct sort *s) {
    size_t values = (size_t)s->get_count;
    bool few = values == 0 || s->wanted <= SORT_FETCH_MAX / SORT_FETCH_COST / values;
    return few || sort_fetch_allowed(s, SORT_FETCH_MAX + 1);
}

static bool name_of(struct sort *s, const struct sort_pattern *p, struct slice element) {
    size_t n = p->prefix.len + element.len + p->suffix.len;
    if (!sort_fetch_allowed(s, n)) return false;
    buf_clear(&s->name);
    if (!buf_try_reserve(&s->name, n + 1)) return fail(s, SORT_ERROR_MEMORY);
    buf_append_slice(&s->name, p->prefix);
    buf_append_slice(&s->name, element);
    buf_append_slice(&s->name, p->suffix);
    return true;
}

/* A key of another type counts as none. */
static bool read_entry(struct sort *s, const struct sort_pattern *p, const struct entry *e, struct slice *value) {
    struct hash_field field;
    if (!e || entry_type(e) != (p->kind == SORT_FIELD ? TYPE_HASH : TYPE_STRING)) return false;
    if (p->kind == SORT_STRING) {
        *value = entry_string(e, s->digits);
        return true;
    }
    if (!hash_find(entry_object(e), p->field, hash_now(s->c), s->digits, &field)) return false;
    *value = field.value;
    return true;
}

bool sort_look_up(struct sort *s, const struct sort_pattern *p, struct slice element, bool *found,
                  struct slice *value) {
    *value = element;
    *found = p->kind == SORT_ELEMENT;
    if (p->kind == SORT_STRING || p->kind == SORT_FIELD) {
        if (!name_of(s, p, element)) return false;
        struct slice name = buf_slice(&s->name);
        *found = name.len <= ENTRY_KEY_MAX &&
                 read_entry(s, p, context_view(s->c, (struct key){name, dataset_hash(s->c->dataset, name)}), value);
    }
    return sort_fetch_allowed(s, *found ? value->len : 0);
}
