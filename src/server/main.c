/* tarn-server: the command line. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/process.h"
#include "mem/stats.h"
#include "observe/version.h"
#include "server/config.h"
#include "server/config_dump.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/supervise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: tarn-server [CONFIG-FILE | -] [--DIRECTIVE VALUE ...]\n"
    "       tarn-server --check-config CONFIG-FILE\n"
    "       tarn-server -v | --version\n"
    "       tarn-server -h | --help\n"
    "\n"
    "Serves the Redis protocol. CONFIG-FILE is in redis.conf syntax, - reads it from standard input; directives on "
    "the\n"
    "command line come after the file and win.\n"
    "\n"
    "Examples:\n"
    "  tarn-server                                   default configuration, port 6379\n"
    "  tarn-server /etc/tarn/tarn.conf --port 7777   a file, and one directive changed\n"
    "  tarn-server --dir /data --dbfilename dump.rdb load and serve /data/dump.rdb\n"
    "  echo 'maxmemory 1gb' | tarn-server -          configuration from standard input\n"
    "  tarn-server --check-config tarn.conf          report every error of a file and exit\n"
    "\n"
    "Exit codes: 0 clean shutdown (or nothing wrong with the checked file), 1 bad configuration, a port that is taken, "
    "a\n"
    "data file that cannot be loaded, or a second SIGTERM or SIGINT while the last save was running.\n";

static bool is_flag(const char *arg, const char *shorter, const char *longer) {
    return strcmp(arg, longer) == 0 || (shorter && strcmp(arg, shorter) == 0);
}

static void print_version(void) {
    printf("Tarn server v=%s sha=%s:%d malloc=%s bits=%zu build=%s\n", TARN_REDIS_VERSION, TARN_GIT_SHA1,
           TARN_GIT_DIRTY, mem_allocator_name(), sizeof(void *) * 8, version_build_id());
}

/* True when the arguments asked only for a text. */
static bool print_text(int argc, char **argv) {
    if (argc < 2) return false;
    if (is_flag(argv[1], "-v", "--version")) {
        print_version();
    } else if (is_flag(argv[1], "-h", "--help")) {
        fputs(usage, stdout);
    } else if (is_flag(argv[1], NULL, "--dump-directives")) {
        unsigned count;
        const struct directive_list *lists = server_directive_lists(&count);
        config_dump(lists, count);
    } else {
        return false;
    }
    return true;
}

/* The log first, so that every failure is seen by somebody; the pid file last, so that the pid in it is the daemon's. */
static bool settle(void) {
    const struct server_settings *s = server_settings();
    if (!settings_open_log()) return false;
    supervise_begin();
    if (s->daemonize && !supervise_is_on() && process_daemonize() != 0) {
        log_warning("Cannot run in the background: %s", strerror(errno));
        return false;
    }
    settings_write_pidfile();
    if (s->disable_thp) process_disable_thp();
    if (s->set_proc_title) process_set_title("tarn-server");
    log_notice("Tarn %s (%s, %s), PID: %d", TARN_VERSION, mem_allocator_name(), loop_api(), (int)getpid());
    config_log_inert();
    return true;
}

int main(int argc, char **argv) {
    if (print_text(argc, argv)) return EXIT_OK;
    clock_init();
    unsigned count;
    const struct directive_list *directives = server_directive_lists(&count);
    config_init(directives, count);
    switch (config_load(argc, argv)) {
    case CONFIG_GOOD:
        return EXIT_OK;
    case CONFIG_BAD:
        return EXIT_CONFIG;
    case CONFIG_RUN:
        break;
    }
    int code = settle() ? server_run() : EXIT_CONFIG;
    config_release();
    return code;
}
