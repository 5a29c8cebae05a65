#include "commands/set.h"

#include "commands/set_int.h"

/* ---- shared ---- */

bool set_view(struct context *c, int i, struct value *v) {
    const struct entry *e;
    *v = SET_EMPTY;
    if (!context_view_type(c, context_key(c, i), TYPE_SET, &e)) return false;
    if (e) *v = entry_object(e);
    return true;
}

void set_no_memory(struct context *c) { reply_error(c->reply, "ERR not enough memory for a value of this length"); }

/* ---- changing ---- */

static void sadd_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    uint64_t added = 0;
    enum set_added last = SET_THERE;
    if (!context_edit(c, key, TYPE_SET, &e)) return;
    for (int i = 2; i < c->argc && last != SET_NO_MEMORY; i++) {
        last = set_add(&e.edit, c->argv[i]);
        added += last == SET_ADDED;
    }
    context_edit_end(c, key, &e, NOTIFY_SET, added ? "sadd" : NULL, added);
    if (likely(last != SET_NO_MEMORY))
        reply_integer(c->reply, (int64_t)added);
    else
        set_no_memory(c); /* those before are there */
}

static void srem_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    uint64_t removed = 0;
    if (!context_edit(c, key, TYPE_SET, &e)) return;
    for (int i = 2; i < c->argc && e.edit.value.ptr; i++) removed += set_remove(&e.edit, c->argv[i]);
    context_edit_end(c, key, &e, NOTIFY_SET, removed ? "srem" : NULL, removed);
    reply_integer(c->reply, (int64_t)removed);
}

/* False: it was not there. The key is known to hold a set. */
static bool move_out(struct context *c, struct key key, struct slice member) {
    struct db_edit e;
    bool begun = db_edit_begin(c->db, key, TYPE_SET, &e);
    proven(begun);
    bool removed = set_remove(&e.edit, member);
    context_edit_end(c, key, &e, NOTIFY_SET, removed ? "srem" : NULL, removed);
    return removed;
}

static void move_in(struct context *c, struct key key, struct slice member) {
    struct db_edit e;
    bool begun = db_edit_begin(c->db, key, TYPE_SET, &e);
    proven(begun);
    enum set_added added = set_add(&e.edit, member);
    proven(added != SET_NO_MEMORY); /* move_has_room */
    context_edit_end(c, key, &e, NOTIFY_SET, added ? "sadd" : NULL, added);
}

/* A long member that has been taken out must not be lost for want of memory. */
static bool move_has_room(struct slice member) {
    size_t n = member.len + 64;
    if (likely(n < (size_t)32 << 10)) return true;
    void *block = mem_try_alloc(MEM_SERVER, n);
    mem_free(MEM_SERVER, block, block ? n : 0);
    return block;
}

/* As set_view, of a set that will be changed: neither hit nor miss. */
static bool move_view(struct context *c, struct key key, struct value *v) {
    const struct entry *e = db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS);
    bool right = !e || entry_type(e) == TYPE_SET;
    *v = e && right ? entry_object(e) : SET_EMPTY;
    if (!right) reply_error(c->reply, ERROR_WRONGTYPE);
    return right;
}

static void smove_run(struct context *c) {
    struct key source = context_key(c, 1), target = context_key(c, 2);
    struct value from, to;
    if (!move_view(c, source, &from)) return;
    if (!from.ptr) {
        reply_integer(c->reply, 0);
        return;
    }
    if (!move_view(c, target, &to)) return;
    if (slice_equal(source.text, target.text)) {
        reply_integer(c->reply, set_has(to, c->argv[3]));
        return;
    }
    if (!move_has_room(c->argv[3])) {
        set_no_memory(c);
        return;
    }
    bool moved = move_out(c, source, c->argv[3]);
    if (moved) move_in(c, target, c->argv[3]);
    reply_integer(c->reply, moved);
}

/* ---- asking ---- */

static void scard_run(struct context *c) {
    struct value v;
    if (set_view(c, 1, &v)) reply_integer(c->reply, (int64_t)set_count(v));
}

static void sismember_run(struct context *c) {
    struct value v;
    if (set_view(c, 1, &v)) reply_integer(c->reply, v.ptr && set_has(v, c->argv[2]));
}

static void smismember_run(struct context *c) {
    struct value v;
    if (!set_view(c, 1, &v)) return;
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) reply_integer(c->reply, v.ptr && set_has(v, c->argv[i]));
}

/* ---- rows ---- */

#define ARGS(...)    ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define HISTORY(...) ((const struct command_history[]){__VA_ARGS__, {NULL, NULL}})
#define NUMBERED_KEYS(i, key_flags_) \
    { .begin = KEY_BEGIN_INDEX, .position = (i), .find = KEY_FIND_KEYNUM, .step = 1, .limit = 1, .flags = (key_flags_) }
#define SET_ROW .acl = ACL_SET, .group = GROUP_SET

static const char *const order_tips[] = {"nondeterministic_output_order", NULL};
static const char *const random_tips[] = {"nondeterministic_output", NULL};

const struct command_row set_commands[] = {
    {.name = "sadd",
     .run = sadd_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_INSERT)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members given",
     .summary = "Adds members, and makes the set where needed.",
     .history = HISTORY({"2.4.0", "Any number of members."}),
     .args = ARGS({.name = "key", .type = ARG_KEY}, {.name = "member", .type = ARG_STRING, .flags = ARG_MULTIPLE})},
    {.name = "scard",
     .run = scard_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the members.",
     .args = ARGS({.name = "key", .type = ARG_KEY})},
    {.name = "sdiff",
     .run = set_diff_run,
     .arity = -2,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEYS_FROM(1, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Shows the members of the first set that no other set has.",
     .tips = order_tips,
     .args = ARGS({.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE})},
    {.name = "sdiffcard",
     .run = set_diffcard_run,
     .arity = -3,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {NUMBERED_KEYS(1, KEY_RO | KEY_ACCESS)},
     .since = "8.10.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Counts the members of the first set that no other set has.",
     .args = ARGS({.name = "numkeys", .type = ARG_INTEGER}, {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE},
                  {.name = "limit", .type = ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL})},
    {.name = "sdiffstore",
     .run = set_diffstore_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE), KEYS_FROM(2, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Stores the members of the first set that no other set has.",
     .args = ARGS({.name = "destination", .type = ARG_KEY},
                  {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1})},
    {.name = "sinter",
     .run = set_inter_run,
     .arity = -2,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEYS_FROM(1, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N*M) where N is the size of the smallest set and M the number of sets",
     .summary = "Shows the members that all of the sets have.",
     .tips = order_tips,
     .args = ARGS({.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE})},
    {.name = "sintercard",
     .run = set_intercard_run,
     .arity = -3,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {NUMBERED_KEYS(1, KEY_RO | KEY_ACCESS)},
     .since = "7.0.0",
     .complexity = "O(N*M) where N is the size of the smallest set and M the number of sets",
     .summary = "Counts the members that all of the sets have.",
     .args = ARGS({.name = "numkeys", .type = ARG_INTEGER}, {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE},
                  {.name = "limit", .type = ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL})},
    {.name = "sinterstore",
     .run = set_interstore_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE), KEYS_FROM(2, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N*M) where N is the size of the smallest set and M the number of sets",
     .summary = "Stores the members that all of the sets have.",
     .args = ARGS({.name = "destination", .type = ARG_KEY},
                  {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1})},
    {.name = "sismember",
     .run = sismember_run,
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a member is there.",
     .args = ARGS({.name = "key", .type = ARG_KEY}, {.name = "member", .type = ARG_STRING})},
    {.name = "smembers",
     .run = set_members_run,
     .arity = 2,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members",
     .summary = "Shows all members.",
     .tips = order_tips,
     .args = ARGS({.name = "key", .type = ARG_KEY})},
    {.name = "smismember",
     .run = smismember_run,
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "6.2.0",
     .complexity = "O(N) where N is the number of members asked for",
     .summary = "Tells of several members whether they are there.",
     .args = ARGS({.name = "key", .type = ARG_KEY}, {.name = "member", .type = ARG_STRING, .flags = ARG_MULTIPLE})},
    {.name = "smove",
     .run = smove_run,
     .arity = 4,
     .flags = CMD_WRITE | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE), KEY_AT(2, KEY_RW | KEY_INSERT)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes a member out of one set and puts it into another.",
     .args = ARGS({.name = "source", .type = ARG_KEY}, {.name = "destination", .type = ARG_KEY, .key_spec = 1},
                  {.name = "member", .type = ARG_STRING})},
    {.name = "spop",
     .run = set_pop_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members taken",
     .summary = "Takes random members out.",
     .tips = random_tips,
     .history = HISTORY({"3.2.0", "`count` came."}),
     .args = ARGS({.name = "key", .type = ARG_KEY},
                  {.name = "count", .type = ARG_INTEGER, .since = "3.2.0", .flags = ARG_OPTIONAL})},
    {.name = "srandmember",
     .run = set_randmember_run,
     .arity = -2,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members shown",
     .summary = "Shows random members.",
     .tips = random_tips,
     .history = HISTORY({"2.6.0", "`count` came."}),
     .args = ARGS({.name = "key", .type = ARG_KEY},
                  {.name = "count", .type = ARG_INTEGER, .since = "2.6.0", .flags = ARG_OPTIONAL})},
    {.name = "srem",
     .run = srem_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_DELETE)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members given",
     .summary = "Removes members.",
     .history = HISTORY({"2.4.0", "Any number of members."}),
     .args = ARGS({.name = "key", .type = ARG_KEY}, {.name = "member", .type = ARG_STRING, .flags = ARG_MULTIPLE})},
    {.name = "sscan",
     .run = set_scan_run,
     .arity = -3,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.8.0",
     .complexity = "O(1) a call, O(N) for all N members",
     .summary = "Walks over the members, some at a call.",
     .tips = random_tips,
     .args = ARGS({.name = "key", .type = ARG_KEY}, {.name = "cursor", .type = ARG_INTEGER},
                  {.name = "pattern", .type = ARG_PATTERN, .token = "MATCH", .flags = ARG_OPTIONAL},
                  {.name = "count", .type = ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL})},
    {.name = "sunion",
     .run = set_union_run,
     .arity = -2,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {KEYS_FROM(1, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Shows the members that any of the sets has.",
     .tips = order_tips,
     .args = ARGS({.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE})},
    {.name = "sunioncard",
     .run = set_unioncard_run,
     .arity = -3,
     .flags = CMD_READONLY,
     SET_ROW,
     .keys = {NUMBERED_KEYS(1, KEY_RO | KEY_ACCESS)},
     .since = "8.10.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Counts the members that any of the sets has.",
     .args = ARGS({.name = "numkeys", .type = ARG_INTEGER}, {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE},
                  {.name = "approx", .type = ARG_PURE_TOKEN, .token = "APPROX", .flags = ARG_OPTIONAL},
                  {.name = "limit", .type = ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL})},
    {.name = "sunionstore",
     .run = set_unionstore_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     SET_ROW,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE), KEYS_FROM(2, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of members of all sets",
     .summary = "Stores the members that any of the sets has.",
     .args = ARGS({.name = "destination", .type = ARG_KEY},
                  {.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1})},
    {.name = NULL},
};
