/* What the files of the set commands share. Private to them.
 *
 *   set.c          the rows, and the commands on single members
 *   set_walk.c     whole sets and members by chance: SMEMBERS, SSCAN, SRANDMEMBER, SPOP
 *   set_combine.c  unions, intersections and differences, and what they store */
#ifndef TARN_COMMANDS_SET_INT_H
#define TARN_COMMANDS_SET_INT_H

#include "base/check.h"
#include "exec/context.h"
#include "values/set.h"

/* The set at argument i, empty when the key is absent. False after WRONGTYPE. */
bool set_view(struct context *c, int i, struct value *v);
void set_no_memory(struct context *c);
/* set_visit that replies the member; arg is the struct reply. */
void set_reply_member(void *arg, struct slice member);

void set_members_run(struct context *c);
void set_scan_run(struct context *c);
void set_randmember_run(struct context *c);
void set_pop_run(struct context *c);

void set_inter_run(struct context *c);
void set_interstore_run(struct context *c);
void set_intercard_run(struct context *c);
void set_union_run(struct context *c);
void set_unionstore_run(struct context *c);
void set_unioncard_run(struct context *c);
void set_diff_run(struct context *c);
void set_diffstore_run(struct context *c);
void set_diffcard_run(struct context *c);

#endif
