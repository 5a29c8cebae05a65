#include "observe/http_host.h"

#include "io/net.h"

static bool is_port(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    }
    return s.len <= 5;
}

/* Cuts the port off; the brackets of an IPv6 address stay. False: it is not the form of a host. */
static bool cut_port(struct slice *host) {
    const char *end = host->ptr + host->len, *from = host->ptr;
    if (host->len && *from == '[') {
        from = memchr(from, ']', host->len);
        if (!from) return false;
        from++;
        if (from < end && *from != ':') return false;
    }
    const char *colon = from < end ? memchr(from, ':', (size_t)(end - from)) : NULL;
    if (!colon) return host->len > 0;
    struct slice port = slice_of(colon + 1, (size_t)(end - colon - 1));
    host->len = (size_t)(colon - host->ptr);
    return host->len > 0 && is_port(port);
}

static bool is_address(struct slice host) {
    if (host.ptr[0] != '[') return net_is_address(host, false);
    return net_is_address(slice_of(host.ptr + 1, host.len - 2), true);
}

static bool is_named(struct slice host, const char *names) {
    static const char *const apart = ", ";
    for (const char *p = names + strspn(names, apart); *p; p += strspn(p, apart)) {
        struct slice name = slice_of(p, strcspn(p, apart));
        if (slice_equal(name, SLICE("*")) || slice_equal_nocase(name, host)) return true;
        p += name.len;
    }
    return false;
}

bool http_host_is_ours(struct slice host, const char *names) {
    if (!cut_port(&host)) return false;
    return is_address(host) || slice_is(host, "localhost") || is_named(host, names);
}
