/* Connecting to another host without waiting for it: a thread of its own looks the name up and connects, because a look-up
 * can only be waited for; the loop is told. For links that are made now and then, each costs a thread's start (~20 us).
 *
 *   dial_start ----> thread: net_connect_tcp ----> call(arg, fd or -errno) on the loop's thread, once
 *
 * Who loses interest says dial_cancel and may forget all about it at once: the thread ends by itself and closes what it has
 * opened. Loop's thread only. */
#ifndef TARN_IO_DIAL_H
#define TARN_IO_DIAL_H

struct dial;
struct loop;

#define DIAL_HOST_MAX 255

/* host: a name or a numeric address, at most DIAL_HOST_MAX bytes. timeout_ms is of one address's connect: who wants a bound for
 * all of it, the look-up included, cancels. The descriptor is non-blocking and the callee's. NULL: no thread or descriptor
 * could be had. */
struct dial *dial_start(struct loop *loop, const char *host, int port, int timeout_ms, void (*call)(void *arg, int fd),
                        void *arg);
/* Before its call only; after it the dial is gone. */
void dial_cancel(struct dial *d);

#endif
