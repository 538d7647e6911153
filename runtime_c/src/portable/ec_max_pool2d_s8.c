#include "ec_max_pool2d_s8.h"

#include "ec_requantize.h"

static void raise_to(const int8_t *restrict pixel, int8_t *restrict best, uint32_t channels) {
    for (uint32_t c = 0; c < channels; c++) {
        best[c] = pixel[c] > best[c] ? pixel[c] : best[c];
    }
}

static void largest(const ec_max_pool2d_s8_params *p, const int8_t *input, uint32_t oy, uint32_t ox, int8_t *best) {
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t y = (int32_t)(oy * p->stride_h + ky * p->dilation_h) - p->pad_top;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t x = (int32_t)(ox * p->stride_w + kx * p->dilation_w) - p->pad_left;
            if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
                const uint32_t pixel = (uint32_t)y * p->input_w + (uint32_t)x;
                raise_to(input + pixel * p->input_c, best, p->input_c);
            }
        }
    }
}

void ec_max_pool2d_s8(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            for (uint32_t c = 0; c < params->input_c; c++) {
                output[c] = INT8_MIN;
            }
            largest(params, input, oy, ox, output);
            for (uint32_t c = 0; c < params->input_c; c++) {
                output[c] = (int8_t)ec_clamp(output[c], params->clamp_min, params->clamp_max);
            }
            output += params->input_c;
        }
    }
}
