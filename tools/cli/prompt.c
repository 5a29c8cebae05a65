#include "prompt.h"

#include "base/num.h"
#include "base/text.h"
#include "docs.h"
#include "editor.h"
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES      (64 * 1024)
#define WORDS_MAX       (1024 * 1024)
#define PROMPT_MAX      512
#define PREFERENCES_MAX 4096

/* ---- input ---- */
struct input {
    struct buf bytes;
    size_t line_end; /* of the line handed out last, with its line end */
    bool ended;
};

static bool input_more(struct buf *into) {
    ssize_t got;
    do got = read(STDIN_FILENO, buf_reserve(into, READ_BYTES), READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got > 0) buf_advance(into, (size_t)got);
    return got > 0;
}

void input_read_all(struct buf *into) {
    while (input_more(into)) {
    }
}

/* The next line without its end; false when there is none. Valid until the next call. */
static bool input_line(struct input *in, struct slice *line) {
    buf_consume(&in->bytes, in->line_end);
    in->line_end = 0;
    for (size_t searched = 0;;) {
        const char *end =
            in->bytes.len > searched ? memchr(in->bytes.ptr + searched, '\n', in->bytes.len - searched) : NULL;
        if (end || (in->ended && in->bytes.len > 0)) {
            size_t len = end ? (size_t)(end - in->bytes.ptr) : in->bytes.len;
            in->line_end = len + (end != NULL);
            if (len > 0 && in->bytes.ptr[len - 1] == '\r') len--;
            *line = slice_of(in->bytes.ptr, len);
            return true;
        }
        if (in->ended) return false;
        searched = in->bytes.len;
        in->ended = !input_more(&in->bytes);
    }
}

bool input_unquote(struct slice word, struct buf *into) {
    struct slice out;
    char *scratch = buf_reserve(into, word.len + 1);
    int words = text_split_words(word, scratch, &out, 1);
    if (words != 1) return false;
    memmove(scratch, out.ptr, out.len);
    buf_advance(into, out.len);
    return true;
}

/* ---- commands of the prompt itself ---- */
struct prompt {
    struct session *session;
    struct docs docs; /* empty until asked for, and when the server does not tell */
    bool docs_asked;
    struct editor *editor; /* NULL: lines as they come */
    struct input input;
    char text[PROMPT_MAX];
};

static const char prompt_help[] = "tarn-cli: type a command with its arguments.\n"
                                  "  help <command>         what it does, and its arguments\n"
                                  "  help @<group>          the commands of a group, such as @string\n"
                                  "  help <tab>             names that begin like this, as <tab> does for commands\n"
                                  "  <number> <command>     run it that many times\n"
                                  "  connect <host> <port>  go to another server\n"
                                  "  :set hints             show the arguments while typing; :set nohints\n"
                                  "  clear                  clear the screen\n"
                                  "  quit, exit             leave\n"
                                  "Lines of the kind :set are read from ~/.tarnclirc too.\n";

enum verdict { GO_ON, LEAVE, LOST };

/* Asked for once a connection, outside of transactions: what COMMAND DOCS answers in one is not it. */
static void docs_fetch(struct prompt *p) {
    struct session *s = p->session;
    struct slice words[2] = {SLICE("COMMAND"), SLICE("DOCS")}, reply;
    if (p->docs_asked || !link_is_open(&s->link) || s->in_transaction || s->listening) return;
    p->docs_asked = true;
    if (session_ask(s, words, 2, &reply) && !reply_is_error(reply))
        docs_take(&p->docs, reply);
    else
        p->docs_asked = false; /* perhaps a password is missing: the next time */
}

static void help_command(const struct doc *doc) {
    struct buf syntax;
    buf_init(&syntax, MEM_CLIENT_OUT);
    docs_syntax(doc, &syntax);
    printf("\n  ");
    for (size_t i = 0; i < doc->name.len; i++) {
        char c = doc->name.ptr[i];
        putchar(c >= 'a' && c <= 'z' ? c - 32 : c);
    }
    printf("%s%.*s\n  summary: %.*s\n  since: %.*s\n  group: %.*s\n\n", syntax.len ? " " : "", (int)syntax.len,
           syntax.len ? syntax.ptr : "", (int)doc->summary.len, doc->summary.ptr, (int)doc->since.len, doc->since.ptr,
           (int)doc->group.len, doc->group.ptr);
    buf_release(&syntax);
}

static void help_words(struct prompt *p, const struct slice *words, int count) {
    int name_words;
    docs_fetch(p);
    if (count == 0) {
        fputs(prompt_help, stdout);
        return;
    }
    bool group = words[0].len > 1 && words[0].ptr[0] == '@', any = false;
    const struct doc *doc = group ? NULL : docs_find(&p->docs, words, count, &name_words);
    if (doc && name_words == count) help_command(doc);
    for (size_t i = 0; group && i < p->docs.count; i++) {
        doc = &p->docs.docs[i];
        if (!slice_equal_nocase(doc->group, slice_of(words[0].ptr + 1, words[0].len - 1))) continue;
        help_command(doc);
        any = true;
    }
    if (!any && !(doc && name_words == count)) puts("(no help for this; COMMAND DOCS is what is asked)");
}

static void prompt_connect(struct prompt *p, struct slice host, struct slice port) {
    int64_t number;
    if (num_parse_i64(port, &number) && session_point_to(p->session, host, number)) {
        p->docs_asked = false;
        session_connect(p->session);
    } else
        puts("Invalid argument(s)");
}

static void prompt_set(struct prompt *p, const struct slice *words, int count) {
    bool on = count == 2 && slice_is(words[1], "hints"), off = count == 2 && slice_is(words[1], "nohints");
    if (on || off)
        editor_show_hints(p->editor, on);
    else
        puts("Unknown preference: :set hints, or :set nohints");
}

static enum verdict run_words(struct prompt *p, struct slice *words, int count) {
    int64_t times = 1;
    bool repeated = count > 1 && num_parse_i64(words[0], &times) && times > 0;
    return session_repeat(p->session, words + repeated, count - repeated, repeated ? times : 1) ? GO_ON : LOST;
}

static enum verdict prompt_words(struct prompt *p, struct slice *words, int count) {
    if (slice_is(words[0], "quit") || slice_is(words[0], "exit")) return LEAVE;
    if (slice_is(words[0], "help") || slice_is(words[0], "?"))
        help_words(p, words + 1, count - 1);
    else if (slice_is(words[0], ":set"))
        prompt_set(p, words, count);
    else if (slice_is(words[0], "clear"))
        fputs("\033[H\033[2J", stdout);
    else if (slice_is(words[0], "connect") && count == 3)
        prompt_connect(p, words[1], words[2]);
    else
        return run_words(p, words, count);
    return GO_ON;
}

/* Passwords are not kept: what sets one, and what carries one under these names. */
static bool is_secret(const struct slice *words, int count) {
    static const char *const names[] = {"auth",       "auth2",       "requirepass",      "masterauth",
                                        "masteruser", "primaryauth", "tls-key-file-pass"};
    if (count > 1 && slice_is(words[0], "acl") && slice_is(words[1], "setuser")) return true;
    for (int i = 0; i < count; i++)
        for (size_t n = 0; n < countof(names); n++)
            if (slice_equal_nocase(words[i], slice_of_cstr(names[n]))) return true;
    return false;
}

static enum verdict prompt_line(struct prompt *p, struct slice line) {
    int most = line.len / 2 + 1 < WORDS_MAX ? (int)(line.len / 2 + 1) : WORDS_MAX;
    size_t words_size = (size_t)most * sizeof(struct slice), scratch_size = line.len + 1;
    struct slice *words = mem_alloc(MEM_CLIENT_IN, words_size);
    char *scratch = mem_alloc(MEM_CLIENT_IN, scratch_size);
    enum verdict verdict = GO_ON;
    int count = text_split_words(line, scratch, words, most);
    if (p->editor && count != 0 && (count < 0 || !is_secret(words, count))) editor_remember(p->editor, line);
    if (count < 0)
        puts("Invalid argument(s)");
    else if (count > 0)
        verdict = prompt_words(p, words, count);
    mem_free(MEM_CLIENT_IN, scratch, scratch_size);
    mem_free(MEM_CLIENT_IN, words, words_size);
    return verdict;
}

/* ---- the prompt ---- */
static const char *prompt_text(struct prompt *p) {
    const struct session *s = p->session;
    const struct options *o = s->options;
    char db[NUM_TEXT_MAX + 4] = "";
    bool connected = link_is_open(&s->link);
    if (connected && s->db != 0) snprintf(db, sizeof db, "[%lld]", (long long)s->db);
    const char *tail = connected && s->in_transaction ? "(TX)" : "";
    if (!connected)
        snprintf(p->text, sizeof p->text, "not connected> ");
    else if (o->socket)
        snprintf(p->text, sizeof p->text, "%s%s%s> ", o->socket, db, tail);
    else
        snprintf(p->text, sizeof p->text, strchr(o->host, ':') ? "[%s]:%d%s%s> " : "%s:%d%s%s> ", o->host, (int)o->port,
                 db, tail);
    return p->text;
}

/* Preferences: lines ":set ..." of ~/.tarnclirc. */
static void read_preferences(struct prompt *p) {
    char path[PATH_MAX], text[PREFERENCES_MAX];
    const char *own = getenv("TARNCLI_RCFILE"), *home = getenv("HOME");
    snprintf(path, sizeof path, own ? "%s" : "%s/.tarnclirc", own ? own : home ? home : "");
    ssize_t len = file_read_whole(path, text, sizeof text);
    for (size_t at = 0, end; len > 0 && at < (size_t)len; at = end + 1) {
        const char *newline = memchr(text + at, '\n', (size_t)len - at);
        end = newline ? (size_t)(newline - text) : (size_t)len;
        if (text[at] == ':') prompt_line(p, slice_of(text + at, end - at));
    }
}

static bool next_line(struct prompt *p, struct slice *line) {
    bool interactive = p->session->interactive;
    if (interactive) docs_fetch(p);
    const char *text = interactive ? prompt_text(p) : "";
    if (p->editor) return editor_line(p->editor, text, line);
    fputs(text, stdout);
    fflush(stdout);
    return input_line(&p->input, line);
}

static void prompt_begin(struct prompt *p, struct session *s) {
    *p = (struct prompt){.session = s};
    buf_init(&p->input.bytes, MEM_CLIENT_IN);
    docs_init(&p->docs);
    if (!s->interactive) return;
    p->editor = editor_new(&p->docs);
    read_preferences(p);
}

static void prompt_end(struct prompt *p) {
    editor_free(p->editor);
    docs_release(&p->docs);
    buf_release(&p->input.bytes);
}

int prompt_run(struct session *s) {
    struct prompt p;
    struct slice line;
    prompt_begin(&p, s);
    enum verdict verdict = session_connect(s) || s->interactive ? GO_ON : LOST;
    while (verdict == GO_ON) {
        if (!next_line(&p, &line)) {
            if (s->interactive) puts("");
            break;
        }
        verdict = prompt_line(&p, line);
        if (s->interactive && verdict == LOST) verdict = GO_ON;
        fflush(stdout);
    }
    prompt_end(&p);
    return verdict == LOST || (s->error_seen && s->options->fail_on_error) ? 1 : 0;
}
