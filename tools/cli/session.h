/* What tarn-cli knows of its conversation: where it is connected, which database, whether in a transaction. */
#ifndef TARN_CLI_SESSION_H
#define TARN_CLI_SESSION_H

#include "link.h"
#include "options.h"

#define HOST_MAX 256

struct session {
    struct options *options;
    struct link link;
    enum output output;
    bool interactive; /* a person at a terminal */
    int64_t db;
    bool in_transaction;
    bool listening;  /* SUBSCRIBE, MONITOR: replies come unasked */
    bool error_seen; /* some reply was an error */
    bool shows_pushes;
    enum redirect { REDIRECT_NONE, REDIRECT_MOVED, REDIRECT_ASK } redirect; /* where the last reply sent us, with -c */
    char host[HOST_MAX]; /* behind options->host when that has changed */
};

void session_init(struct session *s, struct options *o);
void session_release(struct session *s);
/* Connects, with AUTH, HELLO and SELECT as the options say. False and said why on standard error. */
bool session_connect(struct session *s);
/* Another server from now on, by the next session_connect; the database is 0 there. False for a name that is too long. */
bool session_point_to(struct session *s, struct slice host, int64_t port);
/* Runs one command, connecting first when need be, and prints its reply. False when there is no connection (any more). */
bool session_run(struct session *s, const struct slice *words, int count);
/* The same as often as the options say, with the wait between; stops where session_run fails, and with -e at an error. */
bool session_repeat(struct session *s, const struct slice *words, int count, int64_t times);

/* One command whose reply is the caller's, valid until the next one; error replies are replies. False when the connection is
 * lost, which is said on standard error. */
bool session_ask(struct session *s, const struct slice *words, int count, struct slice *reply);
/* The same in two halves, so that many commands travel together. */
bool session_send(struct session *s, const struct slice *words, int count);
bool session_receive(struct session *s, struct slice *reply);
/* Waits for the interval of -i, or for so long without one. */
void session_wait(const struct session *s, int64_t otherwise_us);

#endif
