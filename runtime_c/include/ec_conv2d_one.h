/* ec_conv2d_one.h - one output of a convolution at a time, for kernels that do not compute them all. */
#ifndef EC_CONV2D_ONE_H
#define EC_CONV2D_ONE_H

#include <string.h>

#include "ec_conv2d_s8.h"
#include "ec_dot.h"
#include "ec_requantize.h"

typedef struct {
    ec_conv2d_s8_params p;
    const int8_t *input;
} ec_conv2d_one;

/* `params` begins with the members of ec_conv2d_s8_params. */
static inline void ec_conv2d_one_begin(ec_conv2d_one *layer, const void *params, const int8_t *input) {
    memcpy(&layer->p, params, sizeof layer->p);
    layer->input = input;
}

/* The accumulator of output (oy, ox) of a channel. */
static inline int32_t ec_conv2d_one_sum(const ec_conv2d_one *layer, uint32_t oy, uint32_t ox, uint32_t channel) {
    const ec_conv2d_s8_params *p = &layer->p;
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t group = channel / ((uint32_t)p->output_c / p->groups);
    const int8_t *weights = p->weights + channel * p->kernel_h * p->kernel_w * channels;
    const int32_t left = (int32_t)(ox * p->stride_w) - p->pad_left;
    int32_t y = (int32_t)(oy * p->stride_h) - p->pad_top;
    int32_t sum = p->bias[channel];
    for (uint32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
        int32_t x = left;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++, x += p->dilation_w, weights += channels) {
            if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
                const uint32_t pixel = (uint32_t)y * p->input_w + (uint32_t)x;
                ec_dot_filters(layer->input + pixel * p->input_c + group * channels, weights, channels, channels, 1, &sum);
            } else {
                ec_dot_padding(p->input_zero_point, weights, channels, channels, 1, &sum);
            }
        }
    }
    return sum;
}

static inline int8_t ec_conv2d_one_output(const ec_conv2d_one *layer, int32_t sum, uint32_t channel) {
    const ec_conv2d_s8_params *p = &layer->p;
    return ec_requantize(sum, p->multiplier[channel], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
}

#endif
