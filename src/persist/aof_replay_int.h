/* Private to persist/: commands from a file, run on a dataset by an executor made for it. One thread. */
#ifndef TARN_PERSIST_AOF_REPLAY_INT_H
#define TARN_PERSIST_AOF_REPLAY_INT_H

#include "exec/executor.h"
#include "persist/load.h"
#include "persist/pace_int.h"
#include "wire/resp_parse.h"

#define REPLAY_BATCH  64
#define REPLAY_SLICES 1024

struct replay {
    struct executor executor;
    struct session session;
    struct resp_parser parser;
    struct request requests[REPLAY_BATCH];
    struct slice slices[REPLAY_SLICES];
    unsigned count, slices_used;
    size_t ends[REPLAY_BATCH]; /* where each request ends, from the start of what replay_feed was given */
    bool whole;                /* what is fed is known to be complete: MULTI and EXEC need not hold anything back */
    bool queued;               /* inside MULTI */
    size_t apart;       /* bytes of this feed's commands that have run and were in blocks of their own (resp.h) */
    size_t at;          /* where the request that runs begins, with those */
    size_t multi_at;    /* the same of the last MULTI of this feed; SIZE_MAX: there was none */
    uint64_t functions; /* FUNCTION commands passed over */
    struct load_progress *progress;
    struct pace pace;
    int64_t place; /* of all files: where what is fed begins */
    const _Atomic bool *cancelled;
    struct top_board *top;   /* of load_options */
    struct load_room *room;  /* the same */
    struct dropped *dropped; /* which keys went for want of it; NULL: there is no limit */
    char *why;               /* LOAD_ERROR_MAX; the reason alone */
};

void replay_init(struct replay *r, struct dataset *ds, const struct command_list *lists, unsigned count,
                 int64_t string_max);
void replay_release(struct replay *r);
/* The dataset is kept within the room, which may be NULL. After progress is set. */
void replay_limit(struct replay *r, struct load_room *room);

enum replay_result {
    REPLAY_MORE,    /* everything used, or the rest is the beginning of a command */
    REPLAY_MARK,    /* a line that begins with '#' is next */
    REPLAY_BAD,     /* what is next is no command: why */
    REPLAY_REFUSED, /* what is next is one that fails: why */
    REPLAY_CANCELLED,
};
/* Runs whole commands from the start of p. *used: the bytes of those that ran (or wait for their EXEC). The same bytes are to be
 * at the start of the next call, with more behind them; unless the parser says that it takes them apart (resp_bulk_missing), which it does
 * when its block_min is set. */
enum replay_result replay_feed(struct replay *r, const char *p, size_t n, size_t *used);
/* The next bytes are others than those after the last used: forgets what is known of them. */
void replay_forget(struct replay *r);
/* What waits for an EXEC that does not come. */
void replay_discard(struct replay *r);

#endif
