/* ec_depthwise_direct.h - depthwise convolution that reads inputs where they lie: any stride and dilation, one filter a channel. */
#ifndef EC_DEPTHWISE_DIRECT_H
#define EC_DEPTHWISE_DIRECT_H

#include <stddef.h>

#include "ec_depthwise_tile.h"
#include "ec_lanes.h"

/* Offsets, from the input's first byte, of what each tap of the window reads; taps outside read `padding`. */
static inline void ec_find_taps(const ec_depthwise_conv2d_s8_params *p, int32_t y0, int32_t x0, ptrdiff_t padding, ptrdiff_t *taps) {
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        const int32_t y = y0 + ky * p->dilation_h;
        int32_t x = x0;
        for (int32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t inside = y >= 0 && y < p->input_h && x >= 0 && x < p->input_w;
            *taps++ = inside ? (y * p->input_w + x) * p->input_c : padding;
            x += p->dilation_w;
        }
    }
}

/* Every output of one window, four channels at a time; the last four may overlap those before. */
__attribute__((noinline)) static void ec_four_by_four(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, const ptrdiff_t *taps,
                                                      const ptrdiff_t *end, int8_t *output) {
    const int32_t channels = p->output_c;
    const int32_t shift = p->shift;
    const int32_t zero_point = p->output_zero_point;
    for (int32_t first = 0; first < channels; first += 4) {
        const int32_t c = first < channels - 4 ? first : channels - 4;
        const int32_t *bias = p->bias + c;
        const int32_t *multiplier = p->multiplier + c;
        const int8_t *from = input + c;
        const int8_t *weights = p->weights + c;
        const ptrdiff_t *tap = taps;
        int8_t *to = output + c;
        int32_t a0 = bias[0];
        int32_t a1 = bias[1];
        int32_t a2 = bias[2];
        int32_t a3 = bias[3];
        uint32_t x, w, x_even, w_even;
        __asm__ volatile("1:\n\t"
                         "ldr %[x], [%[tap]], #4\n\t"
                         "ldr %[w], [%[weights]]\n\t"
                         "ldr %[x], [%[from], %[x]]\n\t"
                         "add %[weights], %[weights], %[channels]\n\t"
                         "sxtb16 %[w_even], %[w]\n\t"
                         "sxtb16 %[w], %[w], ror #8\n\t"
                         "sxtb16 %[x_even], %[x]\n\t"
                         "sxtb16 %[x], %[x], ror #8\n\t"
                         "smlabb %[a0], %[x_even], %[w_even], %[a0]\n\t"
                         "smlatt %[a2], %[x_even], %[w_even], %[a2]\n\t"
                         "smlabb %[a1], %[x], %[w], %[a1]\n\t"
                         "smlatt %[a3], %[x], %[w], %[a3]\n\t"
                         "ldr %[w], %[end]\n\t"
                         "cmp %[tap], %[w]\n\t"
                         "bne 1b"
                         : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [x] "=&r"(x), [w] "=&r"(w), [x_even] "=&r"(x_even),
                           [w_even] "=&r"(w_even), [tap] "+r"(tap), [weights] "+r"(weights)
                         : [from] "r"(from), [end] "m"(end), [channels] "r"(channels)
                         : "cc", "memory");
        to[0] = ec_saturate(ec_rescale((int32_t)((uint32_t)a0 << shift), 2 * multiplier[0], zero_point));
        to[1] = ec_saturate(ec_rescale((int32_t)((uint32_t)a1 << shift), 2 * multiplier[1], zero_point));
        to[2] = ec_saturate(ec_rescale((int32_t)((uint32_t)a2 << shift), 2 * multiplier[2], zero_point));
        to[3] = ec_saturate(ec_rescale((int32_t)((uint32_t)a3 << shift), 2 * multiplier[3], zero_point));
    }
}

static inline void ec_one_channel(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, const ptrdiff_t *taps, const ptrdiff_t *end,
                                  uint32_t c, int8_t *output) {
    const int8_t *weights = p->weights + c;
    int32_t sum = p->bias[c];
    do {
        sum += input[*taps++ + (ptrdiff_t)c] * *weights;
        weights += p->output_c;
    } while (taps != end);
    output[c] = ec_saturate(ec_rescale((int32_t)((uint32_t)sum << p->shift), 2 * p->multiplier[c], p->output_zero_point));
}

/* One tap, every input read once: a scale and a bias a channel. Saturated, not clamped. */
static inline void ec_scale_channels(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output) {
    const uint32_t channels = p->output_c;
    const uint32_t size = (uint32_t)p->output_h * p->output_w * channels;
    for (uint32_t c = 0; c < channels; c++) {
        const int32_t weight = p->weights[c] * (1 << p->shift);
        const int32_t bias = (int32_t)((uint32_t)p->bias[c] << p->shift);
        const int32_t twice_multiplier = 2 * p->multiplier[c];
        const int32_t zero_point = p->output_zero_point;
        for (uint32_t i = c; i < size; i += channels) {
            output[i] = ec_saturate(ec_rescale(bias + input[i] * weight, twice_multiplier, zero_point));
        }
    }
}

/* Saturated, not clamped. Scratch: an offset a tap, then a padding byte a channel. */
static inline void ec_depthwise_direct(const ec_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output, void *scratch) {
    if (ec_is_one_tap(p)) {
        ec_scale_channels(p, input, output);
        return;
    }
    ptrdiff_t *taps = scratch;
    ptrdiff_t *end = taps + p->kernel_h * p->kernel_w;
    int8_t *padding = (int8_t *)end;
    memset(padding, p->input_zero_point, p->input_c);
    for (int32_t oy = 0; oy < p->output_h; oy++) {
        for (int32_t ox = 0; ox < p->output_w; ox++) {
            ec_find_taps(p, oy * p->stride_h - p->pad_top, ox * p->stride_w - p->pad_left, padding - input, taps);
            if (p->output_c < 4) {
                for (uint32_t c = 0; c < p->output_c; c++) {
                    ec_one_channel(p, input, taps, end, c, output);
                }
            } else {
                ec_four_by_four(p, input, taps, end, output);
            }
            output += p->output_c;
        }
    }
}

#endif
