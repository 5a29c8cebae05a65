#include "script.h"

#include "base/num.h"
#include "io/file.h"
#include "session.h"

#include <stdio.h>

#define PIECE_BYTES (64 * 1024)

static bool read_script(const char *name, struct buf *into) {
    int fd = file_open_read(name);
    ssize_t got = fd;
    while (got >= 0) {
        got = file_read(fd, buf_reserve(into, PIECE_BYTES), PIECE_BYTES);
        if (got <= 0) break;
        buf_advance(into, (size_t)got);
    }
    if (fd >= 0) file_close(fd);
    if (got < 0) fprintf(stderr, "Can't open file '%s': %s\n", name, strerror((int)-got));
    return got >= 0;
}

/* EVAL <script> <keys> <key ...> <argument ...> */
static int script_words(const struct options *o, struct slice script, char *number, struct slice *words) {
    int keys = 0, count = 3;
    while (keys < o->word_count && strcmp(o->words[keys], ",") != 0) keys++;
    words[0] = SLICE("EVAL");
    words[1] = script;
    words[2] = slice_of(number, num_format_i64(number, keys));
    for (int i = 0; i < o->word_count; i++)
        if (i != keys) words[count++] = slice_of_cstr(o->words[i]);
    return count;
}

int script_run(struct session *s) {
    struct options *o = s->options;
    struct buf script;
    char number[NUM_TEXT_MAX];
    size_t size = (size_t)(o->word_count + 3) * sizeof(struct slice);
    struct slice *words = mem_alloc(MEM_CLIENT_OUT, size);
    buf_init(&script, MEM_CLIENT_OUT);
    int code = 1;
    if (read_script(o->file, &script)) {
        int count = script_words(o, buf_slice(&script), number, words);
        if (session_connect(s) && session_repeat(s, words, count, o->repeat))
            code = s->error_seen && o->fail_on_error ? 1 : 0;
    }
    buf_release(&script);
    mem_free(MEM_CLIENT_OUT, words, size);
    return code;
}
