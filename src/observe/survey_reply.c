#include "observe/survey_reply.h"

#include "keyspace/entry.h"

#include <stdio.h>

static void share_fields(struct reply *r, const struct survey_share *share) {
    reply_field_integer(r, "keys", share->keys);
    reply_field_integer(r, "bytes", share->bytes);
}

static void reply_types(struct reply *r, const struct survey *s) {
    int64_t count = 0;
    for (int i = 0; i < TYPE_COUNT; i++) count += s->types[i].all.keys > 0;
    reply_bulk_cstr(r, "types");
    reply_map(r, count);
    for (int i = 0; i < TYPE_COUNT; i++) {
        const struct survey_type *t = &s->types[i];
        if (t->all.keys == 0) continue;
        reply_bulk_cstr(r, entry_type_name((enum value_type)i));
        reply_map(r, 4);
        share_fields(r, &t->all);
        reply_field_integer(r, "elements", t->elements);
        reply_field_integer(r, "biggest", t->biggest);
    }
}

static void reply_encodings(struct reply *r, const struct survey *s) {
    reply_bulk_cstr(r, "encodings");
    reply_map(r, s->encoding_count);
    for (unsigned i = 0; i < s->encoding_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", entry_type_name(s->encodings[i].type), s->encodings[i].name);
        reply_bulk_cstr(r, name);
        reply_map(r, 2);
        share_fields(r, &s->encodings[i].all);
    }
}

/* A row for each size that some key has: at most so many bytes, keys, bytes of them all. */
static void reply_sizes(struct reply *r, const struct survey *s) {
    int64_t count = 0;
    for (int i = 0; i < SURVEY_SIZES; i++) count += s->sizes[i].keys > 0;
    reply_bulk_cstr(r, "sizes");
    reply_array(r, count);
    for (int i = 0; i < SURVEY_SIZES; i++) {
        if (s->sizes[i].keys == 0) continue;
        reply_map(r, 3);
        reply_field_integer(r, "up-to", INT64_C(16) << i);
        share_fields(r, &s->sizes[i]);
    }
}

static void reply_ttls(struct reply *r, const struct survey *s) {
    reply_bulk_cstr(r, "ttl");
    reply_map(r, SURVEY_TTLS);
    for (int i = 0; i < SURVEY_TTLS; i++) {
        reply_bulk_cstr(r, survey_ttl_name((enum survey_ttl)i));
        reply_map(r, 2);
        share_fields(r, &s->ttls[i]);
    }
}

static void reply_packing(struct reply *r, const struct survey *s) {
    int64_t count = 0;
    for (int i = 0; i < TYPE_COUNT; i++) count += s->types[i].sampled_bytes > 0;
    reply_bulk_cstr(r, "compressible");
    reply_map(r, count);
    for (int i = 0; i < TYPE_COUNT; i++) {
        const struct survey_type *t = &s->types[i];
        if (t->sampled_bytes == 0) continue;
        reply_bulk_cstr(r, entry_type_name((enum value_type)i));
        reply_map(r, 4);
        reply_field_integer(r, "eligible-bytes", t->eligible_bytes);
        reply_field_integer(r, "sampled-bytes", t->sampled_bytes);
        reply_field_integer(r, "compressed-bytes", t->packed_bytes);
        reply_field_integer(r, "would-save", survey_saving(t));
    }
}

void survey_reply(const struct survey *s, int64_t taken_ms, int64_t duration_ms, struct reply *r) {
    reply_map(r, 9);
    reply_field_integer(r, "taken-ms", taken_ms);
    reply_field_integer(r, "duration-ms", duration_ms);
    share_fields(r, &s->all);
    reply_types(r, s);
    reply_encodings(r, s);
    reply_sizes(r, s);
    reply_ttls(r, s);
    reply_packing(r, s);
}
