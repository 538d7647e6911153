/* Weights and scratch: see ec_spatial_block.h and ec_spatial_layer.h; scratch begins with the rows of a window of the pool. */
#include "ec_conv2d_max_pool_spatial_s8.h"

#include "ec_conv2d_max_pool_rows.h"
#include "ec_spatial_layer.h"

void ec_conv2d_max_pool_spatial_s8_arm_dsp(const ec_conv2d_max_pool_spatial_s8_params *params, const int8_t *input, int8_t *output,
                                           void *scratch) {
    const ec_spatial spatial = EC_SPATIAL(params, params->output_zero_point);
    const uint32_t row_size = (uint32_t)params->output_w * params->output_c;
    const uint32_t rows_size = params->strip_rows * row_size;
    int8_t *const rows = scratch;
    ec_conv2d_s8_params conv;
    ec_conv2d_max_pool_s8_params pool;
    ec_max_pool2d_s8_params pool_row;
    ec_spatial_layer layer;
    memcpy(&conv, params, sizeof conv);
    memcpy(&pool, params, sizeof pool);
    ec_conv2d_max_pool_row(&pool, &pool_row);
    pool_row.pad_top = 0;
    ec_spatial_begin(&layer, &conv, &spatial, NULL, input,
                     rows + (rows_size + EC_SPATIAL_ALIGNMENT - 1u) / EC_SPATIAL_ALIGNMENT * EC_SPATIAL_ALIGNMENT);
    for (uint32_t row = 0; row < params->pooled_h; row++) {
        const uint32_t first = row * params->pool_stride_h;
        const uint32_t end = ec_spatial_end(first, params->pool_kernel_h, params->output_h);
        for (uint32_t top = first; top < end; top += params->patch) {
            ec_spatial_compute_row(&layer, top, rows + (top - first) * row_size);
        }
        pool_row.input_h = (uint16_t)(end - first);
        ec_max_pool2d_s8_arm_dsp(&pool_row, rows, output);
        output += (uint32_t)params->pooled_w * params->output_c;
    }
}
