#include "exec/tracking.h"

#include "base/check.h"
#include "exec/context.h"

#include <stdlib.h>

#define CHANNEL "__redis__:invalidate"
/* Broadcast keys are told before the end of the turn when there are many. */
#define TURN_BYTES_MAX (1u << 20)
#define KEYS_ON_STACK  16

struct tracker {
    struct list_node keys, prefixes; /* struct topic_link.in_session */
    size_t prefix_count;
    unsigned flags;
    uint64_t redirect; /* 0: itself */
    struct session *target;
};

/* A change that waits to be broadcast: | session id:64 | length:32 | key |, unaligned in struct tracking.turn. */
struct change {
    uint64_t by;
    struct slice key;
};

struct tracking *tracking_new(void) {
    struct tracking *t = mem_alloc_zeroed(MEM_TRACKING, sizeof *t);
    topics_init(&t->keys, MEM_TRACKING);
    topics_init(&t->prefixes, MEM_TRACKING);
    buf_init(&t->own, MEM_TRACKING);
    buf_init(&t->turn, MEM_TRACKING);
    t->keys_max = 1000000;
    return t;
}

void tracking_free(struct tracking *t) {
    proven(t->session_count == 0);
    topics_release(&t->keys);
    topics_release(&t->prefixes);
    buf_release(&t->own);
    buf_release(&t->turn);
    mem_free(MEM_TRACKING, t, sizeof *t);
}

/* ---- who tracks ---- */
static struct tracker *obtain(struct session *s) {
    if (s->tracker) return s->tracker;
    struct tracker *own = mem_alloc_zeroed(MEM_TRACKING, sizeof *own);
    list_init(&own->keys);
    list_init(&own->prefixes);
    s->tracker = own;
    if (s->executor->tracking->session_count++ == 0) executor_listen(s->executor);
    return own;
}

void tracking_start(struct session *s, unsigned flags, struct session *redirect) {
    struct tracker *own = obtain(s);
    own->flags = flags;
    own->target = redirect;
    own->redirect = redirect ? redirect->id : 0;
    if (redirect) redirect->flags |= SESSION_REDIRECTED_TO;
}

bool tracking_add_prefix(struct session *s, struct slice prefix) {
    struct tracker *own = s->tracker;
    proven(own && own->flags & TRACKING_BCAST);
    bool added = topics_join(&s->executor->tracking->prefixes, 0, prefix, s, &own->prefixes);
    own->prefix_count += added;
    return added;
}

void tracking_stop(struct session *s) {
    struct tracker *own = s->tracker;
    struct tracking *t = s->executor->tracking;
    if (!own) return;
    if (s == s->executor->current) {
        buf_clear(&t->own);
        t->own_all = false;
    }
    topics_leave_all(&t->keys, &own->keys);
    topics_leave_all(&t->prefixes, &own->prefixes);
    mem_free(MEM_TRACKING, own, sizeof *own);
    s->tracker = NULL;
    if (--t->session_count == 0) executor_listen(s->executor);
}

void tracking_forget(struct session *s) {
    tracking_stop(s);
    if (!(s->flags & SESSION_REDIRECTED_TO)) return;
    s->flags &= ~(unsigned)SESSION_REDIRECTED_TO;
    list_each(node, &s->executor->sessions) {
        struct tracker *other = list_entry(node, struct session, place)->tracker;
        if (!other || other->target != s) continue;
        other->target = NULL;
        other->flags |= TRACKING_BROKEN;
    }
}

/* ---- what is known of it ---- */
int tracking_flags_of(const struct session *s) { return s->tracker ? (int)s->tracker->flags : -1; }

int64_t tracking_redirect_of(const struct session *s) { return s->tracker ? (int64_t)s->tracker->redirect : -1; }

void tracking_set_caching(struct session *s) { s->tracker->flags |= TRACKING_CACHING; }

size_t tracking_prefix_count(const struct session *s) { return s->tracker ? s->tracker->prefix_count : 0; }

static bool begins_with(struct slice text, struct slice prefix) {
    return prefix.len <= text.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

const struct topic *tracking_overlap(const struct session *s, struct slice prefix) {
    if (!s->tracker) return NULL;
    list_each(node, &s->tracker->prefixes) {
        const struct topic *topic = list_entry(node, struct topic_link, in_session)->topic;
        struct slice name = topic_name(topic);
        if (begins_with(name, prefix) || begins_with(prefix, name)) return topic;
    }
    return NULL;
}

static int compare_names(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void tracking_each_prefix(const struct session *s, void (*visit)(void *arg, struct slice prefix), void *arg) {
    size_t n = tracking_prefix_count(s), i = 0;
    if (n == 0) return;
    struct slice *names = mem_alloc(MEM_TRACKING, n * sizeof *names);
    list_each(node, &s->tracker->prefixes) names[i++] =
        topic_name(list_entry(node, struct topic_link, in_session)->topic);
    proven(i == n);
    qsort(names, n, sizeof *names, compare_names);
    for (i = 0; i < n; i++) visit(arg, names[i]);
    mem_free(MEM_TRACKING, names, n * sizeof *names);
}

/* ---- telling ---- */
/* Who hears what s is to be told; NULL: nobody. A broken redirection is told to s itself, and it is broken as soon as the target
 * is closing: what is not told now is never told. */
static struct session *hearer(struct session *s) {
    struct tracker *own = s->tracker;
    if (!own->redirect) return s->reply.resp >= 3 ? s : NULL;
    if (!own->target || own->target->flags & SESSION_CLOSING) {
        struct buf out;
        if (s->reply.resp < 3) return NULL;
        buf_init(&out, MEM_TRACKING);
        struct reply reply = {.out = &out, .resp = s->reply.resp};
        reply_push(&reply, 2);
        reply_bulk_cstr(&reply, "tracking-redir-broken");
        reply_integer(&reply, (int64_t)own->redirect);
        session_push(s, buf_slice(&out));
        buf_release(&out);
        return NULL;
    }
    bool hears = own->target->reply.resp >= 3 || own->target->flags & SESSION_PUBSUB;
    return hears ? own->target : NULL;
}

/* The head of a message to a hearer; the array of keys, or the null that means all, follows. */
static void begin_message(struct reply *reply) {
    if (reply->resp >= 3) {
        reply_push(reply, 2);
        reply_bulk_cstr(reply, "invalidate");
    } else {
        reply_push(reply, 3);
        reply_bulk_cstr(reply, "message");
        reply_bulk_cstr(reply, CHANNEL);
    }
}

/* key NULL: all of them. */
static void tell(struct session *s, const struct slice *key) {
    struct session *to = hearer(s);
    if (!to) return;
    struct buf out;
    buf_init(&out, MEM_TRACKING);
    struct reply reply = {.out = &out, .resp = to->reply.resp};
    begin_message(&reply);
    if (key) {
        reply_array(&reply, 1);
        reply_bulk(&reply, *key);
    } else {
        reply_null(&reply);
    }
    session_push(to, buf_slice(&out));
    buf_release(&out);
}

static void tell_key(struct session *s, struct slice key) { tell(s, &key); }

static void tell_all(struct session *s) { tell(s, NULL); }

/* ---- keys that were read ---- */
static void note_own(struct tracking *t, const struct topic *topic) {
    buf_append(&t->own, &topic->name_len, sizeof topic->name_len);
    buf_append(&t->own, topic->name, topic->name_len);
}

static void drop_topic(struct executor *x, struct topic *topic, bool is_change) {
    struct tracking *t = x->tracking;
    size_t members = topic->member_count;
    while (members-- > 0) { /* the topic goes with its last member */
        struct topic_link *link = list_entry(topic->members.next, struct topic_link, in_topic);
        struct session *s = link->session;
        if (s != x->current)
            tell_key(s, topic_name(topic));
        else if (!is_change || !(s->tracker->flags & TRACKING_NOLOOP))
            note_own(t, topic);
        topics_leave(&t->keys, link);
    }
}

static void remember(struct context *c) {
    struct key_position on_stack[KEYS_ON_STACK], *keys = on_stack;
    struct tracking *t = c->executor->tracking;
    int count = command_keys(c->command, c->argv, c->argc, keys, KEYS_ON_STACK);
    size_t size = count > KEYS_ON_STACK ? (size_t)count * sizeof *keys : 0;
    if (size) {
        keys = mem_alloc(MEM_TRACKING, size);
        count = command_keys(c->command, c->argv, c->argc, keys, count);
    }
    for (int i = 0; i < count; i++)
        topics_join(&t->keys, 0, c->argv[keys[i].index], c->session, &c->session->tracker->keys);
    if (size) mem_free(MEM_TRACKING, keys, size);
    while (t->keys_max && topics_count(&t->keys) > t->keys_max)
        drop_topic(c->executor, list_entry(t->keys.all.next, struct topic, place), false);
}

static bool wants(const struct tracker *own) {
    if (own->flags & TRACKING_BCAST) return false;
    if (own->flags & TRACKING_OPTIN) return own->flags & TRACKING_CACHING;
    return !(own->flags & TRACKING_OPTOUT && own->flags & TRACKING_CACHING);
}

void tracking_command_ran(struct context *c) {
    struct session *s = c->session;
    if (c->command->flags & CMD_READONLY && !(c->command->flags & CMD_PUBSUB) && wants(s->tracker)) remember(c);
}

/* ---- changes ---- */
static void note_for_broadcast(struct executor *x, struct slice key) {
    struct buf *turn = &x->tracking->turn;
    uint64_t by = x->current ? x->current->id : 0;
    uint32_t len = (uint32_t)key.len;
    buf_append(turn, &by, sizeof by);
    buf_append(turn, &len, sizeof len);
    buf_append_slice(turn, key);
    if (turn->len > TURN_BYTES_MAX) tracking_tell_turn(x);
}

static bool any_prefix(const struct tracking *t, struct slice key) {
    list_each(node, &t->prefixes.all) {
        if (begins_with(key, topic_name(list_entry(node, struct topic, place)))) return true;
    }
    return false;
}

void tracking_key_changed(struct executor *x, struct slice key) {
    struct tracking *t = x->tracking;
    struct topic *topic = topics_find(&t->keys, 0, key);
    if (topic) drop_topic(x, topic, true);
    if (!topics_empty(&t->prefixes) && any_prefix(t, key)) note_for_broadcast(x, key);
}

void tracking_flushed(struct executor *x) {
    struct tracking *t = x->tracking;
    if (t->session_count == 0) return;
    buf_clear(&t->own);
    buf_clear(&t->turn);
    list_each(node, &x->sessions) {
        struct session *s = list_entry(node, struct session, place);
        if (!s->tracker) continue;
        topics_leave_all(&t->keys, &s->tracker->keys);
        if (s == x->current)
            t->own_all = true;
        else
            tell_all(s);
    }
}

void tracking_tell_own(struct executor *x, struct session *s) {
    struct tracking *t = x->tracking;
    size_t at = 0;
    if (t->own_all && s->tracker) tell_all(s);
    t->own_all = false;
    while (at < t->own.len && s->tracker) {
        uint32_t len;
        memcpy(&len, t->own.ptr + at, sizeof len);
        tell_key(s, slice_of(t->own.ptr + at + sizeof len, len));
        at += sizeof len + len;
    }
    buf_clear(&t->own);
    const struct command *cmd = s->last_command;
    bool caching = cmd && cmd->parent && strcmp(cmd->full_name, "client|caching") == 0;
    if (s->tracker && !caching && !(s->flags & SESSION_MULTI)) s->tracker->flags &= ~(unsigned)TRACKING_CACHING;
}

/* ---- broadcasts ---- */
static bool next_change(const struct buf *turn, size_t *at, struct change *out) {
    uint32_t len;
    if (*at == turn->len) return false;
    memcpy(&out->by, turn->ptr + *at, sizeof out->by);
    memcpy(&len, turn->ptr + *at + sizeof out->by, sizeof len);
    out->key = slice_of(turn->ptr + *at + sizeof out->by + sizeof len, len);
    *at += sizeof out->by + sizeof len + len;
    proven(*at <= turn->len);
    return true;
}

/* Neighbours only: a key that is changed over and over in one turn is told once. */
static bool concerns(const struct change *c, struct slice prefix, const struct session *s, struct slice last) {
    if (!begins_with(c->key, prefix) || slice_equal(c->key, last)) return false;
    return !(s->tracker->flags & TRACKING_NOLOOP) || c->by != s->id;
}

static void tell_prefix(const struct buf *turn, struct slice prefix, struct session *s) {
    struct change change;
    struct slice last = slice_of(NULL, 0);
    struct session *to;
    int64_t count = 0;
    for (size_t at = 0; next_change(turn, &at, &change);)
        if (concerns(&change, prefix, s, last)) count++, last = change.key;
    if (count == 0 || !(to = hearer(s))) return;
    struct buf out;
    buf_init(&out, MEM_TRACKING);
    struct reply reply = {.out = &out, .resp = to->reply.resp};
    begin_message(&reply);
    reply_array(&reply, count);
    last = slice_of(NULL, 0);
    for (size_t at = 0; next_change(turn, &at, &change);)
        if (concerns(&change, prefix, s, last)) reply_bulk(&reply, last = change.key);
    session_push(to, buf_slice(&out));
    buf_release(&out);
}

void tracking_tell_turn(struct executor *x) {
    struct tracking *t = x->tracking;
    if (likely(t->turn.len == 0)) return;
    list_each(topic_node, &t->prefixes.all) {
        const struct topic *topic = list_entry(topic_node, struct topic, place);
        list_each(node, &topic->members)
            tell_prefix(&t->turn, topic_name(topic), list_entry(node, struct topic_link, in_topic)->session);
    }
    buf_release(&t->turn);
}
