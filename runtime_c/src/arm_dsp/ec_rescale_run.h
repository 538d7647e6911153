/* ec_rescale_run.h - bring a run of int8 to another scale. */
#ifndef EC_RESCALE_RUN_H
#define EC_RESCALE_RUN_H

#include "ec_lanes.h"

/* output[i] = saturate((input[i] * weight + bias) >> right_shift); output may be the input. */
static inline void ec_rescale_run(const int8_t *input, uint32_t count, int16_t weight, int32_t bias, uint32_t right_shift, int8_t *output) {
    const uint32_t weights = (uint16_t)weight;
    for (; count >= 4; count -= 4) {
        const uint32_t word = ec_load_word(input);
        const uint32_t even = ec_sxtb16(word);
        const uint32_t odd = ec_sxtb16_odd(word);
        ec_store_saturated(&output[0], ec_smlabb(even, weights, bias) >> right_shift);
        ec_store_saturated(&output[1], ec_smlabb(odd, weights, bias) >> right_shift);
        ec_store_saturated(&output[2], ec_smlatb(even, weights, bias) >> right_shift);
        ec_store_saturated(&output[3], ec_smlatb(odd, weights, bias) >> right_shift);
        input += 4;
        output += 4;
    }
    for (; count > 0; count--) {
        *output++ = ec_saturate((*input++ * weight + bias) >> right_shift);
    }
}

#endif
