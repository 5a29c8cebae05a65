/* MULTI EXEC DISCARD WATCH UNWATCH. */
#ifndef TARN_COMMANDS_TRANSACTION_H
#define TARN_COMMANDS_TRANSACTION_H

#include "exec/command.h"

extern const struct command_row transaction_commands[];

#endif
