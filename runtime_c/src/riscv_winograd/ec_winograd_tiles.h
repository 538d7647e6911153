/* ec_winograd_tiles.h - what four tiles side by side read, gathered and transformed. */
#ifndef EC_WINOGRAD_TILES_H
#define EC_WINOGRAD_TILES_H

#include <stdint.h>
#include <string.h>

#include "ec_blocks.h"
#include "ec_conv2d_s8.h"
#include "ec_requantize.h"
#include "ec_winograd_transform.h"

/* The part of a window that lies inside the input. */
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
} ec_winograd_inside;

/* Copies up to four channels of the inside. */
static inline void ec_winograd_fill_window(const ec_conv2d_s8_params *p, const ec_winograd_inside *in, const int8_t *input,
                                           uint32_t channels, int8_t *window) {
    const int32_t step = p->input_c;
    const int32_t row_step = p->input_w * step;
    for (int32_t row = in->top; row < in->bottom; row++) {
        int8_t *to = window + row * EC_WINOGRAD_WINDOW_ROW + in->left * EC_WINOGRAD_PIXEL;
        const int8_t *end = window + row * EC_WINOGRAD_WINDOW_ROW + in->right * EC_WINOGRAD_PIXEL;
        const int8_t *from = input;
        if (step % EC_WINOGRAD_PIXEL == 0) {
            for (; to != end; to += EC_WINOGRAD_PIXEL) {
                memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
                from += step;
            }
        } else {
            for (; to != end; to += EC_WINOGRAD_PIXEL) {
                for (uint32_t c = 0; c < channels; c++) {
                    to[c] = from[c];
                }
                from += step;
            }
        }
        input += row_step;
    }
}

/* Inputs of a window up to `span` above the zero point, 1 .. 255, become the zero point: four at a time where that is -128. */
static __attribute__((noinline)) void ec_winograd_force_zeros(int8_t *window, int32_t zero_point, uint32_t span) {
    const int8_t *end = window + EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_ROW;
    if (zero_point != -128) {
        for (; window != end; window++) {
            if ((uint32_t)(*window - zero_point) <= span) {
                *window = (int8_t)zero_point;
            }
        }
        return;
    }
    const uint32_t high = 0x80808080U;
    const uint32_t carry = (127U - (span & 127U)) * 0x01010101U; /* reaches bit 7 from what is above the span in the lower bits */
    uint32_t *word = (uint32_t *)__builtin_assume_aligned(window, 4);
    const uint32_t *last = word + EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_W;
    if (span > 127U) {
        for (; word != last; word++) {
            const uint32_t values = *word ^ high;
            const uint32_t kept = ((values & ~high) + carry) & values & high;
            *word = (values & (kept - (kept >> 7) + kept)) ^ high;
        }
        return;
    }
#pragma GCC unroll 4
    for (; word != last; word++) {
        const uint32_t values = *word ^ high;
        const uint32_t kept = (((values & ~high) + carry) | values) & high;
        *word = (values & (kept - (kept >> 7) + kept)) ^ high;
    }
}

/* The four tiles whose first output lies at (y, x), to [input_c][positions][EC_WINOGRAD_LANES]; `window` is room for
 * EC_WINOGRAD_WINDOW_H rows; `span`: of ec_winograd_force_zeros, or 0 for none; `zero_point`: of ec_winograd_transform_input. */
static void ec_winograd_transform_tiles(const ec_conv2d_s8_params *p, const int8_t *input, int32_t y, int32_t x, int8_t *window,
                                        uint32_t span, int32_t zero_point, int16_t *to) {
    const int32_t first_y = y - p->pad_top;
    const int32_t first_x = x - p->pad_left;
    const ec_winograd_inside in = {ec_clamp(-first_y, 0, EC_WINOGRAD_WINDOW_H), ec_clamp(p->input_h - first_y, 0, EC_WINOGRAD_WINDOW_H),
                                   ec_clamp(-first_x, 0, EC_WINOGRAD_WINDOW_W), ec_clamp(p->input_w - first_x, 0, EC_WINOGRAD_WINDOW_W)};
    if ((in.bottom - in.top) * (in.right - in.left) < EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_W) {
        memset(window, p->input_zero_point, EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_ROW);
    }
    const int32_t start = ((first_y + in.top) * p->input_w + first_x + in.left) * p->input_c;
    for (uint32_t c = 0; c < p->input_c; c += EC_WINOGRAD_PIXEL) {
        const uint32_t channels = ec_block(p->input_c, c, EC_WINOGRAD_PIXEL);
        if (in.left < in.right) {
            ec_winograd_fill_window(p, &in, input + start + c, channels, window);
        }
        if (span != 0) {
            ec_winograd_force_zeros(window, p->input_zero_point, span);
        }
        for (uint32_t i = 0; i < channels; i++) {
            ec_winograd_transform_input(window + i, zero_point, to);
            to += EC_WINOGRAD_POSITIONS * EC_WINOGRAD_LANES;
        }
    }
}

#endif
