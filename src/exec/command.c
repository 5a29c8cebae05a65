/* The command index: rows made into commands, found by name. The table is open addressing over the folded bytes of the names;
 * a name of at most 16 bytes is compared as two words, so that finding GET is a hash, one probe and two compares. */
#include "exec/command.h"

#include "base/check.h"
#include "mem/mem.h"

#include <limits.h>
#include <stdio.h>

/* The first and the last (up to) eight bytes, upper case folded: together with the length they say everything of a name of at
 * most WORDS_EXACT bytes. */
#define WORDS_EXACT 16
struct name_words {
    uint64_t first, last;
};

struct index_slot {
    struct name_words words;
    size_t len;
    struct command *command; /* NULL: empty */
};

struct command_index {
    struct command *commands; /* top-level ones first, then each container's subcommands */
    unsigned count, total;
    struct index_slot *slots;
    unsigned slot_bits;
    char *names; /* the full names of subcommands */
    size_t names_size;
};

/* ---- names ---- */
/* ASCII upper to lower case in each of eight bytes. */
static inline uint64_t fold_case(uint64_t w) {
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = w & (each * 0x7f);
    uint64_t above_z = low + each * (0x7f - 'Z'), from_a = low + each * (0x80 - 'A');
    uint64_t upper = ~w & (each * 0x80) & (above_z ^ from_a);
    return w | upper >> 2;
}

static inline struct name_words words_of(struct slice name) {
    struct name_words w = {0, 0};
    const char *p = name.ptr;
    if (name.len >= 8) {
        memcpy(&w.first, p, 8);
        memcpy(&w.last, p + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&w.first, p, 4);
        memcpy(&w.last, p + name.len - 4, 4);
    } else if (name.len) {
        w.first = (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[name.len >> 1] << 8 |
                  (uint64_t)(unsigned char)p[name.len - 1] << 16;
    }
    return (struct name_words){fold_case(w.first), fold_case(w.last)};
}

static inline unsigned slot_of(const struct command_index *x, struct name_words w, size_t len) {
    uint64_t mixed = (w.first ^ (w.last << 23 | w.last >> 41) ^ len) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(mixed >> (64 - x->slot_bits));
}

static const char *called(const struct command *c) { return c->name_override ? c->name_override : c->row->name; }

struct command *command_find(const struct command_index *x, struct slice name) {
    struct name_words w = words_of(name);
    unsigned mask = (1u << x->slot_bits) - 1;
    for (unsigned i = slot_of(x, w, name.len);; i = (i + 1) & mask) {
        const struct index_slot *s = &x->slots[i];
        if (s->command == NULL) return NULL;
        if (s->words.first != w.first || s->words.last != w.last || s->len != name.len) continue;
        if (likely(name.len <= WORDS_EXACT) || slice_equal_nocase(name, slice_of_cstr(called(s->command)))) {
            return s->command;
        }
    }
}

struct command *command_subcommand(const struct command *container, struct slice name) {
    for (unsigned i = 0; i < container->subcommand_count; i++) {
        if (slice_equal_nocase(name, slice_of_cstr(container->subcommands[i].row->name)))
            return &container->subcommands[i];
    }
    return NULL;
}

struct command *command_find_full(const struct command_index *x, struct slice name) {
    const char *bar = name.len ? memchr(name.ptr, '|', name.len) : NULL;
    if (!bar) return command_find(x, name);
    struct command *container = command_find(x, slice_of(name.ptr, (size_t)(bar - name.ptr)));
    if (!container) return NULL;
    return command_subcommand(container, slice_of(bar + 1, (size_t)(name.ptr + name.len - bar - 1)));
}

struct command *command_resolve(const struct command_index *x, const struct slice *argv, int argc) {
    proven(argc > 0);
    struct command *c = command_find(x, argv[0]);
    if (likely(!c || c->subcommand_count == 0) || argc < 2) return c;
    struct command *sub = command_subcommand(c, argv[1]);
    return sub ? sub : c;
}

/* ---- what follows from a row ---- */
static bool is_plain_range(const struct key_spec *s) {
    return s->begin == KEY_BEGIN_INDEX && s->find == KEY_FIND_RANGE;
}

static unsigned derive_flags(const struct command_row *row) {
    unsigned flags = row->flags;
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && row->keys[i].begin != KEY_BEGIN_NONE; i++) {
        if (!is_plain_range(&row->keys[i])) flags |= CMD_MOVABLE_KEYS;
    }
    return flags;
}

static unsigned derive_acl(const struct command_row *row) {
    unsigned acl = row->acl;
    if (row->flags & CMD_WRITE) acl |= ACL_WRITE;
    if (row->flags & CMD_READONLY && !(acl & ACL_SCRIPTING)) acl |= ACL_READ;
    if (row->flags & CMD_ADMIN) acl |= ACL_ADMIN | ACL_DANGEROUS;
    if (row->flags & CMD_PUBSUB) acl |= ACL_PUBSUB;
    if (row->flags & CMD_BLOCKING) acl |= ACL_BLOCKING;
    return acl | (row->flags & CMD_FAST ? ACL_FAST : ACL_SLOW);
}

static int last_argument(const struct key_spec *s) { return s->last < 0 ? s->last : s->position + s->last; }

/* The triple of COMMAND INFO: the first plain range, together with those that follow it without a gap. */
static void derive_positions(struct command *c) {
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && c->row->keys[i].begin != KEY_BEGIN_NONE; i++) {
        const struct key_spec *s = &c->row->keys[i];
        if (!is_plain_range(s)) continue;
        if (c->first_key == 0) {
            c->first_key = s->position;
            c->last_key = last_argument(s);
            c->key_step = s->step;
        } else if (c->key_step == 1 && s->step == 1 && s->position == c->last_key + 1) {
            c->last_key = last_argument(s);
        }
    }
}

static void make_command(struct command_index *x, struct command *c, const struct command_row *row,
                         struct command *parent) {
    c->row = row;
    c->parent = parent;
    c->full_name = row->name;
    c->flags = derive_flags(row);
    c->acl = derive_acl(row);
    c->id = (unsigned)(c - x->commands);
    derive_positions(c);
}

/* ---- building ---- */
static unsigned count_rows(const struct command_row *rows) {
    unsigned n = 0;
    while (rows && rows[n].name) n++;
    return n;
}

static size_t full_name_size(const struct command_row *container, const struct command_row *sub) {
    return strlen(container->name) + 1 + strlen(sub->name) + 1;
}

static void measure(struct command_index *x, const struct command_list *lists, unsigned count) {
    for (unsigned l = 0; l < count; l++) {
        for (const struct command_row *row = lists[l].rows; row->name; row++) {
            x->count++;
            x->total += 1 + count_rows(row->subcommands);
            for (const struct command_row *s = row->subcommands; s && s->name; s++)
                x->names_size += full_name_size(row, s);
        }
    }
}

/* Makes a container's subcommands from commands[at] on; returns where the next ones go. */
static unsigned make_subcommands(struct command_index *x, struct command *container, unsigned at, char **name) {
    container->subcommand_count = count_rows(container->row->subcommands);
    container->subcommands = container->subcommand_count ? &x->commands[at] : NULL;
    for (unsigned i = 0; i < container->subcommand_count; i++, at++) {
        const struct command_row *row = &container->row->subcommands[i];
        size_t size = full_name_size(container->row, row);
        make_command(x, &x->commands[at], row, container);
        snprintf(*name, size, "%s|%s", container->row->name, row->name);
        x->commands[at].full_name = *name;
        *name += size;
    }
    return at;
}

static void insert(struct command_index *x, struct command *c) {
    struct slice name = slice_of_cstr(called(c));
    struct name_words w = words_of(name);
    unsigned mask = (1u << x->slot_bits) - 1, i = slot_of(x, w, name.len);
    while (x->slots[i].command) i = (i + 1) & mask;
    x->slots[i] = (struct index_slot){w, name.len, c};
}

static size_t slots_size(const struct command_index *x) { return sizeof(struct index_slot) << x->slot_bits; }

/* Every name anew: at start and after a rename. */
static void fill_slots(struct command_index *x) {
    memset(x->slots, 0, slots_size(x));
    for (unsigned i = 0; i < x->count; i++) {
        if (*called(&x->commands[i]) == '\0') continue;
        proven(command_find(x, slice_of_cstr(called(&x->commands[i]))) == NULL);
        insert(x, &x->commands[i]);
    }
}

struct command_index *command_index_new(const struct command_list *lists, unsigned count) {
    struct command_index *x = mem_alloc_zeroed(MEM_SERVER, sizeof *x);
    measure(x, lists, count);
    x->commands = mem_alloc_zeroed(MEM_SERVER, (x->total + 1) * sizeof *x->commands);
    x->names = mem_alloc(MEM_SERVER, x->names_size + 1);
    /* A quarter full at most, so that nearly every name is found at its first probe. */
    for (x->slot_bits = 4; 1u << x->slot_bits < 4 * (x->count + 1);) x->slot_bits++;
    x->slots = mem_alloc(MEM_SERVER, slots_size(x));
    unsigned at = 0, sub_at = x->count;
    char *name = x->names;
    for (unsigned l = 0; l < count; l++) {
        for (const struct command_row *row = lists[l].rows; row->name; row++, at++) {
            make_command(x, &x->commands[at], row, NULL);
            sub_at = make_subcommands(x, &x->commands[at], sub_at, &name);
        }
    }
    proven(at == x->count && sub_at == x->total);
    fill_slots(x);
    return x;
}

static void free_override(struct command *c) {
    if (c->name_override) mem_free(MEM_SERVER, c->name_override, strlen(c->name_override) + 1);
    c->name_override = NULL;
}

void command_index_free(struct command_index *x) {
    if (!x) return;
    for (unsigned i = 0; i < x->total; i++) {
        free_override(&x->commands[i]);
        mem_free(MEM_OBSERVE, x->commands[i].latency, sizeof(struct histogram));
    }
    mem_free(MEM_SERVER, x->commands, (x->total + 1) * sizeof *x->commands);
    mem_free(MEM_SERVER, x->names, x->names_size + 1);
    mem_free(MEM_SERVER, x->slots, slots_size(x));
    mem_free(MEM_SERVER, x, sizeof *x);
}

unsigned command_count(const struct command_index *x) { return x->count; }

struct command *command_at(const struct command_index *x, unsigned i) {
    proven(i < x->count);
    return &x->commands[i];
}

bool command_rename(struct command_index *x, struct slice from, struct slice to) {
    struct command *c = command_find(x, from);
    if (!c) return false;
    if (to.len && command_find(x, to)) return false;
    if (memchr(to.ptr ? to.ptr : "", '\0', to.len)) return false;
    char *name = mem_alloc(MEM_SERVER, to.len + 1);
    if (to.len) memcpy(name, to.ptr, to.len);
    name[to.len] = '\0';
    free_override(c);
    c->name_override = name;
    fill_slots(x);
    return true;
}

/* ---- keys ---- */
struct key_span {
    int first, last, step; /* last below first: no key */
};

enum span_result { SPAN_FOUND, SPAN_ABSENT, SPAN_INVALID };

/* Where a spec's search begins to find keys; 0: its keyword does not occur. */
static int span_begin(const struct key_spec *s, const struct slice *argv, int argc) {
    if (s->begin == KEY_BEGIN_INDEX) return s->position;
    struct slice keyword = slice_of_cstr(s->keyword);
    int step = s->position > 0 ? 1 : -1;
    for (int i = step > 0 ? s->position : argc + s->position; i > 0 && i < argc; i += step) {
        if (slice_equal_nocase(argv[i], keyword)) return i + 1;
    }
    return 0;
}

/* A count as it stands in a request, 0..argc; -1 otherwise. */
static int parse_count(struct slice text, int argc) {
    int n = 0;
    if (text.len == 0 || text.len > 9) return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return -1;
        n = n * 10 + (text.ptr[i] - '0');
    }
    return n <= argc ? n : -1;
}

static enum span_result span_counted(const struct key_spec *s, int begin, const struct slice *argv, int argc,
                                     struct key_span *out) {
    int count_at = begin + s->last, step = s->limit > 0 ? s->limit : 1;
    if (count_at >= argc) return SPAN_INVALID;
    int n = parse_count(argv[count_at], argc);
    if (n < 0) return SPAN_INVALID;
    int64_t last = (int64_t)begin + s->step + ((int64_t)n - 1) * step;
    if (n > 0 && last >= argc) return SPAN_INVALID;
    *out = (struct key_span){begin + s->step, (int)last, step};
    return SPAN_FOUND;
}

static enum span_result span_range(const struct key_spec *s, int begin, int argc, struct key_span *out) {
    int last = begin + s->last;
    if (s->last < 0) last = s->limit > 1 ? begin + (argc - begin) / s->limit + s->last : argc + s->last;
    if (begin >= argc || last >= argc || last < begin) return SPAN_INVALID;
    *out = (struct key_span){begin, last, s->step > 0 ? s->step : 1};
    return SPAN_FOUND;
}

static enum span_result span_of(const struct key_spec *s, const struct slice *argv, int argc, struct key_span *out) {
    if (s->begin == KEY_BEGIN_UNKNOWN || s->find == KEY_FIND_UNKNOWN || s->flags & KEY_NOT_KEY) return SPAN_ABSENT;
    int begin = span_begin(s, argv, argc);
    if (begin == 0) return SPAN_ABSENT;
    if (s->find == KEY_FIND_KEYNUM) return span_counted(s, begin, argv, argc, out);
    return span_range(s, begin, argc, out);
}

static unsigned flags_of(const struct command_row *row, const struct key_spec *s, const struct slice *argv, int argc) {
    return s->flags & KEY_VARIABLE_FLAGS && row->key_flags ? row->key_flags(argv, argc) : s->flags;
}

static int keys_by_specs(const struct command_row *row, const struct slice *argv, int argc, struct key_position *out,
                         int max) {
    int found = 0;
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && row->keys[i].begin != KEY_BEGIN_NONE; i++) {
        struct key_span span;
        enum span_result result = span_of(&row->keys[i], argv, argc, &span);
        if (result == SPAN_INVALID && !(row->keys[i].flags & KEY_INCOMPLETE)) return -1;
        if (result != SPAN_FOUND) continue;
        unsigned flags = flags_of(row, &row->keys[i], argv, argc);
        for (int at = span.first; at <= span.last; at += span.step, found++) {
            if (found < max) out[found] = (struct key_position){at, flags};
        }
    }
    return found;
}

static int spec_count(const struct command_row *row) {
    int n = 0;
    while (n < COMMAND_KEY_SPECS_MAX && row->keys[n].begin != KEY_BEGIN_NONE) n++;
    return n;
}

/* The bare positions are written at the start of out's own memory and widened from the end, so no second array is needed. */
static int keys_by_function(const struct command_row *row, const struct slice *argv, int argc, struct key_position *out,
                            int max) {
    int *positions = (int *)(void *)out;
    int found = row->find_keys(argv, argc, positions, max), specs = spec_count(row);
    for (int i = (found < max ? found : max) - 1; i >= 0; i--) {
        const struct key_spec *s = specs == 0 ? NULL : &row->keys[i == 0 ? 0 : specs - 1];
        int at;
        memcpy(&at, positions + i, sizeof at);
        out[i] = (struct key_position){at, s ? flags_of(row, s, argv, argc) : KEY_RW | KEY_ACCESS | KEY_UPDATE};
    }
    return found;
}

int command_keys(const struct command *cmd, const struct slice *argv, int argc, struct key_position *out, int max) {
    proven(argc > 0 && max >= 0);
    if (cmd->row->find_keys) return keys_by_function(cmd->row, argv, argc, out, max);
    return keys_by_specs(cmd->row, argv, argc, out, max);
}

bool command_has_keys(const struct command *cmd) {
    if (cmd->row->find_keys) return true;
    for (int i = 0; i < spec_count(cmd->row); i++) {
        if (!(cmd->row->keys[i].flags & KEY_NOT_KEY)) return true;
    }
    return false;
}

/* ---- names of bits ---- */
const char *command_group_name(enum command_group group) {
    static const char *const names[] = {
        [GROUP_GENERIC] = "generic",
        [GROUP_STRING] = "string",
        [GROUP_LIST] = "list",
        [GROUP_SET] = "set",
        [GROUP_SORTED_SET] = "sorted-set",
        [GROUP_HASH] = "hash",
        [GROUP_PUBSUB] = "pubsub",
        [GROUP_TRANSACTIONS] = "transactions",
        [GROUP_CONNECTION] = "connection",
        [GROUP_SERVER] = "server",
        [GROUP_SCRIPTING] = "scripting",
        [GROUP_HYPERLOGLOG] = "hyperloglog",
        [GROUP_CLUSTER] = "cluster",
        [GROUP_SENTINEL] = "sentinel",
        [GROUP_GEO] = "geo",
        [GROUP_STREAM] = "stream",
        [GROUP_BITMAP] = "bitmap",
    };
    proven((size_t)group < countof(names));
    return names[group];
}

const char *command_flag_name(unsigned flag) {
    switch (flag) {
    case CMD_WRITE:
        return "write";
    case CMD_READONLY:
        return "readonly";
    case CMD_DENYOOM:
        return "denyoom";
    case CMD_ADMIN:
        return "admin";
    case CMD_PUBSUB:
        return "pubsub";
    case CMD_NOSCRIPT:
        return "noscript";
    case CMD_BLOCKING:
        return "blocking";
    case CMD_LOADING:
        return "loading";
    case CMD_STALE:
        return "stale";
    case CMD_SKIP_MONITOR:
        return "skip_monitor";
    case CMD_SKIP_SLOWLOG:
        return "skip_slowlog";
    case CMD_ASKING:
        return "asking";
    case CMD_FAST:
        return "fast";
    case CMD_NO_AUTH:
        return "no_auth";
    case CMD_NO_MANDATORY_KEYS:
        return "no_mandatory_keys";
    case CMD_NO_ASYNC_LOADING:
        return "no_async_loading";
    case CMD_NO_MULTI:
        return "no_multi";
    case CMD_MOVABLE_KEYS:
        return "movablekeys";
    case CMD_ALLOW_BUSY:
        return "allow_busy";
    default:
        return NULL;
    }
}

static const char *const acl_names[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

const char *command_acl_name(unsigned category) {
    unsigned i = (unsigned)__builtin_ctz(category);
    proven(i < countof(acl_names));
    return acl_names[i];
}

unsigned command_acl_find(struct slice name) {
    for (unsigned i = 0; i < countof(acl_names); i++) {
        if (slice_equal_nocase(name, slice_of_cstr(acl_names[i]))) return 1u << i;
    }
    return 0;
}
