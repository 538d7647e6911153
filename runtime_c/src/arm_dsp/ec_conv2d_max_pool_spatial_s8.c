/* Scratch begins with the rows of a window of the pool. */
#include "ec_conv2d_max_pool_spatial_s8.h"

#include "ec_conv2d_max_pool_rows.h"
#include "ec_spatial_run.h"

typedef struct {
    ec_max_pool2d_s8_params row; /* of the pool's output */
    uint32_t patch;
    uint32_t end; /* of the convolution's rows that are read */
    uint32_t output_size;
    const int8_t *rows;
    int8_t *output;
} pooling;

/* Pool when all rows of a window are there. */
static void pool_when_complete(void *context, uint32_t top) {
    pooling *const p = context;
    const uint32_t next = top + p->patch;
    if (next % p->row.kernel_h == 0 || next >= p->end) {
        p->row.input_h = (uint16_t)(ec_spatial_end(top, p->patch, p->end) - top / p->row.kernel_h * p->row.kernel_h);
        ec_max_pool2d_s8_arm_dsp(&p->row, p->rows, p->output);
        p->output += p->output_size;
    }
}

void ec_conv2d_max_pool_spatial_s8_arm_dsp(const ec_conv2d_max_pool_spatial_s8_params *params, const int8_t *input, int8_t *output,
                                           void *scratch) {
    const uint32_t rows_size = (uint32_t)params->strip_rows * params->output_w * params->output_c;
    const uint32_t read = (uint32_t)params->pooled_h * params->pool_kernel_h;
    int8_t *const rows = scratch;
    ec_conv2d_max_pool_s8_params pool;
    pooling context;
    memcpy(&pool, params, sizeof pool);
    ec_conv2d_max_pool_row(&pool, &context.row);
    context.row.pad_top = 0;
    context.patch = params->patch;
    context.end = read < params->output_h ? read : params->output_h;
    context.output_size = (uint32_t)params->pooled_w * params->output_c;
    context.rows = rows;
    context.output = output;
    const ec_spatial_run run = {
        .params = params,
        .spatial = EC_SPATIAL(params, params->output_zero_point),
        .input = input,
        .output = rows,
        .output_end = context.end,
        .output_rows = params->pool_kernel_h,
        .scratch = rows + (rows_size + EC_SPATIAL_ALIGNMENT - 1u) / EC_SPATIAL_ALIGNMENT * EC_SPATIAL_ALIGNMENT,
        .row_done = pool_when_complete,
        .context = &context,
    };
    ec_spatial_run_arm_dsp(&run);
}
