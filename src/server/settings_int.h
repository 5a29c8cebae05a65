/* Private to settings: the system log, apart because <syslog.h> and base/log.h use the same names. */
#ifndef TARN_SERVER_SETTINGS_INT_H
#define TARN_SERVER_SETTINGS_INT_H

#define SYSLOG_USER 8 /* beside 0..7 for local0..local7 */

void syslog_open(const char *ident, int facility); /* ident must stay valid */
void syslog_write(int level, const char *text);    /* level: enum log_level */

#endif
