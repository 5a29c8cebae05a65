/* One database: reading gives a const view, changing goes through put, edit and delete. Expired keys are removed on
 * access (hooks.expired), so no caller ever sees one. All O(1) expected unless said. Owner thread of the dataset only. */
#ifndef TARN_KEYSPACE_DB_H
#define TARN_KEYSPACE_DB_H

#include "keyspace/dataset.h"
#include "keyspace/entry.h"

/* A key with its hash, computed once per request (dataset_hash). */
struct key {
    struct slice text;
    uint64_t hash;
};

unsigned db_index(const struct db *db);
size_t db_keys(const struct db *db);
size_t db_expires(const struct db *db);         /* keys with a TTL */
int64_t db_average_ttl_ms(const struct db *db); /* sampled, 0 when none */
size_t db_table_bytes(const struct db *db);

enum view_flags {
    VIEW_PLAIN = 0,
    VIEW_NO_TOUCH = 1, /* leave the access clock alone */
    VIEW_NO_STATS = 2, /* not a hit or miss */
    VIEW_QUIET = 4,    /* a miss is counted, but not told */
};

/* NULL when absent. Valid until the next change of the dataset. */
const struct entry *db_view(struct db *db, struct key key, unsigned flags);
/* Prefetch in stages 0, 1, 2 for a batch (see table_prefetch). */
void db_prefetch(const struct db *db, uint64_t hash, int stage);

enum put_flags {
    PUT_PLAIN = 0,
    PUT_KEEP_EXPIRE = 1, /* expire_at is ignored, the old one stays */
    PUT_RAW = 2,         /* never int or embstr: the value of APPEND, SETRANGE and the like */
    PUT_NOT_INTEGER = 4, /* embstr or raw by length, never int */
};

/* Sets the key, replacing any value of any type. False (nothing changed) only when memory for a long value ran out. */
bool db_put_string(struct db *db, struct key key, struct slice value, int64_t expire_at, unsigned flags);
/* The same with a value that has its bytes in place already: longer than ENTRY_INLINE_MAX, and nobody else's. Nothing is copied. The
 * bytes stay where they are until the key is changed or deleted, or the dataset is defragmented. */
void db_put_body(struct db *db, struct key key, struct string_body *adopted, int64_t expire_at, unsigned flags);
void db_put_integer(struct db *db, struct key key, int64_t value, int64_t expire_at, unsigned flags);
/* Writable bytes of an existing string value, made new_len long: a prefix of the old value stays, the grown part is zero;
 * shown as raw from now on. NULL when memory ran out (nothing changed). proven: key present, a string, new_len <= 512 MB
 * or the configured limit. While a snapshot is live the old bytes stay for it. Valid until the next change. */
char *db_edit_string(struct db *db, struct key key, size_t new_len);

/* What the accounts (keyspace/account.h) know of one key. */
struct measure {
    size_t elements, bytes;
    enum value_type type;
};

/* ---- values that are not strings ---- */
/* Between begin and end, the edit's value is read and changed by the functions of its type; any other call to this dataset
 * waits until the end (commands of several keys do one edit after the other). Begin: an absent key gives the empty value
 * of that type (ptr NULL). End stores the value: a key that was absent is made (without TTL) when the value is no longer
 * empty, and a key whose value has become empty is removed. changed=false: nothing was changed, and no hook is told.
 * Begin is false, and no edit is open, when the key is of another type. */
struct db_edit {
    struct value_edit edit;
    void *slot;           /* from here on keyspace's own: the key's, NULL when absent */
    int64_t elements_due; /* at the begin */
    struct measure was;   /* at the begin, and the good size of the entry */
    size_t block;
    bool reached, renewed; /* a snapshot may read the old value; the edit's value is a copy or a fork of it */
};
bool db_edit_begin(struct db *db, struct key key, enum value_type type, struct db_edit *e);
enum db_edited { DB_EDIT_STAYS, DB_EDIT_ADDED, DB_EDIT_REMOVED, DB_EDIT_ABSENT };
enum db_edited db_edit_end(struct db *db, struct key key, struct db_edit *e, bool changed);
/* Sets the key to this value, which is not empty and not part of any other, replacing any value of any type. */
void db_put_value(struct db *db, struct key key, struct value adopted, int64_t expire_at);

/* True when the key was there. Big values are freed by hooks.defer; others here. */
bool db_delete(struct db *db, struct key key);
/* at: absolute ms, or NO_EXPIRE. proven: key present. A time already past is stored as is (the caller deletes). */
void db_set_expire(struct db *db, struct key key, int64_t at_ms);

/* RENAME, MOVE and COPY: the source must be present; the target, if any, is replaced. Expiry and access clock go along.
 * from and to may be keys of different databases of one dataset. O(1) for move of a big value, O(size) for copy. */
void db_move_key(struct db *from, struct key source, struct db *to, struct key target);
bool db_copy_key(struct db *from, struct key source, struct db *to, struct key target); /* false: out of memory */

/* The access clock. idle in seconds under LRU, the decayed counter under LFU; -1 when the key is absent. Untouched. */
int64_t db_idle_seconds(struct db *db, struct key key);
int db_frequency(struct db *db, struct key key);
void db_set_idle_seconds(struct db *db, struct key key, int64_t idle);
void db_set_frequency(struct db *db, struct key key, uint8_t frequency);

/* SCAN: visits live entries of one bucket, returns the next cursor (0 = end). Guarantees of table_scan. visit must not
 * change the database. Expired entries are skipped. */
uint64_t db_scan(struct db *db, uint64_t cursor, void (*visit)(void *arg, const struct entry *e), void *arg);
/* Every live entry (KEYS, DEBUG DIGEST). O(keys). */
void db_each(struct db *db, void (*visit)(void *arg, const struct entry *e), void *arg);
const struct entry *db_random(struct db *db); /* a live one, NULL when none; bounded tries against expired keys */

/* The loader's way in: adopts e when its key is absent and true; else false and e stays the caller's. access: idle seconds
 * or frequency by the dataset's policy, -1 for "now". */
bool db_adopt(struct db *db, uint64_t hash, struct entry *e, int64_t access);
/* Before and after many of them: room for about n keys in a database without any (else nothing is done), and giving back what
 * was too much of it. */
void db_reserve(struct db *db, size_t n);
void db_fit(struct db *db);

/* Exact memory of the key with its slot's share (MEMORY USAGE); 0 when absent. */
size_t db_memory_usage(struct db *db, struct key key);

/* DEBUG HTSTATS text; cap at least DB_STATS_MAX. O(keys / 7). */
#define DB_STATS_MAX 512
size_t db_table_stats(const struct db *db, char *dst, size_t cap);

#endif
