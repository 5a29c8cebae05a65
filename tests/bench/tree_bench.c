/* What the tree costs: nanoseconds for insertion, lower bound, rank, removal and walking, and bytes an item. Items are
 * 32-byte members with a score, as in a sorted set; the order asks the member only when scores are equal.
 *
 *   tree_bench [items, default 1000000] */
#include "base/random.h"
#include "store/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct member {
    double score;
    char text[24];
};

/* CPU time of this thread: other work on the machine distorts it less than the clock on the wall. */
static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct member *member_of(uint64_t word) { return (struct member *)(uintptr_t)word; }

/* Doubles as numbers of the same order. */
static uint64_t score_key(uint64_t word) {
    uint64_t bits;
    memcpy(&bits, &member_of(word)->score, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static bool member_less(uint64_t word, const void *arg) {
    const struct member *a = member_of(word), *b = arg;
    if (a->score != b->score) return a->score < b->score;
    return memcmp(a->text, b->text, sizeof a->text) < 0;
}

static struct tree_bound bound_of(const struct member *m) {
    return (struct tree_bound){score_key((uint64_t)(uintptr_t)m), member_less, m};
}

static void report(const char *what, size_t n, int64_t since_ns) {
    printf("%-40s %7.1f ns\n", what, (double)(cpu_ns() - since_ns) / (double)n);
}

static void shuffle(struct member **members, size_t n, struct random *r) {
    for (size_t i = n; i > 1; i--) {
        size_t j = random_below(r, i);
        struct member *kept = members[i - 1];
        members[i - 1] = members[j];
        members[j] = kept;
    }
}

static void bench_insert(struct tree *t, struct member **members, size_t n, const char *what) {
    struct tree_cursor c;
    int64_t start = cpu_ns(), worst = 0;
    for (size_t i = 0; i < n; i++) {
        struct tree_bound bound = bound_of(members[i]);
        int64_t before = i % 64 == 0 ? cpu_ns() : 0;
        tree_seek(t, &c, &bound);
        tree_insert(t, NULL, &c, (uint64_t)(uintptr_t)members[i], 1);
        if (before && cpu_ns() - before > worst) worst = cpu_ns() - before;
    }
    report(what, n, start);
    printf("%-40s %7.2f bytes, height %u\n", "  an item", (double)t->bytes / (double)n, t->root->level + 1u);
}

static void bench_search(const struct tree *t, struct member **members, size_t n, struct random *r) {
    struct tree_cursor c;
    uint64_t sum = 0;
    int64_t start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        struct tree_bound bound = bound_of(members[i]);
        tree_seek(t, &c, &bound);
        sum += c.position;
    }
    report("lower bound and rank, random member", n, start);
    start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        tree_at(t, &c, random_below(r, n));
        sum += tree_word(&c);
    }
    report("find by rank", n, start);
    start = cpu_ns();
    for (bool more = tree_first(t, &c); more; more = tree_next(&c)) sum += tree_word(&c);
    report("walk, an item", n, start);
    if (sum == 1) puts("");
}

static void bench_remove(struct tree *t, struct member **members, size_t n) {
    struct tree_cursor c;
    int64_t start = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        struct tree_bound bound = bound_of(members[i]);
        tree_seek(t, &c, &bound);
        tree_remove(t, NULL, &c);
        if (i + 1 == n / 2)
            printf("%-40s %7.2f bytes\n", "  an item when half is gone", (double)t->bytes / (double)(n - n / 2));
    }
    report("find and remove, down to none", n, start);
}

/* The first change of each node after a freeze, and those after it. */
static void bench_frozen(struct tree *t, struct member **members, size_t n) {
    struct frozen f;
    struct tree_cursor c;
    int64_t worst = 0;
    frozen_init(&f);
    for (int round = 0; round < 2; round++) {
        if (round == 0) frozen_begin(&f);
        int64_t start = cpu_ns();
        for (size_t i = 0; i < n / 10; i++) {
            struct tree_bound bound = bound_of(members[i]);
            int64_t before = i % 16 == 0 ? cpu_ns() : 0;
            tree_seek(t, &c, &bound);
            tree_set(t, &f, &c, (uint64_t)(uintptr_t)members[i], 1);
            if (before && cpu_ns() - before > worst) worst = cpu_ns() - before;
        }
        report(round ? "change while frozen, again" : "change while frozen", n / 10, start);
    }
    printf("%-40s %7.1f us, %zu nodes, %.1f MB in limbo\n", "  longest", (double)worst / 1000, f.count,
           (double)f.bytes / 1e6);
    limbo_free(frozen_end(&f));
}

int main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct random r;
    struct tree t;
    random_init(&r, 1);
    struct member **members = malloc(n * sizeof *members);
    uint64_t *words = malloc(n * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        members[i] = mem_alloc(MEM_ZSETS, sizeof *members[i]);
        *members[i] = (struct member){.score = (double)i};
        snprintf(members[i]->text, sizeof members[i]->text, "m:%zu", i);
        words[i] = (uint64_t)(uintptr_t)members[i];
    }
    printf("%zu items\n", n);
    tree_init(&t, score_key, false, MEM_ZSETS);
    bench_insert(&t, members, n, "insert in order");
    tree_release(&t);
    int64_t start = cpu_ns();
    tree_build(&t, words, NULL, n);
    report("build from sorted items", n, start);
    tree_release(&t);
    shuffle(members, n, &r);
    bench_insert(&t, members, n, "insert at random");
    shuffle(members, n, &r);
    bench_search(&t, members, n, &r);
    bench_frozen(&t, members, n);
    bench_remove(&t, members, n);
    for (size_t i = 0; i < n; i++) members[i]->score = 0;
    bench_insert(&t, members, n, "insert at random, all scores equal");
    bench_remove(&t, members, n);
    return 0;
}
