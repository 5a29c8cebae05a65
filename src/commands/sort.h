/* The commands of SORT, of lists, sets and sorted sets. */
#ifndef TARN_COMMANDS_SORT_H
#define TARN_COMMANDS_SORT_H

#include "exec/command.h"

extern const struct command_row sort_commands[];

#endif
