/* What is served over HTTP. Observer thread. */
#ifndef TARN_OBSERVE_HTTP_ROUTES_H
#define TARN_OBSERVE_HTTP_ROUTES_H

#include "observe/history.h"
#include "observe/http.h"
#include "observe/published.h"

struct prefix_shelf;
struct top_board;

struct http_sources {
    struct published *published;
    struct history *history;
    struct prefix_shelf *prefixes;
    struct top_board *top;
};

http_respond http_route; /* arg: struct http_sources */

/* The history as one object: the names of the series, then a row a sample after since_s. Shared with MEMORY HISTORY JSON. */
void history_json(struct history *h, enum history_span span, int64_t since_s, struct buf *out);

/* The dashboard (web/), embedded by the build. */
extern const unsigned char web_page[];
extern const unsigned long web_page_size;

#endif
