#include "ec_fully_connected_s8.h"

#include "ec_requantize.h"

static int32_t dot(const int8_t *input, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)input[i] * weights[i];
    }
    return sum;
}

void ec_fully_connected_s8(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t row = 0; row < params->rows; row++) {
        const int8_t *weights = params->weights;
        for (uint32_t o = 0; o < params->output_n; o++) {
            const int32_t sum = params->bias[o] + dot(input, weights, params->input_n);
            *output++ =
                ec_requantize(sum, params->multiplier[o], params->shift, params->output_zero_point, params->clamp_min, params->clamp_max);
            weights += params->input_n;
        }
        input += params->input_n;
    }
}
