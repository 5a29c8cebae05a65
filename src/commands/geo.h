/* The commands of geo indexes, which are sorted sets. */
#ifndef TARN_COMMANDS_GEO_H
#define TARN_COMMANDS_GEO_H

#include "exec/command.h"

extern const struct command_row geo_commands[];

#endif
