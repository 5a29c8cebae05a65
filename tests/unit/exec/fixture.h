/* Sessions without sockets: a transport that only counts, an executor on a small dataset, requests written as text. */
#ifndef TARN_TESTS_EXEC_FIXTURE_H
#define TARN_TESTS_EXEC_FIXTURE_H

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "exec/context.h"
#include "exec/executor.h"
#include "exec/session.h"
#include "keyspace/db.h"
#include "wire/resp_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNUSED          __attribute__((unused))
#define FIXTURE_TIME_MS INT64_C(1700000000000)
#define FIXTURE_WORDS   256

struct peer {
    struct session session;
    int resumed, attended;
    struct buf shown; /* the last reply, ended by NUL */
};

static void peer_describe(struct session *s, struct session_link *out) {
    static char address[32];
    memset(out, 0, sizeof *out);
    snprintf(address, sizeof address, "10.0.0.1:%d", 1000 + (int)s->id);
    out->peer = address;
    out->local = "10.0.0.2:6379";
    out->fd = 7;
    out->events = "r";
}

static void peer_resume(struct session *s) { ((struct peer *)(void *)s)->resumed++; }

static void peer_attend(struct session *s) { ((struct peer *)(void *)s)->attended++; }

static const struct session_transport peer_transport = {peer_describe, peer_resume, peer_attend};

static UNUSED void peer_open(struct peer *p, struct executor *x) {
    memset(p, 0, sizeof *p);
    session_init(&p->session, x, &peer_transport);
    buf_init(&p->shown, MEM_CLIENT_OUT);
}

static UNUSED void peer_close(struct peer *p) {
    session_release(&p->session);
    buf_release(&p->shown);
}

/* What has been replied and not yet been looked at. */
static UNUSED const char *peer_read(struct peer *p) {
    buf_clear(&p->shown);
    buf_append_slice(&p->shown, buf_slice(&p->session.out));
    buf_append(&p->shown, "", 1);
    buf_clear(&p->session.out);
    return p->shown.ptr;
}

static UNUSED enum run_result peer_run(struct peer *p, const struct slice *argv, int argc) {
    struct executor *x = p->session.executor;
    struct request r = {.argv = argv, .argc = argc};
    executor_begin_batch(x);
    executor_prepare(x, &r);
    return executor_run(x, &p->session, &r);
}

/* The same, with arguments from `min` bytes on in blocks of their own. They must be readable after the run: the journal and others
 * read them then. */
static UNUSED enum run_result peer_run_blocks(struct peer *p, const struct slice *argv, int argc, size_t min) {
    struct executor *x = p->session.executor;
    struct resp_blocks blocks = {.front = sizeof(struct string_body), .owner = MEM_CLIENT_IN};
    struct slice words[FIXTURE_WORDS];
    for (int i = 0; i < argc; i++) {
        words[i] = argv[i];
        if (argv[i].len < min) continue;
        assert_true(resp_block_try_add(&blocks, i, argv[i].len));
        char *text = resp_block_text(&blocks, resp_block_find(&blocks, i));
        memcpy(text, argv[i].ptr, argv[i].len);
        words[i].ptr = text;
    }
    struct request r = {.argv = words, .argc = argc, .blocks = &blocks};
    executor_begin_batch(x);
    executor_prepare(x, &r);
    enum run_result result = executor_run(x, &p->session, &r);
    for (int i = 0; i < argc; i++) assert_true(slice_equal(words[i], argv[i]));
    resp_blocks_clear(&blocks);
    return result;
}

static UNUSED enum run_result peer_send(struct peer *p, const char *line) {
    char scratch[4096];
    struct slice words[FIXTURE_WORDS];
    int n = text_split_words(slice_of_cstr(line), scratch, words, FIXTURE_WORDS);
    assert_true(n > 0);
    return peer_run(p, words, n);
}

/* The reply to a request that must run (or be refused) at once. */
static UNUSED const char *ask(struct peer *p, const char *line) {
    assert_int_equal(peer_send(p, line), RUN_DONE);
    return peer_read(p);
}

static UNUSED void executor_open(struct executor *x, const struct command_list *lists, unsigned count) {
    static const struct siphash_seed seed = {1, 2};
    clock_init();
    clock_wall_set_for_test(FIXTURE_TIME_MS);
    executor_init(x, lists, count, dataset_new(16, &seed));
}

static UNUSED void executor_shut(struct executor *x) {
    dataset_free(x->dataset);
    executor_release(x);
    clock_wall_set_for_test(-1);
}

#endif
