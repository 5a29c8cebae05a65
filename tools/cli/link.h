/* One connection to a server: commands out, whole replies in. */
#ifndef TARN_CLI_LINK_H
#define TARN_CLI_LINK_H

#include "mem/buf.h"
#include "options.h"

/* Deeper replies are refused: the formatters recurse. */
#define REPLY_DEPTH_MAX 128

struct link {
    int fd; /* -1: not connected */
    struct buf in;
    size_t taken; /* of in: bytes of the reply handed out last */
};

enum link_status { LINK_OK, LINK_CLOSED, LINK_FAILED };

#define LINK_ERROR_MAX 512

void link_init(struct link *l);
void link_release(struct link *l);
/* Connects; the sentence in why (LINK_ERROR_MAX) names the address. */
bool link_open(struct link *l, const struct options *o, char *why);
void link_close(struct link *l);
bool link_is_open(const struct link *l);
/* False when the other side has gone in the meantime. Does not wait. */
bool link_alive(const struct link *l);
enum link_status link_send(struct link *l, const struct slice *words, int count, char *why);
enum link_status link_send_bytes(struct link *l, struct slice bytes, char *why);
/* Waits for the next whole reply (pushes are replies too); it stays valid until the next call. */
enum link_status link_read(struct link *l, struct slice *reply, char *why);
/* Bytes that are no reply (the file in SYNC's answer): what has arrived, at least one byte and at most this many, waiting for it. */
enum link_status link_read_bytes(struct link *l, size_t most, struct slice *bytes, char *why);
/* Whether a whole reply can be had without waiting for more bytes than have arrived; takes them in. */
bool link_pending(struct link *l);

#endif
