#include "persist/aof_load_int.h"

#include "base/check.h"
#include "base/log.h"
#include "base/source_line.h"
#include "io/file.h"
#include "persist/aof_group_int.h"
#include "persist/aof_replay_int.h"
#include "persist/dropped_int.h"
#include "persist/rdb_parse_int.h"
#include "persist/scout_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define READ_BLOCK   ((size_t)1 << 20)
#define WINDOW_KEPT  ((size_t)16 << 20) /* what grew beyond for one long command is given back behind it */
#define MANIFEST_MAX ((size_t)1 << 20)
#define DROP_STEP    ((int64_t)16 << 20)
/* A group up to this long is checked and run where it lies; a longer one is read twice. */
#define GROUP_WHOLE_MAX ((size_t)4 << 20)

struct reader { /* of one file */
    struct aof_load *load;
    struct replay *replay;
    const struct load_options *options;
    struct dataset *ds;
    const char *path;
    int fd;
    int64_t size;
    struct buf window; /* what of the file lies here; owner MEM_PERSIST */
    size_t pos;        /* of it, the next byte that has not been used */
    int64_t taken;     /* bytes of the file before the window's end */
    int64_t dropped;   /* bytes of it that have left the page cache */
    int64_t before;    /* bytes of the files before this one */
    bool base;         /* of the manifest: complete before it got its name, so nothing is a torn tail */
    bool last;         /* no file comes after it */
    bool annotated;
    bool ended; /* a base has had its last line */
    uint64_t id;
    int64_t unit_at;  /* where the MULTI begins whose EXEC is still to come */
    int64_t kept;     /* what holds true, when the end is to be cut off; else -1 */
    bool foreign_end; /* it ends with commands outside of any group */
    struct load_progress *progress;
    const _Atomic bool *cancelled;
    char *why; /* LOAD_ERROR_MAX */
};

/* ---- names ---- */
bool aof_path(char *dst, const char *folder, const char *name) {
    int n = snprintf(dst, PATH_MAX, "%s/%s", folder, name);
    proven(n > 0);
    return n < PATH_MAX;
}

bool aof_manifest_path(const struct aof_load *l, char *dst) {
    int n = snprintf(dst, PATH_MAX, "%s/%s.manifest", l->folder, l->file_name);
    proven(n > 0);
    return n < PATH_MAX;
}

bool aof_is_rdb_name(const char *path) {
    size_t n = strlen(path);
    proven(n > 0);
    return n > 9 && strcmp(path + n - 9, ".base.rdb") == 0;
}

enum aof_found aof_find(const struct aof_load *l) {
    char path[PATH_MAX];
    proven(l->folder[0] && l->file_name[0]);
    if (aof_manifest_path(l, path) && file_exists(path)) return AOF_FOLDER;
    return file_exists(l->old_path) ? AOF_OLD_FILE : AOF_NOTHING;
}

/* ---- the window ---- */
/* Of the file, where the bytes begin that have neither been used nor gone to their place. */
static int64_t passed(const struct reader *f) {
    debug_proven(f->pos <= f->window.len && (int64_t)f->window.len <= f->taken);
    return f->taken - (int64_t)(f->window.len - f->pos);
}

/* Where the command or line begins that is next. Of a command that has begun, long arguments do not lie in the window (resp.h). */
static int64_t offset_of(const struct reader *f) {
    debug_proven((int64_t)f->replay->parser.apart <= passed(f));
    return passed(f) - (int64_t)f->replay->parser.apart;
}

static const char *at(const struct reader *f) {
    debug_proven(f->pos <= f->window.len);
    return f->window.ptr ? f->window.ptr + f->pos : "";
}

static size_t lies(const struct reader *f) {
    debug_proven(f->pos <= f->window.len);
    return f->window.len - f->pos;
}

static bool fail_from(struct reader *f, const char *noticed, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool fail_from(struct reader *f, const char *noticed, int64_t offset, const char *format, ...) {
    char text[LOAD_ERROR_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(f->why, LOAD_ERROR_MAX, "%.200s: offset %" PRId64 ": %s (%s)", f->path, offset, text, noticed);
    proven(f->why[0]);
    return false;
}
#define fail_at(f, offset, ...) fail_from((f), SOURCE_LINE, (offset), __VA_ARGS__)

/* As the source of an RDB file does. */
static void drop_behind(struct reader *f) {
    int64_t passed = f->options->scout ? scout_passed(f->options->scout) : INT64_MAX, to = f->taken;
    proven(f->dropped <= f->taken);
    if (passed - f->before < to) to = passed - f->before;
    if (to - f->dropped < DROP_STEP) return;
    file_drop_cache(f->fd, f->dropped, to - f->dropped);
    f->dropped = to;
}

/* The window has room for n bytes behind pos, which becomes its start. */
static bool reserve(struct reader *f, size_t n) {
    if (f->pos > 0) buf_consume(&f->window, f->pos);
    f->pos = 0;
    if (f->window.cap > WINDOW_KEPT && n <= READ_BLOCK) buf_shrink(&f->window);
    size_t wanted = n > f->window.len + READ_BLOCK ? n - f->window.len : READ_BLOCK;
    if ((int64_t)wanted > f->size - f->taken) wanted = (size_t)(f->size - f->taken);
    return buf_try_reserve(&f->window, wanted) || fail_at(f, offset_of(f), "no memory to read %zu bytes", n);
}

/* The next bytes of the file, at most room of them, go to dst; none where the file ends. Block by block, so that a long command is
 * seen to come, and can be given up: false then, and after an error, which is told. */
static bool take_block(struct reader *f, char *dst, size_t room, size_t *got) {
    proven(room > 0 && f->taken < f->size);
    if (atomic_load_explicit(f->cancelled, memory_order_relaxed)) return false;
    size_t wanted = room < READ_BLOCK ? room : READ_BLOCK;
    if ((int64_t)wanted > f->size - f->taken) wanted = (size_t)(f->size - f->taken);
    ssize_t n = file_read_at(f->fd, dst, wanted, f->taken);
    if (n < 0) return fail_at(f, f->taken, "cannot be read: %s", strerror((int)-n));
    if (n == 0) f->size = f->taken; /* shorter than it was when it was opened */
    f->taken += n;
    *got = (size_t)n;
    drop_behind(f);
    return true;
}

/* At least n bytes behind pos, as far as the file has them. */
static bool fill(struct reader *f, size_t n) {
    size_t got = 0;
    proven(f->pos <= f->window.len);
    if (lies(f) < n && f->taken < f->size && !reserve(f, n)) return false;
    while (lies(f) < n && f->taken < f->size) {
        if (!take_block(f, f->window.ptr + f->window.len, f->window.cap - f->window.len, &got)) return false;
        buf_advance(&f->window, got);
    }
    return true;
}

static void publish(const struct reader *f) {
    debug_proven(f->before >= 0);
    atomic_store_explicit(&f->progress->loaded_bytes, f->before + passed(f), memory_order_relaxed);
}

static void use(struct reader *f, size_t n) {
    proven(n <= lies(f));
    f->pos += n;
    publish(f);
}

/* More of a long argument, straight to its place; nothing of what comes behind it, and nothing beyond `end` of the file. */
static bool fill_bulk(struct reader *f, int64_t end) {
    struct resp_parser *p = &f->replay->parser;
    size_t room, got = 0;
    proven(resp_bulk_missing(p) && p->position == lies(f) && end <= f->size);
    char *at = resp_bulk_space(p, &room);
    while (room > 0 && f->taken < end && f->taken < f->size) {
        if ((int64_t)room > end - f->taken) room = (size_t)(end - f->taken);
        if (!take_block(f, at, room, &got)) return false;
        resp_bulk_filled(p, got);
        publish(f);
        at = resp_bulk_space(p, &room);
    }
    return true;
}

/* More of a command that has begun, which does not go beyond `end`. */
static bool fill_command(struct reader *f, int64_t end) {
    size_t lay = lies(f), wanted = f->replay->parser.wanted ? f->replay->parser.wanted : 1;
    proven(f->taken < end);
    if (resp_bulk_missing(&f->replay->parser)) return fill_bulk(f, end);
    return fill(f, (int64_t)wanted < end - f->taken ? lay + wanted : lay + (size_t)(end - f->taken));
}

/* The line that begins here, without its end; false when the file ends first, or it is none of ours. */
static bool line_here(const struct reader *f, struct slice *line, size_t *bytes) {
    size_t n = lies(f) < AOF_LINE_MAX ? lies(f) : AOF_LINE_MAX;
    const char *end = n ? memchr(at(f), '\n', n) : NULL;
    debug_proven(f->pos <= f->window.len);
    if (!end || end == at(f) || end[-1] != '\r') return false;
    *bytes = (size_t)(end - at(f)) + 1;
    *line = slice_of(at(f), *bytes - 2);
    return true;
}

/* ---- what does not hold true ---- */
static void log_cut(const struct reader *f, int64_t kept, const char *what) {
    proven(kept <= f->size);
    log_warning("%.300s: %s: the last %" PRId64 " bytes, from offset %" PRId64 " on, are cut off", f->path, what,
                f->size - kept, kept);
}

/* The end of the file from kept on is what a crash has left: it is left out, and reading ends here. */
static bool cut(struct reader *f, int64_t kept, const char *what) {
    proven(kept >= 0 && kept <= f->size);
    if (!f->last) return fail_at(f, kept, "%s, and other files come after it", what);
    if (!f->load->truncated_ok)
        return fail_at(f, kept, "%s. With aof-load-truncated yes the data before it would be loaded", what);
    log_cut(f, kept, what);
    f->kept = kept;
    return true;
}

/* Whether a whole group further on says that what lies at `damage` had been on disk. The rest of the file is read in one: it is
 * short, unless the file is damaged indeed. Without memory for it the answer is the careful one. */
static bool was_on_disk(struct reader *f, int64_t damage) {
    proven(f->annotated && damage >= 0);
    if (!fill(f, (size_t)(f->size - offset_of(f)))) {
        f->why[0] = '\0';
        return true;
    }
    return aof_group_was_on_disk(at(f), lies(f), f->id, offset_of(f), damage);
}

static bool damaged(struct reader *f, const char *what) {
    int64_t damage = offset_of(f);
    proven(f->kept < 0);
    if (f->annotated && !f->base && !was_on_disk(f, damage)) return cut(f, f->unit_at >= 0 ? f->unit_at : damage, what);
    return fail_at(f, damage, "%s", what);
}

/* In a file without groups, where something stands that no command begins with. */
static bool bad_command(struct reader *f, const char *what) {
    int64_t offset = offset_of(f), from = f->unit_at >= 0 ? f->unit_at : offset;
    char text[LOAD_ERROR_MAX / 2];
    proven(f->kept < 0 && what[0]);
    snprintf(text, sizeof text, "%s", what);
    if (f->last && f->load->truncated_ok && f->size - from <= f->load->corrupt_tail_max) return cut(f, from, text);
    return fail_at(f, offset, "bad file format: %s", text);
}

/* ---- groups ---- */
/* A time, or the comment of somebody else, inside a group. */
static bool pass_line(struct reader *f, int64_t end) {
    int64_t left = end - offset_of(f);
    if (!fill(f, left < AOF_LINE_MAX ? (size_t)left : AOF_LINE_MAX)) return false;
    size_t n = lies(f) < (size_t)left ? lies(f) : (size_t)left;
    const char *line_end = n ? memchr(at(f), '\n', n) : NULL;
    proven(left > 0);
    if (!line_end) return fail_at(f, offset_of(f), "a line that does not end");
    use(f, (size_t)(line_end - at(f)) + 1);
    return true;
}

/* More of a command that has begun, as far as the group goes. */
static bool fill_in_group(struct reader *f, int64_t end) {
    int64_t taken = f->taken;
    proven(offset_of(f) < end);
    if (taken >= end) return fail_at(f, offset_of(f), "a command does not end");
    proven(end <= f->size);
    return fill_command(f, end) && (f->taken > taken || fail_at(f, f->taken, "the file ends early"));
}

/* Of what lies in the window, what is before `end`. */
static size_t lies_before(const struct reader *f, int64_t end) {
    debug_proven(passed(f) <= end);
    return f->taken <= end ? lies(f) : (size_t)(end - passed(f));
}

/* Of the window, `from` to `to` behind pos are in a block of the parser's now. */
static void cut_window(struct reader *f, size_t from, size_t to) {
    char *p = f->window.ptr + f->pos;
    proven(from <= to && to <= lies(f));
    memmove(p + from, p + to, lies(f) - to);
    f->window.len -= to - from;
}

/* The first n bytes that lie here go to the replay. */
static enum replay_result feed(struct reader *f, size_t n) {
    size_t used;
    proven(n <= lies(f));
    f->replay->place = f->before + offset_of(f);
    enum replay_result result = replay_feed(f->replay, at(f), n, &used);
    if (resp_bulk_missing(&f->replay->parser)) cut_window(f, used + f->replay->parser.position, n);
    use(f, used);
    return result;
}

/* Runs what lies from here to the end of the group, which is known to be as it was written. A long one goes through the window. */
static bool run_group(struct reader *f, int64_t end) {
    bool ok = true;
    proven(end > offset_of(f));
    f->replay->whole = true;
    while (ok && offset_of(f) < end) {
        enum replay_result result = feed(f, lies_before(f, end));
        if (result == REPLAY_MARK)
            ok = pass_line(f, end);
        else if (result != REPLAY_MORE)
            ok = result != REPLAY_CANCELLED && fail_at(f, offset_of(f), "%s", f->replay->why);
        else if (offset_of(f) < end)
            ok = fill_in_group(f, end);
    }
    f->replay->whole = false;
    if (!ok) return false;
    return !f->replay->queued || fail_at(f, offset_of(f), "a MULTI does not end with its group");
}

/* The sum of a group that is too long to lie in memory. It is read a second time when it runs. */
static bool sum_group(struct reader *f, const struct aof_group *g, size_t line, bool *fits) {
    int64_t from = offset_of(f) + (int64_t)line, end = from + (int64_t)g->len;
    uint64_t crc = aof_group_sum(f->id, offset_of(f), g->len, g->lag);
    char *block = mem_alloc(MEM_PERSIST, READ_BLOCK);
    ssize_t got = 1;
    proven(g->len > GROUP_WHOLE_MAX);
    while (got > 0 && from < end && !atomic_load_explicit(f->cancelled, memory_order_relaxed)) {
        size_t n = end - from < (int64_t)READ_BLOCK ? (size_t)(end - from) : READ_BLOCK;
        got = file_read_at(f->fd, block, n, from);
        if (got <= 0) break;
        crc = aof_group_add(crc, slice_of(block, (size_t)got));
        from += got;
    }
    mem_free(MEM_PERSIST, block, READ_BLOCK);
    *fits = from == end && crc == g->crc;
    return got < 0 ? fail_at(f, from, "cannot be read: %s", strerror((int)-got)) : true;
}

static bool check_group(struct reader *f, const struct aof_group *g, size_t line, bool *fits) {
    size_t whole = line + (size_t)g->len;
    proven(whole > line);
    if (g->len > GROUP_WHOLE_MAX) return sum_group(f, g, line, fits);
    if (!fill(f, whole)) return false;
    *fits = lies(f) >= whole && aof_group_fits(g, f->id, offset_of(f), at(f) + line);
    return true;
}

static bool read_group(struct reader *f, const struct aof_group *g, size_t line) {
    bool fits;
    proven(f->annotated && f->unit_at < 0);
    if (g->len > (uint64_t)(f->size - offset_of(f)) - line)
        return damaged(f, "a group of records that is not all there");
    if (!check_group(f, g, line, &fits)) return false;
    if (atomic_load_explicit(f->cancelled, memory_order_relaxed)) return false;
    if (!fits) return damaged(f, "the checksum of a group of records does not fit");
    use(f, line);
    f->foreign_end = false;
    return run_group(f, offset_of(f) + (int64_t)g->len);
}

static bool is_timestamp(struct slice line, bool whole) {
    debug_proven(!whole || line.ptr);
    return whole && line.len > 4 && memcmp(line.ptr, "#TS:", 4) == 0;
}

/* A line that begins with '#'. */
static bool read_mark(struct reader *f) {
    struct aof_group g;
    struct slice line;
    size_t bytes;
    proven(lies(f) > 0 && *at(f) == '#');
    if (!fill(f, AOF_LINE_MAX)) return false;
    bool whole = line_here(f, &line, &bytes);
    if (f->annotated) {
        if (whole && aof_group_parse(line, &g))
            return f->unit_at < 0 ? read_group(f, &g, bytes) : bad_command(f, "a group inside a MULTI");
        if (f->base && whole && aof_is_end(line, f->id, offset_of(f))) {
            f->ended = true;
        } else if (!is_timestamp(line, whole)) {
            return damaged(f, "not the first line of a group");
        }
    } else if (whole && (aof_is_group(line) || aof_is_head(line))) {
        return fail_at(f, offset_of(f), "a group in a file whose first line does not say that it has any");
    } else if (offset_of(f) == 0 && !is_timestamp(line, whole)) {
        /* Not a comment, but most likely what is left of the line that says that groups follow. */
        return fail_at(f, 0, "the first line is a mark that nobody writes: it is damaged");
    }
    if (!whole) { /* a comment of somebody else's, of any length */
        const char *end = memchr(at(f), '\n', lies(f));
        if (!end) return cut(f, f->unit_at >= 0 ? f->unit_at : offset_of(f), "a line that does not end");
        bytes = (size_t)(end - at(f)) + 1;
    }
    use(f, bytes);
    return true;
}

/* ---- commands outside of groups: Redis wrote them ---- */
static bool end_of_commands(struct reader *f) {
    proven(f->taken == f->size);
    if (f->base && f->annotated && !f->ended) return fail_at(f, f->size, "the base ends before its last line");
    if (lies(f) == 0 && !f->replay->queued) return true;
    int64_t kept = f->replay->queued ? f->unit_at : offset_of(f);
    replay_discard(f->replay);
    replay_forget(f->replay);
    return cut(f, kept, "the file ends in the middle of a command or of a MULTI");
}

static bool read_commands(struct reader *f) {
    debug_proven(lies(f) > 0);
    for (;;) {
        int64_t from = offset_of(f);
        enum replay_result result = feed(f, lies(f));
        if (!f->replay->queued)
            f->unit_at = -1;
        else if (f->replay->multi_at != SIZE_MAX)
            f->unit_at = from + (int64_t)f->replay->multi_at;
        if (offset_of(f) > from) f->foreign_end = true;
        switch (result) {
        case REPLAY_MARK:
            return true;
        case REPLAY_CANCELLED:
            return false;
        case REPLAY_REFUSED:
            return fail_at(f, offset_of(f), "%s", f->replay->why);
        case REPLAY_BAD:
            return bad_command(f, f->replay->why);
        case REPLAY_MORE:
            break;
        }
        int64_t taken = f->taken;
        if (taken < f->size && !fill_command(f, f->size)) return false;
        if (f->taken == taken) return end_of_commands(f);
    }
}

/* ---- one file ---- */
static bool read_head(struct reader *f) {
    struct slice line;
    size_t bytes;
    proven(offset_of(f) == 0);
    if (!fill(f, AOF_LINE_MAX)) return false;
    bool whole = line_here(f, &line, &bytes);
    if (!aof_is_head(whole ? line : slice_of(at(f), lies(f)))) return true;
    if (!whole || !aof_head_parse(line, &f->id)) return fail_at(f, 0, "the first line is damaged");
    f->annotated = true;
    use(f, bytes);
    return true;
}

/* Behind groups another server may have written on: Redis and Valkey begin with a SELECT. Anything else there is what a disk
 * has given back of another file, which may well begin with a whole command. */
static bool goes_on_foreign(struct reader *f, bool *ok) {
    static const char select[] = "*2\r\n$6\r\nSELECT\r\n";
    proven(f->annotated && lies(f) > 0);
    *ok = fill(f, sizeof select - 1);
    if (!*ok || f->foreign_end) return *ok;
    size_t n = lies(f) < sizeof select - 1 ? lies(f) : sizeof select - 1;
    return strncasecmp(at(f), select, n) == 0;
}

static bool read_outside(struct reader *f) {
    bool ok = true;
    proven(lies(f) > 0 && *at(f) != '#');
    if (!f->annotated || (!f->base && goes_on_foreign(f, &ok))) return read_commands(f);
    return ok && damaged(f, "neither a group nor what another server would write");
}

static bool read_records(struct reader *f) {
    proven(f->kept < 0 && f->unit_at < 0);
    atomic_store_explicit(&f->progress->phase, LOAD_INCREMENTS, memory_order_relaxed);
    while (f->kept < 0) {
        if (!fill(f, 1)) return false;
        if (lies(f) == 0) return end_of_commands(f);
        if (!(*at(f) == '#' ? read_mark(f) : read_outside(f))) return false;
    }
    return true;
}

static bool read_rdb(struct reader *f) {
    struct load_options o = *f->options;
    struct source src = {.progress = f->progress, .cancelled = f->cancelled, .checksum = o.checksum, .scout = o.scout};
    proven(f->before == 0);
    o.keep_expired = true; /* what has ended has its DEL further on */
    o.more_follows = true;
    int error = source_open(&src, f->path);
    if (error) return fail_at(f, 0, "cannot be opened: %s", strerror(error));
    atomic_store_explicit(&f->progress->total_bytes, f->load->total_size, memory_order_relaxed);
    bool loaded = rdb_parse(&src, f->path, &o, f->ds, f->why);
    int64_t end = source_offset(&src);
    source_close(&src);
    if (!loaded) return false;
    buf_clear(&f->window);
    f->pos = 0;
    f->taken = end;
    return read_records(f); /* one file of Redis 4 to 6 has its commands behind */
}

static bool is_rdb(struct reader *f, bool *rdb) {
    proven(offset_of(f) == 0);
    if (!fill(f, 6)) return false;
    *rdb = rdb_magic(at(f), lies(f)) != RDB_MAGIC_NONE;
    return true;
}

static bool read_open_file(struct reader *f) {
    bool rdb;
    proven(f->fd >= 0);
    if (!is_rdb(f, &rdb)) return false;
    /* Only one of commands is of no bytes, where there was no data. */
    if (f->size == 0 && f->base && aof_is_rdb_name(f->path)) return fail_at(f, 0, "an RDB file that is empty");
    if (!rdb) return read_head(f) && read_records(f);
    if (dataset_keys(f->ds) > 0 || f->before > 0) return fail_at(f, 0, "an RDB file that is not the first");
    return read_rdb(f);
}

static bool read_file(struct reader *f) {
    proven(f->path && f->why[0] == '\0');
    f->fd = file_open_regular(f->path);
    if (f->fd < 0) return fail_at(f, 0, "cannot be opened: %s", strerror(-f->fd));
    f->size = file_size(f->fd);
    f->kept = f->unit_at = -1;
    buf_init(&f->window, MEM_PERSIST);
    bool ok = read_open_file(f);
    if (ok && file_drop_cache(f->fd, 0, 0) != 0) log_debug("%s stays in the page cache", f->path);
    buf_release(&f->window);
    file_close(f->fd);
    return ok;
}

static void note_last(struct aof_load *l, const struct reader *f) {
    proven(f->last);
    l->last_size = f->size;
    l->last_kept = f->kept >= 0 ? f->kept : f->size;
    l->last_annotated = f->annotated && !f->foreign_end;
    l->last_id = f->id;
    l->total_size -= l->last_size - l->last_kept;
}

/* ---- all files ---- */
static bool fail_manifest(char *why, const char *path, const char *what) {
    snprintf(why, LOAD_ERROR_MAX, "%.250s: %.200s", path, what);
    proven(why[0]);
    return false;
}

bool aof_read_manifest(struct aof_load *l, char *why) {
    char path[PATH_MAX], reason[AOF_WHY_MAX];
    proven(l->manifest.count == 0);
    if (!aof_manifest_path(l, path)) return fail_manifest(why, l->folder, "too long a path");
    char *text = mem_alloc(MEM_PERSIST, MANIFEST_MAX);
    ssize_t n = file_read_whole(path, text, MANIFEST_MAX);
    bool ok = n >= 0 && aof_manifest_parse(&l->manifest, slice_of(text, (size_t)n), reason);
    mem_free(MEM_PERSIST, text, MANIFEST_MAX);
    if (ok && aof_manifest_last(&l->manifest)) return true;
    aof_manifest_release(
        &l->manifest); /* what files there are is not known: nothing is to be salvaged of some of them */
    if (n < 0) return fail_manifest(why, path, strerror((int)-n));
    return fail_manifest(why, path, ok ? "names neither a base nor an increment" : reason);
}

/* Files that the manifest names must be there before anything is loaded; and their sizes make the total. */
static bool measure(struct aof_load *l, char *why) {
    char path[PATH_MAX];
    proven(l->manifest.count > 0);
    l->base_size = l->total_size = 0;
    for (unsigned i = 0; i < l->manifest.count; i++) {
        struct aof_file *m = &l->manifest.files[i];
        if (m->kind == AOF_HISTORY) continue;
        if (!aof_path(path, l->folder, m->name)) return fail_manifest(why, l->folder, "too long a path");
        int fd = file_open_regular(path);
        int64_t size = fd < 0 ? fd : file_size(fd);
        if (fd >= 0) file_close(fd);
        if (size < 0) return fail_manifest(why, path, strerror((int)-size));
        m->size = size;
        if (m->kind == AOF_BASE) l->base_size = size;
        l->total_size += size;
    }
    return true;
}

/* In the order in which they are read. */
static void tell_files(const struct aof_load *l, struct scout *s) {
    char path[PATH_MAX];
    const struct aof_manifest *m = &l->manifest;
    scout_expect_commands(s);
    if (l->found == AOF_OLD_FILE) scout_add(s, l->old_path, l->total_size);
    for (int increments = 0; increments < 2; increments++) {
        for (unsigned i = 0; i < m->count; i++) {
            const struct aof_file *f = &m->files[i];
            if (f->kind != (increments ? AOF_INCR : AOF_BASE) || !aof_path(path, l->folder, f->name)) continue;
            scout_add(s, path, f->size);
        }
    }
    scout_known(s);
}

struct walk {
    struct aof_load *load;
    struct replay *replay;
    struct reader common;
    int64_t before;
};

static bool read_one(struct walk *w, const char *path, bool base, bool last) {
    struct reader f = w->common;
    proven(!w->replay->queued && w->before >= 0);
    f.path = path;
    f.before = w->before;
    f.base = base;
    f.last = last;
    replay_forget(w->replay);
    w->replay->session.db = 0;
    if (!read_file(&f)) return false;
    w->before += f.size;
    if (last) note_last(w->load, &f);
    return true;
}

/* The base first, whatever the order of the lines. */
static bool read_folder(struct walk *w) {
    const struct aof_manifest *m = &w->load->manifest;
    const struct aof_file *last = aof_manifest_last(m), *base = aof_manifest_base(m);
    char path[PATH_MAX];
    bool ok = true;
    proven(w->load->manifest.count > 0);
    if (base) ok = aof_path(path, w->load->folder, base->name) && read_one(w, path, true, base == last);
    for (unsigned i = 0; ok && i < m->count; i++) {
        if (m->files[i].kind != AOF_INCR) continue;
        ok = aof_path(path, w->load->folder, m->files[i].name) && read_one(w, path, false, &m->files[i] == last);
    }
    return ok;
}

static bool read_all(struct walk *w) {
    if (w->load->found == AOF_FOLDER) return read_folder(w);
    proven(w->load->found == AOF_OLD_FILE);
    return read_one(w, w->load->old_path, false, true);
}

static bool prepare(struct aof_load *l, char *why) {
    l->found = aof_find(l);
    proven(l->found != AOF_NOTHING && l->manifest.count == 0);
    if (l->found == AOF_FOLDER) return aof_read_manifest(l, why) && measure(l, why);
    int fd = file_open_regular(l->old_path);
    int64_t size = fd < 0 ? fd : file_size(fd);
    if (fd >= 0) file_close(fd);
    if (size < 0) return fail_manifest(why, l->old_path, strerror((int)-size));
    l->base_size = l->total_size = size;
    return true;
}

bool aof_load_run(void *arg, const struct load_options *options, struct load_progress *progress,
                  const _Atomic bool *cancelled, struct dataset *ds, char *why) {
    struct aof_load *l = arg;
    why[0] = '\0';
    if (!prepare(l, why)) return false;
    if (options->scout) tell_files(l, options->scout);
    char reason[LOAD_ERROR_MAX] = "";
    struct replay *replay = mem_alloc(MEM_PERSIST, sizeof *replay);
    replay_init(replay, ds, l->lists, l->list_count, l->string_max);
    replay->parser.block_min = RESP_BLOCK_MIN;
    replay->progress = progress;
    replay->cancelled = cancelled;
    replay->pace = (struct pace){.delay_us = options->key_delay_us,
                                 .cancelled = cancelled,
                                 .slept_us = &progress->slept_us,
                                 .asked_us = &progress->asked_us};
    replay->top = options->top;
    replay->why = reason;
    replay_limit(replay, options->room);
    atomic_store_explicit(&progress->total_bytes, l->total_size, memory_order_relaxed);
    struct walk w = {.load = l, .replay = replay};
    w.common = (struct reader){.load = l,
                               .replay = replay,
                               .options = options,
                               .ds = ds,
                               .progress = progress,
                               .cancelled = cancelled,
                               .why = why};
    bool ok = read_all(&w);
    atomic_store_explicit(&progress->phase, LOAD_FINISHING, memory_order_relaxed);
    if (replay->functions)
        log_warning("%llu FUNCTION commands were passed over: this version holds no function libraries",
                    (unsigned long long)replay->functions);
    replay_discard(replay);
    replay_forget(replay);
    if (replay->dropped) l->renew = !dropped_names(replay->dropped, &l->gone);
    replay_release(replay);
    mem_free(MEM_PERSIST, replay, sizeof *replay);
    return ok && l->renew ? aof_renew(l, ds, cancelled, why) : ok;
}
