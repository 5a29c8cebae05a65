/* INFO server and cpu: what is known of the build, the machine and the process. */
#include "base/check.h"
#include "base/clock.h"
#include "exec/executor.h"
#include "io/loop.h"
#include "io/process.h"
#include "observe/observe_int.h"

#include <stdio.h>
#include <unistd.h>

#define UNUSED (void)scope

#define READ_TEXT(name, expression)                                                       \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        UNUSED;                                                                           \
        metric_text(out, (expression));                                                   \
    }
#define READ_INTEGER(name, expression)                                                    \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        UNUSED;                                                                           \
        metric_int(out, (int64_t)(expression));                                           \
    }

READ_TEXT(redis_version, TARN_REDIS_VERSION)
READ_TEXT(server_name, "tarn")
READ_TEXT(tarn_version, TARN_VERSION)
READ_TEXT(git_sha1, TARN_GIT_SHA1)
READ_INTEGER(git_dirty, TARN_GIT_DIRTY)
READ_TEXT(mode, "standalone")
READ_TEXT(os, process_os())
READ_INTEGER(arch_bits, sizeof(void *) * 8)
READ_TEXT(clock_source, clock_ticks_source())
READ_TEXT(loop_api, loop_api())
READ_INTEGER(pid, getpid())
READ_TEXT(run_id, scope->executor->run_id)
READ_INTEGER(time, clock_wall_us())
READ_INTEGER(uptime, (scope->executor->now_ms - scope->executor->start_ms) / 1000)
READ_INTEGER(uptime_days, (scope->executor->now_ms - scope->executor->start_ms) / 86400000)
/* The clock of keys' access times: seconds in 24 bits. */
READ_INTEGER(access_clock, scope->executor->now_ms / 1000 & 0xffffff)
READ_TEXT(executable, process_executable())

READ_TEXT(build_id, version_build_id())

static void read_compiler(const struct metric_scope *scope, struct metric_value *out) {
    UNUSED;
#ifdef __clang__
    snprintf(out->scratch, sizeof out->scratch, "clang %d.%d.%d", __clang_major__, __clang_minor__,
             __clang_patchlevel__);
#else
    snprintf(out->scratch, sizeof out->scratch, "%d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
    metric_text(out, out->scratch);
}

/* ---- cpu ---- */

static struct process_cpu all_threads(void) {
    struct process_cpu cpu;
    process_cpu(&cpu);
    return cpu;
}

static struct process_cpu this_thread(void) {
    struct process_cpu cpu;
    process_cpu_thread(&cpu);
    return cpu;
}

#define READ_SECONDS(name, expression)                                                    \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        UNUSED;                                                                           \
        metric_real(out, METRIC_SECONDS, (expression));                                   \
    }
READ_SECONDS(cpu_system, all_threads().system_s)
READ_SECONDS(cpu_user, all_threads().user_s)
READ_SECONDS(cpu_none, 0) /* nothing here runs in a child process */
READ_SECONDS(cpu_thread_system, this_thread().system_s)
READ_SECONDS(cpu_thread_user, this_thread().user_s)

#define STATE(field, reader, text) \
    { .section = "server", .name = field, .class = METRIC_STATE, .help = text, .read = reader }
#define GAUGE(field, reader, text) \
    { .section = "server", .name = field, .class = METRIC_GAUGE, .help = text, .read = reader }
#define CPU(field, reader, text) \
    { .section = "cpu", .name = field, .class = METRIC_COUNTER, .help = text, .read = reader }

static const struct metric rows[] = {
    STATE("redis_version", read_redis_version, "The Redis version whose commands and formats are kept"),
    STATE("server_name", read_server_name, "The product"),
    STATE("tarn_version", read_tarn_version, "Its own version"),
    STATE("redis_git_sha1", read_git_sha1, "Commit of the build, zeros when unknown"),
    STATE("redis_git_dirty", read_git_dirty, "1 when the build had changes beyond its commit"),
    STATE("redis_build_id", read_build_id, "Tells builds of different versions and compilers apart"),
    STATE("redis_mode", read_mode, "standalone"),
    STATE("os", read_os, "Kernel, its release and the machine"),
    STATE("arch_bits", read_arch_bits, "Bits of a pointer"),
    STATE("monotonic_clock", read_clock_source, "What durations are measured with"),
    STATE("multiplexing_api", read_loop_api, "What the event loop waits with"),
    STATE("gcc_version", read_compiler, "The compiler"),
    STATE("process_id", read_pid, "Process id"),
    STATE("run_id", read_run_id, "Random id of this start"),
    GAUGE("server_time_usec", read_time, "The server's clock, microseconds since 1970"),
    GAUGE("uptime_in_seconds", read_uptime, "Seconds since the start"),
    GAUGE("uptime_in_days", read_uptime_days, "Days since the start"),
    GAUGE("lru_clock", read_access_clock, "Clock of access times, seconds modulo 2^24"),
    STATE("executable", read_executable, "Path of the program"),

    CPU("used_cpu_sys", read_cpu_system, "System CPU seconds of all threads"),
    CPU("used_cpu_user", read_cpu_user, "User CPU seconds of all threads"),
    CPU("used_cpu_sys_children", read_cpu_none, "System CPU seconds of child processes"),
    CPU("used_cpu_user_children", read_cpu_none, "User CPU seconds of child processes"),
    CPU("used_cpu_sys_main_thread", read_cpu_thread_system, "System CPU seconds of the executor"),
    CPU("used_cpu_user_main_thread", read_cpu_thread_user, "User CPU seconds of the executor"),
};
const struct metric_list process_metrics = {rows, countof(rows)};
