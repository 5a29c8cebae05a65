#include "top.h"

#include "base/clock.h"
#include "facts.h"
#include "reply.h"
#include "session.h"
#include "top_frame.h"

#include <stdio.h>

#ifdef TARN_NCURSES
#include <ncurses.h>
#include <unistd.h>
#endif

#define ONCE_COLUMNS 80
#define ONCE_LINES   24
#define INTERVAL_US  1000000
#define KEYS_ASKED   "50"

struct top {
    struct session *session;
    struct picture picture;
    struct view view;
    struct frame frame;
    struct buf info;
    int64_t asked_us, commands, input, output; /* of the picture before; asked_us 0: none */
};

/* ---- asking ---- */
static double rate(int64_t now, int64_t before, double seconds) {
    return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

static void note_rates(struct top *t) {
    struct picture *p = &t->picture;
    int64_t now_us = clock_mono_us(), commands = facts_number(p->info, "total_commands_processed");
    int64_t input = facts_number(p->info, "total_net_input_bytes"),
            output = facts_number(p->info, "total_net_output_bytes");
    double seconds = (double)(now_us - t->asked_us) / 1e6;
    if (t->asked_us == 0) {
        p->ops = facts_double(p->info, "instantaneous_ops_per_sec");
        p->input_rate = facts_double(p->info, "instantaneous_input_kbps") * 1024;
        p->output_rate = facts_double(p->info, "instantaneous_output_kbps") * 1024;
    } else {
        p->ops = rate(commands, t->commands, seconds);
        p->input_rate = rate(input, t->input, seconds);
        p->output_rate = rate(output, t->output, seconds);
    }
    t->asked_us = now_us;
    t->commands = commands;
    t->input = input;
    t->output = output;
}

static bool ask_info(struct top *t) {
    struct slice words[2] = {SLICE("INFO"), SLICE("default")}, reply;
    if (!session_ask(t->session, words, 2, &reply)) return false;
    struct slice text = reply_text(reply);
    snprintf(t->picture.why, sizeof t->picture.why, "%.*s", reply_is_error(reply) ? (int)text.len : 0, text.ptr);
    buf_clear(&t->info);
    buf_append_slice(&t->info, text);
    t->picture.info = buf_slice(&t->info);
    return !reply_is_error(reply);
}

static bool ask_memory(struct top *t) {
    struct picture *p = &t->picture;
    struct slice tree[3] = {SLICE("MEMORY"), SLICE("TREE"), SLICE("JSON")}, reply;
    struct slice keys[3] = {SLICE("MEMORY"), SLICE("TOP"), SLICE(KEYS_ASKED)};
    if (!session_ask(t->session, tree, 3, &reply)) return false;
    if (reply_is_error(reply) || !memory_tree_parse(&p->tree, reply_text(reply))) p->tree.count = 0;
    if (!session_ask(t->session, keys, 3, &reply)) return false;
    p->keys_told = memory_keys_parse(&p->keys, reply);
    return true;
}

static void top_ask(struct top *t) {
    t->picture.why[0] = '\0';
    bool open = link_is_open(&t->session->link) || session_connect(t->session);
    if (open && ask_info(t) && ask_memory(t)) {
        note_rates(t);
        return;
    }
    t->picture.info = SLICE("");
    t->asked_us = 0;
    link_close(&t->session->link);
}

/* ---- one frame as text ---- */
static int top_once(struct top *t) {
    t->frame.columns = ONCE_COLUMNS;
    t->frame.lines = ONCE_LINES;
    top_ask(t);
    if (t->picture.info.len == 0) {
        if (t->picture.why[0]) fprintf(stderr, "%s\n", t->picture.why);
        return 1;
    }
    frame_draw(&t->frame, &t->picture, &t->view);
    for (int i = 0; i + 1 < t->frame.count; i++) { /* but the line of keys to press */
        size_t len = strlen(t->frame.text[i]);
        while (len > 0 && t->frame.text[i][len - 1] == ' ') len--;
        printf("%.*s\n", (int)len, t->frame.text[i]);
    }
    return 0;
}

#ifdef TARN_NCURSES
/* ---- the screen ---- */
static void screen_begin(void) {
    static const short colours[FRAME_STYLES] = {-1, COLOR_CYAN, -1, COLOR_GREEN, COLOR_YELLOW, COLOR_RED};
    initscr();
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    if (!has_colors()) return;
    start_color();
    use_default_colors();
    for (short i = 0; i < FRAME_STYLES; i++) init_pair((short)(i + 1), colours[i], -1);
}

static void screen_show(struct top *t) {
    static const attr_t weights[FRAME_STYLES] = {A_NORMAL, A_BOLD, A_DIM, A_NORMAL, A_BOLD, A_BOLD};
    t->frame.columns = COLS;
    t->frame.lines = LINES;
    frame_draw(&t->frame, &t->picture, &t->view);
    erase();
    for (int i = 0; i < t->frame.count; i++) {
        enum frame_style style = t->frame.style[i];
        attr_set(weights[style], (short)(style + 1), NULL);
        mvaddnstr(i, 0, t->frame.text[i], COLS);
    }
    attr_set(A_NORMAL, 0, NULL);
    refresh();
}

/* False: leave. */
static bool take_key(struct top *t, int key) {
    struct view *v = &t->view;
    switch (key) {
    case 'q':
    case 'Q':
    case 27:
        return false;
    case 's':
        v->by_name = !v->by_name;
        break;
    case 'p':
    case ' ':
        v->paused = !v->paused;
        break;
    case 'h':
    case '?':
        v->help = !v->help;
        break;
    case '+':
        if (v->interval_s < 60) v->interval_s *= 2;
        break;
    case '-':
        if (v->interval_s > 0.2) v->interval_s /= 2;
        break;
    default:
        break;
    }
    return true;
}

static int top_screen(struct top *t) {
    int64_t due_us = 0;
    /* a lost connection is told on the screen */
    if (!freopen("/dev/null", "w", stderr)) return 1;
    screen_begin();
    for (bool going = true; going;) {
        int64_t now_us = clock_mono_us();
        if (!t->view.paused && now_us >= due_us) {
            top_ask(t);
            due_us = now_us + (int64_t)(t->view.interval_s * 1e6);
        }
        screen_show(t);
        int64_t wait_ms = (due_us - clock_mono_us()) / 1000;
        timeout(t->view.paused ? INTERVAL_US / 1000 : wait_ms > 0 ? (int)wait_ms + 1 : 1);
        going = take_key(t, getch()); /* a resize comes as a key too */
    }
    endwin();
    return 0;
}

static int top_live(struct top *t) {
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) return top_screen(t);
    fputs("top needs a terminal; top --once prints one frame\n", stderr);
    return 1;
}
#else
static int top_live(struct top *t) {
    (void)t;
    fputs("top was built without ncurses (libncurses-dev); top --once prints one frame\n", stderr);
    return 1;
}
#endif

static int top_start(struct top *t) {
    const struct options *o = t->session->options;
    if (o->socket)
        snprintf(t->picture.where, sizeof t->picture.where, "%s", o->socket);
    else
        snprintf(t->picture.where, sizeof t->picture.where, "%s:%d", o->host, (int)o->port);
    t->view.interval_s = o->interval_us > 0 ? (double)o->interval_us / 1e6 : INTERVAL_US / 1e6;
    if (o->once) return top_once(t);
    return session_connect(t->session) ? top_live(t) : 1;
}

int top_run(struct session *s) {
    struct top *t = mem_alloc_zeroed(MEM_CLIENT_IN, sizeof *t);
    t->session = s;
    buf_init(&t->info, MEM_CLIENT_IN);
    int code = top_start(t);
    buf_release(&t->info);
    mem_free(MEM_CLIENT_IN, t, sizeof *t);
    return code;
}
