#include "ec_conv2d_early_s8.h"

#include "ec_requantize.h"

/* The inputs of one output position less the zero point, [groups][kernel_h][kernel_w][input_c / groups]; 0 outside the image. */
static void gather(const ec_conv2d_early_s8_params *p, const int8_t *input, int32_t top, int32_t left, uint8_t *patch) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    for (uint32_t group = 0; group < p->groups; group++) {
        int32_t y = top;
        for (uint32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
            int32_t x = left;
            for (uint32_t kx = 0; kx < p->kernel_w; kx++, x += p->dilation_w) {
                const int inside = y >= 0 && y < p->input_h && x >= 0 && x < p->input_w;
                const uint32_t at = inside ? ((uint32_t)y * p->input_w + (uint32_t)x) * p->input_c + group * channels : 0;
                for (uint32_t c = 0; c < channels; c++) {
                    const int32_t value = inside ? input[at + c] - p->input_zero_point : 0;
                    *patch++ = (uint8_t)(value < 0 ? 0 : value);
                }
            }
        }
    }
}

static int32_t product(const uint8_t *patch, const int8_t *weights, uint32_t tap) { return (int32_t)patch[tap] * weights[tap]; }

static int8_t output_of(const ec_conv2d_early_s8_params *p, const uint8_t *patch, uint32_t taps, uint32_t oc) {
    const int8_t *weights = p->weights + oc * taps;
    const uint16_t *order = p->order + oc * taps;
    const uint32_t prefix = p->prefix[oc];
    const uint32_t falls_from = p->falls_from[oc];
    const uint32_t rises_from = p->rises_from[oc];
    const uint32_t certain_from = falls_from < rises_from ? falls_from : rises_from;
    int32_t sum = p->start[oc];
    uint32_t done = 0;
    for (; done < prefix; done++) {
        sum += product(patch, weights, order[done]);
    }
    if (prefix > 0 && sum <= p->thresholds[oc]) {
        return p->output_zero_point;
    }
    for (; done < certain_from; done++) {
        sum += product(patch, weights, order[done]);
    }
    for (; done < taps; done++) {
        if (done >= falls_from && sum <= p->lowest[oc]) {
            return p->clamp_min;
        }
        if (done >= rises_from && sum >= p->highest[oc]) {
            return p->clamp_max;
        }
        sum += product(patch, weights, order[done]);
    }
    return ec_requantize(sum, p->multiplier[oc], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
}

void ec_conv2d_early_s8(const ec_conv2d_early_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t taps = (uint32_t)params->kernel_h * params->kernel_w * ((uint32_t)params->input_c / params->groups);
    const uint32_t group_outputs = (uint32_t)params->output_c / params->groups;
    uint8_t *patch = (uint8_t *)scratch;
    for (int32_t oy = 0; oy < params->output_h; oy++) {
        for (int32_t ox = 0; ox < params->output_w; ox++) {
            gather(params, input, oy * params->stride_h - params->pad_top, ox * params->stride_w - params->pad_left, patch);
            for (uint32_t oc = 0; oc < params->output_c; oc++) {
                *output++ = output_of(params, patch + oc / group_outputs * taps, taps, oc);
            }
        }
    }
}
