#include "ec_prelu_s8.h"

#include "ec_requantize.h"

void ec_prelu_s8(const ec_prelu_s8_params *params, const int8_t *input, int8_t *output) {
    uint32_t channel = 0;
    for (uint32_t i = 0; i < params->count; i++) {
        const int32_t difference = input[i] - params->input_zero_point;
        const int32_t product = difference * (difference >= 0 ? params->one : params->slope[channel]);
        output[i] =
            ec_requantize(product, params->multiplier, params->shift, params->output_zero_point, params->clamp_min, params->clamp_max);
        channel = channel + 1 < params->channels ? channel + 1 : 0;
    }
}
