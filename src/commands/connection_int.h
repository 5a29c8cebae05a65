/* Between connection.c and client.c. */
#ifndef TARN_COMMANDS_CONNECTION_INT_H
#define TARN_COMMANDS_CONNECTION_INT_H

#include "exec/command.h"

#define CLIENT_NAME_ERROR "ERR Client names cannot contain spaces, newlines or special characters."

/* How much of a word from a request an error repeats. */
#define SHOWN_MAX 512
static inline int shown_len(struct slice word) { return (int)(word.len < SHOWN_MAX ? word.len : SHOWN_MAX); }

/* client_tracking.c */
void client_caching(struct context *c);
void client_getredir(struct context *c);
void client_tracking(struct context *c);
void client_trackinginfo(struct context *c);

extern const struct command_row client_subcommands[];
extern const char *const client_help[];

#endif
