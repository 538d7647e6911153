/* ec_mve_windows.h - channels of depthwise convolution: each one's window, gathered as words of four inputs, times its weights.
 *
 * Two outputs in a row share the vectors of weights; two above each other that are held by the same words share the vectors of inputs. A
 * gather of four words is one instruction; what it costs in cycles has not been measured.
 */
#ifndef EC_MVE_WINDOWS_H
#define EC_MVE_WINDOWS_H

#include "ec_mve_pairs.h"

#define EC_MVE_NEXT_WORDS(to, at) EC_MVE_LINE("vldrw.u32 %q[" #to "], [%q[" #at "], #4]!")
#define EC_MVE_GATHER(to, at, offsets) EC_MVE_LINE("vldrw.u32 %q[" #to "], [%[" #at "], %q[" #offsets "]]")

/* The next channel of two outputs: windows of one vector that share weights, or inputs; windows of several that share weights. */
#define EC_MVE_WINDOWS_IN_A_ROW(sum0, sum1) \
    EC_MVE_TAKE(v, weights)                 \
    EC_MVE_NEXT_WORDS(x, at0)               \
    EC_MVE_MUL(sum0, v, x)                  \
    EC_MVE_NEXT_WORDS(x, at1)               \
    EC_MVE_MUL(sum1, v, x)
#define EC_MVE_WINDOWS_ABOVE(sum0, sum1) \
    EC_MVE_TAKE(v, weights)              \
    EC_MVE_NEXT_WORDS(x, at0)            \
    EC_MVE_MUL(sum0, v, x)               \
    EC_MVE_TAKE(v, weights)              \
    EC_MVE_MUL(sum1, v, x)
#define EC_MVE_FIRST_VECTORS(sum0, sum1) \
    EC_MVE_TAKE(v, weights)              \
    EC_MVE_GATHER(x, at0, o0)            \
    EC_MVE_MUL(sum0, v, x)               \
    EC_MVE_GATHER(x, at1, o0)            \
    EC_MVE_MUL(sum1, v, x)
#define EC_MVE_MORE_VECTORS(sum0, sum1, offsets) \
    EC_MVE_TAKE(v, weights)                      \
    EC_MVE_GATHER(x, at0, offsets)               \
    EC_MVE_MAC(sum0, v, x)                       \
    EC_MVE_GATHER(x, at1, offsets)               \
    EC_MVE_MAC(sum1, v, x)
#define EC_MVE_NEXT_CHANNEL               \
    EC_MVE_LINE("add %[at0], %[at0], #4") \
    EC_MVE_LINE("add %[at1], %[at1], #4")
#define EC_MVE_WINDOWS_OF_2(sum0, sum1) \
    EC_MVE_FIRST_VECTORS(sum0, sum1)    \
    EC_MVE_MORE_VECTORS(sum0, sum1, o1) \
    EC_MVE_NEXT_CHANNEL
#define EC_MVE_WINDOWS_OF_3(sum0, sum1) \
    EC_MVE_FIRST_VECTORS(sum0, sum1)    \
    EC_MVE_MORE_VECTORS(sum0, sum1, o1) \
    EC_MVE_MORE_VECTORS(sum0, sum1, o2) \
    EC_MVE_NEXT_CHANNEL
#define EC_MVE_WINDOWS_OF_4(sum0, sum1) \
    EC_MVE_FIRST_VECTORS(sum0, sum1)    \
    EC_MVE_MORE_VECTORS(sum0, sum1, o1) \
    EC_MVE_MORE_VECTORS(sum0, sum1, o2) \
    EC_MVE_MORE_VECTORS(sum0, sum1, o3) \
    EC_MVE_NEXT_CHANNEL

#define EC_MVE_SKIP_WORDS(at) EC_MVE_LINE("vadd.i32 %q[" #at "], %q[" #at "], %[s00]")
#define EC_MVE_SKIP_BYTES(at) EC_MVE_LINE("add %[" #at "], %[" #at "], %[s00]")

/* Pairs in a row, windows of one vector; the words of the first channel lie 4 bytes behind the addresses at0 and at1. */
static inline void ec_mve_pairs_in_a_row(ec_mve_pairs *c, uint32x4_t at0, uint32x4_t at1, int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    __asm__ volatile(EC_MVE_ALL_PAIRS("", EC_MVE_WINDOWS_IN_A_ROW, EC_MVE_HELD_LIMITS, EC_MVE_SKIP_WORDS(at0) EC_MVE_SKIP_WORDS(at1))
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+w"(at0), [at1] "+w"(at1)
                     : [c] "r"(c), [low] "w"(vldrwq_s32(c->low)), [high] "w"(vldrwq_s32(c->high))
                     : "lr", "cc", "memory");
}

/* Pairs above each other, windows of one vector; weights hold a vector for each of the two. */
static inline void ec_mve_pairs_above(ec_mve_pairs *c, uint32x4_t at0, int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    __asm__ volatile(EC_MVE_ALL_PAIRS("", EC_MVE_WINDOWS_ABOVE, EC_MVE_HELD_LIMITS, EC_MVE_SKIP_WORDS(at0))
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+w"(at0)
                     : [c] "r"(c), [low] "w"(vldrwq_s32(c->low)), [high] "w"(vldrwq_s32(c->high))
                     : "lr", "cc", "memory");
}

/* Pairs in a row, windows of two to four vectors, whose words lie `offsets` [4][4] behind at0 and at1. */
#define EC_MVE_WIDE_PAIRS(WINDOWS)                                                                                      \
    __asm__ volatile(EC_MVE_ALL_PAIRS("", WINDOWS, EC_MVE_LOADED_LIMITS, EC_MVE_SKIP_BYTES(at0) EC_MVE_SKIP_BYTES(at1)) \
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+r"(at0), [at1] "+r"(at1)                                            \
                     : [c] "r"(c), [o0] "w"(o0), [o1] "w"(o1), [o2] "w"(o2), [o3] "w"(o3)                               \
                     : "lr", "cc", "memory")

static inline void ec_mve_wide_pairs(ec_mve_pairs *c, uint32_t vectors, const uint32_t *offsets, const int8_t *at0, const int8_t *at1,
                                     int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    const uint32x4_t o0 = vldrwq_u32(offsets);
    const uint32x4_t o1 = vldrwq_u32(offsets + 4);
    const uint32x4_t o2 = vldrwq_u32(offsets + 8);
    const uint32x4_t o3 = vldrwq_u32(offsets + 12);
    if (vectors == 2) {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_2);
    } else if (vectors == 3) {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_3);
    } else {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_4);
    }
}

#endif
