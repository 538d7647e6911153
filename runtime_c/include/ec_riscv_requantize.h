/* ec_riscv_requantize.h - the rounding rule of ec_requantize.h in the fewest instructions of RV32IM; the same bits on any core. */
#ifndef EC_RISCV_REQUANTIZE_H
#define EC_RISCV_REQUANTIZE_H

#include <stdint.h>

#include "ec_requantize.h"

/* What all channels of a layer share. */
typedef struct {
    int32_t zero_point;
    int32_t low;
    int32_t high;
    uint32_t shift; /* almost always 0 */
} ec_riscv_output;

/* A multiplier as `ec_riscv_requantize` takes it. Below 2^30 before, so it fits. */
static inline int32_t ec_riscv_doubled(int32_t multiplier) { return (int32_t)((uint32_t)multiplier << 1); }

/* `ec_requantize` of an accumulator that is shifted already: the high word of accumulator * 2 * multiplier, and the rounding is the
 * highest bit of the low word. Two branches clamp; most outputs pass both. */
static inline int8_t ec_riscv_scale(int32_t accumulator, int32_t doubled_multiplier, ec_riscv_output to) {
    const int64_t product = (int64_t)accumulator * doubled_multiplier;
    int32_t value = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31) + to.zero_point;
    if (value < to.low) {
        value = to.low;
    }
    if (value > to.high) {
        value = to.high;
    }
    return (int8_t)value;
}

static inline int8_t ec_riscv_requantize(int32_t accumulator, int32_t multiplier, ec_riscv_output to) {
    return ec_riscv_scale((int32_t)((uint32_t)accumulator << to.shift), ec_riscv_doubled(multiplier), to);
}

/* One channel at four pixels, `pitch` apart. */
static inline void ec_riscv_requantize_4(const int32_t sums[4], int32_t multiplier, ec_riscv_output to, int8_t *output, uint32_t pitch) {
    const int32_t doubled = ec_riscv_doubled(multiplier);
    int32_t s0 = sums[0];
    int32_t s1 = sums[1];
    int32_t s2 = sums[2];
    int32_t s3 = sums[3];
    if (to.shift != 0) {
        s0 = (int32_t)((uint32_t)s0 << to.shift);
        s1 = (int32_t)((uint32_t)s1 << to.shift);
        s2 = (int32_t)((uint32_t)s2 << to.shift);
        s3 = (int32_t)((uint32_t)s3 << to.shift);
    }
    *output = ec_riscv_scale(s0, doubled, to);
    output += pitch;
    *output = ec_riscv_scale(s1, doubled, to);
    output += pitch;
    *output = ec_riscv_scale(s2, doubled, to);
    output += pitch;
    *output = ec_riscv_scale(s3, doubled, to);
}

#endif
