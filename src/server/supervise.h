/* What the server tells who supervises it: systemd by datagrams (the protocol of sd_notify(3), without libsystemd), upstart by
 * stopping itself once. Nothing waits for the other side: what its queue has no room for is told again 100 ms later.
 *
 *   loading   STATUS=Loading (base): 41 %, ...    EXTEND_TIMEOUT_USEC=30000000    every second
 *   serving   READY=1    MAINPID=pid    STATUS=Ready to accept connections        once
 *   draining  STOPPING=1 STATUS=Stopping          EXTEND_TIMEOUT_USEC=30000000    every second
 *
 * Executor thread only. */
#ifndef TARN_SERVER_SUPERVISE_H
#define TARN_SERVER_SUPERVISE_H

#include <stdbool.h>

/* Finds out who supervises (directive supervised), before the process goes into the background: a supervised one does not.
 * For upstart the process stops here until it is continued. */
void supervise_begin(void);
bool supervise_is_on(void);
/* "no", "upstart" or "systemd": what auto has come to. */
const char *supervise_name(void);
void supervise_ready(void);
void supervise_stopping(void);
/* Every 100 ms. */
void supervise_cron(void);

#endif
