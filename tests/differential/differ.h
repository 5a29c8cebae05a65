/* The differential runner's parts: texts and lists (text.c), the two servers (peer.c), random commands (generate.c), comparing
 * (compare.c). A test program: it may end by exit(2) when it cannot go on, and leaves its memory to the end of the process. */
#ifndef TARN_TESTS_DIFFER_H
#define TARN_TESTS_DIFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- texts ---- */
struct text { /* zero is empty */
    char *data;
    size_t length, room;
};
void text_put(struct text *t, const void *data, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_set(struct text *t, const void *data, size_t n);
void text_clear(struct text *t);
bool text_equal(const struct text *a, const struct text *b);
/* One line on standard output, printable, cut at 400 bytes. */
void text_print(const char *label, const struct text *t);
/* * and ? as in a shell, nothing else is special. */
bool text_matches(const char *pattern, const char *data, size_t n);

struct text_list {
    struct text *items;
    size_t count, room;
};
void text_list_add(struct text_list *l, const void *data, size_t n);
void text_list_clear(struct text_list *l);
void text_list_sort_unique(struct text_list *l);
bool text_list_equal(const struct text_list *a, const struct text_list *b);
void text_list_print_difference(const struct text_list *a, const struct text_list *b);

double seconds_now(void);

/* ---- chance ---- */
struct random {
    uint64_t state;
};
uint64_t random_next(struct random *r);
unsigned random_below(struct random *r, unsigned n);
bool random_chance(struct random *r, unsigned percent);

/* ---- commands ---- */
enum policy {
    SAME,    /* byte for byte */
    SORTED,  /* an array whose order is free */
    NEAR_MS, /* integers 3000 apart at most, both negative or neither */
    NEAR_S,  /* the same with 3 */
    KIND,    /* the same RESP type, errors the same text */
    ANYTHING,
};
struct command {
    struct text request, shown; /* as sent; as people write it */
    enum policy policy;
};
struct command_list {
    struct command *items;
    size_t count, room;
};
struct command *command_list_add(struct command_list *l);
void command_list_drop(struct command_list *l, size_t at, size_t n); /* their texts stay allocated: copies share them */
struct command_list command_list_copy(const struct command_list *l);
void command_list_clear(struct command_list *l);

/* A row of the grammar that generate.c explains. */
struct row {
    unsigned weight;
    enum policy policy;
    const char *pattern;
};
/* The rows of one kind of values, and the kinds <...> that only they use: put_kind is false for one it does not know. */
struct family {
    const char *name;
    const struct row *rows;
    size_t count;
    unsigned kept; /* words after the name that never become nonsense: keys that other families must not get hold of */
    bool (*put_kind)(struct random *r, const char *kind, size_t n, struct text_list *words);
};
extern const struct family bitmap_family, hyperloglog_family, list_family, sorted_set_family, hash_family, geo_family,
    stream_family, sort_family, set_family;
/* From now on four of five commands are of this family, the fifth of the common ones. False: no such family. */
bool command_choose_family(const char *name);
void command_generate(struct random *r, struct command *c);
/* For put_kind: one of the keys that the common commands use; this word. */
void word_key(struct random *r, struct text_list *words);
void word_put(struct text_list *words, const char *word);
void malformed_generate(struct random *r, struct text *bytes);
/* Words as text, at most four. */
#define request_from_words(t, ...) request_from_array(t, (const char *const[]){__VA_ARGS__, NULL})
void request_from_array(struct text *t, const char *const *words);
void request_for_key(struct text *t, const char *first, const char *second, const struct text *key);
void request_show(const struct text *request, struct text *shown);

/* ---- comparing ---- */
/* Length of the first complete reply of data, 0 when it is not complete, -1 when it is no RESP. */
long reply_length(const char *data, size_t n);
bool replies_agree(const struct command *c, const struct text *tarn, const struct text *oracle);
bool scan_reply(const struct text *reply, char *cursor, size_t room, struct text_list *keys);
/* differences.txt: see its head. */
bool known_load(const char *path);
bool known_difference(const struct text *command, const struct text *tarn, const struct text *oracle);
void known_print(void);
/* True when a difference that looks like this one has been shown before; notes it otherwise. */
bool seen_difference(const struct text *command, const struct text *tarn, const struct text *oracle);

/* ---- servers ---- */
struct peer {
    const char *name;
    int port, fd;
    int pid; /* 0: not ours */
    char folder[64];
    struct text out, in;
    size_t taken; /* of in */
};
bool peer_start(struct peer *p, const char *name, const char *program_or_port);
bool peer_stop(struct peer *p); /* false when it did not leave with 0, or a sanitizer spoke */
void peer_connect(struct peer *p, int protocol);
void peer_queue(struct peer *p, const struct text *request);
bool peer_flush(struct peer *p); /* sends what is queued, reading meanwhile */
bool peer_reply(struct peer *p, struct text *reply);
bool peer_ask(struct peer *p, const struct text *request, struct text *reply);
/* On a connection of its own: sends, closes its side, reads to the end. */
bool peer_exchange(struct peer *p, const struct text *bytes, struct text *answer);

#endif
