/* Topics: names, and the sessions that are interested in them. Watched keys, channels and keys that sessions wait for are three
 * sets of topics. A topic is made by its first member and goes with its last.
 *
 *   topic "k" --- members, in order of arrival --->  link  link  link
 *                                                     |     |     |
 *   a session's own list --------------------------->link--link--...      (the head is the session's, one a set)
 *
 * Both ways are rings, so that telling all members is O(members), and leaving everything O(what the session is in); a second
 * table finds the link of a topic and a session, so that joining twice is noticed in O(1). Executor thread only. */
#ifndef TARN_EXEC_TOPICS_H
#define TARN_EXEC_TOPICS_H

#include "base/list.h"
#include "base/siphash.h"
#include "base/slice.h"
#include "mem/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

struct topic {
    struct list_node place;   /* in topics.all, in order of creation */
    struct list_node members; /* struct topic_link.in_topic */
    struct list_node waiting; /* for the owner of the set; unlinked at first */
    size_t member_count;
    unsigned scope; /* a database's index, or what the owner makes of it */
    uint32_t name_len;
    char name[];
};

struct topic_link {
    struct list_node in_topic, in_session;
    struct topic *topic;
    struct session *session;
    unsigned mark; /* for the owner of the set */
};

struct topic_tables; /* by name, and by topic and session: topics.c */

struct topics {
    struct topic_tables *tables;
    size_t count;
    struct list_node all;
    struct siphash_seed seed;
    enum mem_owner owner;
};

void topics_init(struct topics *t, enum mem_owner owner);
void topics_release(struct topics *t); /* proven: empty */

static inline bool topics_empty(const struct topics *t) { return t->count == 0; }

static inline size_t topics_count(const struct topics *t) { return t->count; }

size_t topics_links(const struct topics *t); /* pairs of topic and session; O(1) */

static inline struct slice topic_name(const struct topic *topic) { return slice_of(topic->name, topic->name_len); }

/* NULL when nobody is interested. */
struct topic *topics_find(const struct topics *t, unsigned scope, struct slice name);
/* The session becomes the last member of the topic; its link goes to the end of `own`. NULL when it is a member already. */
struct topic_link *topics_join(struct topics *t, unsigned scope, struct slice name, struct session *s,
                               struct list_node *own);
/* The session's link, NULL when it is no member. */
struct topic_link *topics_link(const struct topics *t, unsigned scope, struct slice name, const struct session *s);
/* Frees the link, and its topic with the last one. */
void topics_leave(struct topics *t, struct topic_link *link);
void topics_leave_all(struct topics *t, struct list_node *own);

#endif
