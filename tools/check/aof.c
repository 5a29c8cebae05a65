#include "check.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/file.h"
#include "persist/aof_walk.h"
#include "wire/rdb.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define MANIFEST_MAX ((size_t)1 << 20)
#define FOLDER_MODE  0755

/* ---- one file ---- */
struct part {
    const struct options *options;
    const char *name; /* path of the file */
    struct whole file;
    struct aof_walk walk;
    struct losses *losses;
    struct output *out; /* NULL: only checked */
    bool base;          /* of a manifest */
    int64_t later_at;   /* where the first command is that is too late; -1: none */
    struct aof_piece cut;
};

static void copy(struct part *p, int64_t from, int64_t to) {
    proven(from <= to);
    output_put(p->out, p->file.bytes + from, (size_t)(to - from));
}

/* A group's checksum counts at its place only. */
static void copy_group(struct part *p, const struct aof_piece *piece, int64_t to) {
    struct buf bytes;
    buf_init(&bytes, MEM_PERSIST);
    aof_walk_cut_group(&p->walk, piece, to, p->out->size, &bytes);
    if (bytes.len) output_put(p->out, bytes.ptr, bytes.len);
    buf_release(&bytes);
}

static void put_end(struct part *p) {
    struct buf line;
    buf_init(&line, MEM_PERSIST);
    aof_walk_put_end(&p->walk, p->out->size, &line);
    output_put(p->out, line.ptr, line.len);
    buf_release(&line);
}

static bool on_piece(void *arg, const struct aof_piece *piece) {
    struct part *p = arg;
    if (p->options->truncate_to >= 0 && p->later_at < 0) {
        p->later_at = aof_walk_later(&p->walk, piece, p->options->truncate_to);
        if (p->later_at >= 0) p->cut = *piece;
    }
    if (!p->options->salvage) return true;
    if (piece->kind == AOF_PIECE_GROUP)
        copy_group(p, piece, piece->end);
    else if (piece->kind == AOF_PIECE_END) /* it counts at its place only, too */
        p->base = true;
    else
        copy(p, piece->from, piece->end);
    return true;
}

static void on_lost(void *arg, const struct loss *l) {
    const struct part *p = arg;
    losses_add(p->losses, l);
}

static void report(const struct part *p, enum verdict verdict) {
    const struct aof_walk *w = &p->walk;
    if (p->options->json) {
        printf("{");
        json_text("file", slice_of_cstr(p->name));
        printf(",\"format\":\"aof\",\"sound\":%s,\"bytes\":%" PRId64 ",\"valid_to\":%" PRId64 ",\"commands\":%" PRIu64
               ",\"groups\":%" PRIu64 ",\"losses\":%" PRId64 ",\"lost_bytes\":%" PRId64 ",\"torn\":%s}\n",
               verdict == CHECK_SOUND ? "true" : "false", p->file.size, w->valid_to, w->commands, w->groups, w->losses,
               w->lost_bytes, w->torn ? "true" : "false");
        return;
    }
    printf("%s: append-only file, %" PRId64 " bytes, whole up to %" PRId64 "\n  commands   %" PRIu64
           "\n  groups     %" PRIu64 "%s\n",
           p->name, p->file.size, w->valid_to, w->commands, w->groups,
           w->annotated ? "" : " (none is expected: written by another server)");
    if (w->losses && w->torn) printf("  a torn tail, as a crash leaves it: the server would cut it off\n");
}

/* With its RDB part, if it begins with one. */
static enum verdict walk_part(struct part *p) {
    enum verdict verdict = CHECK_SOUND;
    int64_t from = 0;
    if (rdb_magic(p->file.bytes, (size_t)p->file.size)) {
        verdict = check_rdb_part(p->name, &p->file, true, p->losses, p->options->salvage ? p->out : NULL,
                                 p->options->json, &from);
        if (from == p->file.size || (verdict != CHECK_SOUND && !p->options->salvage)) return verdict;
    }
    p->walk = (struct aof_walk){.file = &p->file,
                                .from = from,
                                .base = p->base,
                                .salvage = p->options->salvage != NULL,
                                .arg = p,
                                .piece = on_piece,
                                .lost = on_lost,
                                .progress = progress_tell};
    progress_begin("checking", p->file.size);
    if (!aof_walk_run(&p->walk)) verdict = CHECK_DAMAGED;
    if (p->base && p->walk.annotated && p->options->salvage) put_end(p);
    progress_end();
    report(p, verdict);
    return verdict;
}

/* The file up to `to`, in its place; what it was stays beside it. */
static bool replace_by_prefix(struct part *p, int64_t to) {
    char kept[PATH_MAX];
    struct output o;
    int n = snprintf(kept, sizeof kept, "%s.bak-%lld", p->name, (long long)clock_wall_ms());
    if (n < 0 || n >= (int)sizeof kept || !output_begin(&o, p->name)) return false;
    bool inside = p->later_at == to && p->cut.kind == AOF_PIECE_GROUP;
    p->out = &o;
    copy(p, 0, inside ? p->cut.from : to);
    if (inside) copy_group(p, &p->cut, to);
    p->out = NULL;
    int error = -file_link(p->name, kept);
    if (error) {
        fprintf(stderr, "tarn-check: %s: %s\n", kept, strerror(error));
        output_end(&o, false);
        return false;
    }
    if (!output_end(&o, true)) return false;
    fprintf(stderr, "%s: cut to %" PRId64 " bytes; what it was is %s\n", p->name, o.size, kept);
    return true;
}

static enum verdict cut(struct part *p, enum verdict verdict, bool last) {
    char question[PATH_MAX + 160];
    const struct options *o = p->options;
    int64_t to = o->truncate_to >= 0 ? p->later_at : p->walk.valid_to;
    if (o->truncate_to >= 0 ? p->later_at < 0 : verdict == CHECK_SOUND) return verdict;
    if (!last || (p->base && p->walk.annotated)) {
        fprintf(stderr,
                "tarn-check: %s: only the last file can be cut, and no base; --salvage OUT keeps what is undamaged\n",
                p->name);
        return CHECK_DAMAGED;
    }
    if (!p->walk.file || to < p->walk.from) return verdict; /* the RDB part is what is damaged */
    snprintf(question, sizeof question,
             "%s: this cuts off %" PRId64 " of %" PRId64 " bytes, from offset %" PRId64 " on.", p->name,
             p->file.size - to, p->file.size, to);
    if (!confirmed(o, question)) return CHECK_DAMAGED;
    return replace_by_prefix(p, to) ? CHECK_SOUND : CHECK_UNKNOWN;
}

static enum verdict check_file(const struct options *o, const char *path, const char *out_path, bool base, bool last,
                               struct losses *losses) {
    struct part p = {.options = o, .name = path, .base = base, .losses = losses, .later_at = -1};
    struct output out;
    char why[WHOLE_WHY];
    if (!whole_open(&p.file, path, NULL, NULL, why)) {
        fprintf(stderr, "tarn-check: %s: %s\n", path, why);
        return CHECK_UNKNOWN;
    }
    if (out_path && !output_begin(&out, out_path)) {
        whole_close(&p.file);
        return CHECK_UNKNOWN;
    }
    losses->file = path;
    p.out = out_path ? &out : NULL;
    enum verdict verdict = walk_part(&p);
    if (o->fix || o->truncate_to >= 0) verdict = cut(&p, verdict, last);
    if (out_path && !output_end(&out, true)) verdict = CHECK_UNKNOWN;
    whole_close(&p.file);
    return verdict;
}

/* ---- folders ---- */
static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* The only manifest in the folder. */
static bool find_manifest(const char *folder, char dst[PATH_MAX]) {
    DIR *d = opendir(folder);
    int found = 0;
    for (const struct dirent *e; d && (e = readdir(d));)
        if (ends_with(e->d_name, ".manifest") && snprintf(dst, PATH_MAX, "%s/%s", folder, e->d_name) < PATH_MAX)
            found++;
    if (d) closedir(d);
    if (found != 1)
        fprintf(stderr, "tarn-check: %s: %s manifest in this folder\n", folder, found ? "more than one" : "no");
    return found == 1;
}

static bool join(char dst[PATH_MAX], const char *folder, const char *name) {
    int n = snprintf(dst, PATH_MAX, "%s/%s", folder, name);
    proven(n > 0);
    return n < PATH_MAX;
}

static enum verdict worse(enum verdict a, enum verdict b) { return a > b ? a : b; }

static enum verdict check_parts(const struct options *o, const char *folder, const struct aof_part *parts, int count,
                                struct losses *losses) {
    char path[PATH_MAX], out[PATH_MAX];
    enum verdict verdict = CHECK_SOUND;
    for (int i = 0; i < count; i++) {
        if (!join(path, folder, parts[i].name) || (o->salvage && !join(out, o->salvage, parts[i].name)))
            return CHECK_UNKNOWN;
        verdict =
            worse(verdict, check_file(o, path, o->salvage ? out : NULL, parts[i].kind == 'b', i == count - 1, losses));
    }
    return verdict;
}

/* The names stay what they are, so the manifest does. */
static bool copy_manifest(const char *manifest, const char *folder, struct slice text) {
    char path[PATH_MAX];
    struct output o;
    const char *slash = strrchr(manifest, '/');
    if (!join(path, folder, slash ? slash + 1 : manifest) || !output_begin(&o, path)) return false;
    output_put(&o, text.ptr, text.len);
    return output_end(&o, true);
}

static enum verdict check_manifest(const struct options *o, const char *manifest, struct losses *losses) {
    char folder[PATH_MAX], why[256] = "";
    struct aof_part *parts = NULL;
    char *text = mem_alloc(MEM_PERSIST, MANIFEST_MAX);
    enum verdict verdict = CHECK_UNKNOWN;
    ssize_t n = file_read_whole(manifest, text, MANIFEST_MAX);
    const char *slash = strrchr(manifest, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - manifest) : 1, slash ? manifest : ".");
    int count = n < 0 ? -1 : aof_walk_manifest(slice_of(text, (size_t)n), &parts, why);
    if (n < 0 || count < 0) {
        fprintf(stderr, "tarn-check: %s: %s\n", manifest, n < 0 ? strerror((int)-n) : why);
        if (n >= 0) verdict = CHECK_DAMAGED;
    } else if (!o->salvage || file_make_dir(o->salvage, FOLDER_MODE) == 0) {
        verdict = check_parts(o, folder, parts, count, losses);
        if (o->salvage && verdict != CHECK_UNKNOWN && !copy_manifest(manifest, o->salvage, slice_of(text, (size_t)n)))
            verdict = CHECK_UNKNOWN;
    }
    mem_free(MEM_PERSIST, text, MANIFEST_MAX);
    if (parts) mem_free(MEM_AOF, parts, AOF_PARTS_MAX * sizeof *parts);
    return verdict;
}

enum verdict check_aof(const struct options *o) {
    char manifest[PATH_MAX];
    struct losses losses;
    enum verdict verdict;
    losses_init(&losses, o->path);
    if (is_folder(o->path))
        verdict = find_manifest(o->path, manifest) ? check_manifest(o, manifest, &losses) : CHECK_UNKNOWN;
    else if (ends_with(o->path, ".manifest"))
        verdict = check_manifest(o, o->path, &losses);
    else
        verdict = check_file(o, o->path, o->salvage, false, true, &losses);
    if (o->salvage && verdict != CHECK_UNKNOWN && !losses_write(&losses, o->salvage)) verdict = CHECK_UNKNOWN;
    losses_release(&losses);
    if (!o->json)
        printf("%s: %s\n", o->path,
               verdict == CHECK_SOUND     ? "sound"
               : verdict == CHECK_DAMAGED ? "DAMAGED"
                                          : "not checked");
    return verdict;
}
