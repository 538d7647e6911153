#include "ec_resize_nearest_s8.h"

#include <string.h>

void ec_resize_nearest_s8(const ec_resize_nearest_s8_params *params, const int8_t *input, int8_t *output) {
    const uint32_t channels = params->input_c;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        const int8_t *row = input + (uint32_t)params->rows[oy] * params->input_w * channels;
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            memcpy(output, row + params->columns[ox] * channels, channels);
            output += channels;
        }
    }
}
