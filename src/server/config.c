#include "server/config_int.h"

#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The room's view of its configuration; the values themselves live with those who declare the rows. */
static struct config_registry registry;

struct config_registry *config_registry(void) {
    return &registry;
}

/* ---- texts ---- */
char *config_text_new(struct slice s) {
    char *text = mem_alloc(MEM_SERVER, s.len + 1);
    if (s.len) memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

void config_text_free(char *text) {
    if (text) mem_free(MEM_SERVER, text, strlen(text) + 1);
}

static bool refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char *why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, DIRECTIVE_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- one value in, by type ---- */
static bool in_range(const struct directive *row, int64_t v, char *why) {
    if ((row->min == 0 && row->max == 0) || (v >= row->min && v <= row->max)) return true;
    if (row->type == DIRECTIVE_OCTAL) return refuse(why, "argument couldn't be parsed as an octal number");
    return refuse(why, "argument must be between %lld and %lld inclusive", (long long)row->min, (long long)row->max);
}

static bool parse_octal(struct slice s, int64_t *out) {
    int64_t v = 0;
    if (s.len == 0 || s.len > 20) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7') return false;
        v = v * 8 + (s.ptr[i] - '0');
    }
    *out = v;
    return true;
}

static bool parse_memory(struct slice s, int64_t *out) {
    uint64_t v;
    if (!num_parse_memory(s, &v) || v > INT64_MAX) return false;
    *out = (int64_t)v;
    return true;
}

static bool parse_percent(struct slice s, int64_t *out, char *why) {
    bool percent = s.len > 1 && s.ptr[s.len - 1] == '%';
    if (percent) s.len--;
    if (!(percent ? num_parse_i64(s, out) && *out >= 0 : parse_memory(s, out))) {
        return refuse(why, "argument must be a memory or percent value");
    }
    if (percent && *out > 100) return refuse(why, "percentage argument must be less or equal to 100");
    if (percent) *out = -*out;
    return true;
}

static bool assign_number(const struct directive *row, struct slice s, char *why) {
    int64_t v;
    switch (row->type) {
    case DIRECTIVE_MEMORY:
        if (row->flags & DIRECTIVE_AUTO && slice_is(s, "auto"))
            v = -1;
        else if (!parse_memory(s, &v))
            return refuse(why, "argument must be a memory value");
        break;
    case DIRECTIVE_PERCENT:
        if (!parse_percent(s, &v, why)) return false;
        break;
    case DIRECTIVE_OCTAL:
        if (!parse_octal(s, &v)) return refuse(why, "argument couldn't be parsed as an octal number");
        break;
    default:
        if (!num_parse_i64(s, &v)) return refuse(why, "argument couldn't be parsed into an integer");
    }
    if (!in_range(row, v, why)) return false;
    *(int64_t *)row->value = v;
    return true;
}

static bool assign_bool(const struct directive *row, struct slice s, char *why) {
    bool yes = slice_is(s, "yes");
    if (!yes && !slice_is(s, "no")) return refuse(why, "argument must be 'yes' or 'no'");
    *(bool *)row->value = yes;
    return true;
}

static bool refuse_choice(const struct directive *row, char *why) {
    size_t at = (size_t)snprintf(why, DIRECTIVE_ERROR_MAX, "argument(s) must be one of the following:");
    for (const struct directive_choice *c = row->choices; c->name && at < DIRECTIVE_ERROR_MAX; c++) {
        at += (size_t)snprintf(why + at, DIRECTIVE_ERROR_MAX - at, "%s %s", c == row->choices ? "" : ",", c->name);
    }
    return false;
}

static const struct directive_choice *choice_named(const struct directive *row, struct slice s) {
    for (const struct directive_choice *c = row->choices; c->name; c++) {
        if (slice_equal_nocase(slice_of_cstr(c->name), s)) return c;
    }
    return NULL;
}

static bool assign_choices(const struct directive *row, const struct slice *words, int count, char *why) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        const struct directive_choice *c = choice_named(row, words[i]);
        if (!c) return refuse_choice(row, why);
        value |= c->value;
    }
    *(int *)row->value = value;
    return true;
}

static bool assign_string(const struct directive *row, struct slice s, char *why) {
    if (s.len && memchr(s.ptr, '\0', s.len)) return refuse(why, "argument must not hold a NUL byte");
    char **place = row->value, *old = *place;
    *place = config_text_new(s);
    config_text_free(old);
    return true;
}

static struct slice join(struct buf *b, const struct slice *words, int count) {
    for (int i = 0; i < count; i++) {
        if (i) buf_append(b, " ", 1);
        buf_append_slice(b, words[i]);
    }
    return buf_slice(b);
}

static bool assign_typed(const struct directive *row, const struct slice *words, int count, struct slice joined,
                         char *why) {
    const char *problem = row->check ? row->check(joined) : NULL;
    if (problem) return refuse(why, "%s", problem);
    switch (row->type) {
    case DIRECTIVE_BOOL:
        return assign_bool(row, joined, why);
    case DIRECTIVE_ENUM:
    case DIRECTIVE_FLAGS:
        return assign_choices(row, words, count, why);
    case DIRECTIVE_STRING:
        return assign_string(row, joined, why);
    default:
        return assign_number(row, joined, why);
    }
}

static bool assign_special(const struct directive *row, const struct slice *words, int count, bool first, char *why) {
    const char *problem = row->set(words, count, first);
    if (problem) return refuse(why, "%s", problem);
    return true;
}

static bool assign_words(const struct directive *row, const struct slice *words, int count, bool first, char *why) {
    if (count == 0 || (count > 1 && !(row->flags & DIRECTIVE_MULTI))) return refuse(why, "wrong number of arguments");
    if (row->type == DIRECTIVE_SPECIAL) return assign_special(row, words, count, first, why);
    struct buf joined;
    buf_init(&joined, MEM_SERVER);
    bool ok = assign_typed(row, words, count, join(&joined, words, count), why);
    buf_release(&joined);
    return ok;
}

/* "--save '60 1 300 10'" and CONFIG SET hand several words over as one. */
static bool assign_split(const struct directive *row, struct slice word, bool first, char *why) {
    char *scratch = mem_alloc(MEM_SERVER, word.len);
    struct slice *words = mem_alloc(MEM_SERVER, CONFIG_WORDS_MAX * sizeof *words);
    int count = text_split_words(word, scratch, words, CONFIG_WORDS_MAX);
    bool ok;
    if (count == -1) {
        ok = refuse(why, "unbalanced quotes");
    } else if (count == -2) {
        ok = refuse(why, "wrong number of arguments");
    } else {
        struct slice nothing = SLICE("");
        ok = count ? assign_words(row, words, count, first, why) : assign_words(row, &nothing, 1, first, why);
    }
    mem_free(MEM_SERVER, words, CONFIG_WORDS_MAX * sizeof *words);
    mem_free(MEM_SERVER, scratch, word.len);
    return ok;
}

bool config_assign(struct config_item *item, const struct slice *words, int count, bool first, char *why) {
    bool one = count == 1 && words[0].len > 0;
    if (one && item->row->flags & DIRECTIVE_MULTI) return assign_split(item->row, words[0], first, why);
    return assign_words(item->row, words, count, first, why);
}

/* ---- one value out ---- */
static void format_special(const struct directive *row, struct buf *out) {
    size_t start = out->len, cap = 256, len;
    /* get cuts what does not fit: ask again with more room until something is left over. */
    while ((len = row->get(buf_reserve(out, cap), cap)) == cap && cap < CONFIG_FILE_MAX) cap *= 4;
    proven(out->len == start && len <= cap);
    buf_advance(out, len);
}

static void format_flags(const struct directive *row, struct buf *out) {
    int value = *(const int *)row->value;
    size_t start = out->len;
    for (const struct directive_choice *c = row->choices; c->name; c++) {
        bool named = value == 0 ? c->value == 0 : (c->value != 0 && (value & c->value) == c->value);
        if (named) buf_printf(out, "%s%s", out->len > start ? " " : "", c->name);
    }
}

static void format_enum(const struct directive *row, struct buf *out) {
    for (const struct directive_choice *c = row->choices; c->name; c++) {
        if (c->value != *(const int *)row->value) continue;
        buf_append_slice(out, slice_of_cstr(c->name));
        return;
    }
    unreachable("an enum directive holds none of its choices");
}

void config_format(const struct config_item *item, struct buf *out) {
    const struct directive *row = item->row;
    switch (row->type) {
    case DIRECTIVE_BOOL:
        buf_append_slice(out, *(const bool *)row->value ? SLICE("yes") : SLICE("no"));
        break;
    case DIRECTIVE_INT:
    case DIRECTIVE_MEMORY:
        if (row->flags & DIRECTIVE_AUTO && *(const int64_t *)row->value < 0)
            buf_append_slice(out, SLICE("auto"));
        else
            buf_printf(out, "%lld", (long long)*(const int64_t *)row->value);
        break;
    case DIRECTIVE_PERCENT: {
        long long v = (long long)*(const int64_t *)row->value;
        buf_printf(out, v < 0 ? "%lld%%" : "%lld", v < 0 ? -v : v);
        break;
    }
    case DIRECTIVE_OCTAL:
        buf_printf(out, "%llo", (unsigned long long)*(const int64_t *)row->value);
        break;
    case DIRECTIVE_ENUM:
        format_enum(row, out);
        break;
    case DIRECTIVE_FLAGS:
        format_flags(row, out);
        break;
    case DIRECTIVE_STRING:
        buf_append_slice(out, slice_of_cstr(*(char *const *)row->value));
        break;
    case DIRECTIVE_SPECIAL:
        format_special(row, out);
        break;
    }
}

bool config_is_default(const struct config_item *item) {
    struct buf now;
    buf_init(&now, MEM_SERVER);
    config_format(item, &now);
    bool same = slice_equal(buf_slice(&now), slice_of(item->initial, item->initial_len));
    buf_release(&now);
    return same;
}

/* ---- names ---- */
static int by_text(const void *a, const void *b) {
    const struct config_name *x = a, *y = b;
    return slice_compare(x->text, y->text);
}

struct config_name *config_find(struct slice name) {
    char lower[64];
    if (name.len > sizeof lower) return NULL;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    struct config_name wanted = {.text = slice_of(lower, name.len)};
    return bsearch(&wanted, registry.names, registry.name_count, sizeof *registry.names, by_text);
}

bool config_get(struct slice name, struct buf *out) {
    const struct config_name *found = config_find(name);
    if (!found) return false;
    config_format(found->item, out);
    return true;
}

bool config_is_sensitive(struct slice name) {
    const struct config_name *found = config_find(name);
    return found && found->item->row->flags & DIRECTIVE_SENSITIVE;
}

/* ---- the registry ---- */
/* The default of a row that takes one word may be written without the quotes that a file would need. */
static void assign_initial(struct config_item *item) {
    const struct directive *row = item->row;
    char why[DIRECTIVE_ERROR_MAX] = "";
    struct slice text = slice_of_cstr(row->initial);
    bool quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    if (row->type == DIRECTIVE_STRING) *(char **)row->value = NULL;
    if (quoted) text = slice_of(text.ptr + 1, text.len - 2);
    if (!config_assign(item, &text, 1, true, why)) {
        fprintf(stderr, "directive %s: default '%s': %s\n", row->name, row->initial, why);
        unreachable("a directive refuses its own default");
    }
    struct buf shown;
    buf_init(&shown, MEM_SERVER);
    config_format(item, &shown);
    item->initial = config_text_new(buf_slice(&shown));
    item->initial_len = shown.len;
    buf_release(&shown);
}

static void add_name(const char *text, struct config_item *item) {
    struct slice s = slice_of_cstr(text);
    registry.names[registry.name_count++] = (struct config_name){s, item};
}

static void count_rows(const struct directive_list *lists, unsigned count) {
    size_t rows = 0, names = 0;
    for (unsigned i = 0; i < count; i++) {
        rows += lists[i].count;
        for (size_t j = 0; j < lists[i].count; j++) names += lists[i].rows[j].alias ? 2 : 1;
    }
    registry.items = mem_alloc_zeroed(MEM_SERVER, (rows + 1) * sizeof *registry.items);
    registry.names = mem_alloc_zeroed(MEM_SERVER, (names + 1) * sizeof *registry.names);
}

static void sort_names(void) {
    qsort(registry.names, registry.name_count, sizeof *registry.names, by_text);
    for (size_t i = 1; i < registry.name_count; i++) {
        if (by_text(&registry.names[i - 1], &registry.names[i]) != 0) continue;
        fprintf(stderr, "directive %s\n", registry.names[i].text.ptr);
        unreachable("a directive is declared twice");
    }
}

void config_init(const struct directive_list *lists, unsigned count) {
    proven(registry.items == NULL);
    count_rows(lists, count);
    registry.renames_end = &registry.renames;
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < lists[i].count; j++) {
            struct config_item *item = &registry.items[registry.item_count++];
            item->row = &lists[i].rows[j];
            add_name(item->row->name, item);
            if (item->row->alias) add_name(item->row->alias, item);
        }
    }
    sort_names();
    for (size_t i = 0; i < registry.item_count; i++) assign_initial(&registry.items[i]);
}

static void release_item(struct config_item *item) {
    if (item->row->type == DIRECTIVE_STRING) {
        config_text_free(*(char **)item->row->value);
        *(const char **)item->row->value = "";
    }
    mem_free(MEM_SERVER, item->initial, item->initial_len + 1);
}

void config_release(void) {
    for (struct config_rename *r = registry.renames, *next; r; r = next) {
        next = r->next;
        mem_free(MEM_SERVER, r, r->block_size);
    }
    size_t names = 0;
    for (size_t i = 0; i < registry.item_count; i++) {
        names += registry.items[i].row->alias ? 2 : 1;
        release_item(&registry.items[i]);
    }
    mem_free(MEM_SERVER, registry.names, (names + 1) * sizeof *registry.names);
    mem_free(MEM_SERVER, registry.items, (registry.item_count + 1) * sizeof *registry.items);
    config_text_free(registry.path);
    registry = (struct config_registry){0};
}

const char *config_file_path(void) { return registry.path ? registry.path : ""; }

void config_on_reset(void (*reset)(void)) {
    proven(registry.reset_count < CONFIG_RESETS_MAX);
    registry.resets[registry.reset_count++] = reset;
}

void config_log_inert(void) {
    struct buf value;
    buf_init(&value, MEM_SERVER);
    for (size_t i = 0; i < registry.item_count; i++) {
        struct config_item *item = &registry.items[i];
        if (!(item->row->flags & DIRECTIVE_INERT) || item->noted || config_is_default(item)) continue;
        item->noted = true;
        buf_clear(&value);
        config_format(item, &value);
        bool secret = item->row->flags & DIRECTIVE_SENSITIVE;
        log_notice("Directive '%s' is set to '%.*s'; it is accepted and kept, but has no effect in this version.",
                   item->row->name, secret ? 3 : (int)value.len, secret ? "***" : value.ptr);
    }
    buf_release(&value);
}

/* ---- CONFIG SET: all or none ---- */
struct change {
    struct config_item *item;
    struct slice name, value;
    char *old; /* the value before, as CONFIG GET prints it */
    size_t old_len;
};

static bool refuse_set(char *error, struct slice name, const char *why) {
    snprintf(error, CONFIG_ERROR_MAX, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
             (int)(name.len < 64 ? name.len : 64), name.ptr, why);
    return false;
}

static bool may_change(const struct change *c, const struct change *earlier, size_t count, unsigned flags,
                       char *error) {
    unsigned row_flags = c->item->row->flags;
    if (row_flags & DIRECTIVE_IMMUTABLE) return refuse_set(error, c->name, "can't set immutable config");
    if (row_flags & DIRECTIVE_PROTECTED && !(flags & CONFIG_SET_PROTECTED)) {
        return refuse_set(error, c->name, "can't set protected config");
    }
    if (row_flags & DIRECTIVE_NOT_LOADING && flags & CONFIG_SET_LOADING) {
        snprintf(error, CONFIG_ERROR_MAX, "LOADING Tarn is loading the dataset in memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (earlier[i].item == c->item) return refuse_set(error, c->name, "duplicate parameter");
    }
    return true;
}

/* Resolves the pairs; *resolved tells how many, also on failure. No more than there are directives: a further one would
 * be a duplicate. */
static bool resolve(const struct slice *pairs, int count, unsigned flags, struct change *changes, size_t *resolved,
                    char *error) {
    for (int i = 0; i < count; i++) {
        struct slice name = pairs[2 * i];
        const struct config_name *found = config_find(name);
        if (!found) {
            snprintf(error, CONFIG_ERROR_MAX, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                     (int)(name.len < 128 ? name.len : 128), name.ptr);
            return false;
        }
        struct change c = {.item = found->item, .name = name, .value = pairs[2 * i + 1]};
        if (!may_change(&c, changes, *resolved, flags, error)) return false;
        changes[(*resolved)++] = c;
    }
    return true;
}

static void remember(struct change *c) {
    struct buf old;
    buf_init(&old, MEM_SERVER);
    config_format(c->item, &old);
    c->old_len = old.len;
    c->old = config_text_new(buf_slice(&old));
    buf_release(&old);
}

static void restore(const struct change *changes, size_t count) {
    char why[DIRECTIVE_ERROR_MAX];
    for (size_t i = count; i-- > 0;) {
        struct slice old = slice_of(changes[i].old, changes[i].old_len);
        bool ok = config_assign(changes[i].item, &old, 1, true, why);
        proven(ok);
    }
}

static bool assign_all(struct change *changes, size_t count, char *error) {
    char why[DIRECTIVE_ERROR_MAX];
    for (size_t i = 0; i < count; i++) {
        remember(&changes[i]);
        if (config_assign(changes[i].item, &changes[i].value, 1, true, why)) continue;
        restore(changes, i);
        return refuse_set(error, changes[i].name, why);
    }
    return true;
}

/* True for the first change among those that share an apply hook. */
static bool leads_hook(const struct change *changes, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (changes[j].item->row->apply == changes[i].item->row->apply) return false;
    }
    return changes[i].item->row->apply != NULL;
}

static bool apply_all(struct change *changes, size_t count, char *error) {
    for (size_t i = 0; i < count; i++) {
        if (!leads_hook(changes, i)) continue;
        const char *problem = changes[i].item->row->apply();
        if (!problem) continue;
        refuse_set(error, changes[i].name, problem); /* before the text's owner may reuse it */
        restore(changes, count);
        for (size_t j = 0; j <= i; j++) {
            if (leads_hook(changes, j)) changes[j].item->row->apply();
        }
        return false;
    }
    return true;
}

bool config_set(const struct slice *pairs, int count, unsigned flags, char error[CONFIG_ERROR_MAX]) {
    size_t size = (registry.item_count + 1) * sizeof(struct change), resolved = 0;
    struct change *changes = mem_alloc_zeroed(MEM_SERVER, size);
    bool ok = resolve(pairs, count, flags, changes, &resolved, error) && assign_all(changes, resolved, error) &&
              apply_all(changes, resolved, error);
    for (size_t i = 0; i < resolved; i++) {
        if (changes[i].old) mem_free(MEM_SERVER, changes[i].old, changes[i].old_len + 1);
    }
    mem_free(MEM_SERVER, changes, size);
    if (ok) config_log_inert();
    return ok;
}
