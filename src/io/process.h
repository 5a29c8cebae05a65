/* The process and its machine: what INFO shows of them, and what a daemon does at start. Linux only. */
#ifndef TARN_IO_PROCESS_H
#define TARN_IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process_cpu {
    double user_s, system_s;
};
void process_cpu(struct process_cpu *out);        /* getrusage(RUSAGE_SELF) */
void process_cpu_thread(struct process_cpu *out); /* of the calling thread */
int64_t process_rss_bytes(void);                  /* /proc/self/statm */
int64_t process_total_memory_bytes(void);         /* of the machine */
/* The memory this process may use: the lowest limit of its control group and those above it (cgroup v1 and v2), or the
 * machine's. ~100 us. */
struct process_memory {
    int64_t limit_bytes;
    int64_t used_bytes; /* of the group that sets the limit, its page cache included; 0 without one */
    bool contained;     /* a group sets it */
};
void process_memory(struct process_memory *out);
/* The same with another root of the file system, "" for the real one: for tests. */
void process_memory_under(const char *root, struct process_memory *out);
const char *process_os(void);         /* "Linux 6.1.0 x86_64" */
const char *process_executable(void); /* absolute path */

/* Raises RLIMIT_NOFILE towards want; returns the limit now in force. */
int64_t process_raise_open_files(int64_t want);
int process_daemonize(void);                 /* fork, setsid, /dev/null; 0 in the child */
int process_write_pidfile(const char *path); /* 0 or errno */
void process_set_title(const char *title);   /* prctl name only */
void process_disable_thp(void);
/* sd_notify without libsystemd: one datagram to $NOTIFY_SOCKET, a path or "@name" (abstract). Does not wait; LATER: the other
 * side has no room for it just now. */
enum process_notify { PROCESS_NOTIFY_SENT, PROCESS_NOTIFY_LATER, PROCESS_NOTIFY_NOBODY };
enum process_notify process_notify_supervisor(const char *state);

/* Signals become a call on the loop's thread: handler(signal_number). Installs for SIGTERM and SIGINT; ignores SIGHUP
 * and SIGPIPE. The calls come through fd (a signalfd) that the caller watches. Returns the descriptor or -errno. */
int process_signal_fd(void);
int process_signal_read(int fd); /* the next pending signal, 0 when none */

#endif
