#include "exec/topics.h"

#include "base/check.h"
#include "base/random.h"
#include "store/table.h"

struct topic_tables {
    struct table names, links;
};

/* ---- hashes ---- */
/* Spreads a number over all bits (the finalizer of MurmurHash3): the table uses them from the top. */
static uint64_t mix(uint64_t h) {
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t name_hash(const struct siphash_seed *seed, unsigned scope, struct slice name) {
    return mix(siphash13(seed, name.ptr, name.len) + scope);
}

static uint64_t link_hash(const struct siphash_seed *seed, const struct topic *topic, const struct session *s) {
    const uintptr_t pair[2] = {(uintptr_t)topic, (uintptr_t)s};
    return siphash13(seed, pair, sizeof pair);
}

static uint64_t hash_of_topic(const void *entry, const void *seed) {
    const struct topic *topic = entry;
    return name_hash(seed, topic->scope, topic_name(topic));
}

static uint64_t hash_of_link(const void *entry, const void *seed) {
    const struct topic_link *link = entry;
    return link_hash(seed, link->topic, link->session);
}

/* ---- finding ---- */
struct wanted_topic {
    unsigned scope;
    struct slice name;
};

static bool topic_matches(const void *entry, const void *arg) {
    const struct topic *topic = entry;
    const struct wanted_topic *wanted = arg;
    return topic->scope == wanted->scope && slice_equal(topic_name(topic), wanted->name);
}

static bool link_matches(const void *entry, const void *arg) {
    const struct topic_link *link = entry, *wanted = arg;
    return link->topic == wanted->topic && link->session == wanted->session;
}

static table_slot *topic_slot(const struct topics *t, uint64_t hash, unsigned scope, struct slice name) {
    const struct wanted_topic wanted = {scope, name};
    return table_find(&t->tables->names, hash, topic_matches, &wanted);
}

static table_slot *link_slot(const struct topics *t, uint64_t hash, struct topic *topic, struct session *s) {
    const struct topic_link wanted = {.topic = topic, .session = s};
    return table_find(&t->tables->links, hash, link_matches, &wanted);
}

struct topic *topics_find(const struct topics *t, unsigned scope, struct slice name) {
    if (topics_empty(t)) return NULL;
    table_slot *slot = topic_slot(t, name_hash(&t->seed, scope, name), scope, name);
    return slot ? table_slot_entry(slot) : NULL;
}

struct topic_link *topics_link(const struct topics *t, unsigned scope, struct slice name, const struct session *s) {
    struct topic *topic = topics_find(t, scope, name);
    if (!topic) return NULL;
    table_slot *slot = link_slot(t, link_hash(&t->seed, topic, s), topic, (struct session *)(uintptr_t)s);
    return slot ? table_slot_entry(slot) : NULL;
}

/* ---- life ---- */
void topics_init(struct topics *t, enum mem_owner owner) {
    t->owner = owner;
    random_system_bytes(&t->seed, sizeof t->seed);
    list_init(&t->all);
    t->count = 0;
    t->tables = mem_alloc(owner, sizeof *t->tables);
    table_init(&t->tables->names, hash_of_topic, &t->seed, owner);
    table_init(&t->tables->links, hash_of_link, &t->seed, owner);
}

void topics_release(struct topics *t) {
    proven(topics_empty(t) && t->tables->links.count == 0);
    table_release(&t->tables->names);
    table_release(&t->tables->links);
    mem_free(t->owner, t->tables, sizeof *t->tables);
    t->tables = NULL;
}

size_t topics_links(const struct topics *t) { return t->tables->links.count; }

/* ---- joining and leaving ---- */
static struct topic *make_topic(struct topics *t, uint64_t hash, unsigned scope, struct slice name) {
    proven(name.len <= UINT32_MAX);
    struct topic *topic = mem_alloc(t->owner, sizeof *topic + name.len);
    topic->scope = scope;
    topic->name_len = (uint32_t)name.len;
    topic->member_count = 0;
    if (name.len) memcpy(topic->name, name.ptr, name.len);
    list_init(&topic->members);
    list_init(&topic->waiting);
    list_append(&t->all, &topic->place);
    table_insert(&t->tables->names, NULL, hash, topic, 0);
    t->count++;
    return topic;
}

struct topic_link *topics_join(struct topics *t, unsigned scope, struct slice name, struct session *s,
                               struct list_node *own) {
    uint64_t hash = name_hash(&t->seed, scope, name);
    table_slot *slot = topic_slot(t, hash, scope, name);
    struct topic *topic = slot ? table_slot_entry(slot) : make_topic(t, hash, scope, name);
    uint64_t pair = link_hash(&t->seed, topic, s);
    if (slot && link_slot(t, pair, topic, s)) return NULL;
    struct topic_link *link = mem_alloc(t->owner, sizeof *link);
    *link = (struct topic_link){.topic = topic, .session = s};
    list_append(&topic->members, &link->in_topic);
    list_append(own, &link->in_session);
    topic->member_count++;
    table_insert(&t->tables->links, NULL, pair, link, 0);
    return link;
}

static void drop_topic(struct topics *t, struct topic *topic) {
    uint64_t hash = hash_of_topic(topic, &t->seed);
    table_slot *slot = topic_slot(t, hash, topic->scope, topic_name(topic));
    proven(slot != NULL);
    table_remove(&t->tables->names, NULL, hash, slot);
    t->count--;
    list_remove(&topic->place);
    list_remove(&topic->waiting);
    mem_free(t->owner, topic, sizeof *topic + topic->name_len);
}

void topics_leave(struct topics *t, struct topic_link *link) {
    struct topic *topic = link->topic;
    uint64_t pair = hash_of_link(link, &t->seed);
    table_slot *slot = link_slot(t, pair, topic, link->session);
    proven(slot && table_slot_entry(slot) == link);
    table_remove(&t->tables->links, NULL, pair, slot);
    list_remove(&link->in_topic);
    list_remove(&link->in_session);
    mem_free(t->owner, link, sizeof *link);
    if (--topic->member_count == 0) drop_topic(t, topic);
}

void topics_leave_all(struct topics *t, struct list_node *own) {
    list_each_safe(node, own) topics_leave(t, list_entry(node, struct topic_link, in_session));
}
