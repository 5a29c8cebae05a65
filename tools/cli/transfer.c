#include "transfer.h"

#include "base/num.h"
#include "format.h"
#include "io/file.h"
#include "reply.h"
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define MARK_LEN       40

/* What is announced before the file: its length, or the mark that follows its last byte. */
struct announcement {
    bool marked;
    int64_t bytes;
    char mark[MARK_LEN];
};

static bool replconf(struct session *s, struct slice name, struct slice value, bool needed) {
    struct slice words[3] = {SLICE("REPLCONF"), name, value}, reply;
    fprintf(stderr, "sending REPLCONF %s %s\n", name.ptr, value.ptr);
    if (!session_ask(s, words, 3, &reply)) return false;
    if (!reply_is_error(reply)) return true;
    struct slice text = reply_text(reply);
    fprintf(stderr, "REPLCONF %s: %.*s\n", name.ptr, (int)text.len, text.ptr);
    return !needed;
}

/* One line without its end, byte by byte: what follows it is not ours to take. */
static bool read_line(struct session *s, char *line, size_t *len) {
    char why[LINK_ERROR_MAX];
    struct slice byte;
    for (*len = 0;;) {
        if (link_read_bytes(&s->link, 1, &byte, why) != LINK_OK) {
            fprintf(stderr, "%s\n", why);
            return false;
        }
        if (byte.ptr[0] == '\n') return true;
        if (byte.ptr[0] != '\r' && *len < LINE_MAX_BYTES) line[(*len)++] = byte.ptr[0];
    }
}

/* Empty lines come while the server prepares the file. */
static bool begin_sync(struct session *s, struct announcement *a) {
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    struct slice word = SLICE("SYNC");
    if (!session_send(s, &word, 1)) return false;
    while (len == 0)
        if (!read_line(s, line, &len)) return false;
    a->marked = len == 5 + MARK_LEN && memcmp(line, "$EOF:", 5) == 0;
    if (a->marked) memcpy(a->mark, line + 5, MARK_LEN);
    if (a->marked || (line[0] == '$' && num_parse_i64(slice_of(line + 1, len - 1), &a->bytes) && a->bytes >= 0))
        return true;
    fprintf(stderr, "SYNC with master failed: %.*s\n", (int)len, line);
    return false;
}

static bool write_bytes(int fd, struct slice bytes) {
    int error = file_write(fd, bytes.ptr, bytes.len);
    if (error < 0) fprintf(stderr, "Error writing data: %s\n", strerror(-error));
    return error >= 0;
}

/* The bytes up to the mark, which is told from data by coming last: as many bytes as it has are always held back. */
static bool copy_marked(struct session *s, const char *mark, int fd, int64_t *bytes) {
    char why[LINK_ERROR_MAX];
    struct slice piece;
    struct buf held;
    bool ok = true, ended = false;
    buf_init(&held, MEM_CLIENT_IN);
    while (ok && !ended) {
        ok = link_read_bytes(&s->link, SIZE_MAX, &piece, why) == LINK_OK;
        if (!ok) {
            fprintf(stderr, "%s\n", why);
            break;
        }
        buf_append_slice(&held, piece);
        if (held.len < MARK_LEN) continue;
        size_t sure = held.len - MARK_LEN;
        ended = memcmp(held.ptr + sure, mark, MARK_LEN) == 0;
        ok = write_bytes(fd, slice_of(held.ptr, sure));
        buf_consume(&held, sure);
        *bytes += (int64_t)sure;
    }
    buf_release(&held);
    return ok;
}

static bool copy_counted(struct session *s, int64_t bytes, int fd) {
    char why[LINK_ERROR_MAX];
    struct slice piece;
    while (bytes > 0) {
        if (link_read_bytes(&s->link, (size_t)bytes, &piece, why) != LINK_OK) {
            fprintf(stderr, "%s\n", why);
            return false;
        }
        if (fd >= 0 && !write_bytes(fd, piece)) return false;
        bytes -= (int64_t)piece.len;
    }
    return true;
}

static bool copy_file(struct session *s, const struct announcement *a, int fd) {
    int64_t bytes = a->bytes;
    const char *name = s->options->file;
    if (a->marked)
        fprintf(stderr, "SYNC sent to master, writing bytes of bulk transfer until EOF marker to '%s'\n", name);
    else
        fprintf(stderr, "SYNC sent to master, writing %" PRId64 " bytes to '%s'\n", a->bytes, name);
    if (!(a->marked ? copy_marked(s, a->mark, fd, &bytes) : copy_counted(s, bytes, fd))) return false;
    fprintf(stderr, "Transfer finished with success after %" PRId64 " bytes\n", bytes);
    return true;
}

static bool to_file(struct session *s, const struct announcement *a) {
    const char *name = s->options->file;
    if (strcmp(name, "-") == 0) return copy_file(s, a, STDOUT_FILENO);
    int fd = file_create(name, 0644);
    if (fd < 0) {
        fprintf(stderr, "Error opening '%s': %s\n", name, strerror(-fd));
        return false;
    }
    bool ok = copy_file(s, a, fd);
    int error = ok ? file_sync(fd) : 0;
    /* a pipe or /dev/null has nothing to sync */
    if (error < 0 && error != -EINVAL) fprintf(stderr, "Error writing data: %s\n", strerror(-error));
    file_close(fd);
    ok = ok && (error == 0 || error == -EINVAL);
    if (!ok) file_remove(name);
    return ok;
}

static int transfer(struct session *s, bool functions_only) {
    struct announcement a = {0};
    bool ok = session_connect(s) && replconf(s, SLICE("capa"), SLICE("eof"), false) &&
              replconf(s, SLICE("rdb-only"), SLICE("1"), false);
    if (ok && functions_only) ok = replconf(s, SLICE("rdb-filter-only"), SLICE("functions"), true);
    return ok && begin_sync(s, &a) && to_file(s, &a) ? 0 : 1;
}

int transfer_rdb(struct session *s) { return transfer(s, false); }

int transfer_functions(struct session *s) { return transfer(s, true); }

int transfer_commands(struct session *s) {
    struct announcement a = {0};
    char why[LINK_ERROR_MAX];
    struct slice reply;
    struct buf text;
    if (!session_connect(s) || !begin_sync(s, &a)) return 1;
    fprintf(stderr, "SYNC with master, discarding %" PRId64 " bytes of bulk transfer until EOF marker...\n", a.bytes);
    if (!copy_counted(s, a.bytes, -1)) return 1;
    fputs("SYNC done. Logging commands from master.\n", stderr);
    buf_init(&text, MEM_CLIENT_OUT);
    while (link_read(&s->link, &reply, why) == LINK_OK) {
        buf_clear(&text);
        format_reply(&text, reply, OUTPUT_CSV, s->options);
        fwrite(text.ptr, 1, text.len, stdout);
        fflush(stdout);
    }
    buf_release(&text);
    fprintf(stderr, "%s\n", why);
    return 1;
}
