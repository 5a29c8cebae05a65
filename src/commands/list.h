/* The commands of lists. */
#ifndef TARN_COMMANDS_LIST_H
#define TARN_COMMANDS_LIST_H

#include "exec/command.h"

extern const struct command_row list_commands[];

#endif
