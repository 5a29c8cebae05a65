/* SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB. */
#ifndef TARN_COMMANDS_PUBSUB_H
#define TARN_COMMANDS_PUBSUB_H

#include "exec/command.h"

extern const struct command_row pubsub_commands[];

#endif
