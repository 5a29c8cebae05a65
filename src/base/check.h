/* Three kinds of check, after SQLite:
 *   proven(x)    x follows from the code around it; compiled into every build, ends the process with
 *                a crash report. Use it on both sides of every boundary (disk, wire, thread).
 *   debug_proven(x)  the same for checks too dear for release builds (only with TARN_DEBUG).
 *   likely/unlikely  branch hints for the paths that the request budget counts. */
#ifndef TARN_BASE_CHECK_H
#define TARN_BASE_CHECK_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Prints "file:line: what" to standard error and to the log, then aborts. Never returns. */
_Noreturn void check_failed(const char *file, int line, const char *what);
/* Called once by check_failed before the abort; server/ plugs in its crash report. */
void check_on_failure(void (*report)(const char *file, int line, const char *what));

#define proven(x) (likely(x) ? (void)0 : check_failed(__FILE__, __LINE__, #x))
#ifdef TARN_DEBUG
#define debug_proven(x) proven(x)
#else
#define debug_proven(x) ((void)0)
#endif
#define unreachable(why) check_failed(__FILE__, __LINE__, why)

#define countof(a)       (sizeof(a) / sizeof((a)[0]))

#endif
