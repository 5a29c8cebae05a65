/* DEBUG DIGEST and DIGEST-VALUE: 40 hex digits that two servers share exactly when they hold the same data, and that
 * redis-server 7.0.15 gives for the same data too. Found by asking it; with H the SHA-1 and D a running 20-byte digest that
 * starts as zeros:
 *
 *   mix(D, x)  D = H(D xor H(x))        depends on the order
 *   add(D, x)  D = D xor H(x)           does not
 *
 *   value:     mix(D, type as 32-bit number, 0 for a string); mix(D, bytes); and, with a TTL, add(D, "!!expire!!")
 *   dataset:   for each database with keys: mix(D, its number as 32 bits, big endian), then for each key
 *              add(D, E), where E starts as zeros: mix(E, key), value into E
 */
#include "server/debug_int.h"

#include "base/check.h"
#include "base/num.h"
#include "base/sha1.h"
#include "exec/context.h"

static void add(unsigned char digest[SHA1_SIZE], const void *data, size_t n) {
    unsigned char h[SHA1_SIZE];
    sha1(data, n, h);
    for (int i = 0; i < SHA1_SIZE; i++) digest[i] ^= h[i];
}

static void mix(unsigned char digest[SHA1_SIZE], const void *data, size_t n) {
    add(digest, data, n);
    sha1(digest, SHA1_SIZE, digest);
}

static void mix_value(unsigned char digest[SHA1_SIZE], const struct entry *e) {
    static const unsigned char string_type[4] = {0};
    char scratch[NUM_TEXT_MAX];
    proven(entry_type(e) == TYPE_STRING);
    struct slice value = entry_string(e, scratch);
    mix(digest, string_type, sizeof string_type);
    mix(digest, value.ptr, value.len);
    if (entry_has_expire(e)) add(digest, "!!expire!!", 10);
}

static void add_key(void *arg, const struct entry *e) {
    unsigned char key_digest[SHA1_SIZE] = {0};
    struct slice key = entry_key(e);
    mix(key_digest, key.ptr, key.len);
    mix_value(key_digest, e);
    add(arg, key_digest, SHA1_SIZE);
}

static void reply_digest(struct context *c, const unsigned char digest[SHA1_SIZE]) {
    char hex[SHA1_HEX_SIZE + 1] = {0};
    sha1_hex(digest, hex);
    reply_simple(c->reply, hex);
}

void debug_digest(struct context *c) {
    unsigned char digest[SHA1_SIZE] = {0};
    for (unsigned i = 0; i < dataset_databases(c->dataset); i++) {
        struct db *db = dataset_db(c->dataset, i);
        unsigned char number[4] = {(unsigned char)(i >> 24), (unsigned char)(i >> 16), (unsigned char)(i >> 8),
                                   (unsigned char)i};
        if (db_keys(db) == 0) continue;
        mix(digest, number, sizeof number);
        db_each(db, add_key, digest);
    }
    reply_digest(c, digest);
}

void debug_digest_value(struct context *c) {
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        unsigned char digest[SHA1_SIZE] = {0};
        const struct entry *e = db_view(c->db, context_key(c, i), VIEW_NO_TOUCH | VIEW_NO_STATS);
        if (e) mix_value(digest, e);
        reply_digest(c, digest);
    }
}
