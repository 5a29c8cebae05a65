/* What the files of the set share. Private to them.
 *
 *   set.c          forms, finding and changing members
 *   set_kind.c     what every type answers, and the records of RDB
 *   set_random.c   members by chance */
#ifndef TARN_VALUES_SET_INT_H
#define TARN_VALUES_SET_INT_H

#include "store/pack.h"
#include "store/table.h"
#include "values/intset.h"
#include "values/kind.h"
#include "values/set.h"

struct set {
    struct value_head head;
    struct table members; /* unsigned char *, as drawn in set.h */
    size_t member_bytes;  /* good sizes of the members' blocks */
};

/* An empty one, born with f. */
struct set *set_new(const struct frozen *f);
/* A member that is proven absent. False when there is no memory for a long one. */
bool set_insert(struct set *s, struct frozen *f, struct slice member);
bool set_holds(const struct set *s, struct slice member);
/* The whole value becomes a table. */
void set_to_table(struct value_edit *e);

struct slice set_member_text(const unsigned char *member);
/* Bytes of a member's block, as asked for. */
size_t set_member_size(size_t text_len);

#endif
