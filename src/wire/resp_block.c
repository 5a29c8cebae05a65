#include "wire/resp_block.h"

#include "base/check.h"

#define LIST_FIRST 4

static size_t whole(const struct resp_blocks *b, size_t size) {
    proven(b->front <= 4096);
    return b->front + size;
}

bool resp_block_try_add(struct resp_blocks *b, int arg, size_t size) {
    proven(size > 0 && (b->count == 0 || b->list[b->count - 1].arg < arg));
    if (size > SIZE_MAX / 2) return false;
    char *ptr = mem_try_alloc(b->owner, whole(b, size));
    if (!ptr) return false;
    if (b->count == b->capacity) {
        unsigned capacity = b->capacity ? 2 * b->capacity : LIST_FIRST;
        b->list = mem_realloc(MEM_CLIENT_IN, b->list, b->capacity * sizeof *b->list, capacity * sizeof *b->list);
        b->capacity = capacity;
    }
    b->list[b->count++] = (struct resp_block){ptr, size, arg};
    b->bytes += whole(b, size);
    return true;
}

bool resp_block_try_grow(struct resp_blocks *b, size_t size) {
    proven(b->count > 0);
    struct resp_block *last = &b->list[b->count - 1];
    proven(last->ptr && size >= last->size);
    if (size > SIZE_MAX / 2) return false;
    char *ptr = mem_try_realloc(b->owner, last->ptr, whole(b, last->size), whole(b, size));
    if (!ptr) return false;
    b->bytes += size - last->size;
    last->ptr = ptr;
    last->size = size;
    return true;
}

char *resp_block_text(const struct resp_blocks *b, const struct resp_block *block) {
    proven(block >= b->list && block < b->list + b->count && block->ptr);
    return block->ptr + b->front;
}

const struct resp_block *resp_block_find(const struct resp_blocks *b, int arg) {
    unsigned low = 0, high = b ? b->count : 0;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (b->list[middle].arg < arg)
            low = middle + 1;
        else
            high = middle;
    }
    if (!b || low == b->count || b->list[low].arg != arg) return NULL;
    proven(low < b->count);
    return b->list[low].ptr ? &b->list[low] : NULL;
}

void *resp_block_take(struct resp_blocks *b, int arg) {
    const struct resp_block *found = resp_block_find(b, arg);
    if (!found) return NULL;
    struct resp_block *block = &b->list[found - b->list];
    void *ptr = block->ptr;
    b->bytes -= whole(b, block->size);
    block->ptr = NULL;
    proven(ptr && !resp_block_find(b, arg));
    return ptr;
}

void resp_blocks_move(struct resp_blocks *to, struct resp_blocks *from) {
    proven(to != from && to->capacity == 0);
    *to = *from;
    *from = (struct resp_blocks){.front = to->front, .owner = to->owner};
}

void resp_blocks_clear(struct resp_blocks *b) {
    for (unsigned i = 0; i < b->count; i++) mem_free(b->owner, b->list[i].ptr, whole(b, b->list[i].size));
    mem_free(MEM_CLIENT_IN, b->list, b->capacity * sizeof *b->list);
    *b = (struct resp_blocks){.front = b->front, .owner = b->owner};
    proven(b->bytes == 0 && !b->list);
}
