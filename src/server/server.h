/* The server: one executor, one loop, the phases boot > loading > serving > draining. Private to server/: the room's one
 * state struct lives in server.c. */
#ifndef TARN_SERVER_SERVER_H
#define TARN_SERVER_SERVER_H

#include "base/config.h"
#include "base/metric.h"
#include "exec/command.h"

#include <stdbool.h>

enum server_phase { PHASE_BOOT, PHASE_LOADING, PHASE_SERVING, PHASE_DRAINING };

/* Exit codes, as documented in README and --help. */
enum server_exit {
    EXIT_OK = 0,     /* clean shutdown; --check-config found nothing */
    EXIT_CONFIG = 1, /* bad configuration, port taken, file that cannot be loaded, forced by a second signal */
};

/* Boots, loads, serves until it is told to stop; returns the exit code. The configuration has been read. */
int server_run(void);
enum server_phase server_phase(void);
const char *server_phase_name(void);

/* ---- shutdown.c ---- */
enum shutdown_flags { SHUTDOWN_SAVE = 1, SHUTDOWN_NOSAVE = 2, SHUTDOWN_NOW = 4, SHUTDOWN_FORCE = 8 };
struct session;
/* Begins draining. asker: the session that sent SHUTDOWN, told when it fails; NULL for a signal. While a save runs, writes are
 * paused and SHUTDOWN ABORT is possible. */
void shutdown_begin(unsigned flags, struct session *asker);
bool shutdown_abort(void); /* false when none is under way */
bool shutdown_under_way(void);
void shutdown_pause(void); /* for who has lifted a pause: writes stay paused while a shutdown is under way */
void shutdown_tick(void);  /* once a turn */
void shutdown_signal(int signal_number);
extern const struct command_row shutdown_commands[];

/* ---- server.c, for the rest of the room ---- */
struct executor;
struct loop;
struct network;
struct reaper;
struct executor *server_executor(void);
struct loop *server_loop(void);
struct network *server_network(void);
struct reaper *server_reaper(void);
int64_t server_turn_rate(void);    /* turns of the loop in the last second */
int64_t server_turn_mean_us(void); /* their mean time, without waiting */
void server_stop(int exit_code);   /* ends server_run at the end of this turn */
void server_enter(enum server_phase phase);

/* ---- lists.c: what every room declares, gathered in one place ---- */
const struct command_list *server_command_lists(unsigned *count);
const struct directive_list *server_directive_lists(unsigned *count);
const struct metric_list *server_metric_lists(unsigned *count);

/* ---- metrics.c: facts that only server/ knows ---- */
extern const struct metric server_metrics[];
extern const unsigned server_metric_count;

#endif
