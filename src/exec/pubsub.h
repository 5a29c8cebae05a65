/* Publish and subscribe. Channels, patterns and shard channels are topics (exec/topics.h); a message goes to the members of its
 * channel in the order in which they subscribed, then to those of each pattern that fits, in the order of the patterns.
 *
 * A message is encoded once for RESP2 and once for RESP3, each when the first such subscriber is met, and appended to the
 * output of each subscriber: O(subscribers + patterns). Nobody is destroyed while messages go out: a session that has no
 * memory for its message, or too much output, is marked and destroyed at the end of the turn. Executor thread only. */
#ifndef TARN_EXEC_PUBSUB_H
#define TARN_EXEC_PUBSUB_H

#include "exec/topics.h"
#include "mem/buf.h"

struct executor;
struct reply;
struct session;
struct subscriptions; /* of a session, while it has any; owner MEM_PUBSUB */

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };

struct pubsub {
    struct topics topics[PUBSUB_KINDS];
    struct buf encoded[2]; /* the message that is going out, for RESP2 and RESP3 */
    size_t session_count;  /* with any subscription */
};

struct pubsub *pubsub_new(void);
void pubsub_free(struct pubsub *p); /* proven: no subscriptions */

/* With the confirmation that clients expect, one a name, also when nothing changes. */
void pubsub_subscribe(struct session *s, enum pubsub_kind kind, struct slice name);
void pubsub_unsubscribe(struct session *s, enum pubsub_kind kind, struct slice name);
/* Everything of that kind; without any, one confirmation of nothing. */
void pubsub_unsubscribe_all(struct session *s, enum pubsub_kind kind);
/* Without a word, of every kind: RESET, and the end of a session. */
void pubsub_forget(struct session *s);

/* Returns the number of receivers. kind: PUBSUB_CHANNEL or PUBSUB_SHARD (which knows no patterns). */
int64_t pubsub_publish(struct executor *x, enum pubsub_kind kind, struct slice channel, struct slice message);

size_t pubsub_subscribed(const struct session *s, enum pubsub_kind kind);
size_t pubsub_subscribers(const struct executor *x, enum pubsub_kind kind, struct slice name);

#endif
