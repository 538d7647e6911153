#include "ec_depthwise_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_requantize.h"

#define BLOCK 32U /* channels accumulated at a time */

/* sums[c] += one tap of `count` output channels from `first` on. */
static void add_tap(const ec_depthwise_conv2d_s8_params *p, const int8_t *pixel, const int8_t *weights, uint32_t first, uint32_t count,
                    int32_t *sums) {
    if (p->channel_multiplier == 1) {
        for (uint32_t c = 0; c < count; c++) {
            sums[c] += (int32_t)pixel[first + c] * weights[c];
        }
    } else {
        for (uint32_t c = 0; c < count; c++) {
            sums[c] += (int32_t)pixel[(first + c) / p->channel_multiplier] * weights[c];
        }
    }
}

/* A tap in the padding reads input_zero_point in every channel. */
static void add_padding(int32_t zero_point, const int8_t *weights, uint32_t count, int32_t *sums) {
    for (uint32_t c = 0; c < count; c++) {
        sums[c] += zero_point * weights[c];
    }
}

static void accumulate(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, uint32_t oy, uint32_t ox, uint32_t first,
                       uint32_t count, int32_t *sums) {
    const int8_t *weights = p->weights + first;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t y = (int32_t)(oy * p->stride_h + ky * p->dilation_h) - p->pad_top;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t x = (int32_t)(ox * p->stride_w + kx * p->dilation_w) - p->pad_left;
            if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
                const uint32_t pixel = (uint32_t)y * p->input_w + (uint32_t)x;
                add_tap(p, input + pixel * p->input_c, weights, first, count, sums);
            } else {
                add_padding(p->input_zero_point, weights, count, sums);
            }
            weights += p->output_c;
        }
    }
}

void ec_depthwise_conv2d_s8(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    (void)scratch;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            for (uint32_t first = 0; first < params->output_c; first += BLOCK) {
                const uint32_t count = ec_block(params->output_c, first, BLOCK);
                int32_t sums[BLOCK];
                for (uint32_t c = 0; c < count; c++) {
                    sums[c] = params->bias[first + c];
                }
                accumulate(params, input, oy, ox, first, count, sums);
                for (uint32_t c = 0; c < count; c++) {
                    *output++ = ec_requantize(sums[c], params->multiplier[first + c], params->shift, params->output_zero_point,
                                              params->clamp_min, params->clamp_max);
                }
            }
        }
    }
}
