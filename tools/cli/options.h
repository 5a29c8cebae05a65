/* The command line of tarn-cli. */
#ifndef TARN_CLI_OPTIONS_H
#define TARN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum output { OUTPUT_BY_TERMINAL, OUTPUT_PLAIN, OUTPUT_RAW, OUTPUT_CSV, OUTPUT_JSON };

#define URI_MAX 1024

struct options {
    const char *host, *socket; /* socket wins */
    int port;
    const char *user, *password; /* or NULL */
    bool no_auth_warning, password_given;
    int64_t db;
    int resp; /* 0: as the server starts, 2 or 3: HELLO */
    enum output output;
    const char *delimiter, *separator; /* -d between elements and -D after a reply, raw output */
    bool fail_on_error;
    int64_t repeat; /* negative: for ever */
    int64_t interval_us;
    bool stdin_last;       /* -x */
    const char *stdin_tag; /* -X, or NULL */
    bool quoted_input;
    bool mass_insert; /* --pipe */
    char uri[URI_MAX];
};

/* Reads the options and returns the index of the first word of the command (argc when there is none). Answers --help and
 * --version and ends the process; a wrong option ends it with code 1. */
int options_parse(struct options *o, int argc, char **argv);

#endif
