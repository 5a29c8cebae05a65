/* The access clock: 24 bits a key, the lower 16 in its table slot, the upper 8 in its entry.
 *
 *   LRU: | seconds of the last access, modulo 2^24 (194 days) |
 *   LFU: | minutes of the last decay:16 | counter:8 |
 *
 * The LFU counter is logarithmic (Morris 1978): it goes up with a chance of 1 / ((counter - start) * factor + 1), and down by
 * one for every decay time without access, as the directives lfu-log-factor and lfu-decay-time document. */
#include "keyspace/keyspace_int.h"

#define LFU_START        5 /* of a new key, so that it is not the first to be evicted */
#define LFU_MINUTES_MASK UINT32_C(0xffff)

void access_set_clock(struct dataset *ds) {
    proven(ds->policy == ACCESS_LRU || ds->policy == ACCESS_LFU);
    uint64_t seconds = (uint64_t)ds->now_ms / 1000;
    ds->clock =
        ds->policy == ACCESS_LRU ? (uint32_t)seconds & ACCESS_CLOCK_MASK : (uint32_t)(seconds / 60) & LFU_MINUTES_MASK;
}

static uint32_t lfu_word(uint32_t minutes, uint8_t counter) {
    debug_proven(minutes <= ACCESS_CLOCK_MASK);
    return (minutes & LFU_MINUTES_MASK) << 8 | counter;
}

uint32_t access_fresh(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->policy == ACCESS_LRU ? ds->clock : lfu_word(ds->clock, LFU_START);
}

uint32_t access_from(const struct dataset *ds, int64_t idle_or_frequency) {
    debug_proven(dataset_sound(ds) && idle_or_frequency >= -1);
    if (idle_or_frequency < 0) return access_fresh(ds);
    if (ds->policy == ACCESS_LFU)
        return lfu_word(ds->clock, (uint8_t)(idle_or_frequency > 255 ? 255 : idle_or_frequency));
    if (idle_or_frequency > ACCESS_CLOCK_MASK / 2) idle_or_frequency = ACCESS_CLOCK_MASK / 2;
    return (ds->clock - (uint32_t)idle_or_frequency) & ACCESS_CLOCK_MASK;
}

/* More than half the range behind is a clock ahead: another thread's moment, or a wall clock set back. */
int64_t access_idle_seconds(uint32_t clock, uint32_t word) {
    proven(clock <= ACCESS_CLOCK_MASK && word <= ACCESS_CLOCK_MASK);
    uint32_t behind = (clock - word) & ACCESS_CLOCK_MASK;
    return behind > ACCESS_CLOCK_MASK / 2 ? 0 : behind;
}

uint8_t access_decayed(uint32_t clock, int decay_minutes, uint32_t word) {
    proven(clock <= ACCESS_CLOCK_MASK && word <= ACCESS_CLOCK_MASK);
    uint32_t counter = word & 0xff, elapsed = (clock - (word >> 8)) & LFU_MINUTES_MASK;
    if (decay_minutes <= 0) return (uint8_t)counter;
    uint32_t periods = elapsed / (uint32_t)decay_minutes;
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
    proven(ds->policy == ACCESS_LFU);
    uint8_t counter = access_decayed(ds->clock, ds->lfu_decay_minutes, access_word(slot, e));
    access_store(slot, e, lfu_word(ds->clock, lfu_raised(ds, counter)));
}

int64_t db_idle_seconds(struct db *db, struct key key) {
    debug_proven(db_sound(db));
    const table_slot *slot = db_live_slot(db, &key);
    return slot ? access_idle_seconds(db->dataset->clock, access_word(slot, table_slot_entry(slot))) : -1;
}

int db_frequency(struct db *db, struct key key) {
    debug_proven(db_sound(db));
    const struct dataset *ds = db->dataset;
    const table_slot *slot = db_live_slot(db, &key);
    return slot ? access_decayed(ds->clock, ds->lfu_decay_minutes, access_word(slot, table_slot_entry(slot))) : -1;
}

void db_set_idle_seconds(struct db *db, struct key key, int64_t idle) {
    debug_proven(idle >= 0);
    table_slot *slot = db_live_slot(db, &key);
    if (slot && db->dataset->policy == ACCESS_LRU)
        access_store(slot, table_slot_entry(slot), access_from(db->dataset, idle));
}

void db_set_frequency(struct db *db, struct key key, uint8_t frequency) {
    debug_proven(db_sound(db));
    table_slot *slot = db_live_slot(db, &key);
    if (slot && db->dataset->policy == ACCESS_LFU)
        access_store(slot, table_slot_entry(slot), access_from(db->dataset, frequency));
}
