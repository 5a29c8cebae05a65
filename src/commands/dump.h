/* A value as DUMP gives it and RESTORE takes it, for who sends it elsewhere. */
#ifndef TARN_COMMANDS_DUMP_H
#define TARN_COMMANDS_DUMP_H

struct buf;
struct entry;

/* Appends to an empty buffer (the footer's sum is over all of it). In the oldest version that holds the value. O(value). */
void dump_payload(struct buf *payload, const struct entry *e);

#endif
