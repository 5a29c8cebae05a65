/* tarn-cli: talks to a Tarn, Redis or Valkey server. One command from the command line, or many from standard input. */
#include "options.h"
#include "prompt.h"
#include "session.h"

#include <stdio.h>
#include <unistd.h>

/* The command's words, with what -x, -X and --quoted-input make of them; the bytes stay in storage. */
static bool command_words(const struct options *o, struct slice *words, int *count, struct buf *storage) {
    struct buf input;
    buf_init(&input, MEM_CLIENT_IN);
    if (o->stdin_last || o->stdin_tag) input_read_all(&input);
    bool ok = true;
    size_t room = input.len + 1;
    for (int i = 0; i < o->word_count; i++) room += strlen(o->words[i]) + 2;
    buf_reserve(storage, room); /* the words point into it: it must not move */
    for (*count = 0; *count < o->word_count && ok; ++*count) {
        struct slice word = slice_of_cstr(o->words[*count]);
        size_t at = storage->len;
        bool tag = o->stdin_tag && slice_equal(word, slice_of_cstr(o->stdin_tag));
        if (tag) word = buf_slice(&input);
        if (!tag && o->quoted_input && word.len > 0 && strchr("\"'", word.ptr[0]))
            ok = input_unquote(word, storage);
        else
            buf_append_slice(storage, word);
        words[*count] = slice_of(storage->ptr + at, storage->len - at);
    }
    if (o->stdin_last) {
        words[*count] = slice_of(storage->ptr + storage->len, input.len);
        buf_append_slice(storage, buf_slice(&input));
        ++*count;
    }
    buf_release(&input);
    return ok;
}

static int run_command(struct session *s) {
    struct buf storage;
    size_t size = (size_t)(s->options->word_count + 1) * sizeof(struct slice);
    struct slice *words = mem_alloc(MEM_CLIENT_IN, size);
    int count, code = 1;
    buf_init(&storage, MEM_CLIENT_IN);
    if (!command_words(s->options, words, &count, &storage))
        fputs("Invalid quoted string\n", stderr);
    else if (session_connect(s) && session_repeat(s, words, count, s->options->repeat))
        code = s->error_seen && s->options->fail_on_error ? 1 : 0;
    buf_release(&storage);
    mem_free(MEM_CLIENT_IN, words, size);
    return code;
}

int main(int argc, char **argv) {
    struct options options;
    struct session session;
    options_parse(&options, argc, argv);
    session_init(&session, &options);
    session.interactive = !options.mode && options.word_count == 0 && isatty(STDIN_FILENO);
    int code;
    if (options.mode)
        code = options.mode(&session);
    else
        code = options.word_count > 0 ? run_command(&session) : prompt_run(&session);
    session_release(&session);
    return code;
}
