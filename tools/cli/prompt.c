#include "prompt.h"

#include "base/num.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)
#define WORDS_MAX  (1024 * 1024)

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
static const char prompt_help[] = "tarn-cli: type a command with its arguments; COMMAND DOCS <name> describes it.\n"
                                  "  <number> <command>     run it that many times\n"
                                  "  connect <host> <port>  go to another server\n"
                                  "  clear                  clear the screen\n"
                                  "  quit, exit             leave\n";

enum verdict { GO_ON, LEAVE, LOST };

static void prompt_connect(struct session *s, struct slice host, struct slice port) {
    int64_t number;
    if (num_parse_i64(port, &number) && session_point_to(s, host, number))
        session_connect(s);
    else
        puts("Invalid argument(s)");
}

static enum verdict prompt_words(struct session *s, struct slice *words, int count) {
    int64_t times = 1;
    if (slice_is(words[0], "quit") || slice_is(words[0], "exit")) return LEAVE;
    if (slice_is(words[0], "help") || slice_is(words[0], "?"))
        fputs(prompt_help, stdout);
    else if (slice_is(words[0], "clear"))
        fputs("\033[H\033[2J", stdout);
    else if (slice_is(words[0], "connect") && count == 3)
        prompt_connect(s, words[1], words[2]);
    else {
        bool repeated = count > 1 && num_parse_i64(words[0], &times) && times > 0;
        if (!repeated) times = 1;
        if (!session_repeat(s, words + repeated, count - repeated, times)) return LOST;
    }
    return GO_ON;
}

static enum verdict prompt_line(struct session *s, struct slice line) {
    int most = line.len / 2 + 1 < WORDS_MAX ? (int)(line.len / 2 + 1) : WORDS_MAX;
    size_t words_size = (size_t)most * sizeof(struct slice), scratch_size = line.len + 1;
    struct slice *words = mem_alloc(MEM_CLIENT_IN, words_size);
    char *scratch = mem_alloc(MEM_CLIENT_IN, scratch_size);
    enum verdict verdict = GO_ON;
    int count = text_split_words(line, scratch, words, most);
    if (count < 0)
        puts("Invalid argument(s)");
    else if (count > 0)
        verdict = prompt_words(s, words, count);
    mem_free(MEM_CLIENT_IN, scratch, scratch_size);
    mem_free(MEM_CLIENT_IN, words, words_size);
    return verdict;
}

static void prompt_show(const struct session *s) {
    const struct options *o = s->options;
    if (!link_is_open(&s->link))
        fputs("not connected", stdout);
    else if (o->socket)
        fputs(o->socket, stdout);
    else
        printf(strchr(o->host, ':') ? "[%s]:%d" : "%s:%d", o->host, (int)o->port);
    if (link_is_open(&s->link) && s->db != 0) printf("[%lld]", (long long)s->db);
    if (s->in_transaction) fputs("(TX)", stdout);
    fputs("> ", stdout);
    fflush(stdout);
}

int prompt_run(struct session *s) {
    struct input in = {.ended = false};
    struct slice line;
    enum verdict verdict = session_connect(s) || s->interactive ? GO_ON : LOST;
    buf_init(&in.bytes, MEM_CLIENT_IN);
    while (verdict == GO_ON) {
        if (s->interactive) prompt_show(s);
        if (!input_line(&in, &line)) {
            if (s->interactive) puts("");
            break;
        }
        verdict = prompt_line(s, line);
        if (s->interactive && verdict == LOST) verdict = GO_ON;
        fflush(stdout);
    }
    buf_release(&in.bytes);
    return verdict == LOST || (s->error_seen && s->options->fail_on_error) ? 1 : 0;
}
