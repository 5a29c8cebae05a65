#include "server/events.h"

#include "exec/executor.h"
#include "exec/pubsub.h"
#include "server/settings.h"

/* "__keyspace@0__:" + subject, published with text. */
static void announce(struct executor *x, const char *space, unsigned db, struct slice subject, struct slice text) {
    struct buf channel;
    buf_init(&channel, MEM_PUBSUB);
    buf_printf(&channel, "__%s@%u__:", space, db);
    buf_append_slice(&channel, subject);
    pubsub_publish(x, PUBSUB_CHANNEL, buf_slice(&channel), text);
    buf_release(&channel);
}

static void notify(void *arg, unsigned class, const char *event, struct slice key, unsigned db) {
    struct executor *x = arg;
    unsigned wanted = server_settings()->notify_events;
    if (!(wanted & class) || x->pubsub->session_count == 0) return;
    if (wanted & EVENTS_TO_KEYSPACE) announce(x, "keyspace", db, key, slice_of_cstr(event));
    if (wanted & EVENTS_TO_KEYEVENT) announce(x, "keyevent", db, slice_of_cstr(event), key);
}

void events_apply(struct executor *x) {
    unsigned places = EVENTS_TO_KEYSPACE | EVENTS_TO_KEYEVENT, wanted = server_settings()->notify_events;
    bool any = wanted & places && wanted & ~places;
    x->hooks.arg = x;
    x->hooks.notify = any ? notify : NULL;
    x->notify_classes = any ? wanted & ~places : 0;
    executor_listen(x);
}
