/* Append-only files: bytes as an increment of a folder, with and without a whole group around them, and as a manifest. Whatever is
 * in them is loaded or refused; what is loaded is sound, and loads again when it is cut where the loader said. */
#include "base/check.h"
#include "base/log.h"
#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/hash.h"
#include "commands/list.h"
#include "commands/set.h"
#include "commands/sorted_set.h"
#include "commands/stream.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "persist/aof_group_int.h"
#include "persist/aof_load_int.h"
#include "persist/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ID         0x0123456789abcdefull
#define STRING_MAX ((int64_t)1 << 20)

static const struct command_list lists[] = {{connection_commands}, {string_commands},     {generic_commands},
                                            {list_commands},       {sorted_set_commands}, {hash_commands},
                                            {set_commands},        {stream_commands},     {transaction_commands}};

static const char *folder(void) {
    static char name[64];
    if (name[0]) return name;
    snprintf(name, sizeof name, "%s/tarn-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(name)) abort();
    return name;
}

static void put(const char *name, const void *bytes, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    FILE *f = fopen(path, "w");
    if (!f || (n && fwrite(bytes, 1, n, f) != n)) abort();
    fclose(f);
}

/* Returns how much of the file holds true; -1 when it is refused. */
static int64_t load(size_t *keys) {
    struct aof_load l = {.truncated_ok = true,
                         .corrupt_tail_max = 16,
                         .lists = lists,
                         .list_count = countof(lists),
                         .string_max = STRING_MAX};
    struct load_options options = {
        .path = "fuzz", .databases = 16, .checksum = true, .lfu_log_factor = 10, .body = aof_load_run, .body_arg = &l};
    char why[LOAD_ERROR_MAX] = "";
    snprintf(l.folder, sizeof l.folder, "%s", folder());
    snprintf(l.old_path, sizeof l.old_path, "%s/a", folder());
    snprintf(l.file_name, sizeof l.file_name, "a");
    struct dataset *ds = load_file(&options, NULL, why);
    proven((ds == NULL) == (why[0] != '\0'));
    int64_t kept = ds ? l.last_kept : -1;
    if (ds) {
        *keys = dataset_keys(ds);
        dataset_free(ds);
    }
    aof_manifest_release(&l.manifest);
    return kept;
}

static void fuzz_manifest(const char *text, size_t n) {
    char why[AOF_WHY_MAX];
    struct aof_manifest m, again;
    aof_manifest_init(&m);
    if (aof_manifest_parse(&m, slice_of(text, n), why)) {
        struct buf out;
        buf_init(&out, MEM_SERVER);
        aof_manifest_init(&again);
        aof_manifest_format(&m, &out);
        bool empty = out.len == 0; /* nothing but comments */
        proven(empty || aof_manifest_parse(&again, buf_slice(&out), why));
        proven(again.count == m.count);
        aof_manifest_release(&again);
        buf_release(&out);
    }
    aof_manifest_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct buf file;
    char line[AOF_LINE_MAX];
    size_t keys = 0, again = 0;
    log_set_level(LOG_NOTHING);
    if (n < 2) return 0;
    const char *bytes = (const char *)data + 1;
    if (data[0] % 4 == 0) {
        fuzz_manifest(bytes, n - 1);
        return 0;
    }
    buf_init(&file, MEM_SERVER);
    if (data[0] % 4 != 1) buf_append(&file, line, aof_head_format(line, ID));
    if (data[0] % 4 == 2)
        buf_append(&file, line, aof_group_format(line, ID, (int64_t)file.len, slice_of(bytes, n - 1), 0));
    buf_append(&file, bytes, n - 1);
    put("a.manifest", "file a.1.incr.aof seq 1 type i\n", 31);
    put("a.1.incr.aof", file.ptr, file.len);
    int64_t kept = load(&keys);
    proven(kept <= (int64_t)file.len);
    if (kept >= 0) {
        put("a.1.incr.aof", file.ptr, (size_t)kept);
        proven(load(&again) == kept && again == keys);
    }
    buf_release(&file);
    return 0;
}
