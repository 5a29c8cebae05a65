/* Power loss, which a kill cannot show because the page cache survives it. A server without sockets runs some stories; every call
 * that changes its files is recorded, with what had been sent and acknowledged by then. For states that a disk could hold after
 * each call (disk.h) the server then starts, and what it has is compared with what it had said to be safe.
 *
 *   power [--states N] [--seed N] [--only STORY] [--emit FOLDER] [--emit-every N]
 *
 * Afterwards every kind of sync is left out in turn: the same test must then find a loss, or it proves nothing. --emit leaves
 * every Nth state in FOLDER, each with a file <number>.expect beside it, for a real server to start on (real.tcl). Exit code 1: something was lost, did not
 * start, or a missing sync was not noticed. */
#include "power/disk.h"
#include "unit/persist/aof_world.h"

#include "base/log.h"
#include "persist/aof_group_int.h"

#include <pthread.h>

#define STATES_A_TELLING 600
#define ROUNDS_MAX       60 /* then nearly all states are the same as others */
#define STEPS_MAX        8192
#define WRITES_MAX       2048
#define LOSS_MAX_MS      2000 /* appendfsync everysec */

static struct {
    unsigned states;
    uint64_t seed;
    const char *only, *emit; /* emit: an absolute path */
    unsigned emit_every, emitted;
} options = {.states = 5000, .seed = 1, .emit_every = 25};

/* ---- recording ---- */
struct step { /* what had been sent and acknowledged when it was made */
    struct disk_event event;
    int sent, acked;
    int64_t ms;
};

static struct {
    pthread_mutex_t lock;
    bool on;
    char root[600];
    struct step steps[STEPS_MAX];
    unsigned count;
    int sent, acked;
    int64_t acked_ms[WRITES_MAX];
    int64_t end_ms;
} tape = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* From the root on. */
static void place_of(const char *path, char *dst) {
    size_t n = strlen(tape.root);
    dst[0] = '\0';
    if (!path) return;
    if (strncmp(path, tape.root, n) == 0 && (path[n] == '/' || path[n] == '\0')) path += n + (path[n] == '/');
    if (strncmp(path, "./", 2) == 0) path += 2;
    if (strcmp(path, ".") == 0) path = "";
    snprintf(dst, DISK_NAME_MAX, "%s", path);
}

static void witness(const struct file_event *e) {
    pthread_mutex_lock(&tape.lock);
    if (tape.on) {
        if (tape.count == STEPS_MAX) abort();
        struct step *s = &tape.steps[tape.count++];
        *s = (struct step){.sent = tape.sent, .acked = tape.acked, .ms = clock_mono_us() / 1000};
        s->event = (struct disk_event){.act = e->act, .fd = e->fd, .thread = gettid(), .n = e->n};
        place_of(e->path, s->event.path);
        place_of(e->to, s->event.to);
        if (e->bytes && e->n) s->event.bytes = memcpy(malloc(e->n), e->bytes, e->n);
    }
    pthread_mutex_unlock(&tape.lock);
}

static void clear_tape(void) {
    for (unsigned i = 0; i < tape.count; i++) free(tape.steps[i].event.bytes);
    tape.count = 0;
    tape.sent = tape.acked = 0;
    tape.end_ms = 0;
}

static void record(bool on) {
    pthread_mutex_lock(&tape.lock);
    tape.on = on;
    tape.end_ms = clock_mono_us() / 1000;
    pthread_mutex_unlock(&tape.lock);
}

/* Of the story that is told, and not of what comes after it. */
static void note(int sent, int acked) {
    if (!tape.on) return;
    pthread_mutex_lock(&tape.lock);
    int64_t now_ms = clock_mono_us() / 1000;
    tape.sent = sent;
    for (int i = tape.acked + 1; i <= acked; i++) tape.acked_ms[i] = now_ms;
    if (acked > tape.acked) tape.acked = acked;
    pthread_mutex_unlock(&tape.lock);
}

/* ---- writing ---- */
static struct world world;

/* Write i is one transaction that sets a key and counts. Now and then it is longer than a block of the disk. */
static void value_of(int i, char *dst) {
    int n = sprintf(dst, "v%d", i);
    if (i % 5 == 0) n += sprintf(dst + n, "%0*d", i * 37 % 1500, i);
}

static void send_write(int i) {
    char line[4096], value[2048];
    value_of(i, value);
    snprintf(line, sizeof line, "SET k%d %s", i, value);
    note(i, tape.acked);
    if (i % 2) world_send(&world, "MULTI");
    world_send(&world, line);
    world_send(&world, "INCR count");
    if (i % 2) world_send(&world, "EXEC");
}

/* In bursts, as several requests of one turn are written as one group. */
static void write_some(int n) {
    for (int left = n; left > 0;) {
        int burst = 1 + (int)(options.seed * 7 + (unsigned)tape.sent) % 3;
        if (persist_refuse_write()) world_wait_accepting(&world, 5000);
        for (int i = 0; i < burst && left > 0; i++, left--) send_write(tape.sent + 1);
        bool safe = world_wait_safe(&world, 10000);
        if (safe && persist_state.aof.state == AOF_ON) note(tape.sent, tape.sent);
        world_turn(&world);
    }
}

static void start(enum aof_fsync fsync) {
    world.aof = true;
    world.fsync = fsync;
    if (!world_start(&world)) {
        fprintf(stderr, "power: the story cannot begin: %s\n", world.why);
        exit(2);
    }
}

static void rewrite(void) {
    aof_rewrite_ask();
    world_turn(&world);
    if (tape.acked == tape.sent) write_some(2);
    world_wait_rewritten(&world, 10000);
}

/* ---- stories ---- */
static void always(void) {
    start(AOF_FSYNC_ALWAYS);
    write_some(12);
    world_stop(&world, true);
    start(AOF_FSYNC_ALWAYS);
    write_some(12);
    world_stop(&world, false);
}

static void always_rewritten(void) {
    start(AOF_FSYNC_ALWAYS);
    for (int i = 0; i < 3; i++) {
        write_some(5);
        rewrite();
    }
    write_some(5);
    world_stop(&world, true);
}

static void everysec(void) {
    start(AOF_FSYNC_EVERYSEC);
    int64_t begun_ms = clock_mono_us() / 1000, now_ms;
    bool rewritten = false;
    while ((now_ms = clock_mono_us() / 1000) - begun_ms < 3500) {
        write_some(1);
        if (!rewritten && now_ms - begun_ms > 1300) rewrite();
        rewritten = rewritten || now_ms - begun_ms > 1300;
        int64_t next_us = (now_ms + 25) * 1000;
        while (clock_mono_us() < next_us) world_turn(&world);
    }
    world_stop(&world, true);
}

static void no_syncs(void) {
    start(AOF_FSYNC_NO);
    write_some(10);
    rewrite();
    write_some(10);
    world_stop(&world, true);
}

static void on_saved(void *arg, const char *error, bool cancelled) {
    if (error || cancelled) exit(2);
    *(bool *)arg = true;
}

static void save(void) {
    bool saved = false;
    const char *why;
    int upto = tape.sent;
    if (!persist_save_start(on_saved, &saved, &why)) exit(2);
    send_write(tape.sent + 1);
    while (!saved) world_turn(&world);
    note(tape.sent, upto);
}

static void saves(void) {
    world.aof = false;
    world_start(&world);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 3; k++) send_write(tape.sent + 1);
        save();
    }
    world_stop(&world, true);
}

static void off_and_on(void) {
    start(AOF_FSYNC_ALWAYS);
    write_some(5);
    for (int i = 0; i < 2; i++) {
        persist_state.settings.aof.on = false;
        aof_turn_off();
        write_some(3); /* not acknowledged as safe: nothing is written */
        persist_state.settings.aof.on = true;
        aof_turn_on();
        world_turn(&world);
        write_some(2);
        world_wait_rewritten(&world, 10000);
        write_some(3);
    }
    world_stop(&world, true);
}

/* For the first time: there is no folder yet. */
static void turned_on(void) {
    world.aof = false;
    world.fsync = AOF_FSYNC_ALWAYS;
    world_start(&world);
    for (int i = 0; i < 3; i++) send_write(tape.sent + 1);
    persist_state.settings.aof.on = true;
    aof_turn_on();
    world_turn(&world);
    write_some(2);
    world_wait_rewritten(&world, 10000);
    write_some(6);
    world_stop(&world, true);
}

static void add_old_write(struct buf *out, int i) {
    char value[2048];
    value_of(i, value);
    buf_printf(out, "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$%d\r\nk%d\r\n$%zu\r\n%s\r\n", i < 10 ? 2 : 3, i,
               strlen(value), value);
    buf_printf(out, "*2\r\n$4\r\nINCR\r\n$5\r\ncount\r\n*1\r\n$4\r\nEXEC\r\n");
}

static void put_file(const char *path, struct slice content) {
    FILE *f = fopen(path, "w");
    if (!f || fwrite(content.ptr, 1, content.len, f) != content.len || fclose(f) != 0) exit(2);
}

/* The one file of before Redis 7, with a torn end. */
static void prepare_old_file(struct disk *d) {
    struct buf old;
    buf_init(&old, MEM_SERVER);
    buf_append_slice(&old, SLICE("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"));
    for (int i = 1; i <= 8; i++) add_old_write(&old, i);
    buf_append_slice(&old, SLICE("*3\r\n$3\r\nSET\r\n$2\r\n"));
    put_file("a", buf_slice(&old));
    disk_add_file(d, "a", buf_slice(&old));
    buf_release(&old);
}

static void old_file(void) {
    note(8, 8);
    start(AOF_FSYNC_ALWAYS);
    write_some(6);
    world_stop(&world, true);
}

/* Three whole groups and one that is torn. */
static void prepare_torn(struct disk *d) {
    static const uint64_t id = 77;
    static const char manifest[] = "file a.1.incr.aof seq 1 type i\n";
    char line[AOF_LINE_MAX];
    struct buf file;
    buf_init(&file, MEM_SERVER);
    buf_append(&file, line, aof_head_format(line, id));
    for (int i = 1; i <= 4; i++) {
        struct buf group;
        buf_init(&group, MEM_SERVER);
        if (i == 1) buf_append_slice(&group, SLICE("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"));
        add_old_write(&group, i);
        buf_append(&file, line, aof_group_format(line, id, (int64_t)file.len, buf_slice(&group), 0));
        buf_append(&file, group.ptr, i < 4 ? group.len : group.len / 2);
        buf_release(&group);
    }
    if (mkdir("d", 0755) != 0) exit(2);
    put_file("d/a.1.incr.aof", buf_slice(&file));
    put_file("d/a.manifest", slice_of_cstr(manifest));
    put_file("d/a.2.incr.aof", SLICE("stray"));
    disk_add_folder(d, "d");
    disk_add_file(d, "d/a.1.incr.aof", buf_slice(&file));
    disk_add_file(d, "d/a.manifest", slice_of_cstr(manifest));
    disk_add_file(d, "d/a.2.incr.aof", SLICE("stray"));
    buf_release(&file);
}

static void torn(void) {
    note(3, 3);
    start(AOF_FSYNC_ALWAYS);
    write_some(4);
    world_stop(&world, false);
    start(AOF_FSYNC_ALWAYS);
    write_some(4);
    world_stop(&world, true);
}

/* The disk fails now and then: what it then holds is not known. */
static void failing(void) {
    start(AOF_FSYNC_ALWAYS);
    write_some(4);
    for (unsigned i = 1; i <= 3; i++) {
        file_fail_after(FILE_FAULT_SYNC, i, EIO, 0);
        write_some(3);
        file_fail_after(FILE_FAULT_WRITE, i, ENOSPC, 20);
        write_some(3);
        file_fail_after(FILE_FAULT_RENAME, 1, EIO, 0);
        rewrite();
        file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
        write_some(2);
    }
    world_stop(&world, true);
}

enum promise { PROMISE_ALL, PROMISE_SECONDS, PROMISE_PREFIX };
struct story {
    const char *name;
    void (*tell)(void);
    void (*prepare)(struct disk *d);
    enum promise promise;
    bool aof;
    enum aof_fsync fsync;
};

static const struct story stories[] = {
    {"always", always, NULL, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"rewrite", always_rewritten, NULL, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"everysec", everysec, NULL, PROMISE_SECONDS, true, AOF_FSYNC_EVERYSEC},
    {"no", no_syncs, NULL, PROMISE_PREFIX, true, AOF_FSYNC_NO},
    {"save", saves, NULL, PROMISE_ALL, false, AOF_FSYNC_NO},
    {"off-and-on", off_and_on, NULL, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"turned-on", turned_on, NULL, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"old-file", old_file, prepare_old_file, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"torn-tail", torn, prepare_torn, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
    {"failing-disk", failing, NULL, PROMISE_ALL, true, AOF_FSYNC_ALWAYS},
};

static char run_folder[600], state_folder[600];

static void go_to(const char *folder) {
    if (chdir(folder) != 0) exit(2);
}

/* Tells the story and leaves it on the tape; d is the disk before. */
static void tell(const struct story *s, struct disk *d) {
    go_to(run_folder);
    world_clear();
    clear_tape();
    disk_init(d);
    if (s->prepare) s->prepare(d);
    record(true);
    s->tell();
    record(false);
}

/* ---- leaving out syncs ---- */
enum kind_of_sync {
    SYNC_NONE,
    SYNC_GROUP,
    SYNC_HEAD,
    SYNC_MANIFEST,
    SYNC_BASE,
    SYNC_FOLDER,
    SYNC_PARENT,
    SYNC_CUT,
    SYNC_KINDS
};
static const char *const kind_names[] = {"none",
                                         "a group",
                                         "a new increment",
                                         "the manifest",
                                         "the base or the snapshot",
                                         "folder",
                                         "the folder's parent",
                                         "what was cut"};

static bool is_sync(enum file_act act) { return act == FILE_ACT_SYNC_ENDS || act == FILE_ACT_FOLDER_ENDS; }

/* How the file of the descriptor was opened last, before step i. */
static const char *name_at(unsigned i, enum file_act *last) {
    int fd = tape.steps[i].event.fd;
    *last = FILE_ACT_SYNC_ENDS;
    while (i-- > 0) {
        const struct disk_event *e = &tape.steps[i].event;
        if (e->fd != fd) continue;
        bool opened = e->act == FILE_ACT_CREATE || e->act == FILE_ACT_OPEN_APPEND;
        if (*last == FILE_ACT_SYNC_ENDS && (e->act == FILE_ACT_TRUNCATE || opened)) *last = e->act;
        if (e->act == FILE_ACT_SYNC_ENDS && *last == FILE_ACT_SYNC_ENDS) *last = FILE_ACT_WRITE;
        if (opened) return e->path;
    }
    return "";
}

static enum kind_of_sync kind_of(unsigned i) {
    enum file_act last;
    const struct disk_event *e = &tape.steps[i].event;
    if (!is_sync(e->act)) return SYNC_NONE;
    if (e->act == FILE_ACT_FOLDER_ENDS) return e->path[0] ? SYNC_FOLDER : SYNC_PARENT;
    const char *name = name_at(i, &last);
    if (strstr(name, ".manifest")) return SYNC_MANIFEST;
    if (strstr(name, ".rdb") || strstr(name, ".base.")) return SYNC_BASE;
    if (last == FILE_ACT_TRUNCATE) return SYNC_CUT;
    return last == FILE_ACT_OPEN_APPEND ? SYNC_HEAD : SYNC_GROUP;
}

/* ---- one state ---- */
static struct {
    unsigned states, same, failures;
    uint64_t *seen; /* a table of hashes, 0: free */
    size_t seen_size;
} tally;

static bool is_new(uint64_t hash) {
    if (hash == 0) hash = 1;
    for (size_t i = hash % tally.seen_size;; i = (i + 1) % tally.seen_size) {
        if (tally.seen[i] == hash) return false;
        if (tally.seen[i]) continue;
        tally.seen[i] = hash;
        return true;
    }
}

static int count_here(void) {
    char scratch[NUM_TEXT_MAX], text[32];
    const struct entry *e = entry_of(world.executor.dataset, 0, "count");
    if (!e) return 0;
    struct slice s = entry_string(e, scratch);
    snprintf(text, sizeof text, "%.*s", (int)s.len, s.ptr);
    return atoi(text);
}

/* Everything up to n and nothing else: -1 when it is not so. The last of two commands that were no transaction may be missing. */
static int prefix_here(char *why) {
    int n = count_here();
    for (int i = 1; i <= n; i++) {
        char key[32], value[2048];
        snprintf(key, sizeof key, "k%d", i);
        value_of(i, value);
        if (world_has(&world, key, value)) continue;
        sprintf(why, "%d writes are counted, and %s is not what was written", n, key);
        return -1;
    }
    size_t keys = dataset_keys(world.executor.dataset), whole = (size_t)n + (n > 0);
    if (keys == whole || (keys == whole + 1 && (n + 1) % 2 == 0)) return n;
    sprintf(why, "%d writes are counted, and there are %zu keys", n, keys);
    return -1;
}

/* How much of what was acknowledged may be missing at the time: the first that must be there. */
static int must_have(const struct story *s, int acked, int found) {
    if (s->promise == PROMISE_ALL) return acked;
    if (s->promise == PROMISE_PREFIX || found >= acked) return 0;
    return tape.acked_ms[acked] - tape.acked_ms[found + 1] <= LOSS_MAX_MS ? 0 : acked;
}

static bool check(const struct story *s, int sent, int acked, char *why) {
    int n = prefix_here(why);
    if (n < 0) return false;
    if (n >= must_have(s, acked, n) && n <= sent) return true;
    sprintf(why, "%d writes are there, %d were acknowledged, %d sent", n, acked, sent);
    return false;
}

static void start_here(const struct story *s) {
    world.aof = s->aof;
    world.fsync = s->fsync;
}

/* Starts on the state; now and then writes on, and starts once more. */
static bool survives(const struct story *s, int sent, int acked, bool again, char *why) {
    start_here(s);
    if (!world_start(&world)) {
        sprintf(why, "it does not start: %.400s", world.why);
        world_stop(&world, false);
        return false;
    }
    bool ok = check(s, sent, acked, why);
    int n = count_here();
    if (ok && again && s->aof) {
        send_write(n + 1);
        world_wait_safe(&world, 10000);
        world_stop(&world, false);
        start_here(s);
        if (!world_start(&world)) {
            sprintf(why, "it does not start a second time: %.400s", world.why);
            ok = false;
        } else if (prefix_here(why) != n + 1) {
            sprintf(why + strlen(why), " (the second time)");
            ok = false;
        }
    }
    world_stop(&world, false);
    return ok;
}

/* ---- all states of a story ---- */
struct search {
    const struct story *story;
    enum kind_of_sync without;
    uint64_t seed;
    bool quiet;
};

static void copy_state(const struct disk *d, const struct disk_choice *c, const char *why) {
    char folder[700];
    snprintf(folder, sizeof folder, "%s-failed-%u", state_folder, tally.failures);
    if (mkdir(folder, 0755) == 0) disk_write(d, c, folder);
    fprintf(stderr, "    %s\n    the state is in %s\n", why, folder);
}

/* For a real server, which starts on it later. */
static void emit(const struct search *x, const struct disk *d, const struct disk_choice *c, int sent, int acked) {
    char path[1024];
    int least = 0;
    while (least < acked && must_have(x->story, acked, least) > least) least++;
    snprintf(path, sizeof path, "%s/%u", options.emit, ++options.emitted);
    if (mkdir(path, 0755) != 0) exit(2);
    disk_write(d, c, path);
    snprintf(path, sizeof path, "%s/%u.expect", options.emit, options.emitted);
    FILE *f = fopen(path, "w");
    if (!f) exit(2);
    fprintf(f, "%s %d %d %s\n", x->story->name, least, sent, x->story->aof ? "yes" : "no");
    fclose(f);
}

static bool try_state(const struct search *x, const struct disk *d, unsigned step, const struct disk_choice *c) {
    const struct step *s = &tape.steps[step];
    /* Until the next call the disk stays as it is, and more may be acknowledged. */
    int sent = step + 1 < tape.count ? s[1].sent : tape.sent, acked = step + 1 < tape.count ? s[1].acked : tape.acked;
    char why[1024] = "";
    go_to(state_folder);
    world_clear();
    uint64_t hash = disk_write(d, c, ".");
    if (!is_new(hash ^ ((uint64_t)acked << 40))) {
        tally.same++;
        return true;
    }
    tally.states++;
    if (options.emit && !x->without && tally.states % options.emit_every == 0) emit(x, d, c, sent, acked);
    if (survives(x->story, sent, acked, tally.states % 4 == 0, why)) return true;
    tally.failures++;
    if (x->quiet) return false;
    fprintf(stderr, "LOST %s, after call %u of %u (act %d %s), data %u, names %d, seed %llu:\n", x->story->name,
            step + 1, tape.count, (int)s->event.act, s->event.path, c->data, (int)c->names,
            (unsigned long long)c->seed);
    copy_state(d, c, why);
    return false;
}

static const struct disk_choice corners[] = {
    {DISK_LOST, DISK_NAMES_LOST, 0}, {DISK_KEPT, DISK_NAMES_KEPT, 0}, {DISK_LOST, DISK_NAMES_KEPT, 0},
    {DISK_KEPT, DISK_NAMES_LOST, 0}, {DISK_ZERO, DISK_NAMES_KEPT, 0}, {DISK_STALE, DISK_NAMES_KEPT, 1},
    {DISK_ZERO, DISK_NAMES_LOST, 0}, {DISK_TORN, DISK_NAMES_KEPT, 1}, {DISK_ZERO_TAIL, DISK_NAMES_KEPT, 1},
};

static struct disk_choice choice_of(const struct search *x, unsigned step, unsigned k) {
    if (k < countof(corners)) return corners[k];
    uint64_t r = (x->seed * 1000003u + step) * 1000033u + k;
    r = (r ^ r >> 31) * 0x7fb5d329728ea185ull;
    r ^= r >> 29;
    return (struct disk_choice){(unsigned)(r % (DISK_MIXED + 3) < DISK_MIXED ? r % (DISK_MIXED + 3) : DISK_MIXED),
                                (enum disk_names)(r / 64 % DISK_NAMES_KINDS), r};
}

/* Round after round over all steps, so that few states look everywhere too. True: all survived. */
static bool search(const struct search *x, const struct disk *before, unsigned wanted) {
    static struct disk d; /* large */
    unsigned until = tally.states + wanted, failures = tally.failures;
    for (unsigned round = 0; round < ROUNDS_MAX && tally.states < until; round++) {
        /* The disk is built anew each round from the same calls. */
        d = *before;
        for (unsigned i = 0; i < d.file_count; i++) {
            buf_init(&d.files[i].durable, MEM_SERVER);
            buf_append_slice(&d.files[i].durable, buf_slice(&before->files[i].durable));
        }
        for (unsigned i = 0; i < d.folder_count; i++) {
            d.folders[i].moves = NULL;
            d.folders[i].count = d.folders[i].capacity = d.folders[i].synced = 0;
        }
        unsigned batch = round == 0 ? countof(corners) : 4, first = round == 0 ? 0 : countof(corners) + (round - 1) * 4;
        for (unsigned i = 0; i < tape.count && tally.states < until; i++) {
            bool skipped = x->without && kind_of(i) == x->without;
            if (!skipped) disk_apply(&d, &tape.steps[i].event);
            for (unsigned k = 0; k < batch && tally.states < until; k++) {
                struct disk_choice c = choice_of(x, i, first + k);
                if (!try_state(x, &d, i, &c) && (x->without || tally.failures - failures > 5)) {
                    disk_release(&d);
                    return false;
                }
            }
        }
        disk_release(&d);
    }
    return tally.failures == failures;
}

/* ---- the teeth ---- */
struct tooth {
    const char *story;
    enum kind_of_sync without;
};
static const struct tooth teeth[] = {
    {"always", SYNC_GROUP},      {"always", SYNC_HEAD},      {"always", SYNC_MANIFEST},   {"always", SYNC_FOLDER},
    {"always", SYNC_PARENT},     {"rewrite", SYNC_GROUP},    {"rewrite", SYNC_BASE},      {"rewrite", SYNC_MANIFEST},
    {"rewrite", SYNC_FOLDER},    {"everysec", SYNC_GROUP},   {"save", SYNC_BASE},         {"save", SYNC_PARENT},
    {"off-and-on", SYNC_BASE},   {"turned-on", SYNC_PARENT}, {"turned-on", SYNC_GROUP},   {"old-file", SYNC_FOLDER},
    {"old-file", SYNC_MANIFEST}, {"old-file", SYNC_CUT},     {"failing-disk", SYNC_BASE},
};

static const struct story *story_named(const char *name) {
    for (size_t i = 0; i < countof(stories); i++)
        if (strcmp(stories[i].name, name) == 0) return &stories[i];
    return NULL;
}

/* ---- the program ---- */

static void read_options(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--states") == 0) options.states = (unsigned)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--seed") == 0) options.seed = (uint64_t)atoll(argv[i + 1]);
        if (strcmp(argv[i], "--only") == 0) options.only = argv[i + 1];
        if (strcmp(argv[i], "--emit") == 0) options.emit = argv[i + 1];
        if (strcmp(argv[i], "--emit-every") == 0) options.emit_every = (unsigned)atoi(argv[i + 1]);
    }
}

static void make_folders(void) {
    char base[512] = "/dev/shm/tarn-power-XXXXXX";
    if (!mkdtemp(base)) {
        strcpy(base, "/tmp/tarn-power-XXXXXX");
        if (!mkdtemp(base)) exit(2);
    }
    snprintf(run_folder, sizeof run_folder, "%s/run", base);
    snprintf(state_folder, sizeof state_folder, "%s/state", base);
    if (mkdir(run_folder, 0755) != 0 || mkdir(state_folder, 0755) != 0) exit(2);
    snprintf(tape.root, sizeof tape.root, "%s", run_folder);
}

static void remove_folders(void) {
    char *slash;
    go_to(run_folder);
    world_clear();
    go_to(state_folder);
    world_clear();
    go_to("/");
    rmdir(run_folder);
    rmdir(state_folder);
    slash = strrchr(run_folder, '/');
    *slash = '\0';
    rmdir(run_folder);
}

static bool run_story(const struct story *s, enum kind_of_sync without, unsigned states) {
    static struct disk before;
    struct search x = {.story = s, .without = without, .seed = options.seed, .quiet = without != SYNC_NONE};
    tell(s, &before);
    bool ok = search(&x, &before, states);
    disk_release(&before);
    return ok;
}

/* A story is told anew for every so many states: each time it goes a little otherwise. Some have fewer states than are asked for, and
 * end when many tellings have not brought them. */
static unsigned run_stories(unsigned *passed) {
    unsigned failed = 0, of_each = options.states / (options.only ? 1 : (unsigned)countof(stories)) + 1;
    for (size_t i = 0; i < countof(stories); i++) {
        if (options.only && strcmp(options.only, stories[i].name) != 0) continue;
        unsigned before = tally.states, told = 0, calls = 0;
        uint64_t seed = options.seed;
        bool ok = true;
        unsigned most = 4 * (of_each / STATES_A_TELLING + 1);
        for (; ok && tally.states - before < of_each && told < most; told++, options.seed++) {
            unsigned left = of_each - (tally.states - before);
            ok = run_story(&stories[i], SYNC_NONE, left < STATES_A_TELLING ? left : STATES_A_TELLING);
            calls += tape.count;
        }
        options.seed = seed;
        printf("%-12s %6u states after %u calls, told %u times: %s\n", stories[i].name, tally.states - before, calls,
               told, ok ? "ok" : "FAILED");
        fflush(stdout);
        *passed += ok;
        failed += !ok;
    }
    return failed;
}

static unsigned run_teeth(unsigned *passed) {
    unsigned failed = 0;
    for (size_t i = 0; i < countof(teeth); i++) {
        if (options.only && strcmp(options.only, teeth[i].story) != 0) continue;
        unsigned states = tally.states;
        bool lost = !run_story(story_named(teeth[i].story), teeth[i].without, 3000);
        printf("%-12s without a sync of %s: %s after %u states\n", teeth[i].story, kind_names[teeth[i].without],
               lost ? "lost, as it should be," : "NOT NOTICED", tally.states - states);
        fflush(stdout);
        *passed += lost;
        failed += !lost;
    }
    return failed;
}

int main(int argc, char **argv) {
    unsigned passed = 0;
    read_options(argc, argv);
    log_set_level(LOG_NOTHING);
    clock_init();
    make_folders();
    tally.seen_size = 4 * (size_t)options.states + 400000;
    tally.seen = calloc(tally.seen_size, sizeof *tally.seen);
    if (!tally.seen) return 2;
    file_watch(witness);
    int64_t begun_us = clock_mono_us();
    unsigned failed = run_stories(&passed);
    printf("%u states (%u more were the same as others), seed %llu, %.1f s\n", tally.states, tally.same,
           (unsigned long long)options.seed, (double)(clock_mono_us() - begun_us) / 1e6);
    failed += run_teeth(&passed);
    if (!failed) remove_folders();
    clear_tape();
    free(tally.seen);
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
