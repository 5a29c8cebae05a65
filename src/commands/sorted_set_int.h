/* What the files of the sorted set commands share. Private to them and to geo*.c.
 *
 *   sorted_set.c          the rows
 *   sorted_set_member.c   commands on single members: ZADD, ZINCRBY, ZREM, ZSCORE, ZRANK ...
 *   sorted_set_range.c    ranges: ZRANGE and its kin, ZRANGESTORE, ZCOUNT, ZLEXCOUNT, ZREMRANGEBY*
 *   sorted_set_pop.c      ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait
 *   sorted_set_combine.c  ZUNION, ZINTER, ZDIFF and their kin
 *   sorted_set_walk.c     ZRANDMEMBER, ZSCAN */
#ifndef TARN_COMMANDS_SORTED_SET_INT_H
#define TARN_COMMANDS_SORTED_SET_INT_H

#include "exec/context.h"
#include "values/zset.h"

#define SORTED_SET_EMPTY ((struct value){NULL, TYPE_ZSET, VALUE_PACK})

/* The sorted set at argument i, empty when absent. False after a WRONGTYPE reply. */
bool sorted_set_view(struct context *c, int i, struct value *v);
/* A score as clients write it; false when it is none. Whole numbers take a short way. */
bool sorted_set_parse_score(struct slice text, double *score);
/* [member, score]: inside of an array of such pairs. */
void sorted_set_reply_pair(struct context *c, const struct zset_item *item);
/* The head of n members, with scores flat in RESP2, as pairs in RESP3; then each. */
void sorted_set_reply_head(struct context *c, uint64_t n, bool with_scores);
void sorted_set_reply_item(struct context *c, const struct zset_item *item, bool with_scores);
/* All that is left of the walk, with its head. */
void sorted_set_reply_walk(struct context *c, struct zset_walk *w, bool with_scores);
/* Stores the value, which is this call's, at the key, or deletes the key when it is empty. Counts one change and tells the event,
 * or "del". */
void sorted_set_store(struct context *c, struct key key, struct value v, const char *event);

/* ---- handlers ---- */
void sorted_set_zadd_run(struct context *c);
void sorted_set_zincrby_run(struct context *c);
void sorted_set_zcard_run(struct context *c);
void sorted_set_zscore_run(struct context *c);
void sorted_set_zmscore_run(struct context *c);
void sorted_set_zrem_run(struct context *c);
void sorted_set_zrank_run(struct context *c);
void sorted_set_zrevrank_run(struct context *c);

void sorted_set_zrange_run(struct context *c);
void sorted_set_zrangestore_run(struct context *c);
void sorted_set_zrevrange_run(struct context *c);
void sorted_set_zrangebyscore_run(struct context *c);
void sorted_set_zrevrangebyscore_run(struct context *c);
void sorted_set_zrangebylex_run(struct context *c);
void sorted_set_zrevrangebylex_run(struct context *c);
void sorted_set_zcount_run(struct context *c);
void sorted_set_zlexcount_run(struct context *c);
void sorted_set_zremrangebyrank_run(struct context *c);
void sorted_set_zremrangebyscore_run(struct context *c);
void sorted_set_zremrangebylex_run(struct context *c);

void sorted_set_zpopmin_run(struct context *c);
void sorted_set_zpopmax_run(struct context *c);
void sorted_set_zmpop_run(struct context *c);
void sorted_set_bzpopmin_run(struct context *c);
void sorted_set_bzpopmax_run(struct context *c);
void sorted_set_bzmpop_run(struct context *c);

void sorted_set_zunion_run(struct context *c);
void sorted_set_zunionstore_run(struct context *c);
void sorted_set_zinter_run(struct context *c);
void sorted_set_zinterstore_run(struct context *c);
void sorted_set_zintercard_run(struct context *c);
void sorted_set_zdiff_run(struct context *c);
void sorted_set_zdiffstore_run(struct context *c);

void sorted_set_zrandmember_run(struct context *c);
void sorted_set_zscan_run(struct context *c);

#endif
