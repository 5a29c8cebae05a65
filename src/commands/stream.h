/* The commands of streams. */
#ifndef TARN_COMMANDS_STREAM_H
#define TARN_COMMANDS_STREAM_H

#include "exec/command.h"

extern const struct command_row stream_commands[];

#endif
