#include "base/log.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Settings are single words read without a lock. The log's own descriptor is opened once and then only ever replaced
 * by dup3, which is atomic, so a writer on another thread never meets a closed or foreign one. */
static struct {
    int level, format, timestamp, fd;
    char role;
    void (*tap)(enum log_level level, const char *text);
    pthread_mutex_t opening; /* guards path and who replaces the descriptor */
    char path[PATH_MAX];
} logging = {.level = LOG_NOTICE, .fd = STDOUT_FILENO, .role = 'M', .opening = PTHREAD_MUTEX_INITIALIZER};

/* Settings change rarely and stand alone, so relaxed order is enough. */
#define get(field)    __atomic_load_n(&logging.field, __ATOMIC_RELAXED)
#define set(field, v) __atomic_store_n(&logging.field, v, __ATOMIC_RELAXED)

void log_set_level(enum log_level level) { set(level, (int)level); }

enum log_level log_get_level(void) { return (enum log_level)get(level); }

void log_set_format(enum log_format format) { set(format, (int)format); }

void log_set_timestamp(enum log_timestamp timestamp) { set(timestamp, (int)timestamp); }

void log_set_role(char role) { set(role, role); }

void log_set_tap(void (*tap)(enum log_level level, const char *text)) { set(tap, tap); }

static int open_path(const char *path) {
    if (path[0] == '\0') return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static int replace_descriptor(const char *path) {
    int fd = open_path(path);
    if (fd < 0) return errno;
    if (get(fd) == STDOUT_FILENO) {
        set(fd, fd);
        return 0;
    }
    int error = dup3(fd, get(fd), O_CLOEXEC) < 0 ? errno : 0;
    close(fd);
    return error;
}

int log_open(const char *path) {
    if (strlen(path) >= sizeof logging.path) return ENAMETOOLONG;
    pthread_mutex_lock(&logging.opening);
    int error = replace_descriptor(path);
    if (error == 0) strcpy(logging.path, path);
    pthread_mutex_unlock(&logging.opening);
    return error;
}

int log_reopen(void) {
    pthread_mutex_lock(&logging.opening);
    int error = replace_descriptor(logging.path);
    pthread_mutex_unlock(&logging.opening);
    return error;
}

/* A line under construction. Room for the closing bytes is kept aside, so that a cut line is still well formed. */
struct line {
    char text[LOG_LINE_MAX];
    size_t len, limit;
};

#define CUT_MARK "..."

static bool put(struct line *l, const char *bytes, size_t n) {
    if (n > l->limit - l->len) return false;
    memcpy(l->text + l->len, bytes, n);
    l->len += n;
    return true;
}

static void put_text(struct line *l, const char *text) { put(l, text, strlen(text)); }

__attribute__((format(printf, 2, 3))) static void put_format(struct line *l, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_text(l, text);
}

static void put_timestamp(struct line *l) {
    struct timeval now;
    struct tm tm;
    char text[64];
    gettimeofday(&now, NULL);
    int ms = (int)(now.tv_usec / 1000);
    if (get(timestamp) == LOG_TIMESTAMP_MILLISECONDS) {
        put_format(l, "%lld", (long long)now.tv_sec * 1000 + ms);
        return;
    }
    localtime_r(&now.tv_sec, &tm);
    if (get(timestamp) == LOG_TIMESTAMP_ISO8601) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        long minutes = tm.tm_gmtoff / 60, absolute = minutes < 0 ? -minutes : minutes;
        put_format(l, "%s.%03d%c%02ld:%02ld", text, ms, minutes < 0 ? '-' : '+', absolute / 60, absolute % 60);
    } else {
        strftime(text, sizeof text, "%d %b %Y %H:%M:%S", &tm);
        put_format(l, "%s.%03d", text, ms);
    }
}

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7), or 0. */
static size_t utf8_length(const unsigned char *p) {
    unsigned char low = 0x80, high = 0xBF;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    for (size_t i = 1; i < n; i++) {
        if (p[i] < low || p[i] > high) return 0;
        low = 0x80;
        high = 0xBF;
    }
    return n;
}

/* Writes the escaped form of the character at p to dst; returns how many bytes of p it took. Legacy lines only lose
 * their control characters, so that one call stays one line. */
static size_t escape_one(const char *p, enum log_format format, char dst[8]) {
    unsigned char c = (unsigned char)*p;
    if (format == LOG_FORMAT_LEGACY) {
        snprintf(dst, 8, "%c", c < ' ' && c != '\t' ? ' ' : c);
        return 1;
    }
    if (c == '"' || c == '\\') return (size_t)(snprintf(dst, 8, "\\%c", c) - 1);
    if (c == '\n') return (size_t)(snprintf(dst, 8, "\\n") - 1);
    if (c < ' ' || c == 0x7F) return (size_t)(snprintf(dst, 8, "\\u%04x", c) - 5);
    size_t n = utf8_length((const unsigned char *)p);
    if (n == 0) return (size_t)(snprintf(dst, 8, "\\ufffd") - 5);
    memcpy(dst, p, n);
    dst[n] = '\0';
    return n;
}

/* The message, cut with a mark when it does not fit in front of the closing bytes. */
static void put_message(struct line *l, const char *text, bool cut, enum log_format format) {
    size_t full = l->limit;
    char one[8];
    size_t marked_len = l->len; /* where the mark would go: the last place that leaves room for it */
    while (*text) {
        text += escape_one(text, format, one);
        if (!put(l, one, strlen(one))) {
            cut = true;
            break;
        }
        if (l->len + sizeof CUT_MARK - 1 <= full) marked_len = l->len;
    }
    if (!cut) return;
    l->len = marked_len;
    put_text(l, CUT_MARK);
}

static const char *role_name(char role) {
    switch (role) {
    case 'X':
        return "sentinel";
    case 'C':
        return "child";
    case 'S':
        return "replica";
    default:
        return "primary";
    }
}

static void put_head(struct line *l, enum log_level level, enum log_format format) {
    static const char *const names[] = {"debug", "verbose", "notice", "warning"};
    if (format == LOG_FORMAT_JSON) {
        put_format(l, "{\"pid\":%d,\"role\":\"%s\",\"timestamp\":\"", getpid(), role_name(get(role)));
        put_timestamp(l);
        put_format(l, "\",\"level\":\"%s\",\"message\":\"", names[level]);
    } else if (format == LOG_FORMAT_LOGFMT) {
        put_format(l, "pid=%d role=%s timestamp=\"", getpid(), role_name(get(role)));
        put_timestamp(l);
        put_format(l, "\" level=%s message=\"", names[level]);
    } else {
        put_format(l, "%d:%c ", getpid(), get(role));
        put_timestamp(l);
        put_format(l, " %c ", ".-*#"[level]);
    }
}

static void write_whole(const struct line *l) {
    for (size_t done = 0; done < l->len;) {
        ssize_t n = write(get(fd), l->text + done, l->len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return; /* nobody is left to tell */
    }
}

void log_write(enum log_level level, const char *format, ...) {
    static const char *const tails[] = {"\n", "\"\n", "\"}\n"};
    if (level < log_get_level() || level >= LOG_NOTHING) return;
    int saved_errno = errno;
    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);

    enum log_format layout = (enum log_format)get(format);
    struct line l = {.len = 0, .limit = sizeof l.text - strlen(tails[layout])};
    put_head(&l, level, layout);
    put_message(&l, text, wanted >= (int)sizeof text, layout);
    l.limit = sizeof l.text;
    put_text(&l, tails[layout]);
    write_whole(&l);
    void (*tap)(enum log_level, const char *) = get(tap);
    if (tap) tap(level, text);
    errno = saved_errno;
}
