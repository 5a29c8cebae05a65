/* Connections: sockets that carry sessions. Owned by the executor's thread.
 *
 * The way of a request in one turn of the loop:
 *   1. every readable connection is received from, into the turn's arena (or behind what it still holds);
 *   2. commands are parsed as slices into those bytes and gathered, over all connections, into a batch;
 *   3. the batch is hashed and prefetched in stages, then run in order, replies going to each session's buffer;
 *   4. one send per connection. What is left of a half-received command moves to the connection's own buffer.
 * So fifty clients with one command each gain from prefetching as one pipeline does, and an idle connection holds no
 * buffers. A session that blocks, is postponed or closes keeps the rest of its input for later; it is destroyed only at
 * the end of a turn, never under a loop that still holds it. */
#ifndef TARN_SERVER_NETWORK_H
#define TARN_SERVER_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct executor;
struct loop;
struct network;

/* Opens nothing yet. */
struct network *network_new(struct loop *loop, struct executor *executor);
void network_free(struct network *n); /* closes connections and listeners, removes the unix socket */

/* Opens the configured listeners (server_settings). False with a logged reason when one that is not optional fails or
 * none is left. */
bool network_listen(struct network *n);
/* CONFIG SET port / bind: closes what is not configured any more, opens what is new. False with a reason when it cannot;
 * calling it again with the old settings restores the old state. */
bool network_relisten(struct network *n, const char **why);
void network_stop_listening(struct network *n);
/* tcp-keepalive has changed: for the connections that are open. */
void network_apply_keepalive(struct network *n);

/* Loop hooks. */
void network_process(struct network *n);           /* after the callbacks of a turn: the four steps above */
bool network_has_pending(const struct network *n); /* sessions resumed meanwhile: do not sleep */

/* Bytes that all clients together may hold, 0: no limit (maxmemory-clients). */
int64_t network_clients_limit(void);
void network_apply_clients_limit(struct network *n);
/* For people: the sum and the limit, then a line for each power of two of bytes that clients hold. O(clients). */
void network_show_clients(const struct network *n, struct buf *out);
int64_t network_client_bytes(const struct network *n);

/* Every second: idle clients past `timeout` are closed. */
void network_close_idle(struct network *n);
/* Sends what can be sent and closes: for shutdown. */
void network_flush_all(struct network *n);

/* INFO server's listenerN lines, one "name=tcp,bind=...,port=..." a listener. */
void network_describe_listeners(const struct network *n, void (*emit)(void *arg, const char *name, const char *text),
                                void *arg);

#endif
