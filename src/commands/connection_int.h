/* Between connection.c and client.c. */
#ifndef TARN_COMMANDS_CONNECTION_INT_H
#define TARN_COMMANDS_CONNECTION_INT_H

#include "exec/command.h"

#define CLIENT_NAME_ERROR "ERR Client names cannot contain spaces, newlines or special characters."

extern const struct command_row client_subcommands[];
extern const char *const client_help[];

#endif
