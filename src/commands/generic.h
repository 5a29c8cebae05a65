/* The generic commands: what is done to keys whatever they hold (DEL, EXPIRE, RENAME, SCAN, DUMP ...), and to whole
 * databases (DBSIZE, FLUSHALL, SWAPDB). */
#ifndef TARN_COMMANDS_GENERIC_H
#define TARN_COMMANDS_GENERIC_H

#include "exec/command.h"

extern const struct command_row generic_commands[]; /* name NULL ends it */

#endif
