#include "ec_depthwise_conv2d_s8.h"

#include "ec_requantize.h"

/* The output takes the place of the input: one channel at a time is copied to scratch and written over where it was.
 *
 * One filter a channel, outputs as many as inputs, and input_h * input_w bytes of scratch. */

static int32_t accumulate(const ec_depthwise_conv2d_s8_params *p, const int8_t *plane, int32_t top, int32_t left, uint32_t channel) {
    int32_t sum = p->bias[channel];
    const int8_t *weights = p->weights + channel;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t y = top + (int32_t)(ky * p->dilation_h);
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t x = left + (int32_t)(kx * p->dilation_w);
            const int inside = y >= 0 && y < p->input_h && x >= 0 && x < p->input_w;
            sum += (inside ? (int32_t)plane[y * p->input_w + x] : p->input_zero_point) * *weights;
            weights += p->output_c;
        }
    }
    return sum;
}

void ec_depthwise_conv2d_s8_in_place(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    int8_t *plane = (int8_t *)scratch;
    const uint32_t pixels = (uint32_t)params->input_h * params->input_w;
    for (uint32_t channel = 0; channel < params->output_c; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            plane[pixel] = input[pixel * params->input_c + channel];
        }
        int8_t *written = output + channel;
        for (int32_t oy = 0; oy < params->output_h; oy++) {
            for (int32_t ox = 0; ox < params->output_w; ox++) {
                const int32_t sum =
                    accumulate(params, plane, oy * params->stride_h - params->pad_top, ox * params->stride_w - params->pad_left, channel);
                *written = ec_requantize(sum, params->multiplier[channel], params->shift, params->output_zero_point, params->clamp_min,
                                         params->clamp_max);
                written += params->output_c;
            }
        }
    }
}
