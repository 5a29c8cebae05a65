/* The allocator itself, under the accounts: jemalloc, or the C library's malloc. Private to mem/.
 *
 * A block is always asked for at its good size, so that every byte up to it may be used and the same size frees it.
 * Sanitizers replace malloc and watch each block's end: such builds take the C library's way with exact sizes. */
#ifndef TARN_MEM_MEM_INT_H
#define TARN_MEM_MEM_INT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MEM_SANITIZED 1
#endif
#endif

#if defined(TARN_JEMALLOC) && !defined(MEM_SANITIZED)
#define MEM_JEMALLOC 1
#include <jemalloc/jemalloc.h>

#define HEAP_TABLE_MAX 4096 /* sizes up to here are looked up, larger ones asked of nallocx (~10 ns) */
#define HEAP_STEP      16

/* heap_sizes[i] is the size class of i * HEAP_STEP bytes. Written once before main; read-only after. */
extern uint16_t heap_sizes[HEAP_TABLE_MAX / HEAP_STEP + 1];

/* 0 for more than the allocator can give at all. */
static inline size_t heap_good_size(size_t n) {
    return n <= HEAP_TABLE_MAX ? heap_sizes[(n + HEAP_STEP - 1) / HEAP_STEP] : nallocx(n, 0);
}

/* A small class that is a multiple of the alignment keeps it: jemalloc itself rounds the size up and takes that class. */
static inline size_t heap_good_size_aligned(size_t n, size_t align) {
    size_t rounded = (n + align - 1) & ~(align - 1);
    return n <= HEAP_TABLE_MAX && rounded <= HEAP_TABLE_MAX ? heap_sizes[rounded / HEAP_STEP]
                                                            : nallocx(n, MALLOCX_ALIGN(align));
}

static inline size_t heap_usable(const void *p, size_t good) {
    (void)p;
    return good;
}

static inline void *heap_alloc(size_t good) { return mallocx(good, 0); }

static inline void *heap_alloc_zeroed(size_t good) { return mallocx(good, MALLOCX_ZERO); }

static inline void *heap_alloc_aligned(size_t good, size_t align) { return mallocx(good, MALLOCX_ALIGN(align)); }

static inline void *heap_realloc(void *p, size_t good) { return rallocx(p, good, 0); }

static inline void heap_free(void *p, size_t good) { sdallocx(p, good, 0); }

static inline void heap_free_aligned(void *p, size_t good, size_t align) { sdallocx(p, good, MALLOCX_ALIGN(align)); }

#else
#include <malloc.h>
#include <stdlib.h>

#ifdef MEM_SANITIZED
#define HEAP_STEP 1
#else
#define HEAP_STEP 16
#endif

static inline size_t heap_good_size(size_t n) {
    if (n == 0) return HEAP_STEP;
    return n <= PTRDIFF_MAX - 4096 ? (n + HEAP_STEP - 1) / HEAP_STEP * HEAP_STEP : 0;
}

static inline size_t heap_good_size_aligned(size_t n, size_t align) {
    return heap_good_size((n + align - 1) & ~(align - 1));
}

static inline size_t heap_usable(const void *p, size_t good) {
    (void)good;
    return malloc_usable_size((void *)(uintptr_t)p);
}

static inline void *heap_alloc(size_t good) { return malloc(good); }

static inline void *heap_alloc_zeroed(size_t good) { return calloc(1, good); }

static inline void *heap_alloc_aligned(size_t good, size_t align) { return aligned_alloc(align, good); }

static inline void *heap_realloc(void *p, size_t good) { return realloc(p, good); }

static inline void heap_free(void *p, size_t good) {
    (void)good;
    free(p);
}

static inline void heap_free_aligned(void *p, size_t good, size_t align) {
    (void)good;
    (void)align;
    free(p);
}

#endif
#endif
