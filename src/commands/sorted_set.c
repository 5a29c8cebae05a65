#include "commands/sorted_set.h"

const struct command_row sorted_set_commands[] = {{0}};
