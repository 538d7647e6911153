/* ec_requantize.h - the one rounding rule, see edgecomp/qops/requantize.py.
 *
 *     q = clamp(zero_point + round_half_up(accumulator * 2^shift * multiplier / 2^31))
 *
 * Preconditions, proved when the model is compiled: 0 < multiplier < 2^30; accumulator * 2^shift fits 32 bits.
 */
#ifndef EC_REQUANTIZE_H
#define EC_REQUANTIZE_H

#include <stdint.h>

static inline int32_t ec_clamp(int32_t value, int32_t low, int32_t high) { return value < low ? low : value > high ? high : value; }

/* round_half_up(accumulator * multiplier / 2^31): floor after adding one half; a right shift of a negative value is
 * arithmetic on every compiler edgecomp supports. */
static inline int32_t ec_multiply(int32_t accumulator, int32_t multiplier) {
    return (int32_t)(((int64_t)accumulator * multiplier + ((int64_t)1 << 30)) >> 31);
}

static inline int8_t ec_requantize(int32_t accumulator, int32_t multiplier, uint32_t shift, int32_t zero_point, int32_t low, int32_t high) {
    const int32_t scaled = (int32_t)((uint32_t)accumulator << shift);
    return (int8_t)ec_clamp(zero_point + ec_multiply(scaled, multiplier), low, high);
}

#endif
