/* Modes that watch a server, or the machine: a line of figures each second, and how long a PING takes. */
#ifndef TARN_CLI_WATCH_H
#define TARN_CLI_WATCH_H

struct session;

int watch_stat(struct session *s);
/* For ever on a terminal; else for one interval (1 s), and then min max avg samples, in milliseconds. */
int watch_latency(struct session *s);
int watch_latency_history(struct session *s);
int watch_latency_spectrum(struct session *s);
/* How long a busy loop is held up by the machine itself; no server is asked. */
int watch_machine(struct session *s);
/* A cache's life by the 80-20 rule over so many keys: hits and misses each second. */
int watch_cache(struct session *s);

#endif
