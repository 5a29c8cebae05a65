#include "secret.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static void star(bool shown, const char *text) {
    if (!shown) return;
    fputs(text, stderr);
    fflush(stderr);
}

/* One line, byte by byte: the terminal edits nothing here. */
static bool read_line(char *dst, size_t cap, bool shown) {
    size_t len = 0;
    char c;
    while (read(STDIN_FILENO, &c, 1) == 1 && (c != 4 || len > 0)) { /* 4: Ctrl-D */
        if (c == '\n' || c == '\r') {
            dst[len] = '\0';
            return true;
        }
        bool erases = shown && (c == '\177' || c == '\b');
        if (erases && len > 0) {
            len--;
            star(shown, "\b \b");
        } else if (!erases && len + 1 < cap) {
            dst[len++] = c;
            star(shown, "*");
        }
    }
    return false;
}

bool secret_ask(char *dst, size_t cap) {
    struct termios before, quiet;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) { /* before the question: an answer may come at once */
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
    }
    fputs("Please input password: ", stderr);
    fflush(stderr);
    bool ok = read_line(dst, cap, terminal);
    if (terminal) tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    fputc('\n', stderr);
    return ok;
}
