#include "commands/geo.h"

const struct command_row geo_commands[] = {{0}};
