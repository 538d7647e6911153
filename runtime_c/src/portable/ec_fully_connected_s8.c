#include "ec_fully_connected_s8.h"

#include "ec_blocks.h"
#include "ec_dot.h"
#include "ec_requantize.h"

static void row_outputs(const ec_fully_connected_s8_params *p, const int8_t *input, int8_t *output) {
    uint32_t filters;
    for (uint32_t o = 0; o < p->output_n; o += filters) {
        filters = ec_block(p->output_n, o, EC_DOT_FILTERS);
        int32_t sums[EC_DOT_FILTERS] = {0};
        ec_dot_filters(input, p->weights + o * p->input_n, p->input_n, p->input_n, filters, sums);
        for (uint32_t f = 0; f < filters; f++) {
            output[o + f] =
                ec_requantize(p->bias[o + f] + sums[f], p->multiplier[o + f], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_fully_connected_s8(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t row = 0; row < params->rows; row++) {
        row_outputs(params, input, output);
        input += params->input_n;
        output += params->output_n;
    }
}
