#include "base/check.h"
#include "exec/executor.h"
#include "io/process.h"
#include "keyspace/entry.h"
#include "keyspace/top.h"
#include "observe/doctor.h"
#include "observe/history.h"

#include <stdio.h>

#define PAST_MAX_S 3600

void doctor_show_key(char dst[DOCTOR_KEY_MAX], struct slice key) {
    size_t n = 0;
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (n + 4 + 3 >= DOCTOR_KEY_MAX) {
            n += (size_t)snprintf(dst + n, DOCTOR_KEY_MAX - n, "...");
            break;
        }
        bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
        n += (size_t)snprintf(dst + n, DOCTOR_KEY_MAX - n, plain ? "%c" : "\\x%02x", c);
    }
    dst[n] = '\0';
}

static struct session *fullest(const struct executor *x) {
    struct session *found = NULL;
    list_each(node, &x->sessions) {
        struct session *s = list_entry(node, struct session, place);
        if (s != x->current && (!found || s->out.len > found->out.len)) found = s;
    }
    return found;
}

static void take_client(struct doctor_facts *f, const struct executor *x) {
    struct session *s = fullest(x);
    struct session_link link = {0};
    if (!s || !s->transport || !s->transport->describe) return;
    s->transport->describe(s, &link);
    f->client.id = s->id;
    f->client.output_bytes = (int64_t)link.output_bytes;
    f->client.idle_s = (x->now_ms - s->active_ms) / 1000;
    snprintf(f->client.address, sizeof f->client.address, "%s", link.peer ? link.peer : "?");
}

static void take_key(void *arg, const struct top_key *key) {
    struct doctor_facts *f = arg;
    doctor_show_key(f->key.name, key->key);
    f->key.type = entry_type_name(key->type);
    f->key.db = key->db;
    f->key.bytes = (int64_t)key->bytes;
    f->key.elements = key->type == TYPE_STRING ? 0 : (int64_t)key->elements;
}

static int64_t lasting_keys(const struct history_sample *s) {
    return (int64_t)s->values[HISTORY_KEYS] - (int64_t)s->values[HISTORY_EXPIRES];
}

/* The newest sample not later than time_s. */
static const struct history_sample *sample_at(const struct history *h, int64_t time_s) {
    unsigned i = history_after(h, HISTORY_SECONDS, time_s);
    return history_at(h, HISTORY_SECONDS, i ? i - 1 : 0);
}

static void take_past(struct doctor_facts *f, struct history *h) {
    if (!h) return;
    history_lock(h);
    unsigned count = history_count(h, HISTORY_SECONDS);
    if (count > 1) {
        int64_t last_s = history_at(h, HISTORY_SECONDS, count - 1)->time_s;
        int64_t first_s = history_at(h, HISTORY_SECONDS, 0)->time_s;
        if (first_s < last_s - PAST_MAX_S) first_s = last_s - PAST_MAX_S;
        f->lasting.span_s = last_s - first_s;
        for (int i = 0; i <= DOCTOR_SPANS; i++)
            f->lasting.keys[i] = lasting_keys(sample_at(h, first_s + f->lasting.span_s * i / DOCTOR_SPANS));
    }
    history_unlock(h);
}

static void take_container(struct doctor_facts *f) {
    struct process_memory m;
    process_memory(&m);
    if (!m.contained) return;
    f->container.limit = m.limit_bytes;
    f->container.used = m.used_bytes;
}

void doctor_facts_take(struct doctor_facts *f, const struct executor *x, struct history *h) {
    *f = (struct doctor_facts){.now_s = x->now_ms / 1000};
    memory_facts_take(&f->memory, x, true);
    take_client(f, x);
    dataset_top(x->dataset, 1, take_key, f);
    take_past(f, h);
    take_container(f);
}
