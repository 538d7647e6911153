/* Weights and scratch: see ec_spatial_block.h and ec_spatial_lists.h. */
#include "ec_conv2d_spatial_s8.h"

#include "ec_spatial_channels.h"
#include "ec_spatial_layer.h"

void ec_spatial_run_arm_dsp(const ec_spatial_run *run) {
    const ec_spatial *const spatial = &run->spatial;
    ec_spatial_sum sum = {run->sum, run->residual, run->output, NULL};
    ec_conv2d_s8_params conv;
    ec_spatial_layer layer;
    memcpy(&conv, run->params, sizeof conv);
    ec_spatial_begin(&layer, &conv, spatial, run->sum != NULL ? &sum : NULL, run->input, run->scratch);
    if (spatial->channel_step != 0) {
        ec_spatial_begin_channels(&layer);
    }
    for (uint32_t top = 0; top < run->output_end; top += spatial->patch) {
        int8_t *const output = run->output + top % run->output_rows * spatial->output_w * spatial->output_c;
        if (spatial->channel_step != 0) {
            ec_spatial_channels_row(&layer, top, output);
        } else {
            ec_spatial_compute_row(&layer, top, output);
        }
        if (run->row_done != NULL) {
            run->row_done(run->context, top);
        }
    }
}

void ec_conv2d_spatial_s8_arm_dsp(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_spatial_run run = {
        .params = params,
        .spatial = EC_SPATIAL(params, params->output_zero_point),
        .input = input,
        .output = output,
        .output_end = params->output_h,
        .output_rows = params->output_h,
        .scratch = scratch,
    };
    ec_spatial_run_arm_dsp(&run);
}
