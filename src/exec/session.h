/* A session: a client without a socket. Commands see only this; who carries the bytes (a connection of server/, a script, the
 * AOF replayer, a unit test) plugs in a transport. Owned by the transport, listed in one executor. Executor thread only. */
#ifndef TARN_EXEC_SESSION_H
#define TARN_EXEC_SESSION_H

#include "base/list.h"
#include "mem/buf.h"
#include "wire/reply.h"

#include <stdint.h>

struct executor;
struct session;
struct command;
struct transaction;
struct subscriptions;
struct tracker;

/* What CLIENT LIST shows of the carrier. Texts are valid until the next call. */
struct session_link {
    const char *peer, *local;
    int fd;
    size_t input_bytes, input_free, input_peak;          /* qbuf, qbuf-free */
    size_t reply_space, reply_peak;                      /* rbs, rbp */
    size_t output_bytes, output_list_len, output_memory; /* obl, oll, omem */
    size_t total_memory;
    const char *events; /* "r", "rw", "" */
    bool is_unix;
};

struct session_transport {
    void (*describe)(struct session *s, struct session_link *out);
    /* The session may take requests again (unblocked, unpaused): process what its input holds, soon, not inside this call. */
    void (*resume)(struct session *s);
    /* SESSION_CLOSE or SESSION_CLOSE_AFTER_REPLY was set, or bytes were added to out, from outside its own request: look at it
     * at the end of the turn. Sending what is much already is allowed, destroying it is not. */
    void (*attend)(struct session *s);
};

enum session_flags {
    SESSION_CLOSE = 1 << 0,             /* close at the end of the turn, unsent bytes are lost */
    SESSION_CLOSE_AFTER_REPLY = 1 << 1, /* close when the output is sent; no further request runs */
    SESSION_BLOCKED = 1 << 2,           /* in a blocking command: no request runs */
    SESSION_POSTPONED = 1 << 3,         /* its next request waits for the end of a pause */
    SESSION_REPLY_OFF = 1 << 4,         /* CLIENT REPLY OFF */
    SESSION_REPLY_SKIP = 1 << 5,        /* drop the reply of this command */
    SESSION_REPLY_SKIP_NEXT = 1 << 6,
    SESSION_NO_EVICT = 1 << 7,
    SESSION_NO_TOUCH = 1 << 8,
    SESSION_MONITOR = 1 << 9,
    SESSION_INTERNAL = 1 << 10, /* not a client: loader, script */
    SESSION_UNIX = 1 << 11,
    SESSION_MULTI = 1 << 12,         /* commands are queued */
    SESSION_BROKEN = 1 << 13,        /* one could not be queued: EXEC will not run */
    SESSION_DIRTY = 1 << 14,         /* a watched key has changed: EXEC will not run */
    SESSION_EXEC = 1 << 15,          /* EXEC runs what was queued */
    SESSION_PUBSUB = 1 << 16,        /* subscribed to something */
    SESSION_REDIRECTED_TO = 1 << 17, /* other sessions' tracking messages may come here */

    SESSION_CLOSING = SESSION_CLOSE | SESSION_CLOSE_AFTER_REPLY, /* still there, but for nobody: it is given nothing */
};

/* Something a session waits for. timeout and cancel reply and clean up; neither frees the session. */
struct session_wait {
    void (*timed_out)(struct session *s); /* the deadline passed, or CLIENT UNBLOCK TIMEOUT */
    void (*cancelled)(struct session *s); /* CLIENT UNBLOCK ERROR has replied already, or the session is being closed */
    bool can_unblock;                     /* CLIENT UNBLOCK may end it */
};

struct session {
    struct list_node place;   /* in the executor's registry, order of arrival */
    struct list_node waiting; /* in the executor's queue of the blocked or of the postponed, while it is one */
    struct executor *executor;
    uint64_t id;
    unsigned flags;
    unsigned db;
    uint64_t journal_end; /* where in the journal's stream its last write ends; 0: none */
    bool authenticated;
    struct reply reply;                  /* .out points to out, or to a drain while replies are off */
    struct buf out;                      /* replies not yet handed to the carrier */
    char *name, *lib_name, *lib_version; /* NULL when not set; owner MEM_CLIENT */
    int64_t created_ms, active_ms;       /* wall */
    const struct command *last_command;
    uint64_t commands, net_in, net_out;
    const struct session_wait *wait; /* while SESSION_BLOCKED */
    void *wait_arg;
    int64_t wait_deadline_ms; /* wall; 0: none */
    size_t argv_bytes;        /* argv-mem of CLIENT LIST */
    const struct session_transport *transport;
    struct transaction *transaction;     /* NULL: nothing queued, nothing watched */
    struct subscriptions *subscriptions; /* NULL: none */
    struct tracker *tracker;             /* NULL: CLIENT TRACKING is off */
    struct list_node held;               /* by who keeps the journal, while its replies wait for the disk */
    struct list_node monitoring;         /* in the executor's monitors while SESSION_MONITOR */
};

/* Adds it to the registry with a fresh id, RESP2, db 0. */
void session_init(struct session *s, struct executor *x, const struct session_transport *transport);
/* Takes it out: cancels its wait, frees its texts and output. */
void session_release(struct session *s);
/* RESET: db 0, RESP2, no name, no flags, authenticated only when no password is needed. */
void session_reset(struct session *s);
/* text NULL or empty clears. False when it holds bytes that CLIENT LIST could not show (white space, control, non-ASCII). */
bool session_set_text(char **place, struct slice text);
bool session_text_is_fit(struct slice text); /* whether it would take it */

/* Block until session_unblock. timeout_ms 0: for ever. Only from within its own request. */
void session_block(struct session *s, const struct session_wait *wait, void *arg, int64_t timeout_ms);
/* Its reply has been written; it may take requests again. Harmless when not blocked. */
void session_unblock(struct session *s);
void session_close(struct session *s, bool after_reply); /* sets the flag and tells the transport */

/* Bytes that are no reply of its own request: a message, a line of MONITOR. They pass also while replies are off. A session
 * that is closing gets none; one without memory for them is closed. */
void session_push(struct session *s, struct slice bytes);
/* Between a session's requests: where a reply that was not asked for just now goes (CLIENT REPLY OFF holds it back). */
void session_begin_reply(struct session *s);
void session_end_reply(struct session *s);

/* One CLIENT LIST line without its line end. */
void session_describe(struct session *s, struct buf *out);

#endif
