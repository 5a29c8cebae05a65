#include "check.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "io/file.h"
#include "wire/crc64.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LOSSES_SHOWN 20
#define BAR          40
#define WRITE_BYTES  ((size_t)1 << 20)
#define FILE_MODE    0644

/* ---- progress ---- */
static struct {
    const char *what;
    int64_t total, next_us;
    bool shown;
} bar;

void progress_begin(const char *what, int64_t total) {
    bar.what = isatty(STDERR_FILENO) ? what : NULL;
    bar.total = total;
    bar.next_us = clock_mono_us() + 200000; /* short work shows none */
}

bool progress_tell(void *arg, int64_t done) {
    (void)arg;
    if (!bar.what || bar.total <= 0 || clock_mono_us() < bar.next_us) return true;
    int full = (int)((double)done / (double)bar.total * BAR);
    fprintf(stderr, "\r%s [%.*s%.*s] %3d %%", bar.what, full, "########################################", BAR - full,
            "                                        ", (int)(100.0 * (double)done / (double)bar.total));
    bar.next_us = clock_mono_us() + 100000;
    bar.shown = true;
    return true;
}

void progress_end(void) {
    if (bar.shown) fprintf(stderr, "\r%*s\r", 80, "");
    bar.shown = false;
    bar.what = NULL;
}

/* ---- files ---- */
static bool told(const char *path, int error) {
    fprintf(stderr, "tarn-check: %s: %s\n", path, strerror(error));
    return false;
}

bool output_begin(struct output *o, const char *path) {
    *o = (struct output){.fd = -1};
    buf_init(&o->pending, MEM_PERSIST);
    if (snprintf(o->path, PATH_MAX, "%s", path) >= PATH_MAX - 32) return told(path, ENAMETOOLONG);
    snprintf(o->aside, PATH_MAX, "%.*s.tmp-%d", PATH_MAX - 32, path, (int)getpid());
    o->fd = file_create(o->aside, FILE_MODE);
    return o->fd >= 0 || told(o->aside, -o->fd);
}

static void flush(struct output *o) {
    if (!o->error && o->pending.len) o->error = -file_write(o->fd, o->pending.ptr, o->pending.len);
    buf_clear(&o->pending);
}

void output_put(struct output *o, const void *bytes, size_t n) {
    o->crc = crc64(o->crc, bytes, n);
    o->size += (int64_t)n;
    for (const char *p = bytes; n > 0;) { /* by pieces: a value may be long */
        size_t piece = n < WRITE_BYTES ? n : WRITE_BYTES;
        buf_append(&o->pending, p, piece);
        if (o->pending.len >= WRITE_BYTES) flush(o);
        p += piece;
        n -= piece;
    }
}

bool output_end(struct output *o, bool keep) {
    if (o->fd < 0) return false;
    flush(o);
    if (!o->error && keep) o->error = -file_sync(o->fd);
    file_close(o->fd);
    o->fd = -1;
    buf_release(&o->pending);
    if (!o->error && keep) o->error = -file_rename(o->aside, o->path);
    if (!o->error && keep) o->error = -file_sync_dir(o->path);
    if (o->error || !keep) file_remove(o->aside);
    return !o->error || told(o->path, o->error);
}

/* ---- losses ---- */
void losses_init(struct losses *l, const char *file) {
    *l = (struct losses){.file = file};
    buf_init(&l->text, MEM_PERSIST);
}

void losses_add(struct losses *l, const struct loss *loss) {
    char text[LOSS_TEXT_MAX];
    size_t n = loss_text(text, loss);
    progress_end();
    buf_printf(&l->text, "%s: %s: %.*s\n", l->file, loss->kept ? "repaired" : "lost", (int)n, text);
    if (l->count++ < LOSSES_SHOWN) fprintf(stderr, "%s: %.*s\n", l->file, (int)n, text);
    if (l->count == LOSSES_SHOWN + 1) fprintf(stderr, "%s: and more\n", l->file);
}

void losses_release(struct losses *l) {
    proven(l->count >= 0);
    buf_release(&l->text);
}

bool losses_write(const struct losses *l, const char *path) {
    char name[PATH_MAX];
    struct output o;
    if (snprintf(name, sizeof name, "%s.lost", path) >= PATH_MAX) return told(path, ENAMETOOLONG);
    if (!output_begin(&o, name)) return false;
    output_put(&o, l->text.ptr, l->text.len);
    return output_end(&o, true);
}

/* ---- people and machines ---- */
bool confirmed(const struct options *o, const char *question) {
    char answer[16] = "";
    if (o->yes) return true;
    fprintf(stderr, "%s Continue? [y/N]: ", question);
    if (!fgets(answer, sizeof answer, stdin)) answer[0] = 'n';
    if (answer[0] == 'y' || answer[0] == 'Y') return true;
    fputs("Aborted, nothing was changed.\n", stderr);
    return false;
}

void json_text(const char *name, struct slice text) {
    printf("\"%s\":\"", name);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}
