/* ec_halves.h - ec_multiply of ec_requantize.h from products of 16-bit halves, where 32 x 32 to 64 bits is a call.
 *
 * Precondition, proved when the model is compiled: |sum| < 2^30, so that the middle parts add up to 32 bits.
 */
#ifndef EC_HALVES_H
#define EC_HALVES_H

#include <stdint.h>

static inline int32_t ec_multiply_halves(int32_t sum, int32_t multiplier) {
    const uint32_t low = (uint16_t)sum;
    const int32_t high = sum >> 16;
    const uint32_t multiplier_low = (uint16_t)multiplier;
    const int32_t multiplier_high = multiplier >> 16;
    const int32_t middle = (int32_t)(low * multiplier_low >> 16) + (int32_t)low * multiplier_high + high * (int32_t)multiplier_low;
    return 2 * high * multiplier_high + ((middle + (1 << 14)) >> 15);
}

#endif
