/* Pixels are computed a tile at a time, a run of pixels of one row. What a tile reads is first brought together, column by column: a column
 * is the kernel_h inputs that lie above each other, so a window is kernel_w columns in a run, neighbouring windows share what they have
 * in common, and an input is copied kernel_h times rather than kernel_h * kernel_w times. Windows of one pixel are read where they are.
 *
 * Weights: [output_c][kernel_w][kernel_h][input_c / groups], a column at a time as well. The plan computes the size of scratch as
 * make_tiles does.
 */
#include "ec_conv2d_s8.h"

#include "ec_mve_pixels.h"
#include "ec_mve_runs.h"

#define STRIP_BYTES 2048U /* that a strip of columns may take, unless three pixels need more */

/* Where a tile's pixels lie and how its strip is laid out. */
typedef struct {
    const ec_conv2d_s8_params *p;
    ec_mve_runs rows; /* of a column: the group's channels of an input pixel */
    int8_t *strip;
    uint32_t column_size;
    uint32_t column_dilation;
    uint32_t pixels;     /* of a tile */
    uint32_t pixel_step; /* columns from one window to the next, in the strip */
    int shared;          /* whether windows overlap or touch: one strip of columns; else one strip a window */
} tiles;

static uint32_t fitting_pixels(const ec_conv2d_s8_params *p, uint32_t column_size, uint32_t pixel_step) {
    const uint32_t columns = STRIP_BYTES / column_size;
    const uint32_t fit = columns < p->kernel_w ? 0 : (columns - p->kernel_w) / pixel_step + 1U;
    const uint32_t trios = fit < EC_MVE_TRIO ? EC_MVE_TRIO : fit - fit % EC_MVE_TRIO;
    return trios < p->output_w && fit < p->output_w ? trios : p->output_w;
}

static tiles make_tiles(const ec_conv2d_s8_params *p, void *scratch) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    tiles t;
    t.p = p;
    t.strip = scratch;
    t.column_size = p->kernel_h * channels;
    t.rows = ec_mve_make_runs(channels, t.column_size);
    t.shared = p->dilation_w == 1 && p->stride_w <= p->kernel_w;
    t.pixel_step = t.shared ? p->stride_w : p->kernel_w;
    t.pixels = fitting_pixels(p, t.column_size, t.pixel_step);
    return t;
}

/* Columns from (y, x) on, `dilation` apart. */
static void fill_columns(const tiles *t, const int8_t *input, int32_t y, int32_t x, uint32_t count, uint32_t dilation, int8_t *to) {
    const ec_conv2d_s8_params *p = t->p;
    const int32_t step = (int32_t)dilation;
    const uint32_t source_step = dilation * p->input_c;
    uint32_t before = 0;
    uint32_t end = count;
    while (before < count && x + (int32_t)before * step < 0) {
        before++;
    }
    while (end > before && x + (int32_t)(end - 1U) * step >= p->input_w) {
        end--;
    }
    for (uint32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h, to += t->rows.size) {
        if (y < 0 || y >= p->input_h) {
            ec_mve_fill_runs(&t->rows, p->input_zero_point, to, count);
            continue;
        }
        const int8_t *from = input + ((uint32_t)y * p->input_w + (uint32_t)(x + (int32_t)before * step)) * p->input_c;
        ec_mve_fill_runs(&t->rows, p->input_zero_point, to, before);
        ec_mve_copy_runs(&t->rows, from, source_step, to + before * t->column_size, end - before);
        ec_mve_fill_runs(&t->rows, p->input_zero_point, to + end * t->column_size, count - end);
    }
}

static void fill_strip(const tiles *t, const int8_t *input, uint32_t oy, uint32_t ox, uint32_t pixels) {
    const ec_conv2d_s8_params *p = t->p;
    const int32_t y = (int32_t)(oy * p->stride_h) - p->pad_top;
    const int32_t x = (int32_t)(ox * p->stride_w) - p->pad_left;
    if (t->shared) {
        fill_columns(t, input, y, x, (pixels - 1U) * p->stride_w + p->kernel_w, 1, t->strip);
        return;
    }
    for (uint32_t i = 0; i < pixels; i++) {
        fill_columns(t, input, y, x + (int32_t)(i * p->stride_w), p->kernel_w, p->dilation_w, t->strip + i * p->kernel_w * t->column_size);
    }
}

static void compute_tiles(const tiles *t, const ec_mve_filters *filters, const int8_t *input, int8_t *output) {
    const ec_conv2d_s8_params *p = t->p;
    for (uint32_t oy = 0; oy < p->output_h; oy++) {
        for (uint32_t ox = 0; ox < p->output_w; ox += t->pixels) {
            const uint32_t left = p->output_w - ox;
            const uint32_t count = left < t->pixels ? left : t->pixels;
            const ec_mve_pixels pixels = {t->strip, t->pixel_step * t->column_size, output, p->output_c, count};
            fill_strip(t, input, oy, ox, count);
            ec_mve_compute_pixels(filters, &pixels);
            output += count * p->output_c;
        }
    }
}

/* Windows of one pixel, none in the padding. */
static void compute_in_place(const ec_conv2d_s8_params *p, const ec_mve_filters *filters, const int8_t *input, int8_t *output) {
    const int dense = p->stride_w == 1 && p->stride_h == 1 && p->output_w == p->input_w;
    ec_mve_pixels pixels = {input, (uint32_t)p->stride_w * p->input_c, output, p->output_c, p->output_w};
    if (dense) {
        pixels.count *= p->output_h;
    }
    for (uint32_t rows = dense ? 1 : p->output_h; rows > 0; rows--) {
        ec_mve_compute_pixels(filters, &pixels);
        pixels.input += (uint32_t)p->stride_h * p->input_w * p->input_c;
        pixels.output += (uint32_t)p->output_w * p->output_c;
    }
}

static int reads_pixels_in_place(const ec_conv2d_s8_params *p) {
    return p->kernel_h == 1 && p->kernel_w == 1 && p->pad_top == 0 && p->pad_left == 0 && (p->output_h - 1) * p->stride_h < p->input_h &&
           (p->output_w - 1) * p->stride_w < p->input_w;
}

void ec_conv2d_s8_arm_mve(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t channels = (uint32_t)params->input_c / params->groups;
    const tiles t = make_tiles(params, scratch);
    ec_mve_filters filters = {params->weights,
                              params->bias,
                              params->multiplier,
                              (uint32_t)params->output_c / params->groups,
                              (uint32_t)params->kernel_h * params->kernel_w * channels,
                              params->output_zero_point,
                              params->clamp_min,
                              params->clamp_max};
    for (uint32_t group = 0; group < params->groups; group++) {
        if (reads_pixels_in_place(params)) {
            compute_in_place(params, &filters, input, output);
        } else {
            compute_tiles(&t, &filters, input, output);
        }
        input += channels;
        output += filters.channels;
        filters.weights += filters.channels * filters.inputs;
        filters.bias += filters.channels;
        filters.multiplier += filters.channels;
    }
}
