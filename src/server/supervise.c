#include "server/supervise.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/process.h"
#include "persist/persist.h"
#include "server/server.h"
#include "server/settings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVERY_US  1000000
#define EXTEND_US 30000000 /* asked for anew every second: who hangs is noticed after this */
#define STATE_MAX (PERSIST_STATUS_MAX + 128)

static struct {
    enum supervision by;     /* never AUTO */
    char waiting[STATE_MAX]; /* could not be sent yet; "" */
    int64_t next_us;
} supervise;

static enum supervision found_out(void) {
    if (getenv("UPSTART_JOB")) return SUPERVISED_UPSTART;
    return getenv("NOTIFY_SOCKET") ? SUPERVISED_SYSTEMD : SUPERVISED_NO;
}

void supervise_begin(void) {
    supervise.by = (enum supervision)server_settings()->supervised;
    if (supervise.by == SUPERVISED_AUTO) supervise.by = found_out();
    if (supervise.by == SUPERVISED_SYSTEMD && !getenv("NOTIFY_SOCKET")) {
        log_warning("supervised systemd, but NOTIFY_SOCKET is not set: nobody is told");
        supervise.by = SUPERVISED_NO;
    }
    if (supervise.by != SUPERVISED_UPSTART) return;
    if (!getenv("UPSTART_JOB")) {
        log_warning("supervised upstart, but UPSTART_JOB is not set: nobody is told");
        supervise.by = SUPERVISED_NO;
        return;
    }
    log_notice("Supervised by upstart: stopping until it has noticed");
    unsetenv("UPSTART_JOB");
    raise(SIGSTOP);
}

bool supervise_is_on(void) { return supervise.by != SUPERVISED_NO; }

const char *supervise_name(void) {
    static const char *const names[] = {"no", "upstart", "systemd"};
    proven(supervise.by != SUPERVISED_AUTO);
    return names[supervise.by];
}

static void tell(const char *state) {
    if (supervise.by != SUPERVISED_SYSTEMD) return;
    supervise.waiting[0] = '\0';
    if (process_notify_supervisor(state) == PROCESS_NOTIFY_LATER)
        snprintf(supervise.waiting, sizeof supervise.waiting, "%s", state);
}

void supervise_ready(void) {
    char state[STATE_MAX];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d\nSTATUS=Ready to accept connections", (int)getpid());
    tell(state);
}

void supervise_stopping(void) {
    char state[STATE_MAX];
    snprintf(state, sizeof state, "STOPPING=1\nSTATUS=Stopping\nEXTEND_TIMEOUT_USEC=%d", EXTEND_US);
    tell(state);
}

static void tell_loading(void) {
    char line[PERSIST_STATUS_MAX], state[STATE_MAX];
    if (!persist_load_status(line)) return;
    snprintf(state, sizeof state, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%d", line, EXTEND_US);
    tell(state);
}

void supervise_cron(void) {
    int64_t now_us = clock_mono_us();
    if (supervise.by != SUPERVISED_SYSTEMD) return;
    if (supervise.waiting[0]) {
        char again[STATE_MAX];
        memcpy(again, supervise.waiting, sizeof again);
        tell(again);
    }
    if (now_us < supervise.next_us || supervise.waiting[0]) return;
    supervise.next_us = now_us + EVERY_US;
    if (server_phase() == PHASE_LOADING) tell_loading();
    if (server_phase() == PHASE_DRAINING) supervise_stopping();
}
