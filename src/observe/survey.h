/* What a full walk over a frozen dataset finds: how keys and bytes are spread over types, encodings, sizes, times to live and
 * prefixes, and what would compress. Pure: no clients, no clock, no threads of its own; it runs on whichever thread may read the
 * frozen dataset. ~0.1 us a key, and 10 to 20 us for each of the values that are compressed for a sample. Owner MEM_OBSERVE. */
#ifndef TARN_OBSERVE_SURVEY_H
#define TARN_OBSERVE_SURVEY_H

#include "keyspace/dataset.h"
#include "observe/sketch.h"
#include "values/value.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Powers of two of bytes: place i counts what takes at most 16 << i. */
#define SURVEY_SIZES     36
#define SURVEY_ENCODINGS 24

enum survey_ttl {
    SURVEY_NO_TTL,
    SURVEY_PAST, /* due, and not yet removed */
    SURVEY_MINUTE,
    SURVEY_HOUR,
    SURVEY_DAY,
    SURVEY_WEEK,
    SURVEY_MONTH, /* 30 days */
    SURVEY_LATER,
    SURVEY_TTLS
};

struct survey_share {
    int64_t keys, bytes; /* bytes as MEMORY USAGE tells them */
};

struct survey_type {
    struct survey_share all;
    int64_t elements; /* of a string 1 */
    int64_t biggest;  /* bytes */
    /* A sample of strings and compact values of 64 bytes and more: LZF over the first 4 KiB of each. */
    int64_t eligible_bytes, sampled_bytes, packed_bytes;
};

struct survey_encoding {
    enum value_type type;
    const char *name; /* as OBJECT ENCODING */
    struct survey_share all;
};

struct survey {
    struct survey_share all;
    struct survey_type types[TYPE_COUNT];
    struct survey_encoding encodings[SURVEY_ENCODINGS];
    unsigned encoding_count;
    struct survey_share sizes[SURVEY_SIZES];
    struct survey_share ttls[SURVEY_TTLS];
};

const char *survey_ttl_name(enum survey_ttl ttl);

#define SURVEY_DELIMITER_MAX 16
#define SURVEY_PREFIX_MAX    256

/* What to look for and where it goes. */
struct survey_walk {
    int64_t now_ms;
    const int64_t *shares;       /* a key's share of its database's table, bytes; one for each database */
    const atomic_bool *stop;     /* the walk ends at the next key */
    _Atomic int64_t *walked;     /* keys so far, for others to see */
    int64_t delay_us;            /* slept at every key: for tests */
    struct survey *survey;       /* NULL: not asked for */
    struct sketch *prefixes;     /* NULL: not asked for; weights are bytes */
    struct slice delimiter;      /* not empty, at most SURVEY_DELIMITER_MAX */
    unsigned depth;              /* > 0 */
    struct survey_share counted; /* all keys, also when only prefixes are asked for */
};

/* False when it was stopped. */
bool survey_walk(struct survey_walk *w, struct dataset_frozen *frozen);

/* What of the key stands up to and with its depth-th delimiter, or up to its last one when it has fewer; empty when it has none.
 * At most SURVEY_PREFIX_MAX bytes. */
struct slice survey_prefix(struct slice key, struct slice delimiter, unsigned depth);
/* What compressing all that is eligible would save, bytes; from the sample. */
int64_t survey_saving(const struct survey_type *t);

#endif
