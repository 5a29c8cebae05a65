#include "observe/hotkeys.h"

#include "base/check.h"
#include "base/random.h"
#include "exec/context.h"

#include <math.h>
#include <stdlib.h>

/* More places than are shown: a key is sure to be found when it has more than 1/places of the accesses. */
#define PLACES_TIMES 4
#define PLACES_MORE  64
#define NAME_MAX_LEN 512 /* of a key, shown; longer ones are cut */
#define KEYS_ON_HAND 64

struct hotkeys {
    struct hotkeys_settings settings;
    struct sketch *live, *frozen;
    uint64_t skip;     /* accesses that are not sampled, until the next that is */
    double skip_scale; /* 1 / ln(1 - probability); 0: every one is sampled */
    struct random random;
    int64_t begun_us;  /* of the live window */
    int64_t frozen_us; /* how long the frozen one was; 0: none */
    int64_t frozen_percent;
    uint32_t dataset_epoch;
};

static unsigned places_of(const struct hotkeys_settings *s) { return (unsigned)s->top * PLACES_TIMES + PLACES_MORE; }

/* This one, or where it has another number of places (or is NULL) a fresh one. */
static struct sketch *with_places(struct sketch *s, unsigned places) {
    if (s && sketch_places(s) == places) return s;
    sketch_free(s);
    return sketch_new(places, NAME_MAX_LEN);
}

/* How many accesses pass by until the next that is taken, each being taken with the same probability, independently. */
static void draw_skip(struct hotkeys *h) {
    h->skip = h->skip_scale == 0 ? 0 : (uint64_t)(log(1 - random_unit(&h->random)) * h->skip_scale);
}

static void begin_window(struct hotkeys *h, int64_t now_us) {
    sketch_clear(h->live);
    h->begun_us = now_us;
}

void hotkeys_configure(struct hotkeys *h, const struct hotkeys_settings *settings, int64_t now_us) {
    proven(settings->top > 0 && settings->percent > 0 && settings->percent <= 100);
    h->settings = *settings;
    h->live = with_places(h->live, places_of(settings));
    h->skip_scale = settings->percent == 100 ? 0 : 1 / log(1 - (double)settings->percent / 100);
    draw_skip(h);
    begin_window(h, now_us);
}

struct hotkeys *hotkeys_new(const struct hotkeys_settings *settings, int64_t now_us) {
    struct hotkeys *h = mem_alloc_zeroed(MEM_OBSERVE, sizeof *h);
    random_init_from_system(&h->random);
    hotkeys_configure(h, settings, now_us);
    return h;
}

void hotkeys_free(struct hotkeys *h) {
    if (!h) return;
    sketch_free(h->live);
    sketch_free(h->frozen);
    mem_free(MEM_OBSERVE, h, sizeof *h);
}

void hotkeys_clear(struct hotkeys *h, int64_t now_us) {
    if (h->frozen) sketch_clear(h->frozen);
    h->frozen_us = 0;
    begin_window(h, now_us);
}

/* ---- counting ---- */

/* Keys at fixed places, as of most commands; false when they must be looked for. */
static bool plain_keys(const struct command *cmd, int argc, int *first, int *count) {
    if (cmd->flags & CMD_MOVABLE_KEYS || cmd->row->find_keys || cmd->first_key <= 0) return false;
    int last = cmd->last_key < 0 ? argc + cmd->last_key : cmd->last_key;
    *first = cmd->first_key;
    *count = last >= *first && last < argc ? 1 + (last - *first) / cmd->key_step : 0;
    return true;
}

/* positions NULL: they stand at first, and every step from there. */
static void count_keys(struct hotkeys *h, const struct context *c, const struct key_position *positions, int first,
                       int count) {
    for (uint64_t i = h->skip; i < (uint64_t)count; i = h->skip) {
        int at = positions ? positions[i].index : first + (int)i * c->command->key_step;
        sketch_add(h->live, c->session->db, c->argv[at], 1);
        draw_skip(h);
        h->skip += i + 1;
    }
    h->skip -= (uint64_t)count;
}

static void count_found_keys(struct hotkeys *h, const struct context *c) {
    struct key_position on_hand[KEYS_ON_HAND], *keys = on_hand;
    int count = command_keys(c->command, c->argv, c->argc, keys, KEYS_ON_HAND);
    size_t size = 0;
    if (count > KEYS_ON_HAND) {
        size = (size_t)count * sizeof *keys;
        keys = mem_alloc(MEM_OBSERVE, size);
        count = command_keys(c->command, c->argv, c->argc, keys, count);
    }
    if (count > 0) count_keys(h, c, keys, 0, count);
    if (size) mem_free(MEM_OBSERVE, keys, size);
}

/* Looking at a key is not using it. */
static bool is_introspection(const struct command *cmd) {
    static const char *const names[] = {"object", "debug", "memory", "command"};
    const char *name = cmd->parent ? cmd->parent->row->name : cmd->row->name;
    for (size_t i = 0; i < countof(names); i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

static bool empties(const struct command *cmd) {
    return cmd->flags & CMD_WRITE &&
           (strcmp(cmd->row->name, "flushall") == 0 || strcmp(cmd->row->name, "flushdb") == 0);
}

void hotkeys_ran(struct hotkeys *h, const struct context *c) {
    const struct command *cmd = c->command;
    int first, count;
    if (unlikely(h->dataset_epoch != c->executor->dataset_epoch)) {
        h->dataset_epoch = c->executor->dataset_epoch;
        hotkeys_clear(h, h->begun_us);
    }
    if (c->session->flags & SESSION_INTERNAL) return;
    if (plain_keys(cmd, c->argc, &first, &count)) {
        if (h->skip >= (uint64_t)count)
            h->skip -= (uint64_t)count;
        else if (!is_introspection(cmd))
            count_keys(h, c, NULL, first, count);
    } else if (command_has_keys(cmd)) {
        if (!is_introspection(cmd)) count_found_keys(h, c);
    } else if (empties(cmd)) {
        hotkeys_clear(h, h->begun_us);
    }
}

/* ---- windows ---- */

void hotkeys_cron(struct hotkeys *h, int64_t now_us) {
    int64_t window_us = h->settings.window_s * 1000000, duration_us = now_us - h->begun_us;
    if (duration_us < window_us) return;
    struct sketch *spare = h->frozen;
    h->frozen = h->live;
    h->frozen_us = duration_us <= 2 * window_us ? duration_us : 0;
    h->frozen_percent = h->settings.percent;
    h->live = with_places(spare, places_of(&h->settings));
    begin_window(h, now_us);
}

uint64_t hotkeys_samples(const struct hotkeys *h) { return h->frozen_us ? sketch_added(h->frozen) : 0; }

int64_t hotkeys_duration_ms(const struct hotkeys *h) { return h->frozen_us / 1000; }

unsigned hotkeys_last(const struct hotkeys *h, const struct sketch_entry **out) {
    if (h->frozen_us == 0 || sketch_len(h->frozen) == 0) return 0;
    unsigned len = sketch_len(h->frozen), top = (unsigned)h->settings.top;
    const struct sketch_entry **all = mem_alloc(MEM_OBSERVE, len * sizeof *all);
    sketch_sorted(h->frozen, all);
    if (top > len) top = len;
    memcpy(out, all, top * sizeof *all);
    mem_free(MEM_OBSERVE, all, len * sizeof *all);
    return top;
}

int64_t hotkeys_rate(const struct hotkeys *h, const struct sketch_entry *e) {
    double samples = (double)e->weight - (double)e->error / 2;
    return llround(samples * 100 / (double)h->frozen_percent / ((double)h->frozen_us / 1e6));
}
