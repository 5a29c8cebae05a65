#include "keyspace/keyspace_int.h"

#include "base/num.h"

#define HEAD_SIZE      sizeof(struct entry)
#define ENTRY_SIZE_MIN 16 /* the table keeps flags in the low four bits of an entry's address */

static uint8_t head_of(const struct entry_plan *p) {
    debug_proven(p->type < TYPE_COUNT && p->encoding < 8);
    unsigned has_expire = p->expire_at != NO_EXPIRE, wide = p->key.len > UINT8_MAX;
    return (uint8_t)(p->type | p->encoding << 3 | has_expire << 6 | wide << 7);
}

static size_t size_at_least(size_t n) { return n < ENTRY_SIZE_MIN ? ENTRY_SIZE_MIN : n; }

size_t entry_plan_size(const struct entry_plan *p) {
    debug_proven(p->key.len <= ENTRY_KEY_MAX);
    size_t wide = p->key.len > UINT8_MAX ? 4 : 0, expire = p->expire_at != NO_EXPIRE ? 8 : 0;
    return size_at_least(HEAD_SIZE + wide + expire + p->key.len + p->value.len);
}

static void plan_word(struct entry_plan *p, unsigned encoding, uint64_t word) {
    debug_proven(encoding < 8);
    p->encoding = encoding;
    p->word = word;
    p->value = slice_of((const char *)&p->word, sizeof p->word);
}

void entry_plan_pointer(struct entry_plan *p, unsigned encoding, const void *to) {
    proven(to != NULL);
    plan_word(p, encoding, (uintptr_t)to);
    p->separate = true;
}

void entry_plan_integer(struct entry_plan *p, int64_t integer) {
    proven(p->type == TYPE_STRING && !p->separate);
    plan_word(p, STRING_INT, (uint64_t)integer);
}

bool entry_plan_inline(struct entry_plan *p, struct slice value, unsigned put_flags) {
    debug_proven(p->type == TYPE_STRING);
    int64_t integer;
    if (value.len <= 20 && !(put_flags & (PUT_RAW | PUT_NOT_INTEGER)) && string_is_integer(value, &integer)) {
        entry_plan_integer(p, integer);
        return true;
    }
    p->encoding = value.len <= STRING_EMBSTR_MAX && !(put_flags & PUT_RAW) ? STRING_EMBSTR : STRING_RAW;
    if (value.len > ENTRY_INLINE_MAX) p->encoding = STRING_BODY;
    p->value = value;
    return value.len <= ENTRY_INLINE_MAX;
}

struct entry *entry_build(const struct entry_plan *p) {
    proven(p->value.len <= ENTRY_INLINE_MAX && p->key.len <= ENTRY_KEY_MAX);
    struct entry *e = mem_alloc(entry_owner(p->type), entry_plan_size(p));
    e->head = head_of(p);
    e->access = 0;
    e->key_len = p->key.len > UINT8_MAX ? 0 : (uint8_t)p->key.len;
    e->value_len = (uint8_t)p->value.len;
    unsigned char *at = e->bytes;
    if (unlikely(entry_wide(e))) {
        uint32_t len = (uint32_t)p->key.len;
        memcpy(at, &len, 4);
        at += 4;
    }
    if (p->expire_at != NO_EXPIRE) {
        memcpy(at, &p->expire_at, 8);
        at += 8;
    }
    if (p->key.len) memcpy(at, p->key.ptr, p->key.len);
    if (p->value.len) memcpy(at + p->key.len, p->value.ptr, p->value.len);
    debug_proven(entry_sound(e) && entry_size(e) == entry_plan_size(p));
    return e;
}

static unsigned char *value_place(struct entry *e) {
    debug_proven(entry_sound(e));
    return e->bytes + (entry_value(e) - e->bytes);
}

void entry_overwrite(struct entry *e, const struct entry_plan *p) {
    debug_proven(slice_equal(entry_key(e), p->key) && entry_has_expire(e) == (p->expire_at != NO_EXPIRE));
    e->head = head_of(p);
    e->value_len = (uint8_t)p->value.len;
    if (p->expire_at != NO_EXPIRE) entry_set_expire_at(e, p->expire_at);
    if (p->value.len) memmove(value_place(e), p->value.ptr, p->value.len);
    debug_proven(entry_sound(e));
}

void entry_set_expire_at(struct entry *e, int64_t at_ms) {
    proven(entry_has_expire(e));
    memcpy(e->bytes + (entry_wide(e) ? 4 : 0), &at_ms, 8);
}

void entry_set_encoding(struct entry *e, unsigned encoding) {
    debug_proven(entry_sound(e));
    proven(encoding < 8);
    e->head = (uint8_t)((e->head & ~(7u << 3)) | encoding << 3);
}

bool entry_has_body(const struct entry *e) {
    debug_proven(entry_sound(e));
    return entry_type(e) == TYPE_STRING &&
           (entry_encoding(e) == STRING_BODY || entry_encoding(e) == STRING_BODY_SHARED);
}

bool entry_is_separate(const struct entry *e) {
    debug_proven(entry_sound(e));
    unsigned encoding = entry_encoding(e);
    if (entry_type(e) == TYPE_STRING) return encoding == STRING_BODY || encoding == STRING_BODY_SHARED;
    return encoding != OBJECT_INLINE_PACK && encoding != OBJECT_INLINE_INTS;
}

bool entry_marked_shared(const struct entry *e) {
    debug_proven(entry_sound(e));
    unsigned encoding = entry_encoding(e);
    return entry_type(e) == TYPE_STRING ? encoding == STRING_BODY_SHARED : encoding >= OBJECT_PACK_SHARED;
}

unsigned encoding_shared(enum value_type type, unsigned encoding) {
    proven(type < TYPE_COUNT && encoding < 8);
    if (type == TYPE_STRING) return encoding == STRING_BODY ? STRING_BODY_SHARED : encoding;
    if (encoding < OBJECT_PACK || encoding > OBJECT_HEAD) return encoding;
    return encoding - OBJECT_PACK + OBJECT_PACK_SHARED;
}

/* ---- objects ---- */
static const struct {
    enum value_form form;
    bool is_inline;
} object_forms[8] = {
    [OBJECT_INLINE_PACK] = {VALUE_PACK, true},  [OBJECT_INLINE_INTS] = {VALUE_INTS, true},
    [OBJECT_PACK] = {VALUE_PACK, false},        [OBJECT_INTS] = {VALUE_INTS, false},
    [OBJECT_HEAD] = {VALUE_HEAD, false},        [OBJECT_PACK_SHARED] = {VALUE_PACK, false},
    [OBJECT_INTS_SHARED] = {VALUE_INTS, false}, [OBJECT_HEAD_SHARED] = {VALUE_HEAD, false},
};

struct value entry_object(const struct entry *e) {
    proven(entry_type(e) != TYPE_STRING);
    unsigned encoding = entry_encoding(e);
    struct value v = {.type = entry_type(e), .form = object_forms[encoding].form};
    v.ptr = object_forms[encoding].is_inline ? (void *)(uintptr_t)entry_value(e) : entry_pointer(e);
    return v;
}

void entry_plan_object(struct entry_plan *p, struct value v, size_t inline_max) {
    static const enum object_encoding separate[] = {OBJECT_PACK, OBJECT_INTS, OBJECT_HEAD};
    proven(p->type == v.type && v.ptr && inline_max <= ENTRY_INLINE_MAX);
    size_t n = v.form == VALUE_HEAD ? SIZE_MAX : value_block_size(v);
    if (n > inline_max) {
        entry_plan_pointer(p, separate[v.form], v.ptr);
        return;
    }
    p->encoding = v.form == VALUE_PACK ? OBJECT_INLINE_PACK : OBJECT_INLINE_INTS;
    p->value = slice_of(v.ptr, n);
}

struct entry *entry_new_object(struct slice key, struct value adopted, int64_t expire_at) {
    struct entry_plan plan = {.key = key, .expire_at = expire_at, .type = adopted.type};
    proven(adopted.ptr && key.len <= ENTRY_KEY_MAX);
    entry_plan_object(&plan, adopted, ENTRY_INLINE_MAX);
    struct entry *e = entry_build(&plan);
    if (!entry_is_separate(e)) value_free(adopted);
    return e;
}

int64_t entry_elements_due(const struct entry *e) {
    debug_proven(entry_sound(e));
    return likely(entry_type(e) != TYPE_HASH) ? INT64_MAX : value_elements_due(entry_object(e));
}

void *entry_pointer(const struct entry *e) {
    void *p;
    proven(e->value_len == sizeof p);
    memcpy(&p, entry_value(e), sizeof p);
    return p;
}

void entry_set_pointer(struct entry *e, const void *p) {
    proven(e->value_len == sizeof p);
    memcpy(value_place(e), &p, sizeof p);
}

struct string_body *entry_body(const struct entry *e) {
    proven(entry_has_body(e));
    return entry_pointer(e);
}

struct slice entry_string(const struct entry *e, char *scratch) {
    proven(entry_type(e) == TYPE_STRING);
    if (entry_encoding(e) == STRING_INT) {
        int64_t integer;
        memcpy(&integer, entry_value(e), sizeof integer);
        return slice_of(scratch, num_format_i64(scratch, integer));
    }
    if (likely(!entry_has_body(e))) return slice_of((const char *)entry_value(e), e->value_len);
    const struct string_body *body = entry_body(e);
    return slice_of(body->bytes, body->len);
}

bool entry_string_integer(const struct entry *e, int64_t *out) {
    debug_proven(entry_sound(e));
    proven(entry_type(e) == TYPE_STRING);
    if (entry_encoding(e) != STRING_INT) return false;
    memcpy(out, entry_value(e), sizeof *out);
    return true;
}

size_t entry_string_len(const struct entry *e) {
    debug_proven(entry_sound(e));
    char scratch[NUM_TEXT_MAX];
    return entry_string(e, scratch).len;
}

size_t entry_size(const struct entry *e) {
    debug_proven(entry_sound(e));
    return size_at_least((size_t)(entry_value(e) - (const unsigned char *)e) + e->value_len);
}

size_t entry_memory(const struct entry *e) {
    debug_proven(entry_sound(e));
    size_t bytes = mem_good_size(entry_size(e));
    if (entry_has_body(e)) return bytes + mem_good_size(string_body_size(entry_body(e)));
    return entry_is_separate(e) ? bytes + value_memory(entry_object(e)) : bytes;
}

enum mem_owner entry_owner(enum value_type type) {
    static const enum mem_owner owners[TYPE_COUNT] = {MEM_STRINGS, MEM_LISTS,  MEM_SETS,
                                                      MEM_ZSETS,   MEM_HASHES, MEM_STREAMS};
    proven(type < TYPE_COUNT);
    return owners[type];
}

const char *entry_type_name(enum value_type type) {
    static const char *const names[TYPE_COUNT] = {"string", "list", "set", "zset", "hash", "stream"};
    proven(type < TYPE_COUNT);
    return names[type];
}

const char *entry_encoding_name(const struct entry *e) {
    debug_proven(entry_sound(e));
    if (entry_type(e) != TYPE_STRING) return value_kind(entry_type(e))->encoding(entry_object(e));
    switch ((enum string_encoding)entry_encoding(e)) {
    case STRING_INT:
        return "int";
    case STRING_EMBSTR:
        return "embstr";
    case STRING_RAW:
    case STRING_BODY:
    case STRING_BODY_SHARED:
        return "raw";
    }
    unreachable("string encoding");
}

struct entry *entry_new_body(struct slice key, struct string_body *adopted, int64_t expire_at) {
    proven(adopted->len <= adopted->capacity);
    struct entry_plan plan = {.key = key, .expire_at = expire_at, .type = TYPE_STRING};
    entry_plan_pointer(&plan, STRING_BODY, adopted);
    return entry_build(&plan);
}

struct entry *entry_new_string(struct slice key, struct slice value, int64_t expire_at) {
    proven(key.len <= ENTRY_KEY_MAX);
    struct entry_plan plan = {.key = key, .expire_at = expire_at, .type = TYPE_STRING};
    if (entry_plan_inline(&plan, value, PUT_PLAIN)) return entry_build(&plan);
    struct string_body *body = string_body_try_new(value.len, value.len);
    if (!body) return NULL;
    memcpy(body->bytes, value.ptr, value.len);
    return entry_new_body(key, body, expire_at);
}

void entry_free(struct entry *e) {
    debug_proven(entry_sound(e));
    if (entry_has_body(e))
        string_body_free(entry_body(e));
    else if (entry_is_separate(e))
        value_free(entry_object(e));
    mem_free(entry_owner(entry_type(e)), e, entry_size(e));
}
