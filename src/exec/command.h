/* A command, declared once: the row in the file that implements it. Dispatch, COMMAND INFO/DOCS/COUNT/LIST/GETKEYS, ACL
 * categories, the loading gate, /metrics labels, the reference page and the conformance tests are derived from it. Rows are
 * constant data; what changes at run time (calls, times) is struct command, made from the rows at start. */
#ifndef TARN_EXEC_COMMAND_H
#define TARN_EXEC_COMMAND_H

#include "base/histogram.h"
#include "base/slice.h"

#include <stdint.h>

struct context;

/* Names in COMMAND INFO: command_flag_name. */
enum command_flags {
    CMD_WRITE = 1 << 0,
    CMD_READONLY = 1 << 1,
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7, /* runs while the dataset is loading */
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_ASKING = 1 << 11,
    CMD_FAST = 1 << 12,
    CMD_NO_AUTH = 1 << 13,
    CMD_MAY_REPLICATE = 1 << 14,
    CMD_NO_ASYNC_LOADING = 1 << 15,
    CMD_NO_MULTI = 1 << 16,
    CMD_ALLOW_BUSY = 1 << 17,
    CMD_TOUCHES_ARBITRARY_KEYS = 1 << 18,
    CMD_PROTECTED = 1 << 19, /* enable-debug-command and its like decide */
    CMD_SENTINEL = 1 << 20,
    CMD_MOVABLE_KEYS = 1 << 21,      /* set by the index when a spec is not a plain range */
    CMD_NO_MANDATORY_KEYS = 1 << 22, /* may be called without any key */
    CMD_PROBE = 1 << 23,             /* a health check (PING): refused, as writes are, while writes cannot be saved */
    CMD_UNQUEUED = 1 << 24,          /* runs at once also after MULTI */
    CMD_WHILE_SUBSCRIBED = 1 << 25,  /* runs also while a RESP2 session is subscribed */
    CMD_EXEC = 1 << 26,              /* EXEC: judged by what it will run */
};

/* ACL categories beyond those that follow from flags (write, read, fast/slow, admin+dangerous, pubsub, blocking). */
enum command_acl {
    ACL_KEYSPACE = 1 << 0,
    ACL_READ = 1 << 1,
    ACL_WRITE = 1 << 2,
    ACL_SET = 1 << 3,
    ACL_SORTEDSET = 1 << 4,
    ACL_LIST = 1 << 5,
    ACL_HASH = 1 << 6,
    ACL_STRING = 1 << 7,
    ACL_BITMAP = 1 << 8,
    ACL_HYPERLOGLOG = 1 << 9,
    ACL_GEO = 1 << 10,
    ACL_STREAM = 1 << 11,
    ACL_PUBSUB = 1 << 12,
    ACL_ADMIN = 1 << 13,
    ACL_FAST = 1 << 14,
    ACL_SLOW = 1 << 15,
    ACL_BLOCKING = 1 << 16,
    ACL_DANGEROUS = 1 << 17,
    ACL_CONNECTION = 1 << 18,
    ACL_TRANSACTION = 1 << 19,
    ACL_SCRIPTING = 1 << 20,
};

enum command_group {
    GROUP_GENERIC,
    GROUP_STRING,
    GROUP_LIST,
    GROUP_SET,
    GROUP_SORTED_SET,
    GROUP_HASH,
    GROUP_PUBSUB,
    GROUP_TRANSACTIONS,
    GROUP_CONNECTION,
    GROUP_SERVER,
    GROUP_SCRIPTING,
    GROUP_HYPERLOGLOG,
    GROUP_CLUSTER,
    GROUP_SENTINEL,
    GROUP_GEO,
    GROUP_STREAM,
    GROUP_BITMAP
};

/* What a key position means (COMMAND INFO's key specifications). */
enum key_flags {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_NOT_KEY = 1 << 8,
    KEY_INCOMPLETE = 1 << 9,
    KEY_VARIABLE_FLAGS = 1 << 10,
};

enum key_begin { KEY_BEGIN_NONE, KEY_BEGIN_INDEX, KEY_BEGIN_KEYWORD, KEY_BEGIN_UNKNOWN };
enum key_find { KEY_FIND_RANGE, KEY_FIND_KEYNUM, KEY_FIND_UNKNOWN };

struct key_spec { /* begin KEY_BEGIN_NONE ends a list */
    enum key_begin begin;
    int position; /* INDEX: argument; KEYWORD: where the search starts (negative: from the end) */
    const char *keyword;
    enum key_find find;
    int last, step, limit; /* RANGE: last relative to the begin (-1: to the end); KEYNUM: keynum index, first, step */
    unsigned flags;
    const char *notes;
};
/* One key at argument i / keys from i to the end. */
#define KEY_AT(i, key_flags_) \
    { .begin = KEY_BEGIN_INDEX, .position = (i), .find = KEY_FIND_RANGE, .step = 1, .flags = (key_flags_) }
#define KEYS_FROM(i, step_, key_flags_)                                                                 \
    {                                                                                                   \
        .begin = KEY_BEGIN_INDEX, .position = (i), .find = KEY_FIND_RANGE, .last = -1, .step = (step_), \
        .flags = (key_flags_)                                                                           \
    }
#define COMMAND_KEY_SPECS_MAX 4

enum arg_type {
    ARG_STRING,
    ARG_INTEGER,
    ARG_DOUBLE,
    ARG_KEY,
    ARG_PATTERN,
    ARG_UNIX_TIME,
    ARG_PURE_TOKEN,
    ARG_ONEOF,
    ARG_BLOCK
};
enum arg_flags { ARG_OPTIONAL = 1, ARG_MULTIPLE = 2, ARG_MULTIPLE_TOKEN = 4 };

struct command_arg { /* name NULL ends a list */
    const char *name;
    enum arg_type type;
    unsigned flags;
    const char *token;
    const char *since, *deprecated_since, *summary, *display_text; /* display_text NULL: the name */
    int key_spec;                                                  /* ARG_KEY: index of its spec (0 by default) */
    const struct command_arg *args;                                /* of ONEOF and BLOCK */
};

struct command_history { /* since NULL ends a list */
    const char *since, *change;
};

struct command_row {                /* name NULL ends a list */
    const char *name;               /* lower case; of a subcommand only its own part */
    void (*run)(struct context *c); /* NULL for a pure container */
    int arity;                      /* with the name(s); negative: at least */
    unsigned flags;
    unsigned acl;
    enum command_group group;
    struct key_spec keys[COMMAND_KEY_SPECS_MAX];
    /* Keys that no spec describes: writes argument positions, returns their number; NULL: from the specs. */
    int (*find_keys)(const struct slice *argv, int argc, int *positions, int max);
    /* For specs with KEY_VARIABLE_FLAGS: what these arguments really do with the key; NULL: the spec's flags. */
    unsigned (*key_flags)(const struct slice *argv, int argc);
    const struct command_row *subcommands;
    const char *since, *complexity, *summary;
    const char *deprecated_since, *replaced_by; /* or NULL */
    bool is_system;                             /* doc flag "syscmd" */
    const char *const *tips;                    /* NULL-ended, or NULL */
    const struct command_history *history;
    const struct command_arg *args;
    const char *const
        *help; /* of a container: the lines between its HELP reply's first line and its last two; NULL-ended */
};

/* The run-time side. Owned by the command index; address stable for the life of the executor. */
struct command {
    const struct command_row *row;
    struct command *parent;      /* the container, or NULL */
    struct command *subcommands; /* array of subcommand_count */
    unsigned subcommand_count;
    const char *full_name;             /* "config|get" */
    char *name_override;               /* after rename-command, else NULL; "" when disabled */
    unsigned flags, acl;               /* row's, with what is derived */
    int first_key, last_key, key_step; /* legacy triple; first_key 0: none at a fixed place */
    unsigned id;
    uint64_t calls, ticks, rejected, failed;
    struct histogram *latency; /* NULL until its first call with latency-tracking on; owner MEM_OBSERVE */
};

struct command_list {               /* one room's share */
    const struct command_row *rows; /* name NULL ends it */
};

struct command_index;
struct command_index *command_index_new(const struct command_list *lists, unsigned count);
void command_index_free(struct command_index *x);
/* By name in any case; ~5 ns. NULL when unknown. */
struct command *command_find(const struct command_index *x, struct slice name);
/* The same for "container|sub", as COMMAND INFO takes it. */
struct command *command_find_full(const struct command_index *x, struct slice name);
/* By argv: goes to the subcommand of a container when there is one of that name; for an unknown subcommand returns the
 * container (dispatch then replies the "unknown subcommand" error). */
struct command *command_resolve(const struct command_index *x, const struct slice *argv, int argc);
struct command *command_subcommand(const struct command *container, struct slice name); /* O(subcommands) */
/* Top-level commands in the order of their lists. */
unsigned command_count(const struct command_index *x);
struct command *command_at(const struct command_index *x, unsigned i);
/* rename-command: "" disables. False when `from` is unknown or `to` is taken. Before serving only. */
bool command_rename(struct command_index *x, struct slice from, struct slice to);

/* True when some argument can be a key. */
bool command_has_keys(const struct command *cmd);
/* Argument positions of all keys with the flags of their spec (of find_keys: the first key has the first spec's, the others
 * the last spec's). Returns their number, which may be above max; -1 when the arguments do not fit the command (a bad numkeys,
 * a range beyond the end); at most max are written. argc may be anything that the wire lets through; O(argc). */
struct key_position {
    int index;
    unsigned flags;
};
int command_keys(const struct command *cmd, const struct slice *argv, int argc, struct key_position *out, int max);

const char *command_group_name(enum command_group group);
/* Names of one bit: "write", "string" (without '@'); NULL for a flag that COMMAND INFO does not show. */
const char *command_flag_name(unsigned flag);
const char *command_acl_name(unsigned category);
/* The category of that name (any case, without '@'); 0 when there is none. */
unsigned command_acl_find(struct slice name);

#endif
