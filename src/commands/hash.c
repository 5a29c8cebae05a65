#include "commands/hash.h"

const struct command_row hash_commands[] = {{0}};
