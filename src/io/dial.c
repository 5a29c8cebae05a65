#include "io/dial.h"

#include "base/check.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/thread.h"
#include "mem/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by two holders, the loop's side and the thread; the last to let go frees it. What crosses is the result. */
struct dial {
    struct loop_fd ended; /* an eventfd: the thread has a result */
    struct loop *loop;
    void (*call)(void *arg, int fd);
    void *arg;
    struct thread thread;
    atomic_int holders;
    atomic_int result; /* a descriptor, -errno, or NO_RESULT when there is none yet or it has been taken */
    int port, timeout_ms;
    char host[DIAL_HOST_MAX + 1];
};

#define NO_RESULT (-EINPROGRESS)

static void let_go(struct dial *d) {
    if (atomic_fetch_sub(&d->holders, 1) > 1) return;
    int fd = atomic_load(&d->result);
    if (fd >= 0) close(fd); /* nobody wants it any more */
    close(d->ended.fd);
    mem_free(MEM_SERVER, d, sizeof *d);
}

static int connect_unblocking(const struct dial *d) {
    char why[NET_ERROR_MAX];
    int fd = net_connect_tcp(d->host, d->port, d->timeout_ms, why);
    if (fd < 0) return fd;
    int error = net_set_blocking(fd, false);
    if (error == 0) return fd;
    close(fd);
    return error;
}

static void *dial_thread(void *arg) {
    struct dial *d = arg;
    const uint64_t one = 1;
    pthread_detach(pthread_self());
    atomic_store(&d->result, connect_unblocking(d));
    ssize_t n = write(d->ended.fd, &one, sizeof one);
    proven(n == sizeof one); /* a counter at 0 takes it */
    let_go(d);
    return NULL;
}

static void on_ended(struct loop_fd *fd, unsigned events) {
    struct dial *d = (struct dial *)(void *)((char *)fd - offsetof(struct dial, ended));
    (void)events;
    int result = atomic_exchange(&d->result, NO_RESULT);
    proven(result != NO_RESULT);
    void (*call)(void *arg, int fd) = d->call;
    void *call_arg = d->arg;
    dial_cancel(d);
    call(call_arg, result);
}

void dial_cancel(struct dial *d) {
    loop_unwatch(d->loop, &d->ended);
    let_go(d);
}

struct dial *dial_start(struct loop *loop, const char *host, int port, int timeout_ms, void (*call)(void *arg, int fd),
                        void *arg) {
    size_t len = strlen(host);
    proven(len <= DIAL_HOST_MAX && timeout_ms > 0 && call != NULL);
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event < 0) return NULL;
    struct dial *d = mem_alloc_zeroed(MEM_SERVER, sizeof *d);
    *d = (struct dial){.ended = {.fd = event, .call = on_ended},
                       .loop = loop,
                       .call = call,
                       .arg = arg,
                       .port = port,
                       .timeout_ms = timeout_ms};
    memcpy(d->host, host, len + 1);
    atomic_init(&d->holders, 2);
    atomic_init(&d->result, NO_RESULT);
    if (loop_watch(loop, &d->ended, LOOP_READ) == 0) {
        if (thread_start(&d->thread, "dial", dial_thread, d) == 0) return d;
        loop_unwatch(loop, &d->ended);
    }
    atomic_store(&d->holders, 1);
    let_go(d);
    return NULL;
}
