/* One picture of a server as lines of text, which the screen of `tarn-cli top` colours and --once prints. ASCII alone; what a colour
 * says is said by a word or a bar too. */
#ifndef TARN_CLI_TOP_FRAME_H
#define TARN_CLI_TOP_FRAME_H

#include "mem/buf.h"
#include "memory.h"

#define FRAME_LINES_MAX   200
#define FRAME_COLUMNS_MAX 400

enum frame_style { FRAME_PLAIN, FRAME_HEADING, FRAME_DIM, FRAME_GOOD, FRAME_WARNING, FRAME_BAD, FRAME_STYLES };

struct frame {
    int columns, lines; /* wanted */
    int count;          /* there */
    char text[FRAME_LINES_MAX][FRAME_COLUMNS_MAX + 1];
    enum frame_style style[FRAME_LINES_MAX];
};

/* What has been asked of the server. */
struct picture {
    char where[300];
    struct slice info; /* empty: not connected, or the server says why[] */
    char why[200];
    struct memory_tree tree;
    struct memory_keys keys;
    bool keys_told;                      /* the server knows MEMORY TOP */
    double ops, input_rate, output_rate; /* a second, since the picture before */
};

struct view {
    bool by_name; /* else by size */
    bool help, paused;
    double interval_s;
};

/* The columns and lines are those set in f. */
void frame_draw(struct frame *f, const struct picture *p, const struct view *v);

#endif
