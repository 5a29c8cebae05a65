/* Commands from standard input, a line each: with a prompt from a terminal, silently from a pipe or file. */
#ifndef TARN_CLI_PROMPT_H
#define TARN_CLI_PROMPT_H

#include "session.h"

/* Until the input ends, or `quit`. Returns the exit code: 1 when there is no connection for piped commands, or with -e after
 * an error reply. */
int prompt_run(struct session *s);

/* Everything that is left of standard input. */
void input_read_all(struct buf *into);
/* The bytes of a word as typed, "with \x escapes" when it is quoted. False for unbalanced quotes. */
bool input_unquote(struct slice word, struct buf *into);

#endif
