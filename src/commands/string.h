/* The string commands: GET, SET, INCR, LCS and their kin. */
#ifndef TARN_COMMANDS_STRING_H
#define TARN_COMMANDS_STRING_H

#include "exec/command.h"

extern const struct command_row string_commands[]; /* name NULL ends it */

#endif
