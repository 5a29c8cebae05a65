#include "persist/aof_change_int.h"

#include "base/check.h"
#include "exec/journal.h"
#include "io/file.h"
#include "io/thread.h"
#include "persist/aof_files_int.h"
#include "persist/persist_int.h"

#include <errno.h>

static struct aof *self(void) {
    debug_proven(persist_state.aof.file.synced <= persist_state.aof.file.size);
    return &persist_state.aof;
}

/* ---- what is asked for ---- */
struct aof_change *aof_change_new(void (*done)(struct aof *a, struct aof_change *c)) {
    struct aof_change *c = mem_alloc_zeroed(MEM_AOF, sizeof *c);
    proven(done != NULL);
    c->done = done;
    c->sync_fd = c->file.fd = -1;
    buf_init(&c->text, MEM_AOF);
    aof_manifest_init(&c->manifest);
    return c;
}

void aof_change_free(struct aof_change *c) {
    proven(self()->change != c);
    buf_release(&c->text);
    aof_manifest_release(&c->manifest);
    mem_free(MEM_AOF, c, sizeof *c);
}

bool aof_change_create(struct aof_change *c, int64_t seq) {
    proven(seq > 0 && !c->creates);
    c->creates = true;
    return aof_describe_increment(&c->file, c->path, seq);
}

void aof_change_sync(struct aof_change *c) {
    struct aof *a = self();
    proven(a->file.fd >= 0);
    c->sync_fd = a->file.fd;
    c->size = a->file.size;
    c->stream = a->journal->start;
}

bool aof_change_publish(struct aof_change *c, struct aof_manifest *m) {
    proven(!c->publishes && m->count > 0);
    c->publishes = true;
    aof_manifest_format(m, &c->text);
    c->manifest = *m;
    aof_manifest_init(m);
    return aof_manifest_paths(c->name, c->aside);
}

/* ---- on the aof thread ---- */
static void make(struct aof_change *c) {
    if (c->creates) c->error = aof_make_increment(&c->file, c->path);
    if (!c->error && c->sync_fd >= 0) {
        c->error = -file_sync(c->sync_fd);
        c->unsynced = c->error != 0;
    }
    if (!c->error && c->parent) c->error = aof_sync_parent(c->name);
    if (!c->error && c->publishes) c->error = aof_write_manifest(c->aside, c->name, buf_slice(&c->text), &c->uncertain);
    proven(c->error >= 0);
}

static void run(void *arg) {
    struct aof_change *c = arg;
    proven(c->ended.call && c->done);
    make(c);
    loop_send(persist_state.loop, &c->ended);
}

/* ---- the end ---- */
static void on_ended(struct loop_message *message) {
    struct aof_change *c = (struct aof_change *)(void *)((char *)message - offsetof(struct aof_change, ended));
    struct aof *a = self();
    if (!c->settled) {
        proven(a->change == c);
        a->change = NULL;
        c->done(a, c);
    } else {
        struct aof_change **at = &a->settled;
        while (*at != c) at = &(*at)->next_settled;
        *at = c->next_settled;
    }
    aof_change_free(c);
}

void aof_change_start(struct aof_change *c) {
    struct aof *a = self();
    proven(!a->change && a->syncer);
    c->ended.call = on_ended;
    a->change = c;
    reaper_post(a->syncer, run, c);
}

/* Its message is on the way, and will find it settled. */
void aof_change_settle(void) {
    struct aof *a = self();
    proven(persist_state.executor != NULL);
    while (a->change) {
        struct aof_change *c = a->change;
        reaper_drain(a->syncer);
        a->change = NULL;
        c->settled = true;
        c->next_settled = a->settled;
        a->settled = c;
        c->done(a, c);
    }
}

static void drop(struct aof_change *c) {
    proven(c != NULL);
    if (!c->settled && c->file.fd >= 0) file_close(c->file.fd);
    aof_change_free(c);
}

void aof_change_release(void) {
    struct aof *a = self();
    struct aof_change *c = a->change;
    proven(!a->syncer);
    a->change = NULL;
    if (c) drop(c);
    while ((c = a->settled)) {
        a->settled = c->next_settled;
        drop(c);
    }
}
