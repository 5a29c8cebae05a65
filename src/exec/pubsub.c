#include "exec/pubsub.h"

#include "base/check.h"
#include "base/glob.h"
#include "exec/executor.h"

struct subscriptions {
    struct list_node links[PUBSUB_KINDS]; /* struct topic_link.in_session */
    size_t counts[PUBSUB_KINDS];
};

/* What each kind's messages and confirmations are called. */
static const struct kind_words {
    const char *message, *subscribe, *unsubscribe;
} words[PUBSUB_KINDS] = {
    [PUBSUB_CHANNEL] = {"message", "subscribe", "unsubscribe"},
    [PUBSUB_PATTERN] = {"pmessage", "psubscribe", "punsubscribe"},
    [PUBSUB_SHARD] = {"smessage", "ssubscribe", "sunsubscribe"},
};

struct pubsub *pubsub_new(void) {
    struct pubsub *p = mem_alloc_zeroed(MEM_PUBSUB, sizeof *p);
    for (int i = 0; i < PUBSUB_KINDS; i++) topics_init(&p->topics[i], MEM_PUBSUB);
    for (int i = 0; i < 2; i++) buf_init(&p->encoded[i], MEM_PUBSUB);
    return p;
}

void pubsub_free(struct pubsub *p) {
    for (int i = 0; i < PUBSUB_KINDS; i++) topics_release(&p->topics[i]);
    for (int i = 0; i < 2; i++) buf_release(&p->encoded[i]);
    mem_free(MEM_PUBSUB, p, sizeof *p);
}

size_t pubsub_subscribed(const struct session *s, enum pubsub_kind kind) {
    return s->subscriptions ? s->subscriptions->counts[kind] : 0;
}

size_t pubsub_subscribers(const struct executor *x, enum pubsub_kind kind, struct slice name) {
    const struct topic *topic = topics_find(&x->pubsub->topics[kind], 0, name);
    return topic ? topic->member_count : 0;
}

/* ---- subscribing ---- */
static struct subscriptions *obtain(struct session *s) {
    if (s->subscriptions) return s->subscriptions;
    struct subscriptions *own = mem_alloc_zeroed(MEM_PUBSUB, sizeof *own);
    for (int i = 0; i < PUBSUB_KINDS; i++) list_init(&own->links[i]);
    s->subscriptions = own;
    s->flags |= SESSION_PUBSUB;
    s->executor->pubsub->session_count++;
    return own;
}

static void drop_when_empty(struct session *s) {
    struct subscriptions *own = s->subscriptions;
    if (!own || own->counts[PUBSUB_CHANNEL] + own->counts[PUBSUB_PATTERN] + own->counts[PUBSUB_SHARD] > 0) return;
    mem_free(MEM_PUBSUB, own, sizeof *own);
    s->subscriptions = NULL;
    s->flags &= ~(unsigned)SESSION_PUBSUB;
    s->executor->pubsub->session_count--;
}

/* Confirmations are messages: they pass also while replies are off. name NULL: there was nothing. */
static void confirm(struct session *s, enum pubsub_kind kind, const char *what, const struct slice *name) {
    struct reply reply = {.out = &s->out, .resp = s->reply.resp};
    size_t count = pubsub_subscribed(s, kind);
    if (kind != PUBSUB_SHARD) /* channels and patterns are counted together */
        count = pubsub_subscribed(s, PUBSUB_CHANNEL) + pubsub_subscribed(s, PUBSUB_PATTERN);
    reply_push(&reply, 3);
    reply_bulk_cstr(&reply, what);
    if (name)
        reply_bulk(&reply, *name);
    else
        reply_null(&reply);
    reply_integer(&reply, (int64_t)count);
}

void pubsub_subscribe(struct session *s, enum pubsub_kind kind, struct slice name) {
    struct subscriptions *own = obtain(s);
    if (topics_join(&s->executor->pubsub->topics[kind], 0, name, s, &own->links[kind])) own->counts[kind]++;
    confirm(s, kind, words[kind].subscribe, &name);
}

void pubsub_unsubscribe(struct session *s, enum pubsub_kind kind, struct slice name) {
    struct topics *topics = &s->executor->pubsub->topics[kind];
    struct topic_link *link = topics_link(topics, 0, name, s);
    if (link) {
        topics_leave(topics, link);
        s->subscriptions->counts[kind]--;
    }
    confirm(s, kind, words[kind].unsubscribe, &name);
    drop_when_empty(s);
}

void pubsub_unsubscribe_all(struct session *s, enum pubsub_kind kind) {
    struct subscriptions *own = s->subscriptions;
    struct topics *topics = &s->executor->pubsub->topics[kind];
    if (pubsub_subscribed(s, kind) == 0) confirm(s, kind, words[kind].unsubscribe, NULL);
    while (own && own->counts[kind] > 0) {
        struct topic_link *link = list_entry(own->links[kind].next, struct topic_link, in_session);
        struct slice name = topic_name(link->topic);
        own->counts[kind]--;
        confirm(s, kind, words[kind].unsubscribe, &name); /* the name goes with its last subscriber */
        topics_leave(topics, link);
    }
    drop_when_empty(s);
}

void pubsub_forget(struct session *s) {
    struct subscriptions *own = s->subscriptions;
    if (!own) return;
    for (int i = 0; i < PUBSUB_KINDS; i++) {
        topics_leave_all(&s->executor->pubsub->topics[i], &own->links[i]);
        own->counts[i] = 0;
    }
    drop_when_empty(s);
}

/* ---- publishing ---- */
struct message {
    enum pubsub_kind kind;
    struct slice pattern; /* of PUBSUB_PATTERN */
    struct slice channel, text;
};

static void encode(const struct message *m, struct buf *out, unsigned resp) {
    struct reply reply = {.out = out, .resp = (uint8_t)resp};
    reply_push(&reply, m->kind == PUBSUB_PATTERN ? 4 : 3);
    reply_bulk_cstr(&reply, words[m->kind].message);
    if (m->kind == PUBSUB_PATTERN) reply_bulk(&reply, m->pattern);
    reply_bulk(&reply, m->channel);
    reply_bulk(&reply, m->text);
}

/* Larger than this is not kept for the next message. */
#define ENCODED_KEPT_MAX (64u * 1024)

static void forget_encoded(struct pubsub *p) {
    for (int i = 0; i < 2; i++) {
        if (p->encoded[i].cap > ENCODED_KEPT_MAX)
            buf_release(&p->encoded[i]);
        else
            buf_clear(&p->encoded[i]);
    }
}

/* Returns to how many. Bytes of messages are never empty, so an empty buffer is one not encoded yet. */
static int64_t deliver(struct pubsub *p, const struct message *m, const struct topic *topic) {
    int64_t receivers = 0;
    list_each(node, &topic->members) {
        struct session *s = list_entry(node, struct topic_link, in_topic)->session;
        if (s->flags & SESSION_CLOSING) continue;
        receivers++;
        struct buf *encoded = &p->encoded[s->reply.resp >= 3];
        if (encoded->len == 0) encode(m, encoded, s->reply.resp);
        session_push(s, buf_slice(encoded));
    }
    forget_encoded(p);
    return receivers;
}

int64_t pubsub_publish(struct executor *x, enum pubsub_kind kind, struct slice channel, struct slice text) {
    struct pubsub *p = x->pubsub;
    struct message m = {.kind = kind, .channel = channel, .text = text};
    int64_t receivers = 0;
    proven(kind != PUBSUB_PATTERN);
    const struct topic *topic = topics_find(&p->topics[kind], 0, channel);
    if (topic) receivers = deliver(p, &m, topic);
    if (kind == PUBSUB_SHARD) return receivers;
    m.kind = PUBSUB_PATTERN;
    list_each(node, &p->topics[PUBSUB_PATTERN].all) {
        topic = list_entry(node, struct topic, place);
        m.pattern = topic_name(topic);
        if (glob_match(m.pattern, channel, false)) receivers += deliver(p, &m, topic);
    }
    return receivers;
}
