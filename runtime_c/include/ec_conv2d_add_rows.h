/* ec_conv2d_add_rows.h - ec_conv2d_add_s8 from an instruction set's own convolution and sum. */
#ifndef EC_CONV2D_ADD_ROWS_H
#define EC_CONV2D_ADD_ROWS_H

#include "ec_add_s8.h"
#include "ec_blocks.h"
#include "ec_conv2d_add_s8.h"
#include "ec_conv2d_rows.h"

typedef void ec_add_kernel(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);

/* The sum of a run of elements as one row of a box; its length is set later. */
static inline void ec_conv2d_add_sum(const ec_conv2d_add_s8_params *p, ec_add_s8_params *sum) {
    for (uint32_t axis = 0; axis < 6; axis++) {
        sum->dims[axis] = 1;
        sum->a_steps[axis] = axis == 5 ? 1 : 0;
        sum->b_steps[axis] = axis == 5 ? 1 : 0;
    }
    sum->weight_a = p->weight_conv;
    sum->weight_b = p->weight_residual;
    sum->bias = p->sum_bias;
    sum->right_shift = p->sum_right_shift;
    sum->clamp_min = p->sum_clamp_min;
    sum->clamp_max = p->sum_clamp_max;
}

static inline void ec_conv2d_add_rows(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                                      void *scratch, ec_conv2d_kernel *conv2d, ec_add_kernel *add) {
    ec_conv2d_rows r;
    ec_add_s8_params sum;
    ec_conv2d_rows_begin(&r, conv2d, params, input, params->strip_rows, scratch);
    ec_conv2d_add_sum(params, &sum);
    for (uint32_t row = 0; row < params->output_h; row += params->strip_rows) {
        const uint32_t count = ec_block(params->output_h, row, params->strip_rows);
        const uint32_t start = row * r.row_size;
        ec_conv2d_rows_compute(&r, row, count, r.rows);
        sum.dims[5] = count * r.row_size;
        add(&sum, r.rows, residual + start, output + start);
    }
}

#endif
