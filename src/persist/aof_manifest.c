#include "persist/aof_manifest_int.h"

#include "base/check.h"
#include "base/num.h"
#include "base/text.h"
#include "wire/crc64.h"

#include <inttypes.h>
#include <stdio.h>

#define SUM            "#TARN-MANIFEST "
#define SUM_LINE       (sizeof(SUM) - 1 + 16 + 1)
#define LINE_MAX_BYTES 1024
#define WORDS_MAX      32

void aof_manifest_init(struct aof_manifest *m) { *m = (struct aof_manifest){0}; }

void aof_manifest_release(struct aof_manifest *m) {
    proven(m->count <= m->capacity);
    mem_free(MEM_AOF, m->files, m->capacity * sizeof *m->files);
    aof_manifest_init(m);
}

void aof_manifest_copy(struct aof_manifest *dst, const struct aof_manifest *src) {
    proven(dst != src && dst->count == 0);
    for (unsigned i = 0; i < src->count; i++)
        aof_manifest_add(dst, src->files[i].name, src->files[i].seq, src->files[i].kind);
    dst->base_seq = src->base_seq;
    dst->incr_seq = src->incr_seq;
}

static void note_seq(struct aof_manifest *m, enum aof_kind kind, int64_t seq) {
    proven(seq > 0);
    if (kind == AOF_BASE && seq > m->base_seq) m->base_seq = seq;
    if (kind == AOF_INCR && seq > m->incr_seq) m->incr_seq = seq;
}

void aof_manifest_add(struct aof_manifest *m, const char *name, int64_t seq, enum aof_kind kind) {
    proven(strlen(name) < AOF_NAME_MAX && m->count <= m->capacity);
    if (m->count == m->capacity) {
        unsigned capacity = m->capacity ? 2 * m->capacity : 4;
        m->files = mem_realloc(MEM_AOF, m->files, m->capacity * sizeof *m->files, capacity * sizeof *m->files);
        m->capacity = capacity;
    }
    struct aof_file *f = &m->files[m->count++];
    f->kind = kind;
    f->seq = seq;
    memcpy(f->name, name, strlen(name) + 1);
    note_seq(m, kind, seq);
}

/* ---- reading ---- */
static bool fail(char *why, unsigned line, const char *what) {
    snprintf(why, AOF_WHY_MAX, "line %u: %s", line, what);
    proven(why[0]);
    return false;
}

static const struct aof_file *last_of(const struct aof_manifest *m, enum aof_kind kind) {
    proven(m->count <= m->capacity);
    for (unsigned i = m->count; i-- > 0;)
        if (m->files[i].kind == kind) return &m->files[i];
    return NULL;
}

const struct aof_file *aof_manifest_base(const struct aof_manifest *m) {
    debug_proven(m->count == 0 || m->files);
    return last_of(m, AOF_BASE);
}

const struct aof_file *aof_manifest_last(const struct aof_manifest *m) {
    const struct aof_file *incr = last_of(m, AOF_INCR);
    proven(m->count <= m->capacity);
    return incr ? incr : aof_manifest_base(m);
}

bool aof_manifest_names(const struct aof_manifest *m, const char *name) {
    proven(name != NULL);
    for (unsigned i = 0; i < m->count; i++)
        if (strcmp(m->files[i].name, name) == 0) return true;
    return false;
}

struct line {
    struct slice name;
    int64_t seq;
    char kind;
};

/* Pairs of a word and its value; words that are not known are of a later version, and mean nothing here. */
static const char *parse_words(const struct slice *words, int count, struct line *out) {
    proven(count <= WORDS_MAX);
    *out = (struct line){0};
    if (count < 6 || count % 2 != 0) return "not of the form 'file NAME seq NUMBER type LETTER'";
    for (int i = 0; i + 1 < count; i += 2) {
        struct slice value = words[i + 1];
        if (slice_is(words[i], "file")) {
            out->name = value;
        } else if (slice_is(words[i], "seq")) {
            if (!num_parse_i64(value, &out->seq)) return "the sequence number is none";
        } else if (slice_is(words[i], "type")) {
            out->kind = value.len == 1 ? value.ptr[0] : '?';
        }
    }
    bool fits = out->name.len > 0 && out->name.len < AOF_NAME_MAX && !memchr(out->name.ptr, 0, out->name.len);
    if (!fits) return "no name of a file, or too long a one";
    if (memchr(out->name.ptr, '/', out->name.len)) return "a file's name may not be a path";
    if (out->seq <= 0) return "the sequence number must be above 0";
    if (out->kind != AOF_BASE && out->kind != AOF_INCR && out->kind != AOF_HISTORY) return "unknown type of file";
    return NULL;
}

static const char *add_line(struct aof_manifest *m, const struct line *l) {
    char name[AOF_NAME_MAX];
    proven(l->name.len > 0 && l->seq > 0);
    memcpy(name, l->name.ptr, l->name.len);
    name[l->name.len] = '\0';
    const struct aof_file *before = last_of(m, AOF_INCR);
    if (aof_manifest_names(m, name)) return "a file named twice";
    if (l->kind == AOF_BASE && aof_manifest_base(m)) return "a second base file";
    if (l->kind == AOF_INCR && before && l->seq <= before->seq) return "increments that are not in order";
    aof_manifest_add(m, name, l->seq, (enum aof_kind)l->kind);
    return NULL;
}

static const char *parse_line(struct aof_manifest *m, struct slice text) {
    char scratch[LINE_MAX_BYTES];
    struct slice words[WORDS_MAX];
    struct line l;
    proven(!memchr(text.ptr ? text.ptr : "", '\n', text.len));
    if (text.len == 0) return "an empty line";
    if (text.ptr[0] == '#') return NULL;
    if (text.len >= sizeof scratch) return "too long a line";
    int count = text_split_words(text, scratch, words, WORDS_MAX);
    if (count < 0) return "quotes that do not match";
    const char *why = parse_words(words, count, &l);
    return why ? why : add_line(m, &l);
}

static size_t format_sum(char dst[SUM_LINE + 1], struct slice lines) {
    uint64_t crc = lines.len ? crc64(0, lines.ptr, lines.len) : 0;
    int n = snprintf(dst, SUM_LINE + 1, SUM "%016" PRIx64 "\n", crc);
    proven(n == SUM_LINE);
    return (size_t)n;
}

/* A manifest of others has no such line, and nothing to hold it against. */
static bool sum_fits(struct slice text) {
    char expected[SUM_LINE + 1];
    debug_proven(text.ptr || text.len == 0);
    if (text.len < sizeof(SUM) - 1 || memcmp(text.ptr, SUM, sizeof(SUM) - 1) != 0) return true;
    if (text.len < SUM_LINE) return false;
    format_sum(expected, slice_of(text.ptr + SUM_LINE, text.len - SUM_LINE));
    return memcmp(text.ptr, expected, SUM_LINE) == 0;
}

bool aof_manifest_parse(struct aof_manifest *m, struct slice text, char *why) {
    unsigned line = 0;
    proven(m->count == 0);
    why[0] = '\0';
    if (text.len == 0) return fail(why, 1, "the manifest is empty");
    if (!sum_fits(text))
        return fail(why, 1,
                    "the checksum does not fit: the manifest is damaged, or was changed (then without this line)");
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        line++;
        if (!end) return fail(why, line, "the last line does not end");
        size_t n = (size_t)(end - text.ptr), shown = n > 0 && end[-1] == '\r' ? n - 1 : n;
        const char *what = parse_line(m, slice_of(text.ptr, shown));
        if (what) return fail(why, line, what);
        text = slice_of(end + 1, text.len - n - 1);
    }
    return true;
}

/* ---- writing ---- */
static void format_file(const struct aof_file *f, struct buf *out) {
    struct slice name = slice_of_cstr(f->name);
    proven(f->seq > 0 && name.len > 0);
    buf_append_slice(out, SLICE("file "));
    if (text_needs_quotes(name)) {
        buf_advance(out, text_quote(buf_reserve(out, 4 * name.len + 2), name));
    } else {
        buf_append_slice(out, name);
    }
    buf_printf(out, " seq %lld type %c\n", (long long)f->seq, (char)f->kind);
}

/* Base, history, increments: the order in which the peers write them. */
void aof_manifest_format(const struct aof_manifest *m, struct buf *out) {
    static const enum aof_kind order[] = {AOF_BASE, AOF_HISTORY, AOF_INCR};
    char sum[SUM_LINE + 1];
    struct buf lines;
    proven(m->count <= m->capacity);
    buf_init(&lines, MEM_AOF);
    for (size_t k = 0; k < countof(order); k++)
        for (unsigned i = 0; i < m->count; i++)
            if (m->files[i].kind == order[k]) format_file(&m->files[i], &lines);
    buf_append(out, sum, format_sum(sum, buf_slice(&lines)));
    buf_append_slice(out, buf_slice(&lines));
    buf_release(&lines);
}

/* ---- changing ---- */
void aof_manifest_replace_base(struct aof_manifest *m, const char *name, int64_t seq, int64_t through_seq) {
    for (unsigned i = 0; i < m->count; i++) {
        struct aof_file *f = &m->files[i];
        if (f->kind == AOF_BASE || (f->kind == AOF_INCR && f->seq <= through_seq)) f->kind = AOF_HISTORY;
    }
    aof_manifest_add(m, name, seq, AOF_BASE);
    proven(aof_manifest_base(m) == &m->files[m->count - 1]);
}

void aof_manifest_drop_history(struct aof_manifest *m) {
    unsigned kept = 0;
    for (unsigned i = 0; i < m->count; i++)
        if (m->files[i].kind != AOF_HISTORY) m->files[kept++] = m->files[i];
    m->count = kept;
    proven(!last_of(m, AOF_HISTORY));
}
