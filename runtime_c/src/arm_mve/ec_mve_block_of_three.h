/* ec_mve_block_of_three.h - four filters times three pixels: two filters at a time, five loads for six times sixteen products. */
#ifndef EC_MVE_BLOCK_OF_THREE_H
#define EC_MVE_BLOCK_OF_THREE_H

#include "ec_mve_block.h"

/* Sixteen inputs of two filters (w0, w1) and three pixels (x0, x1, x2), and twice as many. */
#define EC_MVE_2_BY_3()   \
    EC_MVE_TAKE(v, w0)    \
    EC_MVE_TAKE(a, x0)    \
    EC_MVE_TAKE(w, w1)    \
    EC_MVE_MAC(s00, v, a) \
    EC_MVE_TAKE(b, x1)    \
    EC_MVE_MAC(s10, w, a) \
    EC_MVE_TAKE(a, x2)    \
    EC_MVE_MAC(s01, v, b) \
    EC_MVE_MAC(s11, w, b) \
    EC_MVE_MAC(s02, v, a) \
    EC_MVE_MAC(s12, w, a)
#define EC_MVE_2_BY_3_TWICE() \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_TAKE(a, x0)        \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s00, v, a)     \
    EC_MVE_TAKE(b, x1)        \
    EC_MVE_MAC(s10, w, a)     \
    EC_MVE_TAKE(a, x2)        \
    EC_MVE_MAC(s01, v, b)     \
    EC_MVE_MAC(s11, w, b)     \
    EC_MVE_TAKE(b, x0)        \
    EC_MVE_MAC(s02, v, a)     \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_MAC(s12, w, a)     \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s00, v, b)     \
    EC_MVE_TAKE(a, x1)        \
    EC_MVE_MAC(s10, w, b)     \
    EC_MVE_TAKE(b, x2)        \
    EC_MVE_MAC(s01, v, a)     \
    EC_MVE_MAC(s11, w, a)     \
    EC_MVE_MAC(s02, v, b)     \
    EC_MVE_MAC(s12, w, b)

/* Two filters with three pixels, from their bias on; the sums go to the low or the high lanes of each pixel. */
#define EC_MVE_TWO_FILTERS(LANES, bias_skip, WEIGHTS)            \
    EC_MVE_LINE("ldr %[x0], [%[s], %[bias]]")                    \
    EC_MVE_LINE("ldrd %[s00], %[s10], [%[x0], #" #bias_skip "]") \
    EC_MVE_LINE("ldrd %[w0], %[w1], [%[s], %[weights]]")         \
    WEIGHTS()                                                    \
    EC_MVE_LINE("add %[w1], %[w1], %[w0]")                       \
    EC_MVE_LINE("ldrd %[x0], %[x1], [%[s], %[x]]")               \
    EC_MVE_LINE("ldr %[x2], [%[s], %[x_last]]")                  \
    EC_MVE_LINE("mov %[s01], %[s00]")                            \
    EC_MVE_LINE("mov %[s02], %[s00]")                            \
    EC_MVE_LINE("mov %[s11], %[s10]")                            \
    EC_MVE_LINE("mov %[s12], %[s10]")                            \
    EC_MVE_ALL_INPUTS(EC_MVE_2_BY_3, EC_MVE_2_BY_3_TWICE)        \
    LANES(p0, s00, s10)                                          \
    LANES(p1, s01, s11)                                          \
    LANES(p2, s02, s12)
#define EC_MVE_THESE_WEIGHTS()
/* Those of the third filter on; the next block's lie two filters behind. */
#define EC_MVE_NEXT_WEIGHTS()                      \
    EC_MVE_LINE("add %[w0], %[w0], %[w1], lsl #1") \
    EC_MVE_LINE("add %[x0], %[w0], %[w1], lsl #1") \
    EC_MVE_LINE("str %[x0], [%[s], %[weights]]")

#define EC_MVE_STORE_THREE()                              \
    EC_MVE_LINE("ldrd %[o0], %[o1], [%[s], %[bias]]")     \
    EC_MVE_LINE("ldr %[zp], [%[s], %[zero_point]]")       \
    EC_MVE_TAKE_WORDS(v, o1)                              \
    EC_MVE_LINE("add %[o0], %[o0], #16")                  \
    EC_MVE_LINE("strd %[o0], %[o1], [%[s], %[bias]]")     \
    EC_MVE_LINE("ldrd %[o0], %[step], [%[s], %[output]]") \
    EC_MVE_LINE("vldrw.32 %q[a], [%[s], %[low]]")         \
    EC_MVE_LINE("vldrw.32 %q[b], [%[s], %[high]]")        \
    EC_MVE_REQUANTIZE(p0, v, zp, a, b)                    \
    EC_MVE_LINE("add %[o1], %[o0], %[step]")              \
    EC_MVE_LINE("add %[o2], %[o1], %[step]")              \
    EC_MVE_REQUANTIZE(p1, v, zp, a, b)                    \
    EC_MVE_REQUANTIZE(p2, v, zp, a, b)                    \
    EC_MVE_LINE("vstrb.32 %q[p0], [%[o0]], #4")           \
    EC_MVE_LINE("vstrb.32 %q[p1], [%[o1]]")               \
    EC_MVE_LINE("vstrb.32 %q[p2], [%[o2]]")               \
    EC_MVE_LINE("str %[o0], [%[s], %[output]]")

/* Sums of four filters with three pixels, one by lane; on to the weights of the next block. */
static inline __attribute__((always_inline)) void ec_mve_sums_of_three(ec_mve_block *s, int32x4_t sums[EC_MVE_TRIO]) {
    const int8_t *w0, *w1, *x0, *x1, *x2;
    int32_t s00, s01, s02, s10, s11, s12;
    int8x16_t v, w, a, b;
    int32x4_t p0, p1, p2;
    __asm__ volatile(EC_MVE_TWO_FILTERS(EC_MVE_LOW_LANES, 0, EC_MVE_THESE_WEIGHTS)
                         EC_MVE_TWO_FILTERS(EC_MVE_HIGH_LANES, 8, EC_MVE_NEXT_WEIGHTS)
                     : [w0] "=&r"(w0), [w1] "=&r"(w1), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [s00] "=&Te"(s00), [s01] "=&Te"(s01),
                       [s02] "=&Te"(s02), [s10] "=&Te"(s10), [s11] "=&Te"(s11), [s12] "=&Te"(s12), [v] "=&w"(v), [w] "=&w"(w), [a] "=&w"(a),
                       [b] "=&w"(b), [p0] "=&w"(p0), [p1] "=&w"(p1), [p2] "=&w"(p2)
                     : EC_MVE_BLOCK_MEMBERS
                     : "lr", "memory");
    sums[0] = p0;
    sums[1] = p1;
    sums[2] = p2;
}

/* Four filters with three pixels; in two pieces, as each takes nearly all core registers. */
static inline void ec_mve_block_of_three(ec_mve_block *s) {
    int8_t *o0, *o1, *o2;
    uint32_t step;
    int32_t zero_point;
    int8x16_t v, a, b;
    int32x4_t sums[EC_MVE_TRIO];
    ec_mve_sums_of_three(s, sums);
    __asm__ volatile(EC_MVE_STORE_THREE()
                     : [o0] "=&l"(o0), [o1] "=&l"(o1), [o2] "=&l"(o2), [step] "=&r"(step), [zp] "=&r"(zero_point), [v] "=&w"(v),
                       [a] "=&w"(a), [b] "=&w"(b), [p0] "+w"(sums[0]), [p1] "+w"(sums[1]), [p2] "+w"(sums[2])
                     : EC_MVE_BLOCK_MEMBERS
                     : "memory");
}

#endif
