/* Memory limits of control groups, as cgroups(7) and the kernel's cgroup-v1/memory and cgroup-v2 documents describe them.
 *
 * /proc/self/cgroup names the group of each hierarchy: "0::/path" in v2, "7:cpu,memory:/path" in v1. A limit may stand at any
 * group above. In a container the path may be that of the host, which is not there: then the mounted root is the group. */
#include "base/check.h"
#include "io/file.h"
#include "io/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

struct hierarchy {
    const char *root;
    const char *mount;
    const char *limit, *used; /* files of a group */
};

/* The number in a file; -1 without one ("max", no such file). */
static int64_t read_number(const struct hierarchy *h, const char *group, const char *file) {
    char path[PATH_SIZE], text[64], *end;
    int len = snprintf(path, sizeof path, "%s%s%s/%s", h->root, h->mount, group, file);
    if (len < 0 || (size_t)len >= sizeof path) return -1;
    ssize_t n = file_read_whole(path, text, sizeof text - 1);
    if (n <= 0) return -1;
    text[n] = '\0';
    unsigned long long v = strtoull(text, &end, 10);
    return end == text || v > INT64_MAX ? -1 : (int64_t)v;
}

/* Each group from this one up to the root. */
static void lower_to(const struct hierarchy *h, char *group, struct process_memory *out) {
    for (;;) {
        int64_t limit = read_number(h, group, h->limit);
        if (limit > 0 && limit < out->limit_bytes) {
            int64_t used = read_number(h, group, h->used);
            *out = (struct process_memory){limit, used > 0 ? used : 0, true};
        }
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = '\0';
    }
}

static bool names_memory(const char *controllers) {
    size_t n = strcspn(controllers, ":");
    for (const char *at = controllers; at < controllers + n;) {
        size_t word = strcspn(at, ",:");
        if (word == 6 && memcmp(at, "memory", 6) == 0) return true;
        at += word + 1;
    }
    return false;
}

/* One line, without its end: "id:controllers:/path". */
static void read_line(const char *root, const char *line, struct process_memory *out) {
    static const struct {
        const char *mount, *limit, *used;
        bool v2;
    } places[] = {
        {"/sys/fs/cgroup", "memory.max", "memory.current", true},
        {"/sys/fs/cgroup/unified", "memory.max", "memory.current", true},
        {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", false},
    };
    const char *controllers = strchr(line, ':');
    const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return;
    bool v2 = path == controllers + 1;
    if (!v2 && !names_memory(controllers + 1)) return;
    for (size_t i = 0; i < countof(places); i++) {
        char group[PATH_SIZE];
        if (places[i].v2 != v2 || strlen(path + 1) >= sizeof group) continue;
        strcpy(group, strcmp(path + 1, "/") == 0 ? "" : path + 1);
        lower_to(&(struct hierarchy){root, places[i].mount, places[i].limit, places[i].used}, group, out);
    }
}

void process_memory_under(const char *root, struct process_memory *out) {
    char path[PATH_SIZE], text[PATH_SIZE * 4];
    *out = (struct process_memory){.limit_bytes = process_total_memory_bytes()};
    int len = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (len < 0 || (size_t)len >= sizeof path) return;
    ssize_t n = file_read_whole(path, text, sizeof text - 1);
    if (n <= 0) return;
    text[n] = '\0';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) read_line(root, line, out);
}

void process_memory(struct process_memory *out) { process_memory_under("", out); }
