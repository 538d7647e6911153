/* ec_mve_block_of_two.h - any two filters times two pixels: four loads for four times sixteen products. */
#ifndef EC_MVE_BLOCK_OF_TWO_H
#define EC_MVE_BLOCK_OF_TWO_H

#include "ec_mve_block.h"

/* Sixteen inputs of two filters (w0, w1) and two pixels (x0, x1), and twice as many. */
#define EC_MVE_2_BY_2()   \
    EC_MVE_TAKE(v, w0)    \
    EC_MVE_TAKE(a, x0)    \
    EC_MVE_TAKE(w, w1)    \
    EC_MVE_MAC(s00, v, a) \
    EC_MVE_TAKE(b, x1)    \
    EC_MVE_MAC(s10, w, a) \
    EC_MVE_MAC(s01, v, b) \
    EC_MVE_MAC(s11, w, b)
#define EC_MVE_2_BY_2_TWICE() \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_TAKE(a, x0)        \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s00, v, a)     \
    EC_MVE_TAKE(b, x1)        \
    EC_MVE_MAC(s10, w, a)     \
    EC_MVE_TAKE(a, x0)        \
    EC_MVE_MAC(s01, v, b)     \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_MAC(s11, w, b)     \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s00, v, a)     \
    EC_MVE_TAKE(b, x1)        \
    EC_MVE_MAC(s10, w, a)     \
    EC_MVE_MAC(s01, v, b)     \
    EC_MVE_MAC(s11, w, b)

/* Sums without biases, by lanes: both filters with the first pixel, both with the second. */
static inline __attribute__((always_inline)) int32x4_t ec_mve_sums_of_two(const ec_mve_block *s, const int8_t *w0, const int8_t *w1) {
    const int8_t *x0 = s->x[0];
    const int8_t *x1 = s->x[1];
    int32_t s00 = 0;
    int32_t s01 = 0;
    int32_t s10 = 0;
    int32_t s11 = 0;
    int8x16_t v, w, a, b;
    int32x4_t sums;
    __asm__ volatile(EC_MVE_ALL_INPUTS(EC_MVE_2_BY_2, EC_MVE_2_BY_2_TWICE) EC_MVE_LOW_LANES(sums, s00, s10)
                         EC_MVE_HIGH_LANES(sums, s01, s11)
                     : [w0] "+r"(w0), [w1] "+r"(w1), [x0] "+r"(x0), [x1] "+r"(x1), [s00] "+Te"(s00), [s01] "+Te"(s01), [s10] "+Te"(s10),
                       [s11] "+Te"(s11), [v] "=&w"(v), [w] "=&w"(w), [a] "=&w"(a), [b] "=&w"(b), [sums] "=&w"(sums)
                     : [s] "r"(s), [pairs] "i"(offsetof(ec_mve_block, pairs)), [rest] "i"(offsetof(ec_mve_block, rest))
                     : "lr", "memory");
    return sums;
}

#endif
