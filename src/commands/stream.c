#include "commands/stream.h"

const struct command_row stream_commands[] = {{0}};
