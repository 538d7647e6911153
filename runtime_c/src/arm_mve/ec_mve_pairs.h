/* ec_mve_pairs.h - the frame of assembly around kernels that compute two outputs at a time, four channels together. */
#ifndef EC_MVE_PAIRS_H
#define EC_MVE_PAIRS_H

#include <stddef.h>

#include "ec_mve.h"

#define EC_MVE_CHANNELS 4U /* requantized together */

/* A run of channels of some pairs of outputs. Members that follow each other are loaded together. */
typedef struct {
    const int8_t *weights; /* of the first channel */
    uint32_t blocks;       /* of four channels */
    const int32_t *bias;
    const int32_t *multiplier;
    uint32_t input_skip; /* bytes from where a pair's inputs are left to those of the next */
    uint32_t output_skip;
    uint32_t pairs; /* left */
    int32_t zero_point;
    int32_t low[4];
    int32_t high[4];
    uint32_t apart;     /* bytes from the first input of a pair to the second, where the kernel asks for it */
    uint32_t predicate; /* the predicate register as it was, as compilers know of no clobber by its name */
} ec_mve_pairs;

_Static_assert(offsetof(ec_mve_pairs, bias) == 8 && offsetof(ec_mve_pairs, input_skip) == 16 && offsetof(ec_mve_pairs, pairs) == 24 &&
                   offsetof(ec_mve_pairs, zero_point) == 28 && offsetof(ec_mve_pairs, low) == 32 && offsetof(ec_mve_pairs, high) == 48 &&
                   offsetof(ec_mve_pairs, apart) == 64 && offsetof(ec_mve_pairs, predicate) == 68,
               "the assembly knows where members lie");

/* The clamps and the zero point; everything else is set for each run. */
static inline void ec_mve_set_rescaling(ec_mve_pairs *c, int32_t zero_point, int32_t low, int32_t high) {
    c->zero_point = zero_point;
    vstrwq_s32(c->low, vdupq_n_s32(low));
    vstrwq_s32(c->high, vdupq_n_s32(high));
}

/* BEGIN once a pair; WINDOW(sum0, sum1) for the next channel of both outputs; LIMITS() clamps p0 and p1; ADVANCE adds s00, the input's
 * skip. The second output is stored first: where both are one, the first remains. */
#define EC_MVE_ALL_PAIRS(BEGIN, WINDOW, LIMITS, ADVANCE)   \
    EC_MVE_LINE("1:")                                      \
    BEGIN                                                  \
    EC_MVE_LINE("ldrd %[weights], lr, [%[c]]")             \
    EC_MVE_LINE("ldrd %[bias], %[multiplier], [%[c], #8]") \
    EC_MVE_LINE("2:")                                      \
    WINDOW(s00, s10)                                       \
    WINDOW(s01, s11)                                       \
    EC_MVE_LOW_LANES(p0, s00, s01)                         \
    EC_MVE_LOW_LANES(p1, s10, s11)                         \
    WINDOW(s00, s10)                                       \
    WINDOW(s01, s11)                                       \
    EC_MVE_HIGH_LANES(p0, s00, s01)                        \
    EC_MVE_HIGH_LANES(p1, s10, s11)                        \
    EC_MVE_TAKE_WORDS(v, bias)                             \
    EC_MVE_TAKE_WORDS(x, multiplier)                       \
    EC_MVE_LINE("ldr %[s00], [%[c], #28]")                 \
    EC_MVE_LINE("vadd.i32 %q[p0], %q[p0], %q[v]")          \
    EC_MVE_LINE("vadd.i32 %q[p1], %q[p1], %q[v]")          \
    EC_MVE_LINE("vqrdmlash.s32 %q[p0], %q[x], %[s00]")     \
    EC_MVE_LINE("vqrdmlash.s32 %q[p1], %q[x], %[s00]")     \
    LIMITS()                                               \
    EC_MVE_LINE("vstrb.32 %q[p1], [%[output1]], #4")       \
    EC_MVE_LINE("vstrb.32 %q[p0], [%[output0]], #4")       \
    EC_MVE_LINE("le lr, 2b")                               \
    EC_MVE_LINE("ldrd %[s00], %[s01], [%[c], #16]")        \
    EC_MVE_LINE("ldr %[s10], [%[c], #24]")                 \
    ADVANCE                                                \
    EC_MVE_LINE("add %[output0], %[output0], %[s01]")      \
    EC_MVE_LINE("add %[output1], %[output1], %[s01]")      \
    EC_MVE_LINE("subs %[s10], %[s10], #1")                 \
    EC_MVE_LINE("str %[s10], [%[c], #24]")                 \
    EC_MVE_LINE("bne 1b")

#define EC_MVE_CLAMP_PAIR(low, high)                      \
    EC_MVE_LINE("vmax.s32 %q[p0], %q[p0], %q[" #low "]")  \
    EC_MVE_LINE("vmax.s32 %q[p1], %q[p1], %q[" #low "]")  \
    EC_MVE_LINE("vmin.s32 %q[p0], %q[p0], %q[" #high "]") \
    EC_MVE_LINE("vmin.s32 %q[p1], %q[p1], %q[" #high "]")
#define EC_MVE_HELD_LIMITS() EC_MVE_CLAMP_PAIR(low, high)
#define EC_MVE_LOADED_LIMITS()                 \
    EC_MVE_LINE("vldrw.32 %q[v], [%[c], #32]") \
    EC_MVE_LINE("vldrw.32 %q[x], [%[c], #48]") \
    EC_MVE_CLAMP_PAIR(v, x)

#define EC_MVE_PAIR_TEMPORARIES       \
    const int8_t *weights;            \
    const int32_t *bias, *multiplier; \
    int32_t s00, s01, s10, s11;       \
    int32x4_t v, x, p0, p1
#define EC_MVE_PAIR_OUTPUTS                                                                                                         \
    [weights] "=&r"(weights), [bias] "=&r"(bias), [multiplier] "=&r"(multiplier), [output0] "+l"(output0), [output1] "+l"(output1), \
        [s00] "=&Te"(s00), [s01] "=&Te"(s01), [s10] "=&Te"(s10), [s11] "=&Te"(s11), [v] "=&w"(v), [x] "=&w"(x), [p0] "=&w"(p0),     \
        [p1] "=&w"(p1)

#endif
