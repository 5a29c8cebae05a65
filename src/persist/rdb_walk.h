/* An RDB file that lies in memory, walked record by record: what checks it, and what saves the undamaged part of one that is damaged.
 * Each value is read and verified as the loader does it; what becomes of it is the visitor's.
 *
 * A record that is no good is lost, and nothing else, as far as it can be told where it ends:
 *
 *   1. When one byte of the whole file is wrong, its checksum says which (whole.h): it is put right, nothing is lost.
 *   2. A value that is no good although its lengths are (a listpack that is corrupt, a member twice, a type that is not held): the next
 *      record begins where they say, if a record is there.
 *   3. Where lengths are no good, the next record is searched, byte by byte: the first place from which RDB_WALK_CHAIN keys of
 *      different names follow each other, all sound, or fewer and then the end of the file with nothing missing. The record
 *      before such a gap is given up too, because its own length may have been what was wrong; so is the first one behind it when it
 *      holds plain texts, which a part of a value may look like. Which database comes behind a gap is not known for certain when
 *      it swallowed a SELECT: it is taken for the one before.
 *   4. Where none is found, the rest is lost; a file that was cut off ends so.
 *
 * What no structure shows, as a letter of a text that is another letter, only the checksum of the whole file can tell, and not where.
 * See `unlocated`. */
#ifndef TARN_PERSIST_RDB_WALK_H
#define TARN_PERSIST_RDB_WALK_H

#include "persist/loss.h"
#include "persist/whole.h"
#include "values/value.h"

#define RDB_WALK_CHAIN 6

struct rdb_record {             /* a key; slices are valid for the call */
    int64_t from, end;          /* bytes of the file, from the first of its attributes (expiry, ...) on */
    int64_t at;                 /* of its type, in between */
    int64_t drop_from, drop_to; /* bytes in between that are lost (what modules have said of it); equal: none */
    uint8_t type;               /* enum rdb_type */
    uint64_t db;
    struct slice key;
    int64_t expire_at;       /* -1: none */
    int64_t idle, frequency; /* -1: not said */
    struct slice text;       /* of a string */
    struct value
        value; /* of any other; who takes it sets ptr NULL. NULL: without elements, or all of them have ended */
};

struct rdb_other { /* whatever is no key; the end mark is not told */
    int64_t from, end;
    uint8_t opcode;           /* enum rdb_opcode */
    struct slice name, value; /* AUX; FUNCTION_2: the code in value */
    uint64_t numbers[3];      /* SELECT: the database; RESIZEDB: keys, expiries; SLOT_INFO */
};

/* RDB_LOST: with *why (static) set, the record counts as lost for this reason. */
enum rdb_verdict { RDB_TAKEN, RDB_LOST, RDB_STOP };

struct rdb_walk {
    struct whole *file;
    bool salvage;       /* else the first loss ends the walk */
    bool more_follows;  /* behind the data other bytes may stand; nothing is repaired then */
    bool any_version;   /* of a version that is not known, what is known is read */
    bool checksum;      /* it counts */
    unsigned databases; /* 0: any number */
    const struct value_limits *limits;
    int64_t now_ms; /* elements that have ended by then are left out; 0: none */
    void *arg;
    enum rdb_verdict (*record)(void *arg, struct rdb_record *r, const char **why);
    enum rdb_verdict (*other)(void *arg, const struct rdb_other *o, const char **why);
    void (*lost)(void *arg, const struct loss *l);
    bool (*progress)(void *arg,
                     int64_t offset); /* false: stop. About every 64 KiB and every 1000 records; may be NULL */
    /* results */
    int version;
    bool valkey;
    bool stopped;
    bool ended;     /* the end mark was there */
    int64_t end;    /* where the data ends: behind the checksum */
    bool checked;   /* there was a checksum, and it fits */
    bool unlocated; /* there was one that does not fit, and nothing was found that is damaged */
    int64_t losses; /* how many were told, without those that are kept */
    int64_t lost_bytes;
    int64_t lost_keys;    /* of them, those with a name */
    int64_t repaired_at;  /* place of the byte that was put right; -1: none */
    uint64_t passed_over; /* values of which something is left out that cannot be held */
};

/* True: the file is sound. False: stopped, or losses, or unlocated. Aborts on nothing that is in the file. O(size), and while it searches
 * 64 MiB and 64 times of what it searches, beyond which each place is tried over 64 KiB only. */
bool rdb_walk_run(struct rdb_walk *w);

#endif
