#include "ec_conv2d_spatial_s8.h"

#include "ec_conv2d_one.h"
#include "ec_spatial.h"

static int32_t compute(const void *layer, uint32_t y, uint32_t x, uint32_t channel, int8_t *output) {
    const int32_t sum = ec_conv2d_one_sum(layer, y, x, channel);
    *output = ec_conv2d_one_output(layer, sum, channel);
    return sum;
}

void ec_conv2d_spatial_s8(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    (void)scratch;
    const ec_spatial spatial = EC_SPATIAL(params, params->output_zero_point);
    ec_conv2d_one layer;
    ec_conv2d_one_begin(&layer, params, input);
    for (uint32_t top = 0; top < params->output_h; top += params->patch) {
        ec_spatial_row(&spatial, top, &layer, compute, output + top * params->output_w * params->output_c);
    }
}
