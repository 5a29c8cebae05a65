/* The bitmap commands: SETBIT, BITCOUNT, BITOP, BITFIELD and their kin. They work on strings. */
#ifndef TARN_COMMANDS_BITMAP_H
#define TARN_COMMANDS_BITMAP_H

#include "exec/command.h"

extern const struct command_row bitmap_commands[]; /* name NULL ends it */

#endif
