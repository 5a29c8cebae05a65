/* Files and command lines: what they may say, and how their mistakes are told. */
#include "unit/server/config_world.h"

#define assert_says(part)                                                                    \
    do {                                                                                     \
        if (!strstr(world.errors, part)) fail_msg("'%s' is not in: %s", part, world.errors); \
    } while (0)

static void test_nothing(void **state) {
    (void)state;
    char *argv[] = {"tarn-server"};
    assert_int_equal(config_load(1, argv), CONFIG_RUN);
    assert_string_equal(config_file_path(), "");
    expect("port", "6379");
}

static void test_syntax(void **state) {
    (void)state;
    assert_int_equal(load_text("# a comment\n"
                               "\n"
                               "   port 7000\r\n"
                               "\tTIMEOUT\t30   \n"
                               "requirepass \"a b\\x41\\n\"\n"
                               "unixsocket '/tmp/it\\'s'\n"
                               "maxmemory 100mb\n"
                               "maxmemory 1k\n"
                               "hash-max-ziplist-entries 99\n"
                               "slaveof no one\n"
                               "list-max-ziplist-entries 5\n"
                               "tcp-backlog 100"),
                     CONFIG_RUN);
    expect("port", "7000");
    expect("timeout", "30");
    expect("requirepass", "a bA\n");
    expect("unixsocket", "/tmp/it's");
    expect("maxmemory", "1000");
    expect("hash-max-listpack-entries", "99");
    expect("tcp-backlog", "100");
    assert_string_equal(config_file_path(), world.path);
    assert_string_equal(world.errors, "");
}

static void test_additive(void **state) {
    (void)state;
    assert_int_equal(load_text("client-output-buffer-limit normal 1 1 1\nclient-output-buffer-limit replica 2mb 2 2\n"
                               "bind 1.1.1.1\nbind 2.2.2.2 -::1\n"),
                     CONFIG_RUN);
    expect("client-output-buffer-limit", "normal 1 1 1 slave 2097152 2 2 pubsub 33554432 8388608 60");
    expect("bind", "2.2.2.2 -::1");
}

static void expect_error(const char *text, int line, const char *shown, const char *why) {
    char where[64];
    assert_int_equal(load_text(text), CONFIG_BAD);
    snprintf(where, sizeof where, "main.conf', at line %d\n", line);
    assert_says(where);
    assert_says("*** FATAL CONFIG FILE ERROR");
    assert_says(shown);
    assert_says(why);
}

static void test_errors(void **state) {
    (void)state;
    expect_error("port 1\nport abc\n", 2, ">>> 'port abc'", "argument couldn't be parsed into an integer");
    expect_error("prot 1\n", 1, ">>> 'prot 1'", "Bad directive or wrong number of arguments; did you mean 'port'?");
    expect_error("maxmemory-polisy noeviction\n", 1, "polisy", "did you mean 'maxmemory-policy'?");
    expect_error("appendfsync allways\n", 1, "allways", "did you mean 'always'?");
    expect_error("\n\nport 1 2\n", 3, ">>> 'port 1 2'", "wrong number of arguments");
    expect_error("port\n", 1, ">>> 'port'", "wrong number of arguments");
    expect_error("port \"1\n", 1, ">>> 'port \"1'", "Unbalanced quotes in configuration line");
    expect_error("loadmodule /x.so\n", 1, "loadmodule", "modules are not supported");
    expect_error("replicaof 127.0.0.1 6379\n", 1, "replicaof", "replication is not supported yet");
    expect_error("sentinel monitor x\n", 1, "sentinel", "sentinel directive while not in sentinel mode");
    expect_error("aclfile /etc/acl\n", 1, "aclfile", "ACL files are not supported yet");
    expect_error("include\n", 1, "include", "wrong number of arguments");
    expect_error("include /nowhere/x.conf\n", 1, "include", "can't open config file '/nowhere/x.conf'");
    assert_int_equal(load("/nowhere/main.conf"), CONFIG_BAD);
    assert_says("can't open config file '/nowhere/main.conf': No such file or directory");
}

/* Whatever is wrong with the line, the password in it is not shown. */
static void test_secrets(void **state) {
    (void)state;
    assert_int_equal(load_text("requirepass \"top secret\n"), CONFIG_BAD);
    assert_null(strstr(world.errors, "secret"));
    assert_int_equal(load("--masterauth", "top", "secret"), CONFIG_BAD);
    assert_null(strstr(world.errors, "secret"));
}

static void test_users(void **state) {
    (void)state;
    assert_int_equal(load_text("user default on nopass sanitize-payload ~* &* +@all\n"), CONFIG_RUN);
    expect_error("user alice on >secret ~* +@all\n", 1, "user alice", "not supported yet");
    expect_error("user default off\n", 1, "user default off", "not supported yet");
    assert_int_equal(
        load_text("user default on #2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 ~* &* "
                  "+@all\nrequirepass hello\n"),
        CONFIG_RUN);
}

static void test_user_without_password(void **state) {
    (void)state;
    expect_error("user default on #2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 ~* &* +@all\n", 1,
                 "user default", "give it with requirepass");
}

static void test_include(void **state) {
    (void)state;
    char text[512];
    write_file("a.part", "port 7001\ntimeout 1\n");
    write_file("b.part", "port 7002\n");
    snprintf(text, sizeof text, "timeout 9\ninclude %s/*.part\ninclude %s/none-*.conf\n", world.dir, world.dir);
    assert_int_equal(load_text(text), CONFIG_RUN);
    expect("port", "7002");
    expect("timeout", "1");
    write_file("b.part", "\nport x\n");
    assert_int_equal(load_text(text), CONFIG_BAD);
    assert_says("b.part', at line 2");
}

static void test_include_of_itself(void **state) {
    (void)state;
    char text[512];
    snprintf(text, sizeof text, "include %s\n", world.path);
    assert_int_equal(load_text(text), CONFIG_BAD);
    assert_says("include is nested too deep");
}

/* Twenty files, each of which includes all of them: the number of files read is bounded, not only the depth. */
static void test_include_explosion(void **state) {
    (void)state;
    char text[512], name[32];
    snprintf(text, sizeof text, "include %s/*.bomb\n", world.dir);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "%d.bomb", i);
        write_file(name, text);
    }
    assert_int_equal(load_text(text), CONFIG_BAD);
    assert_int_equal(load("--check-config", world.path), CONFIG_BAD);
    assert_says("include is nested too deep");
}

static void test_check(void **state) {
    (void)state;
    write_file("main.conf", "port abc\nprot 1\ntimeout 5\nhz x\n");
    assert_int_equal(load("--check-config", world.path), CONFIG_BAD);
    assert_says("main.conf:1: port abc: argument couldn't be parsed into an integer\n");
    assert_says("main.conf:2: prot 1: Bad directive or wrong number of arguments; did you mean 'port'?\n");
    assert_says("main.conf:4: hz x: argument couldn't be parsed into an integer\n");
    assert_int_equal(load("--check-config", world.path, "--timeout", "x"), CONFIG_BAD);
    assert_says("(command line):0: timeout x: ");
    write_file("main.conf", "port 1\n");
    assert_int_equal(load("--check-config", world.path), CONFIG_GOOD);
    assert_string_equal(world.errors, "");
    assert_int_equal(load("--check-config"), CONFIG_BAD);
}

/* A file that is none at all is given up after a while. */
static void test_check_gives_up(void **state) {
    (void)state;
    FILE *f = fopen(world.path, "w");
    for (int i = 0; i < 100000; i++) fprintf(f, "nonsense%d\n", i);
    fclose(f);
    assert_int_equal(load("--check-config", world.path), CONFIG_BAD);
    assert_says("main.conf:20: ");
    assert_null(strstr(world.errors, "main.conf:101: "));
}

static void test_flags(void **state) {
    (void)state;
    write_file("main.conf", "port 1\ntimeout 2\n");
    assert_int_equal(load(world.path, "--port", "7003", "--bind", "127.0.0.1", "-::1", "--unixsocket", "",
                          "--client-output-buffer-limit", "normal 1 2 3 pubsub 4 5 6", "--shutdown-on-sigterm",
                          "nosave", "now", "--MAXMEMORY", "1gb", "--daemonize", "--requirepass", "--secret",
                          "--dynamic-hz", "no"),
                     CONFIG_RUN);
    expect("port", "7003");
    expect("timeout", "2");
    expect("bind", "127.0.0.1 -::1");
    expect("client-output-buffer-limit", "normal 1 2 3 slave 268435456 67108864 60 pubsub 4 5 6");
    expect("shutdown-on-sigterm", "nosave now");
    expect("maxmemory", "1073741824");
    expect("daemonize", "yes");
    expect("requirepass", "--secret");
    expect("dynamic-hz", "no");
}

static void test_flag_errors(void **state) {
    (void)state;
    assert_int_equal(load("--port", "7003", "--prot", "1"), CONFIG_BAD);
    assert_says("Reading the command line\n>>> 'prot 1'\n");
    assert_says("did you mean 'port'?");
    assert_int_equal(load("--port", "7003", "7004"), CONFIG_BAD);
    assert_says(">>> 'port 7003 7004'\nwrong number of arguments");
    assert_int_equal(load("--port"), CONFIG_BAD);
    assert_int_equal(load("--", "x"), CONFIG_BAD);
    write_file("main.conf", "");
    assert_int_equal(load(world.path, "port", "7003"), CONFIG_BAD);
}

static void test_standard_input(void **state) {
    (void)state;
    write_file("in", "port 7004\ntimeout 4\n");
    int old = dup(STDIN_FILENO), fd = open(in_dir("in"), O_RDONLY);
    dup2(fd, STDIN_FILENO);
    assert_int_equal(load("-", "--timeout", "5"), CONFIG_RUN);
    expect("port", "7004");
    expect("timeout", "5");
    assert_string_equal(config_file_path(), "");
    lseek(STDIN_FILENO, 0, SEEK_SET);
    write_file("main.conf", "port 1\nhz 20\n");
    assert_int_equal(load(world.path, "--timeout", "6", "-"), CONFIG_RUN);
    expect("port", "7004");
    expect("hz", "20");
    expect("timeout", "6");
    dup2(old, STDIN_FILENO);
    close(fd);
    close(old);
}

/* Bytes that no configuration would hold: refused or ignored, never read past. */
static void test_garbage(void **state) {
    (void)state;
    uint64_t seed = getenv("TARN_SEED") ? strtoull(getenv("TARN_SEED"), NULL, 0) : 1;
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    static const char alphabet[] = "port save \"'\\x#\n\r\t\0-~*0189abmk";
    for (int round = 0; round < 2000; round++) {
        char text[256];
        size_t n = 0;
        for (; n < sizeof text - 1; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[n] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        FILE *f = fopen(world.path, "w");
        fwrite(text, 1, n, f);
        fclose(f);
        enum config_outcome got = load("--check-config", world.path);
        assert_true(got == CONFIG_GOOD || got == CONFIG_BAD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_nothing),
        world_test(test_syntax),
        world_test(test_additive),
        world_test(test_errors),
        world_test(test_secrets),
        world_test(test_users),
        world_test(test_user_without_password),
        world_test(test_include),
        world_test(test_include_of_itself),
        world_test(test_include_explosion),
        world_test(test_check),
        world_test(test_check_gives_up),
        world_test(test_flags),
        world_test(test_flag_errors),
        world_test(test_standard_input),
        world_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
