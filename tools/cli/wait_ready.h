/* The mode that waits until a server has loaded. */
#ifndef TARN_CLI_WAIT_READY_H
#define TARN_CLI_WAIT_READY_H

struct session;

/* Asks 25 times a second, and shows the progress of the load: a bar on a terminal, else a line a second on standard output. */
enum wait_ready_code {
    WAIT_READY = 0,
    WAIT_READY_WRONG = 1,   /* the server wants other credentials, or is none */
    WAIT_READY_REFUSED = 2, /* nobody answered there in the whole time, or the server that did has ended */
    WAIT_READY_TIMEOUT = 3, /* it is still loading, or too busy to say */
};
int wait_ready(struct session *s);

#endif
