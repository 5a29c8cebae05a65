#include "commands/sort.h"

#include "base/check.h"
#include "commands/sort_int.h"

/* ---- arguments ---- */

static bool limit_arguments(struct sort *s, int i) {
    return context_integer(s->c, i, &s->limit_offset) && context_integer(s->c, i + 1, &s->limit_count);
}

/* Once told to leave the order, it does, whatever other BY there is. */
static void by_argument(struct sort *s, struct slice text) {
    s->by = sort_pattern_of(text);
    s->by_key = true;
    if (s->by.kind == SORT_NOTHING || s->by.kind == SORT_ELEMENT) s->unsorted = true;
}

static bool word_argument(struct sort *s, struct slice word) {
    if (slice_is(word, "ASC"))
        s->descending = false;
    else if (slice_is(word, "DESC"))
        s->descending = true;
    else if (slice_is(word, "ALPHA"))
        s->alpha = true;
    else
        return false;
    return true;
}

/* How many arguments the option at i has, itself included; 0 after the error reply. */
static int option(struct sort *s, int i, bool may_store) {
    struct slice word = s->c->argv[i];
    int left = s->c->argc - i - 1;
    if (word_argument(s, word)) return 1;
    if (left >= 2 && slice_is(word, "LIMIT")) return limit_arguments(s, i + 1) ? 3 : 0;
    if (left >= 1 && may_store && slice_is(word, "STORE")) {
        s->store_at = i + 1;
    } else if (left >= 1 && slice_is(word, "BY")) {
        by_argument(s, s->c->argv[i + 1]);
    } else if (left >= 1 && slice_is(word, "GET")) {
        proven(s->get_count < s->get_room);
        s->gets[s->get_count++] = sort_pattern_of(s->c->argv[i + 1]);
    } else {
        context_syntax_error(s->c);
        return 0;
    }
    return 2;
}

/* False after the error reply. */
static bool options(struct sort *s, bool may_store) {
    s->get_room = (s->c->argc - 2) / 2;
    if (s->get_room > 0) s->gets = mem_try_alloc(MEM_CLIENT_IN, (size_t)s->get_room * sizeof *s->gets);
    if (s->get_room > 0 && !s->gets) {
        reply_error(s->c->reply, SORT_ERROR_MEMORY);
        return false;
    }
    for (int i = 2, n; i < s->c->argc; i += n)
        if ((n = option(s, i, may_store)) == 0) return false;
    return true;
}

/* STORE's keys stand where no spec can say. The last one counts. */
static int find_keys(const struct slice *argv, int argc, int *positions, int max) {
    int store = 0;
    for (int i = 2; i < argc; i++) {
        if (slice_is(argv[i], "LIMIT"))
            i += 2;
        else if (slice_is(argv[i], "GET") || slice_is(argv[i], "BY"))
            i++;
        else if (slice_is(argv[i], "STORE") && i + 1 < argc)
            store = ++i;
    }
    if (max > 0) positions[0] = 1;
    if (max > 1 && store) positions[1] = store;
    return store ? 2 : 1;
}

/* ---- the command ---- */

/* False after the error reply. An absent key is an empty list. */
static bool view(struct sort *s) {
    const struct entry *e = context_view(s->c, context_key(s->c, 1));
    enum value_type type = e ? entry_type(e) : TYPE_LIST;
    if (type != TYPE_LIST && type != TYPE_SET && type != TYPE_ZSET) {
        reply_error(s->c->reply, ERROR_WRONGTYPE);
        return false;
    }
    s->value = e ? entry_object(e) : (struct value){NULL, TYPE_LIST, VALUE_PACK};
    return true;
}

/* A set has no order of its own: what is stored of one is sorted after all, so that the same command gives the same list. For the
 * same reason only ties of a list keep their order, where the elements themselves say nothing: BY with ALPHA. */
static void settle_order(struct sort *s) {
    if (s->unsorted && s->store_at && s->value.type == TYPE_SET) {
        s->unsorted = s->by_key = false;
        s->alpha = true;
    }
    s->keeps_ties = s->alpha && s->by_key && s->value.type == TYPE_LIST;
}

static bool work(struct sort *s) {
    settle_order(s);
    if (!sort_gather(s) || !sort_result_allowed(s)) return false;
    if (!s->unsorted && !(sort_weigh(s) && sort_arrange(s))) return false;
    return s->store_at ? sort_store(s) : sort_reply(s);
}

static void run(struct context *c, bool may_store) {
    struct sort s = {.c = c, .limit_count = -1};
    buf_init(&s.texts, MEM_CLIENT_IN);
    buf_init(&s.name, MEM_CLIENT_IN);
    if (options(&s, may_store) && view(&s) && !work(&s)) reply_error(c->reply, s.error);
    sort_release_items(&s);
    mem_free(MEM_CLIENT_IN, s.gets, (size_t)s.get_room * sizeof *s.gets);
}

static void sort_run(struct context *c) { run(c, true); }

static void sort_ro_run(struct context *c) { run(c, false); }

/* ---- rows ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})

#define SORT_ARGS                                                                                        \
    {.name = "key", .type = ARG_KEY},                                                                    \
        {.name = "pattern", .type = ARG_PATTERN, .flags = ARG_OPTIONAL, .token = "BY", .key_spec = 1},   \
        {.name = "offset_count",                                                                         \
         .type = ARG_BLOCK,                                                                              \
         .flags = ARG_OPTIONAL,                                                                          \
         .token = "LIMIT",                                                                               \
         .args = ARGS({.name = "offset", .type = ARG_INTEGER}, {.name = "count", .type = ARG_INTEGER})}, \
        {.name = "pattern",                                                                              \
         .type = ARG_PATTERN,                                                                            \
         .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN,                                      \
         .token = "GET",                                                                                 \
         .key_spec = 1},                                                                                 \
        {.name = "order",                                                                                \
         .type = ARG_ONEOF,                                                                              \
         .flags = ARG_OPTIONAL,                                                                          \
         .args = ARGS({.name = "asc", .type = ARG_PURE_TOKEN, .token = "ASC"},                           \
                      {.name = "desc", .type = ARG_PURE_TOKEN, .token = "DESC"})},                       \
    {                                                                                                    \
        .name = "sorting", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "ALPHA"               \
    }
#define PATTERN_KEYS                                                                                    \
    {                                                                                                   \
        .begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, .flags = KEY_RO | KEY_ACCESS,             \
        .notes = "The keys of BY and GET: their names follow from the elements, so no argument is one." \
    }
#define SORT_ROW .arity = -2, .acl = ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_DANGEROUS, .group = GROUP_GENERIC
#define COMPLEXITY \
    "O(N+M*log(M)) where N is the number of elements and M that of the elements returned; O(N) without sorting"

const struct command_row sort_commands[] = {
    {.name = "sort",
     .run = sort_run,
     .flags = CMD_WRITE | CMD_DENYOOM,
     SORT_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS),
              PATTERN_KEYS,
              {.begin = KEY_BEGIN_UNKNOWN,
               .find = KEY_FIND_UNKNOWN,
               .flags = KEY_OW | KEY_UPDATE,
               .notes = "The key of STORE, which may stand at any place among the options."}},
     .find_keys = find_keys,
     .since = "1.0.0",
     .complexity = COMPLEXITY,
     .summary = "Sorts the elements of a list, a set or a sorted set, by themselves or by other keys, and stores them "
                "where asked to.",
     .args = ARGS(SORT_ARGS,
                  {.name = "destination", .type = ARG_KEY, .flags = ARG_OPTIONAL, .token = "STORE", .key_spec = 2})},
    {.name = "sort_ro",
     .run = sort_ro_run,
     .flags = CMD_READONLY,
     SORT_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS), PATTERN_KEYS},
     .since = "7.0.0",
     .complexity = COMPLEXITY,
     .summary = "Sorts the elements of a list, a set or a sorted set, by themselves or by other keys.",
     .args = ARGS(SORT_ARGS)},
    {0}};
