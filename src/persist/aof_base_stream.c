/* A stream as commands. */
#include "persist/aof_base_int.h"

#include "base/check.h"
#include "base/num.h"
#include "values/stream.h"
#include "wire/resp.h"

#include <stdlib.h>

struct id_text {
    char bytes[STREAM_ID_TEXT_MAX];
    struct slice text;
};

static struct slice id_slice(struct id_text *t, struct stream_id id) {
    t->text = slice_of(t->bytes, stream_id_format(t->bytes, id));
    proven(t->text.len < sizeof t->bytes);
    return t->text;
}

/* ---- pending entries that are not there any more ---- */
struct ids {
    struct stream_id *at; /* owner MEM_PERSIST; in order, each once */
    size_t count, capacity;
};

static void add_id(struct ids *ids, struct stream_id id) {
    proven(ids->count <= ids->capacity);
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? 2 * ids->capacity : 64;
        ids->at = mem_realloc(MEM_PERSIST, ids->at, ids->capacity * sizeof *ids->at, capacity * sizeof *ids->at);
        ids->capacity = capacity;
    }
    ids->at[ids->count++] = id;
}

static int compare_ids(const void *a, const void *b) {
    debug_proven(a && b);
    return stream_id_compare(*(const struct stream_id *)a, *(const struct stream_id *)b);
}

static void find_gone(const struct stream *s, struct ids *ids) {
    struct tree_cursor c, at;
    const struct stream_group *g;
    size_t kept = 0;
    proven(ids->count == 0);
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g)) {
        const struct stream_nack *n = stream_pending_from(&g->pending, STREAM_ID_MIN, &at);
        for (; n; n = stream_pending_next(&at))
            if (!stream_has(s, n->id)) add_id(ids, n->id);
    }
    if (ids->count == 0) return;
    qsort(ids->at, ids->count, sizeof *ids->at, compare_ids);
    for (size_t i = 0; i < ids->count; i++)
        if (kept == 0 || compare_ids(&ids->at[kept - 1], &ids->at[i]) != 0) ids->at[kept++] = ids->at[i];
    ids->count = kept;
}

/* ---- entries ---- */
static void put_stand_in(struct base_writer *x, struct slice key, struct stream_id id) {
    struct id_text t;
    proven(!stream_id_is_zero(id));
    base_command(x, SLICE("XADD"), key, id_slice(&t, id), SLICE("x"), SLICE("y"));
}

static void put_entry(struct base_writer *x, struct slice key, struct stream_reader *r) {
    struct id_text t;
    struct slice field, value;
    proven(r->field_count > 0);
    struct slice id = id_slice(&t, r->id);
    resp_put_head(&x->body, '*', 3 + 2 * r->field_count);
    resp_put_bulk(&x->body, SLICE("XADD"));
    resp_put_bulk(&x->body, key);
    resp_put_bulk(&x->body, id);
    while (stream_read_field(r, &field, &value)) {
        resp_put_bulk(&x->body, field);
        resp_put_bulk(&x->body, value);
    }
    base_put_whole(x);
}

static void put_entries(struct base_writer *x, struct slice key, const struct stream *s, const struct ids *gone) {
    struct stream_reader r;
    size_t next = 0;
    stream_read(&r, s, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (!x->error && stream_read_next(&r)) {
        for (; next < gone->count && stream_id_compare(gone->at[next], r.id) < 0; next++)
            put_stand_in(x, key, gone->at[next]);
        put_entry(x, key, &r);
    }
    for (; next < gone->count; next++) put_stand_in(x, key, gone->at[next]);
    proven(next == gone->count || x->error);
}

/* Those before the first entry go as if trimmed, the others as if deleted: only that is remembered by the stream. */
static void remove_stand_ins(struct base_writer *x, struct slice key, const struct stream *s, const struct ids *gone) {
    struct id_text t;
    struct stream_id first = stream_length(s) > 0 ? stream_edge(s, false) : STREAM_ID_MAX;
    size_t i = 0;
    proven(gone->count == 0 || gone->at);
    while (i < gone->count && stream_id_compare(gone->at[i], first) < 0) i++;
    if (i > 0 && stream_length(s) > 0)
        base_command(x, SLICE("XTRIM"), key, SLICE("MINID"), id_slice(&t, first));
    else if (i > 0)
        base_command(x, SLICE("XTRIM"), key, SLICE("MAXLEN"), SLICE("0"));
    for (; i < gone->count; i++) base_command(x, SLICE("XDEL"), key, id_slice(&t, gone->at[i]));
}

/* There is no command that makes an empty stream. */
static void put_empty(struct base_writer *x, struct slice key, const struct stream *s) {
    struct id_text t;
    struct stream_id id = stream_id_is_zero(s->last_id) ? (struct stream_id){0, 1} : s->last_id;
    proven(stream_length(s) == 0);
    base_command(x, SLICE("XADD"), key, SLICE("MAXLEN"), SLICE("0"), id_slice(&t, id), SLICE("x"), SLICE("y"));
}

static void put_last_id(struct base_writer *x, struct slice key, const struct stream *s) {
    char added[NUM_TEXT_MAX];
    struct id_text last, deleted;
    struct stream_id max = s->max_deleted_id;
    if (stream_id_compare(max, s->last_id) > 0) max = s->last_id; /* of a file that said so; the command refuses it */
    proven(s->entries_added >= stream_length(s));
    base_command(x, SLICE("XSETID"), key, id_slice(&last, s->last_id), SLICE("ENTRIESADDED"),
                 slice_of(added, num_format_u64(added, s->entries_added)), SLICE("MAXDELETEDID"),
                 id_slice(&deleted, max));
}

/* ---- groups ---- */
static void put_claim(struct base_writer *x, struct slice key, const struct stream_group *g,
                      const struct stream_consumer *c, const struct stream_nack *n) {
    struct id_text id;
    char time[NUM_TEXT_MAX], count[NUM_TEXT_MAX];
    uint64_t times = stream_nack_count(n);
    proven(n && c);
    base_command(x, SLICE("XCLAIM"), key, stream_group_name(g), stream_consumer_text(c), SLICE("0"),
                 id_slice(&id, n->id), SLICE("TIME"), slice_of(time, num_format_i64(time, stream_nack_time(n))),
                 SLICE("RETRYCOUNT"), slice_of(count, num_format_u64(count, times)), SLICE("JUSTID"), SLICE("FORCE"));
}

static void put_consumer(struct base_writer *x, struct slice key, const struct stream_group *g,
                         const struct stream_consumer *c) {
    struct tree_cursor at;
    base_command(x, SLICE("XGROUP"), SLICE("CREATECONSUMER"), key, stream_group_name(g), stream_consumer_text(c));
    const struct stream_nack *n = stream_pending_from(&c->pending, STREAM_ID_MIN, &at);
    for (; n && !x->error; n = stream_pending_next(&at)) put_claim(x, key, g, c, n);
    proven(x->error || !tree_valid(&at));
}

static void put_groups(struct base_writer *x, struct slice key, const struct stream *s) {
    struct tree_cursor c, at;
    const struct stream_group *g;
    const struct stream_consumer *consumer;
    for (bool more = stream_groups_first(s, &c, &g); more; more = stream_groups_next(&c, &g)) {
        struct id_text last;
        char read[NUM_TEXT_MAX];
        proven(g->entries_read >= STREAM_UNKNOWN);
        base_command(x, SLICE("XGROUP"), SLICE("CREATE"), key, stream_group_name(g), id_slice(&last, g->last_id),
                     SLICE("ENTRIESREAD"), slice_of(read, num_format_i64(read, g->entries_read)));
        for (bool any = stream_consumers_first(g, &at, &consumer); any; any = stream_consumers_next(&at, &consumer))
            put_consumer(x, key, g, consumer);
    }
}

void base_stream(struct base_writer *x, struct slice key, const struct stream *s) {
    struct ids gone = {NULL, 0, 0};
    proven(s != NULL);
    find_gone(s, &gone);
    if (stream_length(s) == 0 && gone.count == 0)
        put_empty(x, key, s);
    else
        put_entries(x, key, s, &gone);
    put_groups(x, key, s);
    remove_stand_ins(x, key, s, &gone);
    put_last_id(x, key, s);
    mem_free(MEM_PERSIST, gone.at, gone.capacity * sizeof *gone.at);
}
