/* Running requests: what may run now, what it costs, who waits. See executor.h. */
#include "exec/executor.h"

#include "base/check.h"
#include "base/clock.h"
#include "exec/blocking.h"
#include "exec/context.h"
#include "exec/executor_int.h"
#include "exec/journal.h"
#include "exec/limit.h"
#include "exec/monitor.h"
#include "exec/pubsub.h"
#include "exec/saved.h"
#include "exec/tracking.h"
#include "exec/transaction.h"

#include <stdio.h>

#define STRING_MAX_DEFAULT (INT64_C(512) * 1024 * 1024)

void executor_init(struct executor *x, const struct command_list *lists, unsigned count, struct dataset *dataset) {
    memset(x, 0, sizeof *x);
    x->commands = command_index_new(lists, count);
    x->dataset = dataset;
    list_init(&x->sessions);
    list_init(&x->blocked);
    x->wait_floor_ms = INT64_MAX;
    list_init(&x->postponed);
    list_init(&x->monitors);
    x->watchers = watchers_new();
    x->pubsub = pubsub_new();
    x->tracking = tracking_new();
    x->blocking = blocking_new();
    x->limit = limit_new();
    x->sampler = mem_alloc_zeroed(MEM_OBSERVE, sizeof *x->sampler);
    buf_init(&x->drain, MEM_CLIENT_OUT);
    x->keyspace.arg = x;
    random_init_from_system(&x->random);
    random_hex(x->run_id, 40);
    x->password = "";
    x->latency_tracking = true;
    memcpy(x->percentiles, (const double[]){50, 99, 99.9}, 3 * sizeof(double));
    x->percentile_count = 3;
    x->string_max = STRING_MAX_DEFAULT;
    executor_begin_batch(x);
    x->start_ms = x->now_ms;
}

void executor_release(struct executor *x) {
    proven(list_empty(&x->sessions) && x->current == NULL);
    watchers_free(x->watchers);
    pubsub_free(x->pubsub);
    tracking_free(x->tracking);
    blocking_free(x->blocking);
    limit_free(x->limit);
    mem_free(MEM_OBSERVE, x->sampler, sizeof *x->sampler);
    buf_release(&x->drain);
    command_index_free(x->commands);
    x->commands = NULL;
}

/* What INFO shows are the server's counters, not one dataset's. */
static void carry_stats(const struct dataset_stats *old, struct dataset_stats *fresh) {
    fresh->expired_keys = old->expired_keys;
    fresh->expired_elements = old->expired_elements;
    fresh->evicted_keys += old->evicted_keys; /* some may have gone while it was loaded */
    fresh->keyspace_hits = old->keyspace_hits;
    fresh->keyspace_misses = old->keyspace_misses;
    fresh->lazyfreed = old->lazyfreed;
    fresh->expire_cycle_us = old->expire_cycle_us;
}

struct dataset *executor_replace_dataset(struct executor *x, struct dataset *fresh) {
    struct dataset *old = x->dataset;
    proven(fresh && fresh != old);
    dataset_set_hooks(fresh, &x->keyspace);
    dataset_set_now(fresh, x->now_ms);
    carry_stats(dataset_stats_const(old), dataset_stats(fresh));
    x->dataset = fresh;
    x->dataset_epoch++;
    transaction_replaced(x);
    blocking_replaced(x);
    tracking_flushed(x);
    return old;
}

bool executor_may_freeze(const struct executor *x) {
    return !dataset_is_frozen(x->dataset) || x->hooks.give_way != NULL;
}

void executor_make_way(struct executor *x) {
    if (x->hooks.give_way) x->hooks.give_way(x->hooks.arg);
    proven(!dataset_is_frozen(x->dataset));
}

void executor_begin_batch(struct executor *x) {
    x->now_ms = clock_wall_ms();
    x->ticks_now = 0;
    dataset_set_now(x->dataset, x->now_ms);
}

void executor_prepare(struct executor *x, struct request *r) {
    struct command *c = command_resolve(x->commands, r->argv, r->argc);
    r->command = c;
    r->key_index = 0;
    r->dataset_epoch = x->dataset_epoch;
    x->ticks_now = 0; /* what is prepared here is not the next command's time */
    if (!c || c->first_key <= 0 || c->first_key >= r->argc) return;
    r->key_index = c->first_key;
    r->key_hash = dataset_hash(x->dataset, r->argv[c->first_key]);
}

/* ---- refusals ---- */
void executor_count_error(struct executor *x, struct slice line) {
    const size_t longest = sizeof(x->error_counts[0].code) - 1;
    size_t n = 0;
    if (line.len && line.ptr[0] == '-') line = slice_of(line.ptr + 1, line.len - 1);
    while (n < line.len && n < longest && line.ptr[n] != ' ' && line.ptr[n] != '\r') n++;
    for (unsigned i = 0; i < x->error_code_count; i++) {
        struct error_count *e = &x->error_counts[i];
        if (strncmp(e->code, line.ptr, n) != 0 || e->code[n] != '\0') continue;
        e->count++;
        return;
    }
    if (n == 0 || x->error_code_count == EXECUTOR_ERROR_CODES_MAX) return;
    struct error_count *e = &x->error_counts[x->error_code_count++];
    memcpy(e->code, line.ptr, n);
    e->code[n] = '\0';
    e->count = 1;
}

/* The errors that a request has written, by the code of the last. */
static void count_errors(struct executor *x, const struct reply *r, uint64_t n) {
    x->errors_filed += n;
    struct slice line = slice_of(r->out->ptr + r->last_error, r->out->len - r->last_error);
    x->stats.errors += n;
    executor_count_error(x, line);
}

/* Printed with a bound, up to a NUL, as the peers do. */
#define SHOWN_MAX 128
static int shown(struct slice s, int room) { return (int)(s.len < (size_t)room ? s.len : (size_t)room); }

static void refuse_unknown(struct reply *reply, const struct request *r) {
    char args[SHOWN_MAX * 2];
    int used = 0;
    args[0] = '\0';
    for (int i = 1; i < r->argc && used < SHOWN_MAX; i++) {
        used += snprintf(args + used, sizeof args - (size_t)used, "'%.*s' ", shown(r->argv[i], SHOWN_MAX - used),
                         r->argv[i].ptr);
    }
    reply_error_format(reply, "ERR unknown command '%.*s', with args beginning with: %s", shown(r->argv[0], SHOWN_MAX),
                       r->argv[0].ptr, args);
}

static void refuse_subcommand(struct reply *reply, const struct request *r) {
    char upper[SHOWN_MAX + 1];
    int n = shown(r->argv[0], SHOWN_MAX);
    for (int i = 0; i < n; i++) {
        char ch = r->argv[0].ptr[i];
        upper[i] = (char)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
    }
    reply_error_format(reply, "ERR unknown subcommand '%.*s'. Try %.*s HELP.", shown(r->argv[1], SHOWN_MAX),
                       r->argv[1].ptr, n, upper);
}

static bool arity_fits(const struct command *c, int argc) {
    int arity = c->row->arity;
    return arity >= 0 ? argc == arity : argc >= -arity;
}

/* A request that names no command, no subcommand, or comes with too few or too many arguments. True: refused. */
static bool refuse_form(struct reply *reply, const struct request *r) {
    const struct command *c = r->command;
    if (!c) {
        refuse_unknown(reply, r);
    } else if (c->subcommand_count && r->argc > 1) {
        refuse_subcommand(reply, r);
    } else if (!arity_fits(c, r->argc)) {
        reply_error_format(reply, "ERR wrong number of arguments for '%s' command", c->full_name);
    } else {
        return false;
    }
    return true;
}

static const char *refuse_subscribed(struct executor *x, const struct context *c) {
    snprintf(x->refusal_text, sizeof x->refusal_text,
             "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
             "context",
             c->command->full_name);
    return x->refusal_text;
}

/* What a command is judged by. */
static unsigned judged_flags(const struct session *s, const struct command *cmd) {
    if (cmd->flags & CMD_EXEC) return transaction_flags(s, cmd->flags);
    /* What is queued takes memory, whatever the command. */
    if (s->flags & SESSION_MULTI && !(cmd->flags & CMD_UNQUEUED)) return cmd->flags | CMD_DENYOOM;
    return cmd->flags;
}

/* A key longer than an entry can name. Only under a proto-max-bulk-len beyond that, so it may take its time. */
static bool key_too_long(const struct context *c) {
    bool found = false;
    for (int i = 1; i < c->argc && !found; i++) found = c->argv[i].len > ENTRY_KEY_MAX;
    if (!found) return false;
    size_t size = (size_t)c->argc * sizeof(struct key_position);
    struct key_position *keys = mem_alloc(MEM_CLIENT_IN, size);
    int count = command_keys(c->command, c->argv, c->argc, keys, c->argc);
    found = false;
    for (int i = 0; i < count && !found; i++) found = c->argv[keys[i].index].len > ENTRY_KEY_MAX;
    mem_free(MEM_CLIENT_IN, keys, size);
    return found;
}

/* Why a well-formed command may not run now; NULL: it may. In the order in which the peers look. */
static const char *refusal(struct executor *x, const struct context *c, unsigned flags) {
    const struct executor_hooks *hooks = &x->hooks;
    const char *why;
    if (c->session->flags & SESSION_INTERNAL) return NULL;
    if (flags & CMD_PROTECTED && hooks->refuse_protected && (why = hooks->refuse_protected(hooks->arg, c))) return why;
    if (!c->session->authenticated && x->password[0] && !(flags & CMD_NO_AUTH))
        return "NOAUTH Authentication required.";
    if (c->session->flags & SESSION_MULTI && flags & CMD_NO_MULTI)
        return "ERR Command not allowed inside a transaction";
    if (flags & CMD_DENYOOM && !limit_make_room(x)) return ERROR_NO_MEMORY;
    if (flags & (CMD_WRITE | CMD_PROBE) && hooks->refuse_write && (why = hooks->refuse_write(hooks->arg))) return why;
    if (c->session->flags & SESSION_PUBSUB && c->reply->resp == 2 && !(flags & CMD_WHILE_SUBSCRIBED))
        return refuse_subscribed(x, c);
    if (x->loading && !(flags & CMD_LOADING)) return ERROR_LOADING;
    if (x->async_loading && flags & CMD_NO_ASYNC_LOADING) return ERROR_LOADING;
    if (c->session->flags & SESSION_MONITOR && flags & (CMD_READONLY | CMD_WRITE))
        return "ERR Replica can't interact with the keyspace";
    if (flags & CMD_WRITE && unlikely(x->string_max > ENTRY_KEY_MAX) && key_too_long(c))
        return "ERR key is longer than 512 MB";
    return NULL;
}

/* ---- pause ---- */
static void resume_postponed(struct executor *x) {
    struct list_node *node;
    while ((node = list_take_first(&x->postponed))) {
        struct session *s = list_entry(node, struct session, waiting);
        s->flags &= ~(unsigned)SESSION_POSTPONED;
        s->active_ms = x->now_ms; /* it was held, not idle */
        x->blocked_count--;
        s->transport->resume(s);
    }
}

/* What is on now. Who was held by what has ended tries again, and is held again if need be. */
static void settle_pauses(struct executor *x, int64_t now_ms) {
    enum pause_kind before = x->pause;
    x->pause = PAUSE_NONE;
    x->pause_until_ms = INT64_MAX;
    for (int i = 0; i < PAUSE_REASONS; i++) {
        if (now_ms >= x->pauses[i].until_ms) x->pauses[i].kind = PAUSE_NONE;
        if (x->pauses[i].kind == PAUSE_NONE) continue;
        if (x->pauses[i].kind > x->pause) x->pause = x->pauses[i].kind;
        if (x->pauses[i].until_ms < x->pause_until_ms) x->pause_until_ms = x->pauses[i].until_ms;
    }
    if (x->pause < before) resume_postponed(x);
}

void executor_pause(struct executor *x, enum pause_reason reason, enum pause_kind kind, int64_t until_ms) {
    proven(reason < PAUSE_REASONS);
    bool on = x->pauses[reason].kind != PAUSE_NONE;
    if (!on || kind > x->pauses[reason].kind) x->pauses[reason].kind = kind;
    if (!on || until_ms > x->pauses[reason].until_ms) x->pauses[reason].until_ms = until_ms;
    settle_pauses(x, x->now_ms);
}

void executor_unpause(struct executor *x, enum pause_reason reason) {
    proven(reason < PAUSE_REASONS);
    x->pauses[reason].kind = PAUSE_NONE;
    settle_pauses(x, x->now_ms);
}

static bool must_wait(struct executor *x, const struct session *s, unsigned flags) {
    if (x->pause == PAUSE_NONE || s->flags & SESSION_INTERNAL) return false;
    if (x->now_ms >= x->pause_until_ms) settle_pauses(x, x->now_ms);
    if (x->pause == PAUSE_NONE) return false;
    return x->pause == PAUSE_ALL || flags & (CMD_WRITE | CMD_MAY_REPLICATE);
}

static void postpone(struct executor *x, struct session *s) {
    s->flags |= SESSION_POSTPONED;
    list_append(&x->postponed, &s->waiting);
    x->blocked_count++;
}

/* ---- running ---- */
static void note_latency(struct command *cmd, uint64_t duration_ns) {
    if (unlikely(!cmd->latency)) cmd->latency = mem_alloc_zeroed(MEM_OBSERVE, sizeof *cmd->latency);
    histogram_add(cmd->latency, duration_ns);
}

/* Everything that is counted about a command that has run. The end of one command is the start of the next in its batch, so the
 * clock is read once a command. unfiled: before it ran, because what EXEC runs is in EXEC's time too. */
static void account(struct executor *x, struct command *cmd, const struct context *c, uint64_t begun,
                    uint64_t unfiled) {
    uint64_t end = clock_ticks(), ticks = end - begun;
    x->ticks_now = end;
    x->ticks_unfiled = unfiled + ticks;
    cmd->calls++;
    cmd->ticks += ticks;
    x->stats.commands++;
    c->session->commands++;
    if (x->latency_tracking || x->hooks.ran) {
        uint64_t duration_ns = clock_ticks_to_ns(ticks);
        if (x->latency_tracking) note_latency(cmd, duration_ns);
        if (x->hooks.ran) x->hooks.ran(x->hooks.arg, c, duration_ns);
    }
}

static void file_errors(struct executor *x, struct session *s, uint64_t errors, uint64_t filed, uint64_t *counter) {
    uint64_t own = s->reply.errors - errors - (x->errors_filed - filed);
    if (own == 0) return;
    if (counter) ++*counter;
    count_errors(x, &s->reply, own);
}

/* CLIENT REPLY SKIP lasts for one request, until its wait is over. */
static void settle_reply(struct session *s) {
    session_end_reply(s);
    if (s->flags & SESSION_BLOCKED) return;
    s->flags &= ~(unsigned)SESSION_REPLY_SKIP;
    if (s->flags & SESSION_REPLY_SKIP_NEXT) s->flags ^= SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP;
}

#define SESSION_UNHEARD (SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT | SESSION_CLOSE_AFTER_REPLY)
static enum run_result finish(struct session *s) {
    if (unlikely(s->flags & SESSION_UNHEARD)) settle_reply(s);
    return RUN_DONE;
}

static inline struct context context_of(struct executor *x, struct session *s, const struct request *r) {
    return (struct context){
        .executor = x,
        .session = s,
        .dataset = x->dataset,
        .db = dataset_db(x->dataset, s->db),
        .command = r->command,
        .argv = r->argv,
        .argc = r->argc,
        .blocks = r->blocks,
        .reply = &s->reply,
        .now_ms = x->now_ms,
        .reply_start = s->reply.out->len,
        .key_index = likely(r->dataset_epoch == x->dataset_epoch) ? r->key_index : 0,
        .key_hash = r->key_hash,
    };
}

/* Of what is refused only EXEC is shown by MONITOR, because what it would have run is gone with it. */
static void show_refused(struct executor *x, struct session *s, const struct request *r) {
    const struct context c = context_of(x, s, r);
    monitor_feed(x, &c);
}

static enum run_result refuse(struct session *s, const struct request *r, const char *why) {
    struct executor *x = s->executor;
    uint64_t errors = s->reply.errors, filed = x->errors_filed;
    if (r->command && r->command->flags & CMD_EXEC) {
        transaction_abort(s, why ? why : "wrong number of arguments for 'exec' command");
        if (!list_empty(&x->monitors)) show_refused(x, s, r);
    } else if (why) {
        reply_error(&s->reply, why);
    } else {
        bool refused = refuse_form(&s->reply, r);
        proven(refused);
    }
    if (s->flags & SESSION_MULTI) s->flags |= SESSION_BROKEN;
    file_errors(x, s, errors, filed, r->command ? &r->command->rejected : NULL);
    return finish(s);
}

static inline void call(struct executor *x, struct session *s, struct command *cmd, struct context *c) {
    uint64_t errors = s->reply.errors, filed = x->errors_filed, unfiled = x->ticks_unfiled;
    uint64_t begun = x->ticks_now ? x->ticks_now : clock_ticks();
    struct session *outer = x->current;
    struct journal *j = x->journal; /* the command may be the one that turns it on or off */
    bool outer_replaced = unlikely(j != NULL) && journal_open(j, x->now_ms);
    x->current = s;
    cmd->row->run(c);
    if (unlikely(s->tracker != NULL)) tracking_command_ran(c);
    x->current = outer;
    if (unlikely(j != NULL)) journal_close(j, c, outer_replaced);
    account(x, cmd, c, begun, unfiled);
    if (unlikely(!list_empty(&x->monitors))) monitor_feed(x, c);
    if (unlikely(s->reply.errors != errors)) file_errors(x, s, errors, filed, &cmd->failed);
}

void executor_call(struct executor *x, struct session *s, const struct request *r) {
    proven(x->current == s);
    if (unlikely(s->flags & SESSION_UNHEARD)) session_begin_reply(s);
    struct context c = context_of(x, s, r);
    call(x, s, r->command, &c);
}

/* What stands between a well-formed request and its run, for those commands and in those moments where anything may. */
enum gate { GATE_OPEN, GATE_REFUSED, GATE_POSTPONED, GATE_QUEUED };
static enum gate pass_gate(struct executor *x, struct session *s, const struct request *r, const struct context *c) {
    unsigned flags = judged_flags(s, r->command);
    const char *why = refusal(x, c, flags);
    if (unlikely(why != NULL)) {
        refuse(s, r, why);
        return GATE_REFUSED;
    }
    if (unlikely(x->pause != PAUSE_NONE) && must_wait(x, s, flags)) {
        session_end_reply(s);
        postpone(x, s);
        return GATE_POSTPONED;
    }
    if (likely(!(s->flags & SESSION_MULTI)) || flags & CMD_UNQUEUED) return GATE_OPEN;
    uint64_t errors = s->reply.errors;
    transaction_queue(s, r);
    file_errors(x, s, errors, x->errors_filed, &r->command->rejected);
    finish(s);
    return GATE_QUEUED;
}

enum run_result executor_run(struct executor *x, struct session *s, const struct request *r) {
    struct command *cmd = r->command;
    if (unlikely(s->flags & SESSION_UNHEARD)) session_begin_reply(s);
    if (unlikely(!cmd || (cmd->subcommand_count && r->argc > 1) || !arity_fits(cmd, r->argc)))
        return refuse(s, r, NULL);
    struct context c = context_of(x, s, r);
    const unsigned gated = CMD_PROTECTED | CMD_DENYOOM | CMD_WRITE | CMD_PROBE;
    const unsigned special = SESSION_MULTI | SESSION_PUBSUB | SESSION_MONITOR;
    s->last_command = cmd;
    s->active_ms = x->now_ms;
    if (cmd->flags & gated ||
        unlikely(x->loading || x->async_loading || !s->authenticated || s->flags & special || x->pause != PAUSE_NONE)) {
        enum gate gate = pass_gate(x, s, r, &c);
        if (unlikely(gate != GATE_OPEN)) return gate == GATE_POSTPONED ? RUN_POSTPONED : RUN_DONE;
    }
    call(x, s, cmd, &c);
    if (unlikely(s->tracker != NULL)) tracking_tell_own(x, s);
    if (unlikely(!list_empty(&x->blocking->ready))) blocking_serve(x);
    return finish(s);
}

bool executor_try(struct executor *x, struct session *s, const struct saved_request *saved,
                  bool (*attempt)(struct context *c, struct slice key), struct slice key) {
    const struct request r = {.argv = saved->argv, .argc = saved->argc, .command = saved->command};
    uint64_t errors = s->reply.errors, filed = x->errors_filed;
    proven(x->current == NULL);
    session_begin_reply(s);
    struct context c = context_of(x, s, &r);
    struct journal *j = x->journal;
    bool outer_replaced = j && journal_open(j, x->now_ms);
    x->current = s;
    bool done = attempt(&c, key);
    if (s->tracker && done) tracking_command_ran(&c);
    x->current = NULL;
    if (j) journal_close(j, &c, outer_replaced);
    file_errors(x, s, errors, filed, &saved->command->failed);
    session_end_reply(s);
    if (s->tracker) tracking_tell_own(x, s);
    return done;
}

/* ---- deadlines ---- */
int64_t executor_next_deadline_ms(const struct executor *x) {
    if (x->pause != PAUSE_NONE && x->pause_until_ms < x->wait_floor_ms) return x->pause_until_ms;
    return x->wait_floor_ms;
}

/* Moves those whose time has come to `due` and finds the next time. */
static void take_due(struct executor *x, int64_t now_ms, struct list_node *due) {
    x->wait_floor_ms = INT64_MAX;
    list_each_safe(node, &x->blocked) {
        int64_t deadline_ms = list_entry(node, struct session, waiting)->wait_deadline_ms;
        if (deadline_ms == 0) continue;
        if (deadline_ms <= now_ms) {
            list_remove(node);
            list_append(due, node);
        } else if (deadline_ms < x->wait_floor_ms) {
            x->wait_floor_ms = deadline_ms;
        }
    }
}

void executor_tick(struct executor *x, int64_t now_ms) {
    struct list_node due;
    if (x->pause != PAUSE_NONE && now_ms >= x->pause_until_ms) settle_pauses(x, now_ms);
    if (!list_empty(&x->blocking->ready)) blocking_serve(x); /* a key has ended, or another dataset is there */
    if (now_ms < x->wait_floor_ms) return;
    list_init(&due);
    take_due(x, now_ms, &due);
    while (!list_empty(&due)) { /* one that times out may end another's wait: nothing is held on to between two */
        struct session *s = list_entry(due.next, struct session, waiting);
        session_begin_reply(s);
        s->wait->timed_out(s);
        session_end_reply(s);
        session_unblock(s);
    }
}

void executor_end_turn(struct executor *x) { tracking_tell_turn(x); }

struct session *executor_session(const struct executor *x, uint64_t id) {
    list_each(node, &x->sessions) {
        struct session *s = list_entry(node, struct session, place);
        if (s->id == id) return s->flags & SESSION_CLOSING ? NULL : s;
    }
    return NULL;
}

/* ---- statistics ---- */
void executor_flush_times(struct executor *x) {
    x->stats.command_time_ns += clock_ticks_to_ns(x->ticks_unfiled);
    x->ticks_unfiled = 0;
}

static double sample_rate(struct executor_rate *rate, unsigned slot, uint64_t total, int64_t elapsed_us) {
    double sum = 0;
    uint64_t more = total >= rate->last_total ? total - rate->last_total : 0;
    rate->last_total = total;
    rate->samples[slot] = (double)more * 1e6 / (double)elapsed_us;
    for (unsigned i = 0; i < EXECUTOR_RATE_SAMPLES; i++) sum += rate->samples[i];
    return sum / EXECUTOR_RATE_SAMPLES;
}

static void file_peaks(struct executor *x) {
    struct executor_sampler *m = x->sampler;
    m->peaks_in[m->next_second] = x->stats.client_peak_in;
    m->peaks_out[m->next_second] = x->stats.client_peak_out;
    m->next_second = (m->next_second + 1) % EXECUTOR_PEAK_SECONDS;
    x->stats.client_peak_in = x->stats.client_peak_out = 0;
}

void executor_sample(struct executor *x, int64_t now_us) {
    struct executor_sampler *m = x->sampler;
    int64_t elapsed_us = now_us - m->last_us;
    executor_flush_times(x);
    if (m->last_us == 0) {
        m->last_us = m->last_second_us = now_us;
        return;
    }
    if (elapsed_us <= 0) return;
    x->stats.ops_per_s = sample_rate(&m->ops, m->next, x->stats.commands, elapsed_us);
    x->stats.in_kib_per_s = sample_rate(&m->in, m->next, x->stats.net_in, elapsed_us) / 1024;
    x->stats.out_kib_per_s = sample_rate(&m->out, m->next, x->stats.net_out, elapsed_us) / 1024;
    m->next = (m->next + 1) % EXECUTOR_RATE_SAMPLES;
    m->last_us = now_us;
    if (now_us - m->last_second_us < 1000000) return;
    m->last_second_us = now_us;
    file_peaks(x);
}

static void reset_command(struct command *c) {
    c->calls = c->ticks = c->rejected = c->failed = 0;
    mem_free(MEM_OBSERVE, c->latency, sizeof *c->latency);
    c->latency = NULL;
}

void executor_reset_stats(struct executor *x) {
    struct dataset_stats *ds = dataset_stats(x->dataset);
    for (unsigned i = 0; i < command_count(x->commands); i++) {
        struct command *c = command_at(x->commands, i);
        reset_command(c);
        for (unsigned k = 0; k < c->subcommand_count; k++) reset_command(&c->subcommands[k]);
    }
    memset(&x->stats, 0, sizeof x->stats);
    memset(x->sampler, 0, sizeof *x->sampler);
    x->error_code_count = 0;
    x->ticks_unfiled = 0;
    limit_reset_stats(x);
    ds->expired_keys = ds->expired_elements = ds->evicted_keys = ds->keyspace_hits = ds->keyspace_misses =
        ds->lazyfreed = ds->expire_cycle_us = 0;
}
