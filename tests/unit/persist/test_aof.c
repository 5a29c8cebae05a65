/* The append-only file as bytes: groups, manifests, and what is read of folders that are whole, cut, or damaged. */
#include "unit/persist/aof_outcome.h"

#include "base/log.h"
#include "base/random.h"
#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "persist/aof_group_int.h"

#include <sys/stat.h>

#define ID 0x0123456789abcdefull

static const struct command_list lists[] = {
    {connection_commands}, {string_commands}, {generic_commands}, {transaction_commands}};

/* ---- groups ---- */
static void a_group_is_what_was_written(void **state) {
    (void)state;
    char line[AOF_LINE_MAX];
    struct aof_group g;
    uint64_t id;
    size_t n = aof_head_format(line, ID);
    assert_true(aof_head_parse(slice_of(line, n - 2), &id));
    assert_true(id == ID);
    n = aof_group_format(line, ID, 50, SLICE("hello"), 7);
    assert_true(aof_group_parse(slice_of(line, n - 2), &g));
    assert_true(g.len == 5 && g.lag == 7);
    assert_true(aof_group_fits(&g, ID, 50, "hello"));
    assert_false(aof_group_fits(&g, ID, 50, "hellp"));
    assert_false(aof_group_fits(&g, ID, 51, "hello"));     /* another place */
    assert_false(aof_group_fits(&g, ID + 1, 50, "hello")); /* another file */
    g.lag = 6;
    assert_false(aof_group_fits(&g, ID, 50, "hello"));
}

/* No change of one bit of a line leaves it the line of a group that fits. */
static void a_line_with_a_flipped_bit_is_none(void **state) {
    (void)state;
    char line[AOF_LINE_MAX];
    size_t n = aof_group_format(line, ID, 50, SLICE("hello"), 7);
    for (size_t bit = 0; bit < (n - 2) * 8; bit++) {
        struct aof_group g;
        line[bit / 8] = (char)(line[bit / 8] ^ (1 << bit % 8));
        bool fits = aof_group_parse(slice_of(line, n - 2), &g) && g.len == 5 && aof_group_fits(&g, ID, 50, "hello");
        assert_false(fits);
        line[bit / 8] = (char)(line[bit / 8] ^ (1 << bit % 8));
    }
}

/* ---- manifests ---- */
static bool is_taken(struct slice text) {
    char why[AOF_WHY_MAX];
    struct aof_manifest m;
    aof_manifest_init(&m);
    bool taken = aof_manifest_parse(&m, text, why);
    aof_manifest_release(&m);
    return taken;
}

/* Cut or changed it is refused, but not when all that is damaged is the mark of the first line. */
static void assert_sum_holds(struct slice text) {
    char copy[512];
    assert_true(is_taken(text) && text.len <= sizeof copy);
    for (size_t n = 0; n < text.len; n++) assert_false(is_taken(slice_of(text.ptr, n)));
    for (size_t bit = 15 * 8; bit < text.len * 8; bit++) {
        memcpy(copy, text.ptr, text.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        assert_false(is_taken(slice_of(copy, text.len)));
    }
}

static void manifests_come_back_as_they_were_written(void **state) {
    (void)state;
    static const char text[] = "file a.3.base.rdb seq 3 type b\n"
                               "file \"with space.1.incr.aof\" seq 1 type h\n"
                               "file a.4.incr.aof seq 4 type i\n"
                               "file a.5.incr.aof seq 5 type i\n";
    char why[AOF_WHY_MAX];
    struct aof_manifest m;
    struct buf out;
    aof_manifest_init(&m);
    buf_init(&out, MEM_SERVER);
    assert_true(aof_manifest_parse(&m, slice_of_cstr(text), why));
    assert_int_equal(m.count, 4);
    assert_true(m.base_seq == 3 && m.incr_seq == 5);
    assert_string_equal(aof_manifest_last(&m)->name, "a.5.incr.aof");
    aof_manifest_format(&m, &out);
    size_t sum = out.len - (sizeof text - 1);
    assert_memory_equal(out.ptr, "#TARN-MANIFEST ", 15);
    assert_int_equal(out.ptr[sum - 1], '\n');
    assert_memory_equal(out.ptr + sum, text, sizeof text - 1);
    assert_sum_holds(buf_slice(&out));
    aof_manifest_replace_base(&m, "a.6.base.rdb", 6, 4);
    aof_manifest_drop_history(&m);
    assert_int_equal(m.count, 2);
    assert_string_equal(aof_manifest_base(&m)->name, "a.6.base.rdb");
    buf_release(&out);
    aof_manifest_release(&m);
}

static void bad_manifests_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "file a seq 1 type b",
        "file a seq 1 type x\n",
        "file a seq 0 type b\n",
        "file a seq -1 type b\n",
        "file a seq one type b\n",
        "file a/b seq 1 type b\n",
        "file a seq 1\n",
        "file a seq 1 type b extra\n",
        "file \"a seq 1 type b\n",
        "file a seq 1 type b\nfile b seq 2 type b\n",
        "file a seq 1 type i\nfile a seq 2 type i\n",
        "file a seq 2 type i\nfile b seq 2 type i\n",
        "file \"a\\x00b\" seq 1 type b\n",
    };
    for (size_t i = 0; i < countof(bad); i++) {
        char why[AOF_WHY_MAX];
        struct aof_manifest m;
        aof_manifest_init(&m);
        if (aof_manifest_parse(&m, slice_of_cstr(bad[i]), why)) fail_msg("taken: %s", bad[i]);
        assert_true(why[0] != '\0');
        aof_manifest_release(&m);
    }
}

/* ---- folders ---- */
struct world {
    char dir[64];
    struct buf file; /* the last increment */
    size_t ends[32]; /* of its groups */
    unsigned groups;
};

static void add_command(struct buf *b, const char *text) {
    char copy[256];
    struct slice words[16];
    int n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) words[n++] = slice_of_cstr(at);
    buf_printf(b, "*%d\r\n", n);
    for (int i = 0; i < n; i++) buf_printf(b, "$%zu\r\n%s\r\n", words[i].len, words[i].ptr);
}

static void add_group(struct world *w, struct buf *bytes, size_t synced) {
    char line[AOF_LINE_MAX];
    size_t n = aof_group_format(line, ID, (int64_t)w->file.len, buf_slice(bytes), w->file.len - synced);
    buf_append(&w->file, line, n);
    buf_append_slice(&w->file, buf_slice(bytes));
    w->ends[w->groups++] = w->file.len;
    buf_release(bytes);
}

/* Group i sets key i and counts; every other is a MULTI. synced: each group was written after the ones before were on disk. */
static void fill(struct world *w, unsigned groups, bool synced) {
    char line[AOF_LINE_MAX];
    size_t n = aof_head_format(line, ID);
    buf_append(&w->file, line, n);
    for (unsigned i = 0; i < groups; i++) {
        char text[64];
        struct buf bytes;
        buf_init(&bytes, MEM_SERVER);
        snprintf(text, sizeof text, "SET k%u v%u", i, i);
        if (i == 0) add_command(&bytes, "SELECT 0");
        if (i % 2) add_command(&bytes, "MULTI");
        add_command(&bytes, text);
        add_command(&bytes, "INCR count");
        if (i % 2) add_command(&bytes, "EXEC");
        add_group(w, &bytes, synced ? w->file.len : n);
    }
}

static void path_of(const struct world *w, const char *name, char *path) { snprintf(path, 128, "%s/%s", w->dir, name); }

static void put_file(const struct world *w, const char *name, const void *bytes, size_t n) {
    char path[128];
    path_of(w, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (n) assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void put_text(const struct world *w, const char *name, const char *text) {
    put_file(w, name, text, strlen(text));
}

static int set_up(void **state) {
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "/tmp/tarn-aof-XXXXXX");
    if (!mkdtemp(w->dir)) return -1;
    buf_init(&w->file, MEM_SERVER);
    put_text(w, "a.manifest", "file a.1.incr.aof seq 1 type i\n");
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    static const char *const names[] = {"a.manifest", "a.1.incr.aof", "a.2.incr.aof", "a.1.base.rdb"};
    for (size_t i = 0; i < countof(names); i++) {
        char path[128];
        path_of(w, names[i], path);
        unlink(path);
    }
    rmdir(w->dir);
    buf_release(&w->file);
    free(w);
    return 0;
}

static void load_folder(const struct world *w, struct outcome *o, bool truncated_ok, int64_t corrupt_max) {
    char old_path[128];
    path_of(w, "a", old_path);
    outcome_load(o, &(struct outcome_options){.folder = w->dir,
                                              .old_path = old_path,
                                              .lists = lists,
                                              .list_count = countof(lists),
                                              .truncated_ok = truncated_ok,
                                              .corrupt_tail_max = corrupt_max});
}

static bool has_value(struct dataset *ds, const char *name, const char *value) {
    char scratch[NUM_TEXT_MAX];
    struct slice text = slice_of_cstr(name);
    const struct entry *e = db_view(dataset_db(ds, 0), key_of(ds, text), VIEW_NO_TOUCH);
    return e && slice_equal(entry_string(e, scratch), slice_of_cstr(value));
}

/* The data after exactly so many groups. */
static void assert_prefix(struct dataset *ds, unsigned groups) {
    char name[32], value[32];
    for (unsigned i = 0; i < groups; i++) {
        snprintf(name, sizeof name, "k%u", i);
        snprintf(value, sizeof value, "v%u", i);
        if (!has_value(ds, name, value)) fail_msg("%s is not %s after %u groups", name, value, groups);
    }
    snprintf(value, sizeof value, "%u", groups);
    assert_int_equal(dataset_keys(ds), groups ? groups + 1 : 0);
    if (groups) assert_true(has_value(ds, "count", value));
}

static unsigned groups_within(const struct world *w, size_t n) {
    unsigned i = 0;
    while (i < w->groups && w->ends[i] <= n) i++;
    return i;
}

static void a_whole_folder_loads(void **state) {
    struct world *w = *state;
    struct outcome o;
    fill(w, 6, true);
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
    load_folder(w, &o, false, 0);
    assert_string_equal(o.why, "");
    assert_prefix(o.ds, 6);
    assert_true(o.load.last_annotated && o.load.last_id == ID);
    assert_true(o.load.last_kept == (int64_t)w->file.len);
    outcome_release(&o);
}

static void every_cut_leaves_whole_groups(void **state) {
    struct world *w = *state;
    char line[AOF_LINE_MAX];
    size_t head = aof_head_format(line, ID);
    fill(w, 6, true);
    for (size_t n = head; n < w->file.len; n++) {
        struct outcome o;
        unsigned groups = groups_within(w, n);
        size_t kept = groups ? w->ends[groups - 1] : head;
        put_file(w, "a.1.incr.aof", w->file.ptr, n);
        load_folder(w, &o, true, 0);
        if (!o.ds) fail_msg("cut at %zu: %s", n, o.why);
        assert_prefix(o.ds, groups);
        assert_int_equal(o.load.last_kept, kept);
        outcome_release(&o);
        load_folder(w, &o, false, 0);
        assert_true((o.ds != NULL) == (kept == n));
        outcome_release(&o);
    }
}

/* In the last group: as if it had been torn. Before: refused, since a later one says that it was on disk. */
static void every_flipped_bit_is_noticed(void **state) {
    struct world *w = *state;
    fill(w, 5, true);
    for (size_t i = 0; i < w->file.len; i++) {
        struct outcome o;
        char was = w->file.ptr[i];
        w->file.ptr[i] = (char)(was ^ (1 << i % 8));
        put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
        w->file.ptr[i] = was;
        load_folder(w, &o, true, 0);
        if (o.ds) {
            if (i < w->ends[3]) fail_msg("a flipped bit in byte %zu was not refused", i);
            assert_prefix(o.ds, 4);
            assert_int_equal(o.load.last_kept, w->ends[3]);
        } else {
            assert_non_null(strstr(o.why, "offset"));
        }
        outcome_release(&o);
    }
}

/* Nothing was on disk yet: what a power loss leaves may have holes, and what comes before the first is the data. */
static void a_torn_tail_of_several_groups_is_cut(void **state) {
    struct world *w = *state;
    fill(w, 6, false);
    for (size_t from = w->ends[1]; from < w->ends[4]; from += 7) {
        struct outcome o;
        size_t n = w->ends[4] - from < 40 ? w->ends[4] - from : 40;
        char was[40];
        memcpy(was, w->file.ptr + from, n);
        memset(w->file.ptr + from, 0, n);
        put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
        memcpy(w->file.ptr + from, was, n);
        load_folder(w, &o, true, 0);
        if (!o.ds) fail_msg("zeros at %zu: %s", from, o.why);
        assert_prefix(o.ds, groups_within(w, from));
        outcome_release(&o);
    }
}

static void stale_groups_of_another_file_are_no_data(void **state) {
    struct world *w = *state;
    char line[AOF_LINE_MAX];
    struct buf bytes, file;
    struct outcome o;
    fill(w, 3, true);
    buf_init(&bytes, MEM_SERVER);
    buf_init(&file, MEM_SERVER);
    add_command(&bytes, "SET k0 stale");
    buf_append_slice(&file, buf_slice(&w->file));
    buf_append(&file, line, aof_group_format(line, ID + 1, (int64_t)file.len, buf_slice(&bytes), 0));
    buf_append_slice(&file, buf_slice(&bytes));
    put_file(w, "a.1.incr.aof", file.ptr, file.len);
    load_folder(w, &o, true, 0);
    assert_string_equal(o.why, "");
    assert_prefix(o.ds, 3);
    assert_true(o.load.last_kept == (int64_t)w->file.len);
    outcome_release(&o);
    buf_release(&bytes);
    buf_release(&file);
}

static void what_is_not_last_must_be_whole(void **state) {
    struct world *w = *state;
    struct outcome o;
    fill(w, 3, true);
    put_text(w, "a.manifest", "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n");
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len - 3);
    put_text(w, "a.2.incr.aof", "");
    load_folder(w, &o, true, 0);
    assert_null(o.ds);
    assert_non_null(strstr(o.why, "a.1.incr.aof"));
    outcome_release(&o);
}

/* ---- files of other servers: commands and nothing else ---- */
static void plain_file(struct buf *b) {
    buf_init(b, MEM_SERVER);
    add_command(b, "SELECT 0");
    buf_append_slice(b, SLICE("#TS:1700000000\r\n"));
    add_command(b, "SET k0 v0");
    add_command(b, "INCR count");
    add_command(b, "MULTI");
    add_command(b, "SET k1 v1");
    add_command(b, "INCR count");
    add_command(b, "EXEC");
}

static void plain_commands_load_and_may_be_cut(void **state) {
    struct world *w = *state;
    struct buf b;
    plain_file(&b);
    size_t multi = (size_t)((char *)memmem(b.ptr, b.len, "*1\r\n$5\r\nMULTI", 13) - b.ptr);
    for (size_t n = 0; n <= b.len; n++) {
        struct outcome o;
        put_file(w, "a.1.incr.aof", b.ptr, n);
        load_folder(w, &o, true, 0);
        if (!o.ds) fail_msg("cut at %zu: %s", n, o.why);
        assert_false(o.load.last_annotated);
        if (n == b.len) assert_prefix(o.ds, 2);
        if (n >= multi && n < b.len) {
            assert_prefix(o.ds, 1);
            assert_int_equal(o.load.last_kept, multi);
        }
        outcome_release(&o);
    }
    buf_release(&b);
}

static void what_is_no_command_is_refused(void **state) {
    struct world *w = *state;
    static const char *const bad[] = {
        "hello\r\n",
        "*0\r\n",
        "*1\r\n$3\r\nFOO\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        "*x\r\n",
        "*-5\r\n",
        "*1\r\n$-1\r\n",
        "*2\r\n$3\r\nSET\r\n$1\r\na\r\n",
        "\0\0\0\0\0\0\0\0",
    };
    for (size_t i = 0; i < countof(bad); i++) {
        struct outcome o;
        struct buf b;
        plain_file(&b);
        size_t n = i + 1 < countof(bad) ? strlen(bad[i]) : 8;
        buf_append(&b, bad[i], n);
        put_file(w, "a.1.incr.aof", b.ptr, b.len);
        load_folder(w, &o, true, 0);
        if (o.ds) fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(o.why, "offset"));
        outcome_release(&o);
        load_folder(w, &o, true, 8); /* up to 8 bytes at the end may be corrupt */
        if (i == 0) assert_prefix(o.ds, 2);
        outcome_release(&o);
        buf_release(&b);
    }
}

/* Redis has written on in a file of Tarn's. */
static void commands_behind_groups_load(void **state) {
    struct world *w = *state;
    struct outcome o;
    fill(w, 2, true);
    add_command(&w->file, "SELECT 0");
    add_command(&w->file, "SET k2 v2");
    add_command(&w->file, "INCR count");
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
    load_folder(w, &o, true, 0);
    assert_string_equal(o.why, "");
    assert_prefix(o.ds, 3);
    assert_false(o.load.last_annotated);
    outcome_release(&o);
}

/* Another server has written on behind groups, and a crash ended it inside a MULTI: nothing of that MULTI stays in the file, whatever
 * stands behind it, or the next group would be in it. */
static void what_tears_a_multi_behind_groups_takes_all_of_it(void **state) {
    struct world *w = *state;
    static const char *const torn[] = {"", "#", "#TARN-GROUP", "#TARN-GROUP 1 2 3\n", "*2\r\n$3", "#TS:17"};
    for (size_t i = 0; i < countof(torn); i++) {
        struct outcome o;
        w->file.len = 0;
        fill(w, 2, true);
        add_command(&w->file, "SELECT 0");
        size_t multi = w->file.len;
        add_command(&w->file, "MULTI");
        add_command(&w->file, "INCR count");
        buf_append(&w->file, torn[i], strlen(torn[i]));
        put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
        load_folder(w, &o, true, 0);
        if (!o.ds) fail_msg("%s: %s", torn[i], o.why);
        assert_int_equal(o.load.last_kept, multi);
        assert_prefix(o.ds, 2);
        outcome_release(&o);
    }
}

/* A group of some megabytes goes through a window that is much smaller; one that is cut or damaged leaves nothing behind. */
static void a_long_group_needs_little_memory(void **state) {
    struct world *w = *state;
    enum { COMMANDS = 100000, VALUE = 3 << 20 };
    char text[64], *value = malloc(VALUE);
    struct buf bytes;
    struct outcome o;
    assert_non_null(value);
    memset(value, 'x', VALUE);
    fill(w, 1, true);
    buf_init(&bytes, MEM_SERVER);
    add_command(&bytes, "MULTI");
    for (int i = 0; i < COMMANDS; i++) {
        snprintf(text, sizeof text, "SETRANGE counted %d %d", i % 1000, i);
        add_command(&bytes, text);
    }
    buf_printf(&bytes, "#TS:1700000000\r\n*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n", VALUE);
    buf_append(&bytes, value, VALUE);
    buf_append(&bytes, "\r\n", 2);
    add_command(&bytes, "SET k1 v1");
    add_command(&bytes, "EXEC");
    size_t from = w->file.len, len = bytes.len;
    assert_true(len > (size_t)7 << 20);
    add_group(w, &bytes, from);
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
    int64_t before = mem_owner_bytes(MEM_PERSIST);
    mem_fail_after(1, (size_t)7 << 20); /* the whole group at once */
    load_folder(w, &o, true, 0);
    mem_fail_after(0, 0);
    assert_string_equal(o.why, "");
    assert_int_equal(mem_owner_bytes(MEM_PERSIST), before);
    assert_true(has_value(o.ds, "k1", "v1"));
    assert_int_equal(dataset_keys(o.ds), 5);
    outcome_release(&o);
    for (int i = 0; i < 2; i++) { /* a flipped bit, then a cut */
        if (i == 0) w->file.ptr[w->file.len - 100] ^= 1;
        put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len - (size_t)i * 1000);
        load_folder(w, &o, true, 0);
        assert_string_equal(o.why, "");
        assert_prefix(o.ds, 1);
        assert_int_equal(o.load.last_kept, from);
        outcome_release(&o);
    }
    free(value);
}

/* ---- long values ---- */
struct unit {
    size_t end; /* in the file */
    unsigned keys;
};

static void add_long(struct buf *b, char key, size_t n) {
    buf_printf(b, "*3\r\n$3\r\nSET\r\n$1\r\n%c\r\n$%zu\r\n", key, n);
    memset(buf_reserve(b, n), key, n);
    buf_advance(b, n);
    buf_append(b, "\r\n", 2);
}

/* Longer than what is read at once, alone, in a MULTI, beside short ones. The key is what the value consists of. */
static unsigned add_long_units(struct buf *b, size_t before, struct unit units[8]) {
    static const size_t lengths[] = {2 << 20, 70000, (1 << 20) + 1, 3 << 20};
    unsigned n = 0, keys = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2) add_command(b, "MULTI");
        add_long(b, (char)('a' + i), lengths[i]);
        keys++;
        if (i % 2) {
            add_command(b, "SET count 1");
            add_command(b, "EXEC");
            keys += i == 1;
        }
        units[n++] = (struct unit){before + b->len, keys};
    }
    return n;
}

static void assert_long_values(struct dataset *ds, unsigned keys) {
    unsigned found = 0;
    for (char key = 'a'; key <= 'd'; key++) {
        char scratch[NUM_TEXT_MAX];
        const struct entry *e = db_view(dataset_db(ds, 0), key_of(ds, slice_of(&key, 1)), VIEW_NO_TOUCH);
        if (!e) continue;
        struct slice value = entry_string(e, scratch);
        found++;
        for (size_t i = 0; i < value.len; i++)
            if (value.ptr[i] != key) fail_msg("%c: byte %zu", key, i);
    }
    if (found) assert_true(has_value(ds, "count", "1") == (keys > 1));
    assert_int_equal(dataset_keys(ds), keys);
}

static void long_values_may_be_cut_anywhere(void **state) {
    struct world *w = *state;
    struct unit units[8];
    struct buf b;
    struct random r;
    random_init(&r, 7);
    buf_init(&b, MEM_SERVER);
    add_command(&b, "SELECT 0");
    unsigned count = add_long_units(&b, 0, units);
    int64_t before = mem_owner_bytes(MEM_PERSIST) + mem_owner_bytes(MEM_CLIENT_IN);
    for (unsigned i = 0; i <= 60; i++) {
        struct outcome o;
        const struct unit *u = &units[i % count];
        size_t n = i == 60 ? b.len : i < 40 ? u->end - 10 + i / count : random_below(&r, b.len), whole = 0;
        if (n > b.len) n = b.len;
        while (whole < count && units[whole].end <= n) whole++;
        put_file(w, "a.1.incr.aof", b.ptr, n);
        load_folder(w, &o, true, 0);
        if (!o.ds) fail_msg("cut at %zu: %s", n, o.why);
        assert_long_values(o.ds, whole ? units[whole - 1].keys : 0);
        if (whole) assert_int_equal(o.load.last_kept, units[whole - 1].end);
        outcome_release(&o);
    }
    assert_int_equal(mem_owner_bytes(MEM_PERSIST) + mem_owner_bytes(MEM_CLIENT_IN), before);
    buf_release(&b);
}

/* In a group, which is known to be whole. There is memory for each value once. */
static void a_long_value_is_read_to_its_place(void **state) {
    struct world *w = *state;
    struct unit units[8];
    struct buf bytes;
    struct outcome o;
    fill(w, 1, true);
    size_t from = w->file.len;
    buf_init(&bytes, MEM_SERVER);
    unsigned count = add_long_units(&bytes, 0, units);
    add_group(w, &bytes, from);
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
    mem_fail_after(2, 3 << 20);
    load_folder(w, &o, true, 0);
    mem_fail_after(0, 0);
    assert_string_equal(o.why, "");
    assert_long_values(o.ds, units[count - 1].keys + 1); /* k0 */
    assert_int_equal(o.progress.loaded_bytes, w->file.len);
    outcome_release(&o);
    mem_fail_after(1, 3 << 20);
    load_folder(w, &o, true, 0);
    mem_fail_after(0, 0);
    assert_null(o.ds); /* no torn tail: all of it is there */
    assert_non_null(strstr(o.why, "no memory for an argument of 3145728 bytes"));
    outcome_release(&o);
}

/* Nobody writes such a group; its sum is right all the same. */
static void a_transaction_ends_with_its_group(void **state) {
    struct world *w = *state;
    struct outcome o;
    for (int more = 0; more < 2; more++) {
        struct buf bytes;
        buf_clear(&w->file);
        w->groups = 0;
        fill(w, 2, true);
        buf_init(&bytes, MEM_SERVER);
        add_command(&bytes, "MULTI");
        add_command(&bytes, "SET k2 v2");
        add_group(w, &bytes, w->file.len);
        if (more) {
            add_command(&bytes, "EXEC");
            add_group(w, &bytes, w->file.len);
        }
        put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
        load_folder(w, &o, true, 1 << 20);
        assert_non_null(strstr(o.why, "a MULTI does not end with its group"));
        outcome_release(&o);
    }
}

/* A disk gives back blocks of another file, and what they held happens to begin with a whole command. */
static void stale_commands_behind_groups_are_no_data(void **state) {
    struct world *w = *state;
    struct outcome o;
    fill(w, 2, true);
    size_t whole = w->file.len;
    add_command(&w->file, "INCR count");
    add_command(&w->file, "SET k2 other");
    put_file(w, "a.1.incr.aof", w->file.ptr, w->file.len);
    load_folder(w, &o, true, 0);
    assert_string_equal(o.why, "");
    assert_prefix(o.ds, 2);
    assert_int_equal(o.load.last_kept, whole);
    outcome_release(&o);
}

/* Random damage to files of both kinds: refused, or a prefix. */
static void random_damage_never_makes_other_data(void **state) {
    struct world *w = *state;
    struct random random;
    const char *seed = getenv("TARN_SEED");
    unsigned long long n = seed ? strtoull(seed, NULL, 10) : (unsigned long long)getpid();
    print_message("TARN_SEED=%llu\n", n);
    random_init(&random, n);
    fill(w, 5, true);
    char *copy = malloc(w->file.len);
    assert_non_null(copy);
    for (int round = 0; round < 2000; round++) {
        struct outcome o;
        memcpy(copy, w->file.ptr, w->file.len);
        size_t len = w->file.len;
        for (uint64_t k = 1 + random_below(&random, 4); k > 0; k--) {
            size_t from = random_below(&random, len), room = len - from;
            size_t size = 1 + random_below(&random, room < 30 ? room : 30);
            for (size_t i = 0; i < size; i++)
                copy[from + i] = (char)(random_next(&random) % 4 ? copy[(from + i) / 2] : 0);
        }
        if (random_below(&random, 2)) len = 1 + random_below(&random, len);
        put_file(w, "a.1.incr.aof", copy, len);
        load_folder(w, &o, true, 0);
        if (o.ds) assert_prefix(o.ds, (unsigned)(dataset_keys(o.ds) ? dataset_keys(o.ds) - 1 : 0));
        outcome_release(&o);
    }
    free(copy);
}

int main(void) {
    log_set_level(LOG_NOTHING); /* thousands of files are damaged on purpose */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_what_was_written),
        cmocka_unit_test(a_line_with_a_flipped_bit_is_none),
        cmocka_unit_test(manifests_come_back_as_they_were_written),
        cmocka_unit_test(bad_manifests_are_refused),
        cmocka_unit_test_setup_teardown(a_whole_folder_loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_leaves_whole_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_tail_of_several_groups_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale_groups_of_another_file_are_no_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_last_must_be_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_commands_load_and_may_be_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_command_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commands_behind_groups_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_tears_a_multi_behind_groups_takes_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_group_needs_little_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_values_may_be_cut_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_value_is_read_to_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_transaction_ends_with_its_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale_commands_behind_groups_are_no_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_damage_never_makes_other_data, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
