/* CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO. */
#include "commands/connection_int.h"
#include "exec/context.h"
#include "exec/tracking.h"

#define TRACKING_MODES (TRACKING_BCAST | TRACKING_OPTIN | TRACKING_OPTOUT | TRACKING_NOLOOP)

void client_getredir(struct context *c) { reply_integer(c->reply, tracking_redirect_of(c->session)); }

static void reply_prefix(void *arg, struct slice prefix) { reply_bulk(arg, prefix); }

void client_trackinginfo(struct context *c) {
    static const struct {
        int flag;
        const char *name;
    } names[] = {
        {TRACKING_BCAST, "bcast"},
        {TRACKING_OPTIN, "optin"},
        {TRACKING_OPTOUT, "optout"},
        {TRACKING_CACHING | TRACKING_OPTIN, "caching-yes"},
        {TRACKING_CACHING | TRACKING_OPTOUT, "caching-no"},
        {TRACKING_NOLOOP, "noloop"},
        {TRACKING_BROKEN, "broken_redirect"},
    };
    int flags = tracking_flags_of(c->session), on = flags < 0 ? 0 : flags;
    int64_t count = 1;
    for (size_t i = 0; i < countof(names); i++) count += (on & names[i].flag) == names[i].flag;
    reply_map(c->reply, 3);
    reply_bulk_cstr(c->reply, "flags");
    reply_set(c->reply, count);
    reply_bulk_cstr(c->reply, flags < 0 ? "off" : "on");
    for (size_t i = 0; i < countof(names); i++)
        if ((on & names[i].flag) == names[i].flag) reply_bulk_cstr(c->reply, names[i].name);
    reply_bulk_cstr(c->reply, "redirect");
    reply_integer(c->reply, tracking_redirect_of(c->session));
    reply_bulk_cstr(c->reply, "prefixes");
    reply_array(c->reply, (int64_t)tracking_prefix_count(c->session));
    tracking_each_prefix(c->session, reply_prefix, c->reply);
}

void client_caching(struct context *c) {
    int flags = tracking_flags_of(c->session);
    bool yes = slice_is(c->argv[2], "yes");
    if (flags < 0) {
        reply_error(c->reply, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                              "OPTOUT mode enabled");
    } else if (!yes && !slice_is(c->argv[2], "no")) {
        context_syntax_error(c);
    } else if (yes && !(flags & TRACKING_OPTIN)) {
        reply_error(c->reply, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    } else if (!yes && !(flags & TRACKING_OPTOUT)) {
        reply_error(c->reply, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    } else {
        tracking_set_caching(c->session);
        reply_ok(c->reply);
    }
}

/* ---- CLIENT TRACKING ---- */
struct wish {
    bool on;
    unsigned flags;
    struct session *redirect;
    int prefixes; /* arguments that follow a PREFIX */
};

static bool is_prefix(const struct context *c, int i) { return slice_is(c->argv[i], "prefix") && i + 1 < c->argc; }

static bool parse_redirect(struct context *c, int i, struct wish *w) {
    int64_t id;
    if (w->redirect) {
        reply_error(c->reply, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!context_integer(c, i, &id)) return false;
    w->redirect = executor_session(c->executor, (uint64_t)id);
    if (w->redirect) return true;
    reply_error(c->reply, "ERR The client ID you want redirect to does not exist");
    return false;
}

static unsigned mode_flag(struct slice s) {
    if (slice_is(s, "bcast")) return TRACKING_BCAST;
    if (slice_is(s, "optin")) return TRACKING_OPTIN;
    if (slice_is(s, "optout")) return TRACKING_OPTOUT;
    return slice_is(s, "noloop") ? TRACKING_NOLOOP : 0;
}

static bool parse_options(struct context *c, struct wish *w) {
    for (int i = 3; i < c->argc; i++) {
        unsigned flag = mode_flag(c->argv[i]);
        w->flags |= flag;
        if (flag) continue;
        if (is_prefix(c, i)) {
            w->prefixes++;
            i++;
        } else if (slice_is(c->argv[i], "redirect") && i + 1 < c->argc) {
            if (!parse_redirect(c, ++i, w)) return false;
        } else {
            context_syntax_error(c);
            return false;
        }
    }
    w->on = slice_is(c->argv[2], "on");
    if (w->on || slice_is(c->argv[2], "off")) return true;
    context_syntax_error(c);
    return false;
}

/* Why this wish cannot be had beside what is on already (flags -1: nothing); NULL when it can. */
static const char *mode_conflict(const struct wish *w, int flags) {
    const unsigned choice = TRACKING_OPTIN | TRACKING_OPTOUT;
    unsigned old = flags < 0 ? 0 : (unsigned)flags;
    if (w->prefixes && !(w->flags & TRACKING_BCAST)) return "ERR PREFIX option requires BCAST mode to be enabled";
    if (flags >= 0 && (old ^ w->flags) & TRACKING_BCAST)
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling "
               "it with a different mode.";
    if (w->flags & TRACKING_BCAST && w->flags & choice) return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    if ((w->flags & choice) == choice) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    if ((w->flags & TRACKING_OPTIN && old & TRACKING_OPTOUT) || (w->flags & TRACKING_OPTOUT && old & TRACKING_OPTIN))
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling "
               "it with a different mode.";
    return NULL;
}

static void overlap_error(struct context *c, struct slice prefix, const char *what, struct slice other) {
    reply_error_format(c->reply,
                       "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client must not "
                       "overlap.",
                       shown_len(prefix), prefix.ptr, what, shown_len(other), other.ptr);
}

static bool overlap(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    return n == 0 || memcmp(a.ptr, b.ptr, n) == 0;
}

static bool prefixes_fit(struct context *c) {
    for (int i = 3; i < c->argc; i++) {
        if (!is_prefix(c, i)) continue;
        struct slice prefix = c->argv[++i];
        const struct topic *old = tracking_overlap(c->session, prefix);
        if (old) {
            overlap_error(c, prefix, "an existing", topic_name(old));
            return false;
        }
        for (int k = i + 1; k < c->argc; k++) {
            if (!is_prefix(c, k)) continue;
            struct slice other = c->argv[++k];
            if (!overlap(prefix, other)) continue;
            overlap_error(c, prefix, "another provided", other);
            return false;
        }
    }
    return true;
}

static void add_prefixes(struct context *c, const struct wish *w) {
    if (!(w->flags & TRACKING_BCAST)) return;
    if (w->prefixes == 0) tracking_add_prefix(c->session, slice_of("", 0));
    for (int i = 3; i < c->argc; i++)
        if (is_prefix(c, i)) tracking_add_prefix(c->session, c->argv[++i]);
}

/* Prefixes are compared with each other: their number is bounded, so that one request stays cheap. */
#define PREFIXES_MAX 1000

void client_tracking(struct context *c) {
    struct wish w = {0};
    if (!parse_options(c, &w)) return;
    if (w.on) {
        const char *conflict = mode_conflict(&w, tracking_flags_of(c->session));
        if (!conflict && (size_t)w.prefixes + tracking_prefix_count(c->session) > PREFIXES_MAX)
            conflict = "ERR too many prefixes for one client";
        if (conflict) {
            reply_error(c->reply, conflict);
            return;
        }
        if (w.flags & TRACKING_BCAST && !prefixes_fit(c)) return;
        tracking_start(c->session, w.flags & TRACKING_MODES, w.redirect);
        add_prefixes(c, &w);
    } else {
        tracking_stop(c->session);
    }
    reply_ok(c->reply);
}
