#include "server/config_dump.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

static void print_choices(const struct directive *d, const char *between) {
    for (const struct directive_choice *c = d->choices; c && c->name; c++)
        printf("%s%s", c == d->choices ? "" : between, c->name);
}

static void print_range(const struct directive *d, const char *what) {
    printf("%s", what);
    if (d->min == 0 && d->max == 0) return;
    printf(", from %" PRId64, d->min);
    if (d->max < INT32_MAX) printf(" to %" PRId64, d->max);
}

static void print_values(const struct directive *d) {
    switch (d->type) {
    case DIRECTIVE_BOOL:
        printf("yes or no");
        break;
    case DIRECTIVE_INT:
        print_range(d, "a number");
        break;
    case DIRECTIVE_MEMORY:
        printf("bytes, with k, kb, m, mb, g, gb%s", d->flags & DIRECTIVE_AUTO ? ", or auto" : "");
        break;
    case DIRECTIVE_PERCENT:
        printf("bytes, with k, kb, m, mb, g, gb, or a percentage");
        break;
    case DIRECTIVE_OCTAL:
        printf("an octal number");
        break;
    case DIRECTIVE_ENUM:
        printf("one of ");
        print_choices(d, ", ");
        break;
    case DIRECTIVE_FLAGS:
        printf("some of ");
        print_choices(d, ", ");
        break;
    case DIRECTIVE_STRING:
        printf("a text");
        break;
    case DIRECTIVE_SPECIAL:
        printf(d->flags & DIRECTIVE_MULTI ? "words" : "a value");
        break;
    }
}

static void print_flags(unsigned flags) {
    static const struct {
        unsigned flag;
        const char *text;
    } texts[] = {
        {DIRECTIVE_IMMUTABLE, "at the start only"},
        {DIRECTIVE_NOT_LOADING, "not while loading"},
        {DIRECTIVE_PROTECTED, "protected"},
        {DIRECTIVE_ADDITIVE, "lines add up"},
        {DIRECTIVE_INERT, "accepted, without effect yet"},
    };
    bool any = false;
    for (size_t i = 0; i < countof(texts); i++) {
        if (!(flags & texts[i].flag)) continue;
        printf("%s%s", any ? "; " : "", texts[i].text);
        any = true;
    }
    if (!any) printf("-");
}

static void print_row(const struct directive *d) {
    printf("%s\t%s\t", d->name, d->alias ? d->alias : "-");
    print_values(d);
    printf("\t%s\t", d->initial && *d->initial ? d->initial : "\"\"");
    print_flags(d->flags);
    putchar('\n');
}

void config_dump(const struct directive_list *lists, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < lists[i].count; k++)
            if (!(lists[i].rows[k].flags & DIRECTIVE_HIDDEN)) print_row(&lists[i].rows[k]);
}
