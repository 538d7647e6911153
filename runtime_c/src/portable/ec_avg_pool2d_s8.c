#include "ec_avg_pool2d_s8.h"

#include "ec_blocks.h"
#include "ec_requantize.h"

#define BLOCK 32U /* channels accumulated at a time */

/* The taps of a window along one axis that lie within a range: from `begin` on, up to but without `end`. */
typedef struct {
    int32_t begin;
    int32_t end;
} taps;

typedef struct {
    int32_t y; /* where the window's first tap lies, may be negative */
    int32_t x;
    taps rows; /* inside the input */
    taps columns;
} window;

/* Taps first, first + dilation, ... that lie in 0 .. size - 1. */
static taps taps_within(int32_t first, int32_t kernel, int32_t dilation, int32_t size) {
    taps inside = {0, kernel};
    while (inside.begin < kernel && first + inside.begin * dilation < 0) {
        inside.begin++;
    }
    while (inside.end > inside.begin && first + (inside.end - 1) * dilation >= size) {
        inside.end--;
    }
    return inside;
}

static uint32_t count(taps rows, taps columns) { return (uint32_t)(rows.end - rows.begin) * (uint32_t)(columns.end - columns.begin); }

static uint32_t divisor(const ec_avg_pool2d_s8_params *p, const window *w) {
    if (!p->count_include_pad) {
        return count(w->rows, w->columns);
    }
    const int32_t padded_h = p->pad_top + p->input_h + p->pad_bottom;
    const int32_t padded_w = p->pad_left + p->input_w + p->pad_right;
    return count(taps_within(w->y + p->pad_top, p->kernel_h, p->dilation_h, padded_h),
                 taps_within(w->x + p->pad_left, p->kernel_w, p->dilation_w, padded_w));
}

/* sums[c] += every tap of `channels` channels from `first` on. */
static void accumulate(const ec_avg_pool2d_s8_params *p, const window *w, const int8_t *input, uint32_t first, uint32_t channels,
                       int32_t *sums) {
    for (int32_t ky = w->rows.begin; ky < w->rows.end; ky++) {
        for (int32_t kx = w->columns.begin; kx < w->columns.end; kx++) {
            const uint32_t y = (uint32_t)(w->y + ky * p->dilation_h);
            const uint32_t x = (uint32_t)(w->x + kx * p->dilation_w);
            const int8_t *pixel = input + (y * p->input_w + x) * p->input_c + first;
            for (uint32_t c = 0; c < channels; c++) {
                sums[c] += pixel[c];
            }
        }
    }
}

static void average(const ec_avg_pool2d_s8_params *p, const window *w, const int8_t *input, int8_t *output) {
    const int32_t multiplier = p->multiplier[divisor(p, w) - p->smallest_count];
    const int32_t offset = (int32_t)count(w->rows, w->columns) * p->input_zero_point;
    for (uint32_t first = 0; first < p->input_c; first += BLOCK) {
        const uint32_t channels = ec_block(p->input_c, first, BLOCK);
        int32_t sums[BLOCK] = {0};
        accumulate(p, w, input, first, channels, sums);
        for (uint32_t c = 0; c < channels; c++) {
            *output++ = ec_requantize(sums[c] - offset, multiplier, p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_avg_pool2d_s8(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        window w;
        w.y = (int32_t)(oy * params->stride_h) - params->pad_top;
        w.rows = taps_within(w.y, params->kernel_h, params->dilation_h, params->input_h);
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            w.x = (int32_t)(ox * params->stride_w) - params->pad_left;
            w.columns = taps_within(w.x, params->kernel_w, params->dilation_w, params->input_w);
            average(params, &w, input, output);
            output += params->input_c;
        }
    }
}
