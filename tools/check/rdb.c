#include "check.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/siphash.h"
#include "base/text.h"
#include "values/kind.h"
#include "wire/rdb.h"

#include <inttypes.h>
#include <stdio.h>

#define AUX_MAX 32

/* ---- names that stand twice ---- */
struct name_set { /* hashes of 64 bits, 0 is none; at most three quarters full */
    uint64_t *slots;
    size_t count, capacity;
    bool full; /* no memory for more: duplicates are not noticed any more */
};

static void place_hash(uint64_t *slots, size_t capacity, uint64_t hash) {
    size_t at = hash & (capacity - 1);
    while (slots[at]) at = (at + 1) & (capacity - 1);
    slots[at] = hash;
}

static bool grow(struct name_set *s) {
    size_t capacity = s->capacity ? 2 * s->capacity : 1024;
    uint64_t *slots = mem_try_alloc(MEM_PERSIST, capacity * sizeof *slots);
    if (!slots) return false;
    memset(slots, 0, capacity * sizeof *slots);
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slots[i]) place_hash(slots, capacity, s->slots[i]);
    mem_free(MEM_PERSIST, s->slots, s->capacity * sizeof *s->slots);
    s->slots = slots;
    s->capacity = capacity;
    return true;
}

/* False: it was there. */
static bool add_name(struct name_set *s, uint64_t db, struct slice key) {
    struct siphash_seed seed = {db, UINT64_C(0x7461726e)};
    uint64_t hash = siphash13(&seed, key.ptr, key.len);
    if (hash == 0) hash = 1;
    if (!s->full && 4 * s->count >= 3 * s->capacity) s->full = !grow(s);
    if (s->full) return true;
    size_t at = hash & (s->capacity - 1);
    for (; s->slots[at]; at = (at + 1) & (s->capacity - 1))
        if (s->slots[at] == hash) return false;
    s->slots[at] = hash;
    s->count++;
    return true;
}

/* ---- what is found ---- */
struct tally {
    struct rdb_walk walk;
    struct losses *losses;
    struct output *out;
    struct name_set names;
    int64_t now_ms;
    int64_t keys[TYPE_COUNT], elements, expires, expired, functions, slots, databases, value_bytes;
    uint64_t last_db;
    int64_t biggest_bytes;
    uint64_t biggest_db;
    enum value_type biggest_type;
    char biggest[TEXT_SHOWN_ROOM];
    char aux[AUX_MAX][160];
    int aux_count;
};

static void copy_bytes(struct tally *t, int64_t from, int64_t to) {
    proven(from <= to);
    if (t->out && to > from) output_put(t->out, t->walk.file->bytes + from, (size_t)(to - from));
}

static enum value_type type_of(const struct rdb_record *r) {
    const struct value_kind *kind = value_kind_of_rdb(r->type);
    return kind ? kind->type : TYPE_STRING;
}

static enum rdb_verdict on_record(void *arg, struct rdb_record *r, const char **why) {
    struct tally *t = arg;
    enum value_type type = type_of(r);
    bool left_out = r->type != RDB_TYPE_STRING && !r->value.ptr; /* without elements: by the loader, too */
    if (!left_out && !add_name(&t->names, r->db, r->key)) {
        *why = "this key stands in the file a second time";
        return RDB_LOST;
    }
    t->keys[type]++;
    t->expires += r->expire_at >= 0;
    t->expired += r->expire_at >= 0 && r->expire_at < t->now_ms;
    if (r->value.ptr) t->elements += (int64_t)value_kind(type)->count(r->value);
    if (r->end - r->at > t->biggest_bytes) {
        t->biggest_bytes = r->end - r->at;
        t->biggest_db = r->db;
        t->biggest_type = type;
        text_show(t->biggest, r->key);
    }
    copy_bytes(t, r->from, r->drop_from < r->drop_to ? r->drop_from : r->end);
    if (r->drop_from < r->drop_to) copy_bytes(t, r->drop_to, r->end);
    return RDB_TAKEN;
}

static enum rdb_verdict on_other(void *arg, const struct rdb_other *o, const char **why) {
    struct tally *t = arg;
    (void)why;
    if (o->opcode == RDB_FUNCTION_2) t->functions++;
    if (o->opcode == RDB_SLOT_INFO) t->slots++;
    if (o->opcode == RDB_SELECT) t->databases++;
    if (o->opcode == RDB_AUX && t->aux_count < AUX_MAX) {
        char name[4 * 32 + 2], value[4 * 64 + 2];
        size_t n = text_quote(name, slice_of(o->name.ptr, o->name.len < 32 ? o->name.len : 32));
        size_t v = text_quote(value, slice_of(o->value.ptr, o->value.len < 64 ? o->value.len : 64));
        snprintf(t->aux[t->aux_count++], sizeof t->aux[0], "%.*s %.*s", (int)(n - 2), name + 1, (int)(v - 2),
                 value + 1);
    }
    copy_bytes(t, o->from, o->end);
    return RDB_TAKEN;
}

static void on_lost(void *arg, const struct loss *l) {
    const struct tally *t = arg;
    losses_add(t->losses, l);
}

/* ---- reports ---- */
static const char *const type_names[TYPE_COUNT] = {"string", "list", "set", "zset", "hash", "stream"};

static int64_t all_keys(const struct tally *t) {
    int64_t sum = 0;
    for (int type = 0; type < TYPE_COUNT; type++) sum += t->keys[type];
    return sum;
}

static const char *checksum_text(const struct rdb_walk *w) {
    proven(!w->checked || w->ended);
    if (w->checked) return "right";
    if (!w->ended) return "missing";
    return w->unlocated || w->losses ? "wrong" : "none";
}

static void report_text(const char *name, const struct tally *t) {
    const struct rdb_walk *w = &t->walk;
    printf("%s: RDB version %d%s, %" PRId64 " bytes\n", name, w->version, w->valkey ? " of Valkey" : "", w->end);
    for (int i = 0; i < t->aux_count; i++) printf("  aux        %s\n", t->aux[i]);
    printf("  keys       %" PRId64, all_keys(t));
    for (int type = 0; type < TYPE_COUNT; type++)
        if (t->keys[type]) printf(", %" PRId64 " %s", t->keys[type], type_names[type]);
    printf("\n  elements   %" PRId64 "\n  expires    %" PRId64 ", of them %" PRId64 " have ended\n", t->elements,
           t->expires, t->expired);
    printf("  functions  %" PRId64 "\n  checksum   %s\n", t->functions, checksum_text(w));
    if (t->biggest[0])
        printf("  biggest    %s in database %" PRIu64 ", a %s of %" PRId64 " bytes in the file\n", t->biggest,
               t->biggest_db, type_names[t->biggest_type], t->biggest_bytes);
    if (w->passed_over)
        printf("  left out   of %" PRIu64
               " streams, what idempotent producers have sent or that entries were given back\n",
               w->passed_over);
}

static void report_json(const char *name, const struct tally *t, enum verdict verdict) {
    const struct rdb_walk *w = &t->walk;
    printf("{");
    json_text("file", slice_of_cstr(name));
    printf(",\"format\":\"rdb\",\"sound\":%s,\"version\":%d,\"valkey\":%s,\"bytes\":%" PRId64 ",\"keys\":%" PRId64
           ",\"types\":{",
           verdict == CHECK_SOUND ? "true" : "false", w->version, w->valkey ? "true" : "false", w->end, all_keys(t));
    for (int type = 0; type < TYPE_COUNT; type++)
        printf("%s\"%s\":%" PRId64, type ? "," : "", type_names[type], t->keys[type]);
    printf("},\"elements\":%" PRId64 ",\"expires\":%" PRId64 ",\"expired\":%" PRId64 ",\"functions\":%" PRId64
           ",\"checksum\":\"%s\"",
           t->elements, t->expires, t->expired, t->functions, checksum_text(w));
    printf(",\"losses\":%" PRId64 ",\"lost_bytes\":%" PRId64 ",\"repaired_at\":%" PRId64 ",\"biggest_bytes\":%" PRId64
           ",",
           w->losses, w->lost_bytes, w->repaired_at, t->biggest_bytes);
    json_text("biggest_key", slice_of_cstr(t->biggest));
    printf("}\n");
}

/* ---- one part ---- */
/* What the copy begins and ends with. */
static void copy_header(struct tally *t) {
    char head[10];
    proven(t->out && t->out->size == 0);
    bool readable = t->walk.file->size >= 9 &&
                    (memcmp(t->walk.file->bytes, "REDIS", 5) == 0 || memcmp(t->walk.file->bytes, "VALKEY", 6) == 0);
    if (readable)
        output_put(t->out, t->walk.file->bytes, 9);
    else if (snprintf(head, sizeof head, "REDIS%04d", RDB_VERSION_MAX) == 9)
        output_put(t->out, head, 9);
}

static void copy_end(struct tally *t) {
    unsigned char end = RDB_EOF, sum[8];
    output_put(t->out, &end, 1);
    for (int i = 0; i < 8; i++) sum[i] = (unsigned char)(t->out->crc >> 8 * i);
    if (t->walk.version > 4) output_put(t->out, sum, 8);
}

static void tell_unlocated(struct tally *t) {
    struct loss l = {.from = 0, .to = t->walk.end, .db = -1, .kept = true};
    l.why =
        "the checksum does not fit and nothing was found that is damaged: any value may be another than was written";
    if (t->walk.unlocated) losses_add(t->losses, &l);
}

enum verdict check_rdb_part(const char *name, struct whole *file, bool more_follows, struct losses *losses,
                            struct output *out, bool json, int64_t *end) {
    struct tally t = {.losses = losses, .out = out, .now_ms = clock_wall_ms()};
    t.walk = (struct rdb_walk){.file = file,
                               .salvage = out != NULL,
                               .more_follows = more_follows,
                               .checksum = true,
                               .limits = &value_limits_default,
                               .arg = &t,
                               .record = on_record,
                               .other = on_other,
                               .lost = on_lost,
                               .progress = progress_tell};
    if (out) copy_header(&t);
    progress_begin("checking", file->size);
    enum verdict verdict = rdb_walk_run(&t.walk) ? CHECK_SOUND : CHECK_DAMAGED;
    progress_end();
    tell_unlocated(&t);
    if (out) copy_end(&t);
    if (json)
        report_json(name, &t, verdict);
    else
        report_text(name, &t);
    *end = t.walk.end;
    mem_free(MEM_PERSIST, t.names.slots, t.names.capacity * sizeof *t.names.slots);
    return verdict;
}

enum verdict check_rdb(const struct options *o) {
    struct whole file;
    struct losses losses;
    struct output out;
    char why[WHOLE_WHY];
    int64_t end;
    if (o->salvage && !output_begin(&out, o->salvage)) return CHECK_UNKNOWN;
    if (!whole_open(&file, o->path, NULL, NULL, why)) {
        fprintf(stderr, "tarn-check: %s: %s\n", o->path, why);
        if (o->salvage) output_end(&out, false);
        return CHECK_UNKNOWN;
    }
    losses_init(&losses, o->path);
    enum verdict verdict = check_rdb_part(o->path, &file, false, &losses, o->salvage ? &out : NULL, o->json, &end);
    if (o->salvage && (!losses_write(&losses, o->salvage) || !output_end(&out, true))) verdict = CHECK_UNKNOWN;
    losses_release(&losses);
    whole_close(&file);
    if (!o->json)
        printf("%s: %s\n", o->path,
               verdict == CHECK_SOUND     ? "sound"
               : verdict == CHECK_DAMAGED ? "DAMAGED"
                                          : "not checked");
    return verdict;
}
