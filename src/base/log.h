/* The log. One line a call, written whole with one write(2), thread-safe, no allocation; lines longer than
 * LOG_LINE_MAX are cut with "...". Levels and the legacy line layout ("pid:role dd Mon yyyy HH:MM:SS.mmm level text")
 * are an interface: people's scripts read them. */
#ifndef TARN_BASE_LOG_H
#define TARN_BASE_LOG_H

#define LOG_LINE_MAX 1024

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };
enum log_format { LOG_FORMAT_LEGACY, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_timestamp { LOG_TIMESTAMP_LEGACY, LOG_TIMESTAMP_ISO8601, LOG_TIMESTAMP_MILLISECONDS };

#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_VERBOSE, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Settings; safe at any time. An empty path means standard output. log_open returns 0 or errno and keeps the old
 * file on failure. log_reopen opens the same path again (log rotation). */
int log_open(const char *path);
int log_reopen(void);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_format(enum log_format format);
void log_set_timestamp(enum log_timestamp timestamp);
void log_set_role(char role); /* 'X' sentinel, 'C' child, 'S' replica, 'M' primary */
/* A second receiver of every line that passes the level (syslog, a test). NULL for none. */
void log_set_tap(void (*tap)(enum log_level level, const char *text));

#endif
