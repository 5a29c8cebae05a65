/* An append-only folder that is loaded, and what came of it. */
#ifndef TARN_TESTS_PERSIST_AOF_OUTCOME_H
#define TARN_TESTS_PERSIST_AOF_OUTCOME_H

#include "unit/persist/rdb_file.h"

#include "persist/aof_load_int.h"

struct outcome {
    struct dataset *ds; /* NULL: refused */
    struct aof_load load;
    struct load_progress progress;
    char why[LOAD_ERROR_MAX];
};

struct outcome_options {
    const char *folder, *old_path;
    const struct command_list *lists;
    unsigned list_count;
    bool truncated_ok, salvage;
    int64_t corrupt_tail_max;
};

static inline void outcome_load(struct outcome *o, const struct outcome_options *with) {
    memset(o, 0, sizeof *o);
    snprintf(o->load.folder, sizeof o->load.folder, "%s", with->folder);
    snprintf(o->load.old_path, sizeof o->load.old_path, "%s", with->old_path);
    snprintf(o->load.file_name, sizeof o->load.file_name, "a");
    o->load.truncated_ok = with->truncated_ok;
    o->load.corrupt_tail_max = with->corrupt_tail_max;
    o->load.lists = with->lists;
    o->load.list_count = with->list_count;
    o->load.string_max = 512 << 20;
    struct load_options options = load_defaults();
    options.salvage = with->salvage;
    options.body = aof_load_run;
    options.body_arg = &o->load;
    o->ds = load_file(&options, &o->progress, o->why);
    if (!o->ds) assert_true(strlen(o->why) > 10);
}

static inline void outcome_release(struct outcome *o) {
    if (o->ds) dataset_free(o->ds);
    aof_manifest_release(&o->load.manifest);
}

#endif
