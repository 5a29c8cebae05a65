#include "server/debug.h"

#include "base/check.h"
#include "base/glob.h"
#include "base/log.h"
#include "base/num.h"
#include "exec/context.h"
#include "io/thread.h"
#include "server/config.h"
#include "server/debug_int.h"
#include "server/defrag.h"
#include "server/network.h"
#include "server/server.h"
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>

struct debug_state debug_state;

bool debug_cron_paused(void) { return debug_state.cron_paused; }

const char *debug_refuse(const struct context *c) {
    if (settings_permit((enum permission)server_settings()->debug_command, c)) return NULL;
    return "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from "
           "a "
           "local connection, otherwise you need to set this option in the configuration file, and then restart the "
           "server.";
}

/* ---- arguments ---- */
/* As atoi and strtod read: what is no number counts as 0. Tests rely on this laxness. */
static double loose_number(struct slice s) {
    char text[64];
    size_t n = s.len < sizeof text - 1 ? s.len : sizeof text - 1;
    if (n) memcpy(text, s.ptr, n);
    text[n] = '\0';
    double v = strtod(text, NULL);
    return v == v ? v : 0;
}

static void reply_text(struct context *c, const struct buf *b) { reply_verbatim(c->reply, "txt", buf_slice(b)); }

static void accept(struct context *c) { reply_ok(c->reply); }

/* ---- time and log ---- */
static void debug_sleep(struct context *c) {
    double seconds = loose_number(c->argv[2]);
    if (seconds > 0) thread_sleep_us(seconds < 1e9 ? (int64_t)(seconds * 1e6) : INT64_C(1000000000000000));
    reply_ok(c->reply);
}

static void debug_log(struct context *c) {
    log_warning("DEBUG LOG: %.*s", (int)(c->argv[2].len < LOG_LINE_MAX ? c->argv[2].len : LOG_LINE_MAX),
                c->argv[2].ptr);
    reply_ok(c->reply);
}

static void debug_error(struct context *c) {
    struct buf text;
    buf_init(&text, MEM_SERVER);
    buf_append_slice(&text, c->argv[2]);
    buf_append(&text, "", 1);
    reply_error(c->reply, text.ptr);
    buf_release(&text);
}

/* ---- switches ---- */
static void debug_set_active_expire(struct context *c) {
    debug_state.expire_paused = (int64_t)loose_number(c->argv[2]) == 0;
    dataset_set_active_expire(c->dataset, !debug_state.expire_paused);
    reply_ok(c->reply);
}

void debug_restore_active_expire(struct dataset *ds) { dataset_set_active_expire(ds, !debug_state.expire_paused); }

static void debug_pause_cron(struct context *c) {
    debug_state.cron_paused = (int64_t)loose_number(c->argv[2]) != 0;
    reply_ok(c->reply);
}

/* Lists have no plain nodes here; the size is checked so that a wrong one is noticed. */
static void debug_packed_threshold(struct context *c) {
    uint64_t bytes;
    if (!num_parse_memory(c->argv[2], &bytes) || bytes > (UINT64_C(1) << 32)) {
        reply_error(c->reply, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    } else {
        reply_ok(c->reply);
    }
}

/* Reply buffers are shrunk by other rules here: there is nothing to steer. */
static void debug_replybuffer(struct context *c) {
    if (slice_is(c->argv[2], "peak-reset-time") || slice_is(c->argv[2], "resizing")) {
        reply_ok(c->reply);
    } else {
        context_unknown_subcommand(c);
    }
}

static void debug_rewrite_all(struct context *c) {
    int error = config_rewrite(true);
    if (error) {
        reply_error_format(c->reply, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", strerror(-error));
    } else {
        reply_ok(c->reply);
    }
}

/* ---- data ---- */
/* "value:N", cut or padded with NUL bytes to size unless that is 0. */
static void populate_value(struct buf *value, int64_t n, size_t size) {
    buf_clear(value);
    buf_printf(value, "value:%lld", (long long)n);
    if (size == 0) return;
    if (size > value->len) memset(buf_reserve(value, size - value->len), 0, size - value->len);
    value->len = size;
}

static bool populate_one(struct context *c, struct buf *key, struct buf *value, int64_t n, size_t size) {
    struct slice prefix = c->argc > 3 ? c->argv[3] : SLICE("key");
    buf_clear(key);
    buf_append_slice(key, prefix);
    buf_printf(key, ":%lld", (long long)n);
    struct key k = {buf_slice(key), dataset_hash(c->dataset, buf_slice(key))};
    if (db_view(c->db, k, VIEW_NO_TOUCH | VIEW_NO_STATS)) return true; /* what is there stays */
    populate_value(value, n, size);
    return db_put_string(c->db, k, buf_slice(value), NO_EXPIRE, PUT_PLAIN);
}

/* Not propagated, and no event is told: as if the keys had always been there. */
static void debug_populate(struct context *c) {
    static const char range[] = "ERR value is out of range, must be positive";
    int64_t count, size = 0;
    bool fits = true;
    struct buf key, value;
    if (!context_integer_between(c, 2, 0, INT64_MAX, range, &count)) return;
    if (c->argc > 4 && !context_integer_between(c, 4, 0, server_settings()->proto_max_bulk_len, range, &size)) return;
    if (c->executor->loading) {
        reply_error(c->reply, ERROR_LOADING);
        return;
    }
    buf_init(&key, MEM_SERVER);
    buf_init(&value, MEM_SERVER);
    fits = buf_try_reserve(&value, (size_t)size + NUM_TEXT_MAX);
    for (int64_t i = 0; i < count && fits; i++) fits = populate_one(c, &key, &value, i, (size_t)size);
    buf_release(&value);
    buf_release(&key);
    if (fits) {
        reply_ok(c->reply);
    } else {
        reply_error(c->reply, ERROR_NO_MEMORY);
    }
}

static void debug_htstats(struct context *c) {
    int64_t index;
    struct buf text;
    if (!context_integer(c, 2, &index)) return;
    if (index < 0 || index >= (int64_t)dataset_databases(c->dataset)) {
        reply_error(c->reply, "ERR Out of range database");
        return;
    }
    const struct db *db = dataset_db_const(c->dataset, (unsigned)index);
    buf_init(&text, MEM_SERVER);
    buf_printf(&text, "[Dictionary HT]\n");
    buf_advance(&text, db_table_stats(db, buf_reserve(&text, DB_STATS_MAX), DB_STATS_MAX));
    /* The calendar is no hash table; what can be said of it in these words is how many keys it holds. */
    buf_printf(&text, "[Expires HT]\n number of elements: %zu\n", db_expires(db));
    reply_text(c, &text);
    buf_release(&text);
}

static void debug_structsize(struct context *c) {
    char text[256];
    int n = snprintf(text, sizeof text, "bits:%zu entry:%zu body:%zu session:%zu ", 8 * sizeof(void *),
                     sizeof(struct entry), sizeof(struct string_body), sizeof(struct session));
    reply_bulk(c->reply, slice_of(text, (size_t)n));
}

static void debug_stringmatch(struct context *c) { reply_integer(c->reply, glob_match(c->argv[2], c->argv[3], false)); }

static void debug_client_eviction(struct context *c) {
    struct buf text;
    if (network_clients_limit() == 0) {
        reply_error(c->reply, "ERR maxmemory-clients is disabled.");
        return;
    }
    buf_init(&text, MEM_CLIENT);
    network_show_clients(server_network(), &text);
    reply_verbatim(c->reply, "txt", buf_slice(&text));
    buf_release(&text);
}

static void debug_defrag(struct context *c) {
    defrag_force(server_defrag(), loose_number(c->argv[2]) != 0);
    reply_ok(c->reply);
}

/* ---- protocol ---- */
static void protocol_map(struct reply *r) {
    reply_map(r, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(r, i);
        reply_bool(r, i == 1);
    }
}

static void protocol_attribute(struct reply *r) {
    if (r->resp >= 3) {
        reply_attribute(r, 1);
        reply_bulk_cstr(r, "key-popularity");
        reply_array(r, 2);
        reply_bulk_cstr(r, "key:123");
        reply_integer(r, 90);
    }
    reply_bulk_cstr(r, "Some real reply following the attribute");
}

static void protocol_push(struct reply *r) {
    if (r->resp < 3) {
        reply_error(r, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_push(r, 2);
    reply_bulk_cstr(r, "server-cpu-usage");
    reply_integer(r, 42);
    reply_bulk_cstr(r, "Some real reply following the push reply");
}

static void protocol_numbers(struct reply *r, bool set) {
    if (set) {
        reply_set(r, 3);
    } else {
        reply_array(r, 3);
    }
    for (int i = 0; i < 3; i++) reply_integer(r, i);
}

static void protocol_string(struct reply *r) { reply_bulk_cstr(r, "Hello World"); }
static void protocol_integer(struct reply *r) { reply_integer(r, 12345); }
static void protocol_double(struct reply *r) { reply_double(r, 3.141); }
static void protocol_bignum(struct reply *r) { reply_bignum(r, "1234567999999999999999999999999999999"); }
static void protocol_array(struct reply *r) { protocol_numbers(r, false); }
static void protocol_set(struct reply *r) { protocol_numbers(r, true); }
static void protocol_verbatim(struct reply *r) { reply_verbatim(r, "txt", SLICE("This is a verbatim\nstring")); }
static void protocol_true(struct reply *r) { reply_bool(r, true); }
static void protocol_false(struct reply *r) { reply_bool(r, false); }

static void debug_protocol(struct context *c) {
    static const struct {
        const char *name;
        void (*reply)(struct reply *r);
    } types[] = {{"string", protocol_string},
                 {"integer", protocol_integer},
                 {"double", protocol_double},
                 {"bignum", protocol_bignum},
                 {"null", reply_null},
                 {"array", protocol_array},
                 {"set", protocol_set},
                 {"map", protocol_map},
                 {"attrib", protocol_attribute},
                 {"push", protocol_push},
                 {"verbatim", protocol_verbatim},
                 {"true", protocol_true},
                 {"false", protocol_false}};
    for (size_t i = 0; i < countof(types); i++) {
        if (!slice_equal_nocase(c->argv[2], slice_of_cstr(types[i].name))) continue;
        types[i].reply(c->reply);
        return;
    }
    reply_error(c->reply,
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|"
                "array|set|map|attrib|push|verbatim|true|false");
}

/* ---- ends ---- */
static void debug_assert_false(struct context *c) {
    (void)c;
    check_failed(__FILE__, __LINE__, "DEBUG ASSERT");
}

static void debug_panic(struct context *c) {
    (void)c;
    unreachable("DEBUG PANIC: the server was told to fail");
}

static void debug_segfault(struct context *c) {
    volatile char *nowhere = NULL;
    (void)c;
    *nowhere = 'x';
}

static void debug_oom(struct context *c) {
    void *p = mem_alloc(MEM_SERVER, SIZE_MAX / 4);
    mem_free(MEM_SERVER, p, SIZE_MAX / 4);
    reply_ok(c->reply);
}

/* A block that nobody will free: what a leak checker must find. */
static void debug_leak(struct context *c) {
    char *lost = mem_alloc(MEM_SERVER, c->argv[2].len + 1);
    if (c->argv[2].len) memcpy(lost, c->argv[2].ptr, c->argv[2].len);
    reply_ok(c->reply);
}

/* ---- the table ---- */
static const struct form {
    const char *name;
    int min_args, max_args; /* with "DEBUG" and the name */
    void (*run)(struct context *c);
} forms[] = {
    {"assert", 2, 2, debug_assert_false},
    {"change-repl-id", 2, 2, accept},
    {"client-eviction", 2, 2, debug_client_eviction},
    {"config-rewrite-force-all", 2, 2, debug_rewrite_all},
    {"defrag", 3, 3, debug_defrag},
    {"dict-resizing", 3, 3, accept},
    {"digest", 2, 2, debug_digest},
    {"digest-value", 3, INT32_MAX, debug_digest_value},
    {"error", 3, 3, debug_error},
    {"help", 2, 2, context_reply_help},
    {"htstats", 3, 4, debug_htstats},
    {"htstats-key", 3, 4, debug_htstats_key},
    {"jmap", 2, 2, accept},
    {"leak", 3, 3, debug_leak},
    {"listpack", 3, 3, debug_listpack},
    {"loadaof", 2, 2, debug_loadaof},
    {"log", 3, 3, debug_log},
    {"mallctl", 3, 4, debug_mallctl},
    {"mallctl-str", 3, 4, debug_mallctl_text},
    {"object", 3, 4, debug_object},
    {"oom", 2, 2, debug_oom},
    {"panic", 2, 2, debug_panic},
    {"pause-cron", 3, 3, debug_pause_cron},
    {"populate", 3, 5, debug_populate},
    {"protocol", 3, 3, debug_protocol},
    {"quicklist", 3, 4, debug_quicklist},
    {"quicklist-packed-threshold", 3, 3, debug_packed_threshold},
    {"reload", 2, 5, debug_reload},
    {"replybuffer", 4, 4, debug_replybuffer},
    {"sdslen", 3, 3, debug_sdslen},
    {"segfault", 2, 2, debug_segfault},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"set-disable-deny-scripts", 3, 3, accept},
    {"sleep", 3, 3, debug_sleep},
    {"stringmatch-len", 4, 4, debug_stringmatch},
    {"structsize", 2, 2, debug_structsize},
};

static void debug_command(struct context *c) {
    for (size_t i = 0; i < countof(forms); i++) {
        const struct form *f = &forms[i];
        if (c->argc < f->min_args || c->argc > f->max_args) continue;
        if (!slice_equal_nocase(c->argv[1], slice_of_cstr(f->name))) continue;
        f->run(c);
        return;
    }
    context_unknown_subcommand(c);
}

static const char *const debug_help[] = {
    "ASSERT",
    "    End the process through a failed assertion.",
    "CHANGE-REPL-ID",
    "    Accepted; there is no replication yet.",
    "CLIENT-EVICTION",
    "    Show what clients hold and, by size, how many may be evicted for it.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Like CONFIG REWRITE, with every directive, also those that have their default.",
    "DEFRAG <0|1>",
    "    With 1, defragmentation is always at work and takes every block for worth moving.",
    "DICT-RESIZING <0|1>",
    "    Accepted; tables here grow and shrink by segments.",
    "DIGEST",
    "    A hex digest of the whole dataset, independent of the order of its keys.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    The same of the value of each key.",
    "ERROR <text>",
    "    Reply with an error.",
    "HTSTATS <db>",
    "    Figures of the hash table of a database.",
    "HTSTATS-KEY <key>",
    "    The same of the table inside a value.",
    "LEAK <text>",
    "    Lose a block of memory on purpose.",
    "LISTPACK <key>",
    "    Show the inside of a packed value.",
    "LOADAOF",
    "    Load what the append-only file holds in place of the dataset.",
    "LOG <text>",
    "    Write a line to the log.",
    "MALLCTL <name> [<value>]",
    "    Read, or set, a number of the allocator.",
    "MALLCTL-STR <name> [<value>]",
    "    Read, or set, a text of the allocator.",
    "OBJECT <key> [FAST]",
    "    Address, encoding, length in a file (not with FAST) and age of a value.",
    "OOM",
    "    Ask for more memory than there is.",
    "PANIC",
    "    End the process as a broken invariant does.",
    "PAUSE-CRON <0|1>",
    "    Stop the periodic jobs, or let them go on.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Make string keys <prefix>:0, <prefix>:1 and so on where they are missing.",
    "PROTOCOL <type>",
    "    Reply with one of: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, "
    "false.",
    "QUICKLIST <key> [<0|1>]",
    "    Show the inside of a list.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Accepted; lists here have no plain nodes.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "    Save the dataset and load it again. NOSAVE: load the file that is there. NOFLUSH: add its keys to the",
    "    present ones. MERGE: with NOFLUSH, keys of the file win; without it, a key that exists is an error.",
    "REPLYBUFFER PEAK-RESET-TIME <time> | RESIZING <0|1>",
    "    Accepted; reply buffers need no such steering.",
    "SDSLEN <key>",
    "    Lengths and memory of a string key and its value.",
    "SEGFAULT",
    "    End the process by writing where it must not.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    With 0, keys whose time has come are removed only when they are looked at.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Accepted; there are no scripts yet.",
    "SLEEP <seconds>",
    "    Do nothing, and let nobody else do anything, for a while. Decimals are allowed.",
    "STRINGMATCH-LEN <pattern> <text>",
    "    1 when the glob pattern matches, else 0.",
    "STRUCTSIZE",
    "    Sizes of the structures that hold the data.",
    NULL,
};

const struct command_row debug_commands[] = {
    {.name = "debug",
     .run = debug_command,
     .arity = -2,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_PROTECTED,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "Depends on the subcommand.",
     .summary = "Looks and reaches into the server, for tests and for people in trouble.",
     .is_system = true,
     .help = debug_help},
    {0},
};
