/* What the files of the stream commands share. Private to them.
 *
 *   stream.c           the rows
 *   stream_args.c      IDs, ranges and trimming as arguments; entries as replies
 *   stream_entry.c     XADD XLEN XRANGE XREVRANGE XDEL XTRIM XSETID
 *   stream_delete.c    XDELEX and XACKDEL
 *   stream_read.c      XREAD and XREADGROUP
 *   stream_group.c     XGROUP and XACK
 *   stream_pending.c   XPENDING XCLAIM XAUTOCLAIM
 *   stream_info.c      XINFO */
#ifndef TARN_COMMANDS_STREAM_INT_H
#define TARN_COMMANDS_STREAM_INT_H

#include "exec/context.h"
#include "values/stream.h"

#define ERROR_STREAM_ID "ERR Invalid stream ID specified as stream command argument"

/* ---- arguments; false after the error reply where a context is given ---- */
/* "ms-seq", or "ms", whose seq is then `seq`. */
bool stream_id_parse(struct slice text, uint64_t seq, struct stream_id *id);
bool stream_arg_id(struct context *c, int i, uint64_t seq, struct stream_id *id); /* no - and + */
/* The same with - and +; an end of a range: "(id" leaves the ID itself out. */
bool stream_arg_id_or_edge(struct context *c, int i, uint64_t seq, struct stream_id *id);
bool stream_arg_first(struct context *c, int i, struct stream_id *id);
bool stream_arg_last(struct context *c, int i, struct stream_id *id);
/* What becomes of pending entries: false when the word says nothing of that. */
bool stream_refs_word(struct slice word, enum stream_refs *refs);
struct slice stream_refs_name(enum stream_refs refs); /* of DELREF and ACKED */
/* MAXLEN and MINID with = ~ LIMIT, and KEEPREF DELREF ACKED, from argument *i on; for XADD up to what is none of these (its ID)
 * with NOMKSTREAM. */
struct stream_options {
    struct stream_trim trim;
    bool no_make, limited, refs_given;
};
bool stream_arg_options(struct context *c, bool adding, int *i, struct stream_options *o);
/* Then: whether LIMIT may stand there, and the one that holds when it does not. */
bool stream_arg_limit(struct context *c, struct stream_options *o);

/* ---- replies ---- */
void stream_reply_id(struct reply *r, struct stream_id id);
void stream_reply_entry(struct reply *r, struct stream_reader *reader);    /* [id, [field, value, ...]] */
void stream_reply_end(struct reply *r, size_t place, bool map, int64_t n); /* of what reply_deferred began */
/* Entries from first to last as an array, at most count (0: all). */
void stream_reply_range(struct reply *r, const struct stream *s, struct stream_id first, struct stream_id last,
                        uint64_t count, bool backward);
/* False after the error reply: of another type. *s NULL: absent. */
bool stream_view(struct context *c, struct key key, const struct stream **s);
void stream_reply_no_group(struct context *c, struct slice key, struct slice group);

/* Ends an edit that nobody is told of as a change of the key (deliveries, acknowledgements), but that counts as changes. */
void stream_edit_end_quietly(struct context *c, struct key key, struct db_edit *e, uint64_t changes);
/* For the journal: what a delivery left behind, as commands that do the same, in place of the command itself. */
struct stream_delivery {
    struct slice key, group, consumer;
};
void stream_journal_delivery(struct context *c, const struct stream_delivery *d, bool consumer_made);
void stream_journal_claim(struct context *c, const struct stream_delivery *d, const struct stream_group *g,
                          struct stream_id pending);
void stream_journal_group(struct context *c, struct slice key, const struct stream_group *g);

/* ---- run ---- */
void stream_add_run(struct context *c);
void stream_length_run(struct context *c);
void stream_range_run(struct context *c);
void stream_reverse_range_run(struct context *c);
void stream_delete_run(struct context *c);
void stream_delete_extended_run(struct context *c);
void stream_acknowledge_delete_run(struct context *c);
void stream_trim_run(struct context *c);
void stream_set_id_run(struct context *c);
void stream_read_run(struct context *c);
void stream_read_group_run(struct context *c);
void stream_group_create_run(struct context *c);
void stream_group_set_id_run(struct context *c);
void stream_group_destroy_run(struct context *c);
void stream_group_create_consumer_run(struct context *c);
void stream_group_delete_consumer_run(struct context *c);
void stream_acknowledge_run(struct context *c);
void stream_pending_run(struct context *c);
void stream_claim_run(struct context *c);
void stream_autoclaim_run(struct context *c);
void stream_info_stream_run(struct context *c);
void stream_info_groups_run(struct context *c);
void stream_info_consumers_run(struct context *c);

extern const struct command_row stream_group_subcommands[], stream_info_subcommands[];

#endif
