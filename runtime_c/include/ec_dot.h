/* ec_dot.h - sums of int8 products, written so that compilers turn them into vector code.
 *
 * Precondition, proved when the model is compiled: the sums fit 32 bits.
 */
#ifndef EC_DOT_H
#define EC_DOT_H

#include <stdint.h>

#define EC_DOT_FILTERS 4U /* share every load of an input */

/* The inner loop keeps its sums and pointers in registers only where it is a function of its own. */
#if defined(__GNUC__)
#define EC_NOT_INLINED __attribute__((noinline))
#else
#define EC_NOT_INLINED
#endif

/* Sum of a[i] * b[i]. */
static inline int32_t ec_dot(const int8_t *a, const int8_t *b, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)a[i] * b[i];
    }
    return sum;
}

/* sums[f] += sum of a[i] * b[f * stride + i] for up to EC_DOT_FILTERS filters. */
EC_NOT_INLINED static void ec_dot_filters(const int8_t *a, const int8_t *b, uint32_t stride, uint32_t count, uint32_t filters,
                                          int32_t *sums) {
    if (filters < EC_DOT_FILTERS) {
        for (uint32_t f = 0; f < filters; f++) {
            sums[f] += ec_dot(a, b + f * stride, count);
        }
        return;
    }
    const int8_t *b1 = b + stride;
    const int8_t *b2 = b1 + stride;
    const int8_t *b3 = b2 + stride;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = a[i];
        s0 += value * b[i];
        s1 += value * b1[i];
        s2 += value * b2[i];
        s3 += value * b3[i];
    }
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
}

/* sums[f] += sum of value * b[f * stride + i]: what filters see of padding. */
static inline void ec_dot_padding(int32_t value, const int8_t *b, uint32_t stride, uint32_t count, uint32_t filters, int32_t *sums) {
    for (uint32_t f = 0; f < filters; f++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            sum += b[f * stride + i];
        }
        sums[f] += value * sum;
    }
}

#endif
