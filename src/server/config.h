/* The configuration: everything made from the directive rows of all rooms (base/config.h). Start-up file and flags, CONFIG
 * GET, SET, REWRITE and RESETSTAT, --check-config. Executor thread only.
 *
 * A file is read line by line, redis.conf syntax: blank lines and lines that start with '#' are skipped, the first word
 * names the directive (any case, any spelling), the rest are its values, quoted as base/text.h says. The last line wins,
 * except for DIRECTIVE_ADDITIVE ones. Not directives but statements of the file, and unknown to CONFIG GET: include,
 * rename-command, user, loadmodule, sentinel, and three spellings that have meant nothing for years. */
#ifndef TARN_SERVER_CONFIG_H
#define TARN_SERVER_CONFIG_H

#include "base/config.h"
#include "exec/command.h"
#include "mem/buf.h"

/* Limits on what a file may do: size, depth of include, files read in all, words in a line. */
#define CONFIG_FILE_MAX          (16u * 1024 * 1024)
#define CONFIG_INCLUDE_DEPTH_MAX 16
#define CONFIG_INCLUDE_FILES_MAX 1000
#define CONFIG_WORDS_MAX         1024

/* Gathers the rows (they must outlive the registry), proves that no spelling is declared twice, stores the defaults. */
void config_init(const struct directive_list *lists, unsigned count);
void config_release(void); /* frees; directives of type STRING point to "" afterwards */

enum config_outcome {
    CONFIG_RUN,  /* loaded: go on and start */
    CONFIG_GOOD, /* --check-config found nothing: exit with 0 */
    CONFIG_BAD,  /* the reason is on standard error: exit with 1 */
};

/* The command line behind argv[0]: [file | -] [--directive value ...] [-], or --check-config file [...]. A file named
 * "-" is standard input; directives after the file win. A directive takes all words up to the next "--name" that is a known
 * name; without any, a yes/no directive means yes and any other "". Stops at the first mistake, or, under
 * --check-config, reports all of them. */
enum config_outcome config_load(int argc, char **argv);

/* Absolute path of the main file, "" when there is none. Valid until config_release. */
const char *config_file_path(void);

/* rename-command lines, applied to the index of the executor that will serve clients. False after the reason has been
 * printed as config_load prints its own. */
bool config_rename_commands(struct command_index *commands);

/* One notice in the log for each directive that has been set but has no effect yet, once in the life of the process.
 * config_set does it too; call it when the log is open. */
void config_log_inert(void);

/* ---- values at run time ---- */
/* Appends the value as CONFIG GET prints it; false when the name is unknown. */
bool config_get(struct slice name, struct buf *out);
/* True for a directive whose value must not be logged; false for all others and for unknown names. */
bool config_is_sensitive(struct slice name);

enum config_set_flags {
    CONFIG_SET_PROTECTED = 1, /* protected directives may be set */
    CONFIG_SET_LOADING = 2,   /* the server is loading */
};

/* Sets count name/value pairs, all or none. On false, error holds CONFIG SET's reply without '-'. */
#define CONFIG_ERROR_MAX 512
bool config_set(const struct slice *pairs, int count, unsigned flags, char error[CONFIG_ERROR_MAX]);

/* Writes the values in force into the main file: its lines, comments and order stay, a changed value replaces its line,
 * a line that a later one made void is dropped, and what differs from the default and stands nowhere is appended under a
 * heading. everything: append also what equals its default. The old file is replaced by rename after an fsync: a kill at
 * any time leaves one of the two. 0, -ENOENT when the server runs without a file, or -errno. */
int config_rewrite(bool everything);

/* reset is called by CONFIG RESETSTAT, after executor_reset_stats. At most 16. */
void config_on_reset(void (*reset)(void));

extern const struct command_row config_commands[];
/* Accepted, checked, stored, reported, without effect in this version: directives_inert.c. */
extern const struct directive_list inert_directives;

#endif
