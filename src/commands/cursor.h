/* What SCAN, HSCAN, SSCAN and ZSCAN share: the cursor, MATCH and COUNT, how far one call walks, and the reply. Private to
 * commands/.
 *
 *   struct cursor_walk w;
 *   if (!cursor_begin(c, 2, &w) || !cursor_options(c, 3, &w, NULL, NULL)) return;
 *   do w.cursor = set_scan(v, w.cursor, visit, &w);           visit: if (cursor_wants(&w, member)) cursor_put(&w, member);
 *   while (cursor_goes_on(&w));
 *   cursor_reply(c, &w);
 *
 * What is found is gathered aside, as its number stands before it. */
#ifndef TARN_COMMANDS_CURSOR_H
#define TARN_COMMANDS_CURSOR_H

#include "exec/context.h"

struct cursor_walk {
    uint64_t cursor;
    struct slice pattern;
    bool any;             /* everything matches */
    int64_t count, steps; /* COUNT; buckets walked so far */
    int64_t seen, words;  /* elements; words of the reply */
    struct reply found;
    struct buf bytes;
};

bool cursor_matches_any(struct slice pattern);
/* Argument i is the cursor. False after the error reply. The walk ends with cursor_reply, or is just left before its first step. */
bool cursor_begin(struct context *c, int i, struct cursor_walk *w);
/* The options from argument i on; own is asked first for those of the command: how many arguments it takes, 0 when it is
 * none. False after the error reply. */
bool cursor_options(struct context *c, int i, struct cursor_walk *w, int (*own)(struct context *c, int i, void *arg),
                    void *arg);
/* Counts an element; true when it matches. */
bool cursor_wants(struct cursor_walk *w, struct slice name);
void cursor_put(struct cursor_walk *w, struct slice word);
/* After a step: the end is not reached, and the call has not done enough. */
bool cursor_goes_on(struct cursor_walk *w);
/* The cursor and what has been put. Of nothing at all (an absent key) too. */
void cursor_reply(struct context *c, struct cursor_walk *w);

#endif
