/* Geo scores, distances and cells: facts as redis-server 7.0.15 gives them, and searches against looking at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "values/geo.h"

#include <math.h>
#include <string.h>

static const struct geo_point palermo = {13.361389, 38.115556}, catania = {15.087269, 37.502669};

static void scores_as_redis_has_them(void **state) {
    (void)state;
    assert_true(geo_score(palermo) == 3479099956230698.0);
    assert_true(geo_score(catania) == 3479447370796909.0);
    assert_true(geo_score((struct geo_point){-180, -85.05112878}) == 0);
    assert_true(geo_score((struct geo_point){180, 0}) == 10133099161583616.0);
    char text[GEO_TEXT_LENGTH];
    geo_text(3479099956230698.0, text);
    assert_memory_equal(text, "sqc8b49rny0", GEO_TEXT_LENGTH);
}

static void distances_as_redis_has_them(void **state) {
    (void)state;
    char text[32];
    struct geo_point a = geo_point_of(geo_score(palermo)), b = geo_point_of(geo_score(catania));
    snprintf(text, sizeof text, "%.4f", geo_distance(a, b));
    assert_string_equal(text, "166274.1516");
    assert_true(geo_distance(a, a) == 0);
}

/* The middle of the cell is in the cell, for any bits at all. */
static void scores_go_there_and_back(void **state) {
    (void)state;
    struct random r;
    random_init(&r, 7);
    for (unsigned i = 0; i < 100000; i++) {
        double score = (double)(random_next(&r) >> 12);
        assert_true(geo_score(geo_point_of(score)) == score);
    }
    static const double odd[] = {-1, INFINITY, -INFINITY, 1e300, -1e300, 0.5, 0x1p63, 0x1p64, 0x1p54};
    for (size_t i = 0; i < countof(odd); i++) assert_true(geo_point_valid(geo_point_of(odd[i])));
}

static struct geo_point random_point(struct random *r, double span) {
    return (struct geo_point){(random_unit(r) - 0.5) * span * 2, (random_unit(r) - 0.5) * span * 0.94};
}

/* Whatever lies in the shape lies in one of the cells. Round shapes that go over a pole or the border of the map are left out:
 * there Redis does not find everything either. */
static void covered(const struct geo_shape *s, struct geo_point p) {
    struct geo_cell cells[GEO_CELLS_MAX];
    double distance, score = geo_score(p);
    if (!geo_within(s, p, &distance)) return;
    size_t n = geo_cells(s, cells);
    for (size_t i = 0; i < n; i++)
        if (score >= cells[i].first && score < cells[i].end) return;
    fail_msg("a place in the shape is in none of its cells");
}

static void cells_cover_their_shapes(void **state) {
    (void)state;
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    struct random r;
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&r, seed);
    for (unsigned i = 0; i < 20000; i++) {
        double span = exp2(-(double)random_below(&r, 12)) * 20;
        struct geo_shape s = {.kind = (enum geo_kind)random_below(&r, 3), .center = random_point(&r, 60)};
        s.radius = s.width = s.height = span * 50000;
        struct geo_point corners[6];
        s.vertices = corners;
        s.vertex_count = 3 + random_below(&r, 4);
        for (size_t j = 0; j < 6; j++) {
            struct geo_point d = random_point(&r, span);
            corners[j] = (struct geo_point){s.center.longitude + d.longitude, s.center.latitude + d.latitude};
        }
        for (unsigned j = 0; j < 20; j++) {
            struct geo_point d = random_point(&r, span);
            covered(&s, (struct geo_point){s.center.longitude + d.longitude, s.center.latitude + d.latitude});
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_as_redis_has_them),
        cmocka_unit_test(distances_as_redis_has_them),
        cmocka_unit_test(scores_go_there_and_back),
        cmocka_unit_test(cells_cover_their_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
