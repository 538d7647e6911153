/* ec_mve_block_of_one.h - four filters times one pixel. */
#ifndef EC_MVE_BLOCK_OF_ONE_H
#define EC_MVE_BLOCK_OF_ONE_H

#include "ec_mve_block.h"

/* Sixteen inputs of four filters and one pixel, and twice as many. */
#define EC_MVE_4_BY_1()  \
    EC_MVE_TAKE(v, w0)   \
    EC_MVE_TAKE(a, x0)   \
    EC_MVE_TAKE(w, w1)   \
    EC_MVE_MAC(s0, v, a) \
    EC_MVE_TAKE(v, w2)   \
    EC_MVE_MAC(s1, w, a) \
    EC_MVE_TAKE(w, w3)   \
    EC_MVE_MAC(s2, v, a) \
    EC_MVE_MAC(s3, w, a)
#define EC_MVE_4_BY_1_TWICE() \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_TAKE(a, x0)        \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s0, v, a)      \
    EC_MVE_TAKE(v, w2)        \
    EC_MVE_MAC(s1, w, a)      \
    EC_MVE_TAKE(w, w3)        \
    EC_MVE_MAC(s2, v, a)      \
    EC_MVE_TAKE(v, w0)        \
    EC_MVE_MAC(s3, w, a)      \
    EC_MVE_TAKE(a, x0)        \
    EC_MVE_TAKE(w, w1)        \
    EC_MVE_MAC(s0, v, a)      \
    EC_MVE_TAKE(v, w2)        \
    EC_MVE_MAC(s1, w, a)      \
    EC_MVE_TAKE(w, w3)        \
    EC_MVE_MAC(s2, v, a)      \
    EC_MVE_MAC(s3, w, a)

#define EC_MVE_FOUR_FILTERS()                            \
    EC_MVE_LINE("ldr %[x0], [%[s], %[bias]]")            \
    EC_MVE_LINE("ldrd %[w0], %[w1], [%[s], %[weights]]") \
    EC_MVE_LINE("ldrd %[s0], %[s1], [%[x0]]")            \
    EC_MVE_LINE("ldrd %[s2], %[s3], [%[x0], #8]")        \
    EC_MVE_LINE("add %[w2], %[w0], %[w1], lsl #1")       \
    EC_MVE_LINE("add %[x0], %[w2], %[w1], lsl #1")       \
    EC_MVE_LINE("str %[x0], [%[s], %[weights]]")         \
    EC_MVE_LINE("add %[w3], %[w2], %[w1]")               \
    EC_MVE_LINE("add %[w1], %[w1], %[w0]")               \
    EC_MVE_LINE("ldr %[x0], [%[s], %[x]]")               \
    EC_MVE_ALL_INPUTS(EC_MVE_4_BY_1, EC_MVE_4_BY_1_TWICE)

#define EC_MVE_STORE_ONE()                            \
    EC_MVE_LINE("ldrd %[w0], %[w1], [%[s], %[bias]]") \
    EC_MVE_LOW_LANES(a, s0, s1)                       \
    EC_MVE_LINE("ldr %[w2], [%[s], %[zero_point]]")   \
    EC_MVE_HIGH_LANES(a, s2, s3)                      \
    EC_MVE_LINE("ldr %[x0], [%[s], %[output]]")       \
    EC_MVE_TAKE_WORDS(v, w1)                          \
    EC_MVE_LINE("add %[w0], %[w0], #16")              \
    EC_MVE_LINE("strd %[w0], %[w1], [%[s], %[bias]]") \
    EC_MVE_REQUANTIZE(a, v, w2, least, most)          \
    EC_MVE_LINE("vstrb.32 %q[a], [%[x0]], #4")        \
    EC_MVE_LINE("str %[x0], [%[s], %[output]]")

/* Four filters with the first pixel. */
static inline void ec_mve_block_of_one(ec_mve_block *s, int32x4_t least, int32x4_t most) {
    const int8_t *w0, *w1, *w2, *w3, *x0;
    int32_t s0, s1, s2, s3;
    int8x16_t v, w, a;
    __asm__ volatile(EC_MVE_FOUR_FILTERS() EC_MVE_STORE_ONE()
                     : [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [x0] "=&l"(x0), [s0] "=&Te"(s0), [s1] "=&Te"(s1),
                       [s2] "=&Te"(s2), [s3] "=&Te"(s3), [v] "=&w"(v), [w] "=&w"(w), [a] "=&w"(a)
                     : EC_MVE_BLOCK_MEMBERS, [least] "w"(least), [most] "w"(most)
                     : "lr", "memory");
}

#endif
