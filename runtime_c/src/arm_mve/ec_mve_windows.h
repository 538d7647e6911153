/* ec_mve_windows.h - channels of depthwise convolution: each one's window, gathered as words of four inputs, times its weights.
 *
 * Outputs are computed in pairs: two in a row share the vectors of weights; two above each other that are held by the same words share
 * the vectors of inputs. A gather of four words is one instruction; what it costs in cycles has not been measured.
 */
#ifndef EC_MVE_WINDOWS_H
#define EC_MVE_WINDOWS_H

#include <stddef.h>

#include "ec_mve.h"

#define EC_MVE_CHANNELS 4U /* requantized together */

/* A run of channels of some pairs of outputs. The first four members are loaded two at a time, as are the skips. */
typedef struct {
    const int8_t *weights; /* of the first channel: its window in whole vectors */
    uint32_t blocks;       /* of four channels */
    const int32_t *bias;
    const int32_t *multiplier;
    uint32_t input_skip; /* bytes from behind the last channel of a pair to the first channel of the next */
    uint32_t output_skip;
    uint32_t pairs; /* left */
    int32_t zero_point;
    int32_t low[4];
    int32_t high[4];
    const uint32_t *offsets; /* [4][4]: of the words of a window, by vector */
} ec_mve_pairs;

static inline ec_mve_pairs ec_mve_make_pairs(int32_t zero_point, int32_t low, int32_t high, const uint32_t *offsets) {
    ec_mve_pairs c;
    c.zero_point = zero_point;
    vstrwq_s32(c.low, vdupq_n_s32(low));
    vstrwq_s32(c.high, vdupq_n_s32(high));
    c.offsets = offsets;
    return c;
}

_Static_assert(offsetof(ec_mve_pairs, bias) == 8 && offsetof(ec_mve_pairs, input_skip) == 16 && offsetof(ec_mve_pairs, pairs) == 24 &&
                   offsetof(ec_mve_pairs, zero_point) == 28 && offsetof(ec_mve_pairs, low) == 32 && offsetof(ec_mve_pairs, high) == 48,
               "the assembly below knows where members lie");

/* The next channel of two outputs: in one vector, weights shared; in one vector, inputs shared; in up to four vectors, weights shared. */
#define EC_MVE_NEXT_WORDS(to, at) EC_MVE_LINE("vldrw.u32 %q[" #to "], [%q[" #at "], #4]!")
#define EC_MVE_GATHER(to, at, offsets) EC_MVE_LINE("vldrw.u32 %q[" #to "], [%[" #at "], %q[" #offsets "]]")
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

/* The low lanes of both outputs from two channels, then the high lanes. */
#define EC_MVE_FOUR_CHANNELS(window)                                                                                                  \
    window(s00, s10) window(s01, s11) EC_MVE_LOW_LANES(p0, s00, s01) EC_MVE_LOW_LANES(p1, s10, s11) window(s00, s10) window(s01, s11) \
        EC_MVE_HIGH_LANES(p0, s00, s01) EC_MVE_HIGH_LANES(p1, s10, s11) EC_MVE_TAKE_WORDS(v, bias) EC_MVE_TAKE_WORDS(x, multiplier)   \
            EC_MVE_LINE("ldr %[s00], [%[c], #28]") EC_MVE_LINE("vadd.i32 %q[p0], %q[p0], %q[v]")                                      \
                EC_MVE_LINE("vadd.i32 %q[p1], %q[p1], %q[v]") EC_MVE_LINE("vqrdmlash.s32 %q[p0], %q[x], %[s00]")                      \
                    EC_MVE_LINE("vqrdmlash.s32 %q[p1], %q[x], %[s00]")

#define EC_MVE_CLAMP_LIMITS(low, high)                    \
    EC_MVE_LINE("vmax.s32 %q[p0], %q[p0], %q[" #low "]")  \
    EC_MVE_LINE("vmax.s32 %q[p1], %q[p1], %q[" #low "]")  \
    EC_MVE_LINE("vmin.s32 %q[p0], %q[p0], %q[" #high "]") \
    EC_MVE_LINE("vmin.s32 %q[p1], %q[p1], %q[" #high "]")

/* The second output first: where both are one, the first remains. */
#define EC_MVE_STORE_PAIR                            \
    EC_MVE_LINE("vstrb.32 %q[p1], [%[output1]], #4") \
    EC_MVE_LINE("vstrb.32 %q[p0], [%[output0]], #4")

#define EC_MVE_ALL_PAIRS(window, clamp, advance)                                                         \
    EC_MVE_LINE("1:")                                                                                    \
    EC_MVE_LINE("ldrd %[weights], lr, [%[c]]")                                                           \
    EC_MVE_LINE("ldrd %[bias], %[multiplier], [%[c], #8]")                                               \
    EC_MVE_LINE("2:")                                                                                    \
    EC_MVE_FOUR_CHANNELS(window)                                                                         \
    clamp EC_MVE_STORE_PAIR EC_MVE_LINE("le lr, 2b") EC_MVE_LINE("ldrd %[s00], %[s01], [%[c], #16]")     \
        EC_MVE_LINE("ldr %[s10], [%[c], #24]") advance EC_MVE_LINE("add %[output0], %[output0], %[s01]") \
            EC_MVE_LINE("add %[output1], %[output1], %[s01]") EC_MVE_LINE("subs %[s10], %[s10], #1")     \
                EC_MVE_LINE("str %[s10], [%[c], #24]") EC_MVE_LINE("bne 1b")

#define EC_MVE_HELD_LIMITS EC_MVE_CLAMP_LIMITS(low, high)
#define EC_MVE_LOADED_LIMITS                   \
    EC_MVE_LINE("vldrw.32 %q[v], [%[c], #32]") \
    EC_MVE_LINE("vldrw.32 %q[x], [%[c], #48]") \
    EC_MVE_CLAMP_LIMITS(v, x)

#define EC_MVE_PAIR_OUTPUTS                                                                                                         \
    [weights] "=&r"(weights), [bias] "=&r"(bias), [multiplier] "=&r"(multiplier), [output0] "+l"(output0), [output1] "+l"(output1), \
        [s00] "=&Te"(s00), [s01] "=&Te"(s01), [s10] "=&Te"(s10), [s11] "=&Te"(s11), [v] "=&w"(v), [x] "=&w"(x), [p0] "=&w"(p0),     \
        [p1] "=&w"(p1)
#define EC_MVE_PAIR_TEMPORARIES       \
    const int8_t *weights;            \
    const int32_t *bias, *multiplier; \
    int32_t s00, s01, s10, s11;       \
    int32x4_t v, x, p0, p1

/* Pairs in a row, windows of one vector; the words of the first channel lie 4 bytes behind the addresses at0 and at1. */
static inline void ec_mve_pairs_in_a_row(ec_mve_pairs *c, uint32x4_t at0, uint32x4_t at1, int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    __asm__ volatile(EC_MVE_ALL_PAIRS(EC_MVE_WINDOWS_IN_A_ROW, EC_MVE_HELD_LIMITS,
                                      EC_MVE_LINE("vadd.i32 %q[at0], %q[at0], %[s00]") EC_MVE_LINE("vadd.i32 %q[at1], %q[at1], %[s00]"))
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+w"(at0), [at1] "+w"(at1)
                     : [c] "r"(c), [low] "w"(vldrwq_s32(c->low)), [high] "w"(vldrwq_s32(c->high))
                     : "lr", "cc", "memory");
}

/* Pairs above each other, windows of one vector; weights hold a vector for each of the two. */
static inline void ec_mve_pairs_above(ec_mve_pairs *c, uint32x4_t at0, int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    __asm__ volatile(EC_MVE_ALL_PAIRS(EC_MVE_WINDOWS_ABOVE, EC_MVE_HELD_LIMITS, EC_MVE_LINE("vadd.i32 %q[at0], %q[at0], %[s00]"))
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+w"(at0)
                     : [c] "r"(c), [low] "w"(vldrwq_s32(c->low)), [high] "w"(vldrwq_s32(c->high))
                     : "lr", "cc", "memory");
}

/* Pairs in a row, windows of two to four vectors. */
#define EC_MVE_WIDE_PAIRS(window)                                                                                          \
    __asm__ volatile(EC_MVE_ALL_PAIRS(window, EC_MVE_LOADED_LIMITS,                                                        \
                                      EC_MVE_LINE("add %[at0], %[at0], %[s00]") EC_MVE_LINE("add %[at1], %[at1], %[s00]")) \
                     : EC_MVE_PAIR_OUTPUTS, [at0] "+r"(at0), [at1] "+r"(at1)                                               \
                     : [c] "r"(c), [o0] "w"(o0), [o1] "w"(o1), [o2] "w"(o2), [o3] "w"(o3)                                  \
                     : "lr", "cc", "memory")

static inline void ec_mve_wide_pairs(ec_mve_pairs *c, uint32_t vectors, const int8_t *at0, const int8_t *at1, int8_t *output0,
                                     int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    const uint32x4_t o0 = vldrwq_u32(c->offsets);
    const uint32x4_t o1 = vldrwq_u32(c->offsets + 4);
    const uint32x4_t o2 = vldrwq_u32(c->offsets + 8);
    const uint32x4_t o3 = vldrwq_u32(c->offsets + 12);
    if (vectors == 2) {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_2);
    } else if (vectors == 3) {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_3);
    } else {
        EC_MVE_WIDE_PAIRS(EC_MVE_WINDOWS_OF_4);
    }
}

#endif
