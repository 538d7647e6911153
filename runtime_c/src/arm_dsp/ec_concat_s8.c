/* Inputs of another scale are rescaled four elements at a time. */
#include "ec_concat_s8.h"

#include <string.h>

#include "ec_rescale_run.h"

void ec_concat_s8_arm_dsp(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output) {
    for (uint32_t row = 0; row < params->outer; row++) {
        for (uint32_t i = 0; i < params->count; i++) {
            const uint32_t inner = params->inner[i];
            const int8_t *input = inputs[i] + row * inner;
            if (params->right_shift[i] == 0) {
                memcpy(output, input, inner);
            } else {
                ec_rescale_run(input, inner, params->weight[i], params->bias[i], params->right_shift[i], output);
            }
            output += inner;
        }
    }
}
