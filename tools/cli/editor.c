#include "editor.h"

#include "base/text.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef TARN_LIBEDIT
#include <histedit.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define HISTORY_LINES 1000
#define PROMPT_MAX    512
#define WORDS_MAX     64  /* of the line, for hints */
#define COLUMNS_MIN   20  /* narrower hints are left out */
#define LISTED_MAX    200 /* candidates shown at once */
/* What stands between two of these is for the terminal and takes no column. libedit takes it for one cell with the character behind
 * it, and does not see when only that character has changed: so it is always a space. */
#define LITERAL '\1'

struct editor {
    EditLine *line;
    History *history;
    const struct docs *docs;
    char prompt[PROMPT_MAX], path[PATH_MAX];
    struct buf hint, text;
    bool hints;
};

static struct editor *editor_of(EditLine *line) {
    void *e = NULL;
    el_get(line, EL_CLIENTDATA, &e);
    return e;
}

static char *show_prompt(EditLine *line) { return editor_of(line)->prompt; }

/* ---- hints, at the right edge ---- */
static int columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The words of the line, where its quotes are closed; -1 else. They point into text. */
static int line_words(struct editor *e, const LineInfo *info, struct slice *words) {
    size_t len = (size_t)(info->lastchar - info->buffer);
    buf_clear(&e->text);
    return text_split_words(slice_of(info->buffer, len), buf_reserve(&e->text, len + 1), words, WORDS_MAX);
}

/* An empty text hides it. The line's own width is taken by its bytes, which is too much for other scripts: less hint. */
static char *show_hint(EditLine *line) {
    static char nothing[] = "";
    struct editor *e = editor_of(line);
    struct slice words[WORDS_MAX];
    const LineInfo *info = el_line(line);
    int name_words, count = e->hints && info->lastchar > info->buffer ? line_words(e, info, words) : 0;
    const struct doc *doc = count > 0 ? docs_find(e->docs, words, count, &name_words) : NULL;
    if (!doc) return nothing;
    int room = columns() - (int)strlen(e->prompt) - (int)(info->lastchar - info->buffer) - 6;
    buf_clear(&e->hint);
    buf_printf(&e->hint, "%c\033[90m%c ", LITERAL, LITERAL);
    size_t start = e->hint.len;
    docs_hint(doc, words + name_words, count - name_words, &e->hint);
    if (e->hint.len == start || room < COLUMNS_MIN) return nothing;
    if (e->hint.len - start > (size_t)room) {
        e->hint.len = start + (size_t)room - 3;
        buf_append(&e->hint, "...", 3);
    }
    buf_printf(&e->hint, "%c\033[0m%c ", LITERAL, LITERAL);
    *buf_reserve(&e->hint, 1) = '\0';
    return e->hint.ptr;
}

/* In the place of libedit's own, which does not draw the right edge again. */
static unsigned char key_insert(EditLine *line, int c) {
    char text[2] = {(char)c, '\0'};
    return el_insertstr(line, text) == 0 ? CC_REFRESH : CC_ERROR;
}

/* ---- completion ---- */
/* Names that begin with what is typed up to the cursor. */
static bool is_candidate(const struct doc *doc, struct slice typed) {
    return doc->name.len > typed.len && slice_equal_nocase(slice_of(doc->name.ptr, typed.len), typed);
}

static size_t common_prefix(struct slice a, struct slice b) {
    size_t n = 0;
    while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n]) n++;
    return n;
}

static void list_candidates(const struct docs *docs, struct slice typed) {
    int width = columns(), column = 0, listed = 0;
    puts("");
    for (size_t i = 0; i < docs->count && listed < LISTED_MAX; i++) {
        const struct slice name = docs->docs[i].name;
        if (!is_candidate(&docs->docs[i], typed)) continue;
        if (column > 0 && column + (int)name.len + 2 > width) {
            puts("");
            column = 0;
        }
        column += printf("%.*s  ", (int)name.len, name.ptr);
        listed++;
    }
    puts("");
    fflush(stdout);
}

/* Letters as the person typed the last one. */
static void insert_rest(EditLine *line, struct slice rest, bool upper, bool whole) {
    char text[64];
    size_t len = 0;
    for (; len < rest.len && len + 2 < sizeof text; len++) {
        char c = rest.ptr[len];
        text[len] = upper && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    if (whole) text[len++] = ' ';
    text[len] = '\0';
    if (len > 0) el_insertstr(line, text);
}

static unsigned char key_complete(EditLine *line, int c) {
    struct editor *e = editor_of(line);
    const LineInfo *info = el_line(line);
    struct slice typed = slice_of(info->buffer, (size_t)(info->cursor - info->buffer)), first = SLICE("");
    size_t matches = 0, common = 0;
    (void)c;
    if (typed.len > 5 && slice_equal_nocase(slice_of(typed.ptr, 5), SLICE("help ")))
        typed = slice_of(typed.ptr + 5, typed.len - 5);
    for (size_t i = 0; i < e->docs->count && typed.len > 0; i++) {
        if (!is_candidate(&e->docs->docs[i], typed)) continue;
        common =
            matches++ ? common_prefix(slice_of(first.ptr, common), e->docs->docs[i].name) : e->docs->docs[i].name.len;
        if (matches == 1) first = e->docs->docs[i].name;
    }
    if (matches == 0) return CC_REFRESH_BEEP;
    char last = typed.ptr[typed.len - 1];
    bool upper = last >= 'A' && last <= 'Z';
    if (common > typed.len) {
        insert_rest(line, slice_of(first.ptr + typed.len, common - typed.len), upper, matches == 1);
        return CC_REFRESH;
    }
    list_candidates(e->docs, typed);
    return CC_REDISPLAY;
}

/* ---- history ---- */
static void find_history(struct editor *e) {
    const char *path = getenv("TARNCLI_HISTFILE"), *home = getenv("HOME");
    if (path)
        snprintf(e->path, sizeof e->path, "%s", strcmp(path, "/dev/null") == 0 ? "" : path);
    else if (home)
        snprintf(e->path, sizeof e->path, "%s/.tarncli_history", home);
}

/* For its owner only: keys and values are in it. */
static void save_history(struct editor *e) {
    HistEvent event;
    if (!e->path[0]) return;
    mode_t before = umask(077);
    history(e->history, &event, H_SAVE, e->path);
    umask(before);
}

void editor_remember(struct editor *e, struct slice line) {
    HistEvent event;
    buf_clear(&e->text);
    buf_append_slice(&e->text, line);
    buf_append(&e->text, "\n", 2); /* with the NUL */
    history(e->history, &event, H_ENTER, e->text.ptr);
}

/* ---- all ---- */
static void bind_keys(struct editor *e) {
    char key[8];
    el_set(e->line, EL_EDITOR, "emacs");
    el_set(e->line, EL_ADDFN, "tarn-complete", "complete a command's name", key_complete);
    el_set(e->line, EL_ADDFN, "tarn-insert", "insert a character and show the hint", key_insert);
    for (int c = ' '; c < 127; c++) {
        snprintf(key, sizeof key, "\\%03o", (unsigned)c);
        el_set(e->line, EL_BIND, key, "tarn-insert", NULL);
    }
    el_set(e->line, EL_BIND, "^I", "tarn-complete", NULL);
    el_set(e->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(e->line, NULL); /* ~/.editrc, as everywhere */
}

static bool editable(void) {
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

struct editor *editor_new(const struct docs *docs) {
    HistEvent event;
    if (!editable()) return NULL;
    setlocale(LC_CTYPE, "");
    EditLine *line = el_init("tarn-cli", stdin, stdout, stderr);
    if (!line) return NULL;
    struct editor *e = mem_alloc_zeroed(MEM_CLIENT_IN, sizeof *e);
    e->line = line;
    e->docs = docs;
    e->hints = true;
    e->history = history_init();
    buf_init(&e->hint, MEM_CLIENT_IN);
    buf_init(&e->text, MEM_CLIENT_IN);
    find_history(e);
    history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    if (e->path[0]) history(e->history, &event, H_LOAD, e->path);
    el_set(line, EL_CLIENTDATA, e);
    el_set(line, EL_SIGNAL, 1);
    el_set(line, EL_HIST, history, e->history);
    el_set(line, EL_PROMPT, show_prompt);
    el_set(line, EL_RPROMPT_ESC, show_hint, LITERAL);
    bind_keys(e);
    return e;
}

void editor_free(struct editor *e) {
    if (!e) return;
    save_history(e);
    history_end(e->history);
    el_end(e->line);
    buf_release(&e->hint);
    buf_release(&e->text);
    mem_free(MEM_CLIENT_IN, e, sizeof *e);
}

bool editor_line(struct editor *e, const char *prompt, struct slice *line) {
    int len = 0;
    snprintf(e->prompt, sizeof e->prompt, "%s", prompt);
    const char *text = el_gets(e->line, &len);
    if (!text || len <= 0) return false;
    if (text[len - 1] == '\n') len--;
    *line = slice_of(text, (size_t)len);
    return true;
}

void editor_show_hints(struct editor *e, bool on) {
    if (e) e->hints = on;
}
#else
struct editor *editor_new(const struct docs *docs) {
    (void)docs;
    return NULL;
}

void editor_free(struct editor *e) { (void)e; }

bool editor_line(struct editor *e, const char *prompt, struct slice *line) {
    (void)e;
    (void)prompt;
    (void)line;
    return false;
}

void editor_remember(struct editor *e, struct slice line) {
    (void)e;
    (void)line;
}

void editor_show_hints(struct editor *e, bool on) {
    (void)e;
    (void)on;
}
#endif
