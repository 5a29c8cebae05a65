/* COMMAND and its subcommands: what the rows say, as replies. The forms are those of redis-server 7.0.15, nested maps and sets in
 * RESP3, flat arrays in RESP2. */
#ifndef TARN_EXEC_INTROSPECT_H
#define TARN_EXEC_INTROSPECT_H

#include "exec/command.h"

extern const struct command_row introspect_commands[];

#endif
