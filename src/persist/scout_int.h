/* Private to persist/: the look-ahead of a load. A thread of its own walks over the files that are to be loaded, from record
 * head to record head, and notes what kinds of work lie where; nothing is unpacked, and long strings are not even read. What
 * a load has still to do follows from it, whatever the file is like: a key costs more than its bytes say, and a megabyte of one
 * string less (persist/forecast_int.h).
 *
 *   |---- step 0 ----|---- step 1 ----|-- ... --|---- step SCOUT_STEPS - 1 ----|      all files, one behind the other
 *     3000 strings,     one string,                    20 k members                    what lies in each
 *     90 KB             90 KB
 *
 * It costs some 25 ns of another processor for each key, and is started only for a load that lasts (forecast_tick), or when
 * admission asks (forecast_ask). Append-only files are looked at twice: before all else a few kilobytes a step are read, and
 * the commands in them counted, so that what follows a base is soon known; in their turn they are read whole, some 90 ns a
 * command, for the keys that they name. What cannot be read ends the scout where it is: whether a file is sound is the
 * loader's to say. */
#ifndef TARN_PERSIST_SCOUT_INT_H
#define TARN_PERSIST_SCOUT_INT_H

#include <stdbool.h>
#include <stdint.h>

#define SCOUT_STEPS 512

/* What a loader does, by what it costs. */
enum work_kind {
    WORK_STRINGS,       /* keys with a string */
    WORK_RECORDS,       /* other keys */
    WORK_BYTES,         /* bytes of keys and values, as the file has them */
    WORK_UNPACKED,      /* bytes that LZF gives */
    WORK_FIELDS,        /* members and fields that stand one by one in sets and hashes */
    WORK_SCORED,        /* the same of sorted sets */
    WORK_PIECES,        /* nodes of lists and streams, elements of lists, pending entries */
    WORK_ROOM,          /* keys, fields and members that a table is made for before they come */
    WORK_COMMANDS,      /* of an append-only file */
    WORK_COMMAND_BYTES, /* the same */
    WORK_MADE,          /* keys that there had not been before those commands (persist/growth_int.h) */
    WORK_SPLITS,        /* of the table's segments by these keys */
    WORK_KINDS
};

struct work {
    double of[WORK_KINDS];
};

struct scout;

struct scout *scout_new(void);
/* Ends the thread: within one read of 256 KiB. */
void scout_free(struct scout *s);

/* ---- the loader's thread ---- */
/* The files in the order of loading; all before scout_known, which says that these are all. */
void scout_add(struct scout *s, const char *path, int64_t size);
void scout_known(struct scout *s);
/* They are append-only files. Before scout_known. */
void scout_expect_commands(struct scout *s);
/* Bytes of all files, from the first on, that the scout does not need in the page cache any more; INT64_MAX: none. */
int64_t scout_passed(const struct scout *s);

/* ---- the executor's thread ---- */
bool scout_is_known(const struct scout *s);
/* Once; false when there is no thread for it. */
bool scout_start(struct scout *s);
bool scout_started(const struct scout *s);
/* How far it has come; the whole at the end. */
int64_t scout_reach(const struct scout *s);
/* Bytes that the keys of the RDB file take in memory at least, of those met so far: the strings' lengths, and what a key takes
 * in any case. Any thread. */
struct scout_payload {
    int64_t lasting; /* of keys without a TTL */
    int64_t living;  /* and of those whose time is still to come */
    int64_t all;
    int64_t
        remaining; /* of append-only files, when all have been looked at: in the end, whatever their commands do (remains_int.h) */
};
struct scout_payload scout_payload(const struct scout *s);
/* All the work before a place up to which it has come. ~2 us. */
void scout_before(const struct scout *s, int64_t place, struct work *out);
/* All the work behind such a place. What it has not come to is taken to be like what lies before it, or as the glance at the
 * append-only files has it. ~5 us. */
void scout_behind(const struct scout *s, int64_t place, struct work *out);
/* The place from which on the files are append-only files that have been glanced at, and all the work there; the whole, and none, while
 * nothing is known of such. After scout_started. */
int64_t scout_commands(const struct scout *s, struct work *out);

#endif
