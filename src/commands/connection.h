/* The connection group and what stands beside it: PING ECHO HELLO AUTH SELECT QUIT RESET CLIENT, TIME, LOLWUT. */
#ifndef TARN_COMMANDS_CONNECTION_H
#define TARN_COMMANDS_CONNECTION_H

#include "exec/command.h"

extern const struct command_row connection_commands[];

#endif
