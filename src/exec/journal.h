/* The journal: what writes leave behind, as one stream of RESP commands that would make the same changes again on the same
 * data. The append-only file reads it; a backlog and replicas will read the same bytes.
 *
 *   command ----> unit ----> out ----> who writes it down
 *   expired key -^
 *
 * A unit is what must not be torn apart: one command, or all that one EXEC ran, or one served waiter. A unit of several
 * commands stands between MULTI and EXEC. SELECT goes in where the database changes.
 *
 * A command that changed data (context.changes) is taken as the client wrote it. Where that would not make the same change
 * again (a relative expiry, a random choice, the clock), the command says what to take instead, with journal_put:
 *
 *   journal_put(c, SLICE("SREM"), key, member);      any number of times; nothing else is taken of this command then
 *   journal_silence(c);                              nothing at all
 *
 * All of it costs one test of a pointer while nobody keeps a journal. Executor thread only. */
#ifndef TARN_EXEC_JOURNAL_H
#define TARN_EXEC_JOURNAL_H

#include "mem/buf.h"

#include <stdint.h>

struct context;
struct executor;

struct journal {
    struct buf out; /* not yet taken by who writes it down; whole units, except while a command runs; owner MEM_AOF */
    uint64_t start; /* position in the stream of out's first byte */
    uint64_t
        safe; /* a reply may leave when what its command left behind ends here or before: see session.journal_end */
    int db;   /* selected in the stream; -1: none */
    bool elsewhere; /* another than 0 has been selected, or may have been */
    bool timestamps;
    int64_t last_stamp_s;
    /* the unit that is being made */
    size_t unit_at; /* where it begins in out */
    unsigned depth, unit_commands;
    bool replaced; /* the command that runs has said itself what to take */
};

void journal_init(struct journal *j);
void journal_release(struct journal *j);

static inline uint64_t journal_end(const struct journal *j) { return j->start + j->out.len; }
/* Of out, what belongs to whole units. */
static inline size_t journal_whole(const struct journal *j) { return j->depth ? j->unit_at : j->out.len; }
/* The first n bytes of out have been written down; of whole units only. */
void journal_take(struct journal *j, size_t n);
/* What comes next goes to another file, which knows of no SELECT. empty: it is read from database 0 on, as far as this journal knows. */
void journal_forget_database(struct journal *j, bool empty);
/* What comes next is to be right when what came before is lost: it says its database, unless all has been in 0. */
void journal_stand_alone(struct journal *j);

/* ---- for commands ---- */
bool journal_wanted(const struct context *c);
/* A key with this time has ended. Never while a file is replayed: who wrote it has said so where it had. */
bool journal_is_past(const struct context *c, int64_t at_ms);
/* In the session's database; argv[0] is the name. */
void journal_effect(struct context *c, const struct slice *argv, int argc);
void journal_effect_in(struct context *c, unsigned db, const struct slice *argv, int argc);
void journal_silence(struct context *c);
#define journal_put(c, ...)                                  \
    journal_effect((c), (const struct slice[]){__VA_ARGS__}, \
                   (int)(sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)))
/* DEL key; PEXPIREAT key at. */
void journal_put_delete(struct context *c, struct slice key);
void journal_put_expire(struct context *c, struct slice key, int64_t at_ms);
/* SET key value, with PXAT at (NO_EXPIRE: without), or with KEEPTTL. */
void journal_put_set(struct context *c, struct slice key, struct slice value, int64_t at_ms, bool keep_expire);

/* ---- for the executor ---- */
/* Around each command, and around each attempt of one who waits; nested inside EXEC. Returns what close wants back. */
bool journal_open(struct journal *j, int64_t now_ms);
void journal_close(struct journal *j, const struct context *c, bool outer);
/* A key has ended or has been evicted: DEL. */
void journal_removed(struct journal *j, unsigned db, struct slice key, int64_t now_ms);
/* A field of a hash has ended: HDEL. */
void journal_field_removed(struct journal *j, unsigned db, struct slice key, struct slice field, int64_t now_ms);

#endif
