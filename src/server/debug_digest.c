/* DEBUG DIGEST and DIGEST-VALUE: 40 hex digits that two servers share exactly when they hold the same data, and that
 * redis-server 7.0.15 gives for the same data too. Found by asking it; with H the SHA-1 and D a running 20-byte digest that
 * starts as zeros:
 *
 *   mix(D, x)  D = H(D xor H(x))        depends on the order
 *   add(D, x)  D = D xor H(x)           does not
 *
 *   value:     mix(D, type as 32-bit number, big endian: 0 string, 1 list, 2 set, 3 zset, 4 hash, 6 stream), then
 *     string   mix(D, bytes)
 *     list     mix(D, element) for each, in order
 *     set      add(D, member) for each
 *     zset     add(D, P) for each, where P starts as zeros: mix(P, member), mix(P, score as "%.17g")
 *     hash     the same with field and value
 *     stream   for each entry in order: mix(D, "ms.seq"), mix(D, text) for its fields and values in turn; no groups
 *              and, with a TTL, add(D, "!!expire!!")
 *   dataset:   for each database with keys: mix(D, its number as 32 bits, big endian), then for each key
 *              add(D, E), where E starts as zeros: mix(E, key), value into E
 *
 * redis-server 7.0.15 has no times on fields: here such a field's P ends with add(P, "!!hexpire!!").
 */
#include "server/debug_int.h"
#include "values/kind.h"

#include "base/check.h"
#include "base/num.h"
#include "base/sha1.h"
#include "exec/context.h"

#include <stdio.h>

static void add(unsigned char digest[SHA1_SIZE], const void *data, size_t n) {
    unsigned char h[SHA1_SIZE];
    sha1(data, n, h);
    for (int i = 0; i < SHA1_SIZE; i++) digest[i] ^= h[i];
}

static void mix(unsigned char digest[SHA1_SIZE], const void *data, size_t n) {
    add(digest, data, n);
    sha1(digest, SHA1_SIZE, digest);
}

static void mix_text(unsigned char digest[SHA1_SIZE], struct slice text) { mix(digest, text.ptr, text.len); }

/* ---- elements, by type ---- */
static void mix_element(void *arg, const struct value_element *element) { mix_text(arg, element->text); }

static void add_member(void *arg, const struct value_element *element) {
    add(arg, element->text.ptr, element->text.len);
}

static void add_scored(void *arg, const struct value_element *element) {
    unsigned char pair[SHA1_SIZE] = {0};
    char score[32];
    int n = snprintf(score, sizeof score, "%.17g", element->score);
    proven(n > 0 && (size_t)n < sizeof score);
    mix_text(pair, element->text);
    mix(pair, score, (size_t)n);
    add(arg, pair, SHA1_SIZE);
}

static void add_field(void *arg, const struct value_element *element) {
    unsigned char pair[SHA1_SIZE] = {0};
    mix_text(pair, element->text);
    mix_text(pair, element->second);
    if (element->expire_at != -1) add(pair, "!!hexpire!!", 11);
    add(arg, pair, SHA1_SIZE);
}

static void mix_stream_entry(void *arg, const struct value_element *element) {
    char id[64];
    proven(element->text.len < sizeof id);
    memcpy(id, element->text.ptr, element->text.len);
    char *dash = memchr(id, '-', element->text.len);
    proven(dash != NULL);
    *dash = '.';
    mix(arg, id, element->text.len);
    for (size_t i = 0; i < element->field_count; i++) mix_text(arg, element->fields[i]);
}

/* ---- values ---- */
static void mix_object(unsigned char digest[SHA1_SIZE], const struct entry *e, int64_t now_ms) {
    static void (*const visits[TYPE_COUNT])(void *arg,
                                            const struct value_element *element) = {[TYPE_LIST] = mix_element,
                                                                                    [TYPE_SET] = add_member,
                                                                                    [TYPE_ZSET] = add_scored,
                                                                                    [TYPE_HASH] = add_field,
                                                                                    [TYPE_STREAM] = mix_stream_entry};
    struct value v = entry_object(e);
    proven(v.ptr && visits[v.type]);
    value_kind(v.type)->each(v, now_ms, visits[v.type], digest);
}

static void mix_value(unsigned char digest[SHA1_SIZE], const struct entry *e, int64_t now_ms) {
    static const unsigned char numbers[TYPE_COUNT] = {0, 1, 2, 3, 4, 6};
    char scratch[NUM_TEXT_MAX];
    mix(digest, (const unsigned char[4]){0, 0, 0, numbers[entry_type(e)]}, 4);
    if (entry_type(e) == TYPE_STRING)
        mix_text(digest, entry_string(e, scratch));
    else
        mix_object(digest, e, now_ms);
    if (entry_has_expire(e)) add(digest, "!!expire!!", 10);
}

/* ---- datasets ---- */
struct walk {
    unsigned char *digest;
    int64_t now_ms;
};

static void add_key(void *arg, const struct entry *e) {
    const struct walk *walk = arg;
    unsigned char key_digest[SHA1_SIZE] = {0};
    struct slice key = entry_key(e);
    mix(key_digest, key.ptr, key.len);
    mix_value(key_digest, e, walk->now_ms);
    add(walk->digest, key_digest, SHA1_SIZE);
}

static void reply_digest(struct context *c, const unsigned char digest[SHA1_SIZE]) {
    char hex[SHA1_HEX_SIZE + 1] = {0};
    sha1_hex(digest, hex);
    reply_simple(c->reply, hex);
}

void debug_digest(struct context *c) {
    unsigned char digest[SHA1_SIZE] = {0};
    struct walk walk = {digest, c->now_ms};
    for (unsigned i = 0; i < dataset_databases(c->dataset); i++) {
        struct db *db = dataset_db(c->dataset, i);
        unsigned char number[4] = {(unsigned char)(i >> 24), (unsigned char)(i >> 16), (unsigned char)(i >> 8),
                                   (unsigned char)i};
        if (db_keys(db) == 0) continue;
        mix(digest, number, sizeof number);
        db_each(db, add_key, &walk);
    }
    reply_digest(c, digest);
}

void debug_digest_value(struct context *c) {
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        unsigned char digest[SHA1_SIZE] = {0};
        const struct entry *e = db_view(c->db, context_key(c, i), VIEW_NO_TOUCH | VIEW_NO_STATS);
        if (e) mix_value(digest, e, c->now_ms);
        reply_digest(c, digest);
    }
}
