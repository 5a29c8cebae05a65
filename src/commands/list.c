#include "commands/list.h"

const struct command_row list_commands[] = {{0}};
