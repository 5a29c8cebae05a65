/* Whether a request was meant for this server, by its Host header. A page from elsewhere can make a browser ask any address, under
 * a name of its own that it lets point there (DNS rebinding), and then read the answer: but the name stays in Host. So only
 * names that nobody else can have are taken: addresses, localhost, and those that are configured. Pure. */
#ifndef TARN_OBSERVE_HTTP_HOST_H
#define TARN_OBSERVE_HTTP_HOST_H

#include "base/slice.h"

/* host: the header's value, with or without a port. names: those configured, apart by commas or spaces; "*" takes all. */
bool http_host_is_ours(struct slice host, const char *names);

#endif
