#include "ec_conv_transpose2d_s8.h"

#include <stddef.h>

#include "ec_requantize.h"

#define BLOCK 16U /* output channels accumulated at a time */

/* Output channels first .. first + count - 1. */
typedef struct {
    uint32_t first;
    uint32_t count;
    int32_t sums[BLOCK];
} block;

static int32_t dot(const int8_t *input, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)input[i] * weights[i];
    }
    return sum;
}

/* A tap outside the input reads input_zero_point in every channel. */
static int32_t padding(int32_t zero_point, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    return zero_point * sum;
}

/* sums[o] += the tap that reads `pixel` (NULL: outside the input); `weights` are the tap's of the first channel. */
static void add_tap(const ec_conv_transpose2d_s8_params *p, const int8_t *pixel, const int8_t *weights, block *b) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t outputs = (uint32_t)p->output_c / p->groups;
    const uint32_t filter = (uint32_t)p->kernel_h * p->kernel_w * channels;
    for (uint32_t o = 0; o < b->count; o++) {
        if (pixel) {
            b->sums[o] += dot(pixel + (b->first + o) / outputs * channels, weights, channels);
        } else {
            b->sums[o] += padding(p->input_zero_point, weights, channels);
        }
        weights += filter;
    }
}

/* at_y, at_x: output position plus padding. */
static void accumulate(const ec_conv_transpose2d_s8_params *p, const int8_t *input, int32_t at_y, int32_t at_x, block *b) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t filter = (uint32_t)p->kernel_h * p->kernel_w * channels;
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t from_y = at_y - ky * p->dilation_h; /* stride_h * input row */
        if (from_y % p->stride_h != 0) {
            continue;
        }
        for (int32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t from_x = at_x - kx * p->dilation_w;
            if (from_x % p->stride_w != 0) {
                continue;
            }
            const int32_t y = from_y / p->stride_h;
            const int32_t x = from_x / p->stride_w;
            const int inside = y >= 0 && y < p->input_h && x >= 0 && x < p->input_w;
            const int8_t *pixel = inside ? input + ((uint32_t)y * p->input_w + (uint32_t)x) * p->input_c : NULL;
            add_tap(p, pixel, p->weights + b->first * filter + (uint32_t)(ky * p->kernel_w + kx) * channels, b);
        }
    }
}

static void pixel_outputs(const ec_conv_transpose2d_s8_params *p, const int8_t *input, int32_t at_y, int32_t at_x, int8_t *output) {
    const uint32_t phase = (uint32_t)(at_y % p->stride_h * p->stride_w + at_x % p->stride_w);
    const int32_t *bias = p->bias + phase * p->output_c;
    block b;
    for (b.first = 0; b.first < p->output_c; b.first += b.count) {
        b.count = p->output_c - b.first < BLOCK ? p->output_c - b.first : BLOCK;
        for (uint32_t o = 0; o < b.count; o++) {
            b.sums[o] = bias[b.first + o];
        }
        accumulate(p, input, at_y, at_x, &b);
        for (uint32_t o = 0; o < b.count; o++) {
            *output++ = ec_requantize(b.sums[o], p->multiplier[b.first + o], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_conv_transpose2d_s8(const ec_conv_transpose2d_s8_params *params, const int8_t *input, int8_t *output) {
    for (int32_t oy = 0; oy < params->output_h; oy++) {
        for (int32_t ox = 0; ox < params->output_w; ox++) {
            pixel_outputs(params, input, oy + params->pad_top, ox + params->pad_left, output);
            output += params->output_c;
        }
    }
}
