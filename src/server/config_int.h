/* Private to the config part of server/: the registry that config*.c share. */
#ifndef TARN_SERVER_CONFIG_INT_H
#define TARN_SERVER_CONFIG_INT_H

#include "server/config.h"

struct config_item {
    const struct directive *row;
    char *initial; /* the default as CONFIG GET prints it */
    size_t initial_len;
    bool given; /* set by the file or a flag: the next line of an ADDITIVE one adds up */
    bool noted; /* its notice of being inert has been logged */
};

/* A spelling; an item has one or two. Sorted by text. */
struct config_name {
    struct slice text;
    struct config_item *item;
};

struct config_rename {
    struct config_rename *next;
    struct slice from, to, file; /* into the block, behind the struct; file empty: the command line */
    int line;
    size_t block_size;
};

#define CONFIG_RESETS_MAX 16

struct config_registry {
    struct config_item *items;
    size_t item_count;
    struct config_name *names;
    size_t name_count;
    char *path; /* absolute; NULL without a file */
    struct config_rename *renames, **renames_end;
    void (*resets[CONFIG_RESETS_MAX])(void);
    unsigned reset_count;
};

struct config_registry *config_registry(void);
/* NULL when unknown; any case. O(log names). */
struct config_name *config_find(struct slice name);
/* Checks and stores words as the item's value. first: replaces what an ADDITIVE directive holds. On false, why tells the
 * reason and the old value stands. */
bool config_assign(struct config_item *item, const struct slice *words, int count, bool first, char *why);
void config_format(const struct config_item *item, struct buf *out);
bool config_is_default(const struct config_item *item);
/* A copy with a NUL, owner MEM_SERVER; config_text_free knows its size by strlen. */
char *config_text_new(struct slice s);
void config_text_free(char *text);

#endif
