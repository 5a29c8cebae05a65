#include "commands/sort.h"

const struct command_row sort_commands[] = {{0}};
