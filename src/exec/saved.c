#include "exec/saved.h"

#include "base/check.h"
#include "mem/mem.h"

struct saved_request *saved_request_try_take(struct command *command, const struct slice *argv, int argc,
                                             struct resp_blocks *blocks) {
    size_t head = sizeof(struct saved_request) + (size_t)argc * sizeof *argv, size = head;
    for (int i = 0; i < argc; i++)
        if (!resp_block_find(blocks, i)) size += argv[i].len;
    struct saved_request *r = mem_try_alloc(MEM_CLIENT_IN, size);
    if (!r) return NULL;
    *r = (struct saved_request){.command = command, .size = size, .argc = argc};
    char *at = (char *)r + head;
    for (int i = 0; i < argc; i++) {
        r->argv[i] = argv[i];
        if (resp_block_find(blocks, i)) continue;
        if (argv[i].len) memcpy(at, argv[i].ptr, argv[i].len);
        r->argv[i].ptr = at;
        at += argv[i].len;
    }
    proven(at == (char *)r + size);
    if (blocks) resp_blocks_move(&r->blocks, blocks);
    return r;
}

struct saved_request *saved_request_try_new(struct command *command, const struct slice *argv, int argc) {
    return saved_request_try_take(command, argv, argc, NULL);
}

size_t saved_request_bytes(const struct saved_request *r) {
    return r->size + r->blocks.bytes + r->blocks.capacity * sizeof *r->blocks.list;
}

void saved_request_free(struct saved_request *r) {
    if (!r) return;
    resp_blocks_clear(&r->blocks);
    mem_free(MEM_CLIENT_IN, r, r->size);
}
