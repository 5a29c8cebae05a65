#include "persist/rdb_parse_int.h"
#include "values/kind.h"

#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "base/text.h"
#include "exec/limit.h"
#include "persist/build_int.h"
#include "persist/pace_int.h"
#include "persist/rdb_skip_int.h"
#include "persist/room_int.h"
#include "wire/rdb_io.h"
#include "wire/rdb_template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Scratch space beyond this is given back at once. */
#define SCRATCH_KEEP ((size_t)1 << 20)
#define IDLE_MAX     INT32_MAX

struct parse {
    struct source *src;
    const char *name;
    const struct load_options *options;
    struct load_progress *progress;
    struct dataset *ds;
    struct db *db;
    int version;
    bool valkey;
    int64_t record;         /* offset of the record being read */
    const struct slice *of; /* the record's key, once it has been read: for errors */
    bool attributes;        /* an expiry, idle time or frequency waits for its key */
    int64_t expire_at;      /* of the next key */
    int32_t access;         /* the same; -1: none */
    struct buf key;
    struct rdb_input in;
    struct rdb_input scan; /* for the ends of records */
    struct rdb_templates templates;
    char apart[BATCH_APART];
    struct record_rules
        rules; /* what the builder's thread reads all the time, apart from what is written all the time */
    char apart_too[BATCH_APART];
    struct builder builder;
    char and_that[BATCH_APART];
    bool records;       /* the batch being filled has some that lie in the source's block */
    int64_t flush_at;   /* offset at which the batch is not to grow on: INT64_MAX while there is room enough */
    int64_t made_bytes; /* of entries in it that are made already, where a limit is kept */
    uint64_t announced; /* keys of the database, by the file */
    struct pace pace;
    char *why;
};

/* ---- errors ---- */
static bool fail_from(struct parse *p, const char *noticed, int64_t offset, const struct slice *key, const char *format,
                      ...) __attribute__((format(printf, 5, 6)));

/* The first reason stands. A cancel is no error. Always false. */
static bool fail_from(struct parse *p, const char *noticed, int64_t offset, const struct slice *key, const char *format,
                      ...) {
    proven(offset >= 0 && offset <= p->src->size);
    if (p->why[0] || p->src->error == ECANCELED) return false;
    char reason[192], shown[TEXT_SHOWN_ROOM] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    if (key) text_show(shown, *key);
    int written = snprintf(p->why, LOAD_ERROR_MAX, "%.150s: offset %lld%s%s: %s (%s)", p->name, (long long)offset,
                           key ? ", key " : "", shown, reason, noticed);
    proven(written > 0 && p->why[0]);
    return false;
}

#define NO_MEMORY    "no memory for a string of %llu bytes"
#define fail(p, ...) fail_from((p), SOURCE_LINE, (p)->record, (p)->of, __VA_ARGS__)

/* What an input says, as the loader tells it. A file cannot help that there is no memory. */
static bool tell(struct parse *p, int64_t offset, const struct slice *key, const char *why, const char *noticed) {
    bool memory = strncmp(why, "no memory", 9) == 0;
    proven(why[0]);
    return fail_from(p, noticed, offset, key, "%s%s", memory ? "" : "corrupt: ", why);
}

static bool lost(struct parse *p) {
    proven(p->in.why != NULL);
    if (p->src->error) return fail(p, "cannot be read: %s", strerror(p->src->error));
    if (!p->in.ended) return tell(p, p->record, p->of, p->in.why, p->in.noticed);
    return fail(p, "the file ends in the middle of this record (%lld bytes in all): it is truncated",
                (long long)p->src->size);
}

/* ---- batches ---- */
/* What the builder found. It stands before whatever the parser may have stumbled over since. */
static bool built(struct parse *p, enum batch_result result) {
    if (likely(result == BATCH_FINE)) return true;
    if (result == BATCH_CANCELLED) {
        p->src->error = ECANCELED;
        return false;
    }
    result = builder_wait(&p->builder);
    struct build_fault f = builder_fault(&p->builder);
    p->why[0] = '\0';
    if (result == BATCH_BROKEN) return tell(p, f.offset, &f.key, f.why, f.noticed);
    return fail_from(p, SOURCE_LINE, f.offset, &f.key, "this key stands in the file a second time");
}

/* How many keys the database will hold: what the file announces, as far as the batch, were all the rest like it, bears it
 * out. So a wrong number costs room for a while, in proportion to the bytes that are there; db_fit gives it back. */
static size_t expected_keys(const struct parse *p) {
    const struct batch *b = &p->builder.batches[p->builder.filling];
    int64_t first = b->keys[0].offset, seen = source_offset(p->src) - first;
    proven(b->count > 0 && seen > 0);
    double likely_keys = (double)b->count * ((double)(p->src->size - first) / (double)seen);
    return (double)p->announced < likely_keys ? (size_t)p->announced : (size_t)likely_keys;
}

/* Small steps where the room is short: what is on its way into the tables counts too. */
static void begin_batch(struct parse *p) {
    proven(p->made_bytes >= 0);
    p->records = false;
    p->made_bytes = 0;
    p->flush_at = room_is_near(p->options->room) ? source_offset(p->src) + ROOM_STEP : INT64_MAX;
}

static bool may_grow(const struct parse *p) {
    debug_proven(p->flush_at > 0);
    return likely(source_offset(p->src) < p->flush_at) && likely(p->made_bytes < ROOM_MADE);
}

/* With the block in which its records lie; the parser goes on in another. */
static bool hand_batch(struct parse *p) {
    proven(p->records);
    source_exchange_block(p->src, &builder_batch(&p->builder)->block);
    enum batch_result result = builder_hand(&p->builder, p->db, expected_keys(p));
    begin_batch(p);
    return built(p, result);
}

/* All keys so far stand in their database, and nobody else is at work there. */
static bool flush_batch(struct parse *p) {
    enum batch_result result = builder_flush(&p->builder, p->db);
    begin_batch(p);
    return built(p, result);
}

/* ---- the source as an input ---- */
/* More bytes, read to where no record of the batch lies. A long value is seen to come, block by block. */
static bool input_more(struct rdb_input *in) {
    struct parse *p = in->source;
    debug_proven(in->window == &p->src->window);
    source_publish(p->src);
    if (p->records && source_has_more(p->src) && !hand_batch(p)) return false;
    return source_more(p->src);
}

/* As above: what is read past the window goes through the source's block. */
static bool input_read(struct rdb_input *in, void *dst, uint64_t n) {
    struct parse *p = in->source;
    debug_proven(n > source_lies(p->src));
    return (!p->records || hand_batch(p)) && source_read(p->src, dst, n);
}

static uint64_t input_left(const struct rdb_input *in) {
    const struct parse *p = in->source;
    debug_proven(in->window == &p->src->window);
    return source_left(p->src);
}

static void start_input(struct parse *p) {
    proven(p->src && !p->in.window);
    rdb_input_init(&p->in, &p->src->window);
    p->in.more = input_more;
    p->in.read = input_read;
    p->in.left = input_left;
    p->in.source = p;
}

/* ---- primitives ---- */
static bool take_byte(struct parse *p, uint8_t *out) { return rdb_input_u8(&p->in, out) || lost(p); }

static bool take_length(struct parse *p, uint64_t *out) { return rdb_input_length(&p->in, out) || lost(p); }

static bool no_memory(struct parse *p, uint64_t n) {
    proven(n > 0);
    return fail(p, NO_MEMORY, (unsigned long long)n);
}

/* A key, which is kept while its value is read. */
static bool take_key(struct parse *p) {
    struct slice text;
    proven(!p->of);
    if (!rdb_input_string(&p->in, &text)) return lost(p);
    if (text.len > ENTRY_KEY_MAX) return fail(p, "a key of %llu bytes is too long", (unsigned long long)text.len);
    if (p->key.cap > SCRATCH_KEEP) buf_release(&p->key);
    buf_clear(&p->key);
    if (!buf_try_reserve(&p->key, text.len)) return no_memory(p, text.len);
    buf_append_slice(&p->key, text);
    return true;
}

/* ---- keys ---- */
static void forget_attributes(struct parse *p) {
    p->attributes = false;
    p->expire_at = NO_EXPIRE;
    p->access = -1;
}

/* While a delay is on, each key goes to its place at once: a slowed load is there to be watched. */
static bool key_done(struct parse *p) {
    debug_proven(source_offset(p->src) > p->record);
    forget_attributes(p);
    source_publish(p->src);
    bool delayed = pace_on(&p->pace);
    if (likely(!delayed)) return (likely(!batch_full(builder_batch(&p->builder))) && may_grow(p)) || flush_batch(p);
    if (!flush_batch(p)) return false;
    pace_key(&p->pace);
    return true;
}

/* A key whose record lies whole in the window: made later. */
static bool add_record(struct parse *p, uint8_t type, struct slice key) {
    const char *value = key.ptr + key.len;
    if (record_expired(&p->rules, p->expire_at)) {
        record_drop_expired(&p->rules);
        return key_done(p);
    }
    uint32_t value_bytes = (uint32_t)((const char *)p->src->window.at - value);
    batch_add_record(builder_batch(&p->builder), type, key, value_bytes, p->expire_at, p->access, p->record);
    p->records = true;
    return key_done(p);
}

/* The key when it lies in the slice as it is, which it does unless it is a number or compressed: then CORRUPT. */
static enum rdb_status find_key(struct rdb_reader *r, struct slice *key) {
    struct rdb_string_head head;
    const unsigned char *start = r->at;
    enum rdb_status status = rdb_read_string_head(r, &head);
    if (status != RDB_OK) return status;
    if (head.kind != RDB_STRING_PLAIN) return RDB_CORRUPT;
    if (head.stored > (size_t)(r->end - r->at)) return RDB_SHORT;
    *key = slice_of((const char *)r->at, (size_t)head.len);
    r->at += head.len;
    proven(r->at > start);
    return RDB_OK;
}

/* The same for a short string under a short key. */
static bool pass_short(struct rdb_reader *r, struct slice *key) {
    const unsigned char *value = rdb_skip_short(r->at, r->end);
    if (unlikely(!value || *r->at > RDB_SHORT_MAX)) return false;
    const unsigned char *behind = rdb_skip_short(value, r->end);
    if (unlikely(!behind)) return false;
    *key = slice_of((const char *)r->at + 1, *r->at);
    proven(behind > value && behind <= r->end);
    r->at = behind;
    return true;
}

/* Values that refer to what stood before them are not for later. */
static enum rdb_status pass_value(struct parse *p, struct rdb_reader *r, uint8_t type) {
    if (!p->valkey && type >= RDB_TYPE_HASH_TEMPLATE_PACK) return RDB_CORRUPT;
    p->scan.window = r;
    p->scan.why = NULL;
    p->scan.ended = false;
    if (rdb_skip_value(&p->scan, type, p->valkey)) return RDB_OK;
    proven(r->at <= r->end);
    return p->scan.ended ? RDB_SHORT : RDB_CORRUPT;
}

/* A long string goes straight to its place instead. */
static bool may_be_passed(const struct parse *p, uint8_t type) {
    debug_proven(!p->why[0]);
    return source_has_more(p->src) && (type != RDB_TYPE_STRING || source_lies(p->src) <= SOURCE_SEAM);
}

/* Moves the window behind key and value when all of it lies there, if need be with one more block. */
static bool pass_record(struct parse *p, uint8_t type, struct slice *key) {
    enum rdb_status status;
    if (likely(type == RDB_TYPE_STRING && pass_short(&p->src->window, key))) return true;
    do {
        struct rdb_reader ahead = p->src->window;
        status = find_key(&ahead, key);
        if (likely(status == RDB_OK)) status = pass_value(p, &ahead, type);
        if (likely(status == RDB_OK)) p->src->window.at = ahead.at;
    } while (status == RDB_SHORT && may_be_passed(p, type) && input_more(&p->in));
    return status == RDB_OK;
}

static int64_t bytes_since(int64_t before) {
    int64_t bytes = limit_counted_here() - before;
    return bytes > 0 ? bytes : 0;
}

/* A key whose record is long, or of another kind: made here, as its bytes come. */
static bool add_made(struct parse *p, uint8_t type, struct slice key) {
    struct entry *e = NULL;
    bool limited = room_limited(p->options->room);
    int64_t before = limited ? limit_counted_here() : 0;
    enum record_result result = record_make(&p->in, &p->rules, type, key, p->expire_at, p->record, &e);
    if (result == RECORD_BROKEN) return lost(p);
    if (limited) p->made_bytes += bytes_since(before);
    if (result == RECORD_LEFT_OUT) return key_done(p);
    debug_proven(entry_expire_at(e) == p->expire_at);
    batch_add_made(builder_batch(&p->builder), e, p->access, p->record);
    return key_done(p);
}

static bool refuse(struct parse *p, uint8_t type) {
    const char *name = rdb_type_name(type, p->valkey);
    proven(name != NULL);
    return fail(p, "a value of type %s (%u), which this version does not hold", name, type);
}

/* With the key kept in p->key, and named by errors from now on. */
static bool load_as_it_comes(struct parse *p, uint8_t type, bool held) {
    if (!take_key(p)) return false;
    struct slice key = buf_slice(&p->key);
    p->of = &key;
    bool loaded = held ? add_made(p, type, key) : refuse(p, type);
    p->of = NULL;
    proven(loaded || p->why[0] || p->src->error);
    return loaded;
}

static bool load_key(struct parse *p, uint8_t type) {
    struct slice key = {0};
    proven(type < RDB_SLOT_IMPORT);
    if (!rdb_type_name(type, p->valkey)) return fail(p, "unknown record type %u", type);
    bool held = type == RDB_TYPE_STRING || (rdb_type_released(type, p->valkey) && value_kind_of_rdb(type));
    if (likely(held && pass_record(p, type, &key))) return add_record(p, type, key);
    if (unlikely(p->why[0])) return false; /* of a batch that was handed over on the way */
    return load_as_it_comes(p, type, held);
}

/* ---- what is not a key ---- */
static bool load_aux(struct parse *p) {
    proven(!p->attributes);
    struct slice name, value;
    int64_t used;
    proven(!p->of);
    if (!rdb_input_pair(&p->in, &name, &value)) return lost(p);
    if (slice_equal(name, SLICE("used-mem")) && num_parse_i64(value, &used) && used >= 0)
        atomic_store_explicit(&p->progress->file_used_memory, used, memory_order_relaxed);
    return true;
}

static bool load_select(struct parse *p) {
    uint64_t index;
    if (!take_length(p, &index)) return false;
    if (index >= dataset_databases(p->ds))
        return fail(p, "database %llu, but there are only %u (directive databases)", (unsigned long long)index,
                    dataset_databases(p->ds));
    if (!flush_batch(p)) return false;
    proven(builder_batch(&p->builder)->count == 0); /* a batch is of one database */
    db_fit(p->db);
    p->db = dataset_db(p->ds, (unsigned)index);
    p->announced = 0;
    return true;
}

/* Functions do not run here yet: the library is kept for the next file, and told. */
static bool load_function(struct parse *p) {
    struct slice code;
    char shown[TEXT_SHOWN_ROOM];
    proven(!p->of && !p->attributes);
    if (!rdb_input_string(&p->in, &code)) return lost(p);
    if (!dataset_keep_library(p->ds, code)) return fail(p, NO_MEMORY, (unsigned long long)code.len);
    log_warning("%.150s: offset %lld: a function library is kept, but does not run here: %s", p->name,
                (long long)p->record, text_show(shown, code));
    return true;
}

/* Sizes that a writer announces and nothing here wants. */
static bool skip_lengths(struct parse *p, unsigned count) {
    uint64_t ignored;
    proven(count > 0);
    while (count-- > 0)
        if (!take_length(p, &ignored)) return false;
    return true;
}

/* The name is nine letters of six bits above ten bits of version. */
static void module_name(uint64_t id, char name[10]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    _Static_assert(sizeof(letters) == 64 + 1, "six bits");
    for (int i = 0; i < 9; i++) name[i] = letters[id >> (58 - 6 * i) & 63];
    name[9] = '\0';
}

/* id, when (a tagged number), then tagged values up to a 0: without any there is nothing to lose. */
static bool load_module_aux(struct parse *p) {
    uint64_t id, tag;
    if (!take_length(p, &id) || !skip_lengths(p, 2) || !take_length(p, &tag)) return false;
    if (tag == 0) return true;
    char name[10];
    module_name(id, name);
    return fail(p, "data of the module %s, which is not here: it would be lost", name);
}

/* count, then of each class: 32 bits (four letters of six bits, five bits of version, three of flags), tagged values up to a 0. */
static bool load_key_meta(struct parse *p) {
    uint64_t count;
    uint32_t class;
    if (!take_length(p, &count)) return false;
    if (count == 0) return true;
    if (!rdb_input_u32(&p->in, &class)) return lost(p);
    char name[10];
    module_name((uint64_t) class << 32, name);
    return fail(p, "what the module of class %.4s (%08x) has said of the next key: it would be lost", name, class);
}

static bool load_template(struct parse *p) {
    proven(!p->of);
    return rdb_templates_read(&p->templates, &p->in) || lost(p);
}

static bool load_expire(struct parse *p, bool in_seconds) {
    uint64_t ms = 0;
    uint32_t s = 0;
    if (in_seconds ? !rdb_input_u32(&p->in, &s) : !rdb_input_u64(&p->in, &ms)) return lost(p);
    int64_t at = in_seconds ? (int64_t)(int32_t)s * 1000 : (int64_t)ms;
    p->expire_at = at < 0 ? 0 : at; /* before 1970 is past, whenever it was */
    proven(p->expire_at != NO_EXPIRE);
    p->attributes = true;
    return true;
}

static bool load_idle(struct parse *p) {
    uint64_t idle;
    if (!take_length(p, &idle)) return false;
    if (p->options->access != ACCESS_LFU) p->access = idle < IDLE_MAX ? (int32_t)idle : IDLE_MAX;
    proven(p->access >= -1 && p->access <= IDLE_MAX);
    p->attributes = true;
    return true;
}

static bool load_frequency(struct parse *p) {
    uint8_t frequency;
    if (!take_byte(p, &frequency)) return false;
    if (p->options->access == ACCESS_LFU) p->access = frequency;
    proven(p->access >= -1);
    p->attributes = true;
    return true;
}

/* The sum covers the EOF opcode, too. */
static bool load_end(struct parse *p) {
    proven(!p->attributes && source_offset(p->src) == p->record + 1);
    if (p->version >= RDB_VERSION_WITH_CHECKSUM) {
        uint64_t computed = source_crc(p->src), stored;
        if (!rdb_input_u64(&p->in, &stored)) return lost(p);
        if (p->src->checksum && stored != 0 && stored != computed)
            return fail(p, "wrong checksum: the file says %016llx, its bytes give %016llx", (unsigned long long)stored,
                        (unsigned long long)computed);
    }
    uint64_t left = source_left(p->src);
    p->record = source_offset(p->src);
    if (left && !p->options->more_follows)
        return fail(p, "%llu bytes follow the end of the data", (unsigned long long)left);
    source_publish(p->src);
    if (!p->options->more_follows) atomic_store_explicit(&p->progress->phase, LOAD_FINISHING, memory_order_relaxed);
    if (!flush_batch(p)) return false;
    db_fit(p->db);
    room_keep(p->options->room, p->ds);
    return true;
}

static bool load_other(struct parse *p, uint8_t opcode) {
    proven(opcode >= RDB_HASH_TEMPLATE);
    if (opcode == RDB_KEY_META && !p->valkey) return load_key_meta(p);
    if (p->attributes) return fail(p, "an expiry, idle time or frequency without a key after it");
    switch (opcode) {
    case RDB_AUX:
        return load_aux(p);
    case RDB_SELECT:
        return load_select(p);
    case RDB_RESIZEDB:
        return take_length(p, &p->announced) && skip_lengths(p, 1);
    case RDB_SLOT_INFO:
        return skip_lengths(p, 3);
    case RDB_MODULE_AUX:
        return load_module_aux(p);
    case RDB_FUNCTION_2:
        return load_function(p);
    case RDB_FUNCTION_PRE_GA:
        return fail(p, "a function library from a preview of Redis 7.0");
    case RDB_HASH_TEMPLATE:
        return load_template(p);
    case RDB_SLOT_IMPORT:
        return fail(p, "an unfinished slot import, which cannot be continued here");
    default:
        return fail(p, "unknown record type %u", opcode);
    }
}

/* One record. *end after the last. */
static bool load_record(struct parse *p, bool *end) {
    uint8_t opcode;
    debug_proven(!p->of && !p->why[0]);
    p->record = source_offset(p->src);
    if (!take_byte(p, &opcode)) return false;
    switch (opcode) {
    case RDB_TYPE_STRING:
        return load_key(p, opcode);
    case RDB_EXPIRE_MS:
    case RDB_EXPIRE_S:
        return load_expire(p, opcode == RDB_EXPIRE_S);
    case RDB_IDLE:
        return load_idle(p);
    case RDB_FREQ:
        return load_frequency(p);
    case RDB_EOF:
        *end = true;
        return !p->attributes ? load_end(p) : load_other(p, opcode);
    default:
        return opcode < (p->valkey ? RDB_SLOT_IMPORT : RDB_HASH_TEMPLATE) ? load_key(p, opcode) : load_other(p, opcode);
    }
}

static bool version_known(const struct parse *p) {
    proven(p->version >= 0 && p->version <= 9999);
    return p->valkey ? p->version == RDB_VERSION_VALKEY : p->version >= 1 && p->version <= RDB_VERSION_MAX;
}

static bool load_header(struct parse *p) {
    char head[RDB_HEADER_BYTES + 1] = "", shown[TEXT_SHOWN_ROOM];
    if (p->src->size == 0) return fail(p, "the file is empty");
    if (!rdb_input_bytes(&p->in, head, RDB_HEADER_BYTES)) return lost(p);
    proven(source_offset(p->src) == RDB_HEADER_BYTES);
    enum rdb_magic magic = rdb_magic(head, RDB_HEADER_BYTES);
    p->valkey = magic == RDB_MAGIC_VALKEY;
    const char *digits = head + (p->valkey ? 6 : 5);
    bool known = magic != RDB_MAGIC_NONE;
    for (const char *d = digits; known && *d; d++) {
        known = *d >= '0' && *d <= '9';
        p->version = p->version * 10 + (*d - '0');
    }
    if (!known || digits + strlen(digits) != head + RDB_HEADER_BYTES)
        return fail(p, "not an RDB file: it starts with %s", text_show(shown, slice_of(head, RDB_HEADER_BYTES)));
    if (p->options->version_strict && !version_known(p))
        return fail(p, "RDB version %d%s, which this version does not read", p->version, p->valkey ? " of Valkey" : "");
    return true;
}

static bool load_all(struct parse *p) {
    bool end = false;
    proven(source_offset(p->src) == 0);
    if (!load_header(p)) return false;
    while (!end)
        if (!load_record(p, &end)) return false;
    proven((source_left(p->src) == 0 || p->options->more_follows) && builder_batch(&p->builder)->count == 0 &&
           !p->records);
    return true;
}

bool rdb_parse(struct source *src, const char *name, const struct load_options *options, struct dataset *ds,
               char *why) {
    struct parse p = {
        .src = src,
        .name = name,
        .options = options,
        .progress = src->progress,
        .ds = ds,
        .db = dataset_db(ds, 0),
        .rules = {.name = name,
                  .limits = dataset_limits(ds),
                  .now_ms = dataset_now(ds),
                  .keep_expired = options->keep_expired,
                  .progress = src->progress},
        .pace = {.delay_us = options->key_delay_us,
                 .cancelled = src->cancelled,
                 .slept_us = &src->progress->slept_us,
                 .asked_us = &src->progress->asked_us},
        .flush_at = INT64_MAX,
        .why = why,
    };
    proven(name && why && dataset_keys(ds) == 0);
    why[0] = '\0';
    builder_init(&p.builder, ds, &p.rules, src->cancelled);
    p.builder.top = options->top;
    p.builder.room = options->room;
    begin_batch(&p);
    buf_init(&p.key, MEM_PERSIST);
    rdb_templates_init(&p.templates);
    start_input(&p);
    p.in.templates = &p.templates;
    rdb_input_init(&p.scan, &src->window);
    forget_attributes(&p);
    bool loaded = load_all(&p);
    if (!loaded && src->error != ECANCELED) flush_batch(&p); /* an earlier fault is the one to tell */
    builder_release(&p.builder);
    buf_release(&p.key);
    rdb_input_release(&p.in);
    rdb_input_release(&p.scan);
    rdb_templates_release(&p.templates);
    record_tell(&p.rules);
    proven(loaded == (why[0] == '\0' && src->error != ECANCELED));
    return loaded;
}
