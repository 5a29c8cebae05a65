/* The command line of tarn-cli. Every option is one row of the table in options.c: parsing, --help, the man page and the
 * completion of shells follow from it. */
#ifndef TARN_CLI_OPTIONS_H
#define TARN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output { OUTPUT_BY_TERMINAL, OUTPUT_PLAIN, OUTPUT_RAW, OUTPUT_CSV, OUTPUT_JSON, OUTPUT_QUOTED_JSON };

#define URI_MAX    1024
#define SECRET_MAX 512

struct session;

struct options {
    const char *host, *socket; /* socket wins */
    int64_t port;
    const char *user, *password; /* or NULL */
    bool ask_password, no_auth_warning, password_given;
    int64_t db;
    int resp; /* 0: as the server starts, 2 or 3: HELLO */
    enum output output;
    const char *delimiter, *separator; /* -d between elements and -D after a reply, raw output */
    bool fail_on_error, verbose;
    bool follow_redirects; /* -c */
    int show_pushes;       /* 0: to people, 1: always, -1: never */
    int64_t repeat;        /* negative: for ever */
    int64_t interval_us;   /* 0: not given */
    bool stdin_last;       /* -x */
    const char *stdin_tag; /* -X, or NULL */
    bool quoted_input;
    /* What to do instead of running a command; NULL: the command, or the prompt. It is given a session that is not connected yet,
     * and returns the exit code. */
    int (*mode)(struct session *s);
    bool mode_takes_words;
    char *const *words; /* behind the options */
    int word_count;
    /* for modes */
    const char *pattern, *quoted_pattern; /* --scan and surveys; or NULL */
    int64_t scan_count;                   /* 0: the server's */
    int64_t samples;                      /* of --memkeys; 0 is all, negative the server's choice */
    int64_t pipe_timeout_s;               /* 0: for ever */
    int64_t wait_us;                      /* --wait-ready; negative: as long as it takes */
    int64_t seconds, keys;                /* --intrinsic-latency, --lru-test */
    const char *file;                     /* --rdb, --functions-rdb, --eval */
    bool once;
    char uri[URI_MAX], secret[SECRET_MAX]; /* what -u and --askpass point into */
};

/* Reads the options; what is no option begins the words. Answers --help and --version and ends the process; a wrong option ends
 * it with code 1. */
void options_parse(struct options *o, int argc, char **argv);

#endif
