/* The commands of sorted sets. */
#ifndef TARN_COMMANDS_SORTED_SET_H
#define TARN_COMMANDS_SORTED_SET_H

#include "exec/command.h"

extern const struct command_row sorted_set_commands[];

#endif
