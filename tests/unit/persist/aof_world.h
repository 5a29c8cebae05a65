/* A server without sockets that keeps an append-only file, in the working folder: the executor, a loop and persist/, as
 * server/ ties them together. One at a time. */
#ifndef TARN_TESTS_PERSIST_AOF_WORLD_H
#define TARN_TESTS_PERSIST_AOF_WORLD_H

#include "unit/exec/fixture.h"
#include "unit/persist/rdb_file.h"

#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/hash.h"
#include "commands/list.h"
#include "commands/set.h"
#include "commands/sorted_set.h"
#include "commands/stream.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/thread.h"
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"
#include "server/debug.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command_list world_lists[] = {{connection_commands},  {string_commands}, {generic_commands},
                                                  {transaction_commands}, {aof_commands},    {list_commands},
                                                  {sorted_set_commands},  {hash_commands},   {set_commands},
                                                  {stream_commands},      {debug_commands}};

struct world {
    struct executor executor;
    struct loop *loop;
    struct peer peer;
    bool aof; /* appendonly, at the next start */
    enum aof_fsync fsync;
    bool loaded, load_failed;
    char why[LOAD_ERROR_MAX];
};

static const char *world_refuse_write(void *arg) {
    (void)arg;
    return persist_refuse_write();
}

static void world_loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    struct world *w = arg;
    (void)dataset;
    w->loaded = true;
    w->load_failed = error || cancelled;
    if (error) snprintf(w->why, sizeof w->why, "%s", error);
}

/* One turn of the loop, with what server/ does between two. */
static UNUSED void world_turn(struct world *w) {
    executor_begin_batch(&w->executor);
    aof_turn();
    persist_cron();
    loop_turn(w->loop, 1000);
}

static void world_settings(const struct world *w) {
    persist_state.settings = (struct persist_settings){.checksum = true,
                                                       .file_name = "dump.rdb",
                                                       .aof = {.on = w->aof,
                                                               .load_truncated = true,
                                                               .use_rdb = true,
                                                               .fsync = (int)w->fsync,
                                                               .file_name = "a",
                                                               .folder_name = "d"}};
}

/* False: it could not start, w->why says why. */
static UNUSED bool world_start(struct world *w) {
    const char *error;
    struct siphash_seed seed = {1, 2};
    w->loop = loop_new();
    executor_init(&w->executor, world_lists, countof(world_lists), dataset_new(2, &seed));
    w->executor.hooks.refuse_write = world_refuse_write;
    executor_listen(&w->executor);
    world_settings(w);
    persist_init(&w->executor, w->loop);
    persist_set_commands(world_lists, countof(world_lists));
    w->loaded = w->load_failed = false;
    w->why[0] = '\0';
    if (persist_load_first(world_loaded, w, &error)) {
        while (!w->loaded) loop_turn(w->loop, 100000);
    } else {
        w->load_failed = error != NULL;
        if (error) snprintf(w->why, sizeof w->why, "%s", error);
    }
    w->executor.loading = false;
    peer_open(&w->peer, &w->executor);
    return !w->load_failed;
}

/* finish: as a shutdown does; else as after a kill. */
static UNUSED void world_stop(struct world *w, bool finish) {
    if (finish && aof_is_on()) aof_finish();
    peer_close(&w->peer);
    persist_release();
    dataset_free(w->executor.dataset);
    executor_release(&w->executor);
    loop_free(w->loop);
}

/* Sends and says whether it was accepted; the reply may still have to wait. */
static UNUSED bool world_send(struct world *w, const char *line) {
    peer_send(&w->peer, line);
    return strncmp(peer_read(&w->peer), "-", 1) != 0;
}

static UNUSED bool world_may_reply(struct world *w) { return aof_may_reply(&w->peer.session); }

/* Turns until the reply may leave. */
static UNUSED bool world_wait_safe(struct world *w, int64_t ms) {
    int64_t end = clock_mono_us() + ms * 1000;
    while (!world_may_reply(w) && clock_mono_us() < end) world_turn(w);
    return world_may_reply(w);
}

static UNUSED bool world_wait_accepting(struct world *w, int64_t ms) {
    int64_t end = clock_mono_us() + ms * 1000;
    while (persist_refuse_write() && clock_mono_us() < end) world_turn(w);
    return !persist_refuse_write();
}

static UNUSED void world_wait_rewritten(struct world *w, int64_t ms) {
    int64_t end = clock_mono_us() + ms * 1000;
    while ((persist_state.aof.rewrite.scheduled || aof_rewriting()) && clock_mono_us() < end) world_turn(w);
}

static UNUSED bool world_has(struct world *w, const char *name, const char *value) {
    return holds(w->executor.dataset, 0, name, slice_of_cstr(value));
}

static UNUSED void remove_files(const char *folder) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    if (d) closedir(d);
}

/* The working folder becomes empty. */
static UNUSED void world_clear(void) {
    remove_files("d");
    rmdir("d");
    remove_files(".");
}

#endif
