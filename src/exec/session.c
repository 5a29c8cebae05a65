#include "exec/session.h"

#include "base/check.h"
#include "base/clock.h"
#include "exec/executor.h"
#include "exec/pubsub.h"
#include "exec/tracking.h"
#include "exec/transaction.h"
#include "mem/mem.h"

void session_init(struct session *s, struct executor *x, const struct session_transport *transport) {
    proven(transport && transport->describe && transport->resume && transport->attend);
    memset(s, 0, sizeof *s);
    s->executor = x;
    s->transport = transport;
    s->id = ++x->next_session_id;
    s->authenticated = x->password[0] == '\0';
    s->created_ms = s->active_ms = x->now_ms;
    buf_init(&s->out, MEM_CLIENT_OUT);
    s->reply.out = &s->out;
    s->reply.resp = 2;
    list_init(&s->waiting);
    list_init(&s->held);
    list_init(&s->monitoring);
    list_append(&x->sessions, &s->place);
    x->session_count++;
}

static void clear_text(char **place) {
    if (*place) mem_free(MEM_CLIENT, *place, strlen(*place) + 1);
    *place = NULL;
}

static void clear_texts(struct session *s) {
    clear_text(&s->name);
    clear_text(&s->lib_name);
    clear_text(&s->lib_version);
}

/* Out of whatever queue it stands in, without a word to the carrier. */
static void leave_queue(struct session *s) {
    if (s->flags & (SESSION_BLOCKED | SESSION_POSTPONED)) s->executor->blocked_count--;
    list_remove(&s->waiting);
    s->flags &= ~(unsigned)(SESSION_BLOCKED | SESSION_POSTPONED);
    s->wait = NULL;
    s->wait_deadline_ms = 0;
}

void session_release(struct session *s) {
    struct executor *x = s->executor;
    proven(x->current != s);
    const struct session_wait *wait = s->wait;
    if (wait && wait->cancelled) wait->cancelled(s);
    leave_queue(s);
    transaction_discard(s);
    pubsub_forget(s);
    tracking_forget(s);
    list_remove(&s->held);
    list_remove(&s->monitoring);
    list_remove(&s->place);
    x->session_count--;
    clear_texts(s);
    buf_release(&s->out);
}

void session_reset(struct session *s) {
    const unsigned kept =
        SESSION_CLOSING | SESSION_BLOCKED | SESSION_POSTPONED | SESSION_INTERNAL | SESSION_UNIX | SESSION_REDIRECTED_TO;
    transaction_discard(s);
    pubsub_forget(s);
    tracking_stop(s);
    list_remove(&s->monitoring);
    s->flags &= kept;
    s->reply.out = &s->out;
    s->db = 0;
    s->reply.resp = 2;
    s->authenticated = s->executor->password[0] == '\0';
    clear_text(&s->name);
}

bool session_text_is_fit(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '!' || text.ptr[i] > '~') return false;
    }
    return true;
}

bool session_set_text(char **place, struct slice text) {
    if (!session_text_is_fit(text)) return false;
    clear_text(place);
    if (text.len == 0) return true;
    *place = mem_alloc(MEM_CLIENT, text.len + 1);
    memcpy(*place, text.ptr, text.len);
    (*place)[text.len] = '\0';
    return true;
}

void session_block(struct session *s, const struct session_wait *wait, void *arg, int64_t timeout_ms) {
    struct executor *x = s->executor;
    proven(wait && wait->timed_out && x->current == s && !(s->flags & (SESSION_BLOCKED | SESSION_POSTPONED)) &&
           timeout_ms >= 0);
    s->flags |= SESSION_BLOCKED;
    s->wait = wait;
    s->wait_arg = arg;
    s->wait_deadline_ms = 0;
    if (timeout_ms > 0) s->wait_deadline_ms = timeout_ms < INT64_MAX - x->now_ms ? x->now_ms + timeout_ms : INT64_MAX;
    if (s->wait_deadline_ms && s->wait_deadline_ms < x->wait_floor_ms) x->wait_floor_ms = s->wait_deadline_ms;
    list_append(&x->blocked, &s->waiting);
    x->blocked_count++;
}

void session_unblock(struct session *s) {
    if (!(s->flags & SESSION_BLOCKED)) return;
    leave_queue(s);
    s->active_ms = s->executor->now_ms; /* it was not idle, whatever the cron finds before the reply is sent */
    s->flags &= ~(unsigned)SESSION_REPLY_SKIP;
    s->transport->resume(s);
}

void session_close(struct session *s, bool after_reply) {
    s->flags |= after_reply ? SESSION_CLOSE_AFTER_REPLY : SESSION_CLOSE;
    if (s != s->executor->current) s->transport->attend(s);
}

/* ---- replies that were not asked for just now ---- */
/* The first of what may be many messages within one turn. */
#define PUSH_FIRST_SIZE 1024

void session_push(struct session *s, struct slice bytes) {
    if (s->flags & SESSION_CLOSING) return;
    size_t room = s->out.cap == 0 && bytes.len < PUSH_FIRST_SIZE ? PUSH_FIRST_SIZE : bytes.len;
    if (unlikely(!buf_try_reserve(&s->out, room))) {
        session_close(s, false);
        return;
    }
    buf_append_slice(&s->out, bytes);
    s->transport->attend(s);
}

void session_begin_reply(struct session *s) {
    const unsigned unheard = SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_CLOSE_AFTER_REPLY;
    struct buf *drain = &s->executor->drain;
    s->reply.out = s->flags & unheard ? drain : &s->out;
    if (s->reply.out == drain) buf_clear(drain);
}

/* Kept for the next one, unless what nobody wanted was large. */
#define DRAIN_KEPT_MAX (64u * 1024)
void session_end_reply(struct session *s) {
    struct buf *drain = &s->executor->drain;
    s->reply.out = &s->out;
    if (drain->cap > DRAIN_KEPT_MAX) buf_release(drain);
}

/* ---- CLIENT LIST ---- */
static void append_flags(const struct session *s, struct buf *out) {
    static const struct {
        unsigned flag;
        char letter;
    } letters[] = {
        {SESSION_MONITOR, 'O'},  {SESSION_PUBSUB, 'P'},
        {SESSION_MULTI, 'x'},    {SESSION_BLOCKED | SESSION_POSTPONED, 'b'},
        {SESSION_DIRTY, 'd'},    {SESSION_CLOSE_AFTER_REPLY, 'c'},
        {SESSION_CLOSE, 'A'},    {SESSION_UNIX, 'U'},
        {SESSION_NO_EVICT, 'e'}, {SESSION_NO_TOUCH, 'T'},
    };
    size_t before = out->len;
    for (size_t i = 0; i < countof(letters); i++) {
        if (s->flags & letters[i].flag) buf_append(out, &letters[i].letter, 1);
    }
    int tracking = tracking_flags_of(s);
    if (tracking >= 0) buf_append(out, "t", 1);
    if (tracking >= 0 && tracking & TRACKING_BROKEN) buf_append(out, "R", 1);
    if (tracking >= 0 && tracking & TRACKING_BCAST) buf_append(out, "B", 1);
    if (out->len == before) buf_append(out, "N", 1);
}

static const char *text_or_empty(const char *text) { return text ? text : ""; }

static void append_identity(const struct session *s, const struct session_link *link, struct buf *out) {
    int64_t now_ms = s->executor->now_ms;
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=", (unsigned long long)s->id,
               text_or_empty(link->peer), text_or_empty(link->local), link->fd, text_or_empty(s->name),
               (long long)(now_ms - s->created_ms) / 1000, (long long)(now_ms - s->active_ms) / 1000);
    append_flags(s, out);
}

static void append_memory(const struct session *s, const struct session_link *link, struct buf *out) {
    size_t queued_bytes = transaction_bytes(s);
    buf_printf(out, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu", link->input_bytes, link->input_free,
               s->argv_bytes, queued_bytes);
    buf_printf(out, " rbs=%zu rbp=%zu obl=%zu oll=%zu omem=%zu tot-mem=%zu", link->reply_space, link->reply_peak,
               link->output_bytes, link->output_list_len, link->output_memory, link->total_memory + queued_bytes);
}

void session_describe(struct session *s, struct buf *out) {
    struct session_link link = {.fd = -1};
    s->transport->describe(s, &link);
    append_identity(s, &link, out);
    buf_printf(out, " db=%u sub=%zu psub=%zu ssub=%zu multi=%d watch=%zu", s->db, pubsub_subscribed(s, PUBSUB_CHANNEL),
               pubsub_subscribed(s, PUBSUB_PATTERN), pubsub_subscribed(s, PUBSUB_SHARD), transaction_queued(s),
               transaction_watched(s));
    append_memory(s, &link, out);
    buf_printf(out, " events=%s cmd=%s user=default redir=%lld resp=%d", text_or_empty(link.events),
               s->last_command ? s->last_command->full_name : "NULL", (long long)tracking_redirect_of(s),
               s->reply.resp);
    buf_printf(out, " lib-name=%s lib-ver=%s tot-net-in=%llu tot-net-out=%llu tot-cmds=%llu",
               text_or_empty(s->lib_name), text_or_empty(s->lib_version), (unsigned long long)s->net_in,
               (unsigned long long)s->net_out, (unsigned long long)s->commands);
}
