#include "power/disk.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512

/* ---- small things ---- */
static void die(const char *what) {
    fprintf(stderr, "power: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void *grow(void *items, unsigned count, unsigned *capacity, size_t size) {
    if (count < *capacity) return items;
    *capacity = *capacity ? 2 * *capacity : 16;
    items = realloc(items, *capacity * size);
    if (!items) die("no memory");
    return items;
}

static uint64_t next_random(uint64_t *seed) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static size_t below(uint64_t *seed, size_t n) { return n ? (size_t)(next_random(seed) % n) : 0; }

static void copy_name(char *dst, const char *src) {
    if (strlen(src) >= DISK_NAME_MAX) die("too long a name");
    memcpy(dst, src, strlen(src) + 1);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- folders ---- */
static struct disk_folder *folder_named(struct disk *d, const char *name) {
    for (unsigned i = 0; i < d->folder_count; i++)
        if (strcmp(d->folders[i].name, name) == 0) return &d->folders[i];
    errno = ENOENT;
    die(name);
    return NULL;
}

/* The folder that a path lies in. */
static struct disk_folder *folder_of(struct disk *d, const char *path) {
    char name[DISK_NAME_MAX];
    copy_name(name, path);
    char *slash = strrchr(name, '/');
    *(slash ? slash : name) = '\0';
    return folder_named(d, name);
}

static int add_folder(struct disk *d, const char *name) {
    if (d->folder_count == DISK_FOLDERS_MAX) die("too many folders");
    struct disk_folder *f = &d->folders[d->folder_count];
    memset(f, 0, sizeof *f);
    copy_name(f->name, name);
    return (int)d->folder_count++;
}

static struct disk_entry *find(struct disk_entry *entries, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

static void move_entry(struct disk_entry *entries, unsigned *count, const struct disk_move *m) {
    struct disk_entry *e = m->gone[0] ? find(entries, *count, m->gone) : NULL;
    if (e) *e = entries[--*count];
    if (!m->set.name[0]) return;
    e = find(entries, *count, m->set.name);
    if (!e && *count == DISK_ENTRIES_MAX) die("too many entries");
    if (!e) e = &entries[(*count)++];
    *e = m->set;
}

static void add_move(struct disk_folder *f, const char *gone, const char *set, int file) {
    f->moves = grow(f->moves, f->count, &f->capacity, sizeof *f->moves);
    struct disk_move *m = &f->moves[f->count++];
    memset(m, 0, sizeof *m);
    copy_name(m->gone, gone);
    copy_name(m->set.name, set);
    m->set.file = file;
}

/* As the running server sees it: everything has happened. */
static int file_named(struct disk *d, const char *path) {
    struct disk_entry entries[DISK_ENTRIES_MAX];
    const struct disk_folder *f = folder_of(d, path);
    unsigned count = f->durable_count;
    memcpy(entries, f->durable, sizeof entries);
    for (unsigned i = f->synced; i < f->count; i++) move_entry(entries, &count, &f->moves[i]);
    const struct disk_entry *e = find(entries, count, base_name(path));
    return e ? e->file : DISK_NONE;
}

static void settle_folder(struct disk_folder *f, unsigned upto) {
    for (; f->synced < upto; f->synced++) move_entry(f->durable, &f->durable_count, &f->moves[f->synced]);
}

/* ---- files ---- */
static int add_file(struct disk *d) {
    if (d->file_count == DISK_FILES_MAX) die("too many files");
    struct disk_file *f = &d->files[d->file_count];
    memset(f, 0, sizeof *f);
    buf_init(&f->durable, MEM_SERVER);
    return (int)d->file_count++;
}

static void change_content(struct buf *content, const struct disk_change *c, size_t n) {
    if (!c->is_cut) {
        buf_append(content, c->bytes, n);
    } else if (c->n < content->len) {
        content->len = c->n;
    } else {
        while (content->len < c->n) buf_append(content, "", 1);
    }
}

static void add_change(struct disk_file *f, struct disk_change change) {
    f->changes = grow(f->changes, f->count, &f->capacity, sizeof *f->changes);
    f->changes[f->count++] = change;
}

static void settle_file(struct disk_file *f, unsigned upto) {
    for (; f->synced < upto; f->synced++) change_content(&f->durable, &f->changes[f->synced], f->changes[f->synced].n);
}

/* ---- calls ---- */
static struct disk_file *file_of_fd(struct disk *d, int fd) {
    if (fd < 0 || fd >= DISK_FDS_MAX || d->fds[fd] < 0) die("a descriptor that was not opened");
    return &d->files[d->fds[fd]];
}

static void open_file(struct disk *d, const struct disk_event *e) {
    int file = file_named(d, e->path);
    if (file == DISK_NONE) {
        file = add_file(d);
        add_move(folder_of(d, e->path), "", base_name(e->path), file);
    } else if (e->act == FILE_ACT_CREATE) {
        add_change(&d->files[file], (struct disk_change){.is_cut = true});
    }
    if (e->fd >= DISK_FDS_MAX) die("too high a descriptor");
    d->fds[e->fd] = file;
}

static void begin_sync(struct disk *d, const struct disk_event *e) {
    if (d->sync_count == DISK_SYNCS_MAX) die("too many syncs");
    struct disk_sync *s = &d->syncs[d->sync_count++];
    *s = (struct disk_sync){.thread = e->thread, .file = -1, .folder = -1};
    if (e->act == FILE_ACT_SYNC_BEGINS) {
        s->file = (int)(file_of_fd(d, e->fd) - d->files);
        s->upto = d->files[s->file].count;
    } else {
        s->folder = (int)(folder_named(d, e->path) - d->folders);
        s->upto = d->folders[s->folder].count;
    }
}

/* A thread syncs one thing at a time; one that failed has begun and does not end. */
static void end_sync(struct disk *d, const struct disk_event *e) {
    for (unsigned i = d->sync_count; i-- > 0;) {
        struct disk_sync s = d->syncs[i];
        if (s.thread != e->thread) continue;
        if (s.file >= 0) settle_file(&d->files[s.file], s.upto);
        if (s.folder >= 0) settle_folder(&d->folders[s.folder], s.upto);
        unsigned kept = 0;
        for (unsigned k = 0; k < d->sync_count; k++)
            if (d->syncs[k].thread != e->thread) d->syncs[kept++] = d->syncs[k];
        d->sync_count = kept;
        return;
    }
}

static void rename_file(struct disk *d, const struct disk_event *e) {
    struct disk_folder *f = folder_of(d, e->path);
    if (f != folder_of(d, e->to)) die("a rename from folder to folder");
    add_move(f, base_name(e->path), base_name(e->to), file_named(d, e->path));
}

void disk_apply(struct disk *d, const struct disk_event *e) {
    switch (e->act) {
    case FILE_ACT_CREATE:
    case FILE_ACT_OPEN_APPEND:
        open_file(d, e);
        break;
    case FILE_ACT_WRITE:
        add_change(file_of_fd(d, e->fd), (struct disk_change){.bytes = e->bytes, .n = e->n});
        break;
    case FILE_ACT_TRUNCATE:
        add_change(file_of_fd(d, e->fd), (struct disk_change){.is_cut = true, .n = e->n});
        break;
    case FILE_ACT_SYNC_BEGINS:
    case FILE_ACT_FOLDER_BEGINS:
        begin_sync(d, e);
        break;
    case FILE_ACT_SYNC_ENDS:
    case FILE_ACT_FOLDER_ENDS:
        end_sync(d, e);
        break;
    case FILE_ACT_RENAME:
        rename_file(d, e);
        break;
    case FILE_ACT_LINK:
        add_move(folder_of(d, e->to), "", base_name(e->to), file_named(d, e->path));
        break;
    case FILE_ACT_REMOVE:
        add_move(folder_of(d, e->path), base_name(e->path), "", DISK_NONE);
        break;
    case FILE_ACT_MAKE_DIR:
        add_move(folder_of(d, e->path), "", base_name(e->path), -1 - add_folder(d, e->path));
        break;
    }
}

/* ---- begin and end ---- */
void disk_init(struct disk *d) {
    memset(d, 0, sizeof *d);
    for (int i = 0; i < DISK_FDS_MAX; i++) d->fds[i] = -1;
    add_folder(d, "");
}

void disk_release(struct disk *d) {
    for (unsigned i = 0; i < d->file_count; i++) {
        buf_release(&d->files[i].durable);
        free(d->files[i].changes);
    }
    for (unsigned i = 0; i < d->folder_count; i++) free(d->folders[i].moves);
}

void disk_add_file(struct disk *d, const char *path, struct slice content) {
    int file = add_file(d);
    buf_append_slice(&d->files[file].durable, content);
    struct disk_folder *f = folder_of(d, path);
    add_move(f, "", base_name(path), file);
    settle_folder(f, f->count);
}

void disk_add_folder(struct disk *d, const char *path) {
    struct disk_folder *f = folder_of(d, path);
    add_move(f, "", base_name(path), -1 - add_folder(d, path));
    settle_folder(f, f->count);
}

/* ---- one state: a file ---- */
static void append_change(const struct disk_file *f, unsigned i, size_t n, struct buf *out) {
    change_content(out, &f->changes[i], n);
}

/* All changes up to the one at which the writing stopped, of that one a part. */
static void content_torn(const struct disk_file *f, uint64_t *seed, size_t unit, struct buf *out) {
    unsigned pending = f->count - f->synced, whole = (unsigned)below(seed, pending + 1);
    for (unsigned i = 0; i < whole; i++) append_change(f, f->synced + i, f->changes[f->synced + i].n, out);
    if (whole == pending || f->changes[f->synced + whole].is_cut) return;
    size_t n = below(seed, f->changes[f->synced + whole].n + 1), end = out->len + n;
    if (end - end % unit >= out->len) n = end - end % unit - out->len;
    append_change(f, f->synced + whole, n, out);
}

/* Bytes up to here were never touched by what is pending. */
static size_t untouched(const struct disk_file *f) {
    size_t n = f->durable.len;
    for (unsigned i = f->synced; i < f->count; i++)
        if (f->changes[i].is_cut && f->changes[i].n < n) n = f->changes[i].n;
    return n;
}

/* What the blocks of another file, or older ones of this, held there. */
static void put_stale(const struct disk *d, uint64_t *seed, struct buf *out, size_t from, size_t to) {
    const struct disk_file *other = &d->files[below(seed, d->file_count)];
    size_t shift = below(seed, 2) * (below(seed, 8) * BLOCK);
    for (size_t i = from; i < to; i++) out->ptr[i] = i + shift < other->durable.len ? other->durable.ptr[i + shift] : 0;
}

static void spoil(const struct disk *d, uint64_t *seed, struct buf *out, size_t from, bool stale, bool everything) {
    for (size_t at = from; at < out->len;) {
        size_t end = at - at % BLOCK + BLOCK < out->len ? at - at % BLOCK + BLOCK : out->len;
        if (everything || below(seed, 3) == 0) {
            if (stale)
                put_stale(d, seed, out, at, end);
            else
                memset(out->ptr + at, 0, end - at);
        }
        at = end;
    }
}

static void make_content(const struct disk *d, const struct disk_file *f, unsigned kind, uint64_t *seed,
                         struct buf *out) {
    size_t same = untouched(f);
    buf_append_slice(out, buf_slice(&f->durable));
    if (kind == DISK_LOST) return;
    if (kind == DISK_TORN || kind == DISK_TORN_BLOCK) {
        content_torn(f, seed, kind == DISK_TORN ? 1 : BLOCK, out);
        return;
    }
    for (unsigned i = f->synced; i < f->count; i++) append_change(f, i, f->changes[i].n, out);
    if (same > out->len) same = out->len;
    if (kind == DISK_ZERO || kind == DISK_STALE) spoil(d, seed, out, same, kind == DISK_STALE, true);
    if (kind == DISK_ZERO_HOLES || kind == DISK_STALE_HOLES) spoil(d, seed, out, same, kind == DISK_STALE_HOLES, false);
    if (kind == DISK_ZERO_TAIL) {
        size_t from = same + below(seed, out->len - same + 1);
        if (from < out->len) memset(out->ptr + from, 0, out->len - from);
    }
}

/* ---- one state: all of it ---- */
static uint64_t mix(uint64_t hash, const void *bytes, size_t n) { /* FNV-1a */
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}

static void write_file(const char *path, const struct buf *content) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content->ptr, content->len) != (ssize_t)content->len) die(path);
    close(fd);
}

/* Each move by itself, as the kind says. */
static unsigned entries_of(const struct disk_folder *f, enum disk_names kind, uint64_t *seed, struct disk_entry *out) {
    unsigned count = f->durable_count, pending = f->count - f->synced;
    memcpy(out, f->durable, sizeof f->durable);
    unsigned upto = kind == DISK_NAMES_LOST      ? 0
                    : kind == DISK_NAMES_ORDERED ? (unsigned)below(seed, pending + 1)
                                                 : pending;
    for (unsigned i = 0; i < upto; i++)
        if (kind != DISK_NAMES_ANY || below(seed, 2)) move_entry(out, &count, &f->moves[f->synced + i]);
    return count;
}

struct writing {
    const struct disk *disk;
    const struct disk_choice *choice;
    uint64_t seed, hash;
    char *first[DISK_FILES_MAX]; /* the name under which a file has been written */
};

static void write_content(struct writing *w, int file, const char *path) {
    if (w->first[file]) {
        if (link(w->first[file], path) != 0) die(path);
        return;
    }
    struct buf content;
    buf_init(&content, MEM_SERVER);
    unsigned kind = w->choice->data == DISK_MIXED ? (unsigned)below(&w->seed, DISK_DATA_KINDS) : w->choice->data;
    make_content(w->disk, &w->disk->files[file], kind, &w->seed, &content);
    write_file(path, &content);
    w->hash = mix(w->hash, content.ptr, content.len);
    w->first[file] = strdup(path);
    buf_release(&content);
}

static void write_folder(struct writing *w, unsigned index, const char *dir) {
    struct disk_entry entries[DISK_ENTRIES_MAX];
    unsigned count = entries_of(&w->disk->folders[index], w->choice->names, &w->seed, entries);
    for (unsigned i = 0; i < count; i++) {
        char path[1024];
        int n = snprintf(path, sizeof path, "%s/%s", dir, entries[i].name);
        if (n < 0 || (size_t)n >= sizeof path) die("too long a path");
        w->hash = mix(w->hash, path, strlen(path) + 1);
        if (entries[i].file >= 0) {
            write_content(w, entries[i].file, path);
        } else {
            if (mkdir(path, 0755) != 0) die(path);
            write_folder(w, (unsigned)(-1 - entries[i].file), path);
        }
    }
}

uint64_t disk_write(const struct disk *d, const struct disk_choice *choice, const char *dir) {
    struct writing w = {.disk = d, .choice = choice, .seed = choice->seed, .hash = 0xcbf29ce484222325ull};
    write_folder(&w, DISK_ROOT, dir);
    for (unsigned i = 0; i < d->file_count; i++) free(w.first[i]);
    return w.hash;
}
