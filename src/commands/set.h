/* The commands of sets. */
#ifndef TARN_COMMANDS_SET_H
#define TARN_COMMANDS_SET_H

#include "exec/command.h"

extern const struct command_row set_commands[];

#endif
