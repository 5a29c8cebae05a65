/* Fields with times, after the documentation of Valkey 9 (valkey.io/commands/hexpire and its neighbours). Where Redis 7.4 and 8
 * differ is in docs/design/field-expiry.md.
 *
 * A time that is not above now takes the field away at once. What goes to the journal names times as such, and only the
 * fields that were really changed: the same commands then have the same effect later. */
#include "commands/hash_int.h"

#include "exec/journal.h"

#define ERROR_FIELDS "ERR numfields should be greater than 0 and match the provided number of fields"

/* The fields of a command: count groups of `step` words from argument `first` on. */
struct fields {
    int first, count, step;
};

/* FIELDS numfields ... at argument i to the end; false after the error reply. */
static bool parse_fields(struct context *c, int i, int step, struct fields *f) {
    int64_t n;
    if (i + 1 >= c->argc || !slice_is(c->argv[i], "FIELDS")) {
        context_syntax_error(c);
        return false;
    }
    if (!context_integer(c, i + 1, &n)) return false;
    *f = (struct fields){i + 2, (c->argc - i - 2) / step, step};
    if (n > 0 && n == f->count && (c->argc - i - 2) % step == 0) return true;
    reply_error(c->reply, ERROR_FIELDS);
    return false;
}

static struct slice field_at(const struct context *c, const struct fields *f, int i) {
    debug_proven(i >= 0 && i < f->count);
    return c->argv[f->first + i * f->step];
}

/* A time at argument i, which must not be negative; false after the error reply. */
static bool parse_time(struct context *c, int i, enum expire_unit unit, int64_t *at_ms) {
    int64_t value;
    if (!context_integer(c, i, &value)) return false;
    if (value >= 0) return context_expire_at(c, i, unit, false, at_ms);
    reply_error_format(c->reply, "ERR invalid expire time in '%s' command", c->command->full_name);
    return false;
}

/* ---- what was done to which fields ---- */

/* Fields that the command has really changed, for the journal; nothing is kept where there is none. */
struct done {
    struct context *c;
    struct slice *argv; /* NULL: no journal. Room for 5 words before the fields */
    int argc, room;
    int64_t count;
};
#define DONE_HEAD 5

static void done_init(struct done *d, struct context *c, const struct fields *f) {
    *d = (struct done){.c = c, .argc = DONE_HEAD, .room = DONE_HEAD + f->count * f->step};
    proven(f->count > 0);
    if (journal_wanted(c)) d->argv = mem_alloc(MEM_CLIENT_IN, (size_t)d->room * sizeof *d->argv);
}

static void done_release(struct done *d) {
    if (d->argv) mem_free(MEM_CLIENT_IN, d->argv, (size_t)d->room * sizeof *d->argv);
}

static void done_add(struct done *d, struct slice field) {
    d->count++;
    if (!d->argv) return;
    proven(d->argc < d->room);
    d->argv[d->argc++] = field;
}

/* name key field ... */
static void done_put_plain(struct done *d, struct slice name) {
    if (!d->argv || !d->count) return;
    struct slice *argv = d->argv + DONE_HEAD - 2;
    argv[0] = name;
    argv[1] = d->c->argv[1];
    journal_effect(d->c, argv, d->argc - DONE_HEAD + 2);
}

/* name key [time] FIELDS count field ... */
static void done_put(struct done *d, struct slice name, const int64_t *at_ms) {
    char time[NUM_TEXT_MAX], count[NUM_TEXT_MAX];
    if (!d->argv || !d->count) return;
    struct slice *argv = d->argv + (at_ms ? 0 : 1);
    argv[0] = name;
    argv[1] = d->c->argv[1];
    if (at_ms) argv[2] = slice_of(time, num_format_i64(time, *at_ms));
    d->argv[DONE_HEAD - 2] = SLICE("FIELDS");
    d->argv[DONE_HEAD - 1] = slice_of(count, num_format_i64(count, d->count));
    journal_effect(d->c, argv, d->argc - (int)(argv - d->argv));
}

static void count_expired(struct context *c, int64_t n) { dataset_stats(c->dataset)->expired_elements += (uint64_t)n; }

/* ---- HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT ---- */

enum expire_option { EXPIRE_NX = 1, EXPIRE_XX = 2, EXPIRE_GT = 4, EXPIRE_LT = 8 };

static unsigned expire_option(struct slice text) {
    if (slice_is(text, "NX")) return EXPIRE_NX;
    if (slice_is(text, "XX")) return EXPIRE_XX;
    if (slice_is(text, "GT")) return EXPIRE_GT;
    return slice_is(text, "LT") ? EXPIRE_LT : 0;
}

/* Those before FIELDS; false after the error reply. */
static bool expire_options(struct context *c, int *i, unsigned *options) {
    unsigned option;
    *options = 0;
    for (; *i < c->argc && (option = expire_option(c->argv[*i])) != 0; ++*i) *options |= option;
    const char *error = NULL;
    if ((*options & EXPIRE_NX) && *options != EXPIRE_NX)
        error = "ERR NX and XX, GT or LT options at the same time are not compatible";
    else if ((*options & EXPIRE_GT) && (*options & EXPIRE_LT))
        error = "ERR GT and LT options at the same time are not compatible";
    if (error) reply_error(c->reply, error);
    return !error;
}

/* A field without a time lives for ever. */
static bool condition_holds(unsigned options, int64_t old_at, int64_t at) {
    bool has = old_at != HASH_NO_TIME;
    if (options & (has ? EXPIRE_NX : EXPIRE_XX)) return false;
    if ((options & EXPIRE_GT) && (!has || at <= old_at)) return false;
    return !(options & EXPIRE_LT) || !has || at < old_at;
}

enum expire_reply { FIELD_ABSENT = -2, FIELD_WITHOUT_TIME = -1, FIELD_DECLINED = 0, FIELD_DONE = 1, FIELD_GONE = 2 };

/* Gives the field this time, or takes it away where that is past. */
static enum expire_reply give_time(struct value_edit *e, struct slice field, int64_t at) {
    if (at <= e->now_ms) return hash_remove(e, field) ? FIELD_GONE : FIELD_ABSENT;
    return hash_set_time(e, field, at) ? FIELD_DONE : FIELD_ABSENT;
}

static enum expire_reply expire_field(struct value_edit *e, struct slice field, int64_t at, unsigned options) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    if (!hash_find(e->value, field, e->now_ms, scratch, &found)) return FIELD_ABSENT;
    if (!condition_holds(options, found.expire_at, at)) return FIELD_DECLINED;
    return give_time(e, field, at);
}

/* Ends an edit that has given `done` fields the time `at`, or has taken them away. Not what the journal is told. */
static void end_timed(struct context *c, struct key key, struct db_edit *e, int64_t done, bool gone) {
    if (gone) count_expired(c, done);
    context_edit_end(c, key, e, NOTIFY_HASH, done == 0 ? NULL : gone ? "hexpired" : "hexpire", (uint64_t)done);
}

static void put_timed(struct done *d, int64_t at, bool gone) {
    if (gone)
        done_put_plain(d, SLICE("HDEL"));
    else
        done_put(d, SLICE("HPEXPIREAT"), &at);
}

static void expire_generic(struct context *c, enum expire_unit unit) {
    struct key key = context_key(c, 1);
    struct fields f;
    struct db_edit e;
    struct done d;
    unsigned options;
    int64_t at;
    int i = 3;
    if (!parse_time(c, 2, unit, &at) || !expire_options(c, &i, &options) || !parse_fields(c, i, 1, &f)) return;
    if (!context_edit(c, key, TYPE_HASH, &e)) return;
    bool gone = at <= e.edit.now_ms;
    done_init(&d, c, &f);
    reply_array(c->reply, f.count);
    for (i = 0; i < f.count; i++) {
        enum expire_reply result = expire_field(&e.edit, field_at(c, &f, i), at, options);
        if (result >= FIELD_DONE) done_add(&d, field_at(c, &f, i));
        reply_integer(c->reply, result);
    }
    end_timed(c, key, &e, d.count, gone);
    put_timed(&d, at, gone);
    done_release(&d);
}

void hash_expire_run(struct context *c) { expire_generic(c, EXPIRE_SECONDS); }

void hash_pexpire_run(struct context *c) { expire_generic(c, EXPIRE_MS); }

void hash_expireat_run(struct context *c) { expire_generic(c, EXPIRE_AT_SECONDS); }

void hash_pexpireat_run(struct context *c) { expire_generic(c, EXPIRE_AT_MS); }

/* ---- HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME ---- */

static int64_t rounded_seconds(int64_t ms) { return ms / 1000 + (ms % 1000 >= 500); }

static void tell_times(struct context *c, bool left, bool seconds) {
    char scratch[NUM_TEXT_MAX];
    int64_t now = hash_now(c);
    struct hash_field found;
    struct fields f;
    struct value v;
    if (!parse_fields(c, 2, 1, &f) || !hash_view(c, &v)) return;
    reply_array(c->reply, f.count);
    for (int i = 0; i < f.count; i++) {
        if (!hash_find(v, field_at(c, &f, i), now, scratch, &found)) {
            reply_integer(c->reply, FIELD_ABSENT);
        } else if (found.expire_at == HASH_NO_TIME) {
            reply_integer(c->reply, FIELD_WITHOUT_TIME);
        } else {
            int64_t ms = left ? found.expire_at - c->now_ms : found.expire_at;
            reply_integer(c->reply, seconds ? rounded_seconds(ms) : ms);
        }
    }
}

void hash_ttl_run(struct context *c) { tell_times(c, true, true); }

void hash_pttl_run(struct context *c) { tell_times(c, true, false); }

void hash_expiretime_run(struct context *c) { tell_times(c, false, true); }

void hash_pexpiretime_run(struct context *c) { tell_times(c, false, false); }

/* ---- HPERSIST ---- */

static enum expire_reply persist_field(struct value_edit *e, struct slice field) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    if (!hash_find(e->value, field, e->now_ms, scratch, &found)) return FIELD_ABSENT;
    if (found.expire_at == HASH_NO_TIME) return FIELD_WITHOUT_TIME;
    return hash_set_time(e, field, HASH_NO_TIME) ? FIELD_DONE : FIELD_ABSENT;
}

void hash_persist_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct fields f;
    struct db_edit e;
    struct done d;
    if (!parse_fields(c, 2, 1, &f) || !context_edit(c, key, TYPE_HASH, &e)) return;
    done_init(&d, c, &f);
    reply_array(c->reply, f.count);
    for (int i = 0; i < f.count; i++) {
        enum expire_reply result = persist_field(&e.edit, field_at(c, &f, i));
        if (result == FIELD_DONE) done_add(&d, field_at(c, &f, i));
        reply_integer(c->reply, result);
    }
    context_edit_end(c, key, &e, NOTIFY_HASH, d.count ? "hpersist" : NULL, (uint64_t)d.count);
    done_put(&d, SLICE("HPERSIST"), NULL);
    done_release(&d);
}

/* ---- options of HGETEX and HSETEX ---- */

enum timed_option { TIMED_NONE, TIMED_AT, TIMED_KEEP, TIMED_PERSIST };
struct timed {
    enum timed_option option;
    enum expire_unit unit;
    int argument; /* of the time; 0: none */
    int64_t at;
    bool fnx, fxx;
};

static bool is_time_option(struct slice text, enum expire_unit *unit) {
    static const struct {
        const char *name;
        enum expire_unit unit;
    } options[] = {{"EX", EXPIRE_SECONDS}, {"PX", EXPIRE_MS}, {"EXAT", EXPIRE_AT_SECONDS}, {"PXAT", EXPIRE_AT_MS}};
    for (size_t i = 0; i < countof(options); i++) {
        *unit = options[i].unit;
        if (slice_equal_nocase(text, slice_of_cstr(options[i].name))) return true;
    }
    return false;
}

/* One option at argument *i; false when it is none of this command's, or does not go with those before. */
static bool take_option(const struct context *c, int *i, bool setting, struct timed *t) {
    struct slice text = c->argv[*i];
    if (setting && (slice_is(text, "FNX") || slice_is(text, "FXX"))) {
        if (t->fnx || t->fxx) return false;
        t->fnx = slice_is(text, "FNX");
        t->fxx = !t->fnx;
        return true;
    }
    if (t->option != TIMED_NONE) return false;
    if (slice_equal_nocase(text, setting ? SLICE("KEEPTTL") : SLICE("PERSIST"))) {
        t->option = setting ? TIMED_KEEP : TIMED_PERSIST;
        return true;
    }
    if (!is_time_option(text, &t->unit) || *i + 1 >= c->argc) return false;
    t->option = TIMED_AT;
    t->argument = ++*i;
    return true;
}

/* Options, then FIELDS; false after the error reply. */
static bool parse_timed(struct context *c, bool setting, struct timed *t, struct fields *f) {
    int i = 2;
    *t = (struct timed){.at = HASH_NO_TIME};
    for (; i < c->argc && !slice_is(c->argv[i], "FIELDS"); i++) {
        if (take_option(c, &i, setting, t)) continue;
        context_syntax_error(c);
        return false;
    }
    if (!parse_fields(c, i, setting ? 2 : 1, f)) return false;
    return !t->argument || parse_time(c, t->argument, t->unit, &t->at);
}

/* ---- HGETEX ---- */

static void reply_found(struct context *c, struct value v, struct slice field, int64_t now) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    if (hash_find(v, field, now, scratch, &found))
        reply_bulk(c->reply, found.value);
    else
        reply_null(c->reply);
}

static void getex_only_reads(struct context *c, const struct fields *f) {
    struct value v;
    if (!hash_view(c, &v)) return;
    reply_array(c->reply, f->count);
    for (int i = 0; i < f->count; i++) reply_found(c, v, field_at(c, f, i), hash_now(c));
}

void hash_getex_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct fields f;
    struct timed t;
    struct db_edit e;
    struct done d;
    if (!parse_timed(c, false, &t, &f)) return;
    if (t.option == TIMED_NONE) {
        getex_only_reads(c, &f);
        return;
    }
    if (!context_edit(c, key, TYPE_HASH, &e)) return;
    bool persist = t.option == TIMED_PERSIST, gone = !persist && t.at <= e.edit.now_ms;
    done_init(&d, c, &f);
    reply_array(c->reply, f.count);
    for (int i = 0; i < f.count; i++) {
        struct slice field = field_at(c, &f, i);
        reply_found(c, e.edit.value, field, e.edit.now_ms);
        enum expire_reply result = persist ? persist_field(&e.edit, field) : give_time(&e.edit, field, t.at);
        if (result >= FIELD_DONE) done_add(&d, field);
    }
    if (persist) {
        context_edit_end(c, key, &e, NOTIFY_HASH, d.count ? "hpersist" : NULL, (uint64_t)d.count);
        done_put(&d, SLICE("HPERSIST"), NULL);
    } else {
        end_timed(c, key, &e, d.count, gone);
        put_timed(&d, t.at, gone);
    }
    done_release(&d);
}

/* ---- HSETEX ---- */

static bool setex_may(const struct context *c, const struct value_edit *e, const struct fields *f,
                      const struct timed *t) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    for (int i = 0; (t->fnx || t->fxx) && i < f->count; i++)
        if (hash_find(e->value, field_at(c, f, i), e->now_ms, scratch, &found) != t->fxx) return false;
    return true;
}

/* The fields go, if they are there. */
static void setex_past(struct context *c, struct key key, struct db_edit *e, const struct fields *f) {
    struct done d;
    done_init(&d, c, f);
    for (int i = 0; i < f->count; i++)
        if (hash_remove(&e->edit, field_at(c, f, i))) done_add(&d, field_at(c, f, i));
    end_timed(c, key, e, d.count, true);
    put_timed(&d, 0, true);
    done_release(&d);
    reply_integer(c->reply, 1);
}

/* HSETEX without its conditions, and with the time as such. A time that was due is not there to be kept: those fields are
 * told to go first. */
static void setex_journal(struct context *c, const struct fields *f, const struct timed *t, struct done *due) {
    char time[NUM_TEXT_MAX];
    if (!journal_wanted(c)) return;
    int argc = 0, words = c->argc - f->first + 2;
    size_t bytes = (size_t)(words + 4) * sizeof(struct slice);
    struct slice *argv = mem_alloc(MEM_CLIENT_IN, bytes);
    done_put_plain(due, SLICE("HDEL"));
    argv[argc++] = SLICE("HSETEX");
    argv[argc++] = c->argv[1];
    if (t->option == TIMED_AT) argv[argc++] = SLICE("PXAT");
    if (t->option == TIMED_AT) argv[argc++] = slice_of(time, num_format_i64(time, t->at));
    if (t->option == TIMED_KEEP) argv[argc++] = SLICE("KEEPTTL");
    for (int i = f->first - 2; i < c->argc; i++) argv[argc++] = c->argv[i];
    journal_effect(c, argv, argc);
    mem_free(MEM_CLIENT_IN, argv, bytes);
}

/* Of the fields that have a time, the due ones. */
static void note_due(struct done *d, const struct value_edit *e, struct slice field) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    if (!d->argv || hash_find(e->value, field, e->now_ms, scratch, &found)) return;
    if (hash_find(e->value, field, INT64_MIN, scratch, &found)) done_add(d, field);
}

static void setex_put(struct context *c, struct key key, struct db_edit *e, const struct fields *f,
                      const struct timed *t) {
    int64_t at = t->option == TIMED_KEEP ? HASH_SAME_TIME : t->at;
    int done = 0;
    struct done due;
    done_init(&due, c, f);
    for (; done < f->count; done++) {
        int i = f->first + done * 2;
        note_due(&due, &e->edit, c->argv[i]);
        if (hash_put(&e->edit, c->argv[i], c->argv[i + 1], at) == HASH_NO_MEMORY) break;
    }
    context_edit_end(c, key, e, NOTIFY_HASH, done ? "hset" : NULL, (uint64_t)done);
    if (done && t->option == TIMED_AT) context_notify(c, NOTIFY_HASH, "hexpire", key.text, db_index(c->db));
    if (done == f->count) {
        setex_journal(c, f, t, &due);
        reply_integer(c->reply, 1);
    } else {
        hash_no_memory(c);
    }
    done_release(&due);
}

void hash_setex_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct fields f;
    struct timed t;
    struct db_edit e;
    if (!parse_timed(c, true, &t, &f) || !context_edit(c, key, TYPE_HASH, &e)) return;
    if (!setex_may(c, &e.edit, &f, &t)) {
        context_edit_end(c, key, &e, NOTIFY_HASH, NULL, 0);
        reply_integer(c->reply, 0);
    } else if (t.option == TIMED_AT && t.at <= e.edit.now_ms) {
        setex_past(c, key, &e, &f);
    } else {
        setex_put(c, key, &e, &f, &t);
    }
}

/* ---- HGETDEL ---- */

void hash_getdel_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct fields f;
    struct db_edit e;
    uint64_t removed = 0;
    if (!parse_fields(c, 2, 1, &f) || !context_edit(c, key, TYPE_HASH, &e)) return;
    reply_array(c->reply, f.count);
    for (int i = 0; i < f.count; i++) {
        reply_found(c, e.edit.value, field_at(c, &f, i), e.edit.now_ms);
        removed += hash_remove(&e.edit, field_at(c, &f, i));
    }
    context_edit_end(c, key, &e, NOTIFY_HASH, removed ? "hdel" : NULL, removed);
}
