#include "ec_conv2d_s8.h"

#include "ec_requantize.h"

/* Sum over one input row segment of `count` channels. */
static int32_t dot(const int8_t *input, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (int32_t)input[i] * weights[i];
    }
    return sum;
}

/* A tap in the padding reads input_zero_point in every channel. */
static int32_t padding(int32_t zero_point, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    return zero_point * sum;
}

static int32_t accumulate(const ec_conv2d_s8_params *p, const int8_t *input, uint32_t oy, uint32_t ox, uint32_t oc) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t first_channel = oc / ((uint32_t)p->output_c / p->groups) * channels;
    const int8_t *weights = p->weights + oc * p->kernel_h * p->kernel_w * channels;
    int32_t sum = p->bias[oc];
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t y = (int32_t)(oy * p->stride_h + ky * p->dilation_h) - p->pad_top;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t x = (int32_t)(ox * p->stride_w + kx * p->dilation_w) - p->pad_left;
            if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
                const uint32_t pixel = (uint32_t)y * p->input_w + (uint32_t)x;
                sum += dot(input + pixel * p->input_c + first_channel, weights, channels);
            } else {
                sum += padding(p->input_zero_point, weights, channels);
            }
            weights += channels;
        }
    }
    return sum;
}

void ec_conv2d_s8(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    (void)scratch;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            for (uint32_t oc = 0; oc < params->output_c; oc++) {
                const int32_t sum = accumulate(params, input, oy, ox, oc);
                *output++ = ec_requantize(sum, params->multiplier[oc], params->shift, params->output_zero_point, params->clamp_min,
                                          params->clamp_max);
            }
        }
    }
}
