#include "persist/forecast_int.h"

#include "base/check.h"

#include <math.h>
#include <string.h>

#define SCOUT_AFTER_US 250000 /* shorter loads are not worth one */
#define SCOUT_WORTH_S  1.0    /* nor is a rest as short as this */
#define HOLD_S         0.15   /* of evidence by which a factor is held to the common one */
#define MEMORY_MIN_S   3.0    /* evidence fades with this time, or a third of the load's so far */
#define HELD_UP_S      1.0    /* of running undisturbed is believed in before any is seen */
#define FACTOR_MAX     20.0   /* times the common one, or as little of it */
#define MODEST_S       1.0    /* while little is known, the percentage is as if at least so much were left */

/* Nanoseconds, on an EPYC with two cores. What matters is how they stand to each other. */
static const double usual_ns[WORK_KINDS] = {
    [WORK_STRINGS] = 110,  [WORK_RECORDS] = 250,       [WORK_BYTES] = 0.5,  [WORK_UNPACKED] = 1.2,
    [WORK_FIELDS] = 130,   [WORK_SCORED] = 180,        [WORK_PIECES] = 120, [WORK_ROOM] = 15,
    [WORK_COMMANDS] = 300, [WORK_COMMAND_BYTES] = 0.8, [WORK_MADE] = 300,   [WORK_SPLITS] = 50000,
};

static int64_t value_of(const _Atomic int64_t *a) {
    debug_proven(a != NULL);
    return atomic_load_explicit(a, memory_order_relaxed);
}

void forecast_init(struct forecast *f, struct scout *scout, int64_t now_us) {
    *f = (struct forecast){.scout = scout, .tick_us = now_us};
    for (int k = 0; k < WORK_KINDS; k++) f->factors[k] = 1;
    proven(scout && now_us > 0);
}

/* ---- fitting ---- */
/* Solves m x = v in place, x in v. m is symmetric and positive definite. */
static void solve(double m[WORK_KINDS][WORK_KINDS], double v[WORK_KINDS]) {
    for (int i = 0; i < WORK_KINDS; i++) {
        proven(m[i][i] > 0);
        for (int j = i + 1; j < WORK_KINDS; j++) {
            double times = m[j][i] / m[i][i];
            for (int k = i; k < WORK_KINDS; k++) m[j][k] -= times * m[i][k];
            v[j] -= times * v[i];
        }
    }
    for (int i = WORK_KINDS - 1; i >= 0; i--) {
        for (int k = i + 1; k < WORK_KINDS; k++) v[i] -= m[i][k] * v[k];
        v[i] /= m[i][i];
    }
}

static void fit(struct forecast *f) {
    double m[WORK_KINDS][WORK_KINDS], v[WORK_KINDS];
    proven(f->usual > 0 && f->took >= 0);
    double common = f->took / f->usual;
    if (common <= 0) return;
    memcpy(m, f->matrix, sizeof m);
    for (int k = 0; k < WORK_KINDS; k++) {
        double hold = HOLD_S / f->factors[k];
        m[k][k] += hold;
        v[k] = f->right[k] + hold * common;
    }
    solve(m, v);
    for (int k = 0; k < WORK_KINDS; k++) f->factors[k] = fmin(fmax(v[k], common / FACTOR_MAX), common * FACTOR_MAX);
}

static void fade(struct forecast *f, double seconds, double load_s) {
    double memory = load_s / 3 > MEMORY_MIN_S ? load_s / 3 : MEMORY_MIN_S, keep = exp(-seconds / memory);
    proven(keep >= 0 && keep <= 1);
    for (int i = 0; i < WORK_KINDS; i++) {
        for (int k = 0; k < WORK_KINDS; k++) f->matrix[i][k] *= keep;
        f->right[i] *= keep;
    }
    f->usual *= keep;
    f->took *= keep;
}

/* Of all before, with time for what is far back to fade. */
static void learn_waiting(struct forecast *f, double ran, double waited, double load_s) {
    double memory = load_s > MEMORY_MIN_S ? load_s : MEMORY_MIN_S, keep = exp(-(ran + waited) / memory);
    proven(ran >= 0 && waited >= 0 && keep <= 1);
    f->ran = f->ran * keep + ran;
    f->waited = f->waited * keep + waited;
    debug_proven(f->ran >= ran && f->waited >= waited);
}

/* How many times as long everything takes because others run, too. */
static double held_up(const struct forecast *f) {
    proven(f->ran >= 0 && f->waited >= 0);
    return 1 + f->waited / (f->ran + HELD_UP_S);
}

static void learn(struct forecast *f, const struct work *done, double seconds) {
    double usual[WORK_KINDS], all = 0;
    for (int k = 0; k < WORK_KINDS; k++) {
        usual[k] = (done->of[k] - f->done.of[k]) * usual_ns[k] * 1e-9;
        if (usual[k] < 0) usual[k] = 0; /* a rounding */
        all += usual[k];
    }
    f->took += seconds;
    f->usual += all;
    proven(f->took >= 0 && all >= 0);
    if (all <= 0) return;
    for (int i = 0; i < WORK_KINDS; i++) {
        for (int k = 0; k < WORK_KINDS; k++) f->matrix[i][k] += usual[i] * usual[k] / all;
        f->right[i] += usual[i] * seconds / all;
    }
    fit(f);
}

static double load_seconds(const struct load_progress *p, int64_t now_us) {
    proven(value_of(&p->start_us) > 0);
    double s = (double)(now_us - value_of(&p->start_us)) / 1e6;
    return s > 0 ? s : 0;
}

static bool scout_worth_it(const struct forecast *f, const struct load_progress *p, int64_t now_us) {
    double left = (double)(value_of(&p->total_bytes) - f->place);
    if (value_of(&p->slept_us) > 0) return left > 0; /* there is time enough */
    if (now_us - value_of(&p->start_us) < SCOUT_AFTER_US || left <= 0) return false;
    proven(f->bytes_per_s >= 0);
    return left > SCOUT_WORTH_S * f->bytes_per_s;
}

void forecast_ask(struct forecast *f, const struct load_progress *p) {
    if (scout_started(f->scout) || !scout_is_known(f->scout) || value_of(&p->total_bytes) == 0) return;
    proven(f->usual <= 0);
    /* The first observation is all that was before it. */
    f->place = f->slept_us = f->waited_us = 0;
    f->tick_us = value_of(&p->start_us);
    scout_start(f->scout);
}

/* The files are read once more from the beginning, which salvaging does: what was learnt of costs stays. */
static void begin_again(struct forecast *f, const struct load_progress *p, int64_t place, int64_t now_us) {
    proven(place < f->place);
    f->place = place;
    f->slept_us = value_of(&p->slept_us);
    f->waited_us = value_of(&p->waited_us);
    f->tick_us = now_us;
    f->done = (struct work){{0}};
    if (scout_started(f->scout) && scout_reach(f->scout) >= place) scout_before(f->scout, place, &f->done);
}

void forecast_tick(struct forecast *f, const struct load_progress *p, int64_t now_us) {
    int64_t place = value_of(&p->loaded_bytes), slept = value_of(&p->slept_us), waited = value_of(&p->waited_us);
    double seconds = (double)(now_us - f->tick_us) / 1e6;
    proven(slept >= f->slept_us);
    if (seconds <= 0) return;
    if (place < f->place) {
        begin_again(f, p, place, now_us);
        return;
    }
    f->bytes_per_s = (double)(place - f->place) / seconds;
    if (!scout_started(f->scout)) {
        f->place = place;
        f->tick_us = now_us;
        if (scout_worth_it(f, p, now_us)) forecast_ask(f, p);
        return;
    }
    if (scout_reach(f->scout) < place || place == f->place) return;
    struct work done;
    proven(f->scout != NULL);
    scout_before(f->scout, place, &done);
    double load_s = load_seconds(p, now_us), worked = fmax(seconds - (double)(slept - f->slept_us) / 1e6, 0);
    bool slept_on = slept > f->slept_us; /* then most of the waiting came behind a sleep, and is counted with it */
    double held = slept_on ? 0 : fmin(fmax((double)(waited - f->waited_us) / 1e6, 0), worked);
    fade(f, seconds, load_s);
    learn_waiting(f, worked - held, held, load_s);
    learn(f, &done, worked - held);
    f->done = done;
    f->place = place;
    f->slept_us = slept;
    f->waited_us = waited;
    f->tick_us = now_us;
}

/* ---- foretelling ---- */
/* What the pace asks for each key, with what the kernel adds to each sleep. */
static double delay_s(const struct load_progress *p) {
    double asked = (double)value_of(&p->asked_us), slept = (double)value_of(&p->slept_us);
    int64_t delay = p->key_delay_us ? value_of(p->key_delay_us) : 0;
    proven(asked >= 0 && slept >= 0);
    double us = delay >= 0 ? (double)delay : -1.0 / (double)delay;
    return us * 1e-6 * (asked > 0 ? slept / asked : 1);
}

/* The rest of the file is as what has been read; the place of the last tick but little more. */
static double seconds_by_bytes(const struct load_progress *p, double seconds) {
    debug_proven(seconds >= 0);
    double loaded = (double)value_of(&p->loaded_bytes), total = (double)value_of(&p->total_bytes);
    proven(loaded >= 0);
    return loaded > 0 && total > loaded ? seconds * (total - loaded) / loaded : 0;
}

static double keys_in(const struct work *w) {
    double keys = w->of[WORK_STRINGS] + w->of[WORK_RECORDS] + w->of[WORK_COMMANDS];
    debug_proven(keys >= 0);
    return keys;
}

/* place: one up to which the scout has come. */
static double seconds_by_scout(const struct forecast *f, const struct load_progress *p, int64_t place) {
    struct work rest;
    double left = 0;
    proven(p->start_us > 0);
    scout_behind(f->scout, place, &rest);
    for (int k = 0; k < WORK_KINDS; k++) left += rest.of[k] * usual_ns[k] * 1e-9 * f->factors[k];
    proven(left >= 0);
    return left * held_up(f) + keys_in(&rest) * delay_s(p);
}

/* The loader is further than the scout: what lies before the commands is as what has been read, and they cost what they usually do. */
static double seconds_in_parts(const struct forecast *f, const struct load_progress *p, int64_t place, double gone) {
    struct work tail;
    if (!scout_started(f->scout)) return seconds_by_bytes(p, gone);
    int64_t commands = scout_commands(f->scout, &tail), total = value_of(&p->total_bytes);
    if (place == 0 || commands >= total) return seconds_by_bytes(p, gone);
    double left = keys_in(&tail) * delay_s(p);
    for (int k = 0; k < WORK_KINDS; k++) left += tail.of[k] * usual_ns[k] * 1e-9;
    if (place >= commands) left *= (double)(total - place) / (double)(total - commands);
    if (place < commands) left += gone * (double)(commands - place) / (double)place;
    proven(left >= 0);
    return left;
}

struct load_forecast forecast_now(struct forecast *f, const struct load_progress *p, int64_t now_us) {
    double gone = load_seconds(p, now_us), percent;
    int64_t place = value_of(&p->loaded_bytes); /* once: the loader goes on, while the scout's reach only grows */
    bool scouted = scout_started(f->scout) && f->usual > 0 && scout_reach(f->scout) >= place;
    double left = scouted ? seconds_by_scout(f, p, place) : seconds_in_parts(f, p, place, gone);
    proven(left >= 0 && gone >= 0);
    double modest = scouted || left > MODEST_S ? left : MODEST_S;
    percent = 100 * gone / (gone + modest + 1e-3);
    if (percent > f->percent) f->percent = percent < 99.9 ? percent : 99.9;
    if (value_of(&p->end_ms)) f->percent = 100;
    return (struct load_forecast){.seconds_left = left, .percent = f->percent};
}
