#include "server/settings.h"
#include "server/memory_plan.h"

#include "base/check.h"
#include "base/num.h"
#include "base/text.h"
#include "exec/context.h"
#include "io/file.h"
#include "io/net.h"
#include "io/process.h"
#include "mem/stats.h"
#include "server/defrag.h"
#include "server/server.h"
#include "server/settings_int.h"

#include <limits.h>
#include <stdio.h>

static struct {
    struct server_settings values;
    settings_hook *hook;
    struct memory_plan plan;
    char error[DIRECTIVE_ERROR_MAX]; /* a reason made at run time */
} own;

const struct server_settings *server_settings(void) { return &own.values; }

void settings_on_change(settings_hook *hook) { own.hook = hook; }

/* ---- choices ---- */
static const struct directive_choice policies[] = {
    {"volatile-lru", EVICT_VOLATILE_LRU},
    {"volatile-lfu", EVICT_VOLATILE_LFU},
    {"volatile-random", EVICT_VOLATILE_RANDOM},
    {"volatile-ttl", EVICT_VOLATILE_TTL},
    {"allkeys-lru", EVICT_ALLKEYS_LRU},
    {"allkeys-lfu", EVICT_ALLKEYS_LFU},
    {"allkeys-random", EVICT_ALLKEYS_RANDOM},
    {"noeviction", EVICT_NOTHING},
    {"volatile-lrm", EVICT_VOLATILE_LRM},
    {"allkeys-lrm", EVICT_ALLKEYS_LRM},
    {0},
};
static const struct directive_choice permissions[] = {
    {"no", PERMIT_NO}, {"yes", PERMIT_YES}, {"local", PERMIT_LOCAL}, {0}};
static const struct directive_choice supervisions[] = {{"upstart", SUPERVISED_UPSTART},
                                                       {"systemd", SUPERVISED_SYSTEMD},
                                                       {"auto", SUPERVISED_AUTO},
                                                       {"no", SUPERVISED_NO},
                                                       {0}};
static const struct directive_choice levels[] = {{"debug", LOG_DEBUG},     {"verbose", LOG_VERBOSE},
                                                 {"notice", LOG_NOTICE},   {"warning", LOG_WARNING},
                                                 {"nothing", LOG_NOTHING}, {0}};
static const struct directive_choice formats[] = {
    {"legacy", LOG_FORMAT_LEGACY}, {"logfmt", LOG_FORMAT_LOGFMT}, {"json", LOG_FORMAT_JSON}, {0}};
static const struct directive_choice timestamps[] = {{"legacy", LOG_TIMESTAMP_LEGACY},
                                                     {"iso8601", LOG_TIMESTAMP_ISO8601},
                                                     {"milliseconds", LOG_TIMESTAMP_MILLISECONDS},
                                                     {0}};
static const struct directive_choice facilities[] = {
    {"user", SYSLOG_USER}, {"local0", 0}, {"local1", 1}, {"local2", 2}, {"local3", 3},
    {"local4", 4},         {"local5", 5}, {"local6", 6}, {"local7", 7}, {0}};
static const struct directive_choice shutdowns[] = {
    {"default", 0},        {"save", SHUTDOWN_SAVE},   {"nosave", SHUTDOWN_NOSAVE},
    {"now", SHUTDOWN_NOW}, {"force", SHUTDOWN_FORCE}, {0}};

/* ---- checks ---- */
static const char *check_shutdown(struct slice value) {
    char scratch[128];
    struct slice words[8];
    bool save = false, nosave = false;
    if (value.len >= sizeof scratch) return NULL; /* no choice is so long: the choices refuse it */
    int count = text_split_words(value, scratch, words, 8);
    for (int i = 0; i < count; i++) {
        save |= slice_is(words[i], "save");
        nosave |= slice_is(words[i], "nosave");
    }
    return save && nosave ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : NULL;
}

static const char *check_aclfile(struct slice value) {
    if (value.len == 0) return NULL;
    return "ACL files are not supported yet; starting without the rules of this one would open the server to everybody";
}

static const char *check_title_template(struct slice value) {
    static const char *const known[] = {"{title}",    "{listen-addr}", "{server-mode}", "{port}",
                                        "{tls-port}", "{unixsocket}",  "{config-file}"};
    for (size_t i = 0; i < value.len; i++) {
        bool found = value.ptr[i] != '{';
        for (size_t j = 0; j < countof(known) && !found; j++) {
            size_t n = strlen(known[j]);
            found = value.len - i >= n && memcmp(value.ptr + i, known[j], n) == 0;
        }
        if (!found) return "template format is invalid or contains unknown variables";
    }
    return NULL;
}

/* ---- hooks ---- */
static const char *changed(enum settings_part part) { return own.hook ? own.hook(part) : NULL; }

static const char *apply_listeners(void) { return changed(SETTINGS_LISTENERS); }
static const char *apply_keepalive(void) { return changed(SETTINGS_KEEPALIVE); }
static const char *apply_executor(void) { return changed(SETTINGS_EXECUTOR); }
static const char *apply_access(void) { return changed(SETTINGS_ACCESS); }
static const char *apply_title(void) { return changed(SETTINGS_TITLE); }
static const char *apply_limits(void) { return changed(SETTINGS_LIMITS); }
static const char *apply_events(void) { return changed(SETTINGS_EVENTS); }

#define LIMIT(name_, field, initial_, type_) \
    .name = (name_), .type = (type_), .value = &own.values.limits.field, .initial = (initial_), .apply = apply_limits

#define DEFRAG(name_, field, initial_, type_) \
    .name = (name_), .type = (type_), .value = &own.values.defrag_##field, .initial = (initial_)

/* On, unlike the peers': RSS is to follow the data. Without jemalloc there is nothing to be on. */
#ifdef TARN_JEMALLOC
#define ACTIVEDEFRAG_INITIAL "yes"
#else
#define ACTIVEDEFRAG_INITIAL "no"
#endif

/* Descriptors that are not clients: listeners, files, epoll and the like. */
#define DESCRIPTORS_RESERVED 32

static const char *apply_maxclients(void) {
    int64_t wanted = own.values.maxclients + DESCRIPTORS_RESERVED, got = process_raise_open_files(wanted);
    if (got >= wanted) return changed(SETTINGS_EXECUTOR);
    snprintf(own.error, sizeof own.error,
             "The operating system is not able to handle the specified number of clients, try with %lld",
             (long long)(got - DESCRIPTORS_RESERVED));
    return own.error;
}

bool settings_fit_clients(void) {
    int64_t wanted = own.values.maxclients + DESCRIPTORS_RESERVED, got = process_raise_open_files(wanted);
    if (got >= wanted) return true;
    if (got <= DESCRIPTORS_RESERVED) {
        log_warning("The limit of open files (ulimit -n) is %lld, of which the server itself needs %d. Raise it to at "
                    "least %lld.",
                    (long long)got, DESCRIPTORS_RESERVED, (long long)wanted);
        return false;
    }
    log_warning("The limit of open files (ulimit -n) is %lld: maxclients has been reduced from %lld to %lld.",
                (long long)got, (long long)own.values.maxclients, (long long)(got - DESCRIPTORS_RESERVED));
    own.values.maxclients = got - DESCRIPTORS_RESERVED;
    return true;
}

static const char *apply_log(void) {
    log_set_level((enum log_level)own.values.loglevel);
    log_set_format((enum log_format)own.values.log_format);
    log_set_timestamp((enum log_timestamp)own.values.log_timestamp);
    return NULL;
}

static const char *apply_background_thread(void) {
    mem_background_thread(own.values.jemalloc_bg_thread); /* false: this allocator has none, which is no error */
    return NULL;
}

/* ---- bind ---- */
static const char *set_bind(const struct slice *words, int count, bool first) {
    (void)first;
    if (count == 1 && words[0].len == 0) count = 0;
    if (count > BIND_ADDRESSES_MAX) return "Too many bind addresses specified.";
    for (int i = 0; i < count; i++) {
        if (words[i].len == 0 || words[i].len >= BIND_ADDRESS_LEN) return "Invalid bind address";
    }
    for (int i = 0; i < count; i++) {
        memcpy(own.values.bind[i], words[i].ptr, words[i].len);
        own.values.bind[i][words[i].len] = '\0';
    }
    own.values.bind_count = count;
    return NULL;
}

/* Appends to what get hands out; at counts on beyond cap, as snprintf does. */
static size_t put(char *dst, size_t cap, size_t at, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n && at + i < cap; i++) dst[at + i] = text[i];
    return at + n;
}

static size_t within(size_t at, size_t cap) { return at < cap ? at : cap; }

static size_t get_bind(char *dst, size_t cap) {
    size_t at = 0;
    for (int i = 0; i < own.values.bind_count; i++) {
        if (i) at = put(dst, cap, at, " ");
        at = put(dst, cap, at, own.values.bind[i]);
    }
    return within(at, cap);
}

/* ---- maxmemory ---- */
const struct memory_plan *settings_memory_plan(void) { return &own.plan; }

static void plan_memory(void) {
    bool automatic = own.values.maxmemory_given < 0;
    own.plan = (struct memory_plan){0};
    if (automatic) memory_plan_make(&own.plan);
    own.values.maxmemory = automatic ? own.plan.data : own.values.maxmemory_given;
}

static const char *apply_maxmemory(void) {
    plan_memory();
    if (own.values.maxmemory_given < 0) memory_plan_log(&own.plan);
    return changed(SETTINGS_EXECUTOR);
}

/* ---- client-output-buffer-limit ---- */
static const char *const output_class_names[] = {"normal", "slave", "pubsub"};

static int output_class_named(struct slice s) {
    if (slice_is(s, "replica")) return OUTPUT_CLASS_REPLICA;
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        if (slice_equal_nocase(s, slice_of_cstr(output_class_names[i]))) return i;
    }
    return -1;
}

static bool parse_output_limit(const struct slice *words, struct output_limit *out) {
    uint64_t hard, soft;
    int64_t seconds;
    if (!num_parse_memory(words[0], &hard) || !num_parse_memory(words[1], &soft)) return false;
    if (!num_parse_i64(words[2], &seconds) || seconds < 0 || hard > INT64_MAX || soft > INT64_MAX) return false;
    *out = (struct output_limit){(int64_t)hard, (int64_t)soft, seconds};
    return true;
}

/* Classes that are not named keep their limits, on every line: so there is nothing to clear at the first. */
static const char *set_output_limits(const struct slice *words, int count, bool first) {
    struct output_limit limits[OUTPUT_CLASS_COUNT];
    (void)first;
    if (count == 1 && words[0].len == 0) return NULL;
    if (count % 4) return "Wrong number of arguments in buffer limit configuration.";
    memcpy(limits, own.values.output_limits, sizeof limits);
    for (int i = 0; i < count; i += 4) {
        int class = output_class_named(words[i]);
        if (class < 0) return "Invalid client class specified in buffer limit configuration.";
        if (!parse_output_limit(words + i + 1, &limits[class])) {
            return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        }
    }
    memcpy(own.values.output_limits, limits, sizeof limits);
    return NULL;
}

static size_t get_output_limits(char *dst, size_t cap) {
    size_t at = 0;
    for (int i = 0; i < OUTPUT_CLASS_COUNT; i++) {
        const struct output_limit *l = &own.values.output_limits[i];
        char text[128];
        snprintf(text, sizeof text, "%s%s %lld %lld %lld", i ? " " : "", output_class_names[i],
                 (long long)l->hard_bytes, (long long)l->soft_bytes, (long long)l->soft_seconds);
        at = put(dst, cap, at, text);
    }
    return within(at, cap);
}

/* ---- hz: what lies outside of 1..500 is taken as the nearer end ---- */
static const char *set_hz(const struct slice *words, int count, bool first) {
    int64_t v;
    (void)count, (void)first;
    if (!num_parse_i64(words[0], &v)) return "argument couldn't be parsed into an integer";
    if (v < 0 || v > INT_MAX) return "argument must be between 0 and 2147483647 inclusive";
    own.values.hz = v < 1 ? 1 : v > 500 ? 500 : v;
    return NULL;
}

static size_t get_hz(char *dst, size_t cap) {
    char text[NUM_TEXT_MAX];
    text[num_format_i64(text, own.values.hz)] = '\0';
    return within(put(dst, cap, 0, text), cap);
}

/* ---- notify-keyspace-events ---- */
#define NOTIFY_MODULE (1u << 29) /* d: no class of exec's, kept so that the text comes back as it was set */

static const struct event_letter {
    char letter;
    unsigned event;
} event_letters[] = {
    {'g', NOTIFY_GENERIC},     {'$', NOTIFY_STRING}, {'l', NOTIFY_LIST},    {'s', NOTIFY_SET},
    {'h', NOTIFY_HASH},        {'z', NOTIFY_ZSET},   {'x', NOTIFY_EXPIRED}, {'e', NOTIFY_EVICTED},
    {'t', NOTIFY_STREAM},      {'d', NOTIFY_MODULE}, {'n', NOTIFY_NEW},     {'K', EVENTS_TO_KEYSPACE},
    {'E', EVENTS_TO_KEYEVENT}, {'m', NOTIFY_MISS},
};
#define EVENTS_ALL                                                                                            \
    (NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH | NOTIFY_ZSET | NOTIFY_EXPIRED | \
     NOTIFY_EVICTED | NOTIFY_STREAM | NOTIFY_MODULE)

static unsigned event_of(char letter) {
    if (letter == 'A') return EVENTS_ALL;
    for (size_t i = 0; i < countof(event_letters); i++) {
        if (event_letters[i].letter == letter) return event_letters[i].event;
    }
    return 0;
}

static const char *set_events(const struct slice *words, int count, bool first) {
    unsigned events = 0;
    (void)count, (void)first;
    for (size_t i = 0; i < words[0].len; i++) {
        unsigned event = event_of(words[0].ptr[i]);
        if (!event) return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
        events |= event;
    }
    own.values.notify_events = events;
    return NULL;
}

static size_t get_events(char *dst, size_t cap) {
    unsigned events = own.values.notify_events;
    size_t at = 0;
    if ((events & EVENTS_ALL) == EVENTS_ALL) {
        at = put(dst, cap, at, "A");
        events &= ~(unsigned)EVENTS_ALL;
    }
    for (size_t i = 0; i < countof(event_letters); i++) {
        char text[2] = {event_letters[i].letter, '\0'};
        if (events & event_letters[i].event) at = put(dst, cap, at, text);
    }
    return within(at, cap);
}

/* ---- the start ---- */
static void tap_syslog(enum log_level level, const char *text) { syslog_write((int)level, text); }

bool settings_open_log(void) {
    const struct server_settings *s = &own.values;
    apply_log();
    int failed = log_open(s->logfile);
    if (failed) {
        fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Tarn) ***\nCan't open the log file '%s': %s\n", s->logfile,
                strerror(failed));
        return false;
    }
    if (s->syslog_enabled) {
        syslog_open(s->syslog_ident, s->syslog_facility);
        log_set_tap(tap_syslog);
    }
    return true;
}

#define DEFAULT_PIDFILE "/var/run/tarn.pid"

void settings_write_pidfile(void) {
    struct server_settings *s = &own.values;
    if (s->pidfile[0] == '\0' && !s->daemonize) return;
    const char *path = s->pidfile[0] ? s->pidfile : DEFAULT_PIDFILE;
    int failed = process_write_pidfile(path);
    if (failed) {
        log_warning("Failed to write PID file %s: %s", path, strerror(failed));
    } else {
        s->pidfile_written = path;
    }
}

void settings_remove_pidfile(void) {
    const char *path = server_settings()->pidfile_written;
    if (path) (void)file_remove(path);
}

void settings_reapply(enum settings_part part) {
    const char *problem = changed(part);
    if (problem) log_warning("A setting could not be made effective: %s", problem);
}

void settings_start(void) {
    static const enum settings_part parts[] = {SETTINGS_KEEPALIVE, SETTINGS_EXECUTOR, SETTINGS_ACCESS,
                                               SETTINGS_TITLE,     SETTINGS_EVENTS,   SETTINGS_LIMITS};
    plan_memory();
    for (size_t i = 0; i < countof(parts); i++) settings_reapply(parts[i]);
    apply_background_thread();
    if (own.values.maxmemory_given < 0) memory_plan_log(&own.plan);
}

bool settings_permit(enum permission p, const struct context *c) {
    if (p != PERMIT_LOCAL) return p == PERMIT_YES;
    struct session *s = c->session;
    struct session_link link = {.fd = -1};
    if (s->flags & (SESSION_UNIX | SESSION_INTERNAL)) return true;
    if (!s->transport || !s->transport->describe) return false;
    s->transport->describe(s, &link);
    return link.is_unix || (link.fd >= 0 && net_peer_is_loopback(link.fd));
}

/* ---- the rows ---- */
#define FIXED DIRECTIVE_IMMUTABLE
#define INERT DIRECTIVE_INERT
#define MIB   (INT64_C(1) << 20)

static const struct directive rows[] = {
    /* network */
    {.name = "port",
     .type = DIRECTIVE_INT,
     .value = &own.values.port,
     .initial = "6379",
     .max = 65535,
     .apply = apply_listeners},
    {.name = "bind",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_MULTI,
     .initial = "* -::*",
     .apply = apply_listeners,
     .set = set_bind,
     .get = get_bind},
    {.name = "unixsocket", .type = DIRECTIVE_STRING, .flags = FIXED, .value = &own.values.unixsocket, .initial = ""},
    {.name = "unixsocketgroup",
     .type = DIRECTIVE_STRING,
     .flags = FIXED,
     .value = &own.values.unixsocketgroup,
     .initial = ""},
    {.name = "unixsocketperm",
     .type = DIRECTIVE_OCTAL,
     .flags = FIXED,
     .value = &own.values.unixsocketperm,
     .initial = "0",
     .max = 0777},
    {.name = "tcp-backlog",
     .type = DIRECTIVE_INT,
     .flags = FIXED,
     .value = &own.values.tcp_backlog,
     .initial = "511",
     .max = INT_MAX},
    {.name = "tcp-keepalive",
     .type = DIRECTIVE_INT,
     .value = &own.values.tcp_keepalive_s,
     .initial = "300",
     .max = INT_MAX,
     .apply = apply_keepalive},
    {.name = "timeout", .type = DIRECTIVE_INT, .value = &own.values.timeout_s, .initial = "0", .max = INT_MAX},
    {.name = "maxclients",
     .type = DIRECTIVE_INT,
     .value = &own.values.maxclients,
     .initial = "10000",
     .min = 1,
     .max = UINT_MAX,
     .apply = apply_maxclients},
    {.name = "protected-mode", .type = DIRECTIVE_BOOL, .value = &own.values.protected_mode, .initial = "yes"},
    {.name = "requirepass",
     .type = DIRECTIVE_STRING,
     .flags = DIRECTIVE_SENSITIVE,
     .value = &own.values.requirepass,
     .initial = "",
     .apply = apply_executor},
    /* requests */
    {.name = "proto-max-bulk-len",
     .type = DIRECTIVE_MEMORY,
     .value = &own.values.proto_max_bulk_len,
     .initial = "512mb",
     .min = MIB,
     .max = INT64_MAX,
     .apply = apply_executor},
    {.name = "client-query-buffer-limit",
     .type = DIRECTIVE_MEMORY,
     .value = &own.values.client_query_buffer_limit,
     .initial = "1gb",
     .min = MIB,
     .max = INT64_MAX},
    {.name = "client-output-buffer-limit",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_MULTI | DIRECTIVE_ADDITIVE,
     .initial = "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
     .set = set_output_limits,
     .get = get_output_limits},
    {.name = "tracking-table-max-keys",
     .type = DIRECTIVE_INT,
     .value = &own.values.tracking_table_max_keys,
     .initial = "1000000",
     .max = INT64_MAX,
     .apply = apply_executor},
    /* data */
    {.name = "databases",
     .type = DIRECTIVE_INT,
     .flags = FIXED,
     .value = &own.values.databases,
     .initial = "16",
     .min = 1,
     .max = INT_MAX},
    {LIMIT("hash-max-listpack-entries", hash_max_listpack_entries, "512", DIRECTIVE_INT),
     .alias = "hash-max-ziplist-entries", .min = 0, .max = INT64_MAX},
    {LIMIT("hash-max-listpack-value", hash_max_listpack_value, "64", DIRECTIVE_MEMORY),
     .alias = "hash-max-ziplist-value", .min = 0, .max = INT64_MAX},
    {LIMIT("list-compress-depth", list_compress_depth, "0", DIRECTIVE_INT), .min = 0, .max = INT_MAX},
    {LIMIT("list-max-listpack-size", list_max_listpack_size, "-2", DIRECTIVE_INT), .alias = "list-max-ziplist-size",
     .min = INT_MIN, .max = INT_MAX},
    {LIMIT("set-max-intset-entries", set_max_intset_entries, "512", DIRECTIVE_INT), .min = 0, .max = INT64_MAX},
    {LIMIT("set-max-listpack-entries", set_max_listpack_entries, "128", DIRECTIVE_INT), .min = 0, .max = INT64_MAX},
    {LIMIT("set-max-listpack-value", set_max_listpack_value, "64", DIRECTIVE_INT), .min = 0, .max = INT64_MAX},
    {LIMIT("stream-node-max-bytes", stream_node_max_bytes, "4096", DIRECTIVE_MEMORY), .min = 0, .max = INT64_MAX},
    {LIMIT("stream-node-max-entries", stream_node_max_entries, "100", DIRECTIVE_INT), .min = 0, .max = INT64_MAX},
    {LIMIT("zset-max-listpack-entries", zset_max_listpack_entries, "128", DIRECTIVE_INT),
     .alias = "zset-max-ziplist-entries", .min = 0, .max = INT64_MAX},
    {LIMIT("zset-max-listpack-value", zset_max_listpack_value, "64", DIRECTIVE_MEMORY),
     .alias = "zset-max-ziplist-value", .min = 0, .max = INT64_MAX},
    {.name = "activedefrag",
     .type = DIRECTIVE_BOOL,
     .value = &own.values.active_defrag,
     .initial = ACTIVEDEFRAG_INITIAL,
     .apply = defrag_apply},
    {DEFRAG("active-defrag-cycle-max", cycle_max, "25", DIRECTIVE_INT), .min = 1, .max = 99},
    {DEFRAG("active-defrag-cycle-min", cycle_min, "1", DIRECTIVE_INT), .min = 1, .max = 99},
    {DEFRAG("active-defrag-cycle-us", cycle_us, "500", DIRECTIVE_INT), .min = 0, .max = 100000},
    {DEFRAG("active-defrag-ignore-bytes", ignore_bytes, "104857600", DIRECTIVE_MEMORY), .min = 1, .max = INT64_MAX},
    {DEFRAG("active-defrag-max-scan-fields", max_scan_fields, "1000", DIRECTIVE_INT), .min = 1, .max = INT64_MAX},
    {DEFRAG("active-defrag-threshold-lower", threshold_lower, "10", DIRECTIVE_INT), .min = 0, .max = 1000},
    {DEFRAG("active-defrag-threshold-upper", threshold_upper, "100", DIRECTIVE_INT), .min = 0, .max = 1000},
    {.name = "maxmemory",
     .type = DIRECTIVE_MEMORY,
     .flags = DIRECTIVE_AUTO,
     .value = &own.values.maxmemory_given,
     .initial = "0",
     .min = -1,
     .max = INT64_MAX,
     .apply = apply_maxmemory},
    {.name = "maxmemory-clients",
     .type = DIRECTIVE_PERCENT,
     .value = &own.values.maxmemory_clients,
     .initial = "0",
     .min = -100,
     .max = INT64_MAX,
     .apply = apply_executor},
    {.name = "maxmemory-policy",
     .type = DIRECTIVE_ENUM,
     .value = &own.values.maxmemory_policy,
     .initial = "noeviction",
     .choices = policies,
     .apply = apply_access},
    {.name = "maxmemory-samples",
     .type = DIRECTIVE_INT,
     .value = &own.values.maxmemory_samples,
     .initial = "5",
     .min = 1,
     .max = 64,
     .apply = apply_executor},
    {.name = "maxmemory-eviction-tenacity",
     .type = DIRECTIVE_INT,
     .value = &own.values.eviction_tenacity,
     .initial = "10",
     .max = 100,
     .apply = apply_executor},
    {.name = "lfu-log-factor",
     .type = DIRECTIVE_INT,
     .value = &own.values.lfu_log_factor,
     .initial = "10",
     .max = INT_MAX,
     .apply = apply_access},
    {.name = "lfu-decay-time",
     .type = DIRECTIVE_INT,
     .value = &own.values.lfu_decay_minutes,
     .initial = "1",
     .max = INT_MAX,
     .apply = apply_access},
    {.name = "active-expire-effort",
     .type = DIRECTIVE_INT,
     .flags = INERT,
     .value = &own.values.active_expire_effort,
     .initial = "1",
     .min = 1,
     .max = 10},
    {.name = "lazyfree-lazy-eviction",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.lazyfree_eviction,
     .initial = "yes"},
    {.name = "lazyfree-lazy-expire",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.lazyfree_expire,
     .initial = "yes"},
    {.name = "lazyfree-lazy-server-del",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.lazyfree_server_del,
     .initial = "yes"},
    {.name = "lazyfree-lazy-user-del",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.lazyfree_user_del,
     .initial = "yes"},
    {.name = "lazyfree-lazy-user-flush",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.lazyfree_user_flush,
     .initial = "yes"},
    {.name = "notify-keyspace-events",
     .type = DIRECTIVE_SPECIAL,
     .initial = "",
     .apply = apply_events,
     .set = set_events,
     .get = get_events},
    /* process */
    {.name = "daemonize", .type = DIRECTIVE_BOOL, .flags = FIXED, .value = &own.values.daemonize, .initial = "no"},
    {.name = "pidfile", .type = DIRECTIVE_STRING, .flags = FIXED, .value = &own.values.pidfile, .initial = ""},
    {.name = "supervised",
     .type = DIRECTIVE_ENUM,
     .flags = FIXED,
     .value = &own.values.supervised,
     .initial = "no",
     .choices = supervisions},
    {.name = "set-proc-title",
     .type = DIRECTIVE_BOOL,
     .flags = FIXED,
     .value = &own.values.set_proc_title,
     .initial = "yes"},
    {.name = "proc-title-template",
     .type = DIRECTIVE_STRING,
     .value = &own.values.proc_title_template,
     .initial = "{title} {listen-addr} {server-mode}",
     .check = check_title_template,
     .apply = apply_title},
    {.name = "hz", .type = DIRECTIVE_SPECIAL, .flags = INERT, .initial = "10", .set = set_hz, .get = get_hz},
    {.name = "dynamic-hz", .type = DIRECTIVE_BOOL, .flags = INERT, .value = &own.values.dynamic_hz, .initial = "yes"},
    {.name = "always-show-logo",
     .type = DIRECTIVE_BOOL,
     .flags = FIXED | INERT,
     .value = &own.values.always_show_logo,
     .initial = "no"},
    {.name = "disable-thp", .type = DIRECTIVE_BOOL, .flags = FIXED, .value = &own.values.disable_thp, .initial = "yes"},
    {.name = "jemalloc-bg-thread",
     .type = DIRECTIVE_BOOL,
     .value = &own.values.jemalloc_bg_thread,
     .initial = "yes",
     .apply = apply_background_thread},
    {.name = "io-threads",
     .type = DIRECTIVE_INT,
     .flags = FIXED | INERT,
     .value = &own.values.io_threads,
     .initial = "1",
     .min = 1,
     .max = 256},
    {.name = "shutdown-timeout",
     .type = DIRECTIVE_INT,
     .flags = INERT,
     .value = &own.values.shutdown_timeout_s,
     .initial = "10",
     .max = INT_MAX},
    {.name = "shutdown-on-sigint",
     .type = DIRECTIVE_FLAGS,
     .flags = DIRECTIVE_MULTI,
     .value = &own.values.shutdown_on_sigint,
     .initial = "default",
     .choices = shutdowns,
     .check = check_shutdown},
    {.name = "shutdown-on-sigterm",
     .type = DIRECTIVE_FLAGS,
     .flags = DIRECTIVE_MULTI,
     .value = &own.values.shutdown_on_sigterm,
     .initial = "default",
     .choices = shutdowns,
     .check = check_shutdown},
    /* log */
    {.name = "logfile", .type = DIRECTIVE_STRING, .flags = FIXED, .value = &own.values.logfile, .initial = ""},
    {.name = "loglevel",
     .type = DIRECTIVE_ENUM,
     .value = &own.values.loglevel,
     .initial = "notice",
     .choices = levels,
     .apply = apply_log},
    {.name = "log-format",
     .type = DIRECTIVE_ENUM,
     .value = &own.values.log_format,
     .initial = "legacy",
     .choices = formats,
     .apply = apply_log},
    {.name = "log-timestamp-format",
     .type = DIRECTIVE_ENUM,
     .value = &own.values.log_timestamp,
     .initial = "legacy",
     .choices = timestamps,
     .apply = apply_log},
    {.name = "syslog-enabled",
     .type = DIRECTIVE_BOOL,
     .flags = FIXED,
     .value = &own.values.syslog_enabled,
     .initial = "no"},
    {.name = "syslog-ident",
     .type = DIRECTIVE_STRING,
     .flags = FIXED,
     .value = &own.values.syslog_ident,
     .initial = "tarn"},
    {.name = "syslog-facility",
     .type = DIRECTIVE_ENUM,
     .flags = FIXED,
     .value = &own.values.syslog_facility,
     .initial = "local0",
     .choices = facilities},
    {.name = "hide-user-data-from-log", .type = DIRECTIVE_BOOL, .value = &own.values.hide_user_data, .initial = "yes"},
    /* what is allowed */
    {.name = "enable-debug-command",
     .type = DIRECTIVE_ENUM,
     .flags = FIXED,
     .value = &own.values.debug_command,
     .initial = "no",
     .choices = permissions},
    {.name = "enable-protected-configs",
     .type = DIRECTIVE_ENUM,
     .flags = FIXED,
     .value = &own.values.protected_configs,
     .initial = "no",
     .choices = permissions},
    {.name = "enable-module-command",
     .type = DIRECTIVE_ENUM,
     .flags = FIXED | INERT,
     .value = &own.values.module_command,
     .initial = "no",
     .choices = permissions},
    {.name = "extended-redis-compatibility",
     .type = DIRECTIVE_BOOL,
     .flags = INERT,
     .value = &own.values.extended_redis_compatibility,
     .initial = "no"},
    {.name = "aclfile",
     .type = DIRECTIVE_STRING,
     .flags = FIXED,
     .value = &own.values.aclfile,
     .initial = "",
     .check = check_aclfile},
};

const struct directive_list settings_directives = {rows, countof(rows)};
