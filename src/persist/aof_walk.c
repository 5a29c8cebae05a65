#include "persist/aof_walk.h"

#include "base/check.h"
#include "base/num.h"
#include "persist/aof_group_int.h"
#include "persist/aof_manifest_int.h"

#include <stdio.h>
#include <string.h>

#define ARGS_MAX       (INT64_C(1) << 20) /* of a command, as the replayer takes */
#define NUMBER_MAX     21
#define NAME_MAX_BYTES 40
#define PROGRESS_EVERY 4096

struct walk {
    struct aof_walk *w;
    const char *bytes;
    int64_t size;
    uint64_t pieces;
    const char *why;
    bool ended;      /* a base has had its last line */
    bool foreign;    /* behind groups, another server has written on */
    int64_t torn_to; /* of a MULTI that is no good: where it stops to be good; else -1 */
};

/* ---- commands ---- */
/* "<letter>digits\r\n" at *at. */
static bool take_number(const struct walk *k, int64_t *at, char letter, int64_t *out) {
    const char *p = k->bytes + *at;
    int64_t left = k->size - *at;
    proven(left >= 0);
    if (left < 4 || p[0] != letter) return false;
    const char *end = memchr(p, '\r', (size_t)(left < NUMBER_MAX + 2 ? left : NUMBER_MAX + 2));
    if (!end || end + 1 >= k->bytes + k->size || end[1] != '\n') return false;
    if (!num_parse_i64(slice_of(p + 1, (size_t)(end - p) - 1), out)) return false;
    *at += end + 2 - p;
    return true;
}

static bool take_argument(const struct walk *k, int64_t *at, struct slice *out) {
    int64_t n;
    proven(*at <= k->size);
    if (!take_number(k, at, '$', &n) || n < 0 || n > k->size - *at - 2) return false;
    if (k->bytes[*at + n] != '\r' || k->bytes[*at + n + 1] != '\n') return false;
    *out = slice_of(k->bytes + *at, (size_t)n);
    *at += n + 2;
    return true;
}

/* The whole command at `at`: where it ends, with its name; -1: there is none. */
static int64_t command_end(const struct walk *k, int64_t at, struct slice *name) {
    int64_t args;
    struct slice ignored;
    proven(at >= 0 && at <= k->size);
    if (!take_number(k, &at, '*', &args) || args < 1 || args > ARGS_MAX) return -1;
    if (!take_argument(k, &at, name)) return -1;
    for (int64_t i = 1; i < args; i++)
        if (!take_argument(k, &at, &ignored)) return -1;
    return at;
}

/* The line that begins with '#'; its end, or -1. */
static int64_t line_end(const struct walk *k, int64_t at, struct slice *line) {
    const char *p = k->bytes + at, *end = memchr(p, '\n', (size_t)(k->size - at));
    proven(at < k->size);
    if (!end) return -1;
    *line = slice_of(p, (size_t)(end - p) - (end > p && end[-1] == '\r'));
    return end + 1 - k->bytes;
}

/* Commands and lines from `at` to `to`, all whole. */
static bool only_commands(const struct walk *k, int64_t at, int64_t to, uint64_t *commands) {
    struct slice text;
    struct walk part = *k;
    proven(to <= k->size);
    part.size = to;
    while (at >= 0 && at < to) {
        bool mark = part.bytes[at] == '#';
        at = mark ? line_end(&part, at, &text) : command_end(&part, at, &text);
        *commands += !mark;
    }
    return at == to;
}

/* ---- pieces ---- */
static int64_t bad(struct walk *k, const char *why) {
    k->why = why;
    proven(why[0]);
    return -1;
}

/* A group whose sum fits. */
static bool group_here(const struct walk *k, int64_t at, struct aof_group *g, int64_t *body) {
    size_t line = 0;
    proven(k->w->annotated && at < k->size);
    bool fits = aof_group_here(k->bytes + at, (size_t)(k->size - at), k->w->id, at, g, &line);
    *body = at + (int64_t)line;
    return fits;
}

static int64_t read_group(struct walk *k, struct aof_piece *p) {
    struct aof_group g;
    p->kind = AOF_PIECE_GROUP;
    if (!group_here(k, p->from, &g, &p->body))
        return bad(k, "a group of records that is not whole, or whose checksum does not fit");
    int64_t end = p->body + (int64_t)g.len;
    proven(end <= k->size);
    if (!only_commands(k, p->body, end, &p->commands))
        return bad(k, "a group that fits its checksum, but does not hold whole commands");
    k->w->groups++;
    k->foreign = false;
    return end;
}

/* What Tarn writes outside of groups: a time, the last line of a base. Anything else may be what is left of a group's line. */
static bool is_ours(struct walk *k, struct slice line, struct aof_piece *p) {
    proven(k->w->annotated);
    if (p->from == 0 || !aof_is_end(line, k->w->id, p->from)) return line.len > 4 && memcmp(line.ptr, "#TS:", 4) == 0;
    p->kind = AOF_PIECE_END;
    return k->ended = true;
}

static int64_t read_line(struct walk *k, struct aof_piece *p) {
    struct slice line;
    int64_t end = line_end(k, p->from, &line);
    p->kind = AOF_PIECE_MARK;
    if (end < 0) return bad(k, "a line that does not end");
    proven(line.len > 0 && line.ptr[0] == '#');
    if (!k->w->annotated) return end;
    if (aof_is_group(line)) return read_group(k, p);
    return k->foreign || is_ours(k, line, p) ? end : bad(k, "a line that is not the first line of a group");
}

/* From behind a MULTI to behind its EXEC. */
static int64_t read_transaction(struct walk *k, struct aof_piece *p, int64_t at) {
    struct slice name = {0}, ignored;
    proven(at > p->from);
    while (!slice_is(name, "exec")) {
        k->torn_to = at;
        if (at == k->size) return bad(k, "a MULTI without its EXEC");
        bool mark = k->bytes[at] == '#';
        at = mark ? line_end(k, at, &ignored) : command_end(k, at, &name);
        if (at < 0) return bad(k, "a MULTI that holds what is no whole command");
        p->commands += !mark;
    }
    k->torn_to = -1;
    return at;
}

/* A command, or all from a MULTI to its EXEC. Behind groups only what another server would have begun with SELECT. */
static int64_t read_unit(struct walk *k, struct aof_piece *p) {
    struct slice name;
    p->kind = AOF_PIECE_UNIT;
    int64_t at = command_end(k, p->from, &name);
    if (at < 0) return bad(k, "no whole command begins here");
    if (k->w->annotated && !k->foreign && !slice_is(name, "select"))
        return bad(k, "neither a group nor what another server would write");
    k->foreign = true;
    p->commands = 1;
    if (slice_is(name, "exec")) return bad(k, "an EXEC without its MULTI");
    return slice_is(name, "multi") ? read_transaction(k, p, at) : at;
}

static int64_t read_piece(struct walk *k, struct aof_piece *p, int64_t at) {
    *p = (struct aof_piece){.from = at, .body = at};
    k->torn_to = -1;
    proven(at < k->size);
    if (k->bytes[at] == '#') return read_line(k, p);
    if (k->bytes[at] == '*') return read_unit(k, p);
    return bad(k, "neither a command nor a line that begins with '#'");
}

/* ---- searching ---- */
static bool is_command_name(struct slice name) {
    debug_proven(name.ptr || name.len == 0);
    if (name.len == 0 || name.len > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i] | 0x20;
        if (!((c >= 'a' && c <= 'z') || name.ptr[i] == '.' || name.ptr[i] == '_' || name.ptr[i] == '-')) return false;
    }
    return true;
}

static bool chain_begins(const struct walk *k, int64_t at) {
    struct slice name;
    proven(at < k->size);
    for (int links = 0; links < AOF_WALK_CHAIN; links++) {
        if (at == k->size) return links > 0;
        bool mark = links > 0 && k->bytes[at] == '#';
        at = mark ? line_end(k, at, &name) : command_end(k, at, &name);
        if (at < 0 || (!mark && !is_command_name(name))) return false;
    }
    return true;
}

/* The first place from `at` on where pieces begin again; -1: none. */
static int64_t find_next(struct walk *k, int64_t at) {
    struct aof_group g;
    int64_t body;
    const char *text = k->w->annotated ? "#TARN " : "*";
    proven(at <= k->size);
    for (uint64_t tried = 0; at < k->size; at++) {
        const char *p = memmem(k->bytes + at, (size_t)(k->size - at), text, strlen(text));
        if (!p) return -1;
        at = p - k->bytes;
        if (++tried % PROGRESS_EVERY == 0 && k->w->progress && !k->w->progress(k->w->arg, at)) k->w->stopped = true;
        if (k->w->stopped) return -1;
        if (k->w->annotated ? group_here(k, at, &g, &body) : chain_begins(k, at)) return at;
    }
    return -1;
}

/* Of a torn MULTI all is lost up to its EXEC. When another MULTI comes first, or what is no command, the EXEC is lost itself, and
 * what lies here may well be behind it. */
static int64_t behind_exec(const struct walk *k, int64_t from) {
    struct slice name = {0}, ignored;
    proven(from <= k->size);
    for (int64_t at = from; at < k->size && !slice_is(name, "multi");) {
        at = k->bytes[at] == '#' ? line_end(k, at, &ignored) : command_end(k, at, &name);
        if (at < 0) return from;
        if (slice_is(name, "exec")) return at;
    }
    return from;
}

/* Where the walk goes on behind what is no good at `at`; -1: nowhere. */
static int64_t go_on(struct walk *k, int64_t at) {
    int64_t torn_to = k->torn_to, next = find_next(k, torn_to < 0 ? at + 1 : torn_to);
    proven(next < 0 || next > at);
    return next < 0 || torn_to < 0 || k->w->annotated ? next : behind_exec(k, next);
}

/* ---- the walk ---- */
static bool was_on_disk(const struct walk *k, int64_t damage) {
    proven(k->w->annotated && damage < k->size);
    return aof_group_was_on_disk(k->bytes + damage, (size_t)(k->size - damage), k->w->id, damage, damage);
}

static void lose(struct walk *k, int64_t from, int64_t to) {
    struct aof_walk *w = k->w;
    struct loss l = {.from = from, .to = to, .db = -1, .why = k->why};
    proven(from < to && k->why);
    if (w->losses == 0) w->valid_to = from;
    if (w->losses == 0) w->torn = w->annotated ? !was_on_disk(k, from) : to == k->size;
    w->losses++;
    w->lost_bytes += to - from;
    w->lost(w->arg, &l);
}

/* What is missing has no bytes. */
static void lose_end(struct walk *k) {
    struct aof_walk *w = k->w;
    struct loss l = {.from = k->size, .to = k->size, .db = -1, .why = "the base ends before its last line"};
    proven(w->losses == 0 && w->valid_to == k->size);
    w->losses = 1;
    w->lost(w->arg, &l);
}

static bool tell(struct walk *k, const struct aof_piece *p) {
    struct aof_walk *w = k->w;
    proven(p->end > p->from);
    w->commands += p->commands;
    if (++k->pieces % PROGRESS_EVERY == 0 && w->progress && !w->progress(w->arg, p->from)) w->stopped = true;
    if (!w->stopped && !w->piece(w->arg, p)) w->stopped = true;
    return !w->stopped;
}

/* Returns where the records begin. */
static int64_t read_head(struct walk *k) {
    struct slice line = {0};
    proven(k->w->from <= k->size);
    if (k->w->from > 0 || k->size == 0 || k->bytes[0] != '#') return k->w->from;
    int64_t end = line_end(k, 0, &line);
    if (!aof_is_head(end < 0 ? slice_of(k->bytes, (size_t)k->size) : line)) return 0;
    if (end < 0 || !aof_head_parse(line, &k->w->id)) {
        k->why = "the first line is damaged, so that no group can be verified";
        if (end < 0) end = k->size;
        lose(k, 0, end);
        return end;
    }
    k->w->annotated = true;
    struct aof_piece p = {.kind = AOF_PIECE_HEAD, .end = end};
    tell(k, &p);
    return end;
}

static void walk_pieces(struct walk *k, int64_t at) {
    struct aof_piece p;
    while (at < k->size && !k->w->stopped) {
        int64_t end = read_piece(k, &p, at);
        if (end >= 0) {
            p.end = end;
            if (!tell(k, &p)) return;
            at = end;
            continue;
        }
        int64_t next = k->w->salvage ? go_on(k, at) : -1;
        lose(k, at, next < 0 ? k->size : next);
        if (next < 0) return;
        proven(next > at);
        at = next;
    }
}

bool aof_walk_run(struct aof_walk *w) {
    struct walk k = {.w = w, .bytes = (const char *)w->file->bytes, .size = w->file->size};
    proven(w->piece && w->lost && w->from >= 0 && w->from <= k.size);
    w->valid_to = k.size;
    int64_t at = read_head(&k);
    if (w->losses == 0 || w->salvage) walk_pieces(&k, at);
    if (w->base && w->annotated && !k.ended && w->losses == 0 && !w->stopped) lose_end(&k);
    return w->losses == 0 && !w->stopped;
}

/* ---- points in time ---- */
int64_t aof_walk_later(const struct aof_walk *w, const struct aof_piece *p, int64_t seconds) {
    struct walk k = {.bytes = (const char *)w->file->bytes, .size = p->end};
    int64_t at = p->body, said;
    proven(p->end <= w->file->size);
    while (p->kind != AOF_PIECE_HEAD && at < p->end) {
        struct slice text = {0};
        int64_t from = at;
        bool mark = k.bytes[at] == '#';
        at = mark ? line_end(&k, at, &text) : command_end(&k, at, &text);
        proven(at > from); /* the piece is whole */
        if (!mark || text.len <= 4 || memcmp(text.ptr, "#TS:", 4) != 0) continue;
        if (num_parse_i64(slice_of(text.ptr + 4, text.len - 4), &said) && said > seconds) return from;
    }
    return -1;
}

void aof_walk_cut_group(const struct aof_walk *w, const struct aof_piece *p, int64_t to, int64_t offset,
                        struct buf *out) {
    char line[AOF_LINE_MAX];
    proven(p->kind == AOF_PIECE_GROUP && to >= p->body && to <= p->end && w->annotated);
    if (to == p->body) return;
    struct slice bytes = slice_of((const char *)w->file->bytes + p->body, (size_t)(to - p->body));
    buf_append(out, line, aof_group_format(line, w->id, offset, bytes, 0));
    buf_append_slice(out, bytes);
}

void aof_walk_put_end(const struct aof_walk *w, int64_t offset, struct buf *out) {
    char line[AOF_LINE_MAX];
    proven(w->annotated && offset > 0);
    buf_append(out, line, aof_end_format(line, w->id, offset));
}

int64_t aof_walk_next(const char *bytes, int64_t at, int64_t end) {
    struct walk k = {.bytes = bytes, .size = end};
    struct slice ignored;
    proven(at < end);
    int64_t next = bytes[at] == '#' ? line_end(&k, at, &ignored) : command_end(&k, at, &ignored);
    return next < 0 ? end : next;
}

/* ---- manifests ---- */
static int add_parts(const struct aof_manifest *m, enum aof_kind kind, struct aof_part *parts, int count) {
    proven(count >= 0);
    for (unsigned i = 0; i < m->count && count < AOF_PARTS_MAX; i++) {
        if (m->files[i].kind != kind) continue;
        snprintf(parts[count].name, sizeof parts[count].name, "%s", m->files[i].name);
        parts[count++].kind = (char)kind;
    }
    return count;
}

int aof_walk_manifest(struct slice text, struct aof_part **parts, char why[256]) {
    struct aof_manifest m;
    int count = -1;
    aof_manifest_init(&m);
    if (aof_manifest_parse(&m, text, why)) {
        *parts = mem_alloc_zeroed(MEM_AOF, AOF_PARTS_MAX * sizeof **parts);
        count = add_parts(&m, AOF_BASE, *parts, 0);
        count = add_parts(&m, AOF_INCR, *parts, count);
    }
    aof_manifest_release(&m);
    proven(count >= 0 || why[0]);
    return count;
}
