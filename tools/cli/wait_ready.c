#include "wait_ready.h"

#include "base/clock.h"
#include "base/num.h"
#include "facts.h"
#include "format.h"
#include "reply.h"
#include "session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_EVERY_US  40000
#define SHOW_EVERY_US 100000
#define LINE_EVERY_US 1000000
#define COME_US       INT64_C(10000000) /* without a timeout: how long a server may take to listen */
#define GONE_US       INT64_C(300000)   /* refused for so long, it has ended */
#define BAR           40

struct waiting {
    struct session *s;
    int64_t deadline_us, begun_us, refused_us; /* refused_us: since when nobody listens; 0: somebody does */
    int64_t next_show_us;
    bool met, terminal, shown;
};

enum answer { ANSWER_READY, ANSWER_LOADING, ANSWER_WRONG, ANSWER_NONE };

/* ---- what is shown ---- */
static void show(struct waiting *w, struct slice info) {
    char bar[BAR + 3], memory[NUM_TEXT_MAX];
    double percent = facts_double(info, "loading_loaded_perc");
    int64_t left_ms = facts_number(info, "loading_remaining_ms");
    struct slice phase = facts_text(info, "loading_phase");
    if (left_ms == 0) left_ms = facts_number(info, "loading_eta_seconds") * 1000;
    format_bar(bar, BAR, percent / 100);
    memory[num_format_human(memory, (uint64_t)facts_number(info, "used_memory"))] = '\0';
    if (w->terminal)
        printf("\r%s %5.1f %%  %lld s left  %lld keys  %s  %.*s\033[K", bar, percent, (long long)(left_ms + 500) / 1000,
               (long long)facts_number(info, "loading_loaded_keys"), memory, (int)phase.len,
               phase.ptr ? phase.ptr : "");
    else
        printf("%.1f %%, %lld s left, %lld keys, %s\n", percent, (long long)(left_ms + 500) / 1000,
               (long long)facts_number(info, "loading_loaded_keys"), memory);
    fflush(stdout);
    w->shown = true;
}

static int finish(struct waiting *w, enum wait_ready_code code, const char *text) {
    if (w->terminal && w->shown) putchar('\n');
    fflush(stdout);
    if (code != WAIT_READY) fprintf(stderr, "%s\n", text);
    return (int)code;
}

/* ---- asking ---- */
static bool ask(struct waiting *w, const char *name, struct slice *reply) {
    char why[LINK_ERROR_MAX];
    struct slice word = slice_of_cstr(name);
    struct link *l = &w->s->link;
    return link_send(l, &word, 1, why) == LINK_OK && link_read(l, reply, why) == LINK_OK;
}

/* Listens there anybody? Said by a connection of its own, so that nothing is printed while nobody does. */
static bool listens(const struct options *o) {
    struct link probe;
    char why[LINK_ERROR_MAX];
    link_init(&probe);
    bool open = link_open(&probe, o, why);
    link_release(&probe);
    return open;
}

/* No answer is waited for longer than there is time. */
static void limit_wait(const struct waiting *w) {
    int64_t left_us = w->deadline_us - clock_mono_us();
    if (left_us < ASK_EVERY_US) left_us = ASK_EVERY_US;
    if (left_us > INT64_C(86400000000)) return;
    struct timeval tv = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    setsockopt(w->s->link.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

static enum answer ask_all(struct waiting *w) {
    struct slice reply;
    int64_t now_us = clock_mono_us();
    if (!link_is_open(&w->s->link)) {
        if (!listens(w->s->options)) {
            if (w->refused_us == 0) w->refused_us = now_us;
            return ANSWER_NONE;
        }
        if (!session_connect(w->s)) return ANSWER_WRONG;
        limit_wait(w);
    }
    w->refused_us = 0;
    w->met = true;
    if (!ask(w, "PING", &reply)) return ANSWER_NONE;
    struct slice text = reply_text(reply);
    if (!reply_is_error(reply)) return ANSWER_READY;
    if (text.len >= 6 && memcmp(text.ptr, "NOAUTH", 6) == 0) return ANSWER_WRONG;
    if (text.len < 7 || memcmp(text.ptr, "LOADING", 7) != 0) return ANSWER_READY; /* it serves, if not this */
    if (now_us < w->next_show_us) return ANSWER_LOADING;
    w->next_show_us = now_us + (w->terminal ? SHOW_EVERY_US : LINE_EVERY_US);
    if (!ask(w, "INFO", &reply)) return ANSWER_NONE;
    if (facts_number(reply_text(reply), "loading")) show(w, reply_text(reply));
    return ANSWER_LOADING;
}

static bool is_gone(const struct waiting *w, int64_t now_us) {
    if (w->refused_us == 0) return false;
    if (w->met) return now_us - w->refused_us >= GONE_US;
    return now_us >= (w->s->options->wait_us < 0 ? w->begun_us + COME_US : w->deadline_us);
}

int wait_ready(struct session *s) {
    int64_t limit_us = s->options->wait_us;
    struct waiting w = {.s = s, .begun_us = clock_mono_us(), .terminal = isatty(STDOUT_FILENO)};
    w.deadline_us = limit_us < 0 ? INT64_MAX : w.begun_us + limit_us;
    for (;;) {
        enum answer answer = ask_all(&w);
        int64_t now_us = clock_mono_us();
        if (answer == ANSWER_READY) return finish(&w, WAIT_READY, "");
        if (answer == ANSWER_WRONG) return finish(&w, WAIT_READY_WRONG, "The server does not let us ask");
        if (is_gone(&w, now_us))
            return finish(&w, WAIT_READY_REFUSED, w.met ? "The server has ended" : "No server listens there");
        if (now_us >= w.deadline_us) return finish(&w, WAIT_READY_TIMEOUT, "The server is not ready yet");
        usleep(ASK_EVERY_US);
    }
}
