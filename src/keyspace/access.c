/* The access clock: 24 bits a key, the lower 16 in its table slot, the upper 8 in its entry.
 *
 *   LRU: | seconds of the last access, modulo 2^24 (194 days) |     LRM: the same of the last change
 *   LFU: | minutes of the last decay:16 | counter:8 |
 *
 * The LFU counter is logarithmic (Morris 1978): it goes up with a chance of 1 / ((counter - start) * factor + 1), and down by
 * one for every decay time without access, as the directives lfu-log-factor and lfu-decay-time document.
 *
 * When the policy changes between the two, the words of before stay where they are: to rewrite them would be a walk over all
 * keys. A word that names no moment since the change counts as one of before: under LRU its key has been idle for longer than
 * since the change, under LFU its counter is that of a new key at the change. By accident an old word may name a later moment;
 * then its key looks used once since, and ages from there. */
#include "keyspace/keyspace_int.h"

#define LFU_START        5 /* of a new key, so that it is not the first to be evicted */
#define LFU_MINUTES_MASK UINT32_C(0xffff)

static uint32_t clock_mask(enum access_policy policy) {
    debug_proven(policy <= ACCESS_LRM);
    return policy == ACCESS_LFU ? LFU_MINUTES_MASK : ACCESS_CLOCK_MASK;
}

static uint32_t clock_at(enum access_policy policy, int64_t now_ms) {
    uint64_t seconds = (uint64_t)now_ms / 1000;
    proven(policy <= ACCESS_LRM);
    return (uint32_t)(policy == ACCESS_LFU ? seconds / 60 : seconds) & clock_mask(policy);
}

/* How far the clock has come since then. */
static uint32_t elapsed_since(const struct access_rule *rule, uint32_t then) {
    debug_proven(rule->clock <= clock_mask(rule->policy));
    return (rule->clock - then) & clock_mask(rule->policy);
}

/* Written under the policy of before; then: the moment it names. */
static bool is_of_before(const struct access_rule *rule, uint32_t then) {
    debug_proven(then <= clock_mask(rule->policy));
    return unlikely(rule->mixed) && elapsed_since(rule, then) > elapsed_since(rule, rule->since);
}

/* Half the clock after the change its moment cannot be told from the future: by then it is forgotten. */
static void forget_before(struct access_rule *rule) {
    uint32_t age = elapsed_since(rule, rule->since), half = clock_mask(rule->policy) / 2;
    proven(rule->mixed);
    if (age > half && age < half + half / 2) rule->mixed = false;
}

void access_set_clock(struct dataset *ds) {
    struct access_rule *rule = &ds->access;
    rule->clock = clock_at(rule->policy, ds->now_ms);
    debug_proven(rule->clock <= ACCESS_CLOCK_MASK);
    if (unlikely(rule->mixed)) forget_before(rule);
}

void access_set_policy(struct dataset *ds, enum access_policy policy, bool fresh) {
    struct access_rule *rule = &ds->access;
    bool other = (rule->policy == ACCESS_LFU) != (policy == ACCESS_LFU);
    proven(policy <= ACCESS_LRM);
    rule->policy = policy;
    access_set_clock(ds);
    if (!other) return;
    rule->mixed = !fresh;
    rule->since = rule->clock;
}

static uint32_t lfu_word(uint32_t minutes, uint8_t counter) {
    debug_proven(minutes <= ACCESS_CLOCK_MASK);
    return (minutes & LFU_MINUTES_MASK) << 8 | counter;
}

uint32_t access_fresh(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    uint32_t clock = ds->access.clock;
    return ds->access.policy == ACCESS_LFU ? lfu_word(clock, LFU_START) : clock;
}

uint32_t access_from(const struct dataset *ds, int64_t idle_or_frequency) {
    debug_proven(dataset_sound(ds) && idle_or_frequency >= -1);
    if (idle_or_frequency < 0) return access_fresh(ds);
    if (ds->access.policy == ACCESS_LFU)
        return lfu_word(ds->access.clock, (uint8_t)(idle_or_frequency > 255 ? 255 : idle_or_frequency));
    if (idle_or_frequency > ACCESS_CLOCK_MASK / 2) idle_or_frequency = ACCESS_CLOCK_MASK / 2;
    return (ds->access.clock - (uint32_t)idle_or_frequency) & ACCESS_CLOCK_MASK;
}

uint32_t access_decay_age(const struct access_rule *rule, uint32_t word) {
    proven(rule->policy == ACCESS_LFU && word <= ACCESS_CLOCK_MASK);
    return elapsed_since(rule, is_of_before(rule, word >> 8) ? rule->since : word >> 8);
}

/* More than half the range behind is a clock ahead: another thread's moment, or a wall clock set back. */
int64_t access_idle_seconds(const struct access_rule *rule, uint32_t word) {
    proven(word <= ACCESS_CLOCK_MASK);
    if (rule->policy == ACCESS_LFU) return (int64_t)access_decay_age(rule, word) * 60;
    if (is_of_before(rule, word)) return (int64_t)elapsed_since(rule, rule->since) + 1;
    uint32_t behind = elapsed_since(rule, word);
    return behind > ACCESS_CLOCK_MASK / 2 ? 0 : behind;
}

uint8_t access_decayed(const struct access_rule *rule, uint32_t word) {
    uint32_t counter = is_of_before(rule, word >> 8) ? LFU_START : word & 0xff;
    debug_proven(word <= ACCESS_CLOCK_MASK);
    if (rule->lfu_decay_minutes <= 0) return (uint8_t)counter;
    uint32_t periods = access_decay_age(rule, word) / (uint32_t)rule->lfu_decay_minutes;
    return (uint8_t)(periods >= counter ? 0 : counter - periods);
}

static uint8_t lfu_raised(struct dataset *ds, uint8_t counter) {
    debug_proven(ds->lfu_log_factor >= 0);
    if (counter == UINT8_MAX) return counter;
    unsigned above = counter > LFU_START ? counter - (unsigned)LFU_START : 0;
    double chance = 1.0 / ((double)above * ds->lfu_log_factor + 1);
    return (uint8_t)(counter + (random_unit(&ds->random) < chance));
}

void access_touch_counter(struct dataset *ds, table_slot *slot, struct entry *e) {
    proven(ds->access.policy == ACCESS_LFU);
    uint8_t counter = access_decayed(&ds->access, access_word(slot, e));
    access_store(slot, e, lfu_word(ds->access.clock, lfu_raised(ds, counter)));
}

int64_t db_idle_seconds(struct db *db, struct key key) {
    debug_proven(db_sound(db));
    const table_slot *slot = db_live_slot(db, &key);
    return slot ? access_idle_seconds(&db->dataset->access, access_word(slot, table_slot_entry(slot))) : -1;
}

int db_frequency(struct db *db, struct key key) {
    debug_proven(db_sound(db) && db->dataset->access.policy == ACCESS_LFU);
    const table_slot *slot = db_live_slot(db, &key);
    return slot ? access_decayed(&db->dataset->access, access_word(slot, table_slot_entry(slot))) : -1;
}

void db_set_idle_seconds(struct db *db, struct key key, int64_t idle) {
    debug_proven(idle >= 0);
    table_slot *slot = db_live_slot(db, &key);
    if (slot && db->dataset->access.policy != ACCESS_LFU)
        access_store(slot, table_slot_entry(slot), access_from(db->dataset, idle));
}

void db_set_frequency(struct db *db, struct key key, uint8_t frequency) {
    debug_proven(db_sound(db));
    table_slot *slot = db_live_slot(db, &key);
    if (slot && db->dataset->access.policy == ACCESS_LFU)
        access_store(slot, table_slot_entry(slot), access_from(db->dataset, frequency));
}
