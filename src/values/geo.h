/* Geo indexes: places on the earth as scores of a sorted set, and shapes to search in.
 *
 * A score holds two times 26 bits, those of the latitude and of the longitude in turn: each coordinate's range is halved 26 times,
 * and a bit tells the half. So places in one cell of the grid (the first 2n bits) are one range of scores. Longitudes go from -180
 * to 180 degrees, latitudes to 85.05112878 either way (EPSG:3857, what web maps show). Same bits as Redis, so that values
 * interchange: https://redis.io/docs/latest/commands/geoadd/, https://en.wikipedia.org/wiki/Geohash.
 *
 * The earth is a sphere of 6372797.560856 m; distances are great circles by the haversine formula, up to 0.5 % off. Pure functions;
 * degrees and metres. */
#ifndef TARN_VALUES_GEO_H
#define TARN_VALUES_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX  85.05112878
#define GEO_TEXT_LENGTH   11

struct geo_point {
    double longitude, latitude;
};

static inline bool geo_point_valid(struct geo_point p) {
    return p.longitude >= -GEO_LONGITUDE_MAX && p.longitude <= GEO_LONGITUDE_MAX && p.latitude >= -GEO_LATITUDE_MAX &&
           p.latitude <= GEO_LATITUDE_MAX;
}

/* proven: valid. At the very ends of the ranges the score has a 53rd or 54th bit, as in Redis. */
double geo_score(struct geo_point p);
/* The middle of the cell that the score names; of a score that is none some point all the same. */
struct geo_point geo_point_of(double score);
double geo_distance(struct geo_point a, struct geo_point b);
/* The standard geohash (latitudes up to 90), GEO_TEXT_LENGTH characters, no NUL; the last is always '0', for lack of bits. */
void geo_text(double score, char text[GEO_TEXT_LENGTH]);

/* ---- shapes ---- */
enum geo_kind { GEO_CIRCLE, GEO_BOX, GEO_POLYGON };
struct geo_shape {
    enum geo_kind kind;
    struct geo_point center;          /* of a polygon: see geo_polygon_center */
    double radius;                    /* of a circle */
    double width, height;             /* of a box along the parallels and meridians */
    const struct geo_point *vertices; /* of a polygon, in degrees on a flat map, not across the antimeridian */
    size_t vertex_count;
};

/* The mean of its vertices, from which distances are told. */
struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t n);
/* distance: from the center. */
bool geo_within(const struct geo_shape *shape, struct geo_point p, double *distance);

/* Cells that together cover the shape, in the order in which Redis looks through them: the middle, its four neighbours, the
 * corners; those that cannot hold anything are left out. Returns how many. */
#define GEO_CELLS_MAX 9
struct geo_cell {
    double first, end; /* scores: first <= score < end */
};
size_t geo_cells(const struct geo_shape *shape, struct geo_cell cells[GEO_CELLS_MAX]);

#endif
