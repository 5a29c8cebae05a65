/* Gathering requests into a batch and running it. See network.h for the way of a request. */
#include "base/log.h"
#include "keyspace/db.h"
#include "server/network_int.h"

static void refuse_http(struct connection *c) {
    struct session_link link;
    c->session.transport->describe(&c->session, &link);
    log_warning(
        "Possible SECURITY ATTACK detected: %s sent POST or Host: as a command, as a browser that was tricked into "
        "talking to this port would. Connection closed.",
        link.peer);
    session_close(&c->session, false);
}

/* A request that looks like the start of an HTTP request. */
static bool is_http(const struct request *r) {
    return r->command == NULL && (slice_is(r->argv[0], "post") || slice_is(r->argv[0], "host:"));
}

/* Forgets what was parsed beyond the last request that ran: it will be parsed again when the session goes on. A request with long
 * arguments cannot be, but the parser has it still. */
static void rewind_input(struct connection *c) {
    c->parsed = c->consumed;
    resp_parser_rewind(&c->parser);
}

static void run_one(struct network *n, struct pending *p) {
    struct connection *c = p->connection;
    /* After one request of a connection was left, none behind it may run, even if the session can go on meanwhile. */
    if (unlikely(!connection_can_run(c) || p->start != c->consumed)) {
        if (c->parsed != c->consumed) rewind_input(c);
        return;
    }
    if (unlikely(is_http(&p->request))) {
        refuse_http(c);
        return;
    }
    if (c->session.out.cap == 0) buf_reserve(&c->session.out, OUTPUT_FIRST_SIZE);
    n->running = c;
    enum run_result result = executor_run(n->executor, &c->session, &p->request);
    n->running = NULL;
    if (unlikely(result == RUN_POSTPONED)) {
        rewind_input(c);
        return;
    }
    c->consumed = p->end;
    if (unlikely(c->session.out.len - c->sent > OUTPUT_EARLY_SEND)) connection_send_early(c);
}

static void prefetch_stage(const struct network *n, int stage) {
    struct dataset *ds = n->executor->dataset;
    for (unsigned i = 0; i < n->batch_count; i++) {
        const struct pending *p = &n->batch[i];
        if (p->request.key_index) db_prefetch(dataset_db(ds, p->connection->session.db), p->request.key_hash, stage);
    }
}

void batch_run(struct network *n) {
    if (n->batch_count == 0) return;
    executor_begin_batch(n->executor);
    for (unsigned i = 0; i < n->batch_count; i++) executor_prepare(n->executor, &n->batch[i].request);
    if (n->batch_count > 1) {
        for (int stage = 0; stage < 3; stage++) prefetch_stage(n, stage);
    }
    for (unsigned i = 0; i < n->batch_count; i++) run_one(n, &n->batch[i]);
    n->batch_count = 0;
    n->slices_used = 0;
}

static void add(struct connection *c, const struct slice *argv, int argc, struct resp_blocks *blocks, size_t bytes) {
    struct network *n = c->network;
    struct pending *p = &n->batch[n->batch_count++];
    p->connection = c;
    p->start = c->parsed;
    c->parsed += bytes;
    p->request.argv = argv;
    p->request.argc = argc;
    p->request.blocks = blocks;
    p->end = c->parsed;
}

/* A whole plain request straight from the buffer; false when it needs the patient parser. */
static bool gather_fast(struct connection *c, const char *at, size_t left) {
    struct network *n = c->network;
    int argc;
    struct slice *argv = n->slices + n->slices_used;
    size_t bytes = resp_parse_fast(at, left, argv, (int)(BATCH_SLICES - n->slices_used), &argc);
    if (bytes == 0) return false;
    n->slices_used += (unsigned)argc;
    add(c, argv, argc, NULL, bytes);
    return true;
}

/* Runs what is gathered, so that what follows keeps its order. False when c may not go on from where it is parsed to. */
static bool run_before(struct connection *c) {
    size_t at = c->parsed;
    batch_run(c->network);
    return connection_can_run(c) && c->parsed == at;
}

static void refuse_protocol(struct connection *c) {
    if (!run_before(c)) return;
    struct session_link link;
    c->session.transport->describe(&c->session, &link);
    log_verbose("Protocol error (%s) from client %s", c->parser.error, link.peer);
    reply_error_format(&c->session.reply, "ERR Protocol error: %s", c->parser.error);
    session_close(&c->session, true);
}

static void refuse_size(struct connection *c) {
    if (!run_before(c)) return;
    log_warning("Closing client id=%llu: %s", (unsigned long long)c->session.id, c->parser.error);
    reply_error_format(&c->session.reply, "OOM %s", c->parser.error);
    session_close(&c->session, true);
}

/* Half a request. What has come of a long argument lies in the parser's block. */
static void await_more(struct connection *c) {
    if (resp_bulk_missing(&c->parser)) connection_cut_input(c, c->parsed + c->parser.position);
}

static void run_slow(struct connection *c) {
    struct resp_blocks *blocks = c->parser.blocks.count ? &c->parser.blocks : NULL;
    add(c, c->parser.argv, c->parser.argc, blocks, c->parser.consumed);
    size_t end = c->parsed;
    batch_run(c->network);
    if (blocks && c->consumed == end) resp_parser_done(&c->parser);
}

/* Pieces, inline commands, huge requests, errors. The parser's arguments live until its next call, so such a request runs at
 * once. A long argument leaves the input only when nothing before it could make it be parsed again. False when nothing more can be gathered
 * from this connection now. */
static bool gather_slow(struct connection *c, const char *at, size_t left) {
    struct network *n = c->network;
    c->parser.unauthenticated = !c->session.authenticated;
    c->parser.max_bulk = n->executor->string_max;
    c->parser.block_min = c->parsed == c->consumed ? RESP_BLOCK_MIN : 0;
    switch (resp_parse(&c->parser, at, left)) {
    case RESP_MORE:
        await_more(c);
        return false;
    case RESP_NO_MEMORY:
        refuse_size(c);
        return false;
    case RESP_INVALID:
        refuse_protocol(c);
        return false;
    case RESP_READY:
        break;
    }
    if (c->parser.argc == 0) {
        if (!run_before(c)) return true;
        c->consumed = c->parsed += c->parser.consumed;
        return true;
    }
    run_slow(c);
    return true;
}

void batch_gather(struct connection *c) {
    struct network *n = c->network;
    while (connection_can_run(c)) {
        /* Room for one request of usual size; a larger one takes the slow way. */
        if (n->batch_count == BATCH_REQUESTS || BATCH_SLICES - n->slices_used < BATCH_SLICES / 8) {
            batch_run(n);
            continue;
        }
        const char *at = connection_input(c) + c->parsed;
        size_t left = connection_input_len(c) - c->parsed;
        if (left == 0) return;
        bool fresh = resp_parser_fresh(&c->parser) && c->session.authenticated;
        if (likely(fresh && gather_fast(c, at, left))) continue;
        if (!gather_slow(c, at, left)) return;
    }
}
