/* Keyspace notifications: key events published to __keyspace@<db>__:<key> and __keyevent@<db>__:<event>, as
 * notify-keyspace-events selects them. */
#ifndef TARN_SERVER_EVENTS_H
#define TARN_SERVER_EVENTS_H

struct executor;

/* The setting takes effect: without any event selected nobody is asked to tell any. */
void events_apply(struct executor *x);

#endif
