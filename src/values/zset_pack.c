#include "values/zset_int.h"

#include <math.h>

/* Whole numbers up to here are kept as integers, as Redis does; -0 loses its sign so. */
#define WHOLE_MAX 0x1p62

double zset_pack_score(const struct pack *p, pack_pos score_at) {
    struct pack_item item = pack_get(p, score_at);
    double score = 0;
    if (likely(item.is_integer)) return (double)item.integer;
    bool is_number = num_parse_double(item.text, &score);
    proven(is_number && !isnan(score)); /* looked at when it was loaded */
    return score;
}

pack_pos zset_pack_find(const struct pack *p, struct slice member) {
    pack_pos first = pack_first(p);
    debug_proven(pack_count(p) % 2 == 0);
    return first ? pack_find(p, first, member, 1) : 0;
}

static struct pack *insert_score(struct pack *p, pack_pos at, double score) {
    char text[NUM_DOUBLE_TEXT_MAX];
    debug_proven(!isnan(score));
    if (fabs(score) <= WHOLE_MAX && score == (double)(int64_t)score)
        return pack_insert_integer(MEM_ZSETS, p, at, (int64_t)score);
    return pack_insert(MEM_ZSETS, p, at, slice_of(text, num_format_double(text, score)));
}

struct pack *zset_pack_append(struct pack *p, struct slice member, double score) {
    proven(pack_fits(p, member.len + NUM_DOUBLE_TEXT_MAX + (size_t)2 * PACK_ELEMENT_MAX));
    return insert_score(pack_append(MEM_ZSETS, p, member), 0, score);
}

/* The member in front of which this one belongs; 0: behind the last. */
static pack_pos place(const struct pack *p, struct slice member, double score) {
    char scratch[NUM_TEXT_MAX];
    pack_pos at = pack_last(p), score_at;
    if (!at || zset_pack_score(p, at) < score) return 0; /* a new highest score is frequent */
    for (at = pack_first(p); at; at = pack_next(p, score_at)) {
        score_at = pack_next(p, at);
        proven(score_at != 0);
        double there = zset_pack_score(p, score_at);
        if (there > score) return at;
        if (there == score && slice_compare(pack_text(p, at, scratch), member) > 0) return at;
    }
    return 0;
}

struct pack *zset_pack_insert(struct pack *p, struct slice member, double score) {
    pack_pos at = place(p, member, score);
    if (!at) return zset_pack_append(p, member, score);
    debug_proven(pack_fits(p, member.len + NUM_DOUBLE_TEXT_MAX + (size_t)2 * PACK_ELEMENT_MAX));
    p = pack_insert(MEM_ZSETS, p, at, member);
    return insert_score(p, pack_next(p, at), score);
}
