/* The HyperLogLog commands. They work on strings that hold a HyperLogLog (values/hll.h). */
#ifndef TARN_COMMANDS_HYPERLOGLOG_H
#define TARN_COMMANDS_HYPERLOGLOG_H

#include "base/config.h"
#include "exec/command.h"

extern const struct command_row hyperloglog_commands[]; /* name NULL ends it */
extern const struct directive_list hyperloglog_directives;

#endif
