#include "options.h"

#include "base/num.h"
#include "base/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: tarn-cli [options] [command [argument ...]]\n"
    "\n"
    "Sends one command and prints the reply; without a command reads commands from standard input,\n"
    "with a prompt when that is a terminal.\n"
    "\n"
    "Where to\n"
    "  -h <host>           Server address (127.0.0.1)\n"
    "  -p <port>           Server port (6379)\n"
    "  -s <path>           Unix socket instead of host and port\n"
    "  -u <uri>            redis://[[user:]password@]host[:port][/db], also tarn:// and valkey://\n"
    "  -n <db>             Database to select\n"
    "Who\n"
    "  -a, --pass <text>   Password; better given in the environment variable REDISCLI_AUTH\n"
    "  --user <name>       User that the password belongs to\n"
    "  --no-auth-warning   Say nothing of a password on the command line\n"
    "How often\n"
    "  -r <count>          Run the command count times, -1 for ever\n"
    "  -i <seconds>        Wait between two runs, parts of a second allowed\n"
    "Input\n"
    "  -x                  The last argument is read from standard input\n"
    "  -X <tag>            The argument that equals tag is read from standard input\n"
    "  --quoted-input      Arguments may be written \"with \\x escapes\"\n"
    "  --pipe              Send standard input as it is (RESP or inline) and count the replies\n"
    "Output\n"
    "  -2, -3              Speak RESP2 or RESP3\n"
    "  --raw, --no-raw     Values only, or types and numbering too (the default on a terminal)\n"
    "  --csv, --json       Other forms\n"
    "  -d <text>           Between the elements of a raw reply (a line end)\n"
    "  -D <text>           After each raw reply (a line end)\n"
    "  -e                  An error reply goes to standard error and makes the exit code 1\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Exit code: 0; 1 when there is no connection, for a wrong option, and with -e for an error reply.\n";

static _Noreturn void refuse(const char *what, const char *subject) {
    fprintf(stderr, "%s: '%s'\nSee tarn-cli --help\n", what, subject);
    exit(1);
}

static int64_t integer_option(const char *name, const char *text) {
    int64_t v;
    if (!num_parse_i64(slice_of_cstr(text), &v)) refuse(name, text);
    return v;
}

/* ---- -u ---- */
static int hex_digit(char c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* %XX in place; the text only gets shorter. */
static void percent_decode(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        int high = *from == '%' ? hex_digit(from[1]) : -1, low = high >= 0 ? hex_digit(from[2]) : -1;
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

static void parse_uri(struct options *o, const char *uri) {
    if (strlen(uri) >= URI_MAX) refuse("URI too long", "-u");
    strcpy(o->uri, uri);
    char *rest = strstr(o->uri, "://");
    if (!rest) refuse("Invalid URI scheme", uri);
    *rest = '\0';
    rest += 3;
    if (strcmp(o->uri, "rediss") == 0) refuse("TLS is not supported yet", uri);
    if (strcmp(o->uri, "redis") != 0 && strcmp(o->uri, "tarn") != 0 && strcmp(o->uri, "valkey") != 0)
        refuse("Invalid URI scheme", uri);
    char *db = cut(rest, '/'), *at = strrchr(rest, '@');
    if (at) {
        *at = '\0';
        parse_credentials(o, rest);
        rest = at + 1;
    }
    char *port = *rest == '[' ? cut(rest++, ']') : rest;
    if (port && (port = cut(port, ':')) != NULL) o->port = (int)integer_option("Invalid port", port);
    if (*rest) o->host = rest;
    if (db && *db) o->db = integer_option("Invalid database", db);
}

/* ---- the rest ---- */
struct flag { /* without a value */
    const char *name;
    size_t offset; /* of the member of struct options */
    int value;
    bool is_bool;
};

#define FLAG_BOOL(text, member) \
    { text, offsetof(struct options, member), 1, true }
#define FLAG_INT(text, member, v) \
    { text, offsetof(struct options, member), v, false }

static const struct flag flags[] = {
    FLAG_INT("-2", resp, 2),
    FLAG_INT("-3", resp, 3),
    FLAG_INT("--raw", output, OUTPUT_RAW),
    FLAG_INT("--no-raw", output, OUTPUT_PLAIN),
    FLAG_INT("--csv", output, OUTPUT_CSV),
    FLAG_INT("--json", output, OUTPUT_JSON),
    FLAG_BOOL("-e", fail_on_error),
    FLAG_BOOL("-x", stdin_last),
    FLAG_BOOL("--quoted-input", quoted_input),
    FLAG_BOOL("--no-auth-warning", no_auth_warning),
    FLAG_BOOL("--pipe", mass_insert),
};

_Static_assert(sizeof(enum output) == sizeof(int), "FLAG_INT writes an int");

static bool take_flag(struct options *o, const char *name) {
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(name, flags[i].name) != 0) continue;
        char *member = (char *)o + flags[i].offset;
        if (flags[i].is_bool)
            *(bool *)member = true;
        else
            memcpy(member, &flags[i].value, sizeof(int));
        return true;
    }
    return false;
}

static bool take_text(struct options *o, const char *name, const char *value) {
    const struct {
        const char *name, **member;
    } texts[] = {
        {"-h", &o->host},     {"-s", &o->socket},    {"-a", &o->password},  {"--pass", &o->password},
        {"--user", &o->user}, {"-X", &o->stdin_tag}, {"-d", &o->delimiter}, {"-D", &o->separator},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) != 0) continue;
        *texts[i].member = value;
        if (texts[i].member == &o->password) o->password_given = true;
        return true;
    }
    return false;
}

static bool take_number(struct options *o, const char *name, const char *value) {
    double seconds;
    if (strcmp(name, "-p") == 0)
        o->port = (int)integer_option("Invalid server port", value);
    else if (strcmp(name, "-n") == 0)
        o->db = integer_option("Invalid database", value);
    else if (strcmp(name, "-r") == 0)
        o->repeat = integer_option("Invalid repeat count", value);
    else if (strcmp(name, "-i") != 0)
        return false;
    else if (!num_parse_double(slice_of_cstr(value), &seconds) || !(seconds >= 0 && seconds < 1e9))
        refuse("Invalid interval", value);
    else
        o->interval_us = (int64_t)(seconds * 1e6);
    return true;
}

static bool take_valued(struct options *o, const char *name, const char *value) {
    if (strcmp(name, "-u") == 0)
        parse_uri(o, value);
    else
        return take_text(o, name, value) || take_number(o, name, value);
    return true;
}

int options_parse(struct options *o, int argc, char **argv) {
    *o = (struct options){.host = "127.0.0.1", .port = 6379, .delimiter = "\n", .separator = "\n", .repeat = 1};
    o->password = getenv("REDISCLI_AUTH");
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0 || (strcmp(argv[i], "-h") == 0 && i + 1 == argc)) {
            fputs(help, stdout);
            exit(0);
        }
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-v") == 0) {
            puts("tarn-cli " TARN_VERSION);
            exit(0);
        }
        if (take_flag(o, argv[i])) continue;
        if (i + 1 == argc || !take_valued(o, argv[i], argv[i + 1]))
            refuse("Unrecognized option or bad number of args for", argv[i]);
        i++;
    }
    if (o->port < 0 || o->port > 65535) refuse("Invalid server port", "-p");
    if (o->password_given && !o->no_auth_warning)
        fputs("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n",
              stderr);
    return i;
}
