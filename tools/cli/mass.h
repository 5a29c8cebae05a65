/* --pipe: standard input goes to the server as it is, as fast as it takes it; the replies are only counted. */
#ifndef TARN_CLI_MASS_H
#define TARN_CLI_MASS_H

struct session;

/* Tells errors on standard error and the count at the end. Returns the exit code: 1 when a reply was an error. */
int mass_run(struct session *s);

#endif
