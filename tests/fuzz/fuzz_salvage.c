/* libFuzzer: a damaged file through the walks that salvage. The first byte chooses: RDB or append-only file, and of the first whether
 * its checksum is to be right. What is kept makes a file that is sound and that the loader takes, with as many keys or commands. What
 * the loader takes, the walk calls sound. */
#include "base/check.h"
#include "base/log.h"
#include "keyspace/db.h"
#include "persist/aof_walk.h"
#include "persist/load.h"
#include "persist/rdb_walk.h"
#include "wire/crc64.h"
#include "wire/rdb.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMES_MAX 4096

struct kept {
    struct whole file;
    struct buf out;
    struct rdb_walk rdb;
    struct aof_walk aof;
    uint64_t names[NAMES_MAX];
    size_t count;
};

static void keep(struct kept *k, int64_t from, int64_t to) {
    proven(from >= 0 && from <= to && to <= k->file.size);
    buf_append(&k->out, k->file.bytes + from, (size_t)(to - from));
}

static enum rdb_verdict on_record(void *arg, struct rdb_record *r, const char **why) {
    struct kept *k = arg;
    struct siphash_seed seed = {r->db, 1};
    uint64_t hash = siphash13(&seed, r->key.ptr, r->key.len);
    *why = "twice, or too many";
    for (size_t i = 0; i < k->count; i++)
        if (k->names[i] == hash && (r->type == RDB_TYPE_STRING || r->value.ptr)) return RDB_LOST;
    if (k->count == NAMES_MAX || r->db >= 16) return RDB_LOST;
    if (r->type == RDB_TYPE_STRING || r->value.ptr) k->names[k->count++] = hash; /* else the loader leaves it out */
    keep(k, r->from, r->drop_from < r->drop_to ? r->drop_from : r->end);
    if (r->drop_from < r->drop_to) keep(k, r->drop_to, r->end);
    return RDB_TAKEN;
}

static enum rdb_verdict on_other(void *arg, const struct rdb_other *o, const char **why) {
    struct kept *k = arg;
    *why = "no such database";
    if (o->opcode == RDB_SELECT && o->numbers[0] >= 16) return RDB_LOST;
    keep(k, o->from, o->end);
    return RDB_TAKEN;
}

static void on_lost(void *arg, const struct loss *l) {
    const struct kept *k = arg;
    char text[LOSS_TEXT_MAX];
    proven(loss_text(text, l) > 0 && l->to <= k->file.size);
}

static bool walk_rdb(struct kept *k, uint8_t *bytes, size_t n, bool salvage) {
    whole_of(&k->file, bytes, (int64_t)n);
    k->count = 0;
    buf_clear(&k->out);
    k->rdb = (struct rdb_walk){.file = &k->file,
                               .salvage = salvage,
                               .checksum = true,
                               .databases = 16,
                               .limits = &value_limits_default,
                               .arg = k,
                               .record = on_record,
                               .other = on_other,
                               .lost = on_lost};
    return rdb_walk_run(&k->rdb);
}

static struct dataset *load(const void *bytes, size_t n) {
    struct load_options options = {.path = "memory",
                                   .databases = 16,
                                   .seed = {3, 4},
                                   .lfu_log_factor = 10,
                                   .lfu_decay_minutes = 1,
                                   .checksum = true,
                                   .version_strict = true,
                                   .keep_expired = true};
    char why[LOAD_ERROR_MAX] = "";
    return load_bytes(&options, bytes, n, why);
}

static void finish_rdb(struct buf *out, const struct kept *k) {
    char head[10];
    struct buf body = *out;
    buf_init(out, MEM_PERSIST);
    snprintf(head, sizeof head, k->rdb.valkey ? "VALKEY%03d" : "REDIS%04d",
             k->rdb.valkey ? RDB_VERSION_VALKEY : k->rdb.version);
    buf_append(out, head, 9);
    buf_append(out, body.ptr, body.len);
    buf_release(&body);
    rdb_write_u8(out, RDB_EOF);
    if (k->rdb.version > 4) rdb_write_u64_le(out, crc64(0, out->ptr, out->len));
}

static void fuzz_rdb(struct kept *k, uint8_t *bytes, size_t n, bool right) {
    if (right && n > 18) {
        uint64_t sum = crc64(0, bytes, n - 8);
        for (int i = 0; i < 8; i++) bytes[n - 8 + (size_t)i] = (uint8_t)(sum >> 8 * i);
    }
    struct dataset *ds = load(bytes, n);
    bool sound = walk_rdb(k, bytes, n, false);
    proven(!ds || sound);
    dataset_free(ds);
    walk_rdb(k, bytes, n, true);
    size_t keys = k->count;
    finish_rdb(&k->out, k);
    ds = load(k->out.ptr, k->out.len);
    if (!ds) abort();
    proven(dataset_keys(ds) == keys);
    dataset_free(ds);
}

static bool on_piece(void *arg, const struct aof_piece *p) {
    struct kept *k = arg;
    if (p->kind == AOF_PIECE_GROUP)
        aof_walk_cut_group(&k->aof, p, p->end, (int64_t)k->out.len, &k->out);
    else
        keep(k, p->from, p->end);
    proven(aof_walk_later(&k->aof, p, INT64_MAX) == -1);
    return true;
}

static bool walk_aof(struct kept *k, void *bytes, size_t n, bool salvage) {
    whole_of(&k->file, bytes, (int64_t)n);
    buf_clear(&k->out);
    k->aof = (struct aof_walk){.file = &k->file, .salvage = salvage, .arg = k, .piece = on_piece, .lost = on_lost};
    return aof_walk_run(&k->aof);
}

static void fuzz_aof(struct kept *k, uint8_t *bytes, size_t n) {
    bool sound = walk_aof(k, bytes, n, false);
    proven(sound == (k->aof.losses == 0));
    walk_aof(k, bytes, n, true);
    proven(sound == (k->aof.losses == 0) && k->aof.lost_bytes <= (int64_t)n);
    uint64_t commands = k->aof.commands;
    bool headless = k->aof.losses > 0 && !k->aof.annotated;
    struct buf out = k->out;
    buf_init(&k->out, MEM_PERSIST);
    bool again = walk_aof(k, out.ptr, out.len, false);
    if (!headless) proven(again && k->aof.commands == commands);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct kept k;
    log_set_level(LOG_NOTHING);
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size - 1 ? size - 1 : 1);
    if (!bytes) abort();
    memcpy(bytes, data + 1, size - 1);
    buf_init(&k.out, MEM_PERSIST);
    if (data[0] % 3 == 2)
        fuzz_aof(&k, bytes, size - 1);
    else
        fuzz_rdb(&k, bytes, size - 1, data[0] % 3 == 1);
    buf_release(&k.out);
    free(bytes);
    return 0;
}
