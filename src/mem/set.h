/* Sums over some of the owners, a bit each. */
#ifndef TARN_MEM_SET_H
#define TARN_MEM_SET_H

#include "mem/mem.h"

#define MEM_SET(owner) (UINT32_C(1) << (owner))
int64_t mem_set_bytes(uint32_t owners); /* over all threads, as mem_owner_bytes */
/* What the calling thread has taken less what it has given back, ~10 ns: only the difference of two calls means anything. */
int64_t mem_set_here(uint32_t owners);

#endif
