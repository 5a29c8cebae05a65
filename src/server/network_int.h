/* Private to the network part of server/: what connection.c, batch.c and network.c share. */
#ifndef TARN_SERVER_NETWORK_INT_H
#define TARN_SERVER_NETWORK_INT_H

#include "exec/executor.h"
#include "exec/session.h"
#include "io/loop.h"
#include "io/net.h"
#include "server/network.h"
#include "wire/resp_parse.h"

/* A turn receives at most ARENA bytes before it runs what it has; both fit a second-level cache. */
#define NETWORK_ARENA_SIZE   (256 * 1024)
#define NETWORK_RECEIVE_SIZE (64 * 1024)
#define NETWORK_RECEIVE_MIN  (8 * 1024)
/* As many requests as are hashed and prefetched together: enough to hide memory latency, few enough that their lines
 * are still in the first-level cache when they run. */
#define BATCH_REQUESTS 64
#define BATCH_SLICES   1024
/* A first reply buffer of this size holds what a usual pipeline answers without growing. */
#define OUTPUT_FIRST_SIZE (16 * 1024)
/* Replies beyond this are sent before the rest of the batch runs, so a pipeline of big values needs no big buffer. */
#define OUTPUT_EARLY_SEND (256 * 1024)

#define LISTENERS_MAX     32
/* Of connections by size: see client_memory.c. */
#define CLIENT_CLASSES 48

struct connection {
    struct session session; /* first: the transport casts back */
    struct loop_fd fd;
    struct network *network;
    struct list_node ready;   /* has input to look at */
    struct list_node touched; /* to be finished at the end of the turn */
    struct buf held;          /* input that outlives a turn; no memory while idle */
    const char *lent;         /* this turn's input in the arena; NULL: it is in held */
    size_t lent_len;
    size_t consumed; /* bytes of the input whose requests have run */
    size_t parsed;   /* bytes of the input whose requests are run or gathered */
    size_t input_peak;
    struct resp_parser parser;
    size_t sent;                 /* bytes of session.out that are sent already */
    int64_t soft_limit_since_ms; /* output over the soft limit since; 0: not */
    struct list_node over_soft;  /* in the network's while it is */
    size_t memory;               /* bytes as they were last filed */
    struct list_node by_memory;  /* in the network's list of that size, unless it may not be evicted */
};

struct pending {
    struct connection *connection;
    struct request request;
    size_t start, end; /* its place in the input */
};

struct listener {
    struct loop_fd fd; /* first */
    struct network *network;
    bool is_unix;
    int port;                   /* of TCP */
    char name[NET_ADDRESS_MAX]; /* address or path, as configured */
};

struct network {
    struct loop *loop;
    struct executor *executor;
    struct list_node ready, touched;
    struct list_node over_soft;
    struct list_node by_memory[CLIENT_CLASSES];
    int64_t client_bytes; /* sum of connection.memory */
    char *arena;
    size_t arena_used;
    struct connection *running; /* whose request runs, or NULL */
    struct pending batch[BATCH_REQUESTS];
    unsigned batch_count;
    struct slice slices[BATCH_SLICES];
    unsigned slices_used;
    struct listener *listeners[LISTENERS_MAX];
    unsigned listener_count;
    int64_t accept_warned_ms; /* of a failure to accept, when it was logged last */
};

/* ---- connection.c ---- */
void connection_open(struct network *n, int fd, bool is_unix);
void connection_receive(struct connection *c);
/* The input ends here: what came behind is part of a long argument, and the parser has taken it. */
void connection_cut_input(struct connection *c, size_t len);
/* Sends what it can; watches for room when the kernel's buffer is full. */
void connection_send(struct connection *c);
/* client-output-buffer-limit: closes who is over it. */
void connection_check_output(struct connection *c);
/* In the middle of a turn: one who asks for more than he takes is found out before the next request adds to it. */
void connection_send_early(struct connection *c);
/* End of turn: keeps the rest of the input, sends, destroys when told so. */
void connection_finish(struct connection *c);
void connection_destroy(struct connection *c);
void connection_touch(struct connection *c);
void connection_drop_output(struct connection *c);
/* Once a second: those that have been over their soft limit for too long. O(those over it). */
void network_check_soft_limits(struct network *n);

/* ---- client_memory.c ---- */
size_t connection_memory(const struct connection *c); /* all it holds now */
/* After a change of what it holds. Cuts clients when all together hold too much, perhaps this one. O(1). */
void connection_note_memory(struct connection *c);
void connection_forget_memory(struct connection *c);
void network_cut_clients(struct network *n);

static inline const char *connection_input(const struct connection *c) { return c->lent ? c->lent : c->held.ptr; }

static inline size_t connection_input_len(const struct connection *c) { return c->lent ? c->lent_len : c->held.len; }

/* The input, and what of a long argument is not in it any more but in a block of its own. */
static inline size_t connection_input_held(const struct connection *c) {
    return connection_input_len(c) + c->parser.apart;
}

static inline bool connection_can_run(const struct connection *c) {
    return !(c->session.flags & (SESSION_CLOSING | SESSION_BLOCKED | SESSION_POSTPONED));
}

/* Its reply may be half written: what is in its output neither leaves nor goes before the request is done. */
static inline bool connection_is_served(const struct connection *c) {
    return c == c->network->running || &c->session == c->network->executor->current;
}

/* ---- batch.c ---- */
/* Parses all whole requests of c into the batch, running it whenever it is full. */
void batch_gather(struct connection *c);
void batch_run(struct network *n);

#endif
