#include "persist/salvage_steps_int.h"

#include "base/check.h"
#include "base/log.h"
#include "io/file.h"
#include "persist/aof_load_int.h"
#include "persist/aof_replay_int.h"
#include "persist/aof_walk.h"
#include "persist/dropped_int.h"

#include <errno.h>
#include <stdio.h>

#define NAMES_TRIED 1000

/* ---- commands ---- */
static void lose_command(struct salvage *s, int64_t from, int64_t to) {
    struct loss l = {.from = from, .to = to, .db = -1, .why = s->reason[0] ? s->reason : "a command that does not end"};
    proven(from < to);
    salvage_lost(s, &l);
    s->reason[0] = '\0';
    replay_forget(s->replay);
}

/* One that is refused now that others before it are lost is lost itself; those behind it are not. */
static bool on_piece(void *arg, const struct aof_piece *p) {
    struct salvage *s = arg;
    const char *bytes = (const char *)s->file.bytes;
    int64_t at = p->body;
    if (p->kind == AOF_PIECE_HEAD) return true;
    s->replay->whole = true; /* MULTI with its EXEC */
    while (at < p->end) {
        size_t used;
        s->replay->place = s->before + at;
        enum replay_result result = replay_feed(s->replay, bytes + at, (size_t)(p->end - at), &used);
        at += (int64_t)used;
        proven(at <= p->end);
        if (result == REPLAY_CANCELLED) return false;
        if (at == p->end) break;
        int64_t next = aof_walk_next(bytes, at, p->end);
        if (result != REPLAY_MARK) lose_command(s, at, next);
        at = next;
    }
    s->replay->whole = false;
    return salvage_going(s, at);
}

bool salvage_commands(struct salvage *s, int64_t from) {
    struct aof_walk w = {.file = &s->file,
                         .from = from,
                         .base = s->base,
                         .salvage = true,
                         .arg = s,
                         .piece = on_piece,
                         .lost = salvage_lost,
                         .progress = salvage_going};
    s->replay->session.db = 0;
    replay_forget(s->replay);
    aof_walk_run(&w);
    proven(!s->refused || s->why[0]);
    return !s->refused && !w.stopped;
}

/* ---- all files ---- */
/* The base first, whatever the order of the lines. */
static bool salvage_folder(struct salvage *s, const struct aof_load *l) {
    char path[PATH_MAX];
    static const enum aof_kind order[] = {AOF_BASE, AOF_INCR};
    proven(l->manifest.count > 0);
    for (size_t k = 0; k < countof(order); k++) {
        s->base = order[k] == AOF_BASE;
        for (unsigned i = 0; i < l->manifest.count; i++)
            if (l->manifest.files[i].kind == order[k] &&
                !(aof_path(path, l->folder, l->manifest.files[i].name) && salvage_file(s, path)))
                return false;
    }
    return true;
}

bool salvage_aof(struct salvage *s, struct aof_load *l) {
    struct replay *r = mem_alloc(MEM_PERSIST, sizeof *r);
    proven(l->found != AOF_NOTHING);
    replay_init(r, s->ds, l->lists, l->list_count, l->string_max);
    r->progress = s->progress;
    r->cancelled = s->cancelled;
    r->why = s->reason;
    replay_limit(r, s->options->room);
    s->replay = r;
    bool read = l->found == AOF_FOLDER ? salvage_folder(s, l) : salvage_file(s, l->old_path);
    replay_discard(r);
    replay_forget(r);
    if (r->dropped) l->renew = !dropped_names(r->dropped, &l->gone);
    replay_release(r);
    mem_free(MEM_PERSIST, r, sizeof *r);
    l->last_size = l->last_kept = 0; /* nothing is cut, and nothing is written behind it */
    l->last_annotated = false;
    return read && l->renew ? aof_renew(l, s->ds, s->cancelled, s->why) : read;
}

/* ---- the damaged file stays ---- */
static bool keep(const char *path, char *why) {
    char name[PATH_MAX];
    int error = EEXIST;
    for (int i = 1; i < NAMES_TRIED && error == EEXIST; i++) {
        int n = i == 1 ? snprintf(name, sizeof name, "%s.damaged", path)
                       : snprintf(name, sizeof name, "%s.damaged-%d", path, i);
        proven(n > 0);
        error = n < PATH_MAX ? -file_link(path, name) : ENAMETOOLONG;
    }
    if (!error) error = -file_sync_dir(name);
    if (!error) log_warning("The damaged file is kept as %s", name);
    if (error)
        snprintf(why, LOAD_ERROR_MAX, "%.200s: damaged, and it cannot be kept beside what is saved next: %s", path,
                 strerror(error));
    return !error;
}

bool salvage_keep(const char *path, const struct aof_load *aof, char *why) {
    char name[PATH_MAX];
    proven(path && why);
    if (!aof) return keep(path, why);
    if (aof->found == AOF_OLD_FILE) return keep(aof->old_path, why);
    for (unsigned i = 0; i < aof->manifest.count; i++) {
        if (aof->manifest.files[i].kind == AOF_HISTORY) continue;
        if (!aof_path(name, aof->folder, aof->manifest.files[i].name) || !keep(name, why)) return false;
    }
    return aof_manifest_path(aof, name) && keep(name, why);
}
