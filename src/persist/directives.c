/* The room's directives. */
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"

#include "base/check.h"
#include "base/num.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

void persist_share_delays(void) {
    struct persist_state *p = &persist_state;
    proven(p->settings.load_delay_us >= INT_MIN && p->settings.load_delay_us <= INT_MAX);
    proven(p->settings.save_delay_us >= INT_MIN && p->settings.save_delay_us <= INT_MAX);
    atomic_store_explicit(&p->load_delay_us, p->settings.load_delay_us, memory_order_relaxed);
    atomic_store_explicit(&p->save_delay_us, p->settings.save_delay_us, memory_order_relaxed);
}

static const char *apply_delays(void) {
    persist_share_delays();
    return NULL;
}

/* ---- save ---- */
static bool parse_point(const struct slice *words, struct save_point *point) {
    proven(words && point);
    return num_parse_i64(words[0], &point->seconds) && num_parse_i64(words[1], &point->changes) &&
           point->seconds >= 1 && point->changes >= 0;
}

static const char *set_save(const struct slice *words, int count, bool first) {
    struct persist_settings *s = &persist_state.settings;
    struct save_point points[SAVE_POINTS_MAX];
    unsigned n = first ? 0 : s->point_count;
    proven(n <= SAVE_POINTS_MAX && count >= 0);
    memcpy(points, s->points, n * sizeof(points[0]));
    bool none = count == 0 || (count == 1 && words[0].len == 0);
    if (none) n = 0;
    if (!none && count % 2 != 0) return "Invalid save parameters";
    for (int i = 0; !none && i < count; i += 2) {
        if (n == SAVE_POINTS_MAX) return "Too many save parameters";
        if (!parse_point(words + i, &points[n++])) return "Invalid save parameters";
    }
    memcpy(s->points, points, n * sizeof(points[0]));
    s->point_count = n;
    return NULL;
}

static size_t get_save(char *dst, size_t cap) {
    const struct persist_settings *s = &persist_state.settings;
    size_t n = 0;
    for (unsigned i = 0; i < s->point_count; i++) {
        char text[2 * NUM_TEXT_MAX + 2];
        int len = snprintf(text, sizeof(text), "%s%lld %lld", i ? " " : "", (long long)s->points[i].seconds,
                           (long long)s->points[i].changes);
        proven(len > 0 && (size_t)len < sizeof(text) && n <= cap);
        size_t copied = (size_t)len < cap - n ? (size_t)len : cap - n;
        memcpy(dst + n, text, copied);
        n += copied;
    }
    return n;
}

/* ---- files ---- */
static const char *set_dir(const struct slice *words, int count, bool first) {
    char path[PATH_MAX];
    (void)first;
    proven(count >= 0);
    if (count != 1 || words[0].len == 0 || words[0].len >= sizeof(path)) return "wrong path";
    memcpy(path, words[0].ptr, words[0].len);
    path[words[0].len] = '\0';
    if (chdir(path) == 0) return NULL;
    snprintf(persist_state.error, sizeof(persist_state.error), "%s", strerror(errno));
    return persist_state.error;
}

static size_t get_dir(char *dst, size_t cap) {
    char path[PATH_MAX];
    if (!getcwd(path, sizeof(path))) return 0;
    size_t n = strlen(path) < cap ? strlen(path) : cap;
    proven(n <= cap);
    memcpy(dst, path, n);
    return n;
}

static const char *check_file_name(struct slice value) {
    proven(value.ptr || value.len == 0);
    bool has_separator = value.len && memchr(value.ptr, '/', value.len);
    return has_separator ? "dbfilename can't be a path, just a filename" : NULL;
}

/* ---- the append-only file ---- */
static const char *check_aof_name(struct slice value, const char *why) {
    proven(why != NULL);
    return value.len == 0 || value.len > AOF_NAME_MAX - 64 || memchr(value.ptr, '/', value.len) ? why : NULL;
}

static const char *check_appendfilename(struct slice value) {
    proven(value.ptr || value.len == 0);
    return check_aof_name(value, "appendfilename can't be a path, just a filename");
}

static const char *check_appenddirname(struct slice value) {
    proven(value.ptr || value.len == 0);
    return check_aof_name(value, "appenddirname can't be a path, just a dirname");
}

static const char *apply_appendonly(void) {
    proven(persist_state.executor != NULL);
    return persist_state.settings.aof.on ? aof_turn_on() : aof_turn_off();
}

static const struct directive_choice fsyncs[] = {
    {"everysec", AOF_FSYNC_EVERYSEC}, {"always", AOF_FSYNC_ALWAYS}, {"no", AOF_FSYNC_NO}, {0}};

/* ---- the rows ---- */
static const struct directive_choice versions[] = {{"auto", 0}, {"9", 9}, {"10", 10}, {"11", 11}, {"80", 80}, {0}};
static const struct directive_choice version_checks[] = {{"strict", 0}, {"relaxed", 1}, {0}};
static const struct directive_choice oversizes[] = {{"refuse", 0}, {"try", 1}, {0}};
static const struct directive_choice sanitizing[] = {{"no", 0}, {"yes", 1}, {"clients", 2}, {0}};

#define SETTING(field) &persist_state.settings.field
static const struct directive rows[] = {
    {.name = "save",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_MULTI | DIRECTIVE_ADDITIVE,
     .initial = "3600 1 300 100 60 10000",
     .set = set_save,
     .get = get_save},
    {.name = "dir",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_PROTECTED | DIRECTIVE_NOT_LOADING,
     .initial = "./",
     .set = set_dir,
     .get = get_dir},
    {.name = "dbfilename",
     .type = DIRECTIVE_STRING,
     .flags = DIRECTIVE_PROTECTED,
     .value = SETTING(file_name),
     .initial = "dump.rdb",
     .check = check_file_name},
    {.name = "rdbcompression", .type = DIRECTIVE_BOOL, .value = SETTING(compress), .initial = "yes"},
    {.name = "rdbchecksum",
     .type = DIRECTIVE_BOOL,
     .flags = DIRECTIVE_IMMUTABLE,
     .value = SETTING(checksum),
     .initial = "yes"},
    {.name = "rdb-save-incremental-fsync",
     .type = DIRECTIVE_BOOL,
     .value = SETTING(incremental_sync),
     .initial = "yes"},
    {.name = "rdb-del-sync-files",
     .type = DIRECTIVE_BOOL,
     .flags = DIRECTIVE_INERT,
     .value = SETTING(del_sync_files),
     .initial = "no"},
    {.name = "stop-writes-on-bgsave-error", .type = DIRECTIVE_BOOL, .value = SETTING(stop_writes), .initial = "yes"},
    {.name = "rdb-version", .type = DIRECTIVE_ENUM, .value = SETTING(version), .initial = "auto", .choices = versions},
    {.name = "rdb-version-check",
     .type = DIRECTIVE_ENUM,
     .value = SETTING(version_check),
     .initial = "strict",
     .choices = version_checks},
    {.name = "load-salvage", .type = DIRECTIVE_BOOL, .value = SETTING(salvage), .initial = "no"},
    {.name = "sanitize-dump-payload",
     .type = DIRECTIVE_ENUM,
     .flags = DIRECTIVE_INERT,
     .value = SETTING(sanitize),
     .initial = "no",
     .choices = sanitizing},
    {.name = "load-oversize",
     .type = DIRECTIVE_ENUM,
     .value = SETTING(load_oversize),
     .initial = "refuse",
     .choices = oversizes},
    {.name = "key-load-delay",
     .type = DIRECTIVE_INT,
     .flags = DIRECTIVE_HIDDEN,
     .value = SETTING(load_delay_us),
     .initial = "0",
     .min = INT_MIN,
     .max = INT_MAX,
     .apply = apply_delays},
    {.name = "rdb-key-save-delay",
     .type = DIRECTIVE_INT,
     .flags = DIRECTIVE_HIDDEN,
     .value = SETTING(save_delay_us),
     .initial = "0",
     .min = INT_MIN,
     .max = INT_MAX,
     .apply = apply_delays},
    {.name = "appendonly",
     .type = DIRECTIVE_BOOL,
     .flags = DIRECTIVE_NOT_LOADING,
     .value = SETTING(aof.on),
     .initial = "no",
     .apply = apply_appendonly},
    {.name = "appendfilename",
     .type = DIRECTIVE_STRING,
     .flags = DIRECTIVE_IMMUTABLE,
     .value = SETTING(aof.file_name),
     .initial = "appendonly.aof",
     .check = check_appendfilename},
    {.name = "appenddirname",
     .type = DIRECTIVE_STRING,
     .flags = DIRECTIVE_IMMUTABLE,
     .value = SETTING(aof.folder_name),
     .initial = "appendonlydir",
     .check = check_appenddirname},
    {.name = "appendfsync",
     .type = DIRECTIVE_ENUM,
     .value = SETTING(aof.fsync),
     .initial = "everysec",
     .choices = fsyncs},
    {.name = "no-appendfsync-on-rewrite",
     .type = DIRECTIVE_BOOL,
     .value = SETTING(aof.no_sync_on_rewrite),
     .initial = "no"},
    {.name = "auto-aof-rewrite-percentage",
     .type = DIRECTIVE_INT,
     .value = SETTING(aof.rewrite_percent),
     .initial = "100",
     .min = 0,
     .max = INT_MAX},
    {.name = "auto-aof-rewrite-min-size",
     .type = DIRECTIVE_MEMORY,
     .value = SETTING(aof.rewrite_min_size),
     .initial = "67108864",
     .min = 0,
     .max = INT64_MAX},
    {.name = "aof-load-truncated", .type = DIRECTIVE_BOOL, .value = SETTING(aof.load_truncated), .initial = "yes"},
    {.name = "aof-load-corrupt-tail-max-size",
     .type = DIRECTIVE_MEMORY,
     .value = SETTING(aof.corrupt_tail_max),
     .initial = "0",
     .min = 0,
     .max = INT64_MAX},
    {.name = "aof-use-rdb-preamble", .type = DIRECTIVE_BOOL, .value = SETTING(aof.use_rdb), .initial = "yes"},
    {.name = "aof-timestamp-enabled", .type = DIRECTIVE_BOOL, .value = SETTING(aof.timestamps), .initial = "no"},
    {.name = "aof-rewrite-incremental-fsync",
     .type = DIRECTIVE_BOOL,
     .value = SETTING(aof.incremental_sync),
     .initial = "yes"},
    {.name = "aof-disable-auto-gc",
     .type = DIRECTIVE_BOOL,
     .flags = DIRECTIVE_HIDDEN,
     .value = SETTING(aof.keep_history),
     .initial = "no"},
    /* Nothing waits for the loader here, so there is nothing for it to let in between. */
    {.name = "loading-process-events-interval-bytes",
     .type = DIRECTIVE_MEMORY,
     .flags = DIRECTIVE_HIDDEN,
     .value = SETTING(events_interval_bytes),
     .initial = "2097152",
     .min = 1024,
     .max = INT_MAX},
};
const struct directive_list persist_directives = {rows, countof(rows)};
