/* Defragmentation in the property tests: every block is worth moving, and steps fall between random changes, so that a pointer that
 * was missed is one to freed memory, which the sanitizers see. */
#ifndef TARN_TESTS_VALUES_MOVING_H
#define TARN_TESTS_VALUES_MOVING_H

#include "base/random.h"
#include "values/defrag.h"
#include "values/kind.h"

struct moving { /* all zero at the start */
    struct mem_defrag mem;
    struct value_defrag walk;
    unsigned walks; /* that came to their end */
};

/* Some steps, from where the last ones ended, whatever has become of the value since. It may be empty. */
static inline void move_some(struct moving *m, struct value *v, struct random *r) {
    m->mem.everything = true;
    for (uint64_t n = random_below(r, 4); n > 0 && v->ptr; n--) {
        if (!m->walk.mem) m->walk = (struct value_defrag){.mem = &m->mem};
        v->ptr = value_defrag(*v, &m->walk);
        if (!m->walk.done) continue;
        m->walk = (struct value_defrag){.mem = NULL};
        m->walks++;
    }
}

#endif
