/* MEMORY TREE JSON and MEMORY TOP as `tarn-cli top` wants them. */
#ifndef TARN_CLI_MEMORY_H
#define TARN_CLI_MEMORY_H

#include "base/slice.h"

#include <stdint.h>

#define MEMORY_NODES_MAX 64
#define MEMORY_NAME_MAX  32
#define MEMORY_KEYS_MAX  128
#define MEMORY_KEY_SHOWN 64 /* bytes of a key's name that are kept */

/* A node of the tree, in the order of the text: children follow their parent with a depth of one more. */
struct memory_node {
    char name[MEMORY_NAME_MAX];
    int64_t bytes;
    int depth;
};

struct memory_tree {
    struct memory_node nodes[MEMORY_NODES_MAX];
    int count;
};

/* False, and an empty tree, for what is not such a text. What is beyond the limits is left out. */
bool memory_tree_parse(struct memory_tree *t, struct slice json);

struct memory_key {
    char name[4 * MEMORY_KEY_SHOWN + 3]; /* quoted */
    char type[16];
    int64_t bytes, db;
};

struct memory_keys {
    struct memory_key keys[MEMORY_KEYS_MAX];
    int count;
};

/* Takes MEMORY TOP's reply: an array with one map (or array of names and values) for each key, which has "key" and "bytes", and
 * may have "db" and "type". False for anything else. */
bool memory_keys_parse(struct memory_keys *k, struct slice reply);

#endif
