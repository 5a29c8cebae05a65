/* Three logs of the latest remarkable commands: the slow ones, those with large requests, those with large replies. Each
 * entry is one block with copies of the arguments, cut as Redis's slow log cuts them. Owner MEM_OBSERVE. */
#ifndef TARN_OBSERVE_COMMANDLOG_H
#define TARN_OBSERVE_COMMANDLOG_H

#include "base/list.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum commandlog_kind { COMMANDLOG_SLOW, COMMANDLOG_LARGE_REQUEST, COMMANDLOG_LARGE_REPLY, COMMANDLOG_KINDS };

struct commandlog {
    struct list_node entries; /* newest first */
    size_t len;
    uint64_t next_id;  /* never reset: a reader tells old entries from new by it */
    int64_t threshold; /* us or bytes, negative: off */
    int64_t max_len;
};

struct commandlog_limits {
    int64_t max_argc;       /* arguments kept; beyond, the last one says how many are left out */
    int64_t max_string_len; /* bytes kept of an argument; beyond, its end says how many are left out */
};

/* What is to be kept of one command. hide: true for an argument that must not be shown. */
struct commandlog_record {
    int64_t time_s, value;
    const struct slice *argv;
    int argc;
    bool (*hide)(const struct slice *argv, int argc, int i);
    const char *peer;
    struct slice client_name;
};

struct commandlog_entry {
    struct list_node place;
    size_t size; /* of the block */
    uint64_t id;
    int64_t time_s, value;
    int argc;
    struct slice peer, client_name;
    struct slice argv[]; /* all slices point into the block, behind argv */
};

void commandlog_init(struct commandlog *log);
void commandlog_add(struct commandlog *log, const struct commandlog_record *record,
                    const struct commandlog_limits *limits);
/* Drops the oldest beyond max_len. */
void commandlog_trim(struct commandlog *log);
void commandlog_clear(struct commandlog *log);

/* Arguments that carry secrets: passwords of AUTH, HELLO, MIGRATE, ACL SETUSER, and of CONFIG SET as observe_set_sensitive
 * says. name: the command's full name. NULL when it has none. */
bool (*commandlog_hider(const char *name))(const struct slice *argv, int argc, int i);

#endif
