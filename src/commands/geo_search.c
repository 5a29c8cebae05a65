/* Searching places in a shape. What is found is gathered first, as it may have to be sorted, cut or stored; the texts stay in the
 * sorted set until then. */
#include "base/check.h"
#include "base/num.h"
#include "commands/geo_int.h"
#include "commands/sorted_set_int.h"

#include <limits.h>
#include <stdlib.h>

enum search_form { FORM_RADIUS, FORM_RADIUS_MEMBER, FORM_SEARCH };
enum search_sort { SORT_NONE, SORT_ASC, SORT_DESC };

struct search {
    enum search_form form;
    bool may_store; /* GEORADIUS with STORE, GEOSEARCHSTORE */
    struct value value;
    struct geo_shape shape;
    struct geo_point *vertices; /* of a polygon, held */
    double unit;                /* metres of what distances are told in */
    bool has_center, has_shape, from_member, from_point;
    bool with_distance, with_hash, with_point, any, store_distances;
    enum search_sort sort;
    int64_t count; /* 0: all */
    int store_at;  /* the argument of the key to store in, 0: none */
};

/* ---- arguments ---- */

static bool fail(struct context *c, const char *error) {
    reply_error(c->reply, error);
    return false;
}

static bool length_argument(struct context *c, int i, const char *not_a_number, double *v) {
    return num_parse_double(c->argv[i], v) || fail(c, not_a_number);
}

/* Radius and unit, from argument i on. False after the error reply, as all below. */
static bool circle_arguments(struct context *c, int i, struct search *s) {
    double radius;
    if (!length_argument(c, i, "ERR need numeric radius", &radius)) return false;
    if (radius < 0) return fail(c, "ERR radius cannot be negative");
    if (!geo_unit_argument(c, i + 1, &s->unit)) return false;
    s->shape.kind = GEO_CIRCLE;
    s->shape.radius = radius * s->unit;
    return s->has_shape = true;
}

static bool box_arguments(struct context *c, int i, struct search *s) {
    double width, height;
    if (!length_argument(c, i, "ERR need numeric width", &width)) return false;
    if (!length_argument(c, i + 1, "ERR need numeric height", &height)) return false;
    if (width < 0 || height < 0) return fail(c, "ERR height or width cannot be negative");
    if (!geo_unit_argument(c, i + 2, &s->unit)) return false;
    s->shape.kind = GEO_BOX;
    s->shape.width = width * s->unit;
    s->shape.height = height * s->unit;
    return s->has_shape = true;
}

/* num-vertices longitude latitude ..., from argument i on; *words is how many that are. */
static bool polygon_arguments(struct context *c, int i, struct search *s, int *words) {
    int64_t n;
    if (!context_integer(c, i, &n)) return false;
    if (n < 3) return fail(c, "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
    if (n > (c->argc - i - 1) / 2) return fail(c, ERROR_SYNTAX);
    s->shape.kind = GEO_POLYGON;
    s->shape.vertex_count = (size_t)n;
    s->shape.vertices = s->vertices = mem_alloc(MEM_SERVER, (size_t)n * sizeof *s->vertices);
    for (int j = 0; j < n; j++)
        if (!geo_point_argument(c, i + 1 + 2 * j, &s->vertices[j])) return false;
    s->shape.center = geo_polygon_center(s->vertices, (size_t)n);
    s->unit = 1;
    *words = 1 + 2 * (int)n;
    return s->has_center = s->has_shape = true;
}

/* Of an absent index any member will do: nothing is found. */
static bool member_argument(struct context *c, int i, struct search *s) {
    double score = 0;
    if (s->value.ptr && !zset_score(s->value, c->argv[i], &score))
        return fail(c, "ERR could not decode requested zset member");
    s->shape.center = geo_point_of(score);
    return s->has_center = s->from_member = true;
}

static bool point_arguments(struct context *c, int i, struct search *s) {
    if (!geo_point_argument(c, i, &s->shape.center)) return false;
    return s->has_center = s->from_point = true;
}

static bool count_argument(struct context *c, int i, struct search *s) {
    if (!context_integer(c, i, &s->count)) return false;
    return s->count > 0 || fail(c, "ERR COUNT must be > 0");
}

/* Options of one word. */
static bool flag_option(struct slice word, struct search *s) {
    if (slice_is(word, "WITHDIST"))
        s->with_distance = true;
    else if (slice_is(word, "WITHHASH"))
        s->with_hash = true;
    else if (slice_is(word, "WITHCOORD"))
        s->with_point = true;
    else if (slice_is(word, "ANY"))
        s->any = true;
    else if (slice_is(word, "ASC"))
        s->sort = SORT_ASC;
    else if (slice_is(word, "DESC"))
        s->sort = SORT_DESC;
    else if (s->form == FORM_SEARCH && s->may_store && slice_is(word, "STOREDIST"))
        s->store_distances = true;
    else
        return false;
    return true;
}

enum option {
    OPTION_NONE,
    OPTION_COUNT,
    OPTION_STORE,
    OPTION_STOREDIST,
    OPTION_MEMBER,
    OPTION_POINT,
    OPTION_CIRCLE,
    OPTION_BOX,
    OPTION_POLYGON
};

/* The option of several words at argument i, if it may stand there and as many words follow. */
static enum option option_at(const struct context *c, int i, const struct search *s) {
    bool search = s->form == FORM_SEARCH, stores = s->may_store && !search, polygon = s->vertices != NULL;
    bool free_shape = !s->has_shape, circle = s->has_shape && s->shape.kind == GEO_CIRCLE,
         box = s->has_shape && s->shape.kind == GEO_BOX, centered = s->from_member || s->from_point;
    const struct {
        struct slice name;
        enum option option;
        int words;
        bool allowed;
    } options[] = {
        {SLICE("COUNT"), OPTION_COUNT, 1, true},
        {SLICE("STORE"), OPTION_STORE, 1, stores},
        {SLICE("STOREDIST"), OPTION_STOREDIST, 1, stores},
        {SLICE("FROMMEMBER"), OPTION_MEMBER, 1, search && !s->from_point && !polygon},
        {SLICE("FROMLONLAT"), OPTION_POINT, 2, search && !s->from_member && !polygon},
        {SLICE("BYRADIUS"), OPTION_CIRCLE, 2, search && (free_shape || circle)},
        {SLICE("BYBOX"), OPTION_BOX, 3, search && (free_shape || box)},
        {SLICE("BYPOLYGON"), OPTION_POLYGON, 1 /* how many more it tells */, search && free_shape && !centered},
    };
    for (size_t j = 0; j < countof(options); j++) {
        if (!options[j].allowed || !slice_equal_nocase(c->argv[i], options[j].name)) continue;
        return c->argc - i - 1 >= options[j].words ? options[j].option : OPTION_NONE;
    }
    return OPTION_NONE;
}

/* Takes the option at argument i; *words is how many follow its name. */
static bool option_take(struct context *c, int i, struct search *s, int *words) {
    *words = 1;
    switch (option_at(c, i, s)) {
    case OPTION_COUNT:
        return count_argument(c, i + 1, s);
    case OPTION_STORE:
    case OPTION_STOREDIST:
        s->store_at = i + 1;
        s->store_distances = slice_is(c->argv[i], "STOREDIST");
        return true;
    case OPTION_MEMBER:
        return member_argument(c, i + 1, s);
    case OPTION_POINT:
        *words = 2;
        return point_arguments(c, i + 1, s);
    case OPTION_CIRCLE:
        *words = 2;
        return circle_arguments(c, i + 1, s);
    case OPTION_BOX:
        *words = 3;
        return box_arguments(c, i + 1, s);
    case OPTION_POLYGON:
        return polygon_arguments(c, i + 1, s, words);
    default:
        return fail(c, ERROR_SYNTAX);
    }
}

/* What all options together leave to be desired. */
static bool search_check(struct context *c, const struct search *s) {
    bool search = s->form == FORM_SEARCH;
    if (s->store_at && (s->with_distance || s->with_hash || s->with_point)) {
        reply_error_format(c->reply, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                           search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return false;
    }
    const char *missing = search && !s->has_center  ? "FROMMEMBER or FROMLONLAT"
                          : search && !s->has_shape ? "BYRADIUS and BYBOX"
                                                    : NULL;
    if (missing)
        reply_error_format(c->reply, "ERR exactly one of %s can be specified for %.*s", missing, (int)c->argv[0].len,
                           c->argv[0].ptr);
    else if (s->any && !s->count)
        reply_error(c->reply, "ERR the ANY argument requires COUNT argument");
    else
        return true;
    return false;
}

/* All arguments behind the key at argument `key`. */
static bool search_parse(struct context *c, int key, struct search *s) {
    int i = key + 1, words;
    if (s->form == FORM_RADIUS) {
        if (!point_arguments(c, i, s) || !circle_arguments(c, i + 2, s)) return false;
        i += 4;
    } else if (s->form == FORM_RADIUS_MEMBER) {
        /* of an absent index nobody asks how far */
        if (s->value.ptr && (!member_argument(c, i, s) || !circle_arguments(c, i + 1, s))) return false;
        i += 3;
    }
    for (; i < c->argc; i++) {
        if (flag_option(c->argv[i], s)) continue;
        if (!option_take(c, i, s, &words)) return false;
        i += words;
    }
    return search_check(c, s);
}

/* ---- what is found ---- */

struct place {
    struct slice member; /* in the sorted set, or in copies */
    double score, distance;
    struct geo_point point;
    size_t copy_at; /* where in copies; SIZE_MAX: not there */
};

struct found {
    struct place *places;
    size_t count, room;
    struct buf copies; /* texts that do not stand as such in a pack */
};

static void found_release(struct found *f) {
    mem_free(MEM_SERVER, f->places, f->room * sizeof *f->places);
    buf_release(&f->copies);
}

static void found_add(struct found *f, const struct place *p, bool copy) {
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 16;
        f->places = mem_realloc(MEM_SERVER, f->places, f->room * sizeof *f->places, room * sizeof *f->places);
        f->room = room;
    }
    struct place *to = &f->places[f->count++];
    *to = *p;
    to->copy_at = copy ? f->copies.len : SIZE_MAX;
    if (copy) buf_append_slice(&f->copies, p->member);
}

/* The copies have stopped moving. */
static void found_settle(struct found *f) {
    for (size_t i = 0; i < f->count; i++)
        if (f->places[i].copy_at != SIZE_MAX)
            f->places[i].member = slice_of(f->copies.ptr + f->places[i].copy_at, f->places[i].member.len);
}

static void search_cell(const struct search *s, const struct geo_cell *cell, struct found *f) {
    struct zset_scores range = {cell->first, cell->end, false, true};
    struct zset_item item;
    struct zset_walk w;
    struct place p;
    zset_walk_scores(&w, s->value, &range, false);
    while (zset_walk_next(&w, &item)) {
        if (s->any && f->count >= (uint64_t)s->count) return;
        p = (struct place){.member = item.member, .score = item.score, .point = geo_point_of(item.score)};
        if (geo_within(&s->shape, p.point, &p.distance)) found_add(f, &p, s->value.form == VALUE_PACK);
    }
}

static int nearest_first(const void *a, const void *b) {
    double x = ((const struct place *)a)->distance, y = ((const struct place *)b)->distance;
    return (x > y) - (x < y);
}

static int farthest_first(const void *a, const void *b) { return nearest_first(b, a); }

/* Finds, sorts and cuts. */
static void search_do(const struct search *s, struct found *f) {
    struct geo_cell cells[GEO_CELLS_MAX];
    enum search_sort sort = s->sort == SORT_NONE && s->count && !s->any ? SORT_ASC : s->sort;
    *f = (struct found){0};
    buf_init(&f->copies, MEM_SERVER);
    if (!s->value.ptr) return;
    size_t n = geo_cells(&s->shape, cells);
    for (size_t i = 0; i < n; i++) search_cell(s, &cells[i], f);
    found_settle(f);
    if (sort != SORT_NONE && f->count > 1)
        qsort(f->places, f->count, sizeof *f->places, sort == SORT_ASC ? nearest_first : farthest_first);
    if (s->count && f->count > (uint64_t)s->count) f->count = (size_t)s->count;
}

/* ---- answers ---- */

/* Of a set that is no geo index it may be anything. */
static int64_t score_integer(double score) { return score >= -0x1p63 && score < 0x1p63 ? (int64_t)score : INT64_MIN; }

static void reply_place(struct context *c, const struct search *s, const struct place *p) {
    int extras = s->with_distance + s->with_hash + s->with_point;
    if (extras) reply_array(c->reply, 1 + extras);
    reply_bulk(c->reply, p->member);
    if (s->with_distance) geo_reply_distance(c, p->distance / s->unit);
    if (s->with_hash) reply_integer(c->reply, score_integer(p->score));
    if (s->with_point) geo_reply_point(c, p->point);
}

static void store_places(struct context *c, const struct search *s, const struct found *f) {
    struct zset_builder b;
    zset_builder_init(&b);
    for (size_t i = 0; i < f->count; i++) {
        const struct place *p = &f->places[i];
        zset_builder_add(&b, p->member, s->store_distances ? p->distance / s->unit : p->score);
    }
    struct value v = zset_builder_end(&b, dataset_limits(c->dataset));
    sorted_set_store(c, context_key(c, s->store_at), v, s->form == FORM_SEARCH ? "geosearchstore" : "georadiusstore");
    if (f->count > 1) context_count_changes(c, f->count - 1);
    reply_integer(c->reply, (int64_t)f->count);
}

static void search_answer(struct context *c, const struct search *s) {
    struct found f;
    search_do(s, &f);
    if (s->store_at) {
        store_places(c, s, &f);
    } else {
        reply_array(c->reply, (int64_t)f.count);
        for (size_t i = 0; i < f.count; i++) reply_place(c, s, &f.places[i]);
    }
    found_release(&f);
}

static void search_run(struct context *c, int key, struct search s) {
    if (!sorted_set_view(c, key, &s.value)) return;
    if (search_parse(c, key, &s)) search_answer(c, &s);
    mem_free(MEM_SERVER, s.vertices, s.vertices ? s.shape.vertex_count * sizeof *s.vertices : 0);
}

void geo_georadius_run(struct context *c) { search_run(c, 1, (struct search){.form = FORM_RADIUS, .may_store = true}); }

void geo_georadius_ro_run(struct context *c) { search_run(c, 1, (struct search){.form = FORM_RADIUS}); }

void geo_georadiusbymember_run(struct context *c) {
    search_run(c, 1, (struct search){.form = FORM_RADIUS_MEMBER, .may_store = true});
}

void geo_georadiusbymember_ro_run(struct context *c) { search_run(c, 1, (struct search){.form = FORM_RADIUS_MEMBER}); }

void geo_geosearch_run(struct context *c) { search_run(c, 1, (struct search){.form = FORM_SEARCH}); }

void geo_geosearchstore_run(struct context *c) {
    search_run(c, 2, (struct search){.form = FORM_SEARCH, .may_store = true, .store_at = 1});
}
