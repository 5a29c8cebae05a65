#include "observe/commandlog.h"

#include "base/check.h"
#include "mem/mem.h"
#include "observe/observe_int.h"

#include <stdio.h>

#define NOTE_MAX 48 /* "... (18446744073709551615 more arguments)" */
#define HIDDEN   "(redacted)"

/* ---- what must not be shown ---- */

static bool hide_all(const struct slice *argv, int argc, int i) {
    (void)argv;
    (void)argc;
    return i > 0;
}

static bool hide_after_subcommand(const struct slice *argv, int argc, int i) {
    (void)argv;
    (void)argc;
    return i > 1;
}

/* HELLO protover AUTH user password. */
static bool hide_hello(const struct slice *argv, int argc, int i) {
    (void)argc;
    return (i > 1 && slice_is(argv[i - 1], "auth")) || (i > 2 && slice_is(argv[i - 2], "auth"));
}

/* MIGRATE ... AUTH password, AUTH2 user password; options begin behind the five fixed arguments. */
static bool hide_migrate(const struct slice *argv, int argc, int i) {
    (void)argc;
    if (i < 7) return false;
    return slice_is(argv[i - 1], "auth") || slice_is(argv[i - 1], "auth2") || slice_is(argv[i - 2], "auth2");
}

/* CONFIG SET name value ... */
static bool hide_config(const struct slice *argv, int argc, int i) {
    (void)argc;
    return i > 2 && i % 2 == 1 && observe.is_sensitive && observe.is_sensitive(argv[i - 1]);
}

bool (*commandlog_hider(const char *name))(const struct slice *argv, int argc, int i) {
    static const struct {
        const char *name;
        bool (*hide)(const struct slice *argv, int argc, int i);
    } hiders[] = {
        {"auth", hide_all},          {"hello", hide_hello},
        {"migrate", hide_migrate},   {"acl|setuser", hide_after_subcommand},
        {"config|set", hide_config},
    };
    for (size_t i = 0; i < countof(hiders); i++) {
        if (strcmp(name, hiders[i].name) == 0) return hiders[i].hide;
    }
    return NULL;
}

/* ---- entries ---- */

/* How one argument is kept: its first bytes, and a note of what is missing. */
struct kept {
    struct slice head;
    char note[NOTE_MAX];
    size_t note_len;
};

static void keep_argument(const struct commandlog_record *r, const struct commandlog_limits *limits, int i,
                          int kept_argc, struct kept *out) {
    size_t max = (size_t)limits->max_string_len;
    out->head = r->argv[i];
    out->note_len = 0;
    if (i == kept_argc - 1 && kept_argc < r->argc) {
        out->head = slice_of("", 0);
        out->note_len = (size_t)snprintf(out->note, NOTE_MAX, "... (%d more arguments)", r->argc - kept_argc + 1);
    } else if (r->hide && r->hide(r->argv, r->argc, i)) {
        out->head = SLICE(HIDDEN);
    } else if (out->head.len > max) {
        out->note_len = (size_t)snprintf(out->note, NOTE_MAX, "... (%zu more bytes)", out->head.len - max);
        out->head.len = max;
    }
}

static struct slice put(char **place, struct slice s) {
    char *at = *place;
    if (s.len) memcpy(at, s.ptr, s.len);
    *place += s.len;
    return slice_of(at, s.len);
}

static struct commandlog_entry *entry_new(const struct commandlog_record *r, const struct commandlog_limits *limits) {
    int argc = r->argc <= limits->max_argc ? r->argc : (int)limits->max_argc;
    struct slice peer = slice_of_cstr(r->peer);
    struct kept kept;
    size_t size = sizeof(struct commandlog_entry) + (size_t)argc * sizeof(struct slice) + peer.len + r->client_name.len;
    for (int i = 0; i < argc; i++) {
        keep_argument(r, limits, i, argc, &kept);
        size += kept.head.len + kept.note_len;
    }
    struct commandlog_entry *e = mem_alloc(MEM_OBSERVE, size);
    *e = (struct commandlog_entry){.size = size, .time_s = r->time_s, .value = r->value, .argc = argc};
    char *place = (char *)&e->argv[argc];
    e->peer = put(&place, peer);
    e->client_name = put(&place, r->client_name);
    for (int i = 0; i < argc; i++) {
        keep_argument(r, limits, i, argc, &kept);
        e->argv[i] = put(&place, kept.head);
        e->argv[i].len += put(&place, slice_of(kept.note, kept.note_len)).len;
    }
    proven(place == (char *)e + size);
    return e;
}

static void drop_oldest(struct commandlog *log) {
    struct commandlog_entry *e = list_entry(log->entries.prev, struct commandlog_entry, place);
    list_remove(&e->place);
    log->len--;
    mem_free(MEM_OBSERVE, e, e->size);
}

/* ---- logs ---- */

void commandlog_init(struct commandlog *log) {
    list_init(&log->entries);
    log->len = 0;
    log->next_id = 0;
}

void commandlog_add(struct commandlog *log, const struct commandlog_record *record,
                    const struct commandlog_limits *limits) {
    uint64_t id = log->next_id++;
    if (log->max_len == 0) return;
    struct commandlog_entry *e = entry_new(record, limits);
    e->id = id;
    list_prepend(&log->entries, &e->place);
    log->len++;
    commandlog_trim(log);
}

void commandlog_trim(struct commandlog *log) {
    while (log->len > (uint64_t)log->max_len) drop_oldest(log);
}

void commandlog_clear(struct commandlog *log) {
    while (log->len > 0) drop_oldest(log);
}
