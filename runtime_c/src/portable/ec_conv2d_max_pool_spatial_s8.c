#include "ec_conv2d_max_pool_spatial_s8.h"

#include "ec_conv2d_max_pool_rows.h"
#include "ec_conv2d_one.h"
#include "ec_spatial.h"

static int32_t compute(const void *layer, uint32_t y, uint32_t x, uint32_t channel, int8_t *output) {
    const int32_t sum = ec_conv2d_one_sum(layer, y, x, channel);
    *output = ec_conv2d_one_output(layer, sum, channel);
    return sum;
}

void ec_conv2d_max_pool_spatial_s8(const ec_conv2d_max_pool_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_spatial spatial = EC_SPATIAL(params, params->output_zero_point);
    int8_t *const rows = scratch;
    ec_conv2d_one layer;
    ec_conv2d_max_pool_s8_params pool;
    ec_max_pool2d_s8_params pool_row;
    ec_conv2d_one_begin(&layer, params, input);
    memcpy(&pool, params, sizeof pool);
    ec_conv2d_max_pool_row(&pool, &pool_row);
    pool_row.pad_top = 0;
    for (uint32_t row = 0; row < params->pooled_h; row++) {
        const uint32_t first = row * params->pool_stride_h;
        const uint32_t end = ec_spatial_end(first, params->pool_kernel_h, params->output_h);
        for (uint32_t top = first; top < end; top += params->patch) {
            ec_spatial_row(&spatial, top, &layer, compute, rows + (top - first) * params->output_w * params->output_c);
        }
        pool_row.input_h = (uint16_t)(end - first);
        ec_max_pool2d_s8(&pool_row, rows, output);
        output += (uint32_t)params->pooled_w * params->output_c;
    }
}
