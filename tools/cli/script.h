/* --eval: a script from a file, with the keys and, behind a lone comma, the arguments of the command line. */
#ifndef TARN_CLI_SCRIPT_H
#define TARN_CLI_SCRIPT_H

struct session;

int script_run(struct session *s);

#endif
