#include "ec_conv2d_add_spatial_s8.h"

#include "ec_spatial_run.h"

void ec_conv2d_add_spatial_s8_arm_dsp(const ec_conv2d_add_spatial_s8_params *params, const int8_t *input, const int8_t *residual,
                                      int8_t *output, void *scratch) {
    const ec_spatial_run run = {
        .params = params,
        .spatial = EC_SPATIAL(params, params->sum_zero_point),
        .sum = params,
        .residual = residual,
        .input = input,
        .output = output,
        .output_end = params->output_h,
        .output_rows = params->output_h,
        .scratch = scratch,
    };
    ec_spatial_run_arm_dsp(&run);
}
