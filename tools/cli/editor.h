/* The line that is being typed at the prompt: libedit with history, completion and hints; without libedit (or at a dumb
 * terminal) there is no editor, and lines come as the terminal gives them. */
#ifndef TARN_CLI_EDITOR_H
#define TARN_CLI_EDITOR_H

#include "docs.h"

struct editor;

/* docs are asked while typing, and stay the caller's. NULL: this terminal, or this build, has no editor. */
struct editor *editor_new(const struct docs *docs);
/* Writes the history, then frees. NULL is no editor. */
void editor_free(struct editor *e);
/* One line without its end; valid until the next call. False at the end of the input. */
bool editor_line(struct editor *e, const char *prompt, struct slice *line);
/* Keeps a line for later. */
void editor_remember(struct editor *e, struct slice line);
void editor_show_hints(struct editor *e, bool on);

#endif
