#include "options.h"

#include "base/check.h"
#include "base/num.h"
#include "base/text.h"
#include "base/version.h"
#include "mass.h"
#include "script.h"
#include "secret.h"
#include "survey.h"
#include "top.h"
#include "transfer.h"
#include "wait_ready.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_group {
    GROUP_WHERE,
    GROUP_WHO,
    GROUP_HOW_OFTEN,
    GROUP_INPUT,
    GROUP_OUTPUT,
    GROUP_MODE,
    GROUP_SELF,
    GROUP_COUNT
};

static const char *const group_titles[GROUP_COUNT] = {
    "Where to", "Who", "How often", "Input", "Output", "Instead of a command", "About itself",
};

enum option_kind {
    OPTION_PLAIN,   /* sets nothing: what it does is its mode or its take */
    OPTION_SWITCH,  /* bool: true */
    OPTION_CHOICE,  /* int: low */
    OPTION_TEXT,    /* const char * */
    OPTION_INTEGER, /* int64_t, low..high */
    OPTION_SECONDS, /* int64_t, microseconds */
};

struct option_row {
    const char *name, *alias;
    const char *argument; /* as --help calls it; NULL: takes none; "[...]": a number, which may be missing */
    enum option_group group;
    enum option_kind kind;
    size_t member; /* of struct options */
    int64_t low, high;
    void (*take)(struct options *o, const char *value); /* after the member is set; value is NULL without an argument */
    int (*mode)(struct session *s);
    bool takes_words; /* the mode wants the words behind the options */
    bool hidden;
    const char *help;
};

static _Noreturn void refuse(const char *what, const char *subject) {
    fprintf(stderr, "%s: '%s'\nSee tarn-cli --help\n", what, subject);
    exit(1);
}

/* ---- -u ---- */
/* %XX in place; the text only gets shorter. */
static void percent_decode(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        int high = *from == '%' ? text_hex_value(from[1]) : -1, low = high >= 0 ? text_hex_value(from[2]) : -1;
        if (low < 0)
            *to = *from;
        else {
            *to = (char)(high << 4 | low);
            from += 2;
        }
    }
    *to = '\0';
}

/* Cuts text at the first c and returns what follows, or NULL. */
static char *cut(char *text, char c) {
    char *at = strchr(text, c);
    if (at) *at++ = '\0';
    return at;
}

static void parse_credentials(struct options *o, char *text) {
    char *password = cut(text, ':');
    percent_decode(text);
    if (password) percent_decode(password);
    if (password && *text) o->user = text;
    o->password = password ? password : text;
    o->password_given = true;
}

static int64_t uri_number(const char *name, const char *text, int64_t high) {
    int64_t v;
    if (!num_parse_i64(slice_of_cstr(text), &v) || v < 0 || v > high) refuse(name, text);
    return v;
}

static void take_uri(struct options *o, const char *uri) {
    if (strlen(uri) >= URI_MAX) refuse("URI too long", "-u");
    strcpy(o->uri, uri);
    char *rest = strstr(o->uri, "://");
    if (!rest) refuse("Invalid URI scheme", uri);
    *rest = '\0';
    rest += 3;
    if (strcmp(o->uri, "rediss") == 0 || strcmp(o->uri, "valkeys") == 0) refuse("TLS is not supported yet", uri);
    if (strcmp(o->uri, "redis") != 0 && strcmp(o->uri, "tarn") != 0 && strcmp(o->uri, "valkey") != 0)
        refuse("Invalid URI scheme", uri);
    char *db = cut(rest, '/'), *at = strrchr(rest, '@');
    if (at) {
        *at = '\0';
        parse_credentials(o, rest);
        rest = at + 1;
    }
    char *port = *rest == '[' ? cut(rest++, ']') : rest;
    if (port && (port = cut(port, ':')) != NULL) o->port = uri_number("Invalid port", port, 65535);
    if (*rest) o->host = rest;
    if (db && *db) o->db = uri_number("Invalid database", db, INT64_MAX);
}

/* ---- what rows take ---- */
static void take_password(struct options *o, const char *value) {
    (void)value;
    o->password_given = true;
}

static void take_show_pushes(struct options *o, const char *value) {
    bool yes = *value == 'y' || *value == 'Y', no = *value == 'n' || *value == 'N';
    if (!yes && !no) refuse("Invalid value for --show-pushes, yes or no", value);
    o->show_pushes = yes ? 1 : -1;
}

static void take_tls(struct options *o, const char *value) {
    (void)o;
    (void)value;
    refuse("TLS is not supported yet", "--tls");
}

static void take_cluster(struct options *o, const char *value) {
    (void)o;
    (void)value;
    refuse("Managing a cluster is not supported: Tarn has no cluster mode yet", "--cluster");
}

static void take_debugger(struct options *o, const char *value) {
    (void)o;
    (void)value;
    refuse("There is no debugger of scripts", "--ldb");
}

static void take_help(struct options *o, const char *value);
static void take_dump(struct options *o, const char *value);

static void take_version(struct options *o, const char *value) {
    (void)o;
    (void)value;
    puts("tarn-cli " TARN_VERSION);
    exit(0);
}

/* ---- the table ---- */
#define MEMBER(m) offsetof(struct options, m)

static const struct option_row rows[] = {
    {"-h", NULL, "<host>", GROUP_WHERE, OPTION_TEXT, MEMBER(host), .help = "Server address (127.0.0.1)"},
    {"-p", NULL, "<port>", GROUP_WHERE, OPTION_INTEGER, MEMBER(port), 0, 65535, .help = "Server port (6379)"},
    {"-s", NULL, "<path>", GROUP_WHERE, OPTION_TEXT, MEMBER(socket), .help = "Unix socket instead of host and port"},
    {"-u", NULL, "<uri>", GROUP_WHERE, OPTION_PLAIN, .take = take_uri,
     .help = "redis://[[user:]password@]host[:port][/db], also tarn:// and valkey://"},
    {"-n", NULL, "<db>", GROUP_WHERE, OPTION_INTEGER, MEMBER(db), 0, INT64_MAX, .help = "Database to select"},
    {"-c", NULL, NULL, GROUP_WHERE, OPTION_SWITCH, MEMBER(follow_redirects),
     .help = "Follow the redirections (MOVED, ASK) of a cluster's nodes"},
    {"--tls", NULL, NULL, GROUP_WHERE, OPTION_PLAIN, .take = take_tls, .hidden = true, .help = ""},
    {"--cluster", NULL, "<command>", GROUP_WHERE, OPTION_PLAIN, .take = take_cluster, .hidden = true, .help = ""},
    {"-a", "--pass", "<text>", GROUP_WHO, OPTION_TEXT, MEMBER(password), .take = take_password,
     .help = "Password; better given in the environment variable REDISCLI_AUTH"},
    {"--user", NULL, "<name>", GROUP_WHO, OPTION_TEXT, MEMBER(user), .help = "User that the password belongs to"},
    {"--askpass", NULL, NULL, GROUP_WHO, OPTION_SWITCH, MEMBER(ask_password),
     .help = "Ask for the password on the terminal"},
    {"--no-auth-warning", NULL, NULL, GROUP_WHO, OPTION_SWITCH, MEMBER(no_auth_warning),
     .help = "Say nothing of a password on the command line"},
    {"-r", NULL, "<count>", GROUP_HOW_OFTEN, OPTION_INTEGER, MEMBER(repeat), INT64_MIN, INT64_MAX,
     .help = "Run the command count times, -1 for ever"},
    {"-i", NULL, "<seconds>", GROUP_HOW_OFTEN, OPTION_SECONDS, MEMBER(interval_us),
     .help = "Wait between two runs, parts of a second allowed"},
    {"-x", NULL, NULL, GROUP_INPUT, OPTION_SWITCH, MEMBER(stdin_last),
     .help = "The last argument is read from standard input"},
    {"-X", NULL, "<tag>", GROUP_INPUT, OPTION_TEXT, MEMBER(stdin_tag),
     .help = "The argument that equals tag is read from standard input"},
    {"--quoted-input", NULL, NULL, GROUP_INPUT, OPTION_SWITCH, MEMBER(quoted_input),
     .help = "Arguments may be written \"with \\x escapes\""},
    {"--pipe", NULL, NULL, GROUP_INPUT, OPTION_PLAIN, .mode = mass_run,
     .help = "Send standard input as it is (RESP or inline) and count the replies"},
    {"--pipe-timeout", NULL, "<seconds>", GROUP_INPUT, OPTION_INTEGER, MEMBER(pipe_timeout_s), 0, INT32_MAX,
     .help = "How long --pipe waits for the last reply (30; 0: for ever)"},
    {"-2", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(resp), 2, .help = "Speak RESP2"},
    {"-3", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(resp), 3, .help = "Speak RESP3"},
    {"--raw", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(output), OUTPUT_RAW,
     .help = "Values only (the default when the output is no terminal)"},
    {"--no-raw", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(output), OUTPUT_PLAIN,
     .help = "Types and numbering too (the default on a terminal)"},
    {"--csv", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(output), OUTPUT_CSV, .help = "Comma separated values"},
    {"--json", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(output), OUTPUT_JSON,
     .help = "JSON, from RESP3 unless -2 is given"},
    {"--quoted-json", NULL, NULL, GROUP_OUTPUT, OPTION_CHOICE, MEMBER(output), OUTPUT_QUOTED_JSON,
     .help = "JSON with bytes above ASCII written as \\x escapes"},
    {"-d", NULL, "<text>", GROUP_OUTPUT, OPTION_TEXT, MEMBER(delimiter),
     .help = "Between the elements of a raw reply (a line end)"},
    {"-D", NULL, "<text>", GROUP_OUTPUT, OPTION_TEXT, MEMBER(separator), .help = "After each raw reply (a line end)"},
    {"--show-pushes", NULL, "<yes|no>", GROUP_OUTPUT, OPTION_PLAIN, .take = take_show_pushes,
     .help = "Whether RESP3 pushes are printed (only on a terminal)"},
    {"-e", NULL, NULL, GROUP_OUTPUT, OPTION_SWITCH, MEMBER(fail_on_error),
     .help = "An error reply goes to standard error and makes the exit code 1"},
    {"--verbose", NULL, NULL, GROUP_OUTPUT, OPTION_SWITCH, MEMBER(verbose),
     .help = "Say on standard error what is connected to and how long commands take"},
    {"top", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = top_run,
     .help = "Memory by owner, biggest keys, clients and traffic, live on the whole screen (-i)"},
    {"--once", NULL, NULL, GROUP_MODE, OPTION_SWITCH, MEMBER(once), .help = "One frame of top as plain text"},
    {"--scan", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = survey_list, .help = "List all keys"},
    {"--bigkeys", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = survey_big,
     .help = "The keys with most elements, by type"},
    {"--memkeys", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = survey_memory,
     .help = "The keys with most memory, by type"},
    {"--memkeys-samples", NULL, "<count>", GROUP_MODE, OPTION_INTEGER, MEMBER(samples), 0, INT32_MAX,
     .mode = survey_memory, .help = "The same with so many elements of each key looked at, 0: all"},
    {"--hotkeys", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = survey_hot,
     .help = "The keys used most; needs an LFU maxmemory-policy"},
    {"--pattern", NULL, "<glob>", GROUP_MODE, OPTION_TEXT, MEMBER(pattern),
     .help = "Only keys that match, for --scan and the others above"},
    {"--quoted-pattern", NULL, "<glob>", GROUP_MODE, OPTION_TEXT, MEMBER(quoted_pattern),
     .help = "The same, written \"with \\x escapes\""},
    {"--count", NULL, "<number>", GROUP_MODE, OPTION_INTEGER, MEMBER(scan_count), 1, INT32_MAX,
     .help = "Keys that SCAN looks at in one step"},
    {"--stat", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = watch_stat, .help = "A line of figures every second (-i)"},
    {"--latency", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = watch_latency,
     .help = "How long a PING takes; one line after 1 s (-i) when the output is no terminal"},
    {"--latency-history", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = watch_latency_history,
     .help = "The same, a line every 15 s (-i)"},
    {"--latency-dist", NULL, NULL, GROUP_MODE, OPTION_PLAIN, .mode = watch_latency_spectrum,
     .help = "The same as a spectrum in 256 colours, every second (-i)"},
    {"--intrinsic-latency", NULL, "<seconds>", GROUP_MODE, OPTION_INTEGER, MEMBER(seconds), 1, INT32_MAX,
     .mode = watch_machine, .help = "How long this machine holds a busy program up; asks no server"},
    {"--wait-ready", NULL, "[seconds]", GROUP_MODE, OPTION_SECONDS, MEMBER(wait_us), .mode = wait_ready,
     .help =
         "Wait until the server has loaded, showing its progress; exit code 2 when there is none, 3 when time is up"},
    {"--lru-test", NULL, "<keys>", GROUP_MODE, OPTION_INTEGER, MEMBER(keys), 1, INT64_MAX, .mode = watch_cache,
     .help = "Use the server as a cache by the 80-20 rule; writes keys named lru:*"},
    {"--rdb", NULL, "<file>", GROUP_MODE, OPTION_TEXT, MEMBER(file), .mode = transfer_rdb,
     .help = "Fetch the dataset as an RDB file, by SYNC (which Tarn does not serve yet); - is standard output"},
    {"--functions-rdb", NULL, "<file>", GROUP_MODE, OPTION_TEXT, MEMBER(file), .mode = transfer_functions,
     .help = "The same with the function libraries alone"},
    {"--replica", "--slave", NULL, GROUP_MODE, OPTION_PLAIN, .mode = transfer_commands,
     .help = "Print the commands that a replica gets, by SYNC"},
    {"--eval", NULL, "<file>", GROUP_MODE, OPTION_TEXT, MEMBER(file), .mode = script_run, .takes_words = true,
     .help = "Run the script of a file: --eval file key ... , argument ... (which Tarn does not serve yet)"},
    {"--ldb", "--ldb-sync-mode", NULL, GROUP_MODE, OPTION_PLAIN, .take = take_debugger, .hidden = true, .help = ""},
    {"--help", NULL, NULL, GROUP_SELF, OPTION_PLAIN, .take = take_help, .help = "Print this text"},
    {"--version", "-v", NULL, GROUP_SELF, OPTION_PLAIN, .take = take_version, .help = "Print the version"},
    {"--dump-options", NULL, NULL, GROUP_SELF, OPTION_PLAIN, .take = take_dump, .hidden = true, .help = ""},
};

static const struct option_row *row_of(const char *name) {
    for (size_t i = 0; i < countof(rows); i++)
        if (strcmp(name, rows[i].name) == 0 || (rows[i].alias && strcmp(name, rows[i].alias) == 0)) return &rows[i];
    return NULL;
}

/* "-a, --pass <text>" */
static void row_syntax(const struct option_row *row, char *dst, size_t cap) {
    snprintf(dst, cap, "%s%s%s%s%s", row->name, row->alias ? ", " : "", row->alias ? row->alias : "",
             row->argument ? " " : "", row->argument ? row->argument : "");
}

static void take_help(struct options *o, const char *value) {
    char syntax[64];
    (void)o;
    (void)value;
    puts("Usage: tarn-cli [options] [command [argument ...]]\n"
         "\n"
         "Sends one command and prints the reply; without a command reads commands from standard input,\n"
         "with a prompt when that is a terminal.");
    for (int group = 0; group < GROUP_COUNT; group++) {
        printf("\n%s\n", group_titles[group]);
        for (size_t i = 0; i < countof(rows); i++) {
            if ((int)rows[i].group != group || rows[i].hidden) continue;
            row_syntax(&rows[i], syntax, sizeof syntax);
            printf("  %-26s %s\n", syntax, rows[i].help);
        }
    }
    puts("\nExit code: 0; 1 when there is no connection, for a wrong option, and with -e for an error reply.");
    exit(0);
}

/* For scripts/manual.sh: group, name, alias, argument, help, a line each, by tabs. */
static void take_dump(struct options *o, const char *value) {
    (void)o;
    (void)value;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct option_row *row = &rows[i];
        if (!row->hidden)
            printf("%s\t%s\t%s\t%s\t%s\n", group_titles[row->group], row->name, row->alias ? row->alias : "-",
                   row->argument ? row->argument : "-", row->help);
    }
    exit(0);
}

/* ---- parsing ---- */
_Static_assert(sizeof(enum output) == sizeof(int), "OPTION_CHOICE writes an int");

static void row_set(struct options *o, const struct option_row *row, const char *value) {
    char *member = (char *)o + row->member;
    int choice = (int)row->low;
    int64_t number;
    double seconds;
    if (row->argument && !value) return; /* it was missing */
    switch (row->kind) {
    case OPTION_SWITCH:
        *(bool *)member = true;
        break;
    case OPTION_CHOICE:
        memcpy(member, &choice, sizeof choice);
        break;
    case OPTION_TEXT:
        memcpy(member, &value, sizeof value);
        break;
    case OPTION_INTEGER:
        if (!num_parse_i64(slice_of_cstr(value), &number) || number < row->low || number > row->high)
            refuse(row->name, value);
        memcpy(member, &number, sizeof number);
        break;
    case OPTION_SECONDS:
        if (!num_parse_double(slice_of_cstr(value), &seconds) || !(seconds >= 0 && seconds < 1e9))
            refuse(row->name, value);
        number = (int64_t)(seconds * 1e6);
        memcpy(member, &number, sizeof number);
        break;
    case OPTION_PLAIN:
        break;
    }
}

static void row_apply(struct options *o, const struct option_row *row, const char *value) {
    row_set(o, row, value);
    if (row->mode) {
        o->mode = row->mode;
        o->mode_takes_words = row->takes_words;
    }
    if (row->take) row->take(o, value);
}

static void options_settle(struct options *o) {
    if (o->mode && !o->mode_takes_words && o->word_count > 0) refuse("Not with a command", o->words[0]);
    if (o->password_given && !o->no_auth_warning)
        fputs("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n",
              stderr);
    if (!o->ask_password) return;
    if (!secret_ask(o->secret, sizeof o->secret)) refuse("No password was given", "--askpass");
    o->password = o->secret;
}

void options_parse(struct options *o, int argc, char **argv) {
    *o = (struct options){.host = "127.0.0.1", .port = 6379, .delimiter = "\n", .separator = "\n", .repeat = 1};
    o->pipe_timeout_s = 30;
    o->wait_us = -1;
    o->samples = -1;
    o->password = getenv("REDISCLI_AUTH");
    int i = 1;
    for (; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 && i + 1 == argc) take_help(o, NULL);
        const struct option_row *row = row_of(argv[i]);
        if (!row && argv[i][0] != '-') break;
        bool may_miss = row && row->argument && row->argument[0] == '[';
        bool misses = may_miss && (i + 1 == argc || !strchr("0123456789.", argv[i + 1][0]) || !argv[i + 1][0]);
        if (!row || (row->argument && !misses && i + 1 == argc))
            refuse("Unrecognized option or bad number of args for", argv[i]);
        row_apply(o, row, row->argument && !misses ? argv[++i] : NULL);
    }
    o->words = argv + i;
    o->word_count = argc - i;
    options_settle(o);
}
