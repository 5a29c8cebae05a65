#include "values/geo.h"

#include "base/check.h"

#include <math.h>

#define STEPS         26 /* halvings of each coordinate in a score */
#define EARTH_RADIUS  6372797.560856
#define PROJECTED_MAX 20037726.37 /* half of the earth's circumference as web maps have it */

static double radians(double degrees) { return degrees * (M_PI / 180.0); }

static double degrees(double radians_) { return radians_ / (M_PI / 180.0); }

/* ---- bits ---- */

/* The bits of x at the even places. */
static uint64_t spread(uint32_t x) {
    uint64_t v = x;
    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v << 2) & UINT64_C(0x3333333333333333);
    return (v | v << 1) & UINT64_C(0x5555555555555555);
}

static uint32_t gather(uint64_t v) {
    uint64_t even = v &= UINT64_C(0x5555555555555555);
    v = (v | v >> 1) & UINT64_C(0x3333333333333333);
    v = (v | v >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v >> 16) & UINT32_MAX;
    debug_proven(spread((uint32_t)v) == even); /* one undoes the other */
    (void)even;
    return (uint32_t)v;
}

/* A cell of the grid of 2^steps by 2^steps. */
struct grid_cell {
    unsigned steps;
    uint32_t column, row; /* from the west, from the south */
};

static uint64_t cell_bits(const struct grid_cell *c) {
    debug_proven(c->steps <= STEPS);
    return spread(c->row) | spread(c->column) << 1;
}

/* Which of 2^steps equal parts of -max..max holds v; at the upper end one more than there are. */
static uint32_t part_of(double v, double max, unsigned steps) {
    debug_proven(v >= -max && v <= max && steps <= STEPS);
    return (uint32_t)((v + max) / (max + max) * (double)(UINT64_C(1) << steps));
}

static struct grid_cell cell_at(struct geo_point p, unsigned steps, double latitude_max) {
    debug_proven(steps > 0 && fabs(p.longitude) <= GEO_LONGITUDE_MAX && fabs(p.latitude) <= latitude_max);
    return (struct grid_cell){steps, part_of(p.longitude, GEO_LONGITUDE_MAX, steps),
                              part_of(p.latitude, latitude_max, steps)};
}

/* Where part n begins. */
static double part_start(uint64_t n, double max, unsigned steps) {
    debug_proven(steps <= STEPS);
    return -max + (double)n / (double)(UINT64_C(1) << steps) * (max + max);
}

static double part_middle(uint64_t n, double max, unsigned steps) {
    double middle = (part_start(n, max, steps) + part_start(n + 1, max, steps)) / 2;
    return middle > max ? max : middle < -max ? -max : middle;
}

/* ---- points ---- */

double geo_score(struct geo_point p) {
    proven(geo_point_valid(p));
    struct grid_cell c = cell_at(p, STEPS, GEO_LATITUDE_MAX);
    return (double)cell_bits(&c);
}

/* A score that no place has, of a set that is no geo index: its bits as Redis takes them on x86-64. */
static uint64_t score_bits(double score) {
    debug_proven(!isnan(score));
    if (score >= 0) return score < 0x1p64 ? (uint64_t)score : 0;
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : UINT64_C(1) << 63;
}

struct geo_point geo_point_of(double score) {
    uint64_t bits = score_bits(score);
    struct geo_point p = {part_middle(gather(bits >> 1), GEO_LONGITUDE_MAX, STEPS),
                          part_middle(gather(bits), GEO_LATITUDE_MAX, STEPS)};
    debug_proven(geo_point_valid(p));
    return p;
}

static double meridian_distance(double latitude_a, double latitude_b) {
    debug_proven(fabs(latitude_a) <= 90 && fabs(latitude_b) <= 90);
    return EARTH_RADIUS * fabs(radians(latitude_b) - radians(latitude_a));
}

double geo_distance(struct geo_point a, struct geo_point b) {
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    if (v == 0) return meridian_distance(a.latitude, b.latitude);
    double from = radians(a.latitude), to = radians(b.latitude), u = sin((to - from) / 2);
    debug_proven(isfinite(from) && isfinite(to));
    return 2.0 * EARTH_RADIUS * asin(sqrt(u * u + cos(from) * cos(to) * v * v));
}

void geo_text(double score, char text[GEO_TEXT_LENGTH]) {
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    struct grid_cell c = cell_at(geo_point_of(score), STEPS, 90);
    uint64_t bits = cell_bits(&c);
    for (unsigned i = 0; i < GEO_TEXT_LENGTH - 1; i++) text[i] = alphabet[bits >> (2 * STEPS - 5 * (i + 1)) & 31];
    text[GEO_TEXT_LENGTH - 1] = alphabet[0];
}

/* ---- shapes ---- */

struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t n) {
    struct geo_point sum = {0, 0};
    proven(n > 0);
    for (size_t i = 0; i < n; i++) {
        sum.longitude += vertices[i].longitude;
        sum.latitude += vertices[i].latitude;
    }
    return (struct geo_point){sum.longitude / (double)n, sum.latitude / (double)n};
}

/* A ray to the east crosses the outline an odd number of times. */
static bool in_polygon(const struct geo_shape *s, struct geo_point p) {
    bool inside = false;
    proven(s->vertex_count >= 3);
    for (size_t i = 0, j = s->vertex_count - 1; i < s->vertex_count; j = i++) {
        struct geo_point a = s->vertices[i], b = s->vertices[j];
        if ((a.latitude > p.latitude) == (b.latitude > p.latitude)) continue;
        double share = (p.latitude - a.latitude) / (b.latitude - a.latitude);
        if (p.longitude < a.longitude + share * (b.longitude - a.longitude)) inside = !inside;
    }
    return inside;
}

/* Its height is measured along the meridian, its width along the parallel of the place. */
static bool in_box(const struct geo_shape *s, struct geo_point p) {
    struct geo_point beside = {s->center.longitude, p.latitude};
    debug_proven(s->kind == GEO_BOX);
    return meridian_distance(p.latitude, s->center.latitude) <= s->height / 2 &&
           geo_distance(p, beside) <= s->width / 2;
}

bool geo_within(const struct geo_shape *shape, struct geo_point p, double *distance) {
    debug_proven(geo_point_valid(p));
    if (shape->kind == GEO_BOX && !in_box(shape, p)) return false;
    if (shape->kind == GEO_POLYGON && !in_polygon(shape, p)) return false;
    *distance = geo_distance(shape->center, p);
    return shape->kind != GEO_CIRCLE || *distance <= shape->radius;
}

/* ---- cells ---- */

struct bounds {
    double west, south, east, north;
};

static struct bounds polygon_bounds(const struct geo_shape *s) {
    struct bounds b = {GEO_LONGITUDE_MAX, GEO_LATITUDE_MAX, -GEO_LONGITUDE_MAX, -GEO_LATITUDE_MAX};
    debug_proven(s->vertex_count > 0);
    for (size_t i = 0; i < s->vertex_count; i++) {
        b.west = fmin(b.west, s->vertices[i].longitude);
        b.east = fmax(b.east, s->vertices[i].longitude);
        b.south = fmin(b.south, s->vertices[i].latitude);
        b.north = fmax(b.north, s->vertices[i].latitude);
    }
    return b;
}

/* Of a circle or box: so many degrees either way, counted where the parallels are the shortest. */
static struct bounds round_bounds(const struct geo_shape *s) {
    double half_height = s->kind == GEO_CIRCLE ? s->radius : s->height / 2,
           half_width = s->kind == GEO_CIRCLE ? s->radius : s->width / 2;
    double up = degrees(half_height / EARTH_RADIUS),
           pole_side = s->center.latitude < 0 ? s->center.latitude - up : s->center.latitude + up,
           aside = degrees(half_width / EARTH_RADIUS / cos(radians(pole_side)));
    debug_proven(s->kind != GEO_POLYGON);
    return (struct bounds){s->center.longitude - aside, s->center.latitude - up, s->center.longitude + aside,
                           s->center.latitude + up};
}

/* How fine a grid has cells about as large as the shape. Towards the poles they get narrow. */
static unsigned steps_for(double reach, double latitude) {
    debug_proven(reach >= 0);
    int steps = 1;
    if (reach == 0) return STEPS;
    for (; reach < PROJECTED_MAX; reach *= 2) steps++;
    steps -= 2;
    if (fabs(latitude) > 66) steps -= fabs(latitude) > 80 ? 2 : 1;
    return steps < 1 ? 1 : steps > STEPS ? STEPS : (unsigned)steps;
}

static double reach_of(const struct geo_shape *s, const struct bounds *b) {
    if (s->kind == GEO_CIRCLE) return s->radius;
    if (s->kind == GEO_BOX) return sqrt(s->width / 2 * (s->width / 2) + s->height / 2 * (s->height / 2));
    struct geo_point corner = {b->west, b->south}, other = {b->east, b->north};
    debug_proven(s->kind == GEO_POLYGON);
    return geo_distance(corner, other) / 2;
}

static double column_start(const struct grid_cell *c, int shift) {
    uint32_t mask = (UINT32_C(1) << c->steps) - 1;
    debug_proven(c->steps > 0 && c->steps <= STEPS);
    return part_start((c->column + (uint32_t)shift) & mask, GEO_LONGITUDE_MAX, c->steps);
}

static double row_start(const struct grid_cell *c, int shift) {
    uint32_t mask = (UINT32_C(1) << c->steps) - 1;
    debug_proven(c->steps > 0 && c->steps <= STEPS);
    return part_start((c->row + (uint32_t)shift) & mask, GEO_LATITUDE_MAX, c->steps);
}

/* Whether the shape reaches beyond the nine cells around c. A cell beside the map's border is the one at the other side. */
static bool reaches_out(const struct grid_cell *c, const struct bounds *b) {
    double width = 2 * GEO_LONGITUDE_MAX / (double)(UINT64_C(1) << c->steps),
           height = 2 * GEO_LATITUDE_MAX / (double)(UINT64_C(1) << c->steps);
    debug_proven(width > 0 && height > 0);
    return row_start(c, 1) + height < b->north || row_start(c, -1) > b->south || column_start(c, 1) + width < b->east ||
           column_start(c, -1) > b->west;
}

/* Whether the neighbour on that side cannot hold anything: the middle cell reaches beyond the shape there. */
static bool useless(const struct grid_cell *c, const struct bounds *b, int aside, int up) {
    if (c->steps < 2) return false;
    double west = part_start(c->column, GEO_LONGITUDE_MAX, c->steps),
           east = part_start((uint64_t)c->column + 1, GEO_LONGITUDE_MAX, c->steps),
           south = part_start(c->row, GEO_LATITUDE_MAX, c->steps),
           north = part_start((uint64_t)c->row + 1, GEO_LATITUDE_MAX, c->steps);
    debug_proven(west < east && south < north);
    return (up < 0 && south < b->south) || (up > 0 && north > b->north) || (aside < 0 && west < b->west) ||
           (aside > 0 && east > b->east);
}

/* The middle of a polygon's bounds; of the others the center that they have. */
static struct geo_point middle_of(const struct geo_shape *s, const struct bounds *b) {
    debug_proven(b->south <= b->north);
    if (s->kind != GEO_POLYGON) return s->center;
    return (struct geo_point){(b->west + b->east) / 2, (b->south + b->north) / 2};
}

size_t geo_cells(const struct geo_shape *shape, struct geo_cell cells[GEO_CELLS_MAX]) {
    static const int8_t order[GEO_CELLS_MAX][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                                   {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct bounds b = shape->kind == GEO_POLYGON ? polygon_bounds(shape) : round_bounds(shape);
    struct geo_point middle = middle_of(shape, &b);
    unsigned steps = steps_for(reach_of(shape, &b), middle.latitude);
    struct grid_cell c = cell_at(middle, steps, GEO_LATITUDE_MAX);
    /* Redis takes one step back, not more: what a flat map makes of a round shape is never that far off. */
    for (; c.steps > 1 && reaches_out(&c, &b); c = cell_at(middle, c.steps - 1, GEO_LATITUDE_MAX))
        if (shape->kind != GEO_POLYGON && c.steps < steps) break;
    size_t n = 0;
    uint64_t last = UINT64_MAX;
    for (unsigned i = 0; i < GEO_CELLS_MAX; i++) {
        int aside = order[i][0], up = order[i][1];
        uint32_t mask = (UINT32_C(1) << c.steps) - 1;
        if (useless(&c, &b, aside, up)) continue;
        struct grid_cell beside = {c.steps, i ? (c.column + (uint32_t)aside) & mask : c.column,
                                   i ? (c.row + (uint32_t)up) & mask : c.row};
        uint64_t bits = cell_bits(&beside);
        unsigned shift = 2 * (STEPS - c.steps);
        if (bits == last) continue; /* in a coarse grid neighbours are one and the same */
        last = bits;
        cells[n++] = (struct geo_cell){(double)(bits << shift), (double)((bits + 1) << shift)};
    }
    proven(n >= 1 && n <= GEO_CELLS_MAX);
    return n;
}
