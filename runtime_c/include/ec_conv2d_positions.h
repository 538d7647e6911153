/* ec_conv2d_positions.h - a convolution at chosen positions of its output, by an instruction set's own convolution.
 *
 * The windows of a few positions are brought together, and the convolution is told of a row of pixels with as many channels as a window
 * has inputs, under a 1x1 kernel.
 */
#ifndef EC_CONV2D_POSITIONS_H
#define EC_CONV2D_POSITIONS_H

#include <stdint.h>
#include <string.h>

#include "ec_conv2d_perforated_s8.h"
#include "ec_conv2d_rows.h"

/* Inputs of the window at output position `at`, [groups][kernel_h][kernel_w][input_c / groups]. */
static inline void ec_conv2d_window(const ec_conv2d_perforated_s8_params *p, const int8_t *input, uint32_t at, int8_t *window) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const int32_t top = (int32_t)(at / p->output_w * p->stride_h) - p->pad_top;
    const int32_t left = (int32_t)(at % p->output_w * p->stride_w) - p->pad_left;
    const int row_is_whole = p->groups == 1 && p->dilation_w == 1 && left >= 0 && left + p->kernel_w <= p->input_w;
    for (uint32_t group = 0; group < p->groups; group++) {
        for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
            const int32_t y = top + (int32_t)(ky * p->dilation_h);
            if (row_is_whole && y >= 0 && y < p->input_h) {
                memcpy(window, input + ((uint32_t)y * p->input_w + (uint32_t)left) * channels, p->kernel_w * channels);
                window += p->kernel_w * channels;
                continue;
            }
            for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
                const int32_t x = left + (int32_t)(kx * p->dilation_w);
                if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
                    memcpy(window, input + ((uint32_t)y * p->input_w + (uint32_t)x) * p->input_c + group * channels, channels);
                } else {
                    memset(window, p->input_zero_point, channels);
                }
                window += channels;
            }
        }
    }
}

static inline uint32_t ec_conv2d_positions_aligned(uint32_t size) {
    return (size + EC_CONV2D_ROWS_ALIGNMENT - 1U) / EC_CONV2D_ROWS_ALIGNMENT * EC_CONV2D_ROWS_ALIGNMENT;
}

/* The convolution as a 1x1 one of a row of pixels, whose length is still to be set. */
static inline ec_conv2d_s8_params ec_conv2d_pointwise(const ec_conv2d_perforated_s8_params *p) {
    ec_conv2d_s8_params row;
    memcpy(&row, p, sizeof row);
    row.input_c = (uint16_t)(p->kernel_h * p->kernel_w * (uint32_t)p->input_c);
    row.input_h = row.output_h = 1;
    row.kernel_h = row.kernel_w = row.stride_h = row.stride_w = row.dilation_h = row.dilation_w = 1;
    row.pad_top = row.pad_left = 0;
    return row;
}

static inline void ec_conv2d_positions(const ec_conv2d_perforated_s8_params *p, const int8_t *input, int8_t *output, void *scratch,
                                       ec_conv2d_kernel *kernel) {
    ec_conv2d_s8_params row = ec_conv2d_pointwise(p);
    const uint32_t positions = (uint32_t)p->output_h * p->output_w;
    const uint32_t outputs = p->output_c;
    int8_t *windows = (int8_t *)scratch;
    int8_t *results = windows + ec_conv2d_positions_aligned((uint32_t)p->block_positions * row.input_c);
    int8_t *rest = results + ec_conv2d_positions_aligned(p->block_positions * outputs);
    uint32_t first = 0; /* of the positions whose results are still to be stored */
    uint32_t count = 0;
    for (uint32_t at = 0; at < positions; at++) {
        if (p->source[at] == at) {
            ec_conv2d_window(p, input, at, windows + count * row.input_c);
            count++;
        }
        if (count > 0 && (count == p->block_positions || at + 1 == positions)) {
            row.input_w = row.output_w = (uint16_t)count;
            kernel(&row, windows, results, rest);
            const int8_t *result = results;
            for (; first <= at; first++) {
                if (p->source[first] == first) {
                    memcpy(output + first * outputs, result, outputs);
                    result += outputs;
                }
            }
            count = 0;
        }
    }
    for (uint32_t at = 0; at < positions; at++) {
        if (p->source[at] != at) {
            memcpy(output + at * outputs, output + p->source[at] * outputs, outputs);
        }
    }
}

#endif
