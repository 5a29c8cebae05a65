/* The server's own settings: network, process, log, limits. One struct of plain fields, because hot paths read them at
 * every request; the rows that fill it are in settings.c. Executor thread only. */
#ifndef TARN_SERVER_SETTINGS_H
#define TARN_SERVER_SETTINGS_H

#include "base/config.h"
#include "base/log.h"
#include "values/value.h"

#include <stdbool.h>
#include <stdint.h>

struct context;

#define BIND_ADDRESSES_MAX 16
#define BIND_ADDRESS_LEN   128

enum output_class { OUTPUT_CLASS_NORMAL, OUTPUT_CLASS_REPLICA, OUTPUT_CLASS_PUBSUB, OUTPUT_CLASS_COUNT };

struct output_limit {
    int64_t hard_bytes, soft_bytes, soft_seconds; /* 0: no limit */
};

enum eviction_policy {
    EVICT_VOLATILE_LRU,
    EVICT_VOLATILE_LFU,
    EVICT_VOLATILE_RANDOM,
    EVICT_VOLATILE_TTL,
    EVICT_ALLKEYS_LRU,
    EVICT_ALLKEYS_LFU,
    EVICT_ALLKEYS_RANDOM,
    EVICT_NOTHING,
    EVICT_VOLATILE_LRM,
    EVICT_ALLKEYS_LRM,
};

/* enable-debug-command, enable-protected-configs, enable-module-command */
enum permission { PERMIT_NO, PERMIT_YES, PERMIT_LOCAL };

enum supervision { SUPERVISED_NO, SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO };

struct server_settings {
    /* network */
    int64_t port;
    char bind[BIND_ADDRESSES_MAX][BIND_ADDRESS_LEN]; /* as written: "127.0.0.1", "*", "-::1"; '-' may be missing */
    int bind_count;                                  /* 0: no TCP at all */
    const char *unixsocket, *unixsocketgroup;        /* "" : none */
    int64_t unixsocketperm;
    int64_t tcp_backlog, tcp_keepalive_s, timeout_s;
    int64_t maxclients, tracking_table_max_keys;
    bool protected_mode;
    const char *requirepass;
    /* requests */
    int64_t proto_max_bulk_len, client_query_buffer_limit;
    struct output_limit output_limits[OUTPUT_CLASS_COUNT];
    /* data */
    int64_t databases;
    int64_t maxmemory_given;   /* bytes, 0: no limit, -1: auto; maxmemory is what it comes to */
    int64_t maxmemory_clients; /* bytes, -N: percent of maxmemory, 0: none */
    int64_t maxmemory, maxmemory_samples, eviction_tenacity;
    int maxmemory_policy; /* enum eviction_policy */
    int64_t lfu_log_factor, lfu_decay_minutes;
    int64_t active_expire_effort;
    struct value_limits limits;
    bool active_defrag;
    int64_t defrag_cycle_min, defrag_cycle_max, defrag_cycle_us, defrag_ignore_bytes, defrag_max_scan_fields;
    int64_t defrag_threshold_lower, defrag_threshold_upper;
    bool lazyfree_eviction, lazyfree_expire, lazyfree_server_del, lazyfree_user_del, lazyfree_user_flush;
    unsigned notify_events; /* see EVENTS_TO_KEYSPACE */
    /* process */
    bool daemonize, set_proc_title, always_show_logo, disable_thp, jemalloc_bg_thread;
    const char *pidfile, *proc_title_template;
    int supervised; /* enum supervision */
    int64_t hz;
    bool dynamic_hz;
    int64_t shutdown_timeout_s;
    int shutdown_on_sigint, shutdown_on_sigterm; /* enum shutdown_flags of server.h */
    int64_t io_threads;
    /* log */
    const char *logfile;
    int loglevel, log_format, log_timestamp; /* enums of base/log.h */
    bool syslog_enabled;
    const char *syslog_ident;
    int syslog_facility;
    bool hide_user_data;
    /* what is allowed */
    int debug_command, protected_configs, module_command; /* enum permission */
    bool extended_redis_compatibility;
    const char *aclfile;         /* always "": refused until ACL files can be read */
    const char *pidfile_written; /* the file to remove at the end, NULL: none */
};

const struct server_settings *server_settings(void);
extern const struct directive_list settings_directives;

/* Parts of the server that a change of settings must reach. The hook says NULL, or why it cannot be: then CONFIG SET puts the
 * old values back and calls it again. The text must live until the next call. */
enum settings_part {
    SETTINGS_LISTENERS, /* port, bind: not called by settings_start */
    SETTINGS_KEEPALIVE, /* tcp-keepalive */
    SETTINGS_EXECUTOR,  /* what bounds requests, sessions and memory, and the password */
    SETTINGS_ACCESS,    /* maxmemory-policy, lfu-log-factor, lfu-decay-time */
    SETTINGS_LIMITS,    /* list-max-listpack-size and the like */
    SETTINGS_TITLE,     /* proc-title-template */
    SETTINGS_EVENTS,    /* notify-keyspace-events */
};
typedef const char *settings_hook(enum settings_part part);
void settings_on_change(settings_hook *hook);
settings_hook settings_apply; /* the server's (apply.c) */

/* Makes the start-up values effective: calls the hook for every part but the listeners, and sets the allocator's
 * background thread. */
void settings_start(void);
/* Raises the limit of open files for maxclients, or lowers maxclients to what it allows. False, logged: too few for any. */
bool settings_fit_clients(void);
/* Calls the hook for one part again, after what it had changed was replaced (a dataset that has been loaded). */
void settings_reapply(enum settings_part part);
/* Opens the log as configured (file, level, format, syslog). False after the reason has been printed on standard error. */
bool settings_open_log(void);
/* Writes the pidfile when there is to be one (pidfile set, or daemonize) and notes it in pidfile_written. A file that cannot
 * be written is logged, not fatal, as with the peers. */
void settings_write_pidfile(void);
void settings_remove_pidfile(void); /* at the end, when it was written */

/* Whether p lets this session through: yes, or local and the peer is on this machine. */
bool settings_permit(enum permission p, const struct context *c);

/* Where notify_events sends them; the other bits are exec's enum notify_class. */
#define EVENTS_TO_KEYSPACE (1u << 30) /* K */
#define EVENTS_TO_KEYEVENT (1u << 31) /* E */

#endif
