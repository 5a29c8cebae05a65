#include "observe/survey.h"

#include "base/check.h"
#include "base/num.h"
#include "io/thread.h"
#include "keyspace/entry.h"
#include "values/kind.h"
#include "wire/lzf.h"

/* A walk goes in the order of hashes, so the first are a fair sample; of the others one in so many keeps long walks short. */
#define SAMPLE_ALL    4096
#define SAMPLE_EVERY  256
#define SAMPLE_BYTES  4096
#define WORTH_PACKING 64
#define SECOND_MS     INT64_C(1000)
#define DAY_MS        (86400 * SECOND_MS)

struct walking {
    struct survey_walk *w;
    int64_t share; /* of the database that is walked */
    int64_t eligible;
};

const char *survey_ttl_name(enum survey_ttl ttl) {
    static const char *const names[SURVEY_TTLS] = {"none", "past", "minute", "hour", "day", "week", "month", "later"};
    proven(ttl < SURVEY_TTLS);
    return names[ttl];
}

static enum survey_ttl ttl_of(int64_t at_ms, int64_t now_ms) {
    static const int64_t limits[] = {0, 60 * SECOND_MS, 3600 * SECOND_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS};
    if (at_ms == NO_EXPIRE) return SURVEY_NO_TTL;
    int64_t left = at_ms > now_ms ? at_ms - now_ms : 0;
    for (unsigned i = 0; i < countof(limits); i++) {
        if (left <= limits[i]) return (enum survey_ttl)(SURVEY_PAST + i);
    }
    return SURVEY_LATER;
}

static unsigned size_place(int64_t bytes) {
    unsigned i = 0;
    while (i + 1 < SURVEY_SIZES && bytes > INT64_C(16) << i) i++;
    return i;
}

static void add(struct survey_share *share, int64_t bytes) {
    share->keys++;
    share->bytes += bytes;
}

/* Encodings beyond the places, of which there are more than there are encodings, would be left out. */
static void add_encoding(struct survey *s, enum value_type type, const char *name, int64_t bytes) {
    unsigned i = 0;
    while (i < s->encoding_count && (s->encodings[i].type != type || strcmp(s->encodings[i].name, name) != 0)) i++;
    if (i == SURVEY_ENCODINGS) return;
    if (i == s->encoding_count)
        s->encodings[s->encoding_count++] = (struct survey_encoding){.type = type, .name = name};
    add(&s->encodings[i].all, bytes);
}

/* ---- what would compress ---- */

/* The bytes of a string or a compact value; empty for others, which are many blocks. */
static struct slice packable(const struct entry *e, char scratch[NUM_TEXT_MAX]) {
    if (entry_type(e) == TYPE_STRING) return entry_string(e, scratch);
    struct value v = entry_object(e);
    return v.form == VALUE_HEAD ? SLICE("") : slice_of(v.ptr, value_block_size(v));
}

static void sample_packing(struct walking *k, struct survey_type *t, const struct entry *e) {
    char scratch[NUM_TEXT_MAX], packed[SAMPLE_BYTES];
    struct slice bytes = packable(e, scratch);
    if (bytes.len < WORTH_PACKING) return;
    t->eligible_bytes += (int64_t)bytes.len;
    if (k->eligible++ >= SAMPLE_ALL && k->eligible % SAMPLE_EVERY != 0) return;
    size_t n = bytes.len < SAMPLE_BYTES ? bytes.len : SAMPLE_BYTES;
    size_t m = lzf_pack(bytes.ptr, n, packed, n - 1);
    t->sampled_bytes += (int64_t)n;
    t->packed_bytes += (int64_t)(m ? m : n);
}

int64_t survey_saving(const struct survey_type *t) {
    if (t->sampled_bytes == 0) return 0;
    return (int64_t)((double)t->eligible_bytes * (double)(t->sampled_bytes - t->packed_bytes) /
                     (double)t->sampled_bytes);
}

/* ---- prefixes ---- */

struct slice survey_prefix(struct slice key, struct slice delimiter, unsigned depth) {
    size_t end = 0;
    proven(delimiter.len > 0);
    for (unsigned i = 0; i < depth; i++) {
        const char *at = memmem(key.ptr + end, key.len - end, delimiter.ptr, delimiter.len);
        if (!at) break;
        end = (size_t)(at - key.ptr) + delimiter.len;
        if (end >= SURVEY_PREFIX_MAX) return slice_of(key.ptr, SURVEY_PREFIX_MAX);
    }
    return slice_of(key.ptr, end);
}

/* ---- the walk ---- */

static void survey_entry(struct walking *k, const struct entry *e, int64_t bytes) {
    struct survey *s = k->w->survey;
    struct survey_type *t = &s->types[entry_type(e)];
    bool string = entry_type(e) == TYPE_STRING;
    add(&s->all, bytes);
    add(&t->all, bytes);
    if (bytes > t->biggest) t->biggest = bytes;
    t->elements += string ? 1 : (int64_t)value_kind(entry_type(e))->count(entry_object(e));
    add_encoding(s, entry_type(e), entry_encoding_name(e), bytes);
    add(&s->sizes[size_place(bytes)], bytes);
    add(&s->ttls[ttl_of(entry_expire_at(e), k->w->now_ms)], bytes);
    sample_packing(k, t, e);
}

static bool visit(void *arg, const struct entry *e, uint32_t access) {
    struct walking *k = arg;
    struct survey_walk *w = k->w;
    (void)access;
    int64_t bytes = (int64_t)entry_memory(e) + k->share + (entry_has_expire(e) ? (int64_t)sizeof(int64_t) : 0);
    add(&w->counted, bytes);
    if (w->survey) survey_entry(k, e, bytes);
    if (w->prefixes) sketch_add(w->prefixes, 0, survey_prefix(entry_key(e), w->delimiter, w->depth), (uint64_t)bytes);
    if (unlikely(w->delay_us > 0)) thread_sleep_us(w->delay_us);
    atomic_store_explicit(w->walked, w->counted.keys, memory_order_relaxed);
    return !atomic_load_explicit(w->stop, memory_order_relaxed);
}

bool survey_walk(struct survey_walk *w, struct dataset_frozen *frozen) {
    struct walking k = {.w = w};
    for (unsigned i = 0; i < dataset_frozen_databases(frozen); i++) {
        k.share = w->shares[i];
        if (!dataset_frozen_each(frozen, i, visit, &k)) return false;
    }
    return true;
}
