#include "io/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int port_of(int fd) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                        : ((struct sockaddr_in6 *)&a)->sin6_port);
}

static int accept_soon(int listener) {
    struct pollfd p = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    return net_accept(listener);
}

static int int_option(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_flags(int fd, bool nonblocking) {
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, nonblocking);
}

/* Two ends that talk, whatever they are made of. */
static void check_bytes(int client, int server) {
    char got[8];
    assert_int_equal(net_recv(server, got, sizeof got), -EAGAIN);
    assert_int_equal(net_send(client, "hello", 5), 5);
    struct pollfd p = {.fd = server, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(net_recv(server, got, sizeof got), 5);
    assert_memory_equal(got, "hello", 5);
    close(client);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(net_recv(server, got, sizeof got), 0);
}

static void check_tcp(const char *bind_to, const char *connect_to, const char *prefix) {
    char why[NET_ERROR_MAX] = "", name[NET_ADDRESS_MAX], expected[NET_ADDRESS_MAX];
    int listener = net_listen_tcp(bind_to, 0, 16, why);
    if (listener < 0) fail_msg("%s", why);
    check_flags(listener, true);
    assert_int_equal(net_accept(listener), -EAGAIN);
    int port = port_of(listener);
    int client = net_connect_tcp(connect_to, port, 5000, why);
    if (client < 0) fail_msg("%s", why);
    check_flags(client, false);
    int server = accept_soon(listener);
    assert_true(server >= 0);
    check_flags(server, true);
    snprintf(expected, sizeof expected, "%s:%d", prefix, port);
    assert_string_equal(net_local(server, name, sizeof name), expected);
    assert_string_equal(net_peer(client, name, sizeof name), expected);
    snprintf(expected, sizeof expected, "%s:%d", prefix, port_of(client));
    assert_string_equal(net_peer(server, name, sizeof name), expected);
    assert_true(net_peer_is_loopback(server));
    assert_false(net_is_unix(server));
    check_bytes(client, server);
    close(server);
    close(listener);
}

static void test_tcp_v4(void **state) {
    (void)state;
    check_tcp("127.0.0.1", "127.0.0.1", "127.0.0.1");
    check_tcp("*", "127.0.0.1", "127.0.0.1");
}

static void test_tcp_v6(void **state) {
    (void)state;
    char why[NET_ERROR_MAX];
    int probe = net_listen_tcp("::1", 0, 1, why);
    if (probe < 0) skip(); /* a machine without IPv6 */
    close(probe);
    check_tcp("::1", "::1", "[::1]");
    check_tcp("::*", "::1", "[::1]");
    check_tcp("::", "::1", "[::1]");
}

/* All IPv4 and all IPv6 share one port: the IPv6 listener must not take IPv4 along. */
static void test_both_families_on_one_port(void **state) {
    (void)state;
    char why[NET_ERROR_MAX];
    int v4 = net_listen_tcp("*", 0, 1, why);
    assert_true(v4 >= 0);
    int v6 = net_listen_tcp("::*", port_of(v4), 1, why);
    if (v6 < 0 && v6 == -EAFNOSUPPORT) {
        close(v4);
        skip();
    }
    assert_true(v6 >= 0);
    close(v4);
    close(v6);
}

static void test_listen_errors_name_the_address(void **state) {
    (void)state;
    char why[NET_ERROR_MAX] = "", expected[NET_ERROR_MAX];
    int first = net_listen_tcp("127.0.0.1", 0, 1, why);
    assert_true(first >= 0);
    int port = port_of(first);
    assert_int_equal(net_listen_tcp("127.0.0.1", port, 1, why), -EADDRINUSE);
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%d: Address already in use", port);
    assert_string_equal(why, expected);
    close(first);
    assert_int_equal(net_connect_tcp("127.0.0.1", port, 1000, why), -ECONNREFUSED);
    assert_non_null(strstr(why, "cannot connect to 127.0.0.1:"));
    assert_int_equal(net_listen_tcp("192.0.2.1", 0, 1, why), -EADDRNOTAVAIL); /* TEST-NET: nobody's */
    assert_non_null(strstr(why, "192.0.2.1"));
    assert_int_equal(net_listen_tcp("300.1.2.3.4.5", 0, 1, why), -EADDRNOTAVAIL);
    assert_non_null(strstr(why, "300.1.2.3.4.5"));
}

static void test_options(void **state) {
    (void)state;
    char why[NET_ERROR_MAX];
    int fd = net_listen_tcp("127.0.0.1", 0, 1, why);
    assert_int_equal(net_set_nodelay(fd, true), 0);
    assert_int_not_equal(int_option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(net_set_keepalive(fd, 300), 0);
    assert_int_not_equal(int_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 300);
    assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 100);
    assert_int_equal(net_set_keepalive(fd, 1), 0);
    assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    assert_int_equal(net_set_keepalive(fd, 0), 0);
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(net_set_blocking(fd, true), 0);
    check_flags(fd, false);
    close(fd);
    assert_int_equal(net_set_nodelay(fd, true), -EBADF);
}

static void test_unix(void **state) {
    (void)state;
    char folder[] = "/tmp/tarn-net-XXXXXX", path[64], why[NET_ERROR_MAX] = "", name[NET_ADDRESS_MAX], expected[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(expected, sizeof expected, "%s:0", path);
    int listener = net_listen_unix(path, 0700, NULL, 4, why);
    if (listener < 0) fail_msg("%s", why);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    int client = net_connect_unix(path, why);
    int server = accept_soon(listener);
    assert_true(client >= 0 && server >= 0);
    assert_string_equal(net_peer(server, name, sizeof name), expected);
    assert_string_equal(net_local(server, name, sizeof name), expected);
    assert_true(net_is_unix(server));
    assert_true(net_peer_is_loopback(server));
    check_bytes(client, server);
    close(server);
    close(listener);
    /* The socket that an earlier run left behind is replaced. */
    listener = net_listen_unix(path, 0, NULL, 4, why);
    assert_true(listener >= 0);
    close(listener);
    unlink(path);
    rmdir(folder);
}

static void test_unix_leaves_other_files_alone(void **state) {
    (void)state;
    char folder[] = "/tmp/tarn-net-XXXXXX", path[64], why[NET_ERROR_MAX] = "";
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/data", folder);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(net_listen_unix(path, 0, NULL, 4, why), -EADDRINUSE);
    assert_non_null(strstr(why, path));
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    char absent[64];
    snprintf(absent, sizeof absent, "%s/absent", folder);
    assert_int_equal(net_connect_unix(absent, why), -ENOENT);
    assert_int_equal(net_listen_unix(absent, 0, "no-such-group-here", 4, why), -EINVAL);
    unlink(absent);
    char long_path[256];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(net_listen_unix(long_path, 0, NULL, 4, why), -ENAMETOOLONG);
    rmdir(folder);
}

static void test_names_of_no_socket(void **state) {
    (void)state;
    char name[NET_ADDRESS_MAX];
    assert_string_equal(net_peer(-1, name, sizeof name), "?:0");
    assert_false(net_peer_is_loopback(-1));
    assert_false(net_is_unix(-1));
}

/* Sending to a peer that is gone is an error, not a SIGPIPE. */
static void test_send_to_closed_peer(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    assert_int_equal(net_send(fds[0], "x", 1), -EPIPE);
    close(fds[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_v4),
        cmocka_unit_test(test_tcp_v6),
        cmocka_unit_test(test_both_families_on_one_port),
        cmocka_unit_test(test_listen_errors_name_the_address),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_leaves_other_files_alone),
        cmocka_unit_test(test_names_of_no_socket),
        cmocka_unit_test(test_send_to_closed_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
