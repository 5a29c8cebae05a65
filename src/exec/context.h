/* The context: all that a running command may see. */
#ifndef TARN_EXEC_CONTEXT_H
#define TARN_EXEC_CONTEXT_H

#include "exec/command.h"
#include "exec/executor.h"
#include "exec/session.h"
#include "keyspace/db.h"
#include "wire/reply.h"

struct context {
    struct executor *executor;
    struct session *session;
    struct dataset *dataset;
    struct db *db; /* session's selected one */
    const struct command *command;
    const struct slice *argv; /* argv[0] is the command's name; a subcommand's is argv[1] */
    int argc;
    struct resp_blocks *blocks; /* of long arguments; context_take_body. NULL: none */
    struct reply *reply;
    int64_t now_ms;
    size_t reply_start; /* where this command's reply begins in reply->out */
    int key_index;      /* the argument hashed beforehand, 0: none */
    uint64_t key_hash;
    uint64_t changes; /* changes of data so far; > 0 makes a write be propagated and counted */
};

/* Errors that many commands share (without '-'). */
#define ERROR_SYNTAX          "ERR syntax error"
#define ERROR_WRONGTYPE       "WRONGTYPE Operation against a key holding the wrong kind of value"
#define ERROR_NOT_INTEGER     "ERR value is not an integer or out of range"
#define ERROR_NOT_FLOAT       "ERR value is not a valid float"
#define ERROR_NO_KEY          "ERR no such key"
#define ERROR_SAME_OBJECT     "ERR source and destination objects are the same"
#define ERROR_OUT_OF_RANGE    "ERR index out of range"
#define ERROR_STRING_TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
#define ERROR_LOADING         "LOADING Tarn is loading the dataset in memory"
#define ERROR_NO_MEMORY       "OOM command not allowed when used memory > 'maxmemory'."

/* False inside EXEC: a command that would wait answers at once, as if its time were over. */
static inline bool context_may_block(const struct context *c) {
    return !(c->session->flags & (SESSION_EXEC | SESSION_INTERNAL));
}

static inline struct slice context_arg(const struct context *c, int i) { return c->argv[i]; }

/* Argument i as a key, with its hash (the one computed for the batch where it is the same argument). */
static inline struct key context_key(const struct context *c, int i) {
    struct slice text = c->argv[i];
    return (struct key){text, i == c->key_index && i ? c->key_hash : dataset_hash(c->dataset, text)};
}

/* Argument i as a value's body that is the caller's, if it came in a block of its own; NULL: it is to be copied. Nothing is copied here.
 * argv[i] shows the body's bytes from now on, and who writes down what has run (journal, MONITOR, slowlog) reads them after the command:
 * so the value must stay as it is until then. */
struct string_body *context_take_body(struct context *c, int i);

/* View flags of this session (CLIENT NO-TOUCH). */
unsigned context_view_flags(const struct context *c);
/* db_view with this session's flags. */
const struct entry *context_view(const struct context *c, struct key key);
/* The same for one type: *entry is NULL when absent; false after a WRONGTYPE reply. */
bool context_view_type(struct context *c, struct key key, enum value_type type, const struct entry **entry);

/* An edit of the value at key (db_edit_begin) in this command's database; the empty value when the key is absent. False, and
 * no edit, after a WRONGTYPE reply. */
bool context_edit(struct context *c, struct key key, enum value_type type, struct db_edit *e);
/* Ends it. event NULL: nothing was changed. Else counts `changes` and tells listeners the event, and then "del" when the
 * value has been emptied and the key is gone. */
void context_edit_end(struct context *c, struct key key, struct db_edit *e, enum notify_class class, const char *event,
                      uint64_t changes);

/* Argument parsers: false after the error reply. */
bool context_integer(struct context *c, int i, int64_t *out);
bool context_integer_between(struct context *c, int i, int64_t min, int64_t max, const char *error, int64_t *out);
bool context_double(struct context *c, int i, double *out);
/* Milliseconds absolute from a relative or absolute, second or millisecond argument; replies "invalid expire time in 'set'
 * command" on overflow or (positive_only) when not above 0. */
enum expire_unit { EXPIRE_SECONDS, EXPIRE_MS, EXPIRE_AT_SECONDS, EXPIRE_AT_MS };
bool context_expire_at(struct context *c, int i, enum expire_unit unit, bool positive_only, int64_t *at_ms);

/* Milliseconds to wait, 0 for ever, that fit behind the present time: what WAIT and WAITAOF take. */
bool context_wait_ms(struct context *c, int i, int64_t *timeout_ms);

void context_syntax_error(struct context *c);
/* The longest string value allowed (proto-max-bulk-len), bytes. */
int64_t context_string_max(const struct context *c);

/* A change of data by this command: counts it (context.changes, dataset changes) and tells event listeners. */
void context_changed(struct context *c, enum notify_class class, const char *event, struct slice key);
/* Tells event listeners of something in the database of that index; counts no change. */
void context_notify(struct context *c, enum notify_class class, const char *event, struct slice key, unsigned db);
/* Counts n changes without an event (FLUSHALL, MSET). */
void context_count_changes(struct context *c, uint64_t n);

/* A container's HELP reply: its first line, row->help, "HELP", "    Prints this help." */
void context_reply_help(struct context *c);
/* "ERR unknown subcommand or wrong number of arguments for 'x'. Try CONFIG HELP." */
void context_unknown_subcommand(struct context *c);

#endif
