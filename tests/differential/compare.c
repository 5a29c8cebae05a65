/* Replies: where one ends, whether two agree, and the differences that are meant. */
#include "differ.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long line_end(const char *data, size_t n) {
    const char *cr = n > 1 ? memchr(data, '\r', n - 1) : NULL;
    return cr ? cr - data + 2 : 0;
}

static long aggregate_length(const char *data, size_t n, long at, long count) {
    for (long i = 0; i < count; i++) {
        long item = reply_length(data + at, n - (size_t)at);
        if (item <= 0) return item;
        at += item;
    }
    return at;
}

long reply_length(const char *data, size_t n) {
    if (n == 0) return 0;
    if (!strchr("+-:,#(_$=!*~>%|", data[0])) return -1;
    long head = line_end(data, n);
    if (head == 0 || strchr("+-:,#(_", data[0])) return head;
    long count = strtol(data + 1, NULL, 10);
    if (count < 0) return head;
    if (strchr("$=!", data[0])) return (size_t)(head + count + 2) <= n ? head + count + 2 : 0;
    if (data[0] == '|') count = count * 2 + 1; /* attributes, and the reply they stand before */
    if (data[0] == '%') count *= 2;
    return aggregate_length(data, n, head, count);
}

/* A bulk is one that was chosen by chance: what is left of HRANDFIELD key 100 when its last word was lost. */
static bool same_sorted(const struct text *a, const struct text *b) {
    struct text_list lists[2] = {{0}, {0}};
    const struct text *replies[2] = {a, b};
    if (!strchr("*~%>", a->data[0])) return a->data[0] == '$';
    for (int i = 0; i < 2; i++) {
        const char *data = replies[i]->data;
        long at = line_end(data, replies[i]->length), count = strtol(data + 1, NULL, 10);
        if (data[0] == '%') count *= 2;
        for (long k = 0; k < count; k++) {
            long n = reply_length(data + at, replies[i]->length - (size_t)at);
            text_list_add(&lists[i], data + at, (size_t)n);
            at += n;
        }
        text_list_sort_unique(&lists[i]);
    }
    bool same = text_list_equal(&lists[0], &lists[1]) && line_end(a->data, a->length) == line_end(b->data, b->length);
    text_list_clear(&lists[0]);
    text_list_clear(&lists[1]);
    return same;
}

static bool same_near(const struct text *a, const struct text *b, long long tolerance) {
    long long x = strtoll(a->data + 1, NULL, 10), y = strtoll(b->data + 1, NULL, 10);
    if (x < 0 || y < 0) return x == y;
    return x - y <= tolerance && y - x <= tolerance;
}

bool replies_agree(const struct command *c, const struct text *tarn, const struct text *oracle) {
    if (c->policy == ANYTHING || text_equal(tarn, oracle)) return true;
    if (tarn->length == 0 || oracle->length == 0 || tarn->data[0] != oracle->data[0] || tarn->data[0] == '-')
        return false;
    switch (c->policy) {
    case SORTED:
        return same_sorted(tarn, oracle);
    case NEAR_MS:
        return same_near(tarn, oracle, 3000);
    case NEAR_S:
        return same_near(tarn, oracle, 3);
    case KIND:
        return true;
    case SAME:
    case ANYTHING:
        break;
    }
    return false;
}

/* *2, the cursor, the array of keys. */
bool scan_reply(const struct text *reply, char *cursor, size_t room, struct text_list *keys) {
    const char *data = reply->data;
    if (reply->length < 4 || memcmp(data, "*2\r\n", 4) != 0 || data[4] != '$') return false;
    long at = 4, body = line_end(data + at, reply->length - 4), n = strtol(data + at + 1, NULL, 10);
    if ((size_t)n >= room) return false;
    memcpy(cursor, data + at + body, (size_t)n);
    cursor[n] = 0;
    at += body + n + 2;
    long count = strtol(data + at + 1, NULL, 10);
    at += line_end(data + at, reply->length - (size_t)at);
    for (long i = 0; i < count; i++) {
        body = line_end(data + at, reply->length - (size_t)at);
        n = strtol(data + at + 1, NULL, 10);
        text_list_add(keys, data + at + body, (size_t)n);
        at += body + n + 2;
    }
    return true;
}

enum { KNOWN_MAX = 200 };
static struct {
    char *command, *oracle, *tarn, *reason;
    unsigned long long met;
} known[KNOWN_MAX];
static size_t known_count;

/* Lines "command<TAB>oracle<TAB>tarn<TAB>reason"; # begins a comment. */
bool known_load(const char *path) {
    FILE *f = fopen(path, "r");
    char line[2048];
    if (!f) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof line, f) && known_count < KNOWN_MAX) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || line[0] == 0) continue;
        char *fields[4] = {NULL}, *rest = strdup(line);
        for (int i = 0; i < 4; i++) fields[i] = strsep(&rest, "\t");
        if (!fields[3]) {
            fprintf(stderr, "%s: four fields with tabs between them: %s\n", path, line);
            fclose(f);
            return false;
        }
        known[known_count].command = fields[0];
        known[known_count].oracle = fields[1];
        known[known_count].tarn = fields[2];
        known[known_count++].reason = fields[3];
    }
    fclose(f);
    return true;
}

static void put_upper_name(struct text *key, const struct text *command) {
    for (size_t i = 0; i < command->length; i++) {
        char c = (char)toupper((unsigned char)command->data[i]);
        if (c == ' ') break;
        text_put(key, &c, 1);
    }
}

/* The name in upper case, the rest as it is. */
static struct text canonical(const struct text *command) {
    struct text t = {0};
    put_upper_name(&t, command);
    text_put(&t, command->data + t.length, command->length - t.length);
    return t;
}

bool known_difference(const struct text *command, const struct text *tarn, const struct text *oracle) {
    struct text name = canonical(command);
    bool found = false;
    for (size_t i = 0; i < known_count && !found; i++) {
        found = text_matches(known[i].command, name.data, name.length) &&
                text_matches(known[i].oracle, oracle->data, oracle->length) &&
                text_matches(known[i].tarn, tarn->data, tarn->length);
        if (found) known[i].met++;
    }
    text_clear(&name);
    return found;
}

void known_print(void) {
    for (size_t i = 0; i < known_count; i++) {
        if (known[i].met)
            printf("known difference met %llu times: %s (%s)\n", known[i].met, known[i].command, known[i].reason);
    }
}

static void put_prefix(struct text *key, const struct text *t, size_t n) {
    text_put(key, t->data, t->length < n ? t->length : n);
}

bool seen_difference(const struct text *command, const struct text *tarn, const struct text *oracle) {
    static struct text_list seen;
    struct text key = {0};
    put_upper_name(&key, command);
    put_prefix(&key, tarn, 24);
    put_prefix(&key, oracle, 24);
    bool found = false;
    for (size_t i = 0; i < seen.count; i++) found = found || text_equal(&seen.items[i], &key);
    if (!found) text_list_add(&seen, key.data, key.length);
    text_clear(&key);
    return found;
}
