/* Weights and scratch: see ec_spatial_block.h and ec_spatial_layer.h. */
#include "ec_conv2d_add_spatial_s8.h"

#include "ec_spatial_layer.h"

void ec_conv2d_add_spatial_s8_arm_dsp(const ec_conv2d_add_spatial_s8_params *params, const int8_t *input, const int8_t *residual,
                                      int8_t *output, void *scratch) {
    const ec_spatial spatial = EC_SPATIAL(params, params->sum_zero_point);
    ec_spatial_sum sum = {params, residual, output, NULL};
    ec_conv2d_s8_params conv;
    ec_spatial_layer layer;
    memcpy(&conv, params, sizeof conv);
    ec_spatial_begin(&layer, &conv, &spatial, &sum, input, scratch);
    for (uint32_t top = 0; top < params->output_h; top += params->patch) {
        ec_spatial_compute_row(&layer, top, output + top * params->output_w * params->output_c);
    }
}
