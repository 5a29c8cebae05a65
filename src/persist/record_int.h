/* Private to persist/: the record of a key in an RDB file,
 *
 *   type:8  key:string  value
 *
 * in two steps. Where it ends is found by skipping over lengths (rdb_skip_int.h), which is cheap and done by the thread that reads. What it
 * becomes, an entry, is dear (unpacking, allocating, building) and done by any thread that has time, as long as the bytes lie where
 * they lay. */
#ifndef TARN_PERSIST_RECORD_INT_H
#define TARN_PERSIST_RECORD_INT_H

#include "keyspace/entry.h"
#include "persist/load.h"
#include "wire/rdb_io.h"

/* What holds for all records of a file. The threads of the load share it. */
struct record_rules {
    const char *name; /* the file's, for the log */
    const struct value_limits *limits;
    int64_t now_ms;
    bool keep_expired;
    struct load_progress *progress; /* expired_keys */
    _Atomic int64_t empty;          /* left out because they have no elements */
    _Atomic int64_t passed_over;    /* values of which something is left out that nothing here can hold */
};

enum record_result {
    RECORD_MADE,     /* *out is the caller's */
    RECORD_LEFT_OUT, /* its time has come, or that of all its fields, or it has no elements: counted */
    RECORD_BROKEN,   /* in->why, or the input's source, says why */
};
/* Reads the value of this type, which belongs to key, from in. offset: of the record, for the log. */
enum record_result record_make(struct rdb_input *in, struct record_rules *rules, uint8_t type, struct slice key,
                               int64_t expire_at, int64_t offset, struct entry **out);

/* The quick way for a short string that takes all of value..end, in a key that has not expired. NULL: then the way above. */
struct entry *record_make_short(const unsigned char *value, const unsigned char *end, struct slice key,
                                int64_t expire_at);

static inline bool record_expired(const struct record_rules *rules, int64_t expire_at) {
    return unlikely(expire_at != NO_EXPIRE) && expire_at < rules->now_ms && !rules->keep_expired;
}
/* Counts one. */
enum record_result record_drop_expired(struct record_rules *rules);
/* Counts one whose value came without elements: all of them have ended by their times, or there were none, which is logged. */
enum record_result record_drop_hollow(struct record_rules *rules, uint8_t type, struct slice key, int64_t offset);
/* At the file's end: logs what was left out. */
void record_tell(const struct record_rules *rules);

#endif
