/* The commands of hashes. */
#ifndef TARN_COMMANDS_HASH_H
#define TARN_COMMANDS_HASH_H

#include "exec/command.h"

extern const struct command_row hash_commands[];

#endif
