/* Asking to be served like a replica, with SYNC: the server's dataset as an RDB file, its functions alone, or its commands as
 * they come. A server without replication refuses, which is told. */
#ifndef TARN_CLI_TRANSFER_H
#define TARN_CLI_TRANSFER_H

struct session;

/* To options->file; "-" is standard output. A file that did not come whole is removed. */
int transfer_rdb(struct session *s);
int transfer_functions(struct session *s);
/* The commands that a replica gets, as CSV, until the connection ends. */
int transfer_commands(struct session *s);

#endif
