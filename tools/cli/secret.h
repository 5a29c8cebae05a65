/* --askpass: a password typed at the terminal, shown as stars. */
#ifndef TARN_CLI_SECRET_H
#define TARN_CLI_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Reads one line from standard input into dst with a NUL; what does not fit is dropped. False at the end of the input. */
bool secret_ask(char *dst, size_t cap);

#endif
