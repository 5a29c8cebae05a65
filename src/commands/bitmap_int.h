/* What the files of the bitmap commands share. Private to them.
 *
 *   bitmap.c        the rows, single bits, and BITCOUNT and BITPOS
 *   bitmap_op.c     BITOP
 *   bitmap_field.c  BITFIELD and BITFIELD_RO */
#ifndef TARN_COMMANDS_BITMAP_INT_H
#define TARN_COMMANDS_BITMAP_INT_H

#include "exec/context.h"

/* The text as a bit offset, times unit. False after the error reply: no number, negative, or beyond the longest string. */
bool bitmap_offset(struct context *c, struct slice text, uint64_t unit, uint64_t *offset);
/* Writable bytes of a string at least need bytes long, made when e is NULL; *len is its length. From then on it is shown as
 * raw. NULL after the error reply, then nothing has changed. */
char *bitmap_edit(struct context *c, struct key key, const struct entry *e, size_t need, size_t *len);

void bitmap_op_run(struct context *c);
void bitmap_field_run(struct context *c);
void bitmap_field_ro_run(struct context *c);
unsigned bitmap_field_key_flags(const struct slice *argv, int argc);

extern const struct command_arg bitmap_field_args[], bitmap_field_ro_args[];

#endif
