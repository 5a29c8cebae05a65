/* Settings that take effect while running: what each part of the server is told. */
#include "exec/executor.h"
#include "exec/tracking.h"
#include "persist/persist.h"
#include "server/events.h"
#include "server/memory_plan.h"
#include "server/network.h"
#include "server/server.h"
#include "server/settings.h"

static const char *apply_executor_settings(void) {
    const struct server_settings *s = server_settings();
    struct executor *x = server_executor();
    x->password = s->requirepass;
    x->used_memory_limit = s->maxmemory;
    memory_plan_apply(x);
    network_apply_clients_limit(server_network());
    x->string_max = s->proto_max_bulk_len;
    x->session_limit = s->maxclients;
    x->tracking->keys_max = (size_t)s->tracking_table_max_keys;
    return NULL;
}

static const char *apply_access_settings(void) {
    const struct server_settings *s = server_settings();
    int policy = s->maxmemory_policy;
    bool lfu = policy == EVICT_ALLKEYS_LFU || policy == EVICT_VOLATILE_LFU;
    bool lrm = policy == EVICT_ALLKEYS_LRM || policy == EVICT_VOLATILE_LRM;
    enum access_policy access = lfu ? ACCESS_LFU : lrm ? ACCESS_LRM : ACCESS_LRU;
    memory_plan_apply(server_executor());
    dataset_set_access(server_executor()->dataset, access, (int)s->lfu_log_factor, (int)s->lfu_decay_minutes);
    bool saved = lfu || lrm || policy == EVICT_ALLKEYS_LRU || policy == EVICT_VOLATILE_LRU;
    persist_set_access(access, (int)s->lfu_log_factor, (int)s->lfu_decay_minutes, saved);
    return NULL;
}

const char *settings_apply(enum settings_part part) {
    const char *why = NULL;
    switch (part) {
    case SETTINGS_LISTENERS:
        return network_relisten(server_network(), &why) ? NULL : why;
    case SETTINGS_KEEPALIVE:
        network_apply_keepalive(server_network());
        return NULL;
    case SETTINGS_EXECUTOR:
        return apply_executor_settings();
    case SETTINGS_ACCESS:
        return apply_access_settings();
    case SETTINGS_LIMITS:
        dataset_set_limits(server_executor()->dataset, &server_settings()->limits);
        persist_set_limits(&server_settings()->limits);
        return NULL;
    case SETTINGS_EVENTS:
        events_apply(server_executor());
        return NULL;
    case SETTINGS_TITLE: /* nothing shows a title of several words yet */
        return NULL;
    }
    return NULL;
}
