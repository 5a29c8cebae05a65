/* The start-up file and the command line. */
#include "server/config_int.h"

#include "base/check.h"
#include "base/text.h"
#include "io/file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Where a line comes from, and what becomes of mistakes. */
struct source {
    const char *file; /* NULL: the command line */
    int line;
    struct slice text;
    unsigned depth; /* of include */
};

struct reading {
    bool check; /* report every mistake and go on; else stop at the first */
    unsigned problems;
    unsigned files;
    int password_line; /* of a user line that gives the default user a hashed password, 0: none */
};

/* A statement of the file that is not a directive. NULL or a reason. */
struct statement {
    const char *name;
    int min_words, max_words; /* with the name */
    bool (*run)(struct reading *r, const struct source *s, const struct slice *words, int count);
};

/* ---- mistakes ---- */
static const struct statement *statement_find(struct slice name);
static const char *statement_name(size_t i);

/* The known name nearest to a misspelt one: at most half of its letters wrong, and never more than three. */
static const char *nearest_name(struct slice wrong) {
    const struct config_registry *c = config_registry();
    int best = wrong.len < 6 ? (int)wrong.len / 2 + 1 : 4;
    const char *found = NULL, *name;
    if (wrong.len > 64) return NULL;
    for (size_t i = 0; i < c->name_count; i++) {
        int d = text_distance(wrong, c->names[i].text, best);
        if (d < best) best = d, found = c->names[i].text.ptr;
    }
    for (size_t i = 0; (name = statement_name(i)); i++) {
        int d = text_distance(wrong, slice_of_cstr(name), best);
        if (d < best) best = d, found = name;
    }
    return found;
}

static const char *nearest_choice(const struct config_item *item, struct slice wrong) {
    const char *found = NULL;
    int best = 3;
    if (!item->row->choices || wrong.len > 64) return NULL;
    for (const struct directive_choice *c = item->row->choices; c->name; c++) {
        int d = text_distance(wrong, slice_of_cstr(c->name), best);
        if (d < best) best = d, found = c->name;
    }
    return found;
}

/* A line may hold a password even where it cannot be parsed: then only its first word is shown. */
static struct slice shown_text(const struct source *s, bool *cut) {
    size_t n = 0;
    while (n < s->text.len && s->text.ptr[n] != ' ' && s->text.ptr[n] != '\t') n++;
    const struct config_name *name = config_find(slice_of(s->text.ptr, n));
    *cut = (name && name->item->row->flags & DIRECTIVE_SENSITIVE) || s->text.len > 256;
    return *cut ? slice_of(s->text.ptr, n < 256 ? n : 256) : s->text;
}

/* Always false, so that a parser can return it. */
static bool problem(struct reading *r, const struct source *s, const char *reason, const char *suggestion) {
    bool cut;
    struct slice text = shown_text(s, &cut);
    const char *mark = suggestion ? "; did you mean '" : "", *end = suggestion ? "'?" : "";
    r->problems++;
    if (r->check) {
        fprintf(stderr, "%s:%d: %.*s%s: %s%s%s%s\n", s->file ? s->file : "(command line)", s->line, (int)text.len,
                text.ptr, cut ? " ..." : "", reason, mark, suggestion ? suggestion : "", end);
        return false;
    }
    fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Tarn) ***\n");
    if (s->file)
        fprintf(stderr, "Reading the configuration file '%s', at line %d\n", s->file, s->line);
    else
        fprintf(stderr, "Reading the command line\n");
    fprintf(stderr, ">>> '%.*s%s'\n%s%s%s%s\n", (int)text.len, text.ptr, cut ? " ..." : "", reason, mark,
            suggestion ? suggestion : "", end);
    return false;
}

/* Whoever hands in a file that is none at all does not want to read of every line of it. */
#define PROBLEMS_MAX 100

static bool go_on(const struct reading *r) { return r->problems < (r->check ? PROBLEMS_MAX : 1); }

/* ---- statements ---- */
static bool read_file(struct reading *r, const struct source *from, const char *path, unsigned depth);

static bool run_include(struct reading *r, const struct source *s, const struct slice *words, int count) {
    char pattern[PATH_MAX];
    glob_t found;
    (void)count;
    if (words[1].len == 0 || words[1].len >= sizeof pattern) return problem(r, s, "not a usable path", NULL);
    memcpy(pattern, words[1].ptr, words[1].len);
    pattern[words[1].len] = '\0';
    if (s->depth + 1 > CONFIG_INCLUDE_DEPTH_MAX) return problem(r, s, "include is nested too deep", NULL);
    bool is_pattern = strpbrk(pattern, "*?[") != NULL;
    if (!is_pattern) return read_file(r, s, pattern, s->depth + 1);
    if (glob(pattern, 0, NULL, &found) != 0) return true; /* a pattern may match nothing */
    for (size_t i = 0; i < found.gl_pathc && go_on(r); i++) read_file(r, s, found.gl_pathv[i], s->depth + 1);
    globfree(&found);
    return go_on(r);
}

static struct slice copy_to(char **at, struct slice s) {
    char *place = *at;
    if (s.len) memcpy(place, s.ptr, s.len);
    *at += s.len;
    return slice_of(place, s.len);
}

/* Kept until there is a command index to try it on, with its place in the file for the message that may come of it. */
static bool run_rename(struct reading *r, const struct source *s, const struct slice *words, int count) {
    struct config_registry *c = config_registry();
    struct slice file = slice_of_cstr(s->file ? s->file : "");
    (void)count, (void)r;
    size_t size = sizeof(struct config_rename) + words[1].len + words[2].len + file.len;
    struct config_rename *rename = mem_alloc(MEM_SERVER, size);
    char *at = (char *)(rename + 1);
    *rename = (struct config_rename){.line = s->line, .block_size = size};
    rename->from = copy_to(&at, words[1]);
    rename->to = copy_to(&at, words[2]);
    rename->file = copy_to(&at, file);
    *c->renames_end = rename;
    c->renames_end = &rename->next;
    return true;
}

static bool is_harmless_rule(struct slice rule) {
    static const char *const harmless[] = {"on",    "nopass",  "sanitize-payload", "~*",         "&*",
                                           "+@all", "allkeys", "allchannels",      "allcommands"};
    for (size_t i = 0; i < countof(harmless); i++) {
        if (slice_equal_nocase(rule, slice_of_cstr(harmless[i]))) return true;
    }
    return false;
}

static bool is_password_hash(struct slice rule) { return rule.len == 65 && rule.ptr[0] == '#'; }

/* Starting without rules that somebody relies on would open the server, so only a line that changes nothing passes:
 * the default user as it is anyway, which is what a rewritten redis.conf ends with. A hashed password there stands for
 * the requirepass line of the same file; check_password sees to it that there is one. */
static bool run_user(struct reading *r, const struct source *s, const struct slice *words, int count) {
    bool known = slice_equal(words[1], SLICE("default"));
    for (int i = 2; i < count && known; i++) {
        known = is_harmless_rule(words[i]) || is_password_hash(words[i]);
        if (is_password_hash(words[i])) r->password_line = s->line;
    }
    if (known) return true;
    return problem(r, s,
                   "users other than the unrestricted default one are not supported yet; starting without them would "
                   "open the server to everybody",
                   NULL);
}

static bool run_loadmodule(struct reading *r, const struct source *s, const struct slice *words, int count) {
    (void)words, (void)count;
    return problem(r, s, "modules are not supported", NULL);
}

static bool run_sentinel(struct reading *r, const struct source *s, const struct slice *words, int count) {
    (void)words, (void)count;
    return problem(r, s, "sentinel directive while not in sentinel mode", NULL);
}

/* Spellings that the peers keep accepting although they have meant nothing for years. */
static bool run_nothing(struct reading *r, const struct source *s, const struct slice *words, int count) {
    (void)r, (void)s, (void)words, (void)count;
    return true;
}

static const struct statement statements[] = {
    {"include", 2, 2, run_include},
    {"rename-command", 3, 3, run_rename},
    {"user", 2, CONFIG_WORDS_MAX, run_user},
    {"loadmodule", 2, CONFIG_WORDS_MAX, run_loadmodule},
    {"sentinel", 1, CONFIG_WORDS_MAX, run_sentinel},
    {"list-max-ziplist-entries", 2, 2, run_nothing},
    {"list-max-ziplist-value", 2, 2, run_nothing},
    {"lua-replicate-commands", 2, 2, run_nothing},
};

static const char *statement_name(size_t i) { return i < countof(statements) ? statements[i].name : NULL; }

static const struct statement *statement_find(struct slice name) {
    for (size_t i = 0; i < countof(statements); i++) {
        if (slice_equal_nocase(slice_of_cstr(statements[i].name), name)) return &statements[i];
    }
    return NULL;
}

/* ---- one line ---- */
static bool run_statement(struct reading *r, const struct source *s, const struct statement *st,
                          const struct slice *words, int count) {
    if (count < st->min_words || count > st->max_words) return problem(r, s, "wrong number of arguments", NULL);
    return st->run(r, s, words, count);
}

static bool run_words(struct reading *r, const struct source *s, const struct slice *words, int count) {
    char why[DIRECTIVE_ERROR_MAX];
    const struct config_name *name = config_find(words[0]);
    if (!name) {
        const struct statement *st = statement_find(words[0]);
        if (st) return run_statement(r, s, st, words, count);
        return problem(r, s, "Bad directive or wrong number of arguments", nearest_name(words[0]));
    }
    struct config_item *item = name->item;
    bool first = !item->given || !(item->row->flags & DIRECTIVE_ADDITIVE);
    if (!config_assign(item, words + 1, count - 1, first, why)) {
        return problem(r, s, why, count > 1 ? nearest_choice(item, words[count - 1]) : NULL);
    }
    item->given = true;
    return true;
}

static bool run_line(struct reading *r, const struct source *s, struct slice *words, char *scratch) {
    if (s->text.len == 0 || s->text.ptr[0] == '#') return true;
    int count = text_split_words(s->text, scratch, words, CONFIG_WORDS_MAX);
    if (count == -1) return problem(r, s, "Unbalanced quotes in configuration line", NULL);
    if (count == -2) return problem(r, s, "too many words", NULL);
    return count == 0 || run_words(r, s, words, count);
}

static struct slice trimmed(struct slice s) {
    while (s.len && strchr(" \t\r\n", s.ptr[0])) s.ptr++, s.len--;
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1])) s.len--;
    return s;
}

static void run_text(struct reading *r, const char *file, struct slice text, unsigned depth) {
    struct slice *words = mem_alloc(MEM_SERVER, CONFIG_WORDS_MAX * sizeof *words);
    char *scratch = mem_alloc(MEM_SERVER, text.len + 1);
    struct source s = {.file = file, .depth = depth};
    for (size_t at = 0; at < text.len && go_on(r);) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - (text.ptr + at)) : text.len - at;
        s.line++;
        s.text = trimmed(slice_of(text.ptr + at, len));
        run_line(r, &s, words, scratch);
        at += len + 1;
    }
    mem_free(MEM_SERVER, scratch, text.len + 1);
    mem_free(MEM_SERVER, words, CONFIG_WORDS_MAX * sizeof *words);
}

/* ---- files ---- */
static int read_all(int fd, struct buf *out) {
    for (;;) {
        ssize_t n = file_read(fd, buf_reserve(out, 16384), 16384);
        if (n <= 0) return (int)n;
        buf_advance(out, (size_t)n);
        if (out->len > CONFIG_FILE_MAX) return -EFBIG;
    }
}

static bool unreadable(struct reading *r, const struct source *from, const char *path, int error) {
    char reason[PATH_MAX + 128];
    snprintf(reason, sizeof reason, "can't open config file '%s': %s", path, strerror(-error));
    if (from) return problem(r, from, reason, NULL);
    r->problems++;
    fprintf(stderr, "Fatal error, %s\n", reason);
    return false;
}

/* from: the include line, NULL for the main file. "-": standard input. */
static bool read_file(struct reading *r, const struct source *from, const char *path, unsigned depth) {
    if (++r->files > CONFIG_INCLUDE_FILES_MAX) return problem(r, from, "too many files are included", NULL);
    bool is_stdin = !from && strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : file_open_read(path);
    if (fd < 0) return unreadable(r, from, path, fd);
    struct buf text;
    buf_init(&text, MEM_SERVER);
    int error = read_all(fd, &text);
    if (!is_stdin) file_close(fd);
    unsigned before = r->problems;
    if (error)
        unreadable(r, from, path, error);
    else
        run_text(r, is_stdin ? "(standard input)" : path, buf_slice(&text), depth);
    buf_release(&text);
    return r->problems == before;
}

/* The path as it stays true when `dir` moves the process elsewhere. */
static void remember_path(const char *path) {
    char cwd[PATH_MAX], absolute[2 * PATH_MAX];
    bool relative = path[0] != '/' && getcwd(cwd, sizeof cwd);
    snprintf(absolute, sizeof absolute, "%s%s%s", relative ? cwd : "", relative ? "/" : "", path);
    config_text_free(config_registry()->path);
    config_registry()->path = config_text_new(slice_of_cstr(absolute));
}

/* ---- the command line ---- */
static bool is_flag(const char *arg) { return arg[0] == '-' && arg[1] == '-'; }

static bool is_known_flag(const char *arg) {
    if (!is_flag(arg)) return false;
    struct slice name = slice_of_cstr(arg + 2);
    return config_find(name) || statement_find(name);
}

static struct slice default_value(struct slice name) {
    const struct config_name *found = config_find(name);
    return found && found->item->row->type == DIRECTIVE_BOOL ? SLICE("yes") : SLICE("");
}

/* For messages: the flag as it would stand in a file. */
static struct slice flag_text(struct buf *b, const struct slice *words, int count) {
    for (int i = 0; i < count; i++) {
        if (i) buf_append(b, " ", 1);
        if (!text_needs_quotes(words[i])) {
            buf_append_slice(b, words[i]);
        } else {
            buf_advance(b, text_quote(buf_reserve(b, 4 * words[i].len + 2), words[i]));
        }
    }
    return buf_slice(b);
}

/* Takes one "--name value ..." and returns how many arguments it was. */
static int run_flag(struct reading *r, int argc, char **argv) {
    struct slice words[CONFIG_WORDS_MAX];
    struct source s = {.line = 0};
    struct buf text;
    int count = 1, used = 1;
    words[0] = slice_of_cstr(argv[0] + (is_flag(argv[0]) ? 2 : 0));
    while (used < argc && !is_known_flag(argv[used]) && (count == 1 || !is_flag(argv[used])) &&
           count < CONFIG_WORDS_MAX) {
        words[count++] = slice_of_cstr(argv[used++]);
    }
    if (count == 1) words[count++] = default_value(words[0]);
    buf_init(&text, MEM_SERVER);
    s.text = flag_text(&text, words, count);
    if (words[0].len == 0 || !is_flag(argv[0]))
        problem(r, &s, "a directive on the command line starts with --", NULL);
    else
        run_words(r, &s, words, count);
    buf_release(&text);
    return used;
}

static bool is_stdin_mark(const char *arg) { return strcmp(arg, "-") == 0; }

static void check_password(struct reading *r) {
    struct buf password;
    struct source s = {.file = config_file_path(), .line = r->password_line, .text = SLICE("user default ...")};
    buf_init(&password, MEM_SERVER);
    config_get(SLICE("requirepass"), &password);
    if (password.len == 0) problem(r, &s, "hashed passwords are not supported yet: give it with requirepass", NULL);
    buf_release(&password);
}

/* File, standard input, directives: in this order, whatever theirs is, so that directives win. */
static void read_command_line(struct reading *r, int argc, char **argv) {
    int at = 0;
    bool piped = argc > 0 && is_stdin_mark(argv[argc - 1]);
    if (piped) argc--;
    if (at < argc && !is_flag(argv[at]) && !is_stdin_mark(argv[at])) {
        remember_path(argv[at]);
        read_file(r, NULL, argv[at++], 0);
    } else if (at < argc && is_stdin_mark(argv[at])) {
        piped = true;
        at++;
    }
    if (piped && go_on(r)) read_file(r, NULL, "-", 0);
    while (at < argc && go_on(r)) at += run_flag(r, argc - at, argv + at);
    if (r->password_line && go_on(r)) check_password(r);
}

enum config_outcome config_load(int argc, char **argv) {
    struct reading r = {0};
    r.check = argc > 1 && strcmp(argv[1], "--check-config") == 0;
    if (r.check && argc < 3) {
        fprintf(stderr, "--check-config needs a file\n");
        return CONFIG_BAD;
    }
    int skip = r.check ? 2 : 1;
    if (argc > skip) read_command_line(&r, argc - skip, argv + skip);
    if (!r.check) return r.problems ? CONFIG_BAD : CONFIG_RUN;
    printf("%s: %u problem%s found%s\n", argv[2], r.problems, r.problems == 1 ? "" : "s",
           go_on(&r) ? "" : ", the rest was not read");
    return r.problems ? CONFIG_BAD : CONFIG_GOOD;
}

static void tell_rename(const struct config_rename *n, const char *reason) {
    char text[512], file[PATH_MAX];
    struct reading r = {0};
    snprintf(file, sizeof file, "%.*s", (int)n->file.len, n->file.ptr);
    snprintf(text, sizeof text, "rename-command %.*s \"%.*s\"", (int)n->from.len, n->from.ptr, (int)n->to.len,
             n->to.ptr);
    struct source s = {.file = n->file.len ? file : NULL, .line = n->line, .text = slice_of_cstr(text)};
    problem(&r, &s, reason, NULL);
}

bool config_rename_commands(struct command_index *commands) {
    for (const struct config_rename *n = config_registry()->renames; n; n = n->next) {
        if (command_rename(commands, n->from, n->to)) continue;
        bool known = command_find(commands, n->from) != NULL;
        tell_rename(n, known ? "Target command name already exists" : "No such command in rename-command");
        return false;
    }
    return true;
}
