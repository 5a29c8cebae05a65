/* Directives: the row that declares one, written as data in the file that owns the setting. server/ gathers the
 * rows of all rooms in one list and does everything else from them: start-up file and flags, CONFIG GET/SET/REWRITE,
 * --check-config, the reference page. Values are read and written on the executor thread only; a job on another
 * thread copies what it needs when it starts. */
#ifndef TARN_BASE_CONFIG_H
#define TARN_BASE_CONFIG_H

#include "base/slice.h"

#include <stdint.h>

enum directive_type {
    DIRECTIVE_BOOL,    /* value: bool *          yes|no */
    DIRECTIVE_INT,     /* value: int64_t *       decimal */
    DIRECTIVE_MEMORY,  /* value: int64_t *       decimal with k/kb/m/mb/g/gb; reported in bytes */
    DIRECTIVE_PERCENT, /* value: int64_t *       memory, or "N%" stored as -N (maxmemory-clients) */
    DIRECTIVE_OCTAL,   /* value: int64_t *       0..0777 */
    DIRECTIVE_ENUM,    /* value: int *           one of choices[] */
    DIRECTIVE_FLAGS,   /* value: int *           several of choices[], or-ed, space separated (shutdown-on-sigterm) */
    DIRECTIVE_STRING,  /* value: const char **   never NULL; the text belongs to the config registry */
    DIRECTIVE_SPECIAL, /* set/get below; value unused (save, bind, client-output-buffer-limit, ...) */
};

enum directive_flags {
    DIRECTIVE_IMMUTABLE = 1 << 0,   /* file and flags only: "can't set immutable config" */
    DIRECTIVE_HIDDEN = 1 << 1,      /* CONFIG GET only by its exact name; not in a rewritten file unless changed */
    DIRECTIVE_SENSITIVE = 1 << 2,   /* its value is never logged */
    DIRECTIVE_PROTECTED = 1 << 3,   /* CONFIG SET only as enable-protected-configs allows */
    DIRECTIVE_NOT_LOADING = 1 << 4, /* CONFIG SET refused while loading */
    DIRECTIVE_MULTI = 1 << 5,       /* takes several words (SPECIAL, FLAGS): all words of the line reach set() */
    DIRECTIVE_ADDITIVE = 1 << 6,    /* several lines in one file add up (save, client-output-buffer-limit) */
    DIRECTIVE_AUTO = 1 << 8,        /* MEMORY: "auto" is a value too, stored as -1 */
    DIRECTIVE_INERT = 1 << 7,       /* accepted, checked, stored, reported, without effect yet: logged once when set */
};

struct directive_choice {
    const char *name; /* NULL ends the list */
    int value;
};

#define DIRECTIVE_ERROR_MAX 256

struct directive {
    const char *name;  /* lower case, as CONFIG GET reports it */
    const char *alias; /* an old or other spelling, or NULL */
    enum directive_type type;
    unsigned flags;
    void *value;
    const char *initial; /* the default, as it would stand in a file */
    int64_t min, max;    /* INT, MEMORY, PERCENT, OCTAL: both inclusive; 0,0 means unbounded */
    const struct directive_choice *choices;
    /* Further check of a new value before it is stored; NULL, or a static text that says what is wrong. */
    const char *(*check)(struct slice value);
    /* Makes a stored value effective at run time; an error text makes CONFIG SET restore the old value and call
     * apply again. Several changes of one CONFIG SET share one call. Not called for start-up values. */
    const char *(*apply)(void);
    /* SPECIAL: parse the words and store; NULL or an error text. A failed set changes nothing. clears: first call for
     * an ADDITIVE directive from a file replaces the defaults. */
    const char *(*set)(const struct slice *words, int count, bool first);
    /* SPECIAL: the current value as CONFIG GET prints it; returns its length, at most cap (bytes beyond are dropped). */
    size_t (*get)(char *dst, size_t cap);
};

/* One room's share of the list. */
struct directive_list {
    const struct directive *rows;
    size_t count;
};

#endif
