/* Small files of all types, an append-only file, a base as commands, an RDB file: cut at every byte, with a flipped bit in every byte,
 * and read while the disk or the memory fails. Never other values than those that were written, never a crash; a refusal says why. */
#include "unit/persist/damage.h"

static void a_cut_increment_is_a_prefix(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t n = after[0].end; n < file.len; n++) {
        struct outcome o;
        write_file("d/a.1.incr.aof", file.at, n);
        load_folder(&o);
        assert_holds(&o, after[groups_before(n)].digest, "cut", n);
        outcome_release(&o);
    }
}

static void a_flipped_bit_in_an_increment_is_noticed(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t i = 0; i < file.len; i++) {
        struct outcome o;
        char was = file.at[i];
        file.at[i] = (char)(was ^ (1 << i % 8));
        write_file("d/a.1.incr.aof", file.at, file.len);
        file.at[i] = was;
        load_folder(&o);
        if (o.ds && i < after[groups - 2].end)
            fail_msg("a flipped bit in byte %zu of %zu was not refused", i, file.len);
        if (o.ds) assert_is_prefix(o.ds, groups - 2, i);
        outcome_release(&o);
    }
}

/* A base is whole, or nothing; but one of no bytes is how redis-server writes an empty one. */
static void a_base_of_commands_is_whole_or_refused(void **state) {
    static struct bytes file;
    struct outcome o;
    (void)state;
    rewrite_as_commands();
    read_bytes("d/a.2.base.aof", &file);
    load_folder(&o);
    assert_non_null(o.ds);
    assert_is_prefix(o.ds, groups - 1, 0);
    outcome_release(&o);
    for (size_t i = 1; i < 2 * file.len; i++) {
        char was = file.at[i / 2];
        if (i % 2) file.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.2.base.aof", file.at, i % 2 ? file.len : i / 2);
        file.at[i / 2] = was;
        load_folder(&o);
        if (o.ds) fail_msg("byte %zu of %zu: %s and not refused", i / 2, file.len, i % 2 ? "a flipped bit" : "cut");
        outcome_release(&o);
    }
}

/* ---- salvaging ---- */
static void what_is_whole_of_a_cut_increment_is_salvaged(void **state) {
    static struct bytes file;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    for (size_t n = 0; n < file.len; n++) {
        struct outcome o;
        write_file("d/a.1.incr.aof", file.at, n);
        salvage_folder(&o);
        assert_holds(&o, after[groups_before(n)].digest, "cut", n);
        bool between = n == 0 || n == after[groups_before(n)].end; /* then nothing shows that there was more */
        if (!between && !(o.progress.salvaged && o.progress.lost_records == 1)) fail_msg("cut at %zu: not told", n);
        outcome_release(&o);
    }
}

/* All groups but the one with the flipped bit; with the first line damaged nothing can be verified, and the commands are still there. */
static void what_is_whole_beside_a_flipped_bit_is_salvaged(void **state) {
    static struct bytes file;
    static char without[GROUPS_MAX][DIGEST_MAX];
    struct layout l;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    lay_out(&file, &l);
    assert_int_equal(l.count, groups);
    /* Behind a transaction in another database each group says its own. */
    assert_non_null(memmem(file.at + l.ends[groups - 2], l.ends[groups - 1] - l.ends[groups - 2], "SELECT", 6));
    for (unsigned g = 0; g < groups; g++) digest_without(&file, &l, groups, g, without[g]);
    assert_string_equal(without[0], after[groups - 1].digest);
    for (size_t i = 0; i < file.len; i++) {
        struct outcome o;
        char was = file.at[i];
        file.at[i] = (char)(was ^ (1 << i % 8));
        write_file("d/a.1.incr.aof", file.at, file.len);
        file.at[i] = was;
        salvage_folder(&o);
        unsigned g = group_of(&l, i);
        assert_holds(&o, without[g], "a flipped bit", i);
        if (g) assert_true(o.progress.salvaged && o.progress.lost_records >= 1 && o.progress.lost_bytes > 0);
        outcome_release(&o);
    }
}

/* The lines of others have no sums: a letter that is another letter cannot be noticed. But a cut is exact, and nothing aborts. */
static void a_damaged_file_of_others_is_salvaged_or_refused(void **state) {
    static struct bytes file, plain;
    (void)state;
    write_data(false);
    read_bytes("d/a.1.incr.aof", &file);
    plain.len = 0;
    for (const char *at = file.at, *end = file.at + file.len; at < end;) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        if (*at != '#') {
            memcpy(plain.at + plain.len, at, (size_t)(next - at));
            plain.len += (size_t)(next - at);
        }
        at = next;
    }
    for (size_t i = 0; i < 2 * plain.len; i++) {
        struct outcome o;
        char was = plain.at[i / 2];
        if (i % 2) plain.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.1.incr.aof", plain.at, i % 2 ? plain.len : i / 2);
        plain.at[i / 2] = was;
        salvage_folder(&o);
        if (!(i % 2) && !o.ds) fail_msg("cut at %zu: %s", i / 2, o.why);
        if (!(i % 2)) assert_is_prefix(o.ds, 0, i / 2);
        outcome_release(&o);
    }
}

static void a_damaged_base_of_commands_is_salvaged(void **state) {
    static struct bytes file;
    struct layout l;
    (void)state;
    rewrite_as_commands();
    read_bytes("d/a.2.base.aof", &file);
    lay_out(&file, &l);
    assert_int_equal(l.count, 3); /* a group for each of two databases */
    for (size_t i = 0; i < 2 * file.len; i++) {
        struct outcome o;
        char expected[DIGEST_MAX], was = file.at[i / 2];
        unsigned g = group_of(&l, i / 2);
        digest_without(&file, &l, i % 2 ? l.count : g, i % 2 ? g : 0, expected);
        if (i % 2) file.at[i / 2] = (char)(was ^ (1 << i / 2 % 8));
        write_file("d/a.2.base.aof", file.at, i % 2 ? file.len : i / 2);
        file.at[i / 2] = was;
        salvage_folder(&o);
        assert_holds(&o, expected, i % 2 ? "a flipped bit" : "cut", i / 2);
        outcome_release(&o);
    }
}

/* ---- RDB ---- */
static void on_saved(void *arg, const char *error, bool cancelled) {
    assert_true(!error && !cancelled);
    *(bool *)arg = true;
}

static void save_data(struct bytes *file) {
    bool saved = false;
    const char *why;
    write_data(true);
    assert_true(persist_save_start(on_saved, &saved, &why));
    while (!saved) world_turn(&world);
    world_stop(&world, true);
    read_bytes("dump.rdb", file);
}

static void an_rdb_file_is_whole_or_refused(void **state) {
    static struct bytes file;
    (void)state;
    save_data(&file);
    struct load_options checked = load_defaults(), unchecked = load_defaults();
    unchecked.checksum = false;
    for (size_t i = 0; i < 2 * file.len; i++) {
        char why[LOAD_ERROR_MAX] = "";
        size_t n = i % 2 ? file.len : i / 2;
        char *copy = malloc(n ? n : 1); /* exact, so that a read past it is seen */
        assert_non_null(copy);
        memcpy(copy, file.at, n);
        if (i % 2) copy[i / 2] = (char)(copy[i / 2] ^ (1 << i / 2 % 8));
        struct dataset *ds = load_bytes(&checked, copy, n, why);
        if (ds) assert_is_prefix(ds, groups - 1, i / 2); /* an aux field is not data; the sum of zeros means none */
        if (ds) dataset_free(ds);
        if (!ds) assert_true(strlen(why) > 10);
        ds = load_bytes(&unchecked, copy, n, why);
        if (ds) dataset_free(ds);
        free(copy);
    }
}

/* ---- the disk and the memory fail while a file is read ---- */
static void every_failing_read_is_told(void **state) {
    static const enum file_fault kinds[] = {FILE_FAULT_READ, FILE_FAULT_OPEN};
    (void)state;
    rewrite_as_commands();
    for (size_t k = 0; k < countof(kinds); k++) {
        bool loaded = false;
        for (unsigned nth = 1; !loaded; nth++) {
            struct outcome o;
            assert_true(nth < 100);
            file_fail_after(kinds[k], nth, EIO, 0);
            load_folder(&o);
            file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
            loaded = o.ds != NULL;
            if (!loaded) assert_non_null(strstr(o.why, "Input/output error"));
            if (loaded) assert_true(nth > 3); /* else nothing was made to fail */
            if (loaded) assert_is_prefix(o.ds, groups - 1, nth);
            outcome_release(&o);
        }
    }
}

static void every_failing_allocation_of_an_rdb_load_is_told(void **state) {
    static struct bytes file;
    struct load_options options = load_defaults();
    unsigned refused = 0;
    (void)state;
    save_data(&file);
    int64_t before = mem_used();
    for (unsigned nth = 1, whole = 0; whole < 20; nth++) {
        char why[LOAD_ERROR_MAX] = "";
        mem_fail_after(nth, 1);
        struct dataset *ds = load_bytes(&options, file.at, file.len, why);
        mem_fail_after(0, 0);
        whole = ds ? whole + 1 : 0; /* some are for what can be done without */
        refused += !ds;
        if (!ds) assert_non_null(strstr(why, "memory"));
        if (ds) assert_is_prefix(ds, groups - 1, nth);
        if (ds) dataset_free(ds);
        assert_true(mem_used() <= before + 4096);
    }
    assert_true(refused > 0);
}

static void every_failing_allocation_of_an_aof_load_is_told(void **state) {
    unsigned refused = 0;
    (void)state;
    write_data(false);
    for (unsigned nth = 1, whole = 0; whole < 20; nth++) {
        struct outcome o;
        mem_fail_after(nth, 1);
        load_folder(&o);
        mem_fail_after(0, 0);
        whole = o.ds ? whole + 1 : 0;
        refused += !o.ds;
        if (o.ds) assert_is_prefix(o.ds, groups - 1, nth);
        outcome_release(&o);
    }
    assert_true(refused > 0);
}

int main(void) {
    log_set_level(LOG_NOTHING);
    clock_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_increment_is_a_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_in_an_increment_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_of_commands_is_whole_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_whole_of_a_cut_increment_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_whole_beside_a_flipped_bit_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_of_others_is_salvaged_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_base_of_commands_is_salvaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_rdb_file_is_whole_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_read_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_allocation_of_an_rdb_load_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_failing_allocation_of_an_aof_load_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
