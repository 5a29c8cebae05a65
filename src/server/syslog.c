#include "server/settings_int.h"

#include <syslog.h>

void syslog_open(const char *ident, int facility) {
    openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT,
            facility == SYSLOG_USER ? LOG_USER : LOG_LOCAL0 + (facility << 3));
}

void syslog_write(int level, const char *text) {
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    if (level >= 0 && level < 4) syslog(priorities[level], "%s", text);
}
