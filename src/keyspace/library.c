/* The code of function libraries, carried from file to file. */
#include "keyspace/keyspace_int.h"

struct library {
    struct library *next;
    size_t len;
    char code[];
};

bool dataset_keep_library(struct dataset *ds, struct slice code) {
    proven(!ds->frozen.live);
    struct library *l = mem_try_alloc(MEM_SCRIPTS, sizeof *l + code.len);
    if (!l) return false;
    l->next = NULL;
    l->len = code.len;
    if (code.len) memcpy(l->code, code.ptr, code.len);
    struct library **last = &ds->libraries;
    while (*last) last = &(*last)->next;
    *last = l;
    return true;
}

void dataset_each_library(const struct dataset *ds, void (*visit)(void *arg, struct slice code), void *arg) {
    proven(visit != NULL);
    for (const struct library *l = ds->libraries; l; l = l->next) visit(arg, slice_of(l->code, l->len));
}

void libraries_free(struct dataset *ds) {
    proven(!ds->frozen.live);
    while (ds->libraries) {
        struct library *l = ds->libraries;
        ds->libraries = l->next;
        mem_free(MEM_SCRIPTS, l, sizeof *l + l->len);
    }
}
