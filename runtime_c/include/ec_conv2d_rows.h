/* ec_conv2d_rows.h - some rows of a convolution's output at a time, for kernels that use them at once and keep no whole output.
 *
 * The rows are computed by an instruction set's own convolution, which is told of a lower image.
 */
#ifndef EC_CONV2D_ROWS_H
#define EC_CONV2D_ROWS_H

#include <stdint.h>
#include <string.h>

#include "ec_conv2d_s8.h"
#include "ec_requantize.h"

#define EC_CONV2D_ROWS_ALIGNMENT 16u /* of the convolution's own scratch, which lies behind the rows */

typedef void ec_conv2d_kernel(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

typedef struct {
    ec_conv2d_kernel *kernel;
    ec_conv2d_s8_params part; /* of the rows computed last */
    uint16_t input_h;         /* of the whole image */
    uint16_t pad_top;
    const int8_t *input;
    uint32_t row_size; /* elements of an output row */
    int8_t *rows;      /* the start of scratch */
    void *scratch;     /* what the convolution takes */
} ec_conv2d_rows;

/* `fused` begins with the members of ec_conv2d_s8_params; scratch has room for `count` rows, whole alignments, and behind them for the
 * convolution. */
static inline void ec_conv2d_rows_begin(ec_conv2d_rows *r, ec_conv2d_kernel *kernel, const void *fused, const int8_t *input, uint32_t count,
                                        void *scratch) {
    memcpy(&r->part, fused, sizeof r->part);
    r->kernel = kernel;
    r->input_h = r->part.input_h;
    r->pad_top = r->part.pad_top;
    r->input = input;
    r->row_size = (uint32_t)r->part.output_w * r->part.output_c;
    r->rows = (int8_t *)scratch;
    const uint32_t size = count * r->row_size;
    r->scratch = r->rows + (size + EC_CONV2D_ROWS_ALIGNMENT - 1u) / EC_CONV2D_ROWS_ALIGNMENT * EC_CONV2D_ROWS_ALIGNMENT;
}

/* Output rows `first` .. `first` + `count` - 1, one or more. */
static inline void ec_conv2d_rows_compute(ec_conv2d_rows *r, uint32_t first, uint32_t count, int8_t *output) {
    const int32_t top = (int32_t)(first * r->part.stride_h) - r->pad_top;
    const int32_t above = ec_clamp(top, 0, r->input_h); /* input rows that no window reads any more */
    r->part.output_h = (uint16_t)count;
    r->part.input_h = (uint16_t)(r->input_h - above);
    r->part.pad_top = (uint16_t)(top < 0 ? -top : 0);
    r->kernel(&r->part, r->input + (uint32_t)above * r->part.input_w * r->part.input_c, output, r->scratch);
}

#endif
