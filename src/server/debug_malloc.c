/* DEBUG MALLCTL and MALLCTL-STR: the tuning values of jemalloc by name (jemalloc(3), MALLCTL NAMESPACE). */
#include "server/debug_int.h"

#include "base/check.h"
#include "exec/context.h"

#include <errno.h>
#include <stdio.h>

#ifdef TARN_JEMALLOC
#include <jemalloc/jemalloc.h>

#define NAME_MAX_LEN 256

static bool take_name(struct context *c, char name[NAME_MAX_LEN]) {
    struct slice s = c->argv[2];
    if (s.len >= NAME_MAX_LEN) {
        reply_error(c->reply, "ERR No such file or directory");
        return false;
    }
    if (s.len) memcpy(name, s.ptr, s.len);
    name[s.len] = '\0';
    return true;
}

/* Values have 8, 4 or 1 bytes, and jemalloc refuses a wrong size: which it is shows by trying. 0 or errno. */
static int read_number(const char *name, uint64_t *value, size_t *size) {
    static const size_t sizes[] = {8, 4, 1};
    int failed = EINVAL;
    for (size_t i = 0; i < 3 && failed == EINVAL; i++) {
        *value = 0;
        *size = sizes[i];
        failed = mallctl(name, value, size, NULL, 0);
    }
    return failed;
}

static bool is_little_endian(void) { return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__; }

void debug_mallctl(struct context *c) {
    char name[NAME_MAX_LEN];
    uint64_t value;
    size_t size;
    int64_t fresh;
    if (!take_name(c, name) || (c->argc == 4 && !context_integer(c, 3, &fresh))) return;
    int failed = read_number(name, &value, &size);
    /* The low bytes come first, so a pointer to 8 bytes serves for 4 and 1. */
    if (!failed && c->argc == 4) failed = is_little_endian() ? mallctl(name, NULL, NULL, &fresh, size) : EINVAL;
    if (failed) {
        reply_error_format(c->reply, "ERR %s", strerror(failed));
    } else {
        reply_integer(c->reply, (int64_t)value);
    }
}

/* Only values that are known to be texts may be read as such: the pointer of another one would lead anywhere. */
static bool is_text(const char *name) {
    static const char *const texts[] = {"version",  "config.malloc_conf",  "opt.metadata_thp",
                                        "opt.dss",  "opt.percpu_arena",    "opt.thp",
                                        "opt.junk", "opt.stats_print_opts"};
    for (size_t i = 0; i < countof(texts); i++) {
        if (strcmp(texts[i], name) == 0) return true;
    }
    const char *last = strrchr(name, '.');
    return strncmp(name, "arena.", 6) == 0 && last && strcmp(last, ".dss") == 0;
}

void debug_mallctl_text(struct context *c) {
    char name[NAME_MAX_LEN], fresh[NAME_MAX_LEN];
    const char *value = "", *fresh_at = fresh;
    size_t size = sizeof value;
    if (!take_name(c, name)) return;
    size_t mib[8], mib_len = 8;
    int failed = mallctlnametomib(name, mib, &mib_len);
    if (!failed && !is_text(name)) failed = EINVAL;
    if (!failed && c->argc == 4) {
        snprintf(fresh, sizeof fresh, "%.*s", (int)(c->argv[3].len < 255 ? c->argv[3].len : 255), c->argv[3].ptr);
        failed = mallctl(name, &value, &size, &fresh_at, sizeof fresh_at);
    } else if (!failed) {
        failed = mallctl(name, &value, &size, NULL, 0);
    }
    if (failed) {
        reply_error_format(c->reply, "ERR %s", strerror(failed));
    } else {
        reply_bulk_cstr(c->reply, value);
    }
}

#else

void debug_mallctl(struct context *c) { reply_error(c->reply, "ERR jemalloc is not in use"); }
void debug_mallctl_text(struct context *c) { reply_error(c->reply, "ERR jemalloc is not in use"); }

#endif
