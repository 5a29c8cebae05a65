#include "mem/mem.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "mem/mem_int.h"
#include "mem/set.h"

#include <pthread.h>
#include <string.h>

/* --- Accounts ---------------------------------------------------------------------------------------------------
 * A thread writes only its own account, with plain loads and stores; readers add all accounts up. A thread that ends
 * leaves its account, counts and all, to the next thread that starts: nothing is ever moved between accounts, so a
 * reader cannot see a byte twice or not at all. */

#define ACCOUNT_MAX 512 /* threads alive at one time */

struct balance {
    int64_t bytes, blocks;
};

struct account {
    _Alignas(64) struct balance balances[MEM_OWNER_COUNT];
    bool taken;
};

static struct {
    struct account accounts[ACCOUNT_MAX];
    unsigned account_count; /* accounts that were ever taken: readers stop here */
    pthread_mutex_t taking;
    pthread_once_t once;
    pthread_key_t departure; /* its destructor gives the account back */
    int64_t peak, peak_time_s, startup;
} memory = {.taking = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static _Thread_local struct {
    struct account *account;
    unsigned fail_after;
    size_t fail_min;
} this_thread;

static inline int64_t load(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

static inline void store(int64_t *p, int64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }

static void account_leave(void *account) {
    pthread_mutex_lock(&memory.taking);
    ((struct account *)account)->taken = false;
    pthread_mutex_unlock(&memory.taking);
    this_thread.account = NULL;
}

static void departure_init(void) { proven(pthread_key_create(&memory.departure, account_leave) == 0); }

static struct account *account_take(void) {
    unsigned i = 0;
    pthread_once(&memory.once, departure_init);
    pthread_mutex_lock(&memory.taking);
    while (i < ACCOUNT_MAX && memory.accounts[i].taken) i++;
    proven(i < ACCOUNT_MAX);
    memory.accounts[i].taken = true;
    if (i >= memory.account_count) __atomic_store_n(&memory.account_count, i + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&memory.taking);
    this_thread.account = &memory.accounts[i];
    pthread_setspecific(memory.departure, this_thread.account);
    return this_thread.account;
}

static inline struct balance *balance_of(enum mem_owner owner) {
    debug_proven(owner < MEM_OWNER_COUNT);
    struct account *account = this_thread.account;
    if (unlikely(!account)) account = account_take();
    return &account->balances[owner];
}

static inline void count(enum mem_owner owner, int64_t bytes, int64_t blocks) {
    struct balance *b = balance_of(owner);
    store(&b->bytes, load(&b->bytes) + bytes);
    store(&b->blocks, load(&b->blocks) + blocks);
}

static struct balance owner_sum(enum mem_owner owner) {
    struct balance sum = {0, 0};
    unsigned n = __atomic_load_n(&memory.account_count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++) {
        sum.bytes += load(&memory.accounts[i].balances[owner].bytes);
        sum.blocks += load(&memory.accounts[i].balances[owner].blocks);
    }
    /* A block that is freed on another thread while we read may be seen to go but not to come. */
    if (sum.bytes < 0) sum.bytes = 0;
    if (sum.blocks < 0) sum.blocks = 0;
    return sum;
}

int64_t mem_owner_bytes(enum mem_owner owner) { return owner_sum(owner).bytes; }

int64_t mem_owner_blocks(enum mem_owner owner) { return owner_sum(owner).blocks; }

int64_t mem_used(void) {
    int64_t sum = 0;
    for (unsigned owner = 0; owner < MEM_OWNER_COUNT; owner++) sum += mem_owner_bytes((enum mem_owner)owner);
    return sum;
}

int64_t mem_set_bytes(uint32_t owners) {
    int64_t sum = 0;
    proven(owners >> MEM_OWNER_COUNT == 0);
    for (; owners; owners &= owners - 1) sum += mem_owner_bytes((enum mem_owner)__builtin_ctz(owners));
    return sum;
}

int64_t mem_set_here(uint32_t owners) {
    int64_t sum = 0;
    for (; owners; owners &= owners - 1) sum += load(&balance_of((enum mem_owner)__builtin_ctz(owners))->bytes);
    return sum;
}

const char *mem_owner_name(enum mem_owner owner) {
    static const char *const names[] = {
        [MEM_STRINGS] = "strings",
        [MEM_LISTS] = "lists",
        [MEM_SETS] = "sets",
        [MEM_HASHES] = "hashes",
        [MEM_ZSETS] = "zsets",
        [MEM_STREAMS] = "streams",
        [MEM_TABLE] = "table",
        [MEM_EXPIRY] = "expiry",
        [MEM_LIMBO] = "limbo",
        [MEM_CLIENT] = "client",
        [MEM_CLIENT_IN] = "client_in",
        [MEM_CLIENT_OUT] = "client_out",
        [MEM_REPLICATION] = "replication",
        [MEM_AOF] = "aof",
        [MEM_SCRIPTS] = "scripts",
        [MEM_PUBSUB] = "pubsub",
        [MEM_TRACKING] = "tracking",
        [MEM_PERSIST] = "persist",
        [MEM_OBSERVE] = "observe",
        [MEM_SERVER] = "server",
    };
    _Static_assert(countof(names) == MEM_OWNER_COUNT, "an owner without a name");
    proven(owner < MEM_OWNER_COUNT);
    return names[owner];
}

/* --- Peak and start-up ------------------------------------------------------------------------------------------ */

void mem_note_peak(void) {
    int64_t used = mem_used();
    if (used <= load(&memory.peak)) return;
    store(&memory.peak, used);
    store(&memory.peak_time_s, clock_wall_ms() / 1000);
}

void mem_reset_peak(void) {
    store(&memory.peak, 0);
    mem_note_peak();
}

int64_t mem_peak(void) { return load(&memory.peak); }

int64_t mem_peak_time_s(void) { return load(&memory.peak_time_s); }

void mem_note_startup(void) { store(&memory.startup, mem_used()); }

int64_t mem_startup(void) { return load(&memory.startup); }

/* --- Blocks ----------------------------------------------------------------------------------------------------- */

void mem_fail_after(unsigned nth, size_t min) {
    this_thread.fail_after = nth;
    this_thread.fail_min = min;
}

static inline bool fault_due(size_t n) {
    if (likely(this_thread.fail_after == 0) || n < this_thread.fail_min) return false;
    return --this_thread.fail_after == 0;
}

static _Noreturn void exhausted(enum mem_owner owner, size_t n) {
    log_warning("Out of memory allocating %zu bytes for %s", n, mem_owner_name(owner));
    unreachable("out of memory");
}

size_t mem_good_size(size_t n) { return heap_good_size(n); }

static inline void *counted(enum mem_owner owner, void *p, size_t good) {
    if (likely(p != NULL)) count(owner, (int64_t)heap_usable(p, good), 1);
    return p;
}

static inline void *take_block(enum mem_owner owner, size_t n) {
    size_t good = heap_good_size(n);
    return good ? counted(owner, heap_alloc(good), good) : NULL;
}

void *mem_alloc(enum mem_owner owner, size_t n) {
    debug_proven(n > 0);
    void *p = take_block(owner, n);
    if (unlikely(!p)) exhausted(owner, n);
    return p;
}

void *mem_try_alloc(enum mem_owner owner, size_t n) { return unlikely(fault_due(n)) ? NULL : take_block(owner, n); }

void *mem_alloc_zeroed(enum mem_owner owner, size_t n) {
    size_t good = heap_good_size(n);
    void *p = good ? counted(owner, heap_alloc_zeroed(good), good) : NULL;
    if (unlikely(!p)) exhausted(owner, n);
    return p;
}

void *mem_alloc_aligned(enum mem_owner owner, size_t n, size_t align) {
    proven(align >= 16 && align <= 4096 && (align & (align - 1)) == 0);
    size_t good = heap_good_size_aligned(n, align);
    void *p = good ? counted(owner, heap_alloc_aligned(good, align), good) : NULL;
    if (unlikely(!p)) exhausted(owner, n);
    return p;
}

void mem_free_aligned(enum mem_owner owner, void *p, size_t n, size_t align) {
    if (!p) return;
    size_t good = heap_good_size_aligned(n, align);
    count(owner, -(int64_t)heap_usable(p, good), -1);
    heap_free_aligned(p, good, align);
}

void mem_free(enum mem_owner owner, void *p, size_t n) {
    if (!p) return;
    size_t good = heap_good_size(n);
    count(owner, -(int64_t)heap_usable(p, good), -1);
    heap_free(p, good);
}

static void *resize_block(enum mem_owner owner, void *p, size_t old_n, size_t new_n) {
    if (!p) return take_block(owner, new_n);
    size_t old_good = heap_good_size(old_n), good = heap_good_size(new_n);
    if (old_good == good) return p;
    if (good == 0) return NULL;
    int64_t before = (int64_t)heap_usable(p, old_good);
    void *moved = heap_realloc(p, good);
    if (moved) count(owner, (int64_t)heap_usable(moved, good) - before, 0);
    return moved;
}

void *mem_realloc(enum mem_owner owner, void *p, size_t old_n, size_t new_n) {
    void *moved = resize_block(owner, p, old_n, new_n);
    if (unlikely(!moved)) exhausted(owner, new_n);
    return moved;
}

void *mem_try_realloc(enum mem_owner owner, void *p, size_t old_n, size_t new_n) {
    return unlikely(fault_due(new_n)) ? NULL : resize_block(owner, p, old_n, new_n);
}

void mem_move(enum mem_owner from, enum mem_owner to, const void *p, size_t n) {
    if (!p || from == to) return;
    int64_t bytes = (int64_t)heap_usable(p, heap_good_size(n));
    count(from, -bytes, -1);
    count(to, bytes, 1);
}
