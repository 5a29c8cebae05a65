/* `tarn-cli top`: what a server does and where its memory is, on a whole screen and live, or as one plain frame (--once). A server
 * that knows neither MEMORY TREE nor MEMORY TOP is shown by what its INFO has. */
#ifndef TARN_CLI_TOP_H
#define TARN_CLI_TOP_H

struct session;

int top_run(struct session *s);

#endif
