#include "ec_matmul_s8.h"

#include "ec_blocks.h"
#include "ec_requantize.h"

#define BLOCK 32U /* columns accumulated at a time */

/* sums[c] += row of a times `count` columns of b, [inner][columns]. */
static void multiply(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, uint32_t count, int32_t *sums) {
    for (uint32_t i = 0; i < p->inner; i++) {
        const int32_t value = a[i] - p->a_zero_point;
        for (uint32_t c = 0; c < count; c++) {
            sums[c] += value * (b[c] - p->b_zero_point);
        }
        b += p->columns;
    }
}

/* sums[c] += row of a times `count` columns of b, [columns][inner]. */
static void multiply_transposed(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, uint32_t count, int32_t *sums) {
    for (uint32_t c = 0; c < count; c++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < p->inner; i++) {
            sum += (a[i] - p->a_zero_point) * (b[i] - p->b_zero_point);
        }
        sums[c] = sum;
        b += p->inner;
    }
}

static void multiply_row(const ec_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    for (uint32_t first = 0; first < p->columns; first += BLOCK) {
        const uint32_t count = ec_block(p->columns, first, BLOCK);
        int32_t sums[BLOCK] = {0};
        if (p->b_transposed) {
            multiply_transposed(p, a, b + first * p->inner, count, sums);
        } else {
            multiply(p, a, b + first, count, sums);
        }
        for (uint32_t c = 0; c < count; c++) {
            *output++ = ec_requantize(sums[c], p->multiplier, p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_matmul_s8(const ec_matmul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    for (uint32_t n = 0; n < params->batch; n++) {
        for (uint32_t row = 0; row < params->rows; row++) {
            multiply_row(params, a + row * params->inner, b, output);
            output += params->columns;
        }
        a += params->a_batch_stride;
        b += params->b_batch_stride;
    }
}
