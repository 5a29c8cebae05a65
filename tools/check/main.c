/* tarn-check: verifies, repairs and salvages RDB files and append-only files, without a server. */
#include "check.h"

#include "base/num.h"
#include "base/version.h"
#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "Usage: tarn-check rdb FILE [--salvage OUT] [--json]\n"
    "       tarn-check aof PATH [--fix [--yes]] [--truncate-to-timestamp SECONDS [--yes]]\n"
    "                           [--salvage OUT] [--json]\n"
    "\n"
    "Checks an RDB file or an append-only file as the server would load it: lengths, every value,\n"
    "checksums, names that stand twice; of a sound one it says what is in it. PATH is an append-only\n"
    "folder, its manifest, or one file, which may begin with an RDB part.\n"
    "\n"
    "  --salvage OUT   writes what is undamaged to OUT: an RDB file, a file of commands, or a folder,\n"
    "                  as what is read. What was lost stands in OUT.lost, a line each: bytes of the\n"
    "                  file, database and key where they are known, and the reason. OUT must not exist.\n"
    "  --fix           cuts the last file of PATH where it stops being whole. Asks before.\n"
    "  --truncate-to-timestamp SECONDS\n"
    "                  cuts PATH before the first command written later than this Unix time; for files\n"
    "                  written with aof-timestamp-enabled yes. Asks before.\n"
    "  --yes           does not ask.\n"
    "  --json          one line of JSON for each file, instead of the report.\n"
    "  --help, --version\n"
    "\n"
    "Nothing is written without --fix, --truncate-to-timestamp or --salvage. What is written is written\n"
    "aside, synced and renamed; what --fix and --truncate-to-timestamp replace stays as NAME.bak-TIME.\n"
    "Progress is drawn on a terminal.\n"
    "\n"
    "Exit codes: 0 sound (or made so), 1 damaged, 2 wrong use, or a file that cannot be read or written.\n";

static int usage(const char *what) {
    fprintf(stderr, "tarn-check: %s\n\n%s", what, help);
    return CHECK_UNKNOWN;
}

/* The word at *at takes a value. */
static const char *value_of(char **argv, int argc, int *at) { return *at + 1 < argc ? argv[++*at] : NULL; }

static const char *parse(struct options *o, char **argv, int argc) {
    const char *seconds;
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--fix") == 0) {
            o->fix = true;
        } else if (strcmp(word, "--yes") == 0) {
            o->yes = true;
        } else if (strcmp(word, "--json") == 0) {
            o->json = true;
        } else if (strcmp(word, "--salvage") == 0) {
            if (!(o->salvage = value_of(argv, argc, &i))) return "--salvage needs a name";
        } else if (strcmp(word, "--truncate-to-timestamp") == 0) {
            seconds = value_of(argv, argc, &i);
            if (!seconds || !num_parse_i64(slice_of_cstr(seconds), &o->truncate_to) || o->truncate_to < 0)
                return "--truncate-to-timestamp needs a Unix time in seconds";
        } else if (word[0] == '-') {
            return "an option that is not known";
        } else if (o->path) {
            return "one file or folder at a time";
        } else {
            o->path = word;
        }
    }
    return o->path ? NULL : "which file?";
}

int main(int argc, char **argv) {
    struct options o = {.truncate_to = -1};
    bool aof = argc > 1 && strcmp(argv[1], "aof") == 0, rdb = argc > 1 && strcmp(argv[1], "rdb") == 0;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        printf("tarn-check %s\n", TARN_VERSION);
        return 0;
    }
    if (!aof && !rdb) return usage("rdb or aof?");
    const char *wrong = parse(&o, argv, argc);
    if (!wrong && rdb && (o.fix || o.truncate_to >= 0))
        wrong = "an RDB file cannot be fixed in its place: use --salvage OUT";
    if (!wrong && (o.fix || o.truncate_to >= 0) && o.salvage)
        wrong = "--salvage leaves the file as it is: not together with --fix";
    if (!wrong && o.salvage && file_exists(o.salvage)) wrong = "what --salvage writes must not exist yet";
    if (wrong) return usage(wrong);
    return rdb ? (int)check_rdb(&o) : (int)check_aof(&o);
}
