#include "io/process.h"

#include "base/check.h"
#include "io/file.h"
#include "io/io_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static void usage_of(int who, struct process_cpu *out) {
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    getrusage(who, &usage);
    out->user_s = seconds_of(usage.ru_utime);
    out->system_s = seconds_of(usage.ru_stime);
}

void process_cpu(struct process_cpu *out) { usage_of(RUSAGE_SELF, out); }

void process_cpu_thread(struct process_cpu *out) { usage_of(RUSAGE_THREAD, out); }

int64_t process_rss_bytes(void) {
    char text[128];
    ssize_t n = file_read_whole("/proc/self/statm", text, sizeof text - 1);
    if (n <= 0) return 0;
    text[n] = '\0';
    long long pages = 0; /* the second word */
    if (sscanf(text, "%*s %lld", &pages) != 1) return 0;
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

int64_t process_total_memory_bytes(void) { return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE); }

const char *process_os(void) {
    if (io_state.os[0] == '\0') {
        struct utsname u;
        uname(&u);
        snprintf(io_state.os, sizeof io_state.os, "%s %s %s", u.sysname, u.release, u.machine);
    }
    return io_state.os;
}

const char *process_executable(void) {
    if (io_state.executable[0] == '\0') {
        ssize_t n = readlink("/proc/self/exe", io_state.executable, sizeof io_state.executable - 1);
        io_state.executable[n > 0 ? n : 0] = '\0';
    }
    return io_state.executable;
}

/* Where the hard limit is in the way and may not be raised, halves the distance until something is granted. */
int64_t process_raise_open_files(int64_t want) {
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0) return -errno;
    rlim_t target = (rlim_t)want;
    while (now.rlim_cur < target) {
        struct rlimit next = {.rlim_cur = target, .rlim_max = target > now.rlim_max ? target : now.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &next) == 0) {
            now = next;
            break;
        }
        target = now.rlim_max > now.rlim_cur && now.rlim_max < target ? now.rlim_max
                                                                      : now.rlim_cur + (target - now.rlim_cur) / 2;
    }
    return (int64_t)now.rlim_cur;
}

int process_daemonize(void) {
    pid_t pid = fork();
    if (pid < 0) return errno;
    if (pid > 0) _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return errno;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) dup2(null, fd);
    if (null > STDERR_FILENO) close(null);
    return 0;
}

int process_write_pidfile(const char *path) {
    char text[32];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int fd = file_create(path, 0644);
    if (fd < 0) return -fd;
    int error = -file_write(fd, text, (size_t)n);
    file_close(fd);
    return error;
}

void process_set_title(const char *title) { prctl(PR_SET_NAME, title, 0, 0, 0); }

void process_disable_thp(void) { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }

enum process_notify process_notify_supervisor(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@')) return PROCESS_NOTIFY_NOBODY;
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof to.sun_path) return PROCESS_NOTIFY_NOBODY;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0'; /* the abstract namespace, as systemd writes it */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return PROCESS_NOTIFY_LATER;
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len);
    bool full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS);
    close(fd);
    if (sent >= 0) return PROCESS_NOTIFY_SENT;
    return full ? PROCESS_NOTIFY_LATER : PROCESS_NOTIFY_NOBODY;
}

int process_signal_fd(void) {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int error = pthread_sigmask(SIG_BLOCK, &ours, NULL);
    if (error) return -error;
    int fd = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int process_signal_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t n;
    do n = read(fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}
