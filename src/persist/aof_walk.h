/* An append-only file that lies in memory, walked piece by piece: what checks it, and what saves the undamaged part of one that is
 * damaged. A piece is what holds true by itself: a group with a checksum that fits (aof_group_int.h), or, outside of groups, a command,
 * a MULTI with all up to its EXEC, a line that begins with '#'. Nothing is run.
 *
 * Behind damage the walk goes on at the next group that fits where the file has groups, and else at the next place from which
 * AOF_WALK_CHAIN whole commands follow each other, or fewer up to the end of the file. Of a MULTI that is damaged all is lost up to its
 * EXEC. Outside of the groups of a file that has any, only what another server has written behind them counts: it begins with SELECT. */
#ifndef TARN_PERSIST_AOF_WALK_H
#define TARN_PERSIST_AOF_WALK_H

#include "mem/buf.h"
#include "persist/loss.h"
#include "persist/whole.h"

#define AOF_WALK_CHAIN 3

enum aof_piece_kind { AOF_PIECE_HEAD, AOF_PIECE_MARK, AOF_PIECE_UNIT, AOF_PIECE_GROUP, AOF_PIECE_END /* of a base */ };
struct aof_piece {
    enum aof_piece_kind kind;
    int64_t from, end; /* bytes of the file */
    int64_t body;      /* of a group: behind its first line; else from */
    uint64_t commands;
};

struct aof_walk {
    struct whole *file;
    int64_t from; /* where to begin: behind an RDB part, else 0 */
    bool base;    /* of a manifest: where it has Tarn's first line, it has its last one, too */
    bool salvage; /* else the first loss ends the walk */
    void *arg;
    bool (*piece)(void *arg, const struct aof_piece *p); /* false: stop */
    void (*lost)(void *arg, const struct loss *l);
    bool (*progress)(void *arg, int64_t offset); /* false: stop; may be NULL */
    /* results */
    bool stopped;
    bool annotated; /* it has Tarn's first line */
    uint64_t id;
    int64_t valid_to; /* behind the last piece before the first loss */
    uint64_t commands, groups;
    int64_t losses, lost_bytes;
    bool torn; /* of the first loss: it reaches to the end, and nothing behind it says that it had been on disk */
};

/* True: sound. O(size); while it searches, a candidate looks at most at three commands. */
bool aof_walk_run(struct aof_walk *w);

/* Where in the piece the first line "#TS:seconds" above `seconds` stands; -1: there is none. */
int64_t aof_walk_later(const struct aof_walk *w, const struct aof_piece *p, int64_t seconds);
/* The group's first line and bytes as they are to be when it ends before `to` (of the file) and begins at `offset`. */
void aof_walk_cut_group(const struct aof_walk *w, const struct aof_piece *p, int64_t to, int64_t offset,
                        struct buf *out);

/* A base's last line as it is to be at `offset`. */
void aof_walk_put_end(const struct aof_walk *w, int64_t offset, struct buf *out);

/* Where the command or line at `at` ends, as far as it is whole before `end`; else end. */
int64_t aof_walk_next(const char *bytes, int64_t at, int64_t end);

struct aof_part {
    char name[256];
    char kind; /* 'b' base, 'i' increment */
};
#define AOF_PARTS_MAX 1024
/* The files that a manifest names, in the order in which they are loaded, without history: how many, or -1 with the reason in
 * why. Free with mem_free(MEM_AOF, *parts, AOF_PARTS_MAX * sizeof **parts). */
int aof_walk_manifest(struct slice text, struct aof_part **parts, char why[256]);

#endif
