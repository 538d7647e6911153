#include "ec_concat_s8.h"

#include <string.h>

#include "ec_requantize.h"

/* One row of input i. */
static void rescale(const ec_concat_s8_params *p, uint32_t i, const int8_t *input, int8_t *output) {
    const uint32_t inner = p->inner[i];
    const int32_t weight = p->weight[i];
    const int32_t bias = p->bias[i];
    const uint32_t right_shift = p->right_shift[i];
    if (right_shift == 0) {
        memcpy(output, input, inner);
        return;
    }
    for (uint32_t e = 0; e < inner; e++) {
        output[e] = (int8_t)ec_clamp((input[e] * weight + bias) >> right_shift, INT8_MIN, INT8_MAX);
    }
}

void ec_concat_s8(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output) {
    for (uint32_t row = 0; row < params->outer; row++) {
        for (uint32_t i = 0; i < params->count; i++) {
            rescale(params, i, inputs[i] + row * params->inner[i], output);
            output += params->inner[i];
        }
    }
}
