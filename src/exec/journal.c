#include "exec/journal.h"

#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "wire/resp.h"

#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC  "*1\r\n$4\r\nEXEC\r\n"

/* What is kept of a buffer that a burst has grown. */
#define KEPT_MAX ((size_t)1 << 20)

void journal_init(struct journal *j) {
    *j = (struct journal){.db = -1, .safe = UINT64_MAX};
    buf_init(&j->out, MEM_AOF);
}

void journal_release(struct journal *j) {
    proven(j->depth == 0);
    buf_release(&j->out);
}

void journal_take(struct journal *j, size_t n) {
    proven(n <= (j->depth ? j->unit_at : j->out.len));
    j->start += n;
    j->unit_at = n < j->unit_at ? j->unit_at - n : 0;
    if (n < j->out.len) {
        buf_consume(&j->out, n);
    } else if (j->out.cap > KEPT_MAX) {
        buf_release(&j->out);
    } else {
        buf_clear(&j->out);
    }
}

void journal_forget_database(struct journal *j, bool empty) {
    j->db = -1;
    if (!empty) j->elsewhere = true;
}

void journal_stand_alone(struct journal *j) {
    if (j->elsewhere) j->db = -1;
}

/* ---- writing ---- */
static void put_command(struct buf *b, const struct slice *argv, int argc) {
    resp_put_head(b, '*', (uint64_t)argc);
    for (int i = 0; i < argc; i++) resp_put_bulk(b, argv[i]);
}

static void select_db(struct journal *j, unsigned db) {
    char text[NUM_TEXT_MAX];
    if (likely(j->db == (int)db)) return;
    j->db = (int)db;
    j->elsewhere |= db != 0;
    const struct slice argv[] = {SLICE("SELECT"), slice_of(text, num_format_u64(text, db))};
    put_command(&j->out, argv, 2);
}

static void put(struct journal *j, unsigned db, const struct slice *argv, int argc) {
    proven(argc > 0 && j->depth > 0);
    select_db(j, db);
    put_command(&j->out, argv, argc);
    j->unit_commands++;
}

/* ---- units ---- */
static void stamp(struct journal *j, int64_t now_ms) {
    int64_t now_s = now_ms / 1000;
    if (now_s == j->last_stamp_s) return;
    j->last_stamp_s = now_s;
    buf_printf(&j->out, "#TS:%lld\r\n", (long long)now_s);
}

static void begin(struct journal *j) {
    if (j->depth++ > 0) return;
    j->unit_at = j->out.len;
    j->unit_commands = 0;
}

/* Most units are one command, so the frame is put around the others when they are complete. */
static void wrap(struct journal *j) {
    const size_t n = sizeof(MULTI) - 1;
    buf_reserve(&j->out, n);
    memmove(j->out.ptr + j->unit_at + n, j->out.ptr + j->unit_at, j->out.len - j->unit_at);
    memcpy(j->out.ptr + j->unit_at, MULTI, n);
    buf_advance(&j->out, n);
    buf_append(&j->out, EXEC, sizeof(EXEC) - 1);
}

static void end(struct journal *j, int64_t now_ms) {
    proven(j->depth > 0);
    if (--j->depth > 0) return;
    if (j->unit_commands > 1) wrap(j);
    if (j->unit_commands > 0 && unlikely(j->timestamps)) stamp(j, now_ms); /* holds for what follows */
}

bool journal_open(struct journal *j, int64_t now_ms) {
    bool outer = j->replaced;
    if (unlikely(j->timestamps) && j->depth == 0 && j->last_stamp_s == 0) stamp(j, now_ms);
    begin(j);
    j->replaced = false;
    return outer;
}

/* A name given by rename-command means nothing to who reads the file. */
static void put_verbatim(struct journal *j, const struct context *c) {
    const struct command *top = c->command->parent ? c->command->parent : c->command;
    if (likely(!top->name_override)) {
        put(j, c->session->db, c->argv, c->argc);
        return;
    }
    select_db(j, c->session->db);
    resp_put_head(&j->out, '*', (uint64_t)c->argc);
    resp_put_bulk(&j->out, slice_of_cstr(top->row->name));
    for (int i = 1; i < c->argc; i++) resp_put_bulk(&j->out, c->argv[i]);
    j->unit_commands++;
}

void journal_close(struct journal *j, const struct context *c, bool outer) {
    if (c->changes > 0 && !j->replaced && c->command->flags & (CMD_WRITE | CMD_MAY_REPLICATE)) put_verbatim(j, c);
    j->replaced = outer;
    end(j, c->now_ms);
    if (j->depth == 0 && j->out.len > j->unit_at) c->session->journal_end = journal_end(j);
}

static void put_alone(struct journal *j, unsigned db, const struct slice *argv, int argc, int64_t now_ms) {
    begin(j);
    put(j, db, argv, argc);
    end(j, now_ms);
}

void journal_removed(struct journal *j, unsigned db, struct slice key, int64_t now_ms) {
    put_alone(j, db, (const struct slice[]){SLICE("DEL"), key}, 2, now_ms);
}

void journal_field_removed(struct journal *j, unsigned db, struct slice key, struct slice field, int64_t now_ms) {
    put_alone(j, db, (const struct slice[]){SLICE("HDEL"), key, field}, 3, now_ms);
}

/* ---- for commands ---- */
bool journal_wanted(const struct context *c) { return c->executor->journal != NULL; }

void journal_effect_in(struct context *c, unsigned db, const struct slice *argv, int argc) {
    struct journal *j = c->executor->journal;
    if (likely(!j)) return;
    put(j, db, argv, argc);
    j->replaced = true;
}

void journal_effect(struct context *c, const struct slice *argv, int argc) {
    journal_effect_in(c, c->session->db, argv, argc);
}

void journal_silence(struct context *c) {
    if (c->executor->journal) c->executor->journal->replaced = true;
}

bool journal_is_past(const struct context *c, int64_t at_ms) {
    return at_ms <= c->now_ms && likely(!c->executor->loading);
}

void journal_put_delete(struct context *c, struct slice key) { journal_put(c, SLICE("DEL"), key); }

void journal_put_set(struct context *c, struct slice key, struct slice value, int64_t at_ms, bool keep_expire) {
    char text[NUM_TEXT_MAX];
    if (likely(!journal_wanted(c))) return;
    if (keep_expire) {
        journal_put(c, SLICE("SET"), key, value, SLICE("KEEPTTL"));
    } else if (at_ms == NO_EXPIRE) {
        journal_put(c, SLICE("SET"), key, value);
    } else {
        journal_put(c, SLICE("SET"), key, value, SLICE("PXAT"), slice_of(text, num_format_i64(text, at_ms)));
    }
}

void journal_put_expire(struct context *c, struct slice key, int64_t at_ms) {
    char text[NUM_TEXT_MAX];
    journal_put(c, SLICE("PEXPIREAT"), key, slice_of(text, num_format_i64(text, at_ms)));
}
