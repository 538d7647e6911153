/* ec_conv2d_max_pool_rows.h - ec_conv2d_max_pool_s8 from an instruction set's own convolution and pool. */
#ifndef EC_CONV2D_MAX_POOL_ROWS_H
#define EC_CONV2D_MAX_POOL_ROWS_H

#include "ec_conv2d_max_pool_s8.h"
#include "ec_conv2d_rows.h"
#include "ec_max_pool2d_s8.h"

typedef void ec_max_pool_kernel(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output);

/* One row of the pool's output; how many rows it reads is set later. */
static inline void ec_conv2d_max_pool_row(const ec_conv2d_max_pool_s8_params *p, ec_max_pool2d_s8_params *row) {
    row->input_w = p->output_w;
    row->input_c = p->output_c;
    row->output_h = 1;
    row->output_w = p->pooled_w;
    row->kernel_h = p->pool_kernel_h;
    row->kernel_w = p->pool_kernel_w;
    row->stride_h = p->pool_stride_h;
    row->stride_w = p->pool_stride_w;
    row->dilation_h = 1;
    row->dilation_w = 1;
    row->pad_left = p->pool_pad_left;
    row->clamp_min = p->pool_clamp_min;
    row->clamp_max = p->pool_clamp_max;
}

static inline void ec_conv2d_max_pool_rows(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch,
                                           ec_conv2d_kernel *conv2d, ec_max_pool_kernel *max_pool) {
    const int32_t height = params->output_h;
    ec_conv2d_rows r;
    ec_max_pool2d_s8_params pool;
    ec_conv2d_rows_begin(&r, conv2d, params, input, params->strip_rows, scratch);
    ec_conv2d_max_pool_row(params, &pool);
    int32_t first = 0; /* rows first .. end - 1 of the convolution lie at the start of scratch */
    int32_t end = 0;
    for (uint32_t row = 0; row < params->pooled_h; row++) {
        const int32_t top = (int32_t)(row * params->pool_stride_h) - params->pool_pad_top;
        const int32_t next = ec_clamp(top, 0, height);
        const int32_t next_end = ec_clamp(top + params->pool_kernel_h, 0, height);
        const int32_t kept = end > next ? end - next : 0;
        if (kept > 0 && next > first) {
            memmove(r.rows, r.rows + (uint32_t)(next - first) * r.row_size, (uint32_t)kept * r.row_size);
        }
        first = next;
        end = next + kept;
        if (next_end > end) {
            ec_conv2d_rows_compute(&r, (uint32_t)end, (uint32_t)(next_end - end), r.rows + (uint32_t)kept * r.row_size);
            end = next_end;
        }
        pool.input_h = (uint16_t)(end - first);
        pool.pad_top = (uint16_t)(top < 0 ? -top : 0);
        max_pool(&pool, r.rows, output);
        output += (uint32_t)params->pooled_w * params->output_c;
    }
}

#endif
