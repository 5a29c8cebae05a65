#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

enum tick_source { TICKS_POSIX, TICKS_CPU };

static struct {
    int64_t test_wall_ms; /* -1: the real clock */
    enum tick_source source;
    uint64_t ns_per_tick_32; /* 32.32 fixed point */
    char source_text[64];
} clocks = {.test_wall_ms = -1, .ns_per_tick_32 = (uint64_t)1 << 32, .source_text = "POSIX clock_gettime"};

static int64_t read_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_us(void) {
    if (clocks.test_wall_ms >= 0) return clocks.test_wall_ms * 1000;
    return read_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_ms(void) { return clock_wall_us() / 1000; }

int64_t clock_mono_us(void) { return read_ns(CLOCK_MONOTONIC) / 1000; }

int64_t clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }

void clock_wall_set_for_test(int64_t ms) { clocks.test_wall_ms = ms; }

#if defined(__x86_64__)
#define TICK_NAME "X86 TSC"

/* CPUID leaf 0x80000007, EDX bit 8: the counter runs at one rate in every power state (Intel SDM vol. 3, 18.17.1). */
static bool cpu_ticks_usable(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}

static inline uint64_t cpu_ticks(void) { return __rdtsc(); }

#elif defined(__aarch64__)
#define TICK_NAME "ARM CNTVCT"

static bool cpu_ticks_usable(void) { return true; }

static inline uint64_t cpu_ticks(void) {
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
}

#else
#define TICK_NAME "none"

static bool cpu_ticks_usable(void) { return false; }

static inline uint64_t cpu_ticks(void) { return 0; }
#endif

/* Ticks of about 2 ms against the monotonic clock: good to about 0.01 %. */
static double measure_ticks_per_ns(void) {
    int64_t start_ns = clock_mono_ns(), now_ns;
    uint64_t start = cpu_ticks();
    do now_ns = clock_mono_ns();
    while (now_ns - start_ns < 2000000);
    return (double)(cpu_ticks() - start) / (double)(now_ns - start_ns);
}

void clock_init(void) {
    if (!cpu_ticks_usable()) return;
    double ticks_per_ns = measure_ticks_per_ns();
    /* A counter slower than 1 MHz or that stands still is of no use. */
    if (!(ticks_per_ns > 0.001 && ticks_per_ns < 1000)) return;
    clocks.ns_per_tick_32 = (uint64_t)(0x1p32 / ticks_per_ns);
    clocks.source = TICKS_CPU;
    snprintf(clocks.source_text, sizeof clocks.source_text, TICK_NAME " @ %.0f ticks/us", ticks_per_ns * 1000);
}

uint64_t clock_ticks(void) { return clocks.source == TICKS_CPU ? cpu_ticks() : (uint64_t)clock_mono_ns(); }

uint64_t clock_ticks_to_ns(uint64_t ticks) {
    return (uint64_t)((unsigned __int128)ticks * clocks.ns_per_tick_32 >> 32);
}

const char *clock_ticks_source(void) { return clocks.source_text; }
