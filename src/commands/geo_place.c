#include "base/check.h"
#include "base/num.h"
#include "commands/geo_int.h"
#include "commands/sorted_set_int.h"

#include <stdio.h>

/* ---- shared ---- */

bool geo_point_argument(struct context *c, int i, struct geo_point *p) {
    if (!context_double(c, i, &p->longitude) || !context_double(c, i + 1, &p->latitude)) return false;
    if (geo_point_valid(*p)) return true;
    reply_error_format(c->reply, "ERR invalid longitude,latitude pair %f,%f", p->longitude, p->latitude);
    return false;
}

bool geo_unit_argument(struct context *c, int i, double *metres) {
    static const struct {
        struct slice name;
        double metres;
    } units[] = {{SLICE("m"), 1}, {SLICE("km"), 1000}, {SLICE("ft"), 0.3048}, {SLICE("mi"), 1609.34}};
    for (size_t j = 0; j < countof(units); j++) {
        *metres = units[j].metres;
        if (slice_equal_nocase(c->argv[i], units[j].name)) return true;
    }
    reply_error(c->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

/* With all the decimals that it has, which a double's own reply would not show. */
static void reply_coordinate(struct context *c, double v) {
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, num_format_long_double(text, v));
    if (c->reply->resp == 2) {
        reply_bulk(c->reply, s);
        return;
    }
    buf_append(c->reply->out, ",", 1);
    buf_append_slice(c->reply->out, s);
    buf_append(c->reply->out, "\r\n", 2);
}

void geo_reply_point(struct context *c, struct geo_point p) {
    reply_array(c->reply, 2);
    reply_coordinate(c, p.longitude);
    reply_coordinate(c, p.latitude);
}

void geo_reply_distance(struct context *c, double distance) {
    char text[64];
    int n = snprintf(text, sizeof text, "%.4f", distance);
    proven(n > 0 && n < (int)sizeof text); /* nothing on earth is farther than 7e7 feet */
    reply_bulk(c->reply, slice_of(text, (size_t)n));
}

/* ---- GEOADD ---- */

/* Options from argument 2 on; the first place's argument, or 0 when they do not fit. */
static int add_options(const struct context *c, unsigned *flags, bool *changed) {
    int i = 2;
    for (; i < c->argc; i++) {
        if (slice_is(c->argv[i], "NX"))
            *flags |= ZSET_NEW_ONLY;
        else if (slice_is(c->argv[i], "XX"))
            *flags |= ZSET_OLD_ONLY;
        else if (slice_is(c->argv[i], "CH"))
            *changed = true;
        else
            break;
    }
    bool both = *flags == (ZSET_NEW_ONLY | ZSET_OLD_ONLY);
    return both || i == c->argc || (c->argc - i) % 3 ? 0 : i;
}

void geo_geoadd_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    struct geo_point p;
    unsigned flags = 0;
    bool changed = false;
    uint64_t added = 0, moved = 0;
    int first = add_options(c, &flags, &changed);
    if (!first) {
        context_syntax_error(c);
        return;
    }
    for (int i = first; i < c->argc; i += 3)
        if (!geo_point_argument(c, i, &p)) return;
    if (!context_edit(c, key, TYPE_ZSET, &e)) return;
    for (int i = first; i < c->argc; i += 3) {
        bool parsed = geo_point_argument(c, i, &p);
        proven(parsed); /* as before */
        double score = geo_score(p);
        enum zset_added done = zset_add(&e.edit, c->argv[i + 2], &score, flags);
        added += done == ZSET_ADDED;
        moved += done == ZSET_MOVED;
    }
    context_edit_end(c, key, &e, NOTIFY_ZSET, added + moved ? "zadd" : NULL, added + moved);
    reply_integer(c->reply, (int64_t)(changed ? added + moved : added));
}

/* ---- looking ---- */

void geo_geopos_run(struct context *c) {
    struct value v;
    double score;
    if (!sorted_set_view(c, 1, &v)) return;
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        if (zset_score(v, c->argv[i], &score))
            geo_reply_point(c, geo_point_of(score));
        else
            reply_null_array(c->reply);
    }
}

void geo_geohash_run(struct context *c) {
    struct value v;
    double score;
    char text[GEO_TEXT_LENGTH];
    if (!sorted_set_view(c, 1, &v)) return;
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        if (!zset_score(v, c->argv[i], &score)) {
            reply_null(c->reply);
            continue;
        }
        geo_text(score, text);
        reply_bulk(c->reply, slice_of(text, GEO_TEXT_LENGTH));
    }
}

void geo_geodist_run(struct context *c) {
    struct value v;
    double metres = 1, a, b;
    if (c->argc > 5) {
        context_syntax_error(c);
        return;
    }
    if (c->argc == 5 && !geo_unit_argument(c, 4, &metres)) return;
    if (!sorted_set_view(c, 1, &v)) return;
    if (zset_score(v, c->argv[2], &a) && zset_score(v, c->argv[3], &b))
        geo_reply_distance(c, geo_distance(geo_point_of(a), geo_point_of(b)) / metres);
    else
        reply_null(c->reply);
}
