#include "commands/set.h"

const struct command_row set_commands[] = {{0}};
