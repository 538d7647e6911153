#include "ec_resize_bilinear_s8.h"

#define ONE 1024 /* of the weights */

/* (low * (1024 - weight) + high * weight), 0 <= weight <= 1024. */
static int32_t between(int32_t low, int32_t high, int32_t weight) { return low * (ONE - weight) + high * weight; }

static void resize_row(const ec_resize_bilinear_s8_params *p, const int8_t *upper, const int8_t *lower, int32_t row_weight,
                       int8_t *output) {
    const uint32_t channels = p->input_c;
    for (uint32_t ox = 0; ox < p->output_w; ox++) {
        const uint32_t left = p->column_low[ox] * channels;
        const uint32_t right = p->column_high[ox] * channels;
        for (uint32_t c = 0; c < channels; c++) {
            const int32_t top = between(upper[left + c], upper[right + c], p->column_weight[ox]);
            const int32_t bottom = between(lower[left + c], lower[right + c], p->column_weight[ox]);
            *output++ = (int8_t)((between(top, bottom, row_weight) + (ONE * ONE / 2)) >> 20);
        }
    }
}

void ec_resize_bilinear_s8(const ec_resize_bilinear_s8_params *params, const int8_t *input, int8_t *output) {
    const uint32_t row_size = (uint32_t)params->input_w * params->input_c;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        resize_row(params, input + params->row_low[oy] * row_size, input + params->row_high[oy] * row_size, params->row_weight[oy], output);
        output += (uint32_t)params->output_w * params->input_c;
    }
}
