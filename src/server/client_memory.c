/* What clients hold, and who goes when it is too much (maxmemory-clients).
 *
 * A connection's bytes are filed when it has been dealt with, and the sum over all is kept: no walk over clients. One that is
 * exempt (CLIENT NO-EVICT) does not count: else it alone could make all others go. They stand in
 * lists by size, one for each power of two, so that one of the largest (at least half of the very largest) is found at once. */
#include "base/log.h"
#include "exec/transaction.h"
#include "server/memory_plan.h"
#include "server/network_int.h"
#include "server/settings.h"

size_t connection_memory(const struct connection *c) {
    return sizeof *c + c->held.cap + c->session.out.cap + resp_parser_bytes(&c->parser) +
           transaction_bytes(&c->session);
}

static unsigned size_class(size_t bytes) {
    proven(bytes > 0);
    unsigned class = 63 - (unsigned)__builtin_clzll(bytes);
    return class < CLIENT_CLASSES ? class : CLIENT_CLASSES - 1;
}

int64_t network_clients_limit(void) {
    const struct server_settings *s = server_settings();
    int64_t limit = s->maxmemory_clients;
    if (limit == 0) return settings_memory_plan()->clients;
    return limit > 0 ? limit : s->maxmemory / 100 * -limit;
}

static void cut(struct connection *c, int64_t limit) {
    struct network *n = c->network;
    struct session_link link;
    c->session.transport->describe(&c->session, &link);
    log_warning(
        "Evicting client id=%llu addr=%s: it holds %zu bytes, one of the most, and all clients together hold %lld, "
        "over the %lld of maxmemory-clients.",
        (unsigned long long)c->session.id, link.peer, c->memory, (long long)n->client_bytes, (long long)limit);
    n->executor->stats.evicted_clients++;
    connection_forget_memory(c);
    session_close(&c->session, false);
    if (!connection_is_served(c)) connection_drop_output(c);
    connection_touch(c);
}

static struct connection *largest(const struct network *n) {
    for (unsigned i = CLIENT_CLASSES; i-- > 0;) {
        if (!list_empty(&n->by_memory[i])) return list_entry(n->by_memory[i].next, struct connection, by_memory);
    }
    return NULL;
}

void network_cut_clients(struct network *n) {
    struct connection *c;
    int64_t limit = network_clients_limit();
    if (limit == 0) return;
    while (n->client_bytes > limit && (c = largest(n))) cut(c, limit);
}

void connection_note_memory(struct connection *c) {
    struct network *n = c->network;
    if (c->session.flags & SESSION_CLOSE) return;
    bool exempt = c->session.flags & SESSION_NO_EVICT;
    size_t bytes = exempt ? 0 : connection_memory(c);
    n->client_bytes += (int64_t)bytes - (int64_t)c->memory;
    bool filed = !list_empty(&c->by_memory);
    if (filed && (exempt || size_class(bytes) != size_class(c->memory))) {
        list_remove(&c->by_memory);
        filed = false;
    }
    if (!filed && !exempt) list_append(&n->by_memory[size_class(bytes)], &c->by_memory);
    c->memory = bytes;
    if (unlikely(bytes > OUTPUT_FIRST_SIZE)) network_cut_clients(n);
}

void connection_forget_memory(struct connection *c) {
    c->network->client_bytes -= (int64_t)c->memory;
    proven(c->network->client_bytes >= 0);
    c->memory = 0;
    list_remove(&c->by_memory);
}

void network_show_clients(const struct network *n, struct buf *out) {
    buf_printf(out, "%lld bytes of at most %lld\n", (long long)n->client_bytes, (long long)network_clients_limit());
    for (unsigned i = 0; i < CLIENT_CLASSES; i++) {
        size_t clients = 0, bytes = 0;
        list_each(node, &n->by_memory[i]) {
            clients++;
            bytes += list_entry(node, struct connection, by_memory)->memory;
        }
        if (clients) buf_printf(out, "from %llu bytes: %zu clients, %zu bytes\n", 1ull << i, clients, bytes);
    }
}
