/* libFuzzer: a configuration file. It is read (every mistake told, to nobody), rewritten with all directives, and read again
 * by a fresh registry: the values must be the same. Files with an include are left out: they would read the machine's own. */
#include "base/check.h"
#include "server/config_int.h"
#include "server/settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void quiet(void) {
    int nowhere = open("/dev/null", O_WRONLY);
    proven(nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0);
    stderr = fdopen(nowhere, "w"); /* descriptor 2 stays for the fuzzer's own reports */
    proven(stderr);
    snprintf(path, sizeof path, "/dev/shm/tarn-fuzz-config-%d", (int)getpid());
}

static void start(void) {
    const struct directive_list lists[] = {settings_directives, inert_directives};
    char *argv[] = {"tarn-server", "--check-config", path};
    config_init(lists, 2);
    config_load(3, argv);
}

/* All values, name by name, in the order of the rows. */
static void show_all(struct buf *out) {
    const struct config_registry *c = config_registry();
    for (size_t i = 0; i < c->item_count; i++) {
        config_format(&c->items[i], out);
        buf_append(out, "\n", 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf before, after;
    if (path[0] == '\0') quiet();
    for (size_t i = 0; i + 7 <= size; i++) {
        if (slice_is(slice_of((const char *)data + i, 7), "include")) return -1;
    }
    FILE *f = fopen(path, "w");
    proven(f && fwrite(data, 1, size, f) == size);
    proven(fclose(f) == 0);
    buf_init(&before, MEM_SERVER);
    buf_init(&after, MEM_SERVER);
    start();
    show_all(&before);
    proven(config_rewrite(true) == 0);
    config_release();
    start();
    show_all(&after);
    proven(slice_equal(buf_slice(&before), buf_slice(&after)));
    config_release();
    buf_release(&before);
    buf_release(&after);
    unlink(path);
    return 0;
}
