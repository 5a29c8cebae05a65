/* libFuzzer: a pattern and a text, apart by the first NUL byte; the byte before the pattern says whether case counts. The answer
 * is that of a plain model, and the steps, counted by the clock, stay within pattern times text. */
#include "base/check.h"
#include "base/clock.h"
#include "base/glob.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX    1024
#define STEP_NS_MAX 200 /* with sanitizers and a busy machine in mind */
#define SLACK_US    200000

/* Only * and ?, by a table of every pair of ends: what a pattern without brackets and backslashes must answer. */
static bool model(struct slice p, struct slice t) {
    static bool matches[2][TEXT_MAX + 1];
    bool *above = matches[0], *row = matches[1];
    memset(above, 0, t.len + 1);
    above[0] = true;
    for (size_t i = 0; i < p.len; i++) {
        row[0] = p.ptr[i] == '*' && above[0];
        for (size_t k = 0; k < t.len; k++)
            row[k + 1] =
                p.ptr[i] == '*' ? above[k + 1] || row[k] : above[k] && (p.ptr[i] == '?' || p.ptr[i] == t.ptr[k]);
        bool *swap = above;
        above = row;
        row = swap;
    }
    return above[t.len];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const uint8_t *pattern = data + 1, *nul = memchr(pattern, 0, size - 1);
    size_t pattern_len = nul ? (size_t)(nul - pattern) : size - 1;
    struct slice p = slice_of((const char *)pattern, pattern_len), t = slice_of("", 0);
    if (nul) t = slice_of((const char *)nul + 1, size - pattern_len - 2);
    if (t.len > TEXT_MAX) t.len = TEXT_MAX;
    bool nocase = data[0] & 1;
    int64_t start_us = clock_mono_us();
    bool found = glob_match(p, t, nocase);
    int64_t took_us = clock_mono_us() - start_us;
    proven(took_us <= SLACK_US + (int64_t)((p.len + 1) * (t.len + 1) * STEP_NS_MAX / 1000));
    proven(!glob_is_literal(p) || nocase || found == slice_equal(p, t));
    if (nocase || memchr(p.ptr, '[', p.len) || memchr(p.ptr, '\\', p.len)) return 0;
    proven(found == model(p, t));
    proven(!found || glob_match(p, t, true));
    return 0;
}
